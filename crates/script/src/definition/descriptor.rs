//! The descriptor as people write it.

use std::collections::BTreeSet;
use std::time::Duration;

use austin_adapter_api::{
    Batching, Capabilities, Descriptor, Field, FieldKind, Price, PriceUnit, VendorLimits,
};
use austin_domain::quota::NumberRule;
use austin_domain::{Channel, Class};
use url::Url;

use super::Kind;
use crate::node::Node;

const FIELDS: &[&str] = &[
    "title",
    "channels",
    "documentation",
    "settings",
    "secrets",
    "batching",
    "capabilities",
    "limits",
    "price",
];

/// Reads a descriptor; `None` when a fault was noted.
pub(super) fn read(name: &str, kind: Kind, node: &Node<'_>) -> Option<Descriptor> {
    let fields: Vec<&str> = match kind {
        Kind::Script => FIELDS.to_vec(),
        // Declared by the sections that are there.
        Kind::Declarative => FIELDS
            .iter()
            .copied()
            .filter(|field| *field != "capabilities")
            .collect(),
    };
    node.object(&fields)?;
    let title = node
        .need("title")
        .and_then(|node| node.text().map(str::to_owned));
    let channels = node.need("channels").and_then(|node| channels(&node));
    let documentation = node
        .need("documentation")
        .and_then(|node| web_address(&node).map(str::to_owned));
    let settings = node
        .get("settings")
        .map_or_else(Vec::new, |node| form(&node));
    let secrets = node
        .get("secrets")
        .map_or_else(Vec::new, |node| form(&node));
    let batching = node.get("batching").map_or(
        Some(Batching {
            max_recipients: 1,
            same_content: false,
        }),
        |node| batching(&node),
    );
    let capabilities = match kind {
        Kind::Script => node
            .get("capabilities")
            .map_or_else(Capabilities::default, |node| capabilities(&node)),
        Kind::Declarative => Capabilities::default(),
    };
    let limits = node
        .get("limits")
        .map_or_else(VendorLimits::default, |node| limits(&node));
    let price = node.get("price").and_then(|node| price(&node));
    Some(Descriptor {
        name: name.to_owned(),
        title: title?,
        channels: channels?,
        documentation: documentation?,
        settings,
        secrets,
        batching: batching?,
        capabilities,
        limits,
        price,
        codes: Vec::new(),
    })
}

fn channels(node: &Node<'_>) -> Option<Vec<Channel>> {
    let mut channels = Vec::new();
    for element in node.elements() {
        match element.text()?.parse::<Channel>() {
            Ok(channel) => channels.push(channel),
            Err(error) => element.fault("not_a_choice", error.to_string()),
        }
    }
    if channels.is_empty() {
        node.fault("empty", "must name at least one channel");
        return None;
    }
    Some(channels)
}

fn web_address<'a>(node: &Node<'a>) -> Option<&'a str> {
    let text = node.text()?;
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(text),
        _ => {
            node.fault("bad_url", "must be an absolute http or https URL");
            None
        }
    }
}

fn form(node: &Node<'_>) -> Vec<Field> {
    let mut seen = BTreeSet::new();
    let mut fields = Vec::new();
    for element in node.elements() {
        let Some(field) = field(&element) else {
            continue;
        };
        if !seen.insert(field.name.clone()) {
            element.fault("duplicate", format!("there are two fields {}", field.name));
        }
        fields.push(field);
    }
    fields
}

fn field(node: &Node<'_>) -> Option<Field> {
    node.object(&["name", "kind", "required", "default", "help"])?;
    let name = node.need("name").and_then(|node| {
        let name = node.text()?;
        let good = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !good {
            node.fault(
                "bad_name",
                "must be snake case: a-z, 0-9 and _, a letter first",
            );
        }
        good.then(|| name.to_owned())
    });
    let kind = node
        .get("kind")
        .map_or(Some(FieldKind::Text), |node| field_kind(&node));
    let required = node
        .get("required")
        .is_some_and(|node| node.flag() == Some(true));
    let default = node
        .get("default")
        .and_then(|node| node.text().map(str::to_owned));
    if required && default.is_some() {
        node.fault("contradiction", "a required field has no default");
    }
    let help = node
        .need("help")
        .and_then(|node| node.text().map(str::to_owned));
    Some(Field {
        name: name?,
        kind: kind?,
        required,
        default,
        help: help?,
    })
}

fn field_kind(node: &Node<'_>) -> Option<FieldKind> {
    if node.value().is_string() {
        return match node.choice(&["text", "url", "boolean", "integer"])? {
            "text" => Some(FieldKind::Text),
            "url" => Some(FieldKind::Url),
            "boolean" => Some(FieldKind::Boolean),
            _ => Some(FieldKind::Integer {
                min: 0,
                max: 1_000_000_000,
            }),
        };
    }
    node.object(&["integer", "choice"])?;
    if let Some(range) = node.get("integer") {
        range.object(&["min", "max"])?;
        let bound = |name| range.need(name)?.integer(i64::MIN, i64::MAX);
        let (min, max) = (bound("min")?, bound("max")?);
        if min > max {
            range.fault("out_of_range", "min is greater than max");
            return None;
        }
        return Some(FieldKind::Integer { min, max });
    }
    let words = node.need("choice")?.texts();
    if words.is_empty() {
        node.fault("empty", "must offer at least one choice");
        return None;
    }
    Some(FieldKind::Choice(words))
}

fn batching(node: &Node<'_>) -> Option<Batching> {
    node.object(&["max_recipients", "same_content"])?;
    Some(Batching {
        max_recipients: node
            .need("max_recipients")?
            .integer(1, 1_000)
            .and_then(|most| u16::try_from(most).ok())?,
        same_content: node
            .get("same_content")
            .is_some_and(|node| node.flag() == Some(true)),
    })
}

fn capabilities(node: &Node<'_>) -> Capabilities {
    const NAMES: &[&str] = &[
        "receipts",
        "receipts_signed",
        "recall",
        "query",
        "pull",
        "balance",
        "failures_only",
        "needs_vendor_template",
        "needs_sign",
    ];
    let _ = node.object(NAMES);
    let can = |name| node.get(name).is_some_and(|node| node.flag() == Some(true));
    Capabilities {
        receipts: can("receipts"),
        receipts_signed: can("receipts_signed"),
        recall: can("recall"),
        query: can("query"),
        pull: can("pull"),
        balance: can("balance"),
        failures_only: can("failures_only"),
        needs_vendor_template: can("needs_vendor_template"),
        needs_sign: can("needs_sign"),
    }
}

fn limits(node: &Node<'_>) -> VendorLimits {
    let _ = node.object(&["per_second", "concurrency", "per_number"]);
    VendorLimits {
        per_second: node
            .get("per_second")
            .and_then(|node| node.integer(1, 1_000_000))
            .and_then(|count| u32::try_from(count).ok()),
        concurrency: node
            .get("concurrency")
            .and_then(|node| node.integer(1, 10_000))
            .and_then(|count| u16::try_from(count).ok()),
        per_number: node.get("per_number").map_or_else(Vec::new, |node| {
            node.elements().iter().filter_map(number_rule).collect()
        }),
    }
}

fn number_rule(node: &Node<'_>) -> Option<NumberRule> {
    node.object(&["class", "count", "window"])?;
    let class = match node.get("class") {
        None => None,
        Some(node) => match node.text()?.parse::<Class>() {
            Ok(class) => Some(class),
            Err(error) => {
                node.fault("not_a_choice", error.to_string());
                return None;
            }
        },
    };
    Some(NumberRule {
        class,
        count: node
            .need("count")?
            .integer(1, 1_000_000)
            .and_then(|count| u32::try_from(count).ok())?,
        window: node.need("window").and_then(|node| duration(&node))?,
    })
}

/// A duration such as `30s`, `5m`, `1h`, `1d`.
pub(crate) fn duration(node: &Node<'_>) -> Option<Duration> {
    let text = node.text()?;
    let seconds = |unit| match unit {
        "s" => Some(1_u64),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let found = digits
        .parse::<u32>()
        .ok()
        .filter(|count| *count > 0)
        .zip(seconds(&text[digits.len()..]))
        .map(|(count, unit)| Duration::from_secs(u64::from(count) * unit));
    if found.is_none() {
        node.fault(
            "bad_duration",
            "must be a number and s, m, h or d, such as 5m",
        );
    }
    found
}

fn price(node: &Node<'_>) -> Option<Price> {
    node.object(&["currency", "amount", "per"])?;
    let currency = node.need("currency").and_then(|node| {
        let text = node.text()?;
        let good = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !good {
            node.fault("bad_currency", "must be an ISO 4217 code such as CNY");
        }
        good.then(|| text.to_owned())
    });
    let amount = node.need("amount").and_then(|node| {
        let amount = crate::decimal::ten_thousandths(node.text()?);
        if amount.is_none() {
            node.fault(
                "bad_amount",
                "must be text such as \"0.045\", at most four decimals",
            );
        }
        amount
    });
    let per = node
        .need("per")
        .and_then(|node| node.choice(&["message", "segment"]))
        .map(|word| match word {
            "message" => PriceUnit::Message,
            _ => PriceUnit::Segment,
        });
    Some(Price {
        currency: currency?,
        amount: amount?,
        per: per?,
    })
}
