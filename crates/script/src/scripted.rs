//! A script as an adapter: what goes wrong in a worker becomes a verdict here.

use std::sync::Arc;

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::hosted::BoxFuture;
use austin_adapter_api::{
    Account, Answer, Asking, Batch, Call, Context, Descriptor, Hosted, Inbound, Phase, Question,
    Receipts, Refused, Reply, State, Step,
};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::definition::Head;
use crate::frames::{Failure, FailureKind, Function};
use crate::shape::{
    AskingSaid, BatchGiven, ContextGiven, InboundGiven, QuestionGiven, ReceiptsSaid, ReplyGiven,
    StepSaid,
};
use crate::workers::{Version, Workers};

/// Most calls of one send or question: a script that never ends asking is stopped.
const MOST_CALLS: u64 = 1_000;

/// A script that runs in the workers.
pub(crate) struct Scripted {
    head: Head,
    workers: Workers,
    version: Arc<Version>,
}

/// What the script remembers, and how many calls were made for it so far: before the first one
/// nothing can have been sent.
struct Progress {
    calls: u64,
    state: Value,
}

impl Progress {
    fn read(state: State) -> Self {
        let State(mut value) = state;
        Self {
            calls: value.get("calls").and_then(Value::as_u64).unwrap_or(0),
            state: value.get_mut("state").map(Value::take).unwrap_or_default(),
        }
    }

    fn write(calls: u64, state: State) -> State {
        State(json!({"calls": calls, "state": state.0}))
    }

    /// The verdict when the script fails at this point.
    fn verdict(&self, failure: &Failure, reply: Option<&Reply>) -> Verdict {
        // The one call that was made certainly did not arrive: its own fault says the rest.
        if let Some(Reply::Fault(fault)) = reply
            && self.calls == 1
            && fault.phase == Phase::NotSent
        {
            return fault_verdict(fault);
        }
        let cause = Cause::new(failure.kind.code(), &failure.detail);
        if self.calls == 0 {
            Verdict::Misconfigured(cause)
        } else {
            Verdict::Unknown(cause)
        }
    }
}

impl Scripted {
    pub(crate) fn new(head: Head, workers: Workers, version: Arc<Version>) -> Self {
        Self {
            head,
            workers,
            version,
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        function: Function,
        account: &Account,
        arguments: Vec<String>,
    ) -> Result<T, Failure> {
        let account = self.version.account(account);
        let json = self
            .workers
            .call(&self.version, function, account, arguments)
            .await?;
        serde_json::from_str(&json).map_err(|error| {
            let name = function.name();
            shape(format!("what {name} returned: {error}"))
        })
    }

    async fn step(
        &self,
        account: &Account,
        batch: &Batch,
        progress: Progress,
        reply: Option<&Reply>,
        context: Context,
    ) -> Step {
        let function = match reply {
            None => Function::Start,
            Some(_) => Function::Resume,
        };
        let mut arguments = vec![written(&BatchGiven::of(batch))];
        let said = match reply.map(reply_given) {
            Some(Err(failure)) => Err(failure),
            given => {
                if let Some(Ok(reply)) = given {
                    arguments.push(written(&progress.state));
                    arguments.push(reply);
                }
                arguments.push(written(&ContextGiven::of(&context)));
                self.call::<StepSaid>(function, account, arguments).await
            }
        };
        let step = said.and_then(|said| said.step(batch.items.len()).map_err(shape));
        match step {
            Ok(Step::Call { call, state }) => match self.vet(account, &call, progress.calls) {
                Ok(()) => Step::Call {
                    call,
                    state: Progress::write(progress.calls + 1, state),
                },
                Err(verdict) => Step::all(batch, &verdict),
            },
            Ok(Step::Token { want, state }) => Step::Token {
                want,
                state: Progress::write(progress.calls, state),
            },
            Ok(Step::Done(verdicts)) => Step::Done(verdicts),
            Err(failure) => Step::all(batch, &progress.verdict(&failure, reply)),
        }
    }

    /// Whether a call may be made. One that may not is the script's fault; were calls made
    /// before it, what became of them is not known.
    fn vet(&self, account: &Account, call: &Call, calls: u64) -> Result<(), Verdict> {
        let vetted = if calls >= MOST_CALLS {
            Err(Verdict::Misconfigured(Cause::new(
                "script_endless",
                "the script wants more calls than one send can need",
            )))
        } else {
            self.head.hosts.vet(account, call)
        };
        vetted.map_err(|verdict| match verdict {
            Verdict::Misconfigured(cause) if calls > 0 => Verdict::Unknown(cause),
            verdict => verdict,
        })
    }

    async fn asking(
        &self,
        function: Function,
        account: &Account,
        question: &Question,
        progress: Option<(Progress, &Reply)>,
        context: Context,
    ) -> Asking {
        let mut arguments = vec![written(&QuestionGiven::of(question))];
        let calls = progress.as_ref().map_or(0, |(progress, _)| progress.calls);
        if let Some((progress, reply)) = &progress {
            match reply_given(reply) {
                Ok(reply) => arguments.extend([written(&progress.state), reply]),
                Err(failure) => return failed(question, calls, &failure),
            }
        }
        arguments.push(written(&ContextGiven::of(&context)));
        let said = self.call::<AskingSaid>(function, account, arguments).await;
        match said.and_then(|said| said.asking().map_err(shape)) {
            Ok(Asking::Call { call, state }) => match self.vet(account, &call, calls) {
                Ok(()) => Asking::Call {
                    call,
                    state: Progress::write(calls + 1, state),
                },
                Err(verdict) => Asking::Done(Answer::Failed(verdict)),
            },
            Ok(Asking::Token { want, state }) => Asking::Token {
                want,
                state: Progress::write(calls, state),
            },
            Ok(Asking::Done(answer)) => Asking::Done(answer),
            Err(failure) => failed(question, calls, &failure),
        }
    }
}

/// A question that the script failed to ask or to read. Asking sends nothing to a person, so
/// the account is at fault, save for a recall, whose outcome is then not known.
fn failed(question: &Question, calls: u64, failure: &Failure) -> Asking {
    let cause = Cause::new(failure.kind.code(), &failure.detail);
    Asking::Done(Answer::Failed(match question {
        Question::Recall(_) if calls > 0 => Verdict::Unknown(cause),
        Question::Token { .. }
        | Question::Pull { .. }
        | Question::Query(_)
        | Question::Recall(_)
        | Question::Balance => Verdict::Misconfigured(cause),
    }))
}

fn shape(detail: impl AsRef<str>) -> Failure {
    Failure::new(FailureKind::Shape, detail)
}

fn written(value: &impl Serialize) -> String {
    // Text, numbers and maps with text keys: nothing in them can fail to be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

fn reply_given(reply: &Reply) -> Result<String, Failure> {
    ReplyGiven::of(reply)
        .map(|given| written(&given))
        .ok_or_else(|| shape("a reply to a call that scripts cannot make"))
}

impl Hosted for Scripted {
    fn descriptor(&self) -> &Descriptor {
        &self.head.descriptor
    }

    fn start<'a>(
        &'a self,
        account: &'a Account,
        batch: &'a Batch,
        context: Context,
    ) -> BoxFuture<'a, Step> {
        let progress = Progress {
            calls: 0,
            state: Value::Null,
        };
        Box::pin(self.step(account, batch, progress, None, context))
    }

    fn resume<'a>(
        &'a self,
        account: &'a Account,
        batch: &'a Batch,
        state: State,
        reply: Reply,
        context: Context,
    ) -> BoxFuture<'a, Step> {
        Box::pin(async move {
            let progress = Progress::read(state);
            self.step(account, batch, progress, Some(&reply), context)
                .await
        })
    }

    fn receipts<'a>(
        &'a self,
        account: &'a Account,
        request: &'a Inbound,
        context: Context,
    ) -> BoxFuture<'a, Result<Receipts, Refused>> {
        Box::pin(async move {
            if !self.head.descriptor.capabilities.receipts {
                return Err(Refused::unsupported());
            }
            let arguments = vec![
                written(&InboundGiven::of(request)),
                written(&ContextGiven::of(&context)),
            ];
            let said = self
                .call::<ReceiptsSaid>(Function::Receipts, account, arguments)
                .await;
            // The vendor repeats what it is told we could not take.
            said.and_then(|said| said.receipts().map_err(shape))
                .unwrap_or_else(|failure| {
                    Err(Refused {
                        status: StatusCode::SERVICE_UNAVAILABLE,
                        detail: format!("{}: {}", failure.kind.code(), failure.detail),
                    })
                })
        })
    }

    fn ask<'a>(
        &'a self,
        account: &'a Account,
        question: &'a Question,
        context: Context,
    ) -> BoxFuture<'a, Asking> {
        Box::pin(self.asking(Function::Ask, account, question, None, context))
    }

    fn answer<'a>(
        &'a self,
        account: &'a Account,
        question: &'a Question,
        state: State,
        reply: Reply,
        context: Context,
    ) -> BoxFuture<'a, Asking> {
        Box::pin(async move {
            let progress = Progress::read(state);
            self.asking(
                Function::Answer,
                account,
                question,
                Some((progress, &reply)),
                context,
            )
            .await
        })
    }

    fn quarantined(&self) -> Option<String> {
        self.workers.quarantined(&self.version)
    }
}
