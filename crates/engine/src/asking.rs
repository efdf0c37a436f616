//! One question to a vendor, driven as `attempt` drives a send: the adapter gives calls, the wire
//! carries them out, until there is an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{
    Account, Answer, Asking, Call, Context, Fault, FaultKind, Phase, Question, Reply, Speaker,
};
use austin_domain::verdict::Cause;
use austin_domain::{Timestamp, Verdict};
use austin_ports::wire::Outgoing;
use austin_ports::{Clock, Entropy, Wire};
use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};

use crate::directory::Usable;
use crate::tokens::Tokens;

/// Where questions are asked.
pub(crate) struct Desk {
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tokens: Tokens,
    /// One question may take this long.
    pub(crate) lease: Duration,
}

/// An account that can be asked, enabled or not.
pub(crate) struct Party {
    pub(crate) account: Account,
    pub(crate) adapter: Speaker,
    pub(crate) key: Arc<str>,
    /// Secret values that evidence must not contain.
    pub(crate) secrets: Vec<String>,
}

/// A question that came to its end.
pub(crate) struct Asked {
    pub(crate) answer: Answer,
    /// The requests made, redacted.
    pub(crate) request: String,
    /// What came back, redacted.
    pub(crate) said: String,
}

impl Party {
    /// An account that is in use.
    pub(crate) fn of(usable: &Usable) -> Self {
        Self {
            account: usable.account.clone(),
            adapter: usable.adapter.clone(),
            key: Arc::clone(&usable.key),
            secrets: usable.secrets.clone(),
        }
    }
}

impl Desk {
    /// Asks. Never fails: what goes wrong is an [`Answer::Failed`].
    pub(crate) async fn ask(self: &Arc<Self>, party: &Arc<Party>, question: &Question) -> Asked {
        let mut talk = Talk {
            desk: self,
            party,
            started_at: self.clock.now(),
            redact: redactions(&party.secrets),
            tokens: 0,
            calls: 0,
            request: String::new(),
            said: String::new(),
        };
        // A panic in an adapter is this question's affair only.
        let answer = AssertUnwindSafe(talk.drive(question))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| failed("adapter_panicked", "the adapter failed at this question"));
        Asked {
            answer,
            request: talk.request,
            said: talk.said,
        }
    }

    /// Whether the adapter can ask this of this account at all; no call is made.
    pub(crate) async fn takes(&self, party: &Party, question: &Question) -> bool {
        let first = party.adapter.ask(&party.account, question, self.context());
        let first = AssertUnwindSafe(first).catch_unwind().await;
        first.is_ok_and(|first| !matches!(first, Asking::Done(Answer::Unsupported)))
    }

    /// What every step is given.
    pub(crate) fn context(&self) -> Context {
        Context {
            now: self.clock.now(),
            nonce: self.entropy.next(),
        }
    }
}

/// One question under way.
struct Talk<'a> {
    desk: &'a Arc<Desk>,
    party: &'a Arc<Party>,
    started_at: Timestamp,
    redact: Arc<[String]>,
    tokens: u32,
    calls: u32,
    request: String,
    said: String,
}

impl Talk<'_> {
    async fn drive(&mut self, question: &Question) -> Answer {
        let Party {
            account, adapter, ..
        } = &**self.party;
        let mut asking = adapter.ask(account, question, self.desk.context()).await;
        loop {
            let (state, reply) = match asking {
                Asking::Done(answer) => return answer,
                Asking::Token { .. } if matches!(question, Question::Token { .. }) => {
                    return failed(
                        "token_needs_token",
                        "the adapter asks for a token by a token",
                    );
                }
                Asking::Token { .. } if self.tokens >= MOST_TOKENS => {
                    return failed("token_refused", "the vendor refuses every token it gives");
                }
                Asking::Token { want, state } => {
                    self.tokens += 1;
                    let token = self
                        .desk
                        .token(account, &want, || Arc::clone(self.party))
                        .await;
                    match token {
                        Ok(token) => {
                            self.redact = redacting(&self.redact, &token);
                            (state, Reply::Token(token))
                        }
                        Err(verdict) => return Answer::Failed(verdict),
                    }
                }
                Asking::Call { .. } if self.calls >= MOST_CALLS => {
                    return failed("too_many_calls", "the adapter makes call after call");
                }
                Asking::Call { call, state } => (state, self.call(call).await),
            };
            asking = adapter
                .answer(account, question, state, reply, self.desk.context())
                .await;
        }
    }

    async fn call(&mut self, call: Call) -> Reply {
        self.calls += 1;
        let lease = self.desk.lease;
        let left = lease.saturating_sub(self.desk.clock.now().since(self.started_at));
        let outgoing = Outgoing {
            account: Arc::clone(&self.party.key),
            call,
            redact: Arc::clone(&self.redact),
        };
        match tokio::time::timeout(left, self.desk.wire.call(outgoing)).await {
            Ok(exchange) => {
                append(&mut self.request, &exchange.request);
                append(&mut self.said, &exchange.answer);
                exchange.reply
            }
            Err(_) => {
                let detail = format!("no answer within {} s", lease.as_secs());
                append(&mut self.said, &detail);
                Reply::Fault(Fault {
                    phase: Phase::MaybeSent,
                    kind: FaultKind::TimedOut,
                    detail,
                })
            }
        }
    }
}

/// Adds one more exchange to a text of evidence.
pub(crate) fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

/// What evidence must not contain.
fn redactions(secrets: &[String]) -> Arc<[String]> {
    secrets
        .iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect()
}

/// The same, and a token.
pub(crate) fn redacting(redact: &Arc<[String]>, token: &SecretString) -> Arc<[String]> {
    let token = token.expose_secret();
    if token.is_empty() || redact.iter().any(|known| known == token) {
        return Arc::clone(redact);
    }
    redact
        .iter()
        .cloned()
        .chain(std::iter::once(token.to_owned()))
        .collect()
}

fn failed(code: &str, detail: &str) -> Answer {
    Answer::Failed(Verdict::Misconfigured(Cause::new(code, detail)))
}

/// Most tokens one attempt or question may want.
pub(crate) const MOST_TOKENS: u32 = 3;
const MOST_CALLS: u32 = 16;
