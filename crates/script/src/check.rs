//! Runs a speaker against recorded examples: requests it must make, answers it must understand.

mod examples;
mod matching;
mod seen;

use austin_adapter_api::{
    Account, Asking, Batch, Call, Context, Inbound, Question, Reply, Speaker, State, Step, validate,
};
use serde::Serialize;
use serde_json::Value;

pub use examples::Examples;
use examples::{Case, Kind, Turn};

/// Steps of one example, above which the speaker goes round in circles.
const MOST_STEPS: usize = 100;

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Examples that came out as recorded.
    pub passed: usize,
    /// What did not.
    pub mismatches: Vec<Mismatch>,
}

impl Report {
    /// Whether everything came out as recorded.
    pub fn is_good(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Something that did not come out as recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// The example's name.
    pub example: String,
    /// JSON pointer into the example, e.g. `/steps/0/expect/call/url`.
    pub pointer: String,
    /// What was recorded; `null` when nothing was.
    pub expected: Value,
    /// What came out.
    pub actual: Value,
    /// One sentence.
    pub detail: String,
}

/// Runs all examples, each by itself.
pub async fn check(speaker: &Speaker, examples: &Examples) -> Report {
    let mut report = Report::default();
    for case in &examples.examples {
        let account = examples.account(case);
        let mut run = Run {
            speaker,
            account: &account,
            context: examples.context(case),
            case,
            mismatches: Vec::new(),
        };
        run.whole().await;
        if run.mismatches.is_empty() {
            report.passed += 1;
        }
        report.mismatches.append(&mut run.mismatches);
    }
    report
}

/// One example being run.
struct Run<'a> {
    speaker: &'a Speaker,
    account: &'a Account,
    context: Context,
    case: &'a Case,
    mismatches: Vec<Mismatch>,
}

/// What a step of a send or a question comes to.
enum Next {
    Call(Call, State),
    Token(Value, State),
    Done(Value),
}

impl Run<'_> {
    async fn whole(&mut self) {
        let faults = validate(
            self.speaker.descriptor(),
            &self.account.settings,
            &self.account.secrets,
        );
        for fault in faults {
            let detail = format!(
                "the account is not what the descriptor asks for: {}",
                fault.detail
            );
            self.note(
                &format!("/account{}", fault.pointer),
                &Value::Null,
                &Value::Null,
                &detail,
            );
        }
        if !self.mismatches.is_empty() {
            return;
        }
        match &self.case.kind {
            Kind::Send { send, steps } => {
                let batch = send.batch();
                self.turns(&Asked::Send(batch), steps).await;
            }
            Kind::Ask { ask, steps } => {
                self.turns(&Asked::Question(ask.question()), steps).await;
            }
            Kind::Receipts { receipts, expect } => {
                let request = match receipts.inbound() {
                    Ok(request) => request,
                    Err(detail) => {
                        return self.note("/receipts", &Value::Null, &Value::Null, &detail);
                    }
                };
                self.receipts(&request, expect).await;
            }
        }
    }

    async fn receipts(&mut self, request: &Inbound, expect: &Value) {
        let read = self
            .speaker
            .receipts(self.account, request, self.context)
            .await;
        let actual = seen::receipts(&read);
        self.compare("/expect", expect, &actual);
    }

    async fn turns(&mut self, asked: &Asked, turns: &[Turn]) {
        let mut next = self.begin(asked).await;
        for (index, turn) in turns.iter().enumerate().take(MOST_STEPS) {
            let place = format!("/steps/{index}");
            let (actual, state) = match next {
                Next::Call(call, state) => (seen::call(&call, &turn.expect), Some(state)),
                Next::Token(token, state) => (token, Some(state)),
                Next::Done(done) => (done, None),
            };
            self.compare(&format!("{place}/expect"), &turn.expect, &actual);
            match (&turn.reply, state, index + 1 == turns.len()) {
                (Some(reply), Some(state), false) => match reply.reply() {
                    Ok(reply) => next = self.go_on(asked, state, reply).await,
                    Err(detail) => {
                        let place = format!("{place}/reply");
                        return self.note(&place, &Value::Null, &Value::Null, &detail);
                    }
                },
                (None, _, true) => return,
                (Some(_), _, true) => {
                    let detail = "the last step has a reply, and nothing recorded after it";
                    return self.note(&place, &Value::Null, &actual, detail);
                }
                (None, _, false) => {
                    let detail = "a step before the last one needs a reply";
                    return self.note(&place, &Value::Null, &actual, detail);
                }
                (Some(_), None, false) => {
                    let detail = "it is done here; the recorded example goes on";
                    return self.note(&place, &turn.expect, &actual, detail);
                }
            }
        }
    }

    async fn begin(&self, asked: &Asked) -> Next {
        match asked {
            Asked::Send(batch) => sent(self.speaker.start(self.account, batch, self.context).await),
            Asked::Question(question) => {
                let asking = self.speaker.ask(self.account, question, self.context).await;
                answered(asking)
            }
        }
    }

    async fn go_on(&self, asked: &Asked, state: State, reply: Reply) -> Next {
        let (account, context) = (self.account, self.context);
        match asked {
            Asked::Send(batch) => sent(
                self.speaker
                    .resume(account, batch, state, reply, context)
                    .await,
            ),
            Asked::Question(question) => answered(
                self.speaker
                    .answer(account, question, state, reply, context)
                    .await,
            ),
        }
    }

    fn compare(&mut self, place: &str, expected: &Value, actual: &Value) {
        for difference in matching::differences(expected, actual) {
            let pointer = format!("{place}{}", difference.pointer);
            self.note(
                &pointer,
                &difference.expected,
                &difference.actual,
                &difference.detail,
            );
        }
    }

    fn note(&mut self, pointer: &str, expected: &Value, actual: &Value, detail: &str) {
        self.mismatches.push(Mismatch {
            example: self.case.name.clone(),
            pointer: pointer.to_owned(),
            expected: expected.clone(),
            actual: actual.clone(),
            detail: detail.to_owned(),
        });
    }
}

enum Asked {
    Send(Batch),
    Question(Question),
}

fn sent(step: Step) -> Next {
    match step {
        Step::Call { call, state } => Next::Call(call, state),
        Step::Token { want, state } => Next::Token(seen::token(&want), state),
        Step::Done(verdicts) => Next::Done(seen::verdicts(&verdicts)),
    }
}

fn answered(asking: Asking) -> Next {
    match asking {
        Asking::Call { call, state } => Next::Call(call, state),
        Asking::Token { want, state } => Next::Token(seen::token(&want), state),
        Asking::Done(answer) => Next::Done(seen::answer(&answer)),
    }
}
