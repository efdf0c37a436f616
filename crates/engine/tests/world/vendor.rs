//! The vendor of the world: how it behaves, and the shadow of what it took.

use std::collections::HashMap;
use std::time::Duration;

use austin_adapter_api::{Call, Fault, FaultKind, HttpReply, Phase, Reply};
use austin_ports::wire::{Exchange, Fetched, Outgoing};
use austin_ports::{BoxFuture, Entropy, Wire};
use austin_testkit::SeededEntropy;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// How the vendor behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    /// Takes everything.
    Well,
    /// Refuses connections.
    Down,
    /// Takes everything and cuts the connection instead of answering.
    TakesAndCuts,
    /// Takes nothing and cuts the connection instead of answering.
    Cuts,
    /// Anything, for so many calls; then well.
    Random {
        /// How many.
        troubled_calls: u32,
    },
}

/// One message that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) host: String,
    pub(crate) reference: String,
    pub(crate) text: String,
}

/// The vendor: its behaviour and the shadow of what it took.
pub(crate) struct Vendor {
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) random: SeededEntropy,
    pub(crate) taken: Mutex<HashMap<String, u32>>,
    pub(crate) calls: Mutex<(u32, u32)>,
    /// Receipts that wait to be fetched.
    pub(crate) shelf: Mutex<Vec<Value>>,
    /// What each of its hosts took since somebody looked, in order.
    pub(crate) log: Mutex<Vec<Taken>>,
    /// A host that has had enough of every number.
    pub(crate) weary: Mutex<Option<String>>,
    /// Whether it answers questions.
    pub(crate) mute: Mutex<bool>,
    /// Questions it was asked, by path.
    pub(crate) asked: Mutex<HashMap<String, u32>>,
}

impl Vendor {
    fn answer(&self, call: &Call) -> Reply {
        let Call::Http(request) = call else {
            panic!("the simulator speaks HTTP")
        };
        if request.method == http::Method::GET {
            return self.explain(&request.url);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let word = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
        let references: Vec<String> = messages
            .iter()
            .map(|message| word(message, "reference"))
            .collect();
        let host = request.url.split('/').nth(2).unwrap().to_owned();
        if self.weary.lock().as_ref() == Some(&host) {
            return refuse(&references, "number_limit");
        }
        let before = self.taken.lock().clone();
        let reply = self.behave(&references);
        let taken = self.taken.lock();
        let fresh = messages.iter().filter(|message| {
            let reference = word(message, "reference");
            taken.get(&reference) > before.get(&reference)
        });
        self.log.lock().extend(fresh.map(|message| Taken {
            host: host.clone(),
            reference: word(message, "reference"),
            text: word(message, "text"),
        }));
        reply
    }

    fn behave(&self, references: &[String]) -> Reply {
        let behaviour = *self.behaviour.lock();
        match behaviour {
            Behaviour::Well => self.take(references),
            Behaviour::Down => fault(Phase::NotSent, FaultKind::Connect),
            Behaviour::TakesAndCuts => {
                self.take(references);
                fault(Phase::MaybeSent, FaultKind::Cut)
            }
            Behaviour::Cuts => fault(Phase::MaybeSent, FaultKind::Cut),
            Behaviour::Random { troubled_calls: 0 } => self.take(references),
            Behaviour::Random { troubled_calls } => {
                *self.behaviour.lock() = Behaviour::Random {
                    troubled_calls: troubled_calls - 1,
                };
                self.misbehave(references)
            }
        }
    }

    /// Answers a question.
    fn explain(&self, url: &str) -> Reply {
        let (path, query) = url.split_once('?').unwrap();
        let path = path.rsplit_once('/').unwrap().1;
        *self.asked.lock().entry(path.to_owned()).or_default() += 1;
        if *self.mute.lock() {
            return fault(Phase::MaybeSent, FaultKind::TimedOut);
        }
        let value = query.split_once('=').unwrap().1;
        let body = if path == "query" {
            json!({
                "reference": value, "accepted": self.taken.lock().contains_key(value),
                "id": format!("sim-{value}"), "status": "accepted",
            })
        } else {
            let after: usize = value.parse().unwrap();
            let shelf = self.shelf.lock();
            let page: Vec<_> = shelf[after..].iter().take(5).cloned().collect();
            let cursor = after + page.len();
            json!({"receipts": page, "cursor": cursor, "more": cursor < shelf.len()})
        };
        reply(StatusCode::OK, body.to_string().as_bytes())
    }

    fn misbehave(&self, references: &[String]) -> Reply {
        match self.random.next() % 10 {
            0 => fault(Phase::NotSent, FaultKind::Connect),
            1 => fault(Phase::MaybeSent, FaultKind::Cut),
            2 => {
                self.take(references);
                fault(Phase::MaybeSent, FaultKind::TimedOut)
            }
            3 => reply(StatusCode::INTERNAL_SERVER_ERROR, b"oops"),
            4 => reply(StatusCode::OK, b"{\"results\":[{\"refer"),
            5 => self.some(references, "bad_recipient"),
            6 => self.some(references, "later"),
            7 => self.some(references, "throttled"),
            8 => self.some(references, "elsewhere"),
            _ => self.take(references),
        }
    }

    /// Takes every second one and refuses the others.
    fn some(&self, references: &[String], code: &str) -> Reply {
        let results: Vec<_> = references
            .iter()
            .enumerate()
            .map(|(index, reference)| {
                if index % 2 == 0 {
                    json!({"reference": reference, "code": code, "message": "as told"})
                } else {
                    self.accepted(reference)
                }
            })
            .collect();
        reply(
            StatusCode::OK,
            json!({"results": results}).to_string().as_bytes(),
        )
    }

    fn take(&self, references: &[String]) -> Reply {
        let results: Vec<_> = references
            .iter()
            .map(|reference| self.accepted(reference))
            .collect();
        reply(
            StatusCode::OK,
            json!({"results": results}).to_string().as_bytes(),
        )
    }

    fn accepted(&self, reference: &str) -> Value {
        *self.taken.lock().entry(reference.to_owned()).or_default() += 1;
        json!({"reference": reference, "code": "ok", "id": format!("sim-{reference}"), "segments": 1})
    }
}

/// Refuses all of them.
fn refuse(references: &[String], code: &str) -> Reply {
    let refused = |reference: &String| json!({"reference": reference, "code": code});
    let results: Vec<_> = references.iter().map(refused).collect();
    let body = json!({"results": results}).to_string();
    reply(StatusCode::OK, body.as_bytes())
}

fn fault(phase: Phase, kind: FaultKind) -> Reply {
    Reply::Fault(Fault {
        phase,
        kind,
        detail: "as told".into(),
    })
}

fn reply(status: StatusCode, body: &[u8]) -> Reply {
    Reply::Http(HttpReply {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    })
}

impl Wire for Vendor {
    fn call(&self, outgoing: Outgoing) -> BoxFuture<'_, Exchange> {
        Box::pin(async move {
            // Questions have a bound of their own.
            let sends = matches!(&outgoing.call, Call::Http(request) if request.method != http::Method::GET);
            if sends {
                let mut calls = self.calls.lock();
                calls.0 += 1;
                calls.1 = calls.1.max(calls.0);
            }
            tokio::task::yield_now().await;
            let reply = self.answer(&outgoing.call);
            if sends {
                self.calls.lock().0 -= 1;
            }
            Exchange {
                reply,
                took: Duration::from_millis(1),
                request: "r".into(),
                answer: "a".into(),
            }
        })
    }

    fn fetch<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async { panic!("nothing is attached") })
    }
}
