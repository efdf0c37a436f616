//! One call of a vendor protocol, from its headers to its answer.
//!
//! Invariant: what is answered "accepted", and what a rule accepts without saying so, is in the
//! ledger before the first byte of the answer leaves.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::actor::Actor;
use crate::behaviour::{Limit, LimitAnswer, LimitUnit};
use crate::ledger::Accepted;
use crate::phone;
use crate::rates::Kind;
use crate::receipts::Receipt;
use crate::reply::{self, Broken, HTML, Reply, ReplyBody};
use crate::rules::{Action, Cut, CutHow, Refusal, Seen};
use crate::server::State;
use crate::socket::Breaker;
use crate::vendor::{self, Call, Inbound, Message, Outcome, Vendor, codes};

/// A call on its way.
pub(crate) struct Exchange<'s> {
    pub(crate) state: &'s State,
    pub(crate) breaker: &'s Breaker,
    pub(crate) actor: Arc<Actor>,
    pub(crate) vendor: Vendor,
}

type Answer = Result<Response<ReplyBody>, Broken>;

impl Exchange<'_> {
    /// Takes the call through reading, judging, accepting and answering.
    pub(crate) async fn run(self, parts: &Parts, path: &str, body: Incoming) -> Answer {
        let now_ms = self.state.clock.now_ms();
        let elapsed_ms = self.actor.elapsed_ms(now_ms);
        if let Some(cut) = self.actor.rules.cut_unread(elapsed_ms) {
            self.actor.tally.called(now_ms, 0);
            return self.cut(cut);
        }
        let body = match read(body, self.state.body_bytes).await {
            Ok(body) => body,
            Err(reply) => return Ok(reply.into_response()),
        };
        let inbound = Inbound {
            parts,
            path,
            body: &body,
            actor: &self.actor,
            ledger: &self.state.ledger,
            now_ms,
        };
        let call = match vendor::parse(self.vendor, &inbound) {
            Ok(call) => call,
            Err(reply) => {
                self.actor.tally.called(now_ms, 0);
                return Ok(reply.into_response());
            }
        };
        self.actor.tally.called(now_ms, call.messages.len());
        if let Some(reply) = self.above_limit(now_ms, call.messages.len()) {
            return Ok(reply.into_response());
        }
        let verdict = self
            .actor
            .rules
            .call(|| call.messages.iter().map(seen), elapsed_ms);
        let outcomes = if verdict.action.is_none_or(Action::accepts) {
            self.accept(&call, now_ms, elapsed_ms)
        } else {
            Vec::new()
        };
        self.promise(&call, &outcomes, now_ms).await;
        if verdict.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(verdict.delay_ms)).await;
        }
        match verdict.action {
            None => Ok(vendor::answer(&call, &outcomes).into_response()),
            Some(action) => self.act(action, &call, &outcomes).await,
        }
    }

    /// The answer to a call above the behaviour's limit.
    fn above_limit(&self, now_ms: i64, messages: usize) -> Option<Reply> {
        let Limit {
            per_second,
            counts,
            answer,
        } = self.actor.behaviour.limit?;
        let size = match counts {
            LimitUnit::Calls => 1,
            LimitUnit::Messages => messages as u64,
        };
        let rates = &self.actor.tally.rates;
        if rates.admit(now_ms, size, per_second) {
            return None;
        }
        rates.add(now_ms, Kind::Throttled, 1);
        Some(match answer {
            LimitAnswer::Throttled => vendor::failure(self.vendor, "throttled", None),
            LimitAnswer::Status429 => Reply::text(429, "too many requests").retry_after(Some(1)),
        })
    }

    /// Judges every message; writes the accepted ones into the ledger.
    fn accept<'c>(&'c self, call: &Call<'c>, now_ms: i64, elapsed_ms: u64) -> Vec<Outcome<'c>> {
        let judge = |message: &Message<'c>| self.judge(message, elapsed_ms);
        if vendor::all_or_nothing(self.vendor)
            && let Some(refusal) = call.messages.iter().find_map(judge)
        {
            return vec![refusal; call.messages.len()];
        }
        let mut accepted = 0;
        let outcomes = call.messages.iter().map(|message| {
            // The whole call was judged above where one refusal is everyone's.
            if !vendor::all_or_nothing(self.vendor)
                && let Some(refusal) = judge(message)
            {
                return refusal;
            }
            accepted += 1;
            Outcome::Accepted {
                mark: self.state.ledger.record(&Accepted {
                    behaviour: &self.actor.tally.name,
                    vendor: self.vendor,
                    reference: &message.reference,
                    shared: call.shared,
                    to: &message.to,
                    text: &message.text,
                    at_ms: now_ms,
                    count_by: self.actor.behaviour.count_by,
                }),
                segments: phone::segments(&message.text),
            }
        });
        let outcomes = outcomes.collect();
        if accepted > 0 && self.state.registry.counting() {
            self.actor.tally.accepted(now_ms, accepted);
        }
        outcomes
    }

    fn judge<'c>(&'c self, message: &Message<'_>, elapsed_ms: u64) -> Option<Outcome<'c>> {
        let malformed = || message.malformed.then_some(("bad_recipient", None));
        let ruled = self.actor.rules.message(seen(message), elapsed_ms);
        let (code, words) = ruled
            .map(|Refusal { code, message }| (code.as_str(), message.as_deref()))
            .or_else(malformed)?;
        let code = codes::message_code(self.vendor, code);
        let message = words.map_or_else(|| codes::words(&code).into(), Cow::Borrowed);
        Some(Outcome::Refused { code, message })
    }

    /// Promises receipts for the accepted messages.
    async fn promise(&self, call: &Call<'_>, outcomes: &[Outcome<'_>], now_ms: i64) {
        let Some(courier) = &self.actor.courier else {
            return;
        };
        if !vendor::posts_receipts(self.vendor) {
            return;
        }
        let mut call_id = None;
        let receipts = call.messages.iter().zip(outcomes);
        let receipts = receipts.filter_map(|(message, outcome)| match outcome {
            Outcome::Accepted { mark, segments } => {
                let first = *call_id.get_or_insert(mark.number);
                Some(Receipt {
                    mark: *mark,
                    vendor: self.vendor,
                    id: if matches!(self.vendor, Vendor::Aliyun | Vendor::Sendgrid) {
                        first
                    } else {
                        mark.number
                    },
                    reference: (&*message.reference).into(),
                    to: (&*message.to).into(),
                    segments: *segments,
                    accepted_ms: now_ms,
                    done_ms: now_ms,
                    delivered: true,
                    code: "DELIVRD".into(),
                    url: call.callback.clone(),
                })
            }
            Outcome::Refused { .. } => None,
        });
        courier.promise(receipts.collect()).await;
    }

    /// Does what a call rule says instead of the ordinary answer.
    async fn act(&self, action: &Action, call: &Call<'_>, outcomes: &[Outcome<'_>]) -> Answer {
        let ordinary = || vendor::answer(call, outcomes);
        Ok(match action {
            Action::Accept | Action::Reject(_) | Action::Delay(_) => ordinary().into_response(),
            Action::Fail(refusal) => {
                vendor::failure(self.vendor, &refusal.code, refusal.message.as_deref())
                    .into_response()
            }
            Action::Status(answer) => Reply::text(
                answer.status,
                answer.body.clone().unwrap_or_else(|| "as told".into()),
            )
            .retry_after(answer.retry_after)
            .into_response(),
            Action::Hang(_) => std::future::pending().await,
            Action::Cut(cut) => return self.cut(*cut),
            Action::Half(_) => ordinary().into_half(),
            Action::Garbage(_) => reply::garbage().into_response(),
            Action::Huge(huge) => reply::huge(huge.bytes),
            Action::Redirect(redirect) => reply::redirect(&redirect.to),
            Action::WrongType(_) => Reply {
                content_type: HTML,
                ..ordinary()
            }
            .into_response(),
        })
    }

    fn cut(&self, cut: Cut) -> Answer {
        if cut.how == CutHow::Reset {
            self.breaker.reset();
        }
        Err(Broken::Cut)
    }
}

fn seen<'a>(message: &'a Message<'_>) -> Seen<'a> {
    Seen {
        to: &message.to,
        reference: &message.reference,
        text: &message.text,
    }
}

/// Reads a body of at most `most` bytes.
pub(crate) async fn read(body: Incoming, most: usize) -> Result<Bytes, Reply> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let why = format!("the body is longer than {most} bytes");
            Err(Reply::error(413, &why))
        }
        Err(error) => Err(Reply::error(400, &error.to_string())),
    }
}
