//! What an answer to a send means for each recipient.

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::Item;
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};
use serde_json::Value;

use super::codes::Codes;
use super::document::{Pointer, text};
use super::exchange::{Bad, Head, REPLY_FIELDS};
use super::template::{Escape, Names, Place, Scope, Template};
use crate::node::Node;
use crate::{decimal, phone};

/// The reading of an answer.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) head: Head,
    one: One,
    items: Option<Items>,
    receipt_key: Option<Template>,
    codes: Arc<Codes>,
}

/// Where the facts of one recipient stand.
#[derive(Clone, Debug)]
struct One {
    id: Option<Pointer>,
    segments: Option<Pointer>,
    cost: Option<Pointer>,
}

/// A list with one entry per recipient.
#[derive(Clone, Debug)]
struct Items {
    list: Pointer,
    /// Where the recipient stands; by position without it.
    to: Option<Pointer>,
    code: Option<Pointer>,
    success: Vec<String>,
    message: Option<Pointer>,
    one: One,
}

const ONE_FIELDS: &[&str] = &["id", "segments", "cost"];

impl Sending {
    /// Reads `reply`; `None` when a fault was noted.
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        node.object(&[REPLY_FIELDS, ONE_FIELDS, &["items", "receipt_key"]].concat())?;
        let head = Head::read(node, codes);
        let items = node.get("items");
        let wants_items = items.is_some();
        let items = items.and_then(|node| Items::read(&node));
        if !wants_items && names.descriptor.batching.max_recipients > 1 && node.get("id").is_none()
        {
            node.fault(
                "required",
                "a batch needs items, or an id for the whole call",
            );
        }
        let receipt_key = node
            .get("receipt_key")
            .and_then(|node| Template::read(&node, names, Place::Reply));
        if wants_items && items.is_none() {
            return None;
        }
        Some(Self {
            head: head?,
            one: One::read(node),
            items,
            receipt_key,
            codes: Arc::clone(codes),
        })
    }

    /// One verdict per item.
    pub(super) fn verdicts(&self, document: &Value, scope: &Scope<'_>) -> Vec<Verdict> {
        let items = scope.batch.map_or(&[][..], |batch| &batch.items);
        let entries = self
            .items
            .as_ref()
            .map(|known| known.entries(document, items));
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let scope = Scope {
                    item: Some(item),
                    ..*scope
                };
                match (&self.items, &entries) {
                    (Some(known), Some(entries)) => match entries[index] {
                        Some(entry) => self.entry(known, entry, &scope),
                        // The call was good; what became of this one, it does not say.
                        None => Verdict::Unknown(Cause::new(
                            "no_entry",
                            "the answer says nothing of this recipient",
                        )),
                    },
                    _ => self.accepted(&self.one, document, &scope),
                }
            })
            .collect()
    }

    fn entry(&self, known: &Items, entry: &Value, scope: &Scope<'_>) -> Verdict {
        let Some(pointer) = &known.code else {
            return self.accepted(&known.one, entry, scope);
        };
        match pointer.text(entry) {
            Some(code) if known.success.contains(&code) => self.accepted(&known.one, entry, scope),
            Some(code) => {
                let message = text(&known.message, entry);
                self.codes.verdict(&code, message.as_deref())
            }
            None => Verdict::Unknown(Cause::new("no_code", "an entry of the answer has no code")),
        }
    }

    fn accepted(&self, one: &One, entry: &Value, scope: &Scope<'_>) -> Verdict {
        let vendor_id = text(&one.id, entry);
        if one.id.is_some() && vendor_id.is_none() {
            return Verdict::Unknown(Cause::new("no_id", "the answer has no message id"));
        }
        let made = BTreeMap::from([("reply.id", vendor_id.clone().unwrap_or_default())]);
        let scope = Scope {
            made: Some(&made),
            ..*scope
        };
        let key = self.receipt_key.as_ref();
        Verdict::Accepted(Acceptance {
            receipt_key: key.and_then(|key| key.text(&scope, Escape::None).ok()),
            segments: text(&one.segments, entry).and_then(|text| text.parse().ok()),
            cost: text(&one.cost, entry).and_then(|text| decimal::cut(&text)),
            vendor_id,
        })
    }

    /// What a refusal of the whole call means. One that is about a recipient must not condemn
    /// the others of the call.
    pub(super) fn refused(bad: Bad, items: usize) -> Vec<Verdict> {
        let verdict = match bad.verdict {
            Verdict::BadRecipient(cause) if items > 1 => Verdict::Elsewhere(cause),
            Verdict::NumberRefused { cause, .. } if items > 1 => {
                Verdict::NumberRefused { cause, after: None }
            }
            verdict => verdict,
        };
        vec![verdict; items]
    }
}

impl One {
    fn read(node: &Node<'_>) -> Self {
        Self {
            id: Pointer::field(node, "id"),
            segments: Pointer::field(node, "segments"),
            cost: Pointer::field(node, "cost"),
        }
    }
}

impl Items {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(
            &[
                &["list", "match", "to", "code", "success", "message"][..],
                ONE_FIELDS,
            ]
            .concat(),
        )?;
        let list = node.need("list").and_then(|node| Pointer::read(&node));
        let by = node
            .need("match")
            .and_then(|node| node.choice(&["index", "to"]));
        let to = Pointer::field(node, "to");
        if by.is_some_and(|by| (by == "to") != to.is_some()) {
            node.fault(
                "contradiction",
                "to says where the recipient stands, with match \"to\" only",
            );
            return None;
        }
        let code = Pointer::field(node, "code");
        let success = node
            .get("success")
            .map_or_else(Vec::new, |node| node.texts());
        if code.is_some() == success.is_empty() {
            node.fault("contradiction", "code and success belong together");
            return None;
        }
        by?;
        Some(Self {
            list: list?,
            to,
            code,
            success,
            message: Pointer::field(node, "message"),
            one: One::read(node),
        })
    }

    /// The entry of each item.
    fn entries<'a>(&self, document: &'a Value, items: &[Item]) -> Vec<Option<&'a Value>> {
        let list = self.list.list(document);
        let Some(to) = &self.to else {
            // By position only when nothing can have shifted.
            return if list.len() == items.len() {
                list.iter().map(Some).collect()
            } else {
                vec![None; items.len()]
            };
        };
        // Two recipients of one number: the entries are theirs in order.
        let mut by_number: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for entry in list.iter().rev() {
            if let Some(number) = to.text(entry) {
                by_number
                    .entry(comparable(&number))
                    .or_default()
                    .push(entry);
            }
        }
        items
            .iter()
            .map(|item| {
                let entries = by_number.get_mut(&comparable(&item.to))?;
                match &entries[..] {
                    [only] => Some(*only),
                    _ => entries.pop(),
                }
            })
            .collect()
    }
}

fn comparable(address: &str) -> String {
    if address.contains('@') {
        return address.to_lowercase();
    }
    phone::comparable(address)
}
