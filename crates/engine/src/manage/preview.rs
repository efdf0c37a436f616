//! What a template would say, without sending it.

use std::collections::BTreeSet;

use austin_adapter_api::descriptor::PriceUnit;
use austin_domain::segments::{self, Encoding, Segments};
use austin_domain::template::render::Compiled;
use austin_domain::template::text::Text;
use austin_domain::template::{Version, check};
use austin_domain::{Channel, Content, address};
use serde_json::{Map, Value};

use super::faults::Faults;
use super::{Registrar, language, missing};
use crate::refusal::{FieldFault, Refusal, RefusalCode};

/// What to preview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewRequest {
    /// The version; the current one when not given.
    pub version: Option<u32>,
    /// Values; the examples of the template when not given.
    pub vars: Option<Map<String, Value>>,
    /// A recipient, to count segments by the rule of their country.
    pub to: Option<String>,
    /// The language, in any spelling.
    pub locale: Option<String>,
}

/// What a template would say.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The version.
    pub version: u32,
    /// The words.
    pub content: Content,
    /// The variables that stand in them, by name.
    pub variables: Vec<String>,
    /// SMS: the parts it is billed as, per signature and rule.
    pub segments: Vec<SegmentCount>,
    /// Which of the version's languages it is in; `None`: the default words.
    pub locale: Option<String>,
    /// What one message costs at the accounts whose vendors state a list price.
    pub prices: Vec<PriceQuote>,
}

/// What one message costs at an account, by its vendor's list price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceQuote {
    /// The account.
    pub account: String,
    /// ISO 4217 currency.
    pub currency: String,
    /// For one unit, in 10⁻⁴ of the currency unit.
    pub each: i64,
    /// `message` or `segment`.
    pub per: &'static str,
    /// Units.
    pub units: u16,
    /// For the message, in 10⁻⁴ of the currency unit.
    pub total: i64,
}

/// The parts an SMS is billed as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCount {
    /// The account whose signature is counted in; `None` for no signature.
    pub account: Option<String>,
    /// The signature.
    pub sign: Option<String>,
    /// `mainland` or `international`; see [`austin_domain::segments`].
    pub rule: &'static str,
    /// `gsm7` or `ucs2`.
    pub encoding: &'static str,
    /// Septets or UTF-16 units, signature included.
    pub units: u32,
    /// Parts billed.
    pub count: u16,
}

impl Registrar<'_> {
    /// Renders a template with the given values or its examples.
    ///
    /// # Errors
    /// `not_found`; every variable at fault (`/vars/…`).
    pub fn preview(
        &self,
        key: &str,
        default_region: Option<&str>,
        request: &PreviewRequest,
    ) -> Result<Preview, Refusal> {
        let entry = self.template(key)?;
        let version = match request.version {
            None => entry.current(),
            Some(number) => entry.version(number),
        }
        .ok_or_else(|| missing("version of template", key))?;
        let vars = match &request.vars {
            None => check::examples(version),
            Some(given) => check::vars(version, given, &Map::new()).map_err(vars_refusal)?,
        };
        let channel = entry.template.channel;
        let to = recipient(channel, request.to.as_deref(), default_region)?;
        let wanted = language(request.locale.as_deref()).map_err(|detail| {
            Refusal::fields(vec![FieldFault::new("/locale", "invalid_locale", detail)])
        })?;
        let locale = version.locale(wanted.as_deref());
        let content = Compiled::new(version)
            .map_err(|(field, error)| broken(&format!("{field}: {error}")))?
            .render_in(locale, &vars)
            .map_err(|name| broken(&format!("variable {name} has no value")))?;
        let segments = match (&content, channel) {
            (Content::Text { text }, Channel::Sms) => {
                self.segments(version, (locale, text), to.as_deref())
            }
            _ => Vec::new(),
        };
        Ok(Preview {
            version: version.number,
            prices: self.prices(channel, &segments),
            locale: locale.map(str::to_owned),
            content,
            variables: used(version).into_iter().collect(),
            segments,
        })
    }

    /// What one message costs where the vendor states a price.
    fn prices(&self, channel: Channel, segments: &[SegmentCount]) -> Vec<PriceQuote> {
        let snapshot = self.catalog.snapshot();
        let accounts = snapshot.account_ids.keys();
        let mut quotes: Vec<PriceQuote> = accounts
            .filter_map(|key| {
                let account = snapshot.account(key).filter(|one| one.channel == channel)?;
                let adapter = self.adapters.get(&account.adapter)?;
                let price = adapter.descriptor().price.as_ref()?;
                let of = |name: Option<&str>| {
                    let mut counts = segments.iter();
                    counts.find(|one| one.account.as_deref() == name)
                };
                let (per, units) = match price.per {
                    PriceUnit::Message => ("message", 1),
                    PriceUnit::Segment => {
                        let counted = of(Some(key)).or_else(|| of(None)).or(segments.first());
                        ("segment", counted.map_or(1, |one| one.count))
                    }
                };
                Some(PriceQuote {
                    account: key.clone(),
                    currency: price.currency.clone(),
                    each: price.amount,
                    per,
                    units,
                    total: price.amount.saturating_mul(i64::from(units)),
                })
            })
            .collect();
        quotes.sort_by(|a, b| a.account.cmp(&b.account));
        quotes
    }

    fn segments(
        &self,
        version: &Version,
        (locale, text): (Option<&str>, &str),
        to: Option<&str>,
    ) -> Vec<SegmentCount> {
        let snapshot = self.catalog.snapshot();
        let known: Vec<(&str, Option<String>)> = version
            .vendor_templates
            .keys()
            .map(|account| {
                let vendor = version.vendor_template(account, locale);
                let sign = vendor.and_then(|vendor| vendor.sign.clone());
                (account.as_str(), sign)
            })
            .collect();
        let mut signs: Vec<(Option<&str>, Option<&str>)> = known
            .iter()
            .filter_map(|(account, sign)| Some((Some(*account), Some(sign.as_deref()?))))
            .collect();
        // Accounts may carry a signature of their own for templates that name none.
        let own = snapshot.account_ids.keys().filter_map(|key| {
            let account = snapshot.account(key)?;
            let sign = account.settings.get("sign_name")?.as_str()?;
            let named = known
                .iter()
                .any(|(account, sign)| *account == key.as_str() && sign.is_some());
            (account.channel == Channel::Sms && !named).then_some((Some(key.as_str()), Some(sign)))
        });
        signs.extend(own);
        signs.sort_unstable();
        if signs.is_empty() {
            signs.push((None, None));
        }
        signs
            .into_iter()
            .flat_map(|(account, sign)| counts(account, sign, text, to))
            .collect()
    }
}

fn counts(
    account: Option<&str>,
    sign: Option<&str>,
    text: &str,
    to: Option<&str>,
) -> Vec<SegmentCount> {
    let count = |rule, segments: Segments| SegmentCount {
        account: account.map(str::to_owned),
        sign: sign.map(str::to_owned),
        rule,
        encoding: match segments.encoding {
            Encoding::Gsm7 => "gsm7",
            Encoding::Ucs2 => "ucs2",
        },
        units: segments.units,
        count: segments.count,
    };
    // Any number abroad: the rule depends on nothing but the country code.
    const ABROAD: &str = "+1";
    match to {
        Some(to) if to.starts_with("+86") => {
            vec![count("mainland", segments::for_recipient(to, sign, text))]
        }
        Some(to) => vec![count(
            "international",
            segments::for_recipient(to, sign, text),
        )],
        None => vec![
            count("mainland", segments::mainland(sign, text)),
            count("international", segments::for_recipient(ABROAD, sign, text)),
        ],
    }
}

fn recipient(
    channel: Channel,
    to: Option<&str>,
    default_region: Option<&str>,
) -> Result<Option<String>, Refusal> {
    let Some(to) = to else { return Ok(None) };
    address::normalise(channel, to, default_region)
        .map(Some)
        .map_err(|error| {
            let mut faults = Faults::default();
            faults.add("/to", "invalid_recipient", error.to_string());
            faults
                .into_result()
                .err()
                .unwrap_or_else(|| broken("recipient"))
        })
}

fn used(version: &Version) -> BTreeSet<String> {
    let texts: Vec<&str> = match &version.content {
        Content::Text { text } => vec![text],
        Content::Email {
            subject,
            html,
            text,
        } => [Some(subject), html.as_ref(), text.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
        Content::Payload { body } => vec![body],
    };
    texts
        .into_iter()
        .filter_map(|text| Text::parse(text).ok())
        .flat_map(|text| {
            text.variables()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn vars_refusal(faults: Vec<check::Fault>) -> Refusal {
    Refusal::fields(
        faults
            .into_iter()
            .map(|fault| {
                FieldFault::new(format!("/vars{}", fault.pointer), fault.code, fault.detail)
            })
            .collect(),
    )
}

fn broken(detail: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Conflict,
        format!("this version cannot be rendered: {detail}"),
    )
}
