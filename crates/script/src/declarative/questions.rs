//! Tokens, pulls, queries, recalls and balances of a definition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{
    Answer, Asking, Balance, Capabilities, Found, Pulled, Question, Reply, State, Token, TokenWant,
};
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::codes::Codes;
use super::document::{Pointer, text};
use super::exchange::{Bad, Exchange};
use super::misconfigured;
use super::receipts::{MAPPING_FIELDS, Mapping};
use super::template::{Names, Place, Scope};
use crate::decimal;
use crate::definition::hosts::Hosts;
use crate::node::Node;

/// What a definition can ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    tokens: BTreeMap<String, Tokens>,
    pull: Option<Pull>,
    query: Option<Query>,
    recall: Option<Exchange>,
    balance: Option<BalanceOf>,
}

#[derive(Clone, Debug)]
struct Tokens {
    exchange: Exchange,
    value: Pointer,
    expires_in: Option<Pointer>,
}

#[derive(Clone, Debug)]
struct Pull {
    exchange: Exchange,
    mapping: Mapping,
    cursor: Option<Pointer>,
    /// As many entries mean that more wait.
    full: Option<usize>,
}

#[derive(Clone, Debug)]
struct Query {
    exchange: Exchange,
    mapping: Mapping,
    absent: Vec<String>,
}

#[derive(Clone, Debug)]
struct BalanceOf {
    exchange: Exchange,
    amount: Pointer,
    unit: String,
}

/// Reads an optional section: `Some(None)` when it is not there, `None` when it has faults.
fn section<T>(
    root: &Node<'_>,
    name: &str,
    read: impl FnOnce(&Node<'_>) -> Option<T>,
) -> Option<Option<T>> {
    match root.get(name) {
        None => Some(None),
        Some(node) => read(&node).map(Some),
    }
}

impl Questions {
    /// Reads the sections; `None` when a fault was noted.
    pub(super) fn read(root: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let mut tokens = BTreeMap::new();
        for (name, node) in root
            .get("tokens")
            .map_or_else(Vec::new, |node| node.fields())
        {
            // A token that needs a token would never come.
            let names = Names {
                tokens: &std::collections::BTreeSet::new(),
                ..*names
            };
            if let Some(token) = Tokens::read(&node, &names, codes) {
                tokens.insert(name.to_owned(), token);
            }
        }
        let pull = section(root, "pull", |node| Pull::read(node, names, codes));
        let query = section(root, "query", |node| Query::read(node, names, codes));
        let recall = section(root, "recall", |node| {
            Exchange::read(node, names, Place::Subject, codes, &[])
        });
        let balance = section(root, "balance", |node| BalanceOf::read(node, names, codes));
        Some(Self {
            tokens,
            pull: pull?,
            query: query?,
            recall: recall?,
            balance: balance?,
        })
    }

    /// Says in the descriptor what can be asked.
    pub(super) fn declare(&self, capabilities: &mut Capabilities) {
        capabilities.pull = self.pull.is_some();
        capabilities.query = self.query.is_some();
        capabilities.recall = self.recall.is_some();
        capabilities.balance = self.balance.is_some();
    }

    fn exchange(&self, question: &Question) -> Option<&Exchange> {
        match question {
            Question::Token { name } => self.tokens.get(name).map(|token| &token.exchange),
            Question::Pull { .. } => self.pull.as_ref().map(|pull| &pull.exchange),
            Question::Query(_) => self.query.as_ref().map(|query| &query.exchange),
            Question::Recall(_) => self.recall.as_ref(),
            Question::Balance => self.balance.as_ref().map(|balance| &balance.exchange),
        }
    }

    /// Begins to ask.
    pub(super) fn ask(&self, hosts: &Hosts, question: &Question, scope: &Scope<'_>) -> Asking {
        let Some(exchange) = self.exchange(question) else {
            return Asking::Done(Answer::Unsupported);
        };
        match exchange.request.token() {
            Some(name) => Asking::Token {
                want: TokenWant {
                    name: name.to_owned(),
                    refused: None,
                },
                state: State(json!({"again": false})),
            },
            None => call(exchange, hosts, question, scope, false),
        }
    }

    /// Goes on.
    pub(super) fn answer(
        &self,
        hosts: &Hosts,
        question: &Question,
        state: &State,
        reply: &Reply,
        scope: &Scope<'_>,
    ) -> Asking {
        let Some(exchange) = self.exchange(question) else {
            return Asking::Done(Answer::Unsupported);
        };
        let again = state.0.get("again").and_then(Value::as_bool) == Some(true);
        if let Reply::Token(token) = reply {
            let scope = Scope {
                token: Some(token.expose_secret()),
                ..*scope
            };
            return call(exchange, hosts, question, &scope, again);
        }
        let read = exchange.head.read_reply(reply, scope.context.now);
        if let Err(bad) = &read
            && bad.token
            && !again
            && let Some(name) = exchange.request.token()
            && let Some(refused) = state.0.get("token").and_then(Value::as_str)
        {
            return Asking::Token {
                want: TokenWant {
                    name: name.to_owned(),
                    refused: Some(refused.into()),
                },
                state: State(json!({"again": true})),
            };
        }
        Asking::Done(match read {
            Ok(document) => self.good(question, &document),
            Err(bad) => self.bad(question, bad),
        })
    }

    fn good(&self, question: &Question, document: &Value) -> Answer {
        match question {
            Question::Token { name } => match self.tokens.get(name) {
                Some(token) => token.answer(document),
                None => Answer::Unsupported,
            },
            Question::Pull { cursor } => match &self.pull {
                Some(pull) => pull.answer(document, cursor),
                None => Answer::Unsupported,
            },
            Question::Query(_) => match &self.query {
                Some(query) => query.answer(document),
                None => Answer::Unsupported,
            },
            Question::Recall(_) => Answer::Recalled,
            Question::Balance => match &self.balance {
                Some(balance) => balance.answer(document),
                None => Answer::Unsupported,
            },
        }
    }

    fn bad(&self, question: &Question, bad: Bad) -> Answer {
        let Some(code) = bad.code else {
            return Answer::Failed(bad.verdict);
        };
        let absent = |query: &Query| query.absent.contains(&code);
        match (question, bad.verdict) {
            (Question::Query(_), _) if self.query.as_ref().is_some_and(absent) => {
                Answer::Found(Found::Absent)
            }
            // The vendor said no to this message; trouble with the account is not that.
            (
                Question::Recall(_),
                Verdict::BadRecipient(cause)
                | Verdict::BadContent(cause)
                | Verdict::Elsewhere(cause)
                | Verdict::NumberRefused { cause, .. },
            ) => Answer::NotRecalled(cause),
            (_, verdict) => Answer::Failed(verdict),
        }
    }
}

fn call(
    exchange: &Exchange,
    hosts: &Hosts,
    question: &Question,
    scope: &Scope<'_>,
    again: bool,
) -> Asking {
    let scope = match question {
        Question::Query(subject) | Question::Recall(subject) => Scope {
            subject: Some(subject),
            ..*scope
        },
        Question::Pull { cursor } => Scope {
            cursor: Some(&cursor.0),
            ..*scope
        },
        Question::Token { .. } | Question::Balance => *scope,
    };
    let made = exchange.call(&scope).and_then(|call| {
        hosts.vet(scope.account, &call)?;
        Ok(call)
    });
    match made {
        Ok(call) => Asking::Call {
            call,
            state: State(json!({"token": scope.token, "again": again})),
        },
        Err(verdict) => Asking::Done(Answer::Failed(verdict)),
    }
}

fn unreadable(what: &str) -> Answer {
    Answer::Failed(misconfigured("unreadable_answer", what))
}

impl Tokens {
    fn read(node: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let exchange = Exchange::read(node, names, Place::Ask, codes, &["value", "expires_in"]);
        let value = node.need("value").and_then(|node| Pointer::read(&node));
        Some(Self {
            exchange: exchange?,
            value: value?,
            expires_in: Pointer::field(node, "expires_in"),
        })
    }

    fn answer(&self, document: &Value) -> Answer {
        let Some(value) = self.value.text(document) else {
            return unreadable("the answer has no token");
        };
        let seconds = text(&self.expires_in, document).and_then(|text| text.parse().ok());
        Answer::Token(Token {
            value: value.into(),
            expires_in: seconds.map(Duration::from_secs),
        })
    }
}

impl Pull {
    fn read(node: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let own = ["receipts", "cursor", "full"];
        let exchange = Exchange::read(node, names, Place::Ask, codes, &own);
        let mapping = node.need("receipts").and_then(|node| {
            node.object(MAPPING_FIELDS)?;
            Mapping::read(&node)
        });
        let full = node.get("full").and_then(|node| node.integer(1, 100_000));
        Some(Self {
            exchange: exchange?,
            mapping: mapping?,
            cursor: Pointer::field(node, "cursor"),
            full: full.and_then(|full| usize::try_from(full).ok()),
        })
    }

    fn answer(&self, document: &Value, before: &State) -> Answer {
        let next = self
            .cursor
            .as_ref()
            .and_then(|cursor| cursor.value(document));
        match self.mapping.receipts(document) {
            Ok(receipts) => Answer::Receipts(Pulled {
                receipts,
                cursor: next.map_or_else(|| before.clone(), |next| State(next.clone())),
                more: self
                    .full
                    .is_some_and(|full| self.mapping.count(document) >= full),
            }),
            Err(detail) => unreadable(&detail),
        }
    }
}

impl Query {
    fn read(node: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let own = ["receipts", "absent"];
        let exchange = Exchange::read(node, names, Place::Subject, codes, &own);
        let mapping = node.need("receipts").and_then(|node| {
            node.object(MAPPING_FIELDS)?;
            Mapping::read(&node)
        });
        let absent = node
            .get("absent")
            .map_or_else(Vec::new, |node| node.texts());
        Some(Self {
            exchange: exchange?,
            mapping: mapping?,
            absent,
        })
    }

    fn answer(&self, document: &Value) -> Answer {
        let receipts = match self.mapping.receipts(document) {
            Ok(receipts) => receipts,
            Err(detail) => return unreadable(&detail),
        };
        let Some(receipt) = receipts.into_iter().next() else {
            let cause = Cause::new("not_listed", "the vendor lists no such message (yet)");
            return Answer::Found(Found::Unclear(cause));
        };
        Answer::Found(Found::Known {
            acceptance: Acceptance {
                vendor_id: receipt.key.clone(),
                segments: receipt.segments,
                ..Acceptance::default()
            },
            receipt: Some(Box::new(receipt)),
        })
    }
}

impl BalanceOf {
    fn read(node: &Node<'_>, names: &Names<'_>, codes: &Arc<Codes>) -> Option<Self> {
        let exchange = Exchange::read(node, names, Place::Ask, codes, &["amount", "unit"]);
        let amount = node.need("amount").and_then(|node| Pointer::read(&node));
        let unit = node.need("unit").and_then(|node| node.text());
        Some(Self {
            exchange: exchange?,
            amount: amount?,
            unit: unit?.to_owned(),
        })
    }

    fn answer(&self, document: &Value) -> Answer {
        match self
            .amount
            .text(document)
            .and_then(|text| decimal::cut(&text))
        {
            Some(amount) => Answer::Balance(Balance {
                amount,
                unit: self.unit.clone(),
            }),
            None => unreadable("the answer has no balance"),
        }
    }
}
