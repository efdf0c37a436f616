//! Receipts, posted by the vendor or pulled from it.

use austin_adapter_api::{Inbound, Outcome, Receipt, Receipts, Refused};
use austin_domain::Timestamp;
use http::StatusCode;
use jiff::tz::Offset;
use serde_json::Value;

use super::document::{Format, Pointer, text};
use super::template::{Escape, Names, Place, Scope, Template};
use crate::instant;
use crate::node::Node;
use crate::shape::{ANSWER_TYPES, query};

/// Where the facts of receipts stand.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    list: Pointer,
    key: Vec<Pointer>,
    reference: Option<Pointer>,
    code: Pointer,
    detail: Option<Pointer>,
    at: Option<At>,
    segments: Option<Pointer>,
    delivered: Vec<String>,
    pending: Vec<String>,
    undelivered: Vec<String>,
    unlisted: Outcome,
}

/// The fields of a mapping.
pub(super) const MAPPING_FIELDS: &[&str] = &[
    "list",
    "key",
    "reference",
    "code",
    "detail",
    "at",
    "segments",
    "delivered",
    "pending",
    "undelivered",
    "unlisted",
];

#[derive(Clone, Debug)]
struct At {
    field: Pointer,
    format: String,
    offset: Offset,
}

/// Receipts that the vendor posts.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    from: From,
    mapping: Mapping,
    proof: Option<(Template, Template)>,
    status: StatusCode,
    content_type: &'static str,
    body: String,
}

#[derive(Clone, Copy, Debug)]
enum From {
    Query,
    Body(Format),
}

impl Mapping {
    /// Reads a mapping from a node whose names were checked.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let texts = |name| node.get(name).map_or_else(Vec::new, |node| node.texts());
        let list = node
            .get("list")
            .map_or(Some(Pointer::whole()), |node| Pointer::read(&node));
        let key: Vec<Pointer> = match node.get("key") {
            None => Vec::new(),
            Some(node) if node.value().is_array() => {
                node.elements().iter().filter_map(Pointer::read).collect()
            }
            Some(node) => Pointer::read(&node).into_iter().collect(),
        };
        let reference = Pointer::field(node, "reference");
        if key.is_empty() && reference.is_none() {
            node.fault("required", "receipts are matched by key or by reference");
        }
        let code = node.need("code").and_then(|node| Pointer::read(&node));
        let at = node.get("at").and_then(|node| At::read(&node));
        let unlisted = node
            .need("unlisted")
            .and_then(|node| node.choice(&["delivered", "undelivered", "pending"]))
            .map(|word| match word {
                "delivered" => Outcome::Delivered,
                "pending" => Outcome::Pending,
                _ => Outcome::Undelivered,
            });
        let delivered = texts("delivered");
        if delivered.is_empty() {
            node.fault("required", "delivered must name the codes that say so");
        }
        Some(Self {
            list: list?,
            key,
            reference,
            code: code?,
            detail: Pointer::field(node, "detail"),
            at,
            segments: Pointer::field(node, "segments"),
            delivered,
            pending: texts("pending"),
            undelivered: texts("undelivered"),
            unlisted: unlisted?,
        })
    }

    /// The receipts of a document.
    ///
    /// # Errors
    /// A sentence on the first that cannot be read: none is taken then, so that the vendor
    /// sends them again.
    pub(super) fn receipts(&self, document: &Value) -> Result<Vec<Receipt>, String> {
        let list = self.list.list(document);
        list.iter().map(|entry| self.receipt(entry)).collect()
    }

    /// One receipt.
    ///
    /// # Errors
    /// A sentence on what is missing.
    pub(super) fn receipt(&self, entry: &Value) -> Result<Receipt, String> {
        let parts: Option<Vec<String>> = self.key.iter().map(|part| part.text(entry)).collect();
        let key = parts
            .filter(|parts| !parts.is_empty())
            .map(|parts| parts.join("/"));
        let reference = text(&self.reference, entry);
        if key.is_none() && reference.is_none() {
            return Err("a receipt has neither key nor reference".into());
        }
        let code = self.code.text(entry).ok_or("a receipt has no code")?;
        Ok(Receipt {
            key,
            reference,
            outcome: self.outcome(&code),
            detail: text(&self.detail, entry)
                .unwrap_or_default()
                .chars()
                .take(300)
                .collect(),
            at: self.at.as_ref().and_then(|at| at.instant(entry)),
            segments: text(&self.segments, entry).and_then(|text| text.parse().ok()),
            raw: entry.to_string(),
            code,
            mark: None,
        })
    }

    fn outcome(&self, code: &str) -> Outcome {
        let has = |list: &[String]| list.iter().any(|known| known == code);
        if has(&self.delivered) {
            Outcome::Delivered
        } else if has(&self.pending) {
            Outcome::Pending
        } else if has(&self.undelivered) {
            Outcome::Undelivered
        } else {
            self.unlisted
        }
    }

    /// How many entries a document has.
    pub(super) fn count(&self, document: &Value) -> usize {
        self.list.list(document).len()
    }
}

impl At {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(&["field", "format", "offset"])?;
        let field = node.need("field").and_then(|node| Pointer::read(&node));
        let format = node
            .need("format")
            .and_then(|node| node.text().map(str::to_owned));
        let offset = match node.get("offset") {
            None => Some(Offset::UTC),
            Some(node) => {
                let offset = node.text().and_then(instant::offset);
                if offset.is_none() {
                    node.fault("bad_offset", "must be such as +08:00");
                }
                offset
            }
        };
        Some(Self {
            field: field?,
            format: format?,
            offset: offset?,
        })
    }

    /// The instant; one that cannot be read is left out, the receipt counts all the same.
    fn instant(&self, entry: &Value) -> Option<Timestamp> {
        let text = self.field.text(entry)?;
        match self.format.as_str() {
            "unix" => text.parse().ok().map(Timestamp::from_seconds),
            "unix_ms" => text.parse().ok().map(Timestamp::from_millis),
            "rfc3339" => text.parse().ok(),
            pattern => instant::parse(&text, pattern, self.offset).ok(),
        }
    }
}

impl Posted {
    /// Reads `receipts`; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>) -> Option<Self> {
        node.object(&[&["from", "proof", "answer"][..], MAPPING_FIELDS].concat())?;
        let from = node
            .need("from")
            .and_then(|node| node.choice(&["json", "form", "xml", "query"]))
            .map(|word| match word {
                "json" => From::Body(Format::Json),
                "form" => From::Body(Format::Form),
                "xml" => From::Body(Format::Xml),
                _ => From::Query,
            });
        let mapping = Mapping::read(node);
        let proof = node.get("proof").map(|node| {
            node.object(&["given", "expected"])?;
            let side = |name| Template::read(&node.need(name)?, names, Place::Inbound);
            side("given").zip(side("expected"))
        });
        let answer = node.get("answer");
        if let Some(answer) = &answer {
            answer.object(&["status", "content_type", "body"])?;
        }
        let field = |name: &str| answer.as_ref().and_then(|answer| answer.get(name));
        let status = field("status").map_or(Some(200), |node| node.integer(200, 299));
        let content_type = field("content_type").map_or(Some("text/plain"), |node| {
            let word = node.choice(ANSWER_TYPES)?;
            ANSWER_TYPES.iter().copied().find(|known| *known == word)
        });
        let body = field("body")
            .and_then(|node| node.any_text())
            .unwrap_or_default();
        if proof.as_ref().is_some_and(Option::is_none) {
            return None;
        }
        Some(Self {
            from: from?,
            mapping: mapping?,
            proof: proof.flatten(),
            status: StatusCode::from_u16(u16::try_from(status?).ok()?).ok()?,
            content_type: content_type?,
            body: body.to_owned(),
        })
    }

    /// Whether they prove where they come from.
    pub(super) fn is_signed(&self) -> bool {
        self.proof.is_some()
    }

    /// The receipts of a request.
    pub(super) fn receipts(
        &self,
        request: &Inbound,
        scope: &Scope<'_>,
    ) -> Result<Receipts, Refused> {
        self.check(scope)?;
        let document = match self.from {
            From::Query => Format::Form.parse(query(&request.url).as_bytes()),
            From::Body(format) => format.parse(&request.body),
        };
        let document = document.ok_or_else(|| Refused::malformed("not in the vendor's format"))?;
        Ok(Receipts {
            receipts: self
                .mapping
                .receipts(&document)
                .map_err(Refused::malformed)?,
            status: self.status,
            content_type: self.content_type,
            body: self.body.clone().into(),
            notice: None,
            replies: Vec::new(),
        })
    }

    fn check(&self, scope: &Scope<'_>) -> Result<(), Refused> {
        let Some((given, expected)) = &self.proof else {
            return Ok(());
        };
        let side = |template: &Template| {
            template
                .text(scope, Escape::None)
                .map_err(|unfilled| Refused::unauthentic(unfilled.0))
        };
        let (given, expected) = (side(given)?, side(expected)?);
        let equal = aws_lc_rs::constant_time::verify_slices_are_equal(
            given.as_bytes(),
            expected.as_bytes(),
        );
        // An account without the secret must not make the empty signature the right one.
        if expected.is_empty() || equal.is_err() {
            return Err(Refused::unauthentic("the signature is not right"));
        }
        Ok(())
    }
}
