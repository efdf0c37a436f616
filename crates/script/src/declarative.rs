//! Adapters without code: a definition of requests, answers, receipts and codes, checked whole
//! when it is loaded and interpreted here as a pure adapter.

mod codes;
mod document;
mod exchange;
mod questions;
mod receipts;
mod request;
mod sending;
mod template;

use std::collections::BTreeSet;
use std::sync::Arc;

use austin_adapter_api::{
    Account, Adapter, Asking, Batch, Context, Descriptor, Inbound, LoadFault, Question, Receipts,
    Refused, Reply, State, Step, TokenWant,
};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::definition::{self, Head, Kind};
use crate::node::{Faults, Node};
use codes::Codes;
use questions::Questions;
use receipts::Posted;
use request::Request;
use sending::Sending;
use template::{Names, Place, Scope};

/// A definition, ready to be used.
#[derive(Clone, Debug)]
pub(crate) struct Declarative {
    head: Head,
    send: Request,
    reply: Sending,
    receipts: Option<Posted>,
    questions: Questions,
}

const SECTIONS: &[&str] = &[
    "descriptor",
    "hosts",
    "codes",
    "send",
    "reply",
    "receipts",
    "tokens",
    "pull",
    "query",
    "recall",
    "balance",
];

impl Declarative {
    /// Reads a definition.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn load(name: &str, definition: &Value) -> Result<Self, Vec<LoadFault>> {
        let faults = Faults::default();
        let root = Node::root(definition, "/definition", &faults);
        let loaded = Self::read(name, &root);
        match loaded {
            Some(loaded) if faults.is_empty() => Ok(loaded),
            _ => Err(faults.take()),
        }
    }

    fn read(name: &str, root: &Node<'_>) -> Option<Self> {
        root.object(SECTIONS)?;
        let codes = root.need("codes").and_then(|node| Codes::read(&node));
        let mut head = definition::head(name, Kind::Declarative, root)?;
        // Without the codes nothing that refers to them can be read.
        let codes = Arc::new(codes?);
        let tokens: BTreeSet<String> = root
            .get("tokens")
            .map_or_else(Vec::new, |node| node.fields())
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect();
        let none = BTreeSet::new();
        let names = Names {
            descriptor: &head.descriptor,
            tokens: &tokens,
            lets: &none,
        };
        let send = root.need("send").and_then(|node| {
            node.object(request::FIELDS)?;
            let send = Request::read(&node, &names, Place::Send)?;
            batch_fault(&node, &send, &head.descriptor);
            Some(send)
        });
        let reply = root
            .need("reply")
            .and_then(|node| Sending::read(&node, &names, &codes));
        let receipts = root.get("receipts");
        let wants_receipts = receipts.is_some();
        let receipts = receipts.and_then(|node| Posted::read(&node, &names));
        let questions = Questions::read(root, &names, &codes);
        if wants_receipts && receipts.is_none() {
            return None;
        }
        let questions = questions?;
        questions.declare(&mut head.descriptor.capabilities);
        let capabilities = &mut head.descriptor.capabilities;
        capabilities.receipts = receipts.is_some();
        capabilities.receipts_signed = receipts.as_ref().is_some_and(Posted::is_signed);
        head.descriptor.codes = codes.meanings().collect();
        Some(Self {
            head,
            send: send?,
            reply: reply?,
            receipts,
            questions,
        })
    }

    fn scope<'a>(&'a self, account: &'a Account, context: &'a Context) -> Scope<'a> {
        Scope::new(&self.head.descriptor, account, context)
    }

    fn call(&self, scope: &Scope<'_>, batch: &Batch, again: bool) -> Step {
        let made = self.send.call(scope).and_then(|call| {
            self.head.hosts.vet(scope.account, &call)?;
            Ok(call)
        });
        match made {
            Ok(call) => Step::Call {
                call,
                state: State(json!({"token": scope.token, "again": again})),
            },
            Err(verdict) => Step::all(batch, &verdict),
        }
    }
}

/// One value cannot stand for items that differ.
fn batch_fault(node: &Node<'_>, send: &Request, descriptor: &Descriptor) {
    let batching = descriptor.batching;
    if batching.max_recipients > 1 && send.per_item(batching.same_content) {
        node.fault(
            "item_outside_each",
            "with more than one recipient a call, what differs between them stands in $each or \
             each, or is named as items.…; content may stand outside where same_content is true",
        );
    }
}

impl Adapter for Declarative {
    fn descriptor(&self) -> &Descriptor {
        &self.head.descriptor
    }

    fn start(&self, account: &Account, batch: &Batch, context: &Context) -> Step {
        if let Some(name) = self.send.token() {
            return Step::Token {
                want: TokenWant {
                    name: name.to_owned(),
                    refused: None,
                },
                state: State(json!({"again": false})),
            };
        }
        let scope = Scope {
            batch: Some(batch),
            ..self.scope(account, context)
        };
        self.call(&scope, batch, false)
    }

    fn resume(
        &self,
        account: &Account,
        batch: &Batch,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Step {
        let again = state.0.get("again").and_then(Value::as_bool) == Some(true);
        let scope = Scope {
            batch: Some(batch),
            ..self.scope(account, context)
        };
        if let Reply::Token(token) = &reply {
            let scope = Scope {
                token: Some(token.expose_secret()),
                ..scope
            };
            return self.call(&scope, batch, again);
        }
        match self.reply.head.read_reply(&reply, context.now) {
            Ok(document) => Step::Done(self.reply.verdicts(&document, &scope)),
            Err(bad) if bad.token && !again => renew(self.send.token(), &state)
                .unwrap_or_else(|| Step::Done(Sending::refused(bad, batch.items.len()))),
            Err(bad) => Step::Done(Sending::refused(bad, batch.items.len())),
        }
    }

    fn receipts(
        &self,
        account: &Account,
        request: &Inbound,
        context: &Context,
    ) -> Result<Receipts, Refused> {
        let posted = self.receipts.as_ref().ok_or_else(Refused::unsupported)?;
        let scope = Scope {
            inbound: Some(request),
            ..self.scope(account, context)
        };
        posted.receipts(request, &scope)
    }

    fn ask(&self, account: &Account, question: &Question, context: &Context) -> Asking {
        let scope = self.scope(account, context);
        self.questions.ask(&self.head.hosts, question, &scope)
    }

    fn answer(
        &self,
        account: &Account,
        question: &Question,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Asking {
        let scope = self.scope(account, context);
        self.questions
            .answer(&self.head.hosts, question, &state, &reply, &scope)
    }
}

/// Another token, once, after the vendor called this one invalid.
fn renew(name: Option<&str>, state: &State) -> Option<Step> {
    let refused = state.0.get("token").and_then(Value::as_str)?;
    Some(Step::Token {
        want: TokenWant {
            name: name?.to_owned(),
            refused: Some(refused.into()),
        },
        state: State(json!({"again": true})),
    })
}

fn misconfigured(code: &str, detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new(code, detail))
}

#[cfg(test)]
mod tests;
