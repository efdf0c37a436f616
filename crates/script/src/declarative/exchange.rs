//! A request and how its answer is read: for tokens, balances, queries, recalls and pulls.

use std::sync::Arc;

use austin_adapter_api::{Call, HttpReply, Reply};
use austin_domain::verdict::Cause;
use austin_domain::{Timestamp, Verdict};
use serde_json::Value;

use super::codes::Codes;
use super::document::{Format, Pointer, text};
use super::request::{self, Request};
use super::template::{Names, Place, Scope};
use crate::node::Node;
use crate::reading;

/// The fields of an answer's head.
pub(super) const REPLY_FIELDS: &[&str] = &["format", "code", "success", "message", "invalid_token"];

/// A request and the head of its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) head: Head,
}

/// How an answer says whether it is good.
#[derive(Clone, Debug)]
pub(super) struct Head {
    format: Format,
    /// Where the code stands; without one, a 2xx answer is good.
    code: Option<Pointer>,
    success: Vec<String>,
    message: Option<Pointer>,
    invalid_token: Vec<String>,
    codes: Arc<Codes>,
}

/// An answer that is not good.
#[derive(Clone, Debug)]
pub(super) struct Bad {
    pub(super) verdict: Verdict,
    /// The vendor's code, where it gave one.
    pub(super) code: Option<String>,
    /// Whether the token is at fault.
    pub(super) token: bool,
}

impl Exchange {
    /// Reads an exchange whose own fields beside request and reply are `own`.
    pub(super) fn read(
        node: &Node<'_>,
        names: &Names<'_>,
        place: Place,
        codes: &Arc<Codes>,
        own: &[&str],
    ) -> Option<Self> {
        node.object(
            &["request", "reply"]
                .iter()
                .chain(own)
                .copied()
                .collect::<Vec<_>>(),
        )?;
        let request = node.need("request").and_then(|node| {
            node.object(request::FIELDS)?;
            Request::read(&node, names, place)
        });
        let head = node.need("reply").and_then(|node| {
            node.object(REPLY_FIELDS)?;
            Head::read(&node, codes)
        });
        Some(Self {
            request: request?,
            head: head?,
        })
    }

    /// The call.
    ///
    /// # Errors
    /// The verdict when it cannot be made.
    pub(super) fn call(&self, scope: &Scope<'_>) -> Result<Call, Verdict> {
        self.request.call(scope)
    }
}

impl Head {
    /// Reads the head's fields of a node whose names were checked.
    pub(super) fn read(node: &Node<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let texts = |name| node.get(name).map_or_else(Vec::new, |node| node.texts());
        let code = Pointer::field(node, "code");
        let success = texts("success");
        if code.is_some() == success.is_empty() {
            node.fault(
                "contradiction",
                "code and success belong together: where the code stands, and which codes are good",
            );
            return None;
        }
        Some(Self {
            format: Format::read(node)?,
            code,
            success,
            message: Pointer::field(node, "message"),
            invalid_token: texts("invalid_token"),
            codes: Arc::clone(codes),
        })
    }

    /// The document of a good answer.
    ///
    /// # Errors
    /// What a bad one means.
    pub(super) fn read_reply(&self, reply: &Reply, now: Timestamp) -> Result<Value, Bad> {
        let Reply::Http(reply) = reply else {
            return Err(Bad::of(reading::usual(reply, now)));
        };
        match self.format.parse(&reply.body) {
            Some(document) => self.judge(document, reply, now),
            // A 2xx that cannot be read may well be an acceptance.
            None if reply.status.is_success() => Err(Bad::of(Verdict::Unknown(Cause::new(
                "unreadable_answer",
                "the answer is not in the vendor's format",
            )))),
            None => Err(Bad::of(reading::by_status(reply, now))),
        }
    }

    fn judge(&self, document: Value, reply: &HttpReply, now: Timestamp) -> Result<Value, Bad> {
        let Some(pointer) = &self.code else {
            return if reply.status.is_success() {
                Ok(document)
            } else {
                Err(Bad::of(reading::by_status(reply, now)))
            };
        };
        let Some(code) = pointer.text(&document) else {
            return Err(Bad::of(if reply.status.is_success() {
                Verdict::Unknown(Cause::new("no_code", "the answer has no code"))
            } else {
                reading::by_status(reply, now)
            }));
        };
        if self.success.contains(&code) {
            return Ok(document);
        }
        let verdict = if self.codes.lists(&code) || reply.status.is_success() {
            let message = text(&self.message, &document);
            self.codes.verdict(&code, message.as_deref())
        } else {
            reading::by_status(reply, now)
        };
        Err(Bad {
            verdict,
            token: self.invalid_token.contains(&code),
            code: Some(code),
        })
    }
}

impl Bad {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            code: None,
            token: false,
        }
    }
}
