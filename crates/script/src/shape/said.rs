//! What a script gives back, read strictly: an unknown field is a mistake, not a wish.

mod receipt;

use std::collections::BTreeMap;
use std::time::Duration;

use austin_adapter_api::{
    Answer, Asking, Balance, Call, Found, HttpRequest, Pulled, State, Step, Token, TokenWant,
};
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use receipt::{ANSWER_TYPES, ReceiptSaid, ReceiptsSaid};

/// Longest total time of a call.
const LONGEST_DEADLINE: u64 = 60_000;
/// Most bytes of answer.
const MOST_REPLY_BYTES: usize = 8 * 1024 * 1024;

/// The next step of a send. Exactly one of the fields besides `state`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StepSaid {
    call: Option<CallSaid>,
    token: Option<TokenSaid>,
    done: Option<Vec<VerdictSaid>>,
    all: Option<VerdictSaid>,
    state: Value,
}

impl StepSaid {
    /// The step for a batch of so many items.
    ///
    /// # Errors
    /// What breaks the contract.
    pub(crate) fn step(self, items: usize) -> Result<Step, String> {
        let state = State(self.state);
        match (self.call, self.token, self.done, self.all) {
            (Some(call), None, None, None) => Ok(Step::Call {
                call: call.call()?,
                state,
            }),
            (None, Some(token), None, None) => Ok(Step::Token {
                want: token.want(),
                state,
            }),
            (None, None, Some(verdicts), None) if verdicts.len() == items => verdicts
                .into_iter()
                .map(VerdictSaid::verdict)
                .collect::<Result<_, _>>()
                .map(Step::Done),
            (None, None, Some(verdicts), None) => Err(format!(
                "done has {} verdicts for {items} recipients",
                verdicts.len()
            )),
            (None, None, None, Some(verdict)) => Ok(Step::Done(vec![verdict.verdict()?; items])),
            _ => Err("a step has exactly one of call, token, done and all".into()),
        }
    }
}

/// The next step of a question. Exactly one of the fields besides `state`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AskingSaid {
    call: Option<CallSaid>,
    token: Option<TokenSaid>,
    done: Option<AnswerSaid>,
    state: Value,
}

impl AskingSaid {
    /// The step.
    ///
    /// # Errors
    /// What breaks the contract.
    pub(crate) fn asking(self) -> Result<Asking, String> {
        let state = State(self.state);
        match (self.call, self.token, self.done) {
            (Some(call), None, None) => Ok(Asking::Call {
                call: call.call()?,
                state,
            }),
            (None, Some(token), None) => Ok(Asking::Token {
                want: token.want(),
                state,
            }),
            (None, None, Some(answer)) => answer.answer().map(Asking::Done),
            _ => Err("a step of a question has exactly one of call, token and done".into()),
        }
    }
}

/// An HTTP request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallSaid {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
    max_reply_bytes: Option<usize>,
    deadline_ms: Option<u64>,
}

impl CallSaid {
    fn call(self) -> Result<Call, String> {
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| "call.method is not an HTTP method".to_owned())?;
        let body = match (self.body, self.body_base64) {
            (Some(_), Some(_)) => return Err("a call has one of body and body_base64".into()),
            (text, None) => Bytes::from(text.unwrap_or_default()),
            (None, Some(encoded)) => STANDARD
                .decode(encoded)
                .map_err(|error| format!("call.body_base64: {error}"))?
                .into(),
        };
        let mut request = HttpRequest::new(method, self.url, body);
        for (name, value) in self.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| "call.headers has a name that is no header name".to_owned())?;
            // The value may hold a secret: it is not repeated.
            let value = HeaderValue::from_str(&value)
                .map_err(|_| format!("the value of the header {header} cannot be sent"))?;
            request.headers.insert(header, value);
        }
        if let Some(bytes) = self.max_reply_bytes {
            request.max_reply_bytes = bytes.clamp(1, MOST_REPLY_BYTES);
        }
        if let Some(millis) = self.deadline_ms {
            request.deadline = Duration::from_millis(millis.clamp(1, LONGEST_DEADLINE));
        }
        Ok(Call::Http(request))
    }
}

/// A wish for a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenSaid {
    name: String,
    refused: Option<String>,
}

impl TokenSaid {
    fn want(self) -> TokenWant {
        TokenWant {
            name: self.name,
            refused: self.refused.map(SecretString::from),
        }
    }
}

/// A verdict; seconds where it says how long. Also the form of expectations in examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum VerdictSaid {
    Accepted(AcceptedSaid),
    BadRecipient(CauseSaid),
    BadContent(CauseSaid),
    Elsewhere(CauseSaid),
    NumberRefused(WaitSaid),
    Later(WaitSaid),
    Throttled(WaitSaid),
    Misconfigured(CauseSaid),
    Unknown(CauseSaid),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AcceptedSaid {
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CauseSaid {
    code: String,
    #[serde(default)]
    detail: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitSaid {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl CauseSaid {
    fn cause(&self) -> Cause {
        Cause::new(self.code.chars().take(64).collect::<String>(), &self.detail)
    }

    fn of(cause: &Cause) -> Self {
        Self {
            code: cause.code.clone(),
            detail: cause.detail.clone(),
        }
    }
}

impl AcceptedSaid {
    fn of(acceptance: &Acceptance) -> Self {
        Self {
            vendor_id: acceptance.vendor_id.clone(),
            receipt_key: acceptance.receipt_key.clone(),
            segments: acceptance.segments,
            cost: acceptance.cost,
        }
    }

    fn acceptance(self) -> Acceptance {
        Acceptance {
            vendor_id: self.vendor_id.filter(|id| !id.is_empty()),
            receipt_key: self.receipt_key.filter(|key| !key.is_empty()),
            segments: self.segments,
            cost: self.cost,
        }
    }
}

impl WaitSaid {
    fn parts(self) -> Result<(Cause, Option<Duration>), String> {
        const LONGEST: f64 = 86_400.0;
        let wait = match self.seconds {
            None => None,
            Some(seconds) if seconds >= 0.0 && seconds.is_finite() => {
                Some(Duration::from_secs_f64(seconds.min(LONGEST)))
            }
            Some(_) => return Err("seconds of a verdict must not be negative".into()),
        };
        let cause = CauseSaid {
            code: self.code,
            detail: self.detail,
        };
        Ok((cause.cause(), wait))
    }

    fn of(cause: &Cause, wait: Option<Duration>) -> Self {
        Self {
            code: cause.code.clone(),
            detail: cause.detail.clone(),
            seconds: wait.map(|wait| wait.as_secs_f64()),
        }
    }
}

impl VerdictSaid {
    /// The verdict.
    ///
    /// # Errors
    /// What breaks the contract.
    pub(crate) fn verdict(self) -> Result<Verdict, String> {
        Ok(match self {
            Self::Accepted(accepted) => Verdict::Accepted(accepted.acceptance()),
            Self::BadRecipient(cause) => Verdict::BadRecipient(cause.cause()),
            Self::BadContent(cause) => Verdict::BadContent(cause.cause()),
            Self::Elsewhere(cause) => Verdict::Elsewhere(cause.cause()),
            Self::NumberRefused(wait) => {
                let (cause, after) = wait.parts()?;
                Verdict::NumberRefused { cause, after }
            }
            Self::Later(wait) => {
                let (cause, after) = wait.parts()?;
                Verdict::Later { cause, after }
            }
            Self::Throttled(wait) => {
                let (cause, pause) = wait.parts()?;
                Verdict::Throttled { cause, pause }
            }
            Self::Misconfigured(cause) => Verdict::Misconfigured(cause.cause()),
            Self::Unknown(cause) => Verdict::Unknown(cause.cause()),
        })
    }

    /// How a verdict is written.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted(acceptance) => Self::Accepted(AcceptedSaid::of(acceptance)),
            Verdict::BadRecipient(cause) => Self::BadRecipient(CauseSaid::of(cause)),
            Verdict::BadContent(cause) => Self::BadContent(CauseSaid::of(cause)),
            Verdict::Elsewhere(cause) => Self::Elsewhere(CauseSaid::of(cause)),
            Verdict::NumberRefused { cause, after } => {
                Self::NumberRefused(WaitSaid::of(cause, *after))
            }
            Verdict::Later { cause, after } => Self::Later(WaitSaid::of(cause, *after)),
            Verdict::Throttled { cause, pause } => Self::Throttled(WaitSaid::of(cause, *pause)),
            Verdict::Misconfigured(cause) => Self::Misconfigured(CauseSaid::of(cause)),
            Verdict::Unknown(cause) => Self::Unknown(CauseSaid::of(cause)),
        }
    }
}

/// An answer.
#[derive(Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
enum AnswerSaid {
    Token {
        value: String,
        expires_in: Option<f64>,
    },
    Receipts {
        receipts: Vec<ReceiptSaid>,
        #[serde(default)]
        cursor: Value,
        #[serde(default)]
        more: bool,
    },
    Known {
        #[serde(default)]
        accepted: AcceptedSaid,
        receipt: Option<ReceiptSaid>,
    },
    Absent {},
    Unclear(CauseSaid),
    Recalled {},
    NotRecalled(CauseSaid),
    Balance {
        amount: i64,
        unit: String,
    },
    Failed {
        with: VerdictSaid,
    },
    Unsupported {},
}

impl AnswerSaid {
    fn answer(self) -> Result<Answer, String> {
        Ok(match self {
            Self::Token { value, .. } if value.is_empty() => {
                return Err("the token is empty".into());
            }
            Self::Token { value, expires_in } => Answer::Token(Token {
                value: value.into(),
                expires_in: expires_in
                    .filter(|seconds| *seconds >= 0.0)
                    .map(|seconds| Duration::from_secs_f64(seconds.min(31_536_000.0))),
            }),
            Self::Receipts {
                receipts,
                cursor,
                more,
            } => Answer::Receipts(Pulled {
                receipts: receipts
                    .into_iter()
                    .map(ReceiptSaid::receipt)
                    .collect::<Result<_, _>>()?,
                cursor: State(cursor),
                more,
            }),
            Self::Known { accepted, receipt } => Answer::Found(Found::Known {
                acceptance: accepted.acceptance(),
                receipt: receipt.map(ReceiptSaid::receipt).transpose()?.map(Box::new),
            }),
            Self::Absent {} => Answer::Found(Found::Absent),
            Self::Unclear(cause) => Answer::Found(Found::Unclear(cause.cause())),
            Self::Recalled {} => Answer::Recalled,
            Self::NotRecalled(cause) => Answer::NotRecalled(cause.cause()),
            Self::Balance { amount, unit } => Answer::Balance(Balance { amount, unit }),
            Self::Failed { with } => Answer::Failed(with.verdict()?),
            Self::Unsupported {} => Answer::Unsupported,
        })
    }
}
