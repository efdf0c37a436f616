//! Many messages in one request: one JSON object, or one message a line.
//!
//! Items are parsed apart from each other, so that a broken one fails alone.

use austin_engine::send::SendAnswer;
use austin_engine::{Caller, Once};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer::{self, MessageAnswer};
use super::request::MessageRequest;
use crate::app::App;
use crate::body;
use crate::json;
use crate::problem::{Code, Document, Problem};
use crate::request_id::RequestId;

const NDJSON: &str = "application/x-ndjson";

/// Many messages.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `Envelope` reads item by item")]
pub(super) struct BatchRequest {
    /// At most 1,000.
    messages: Vec<MessageRequest>,
}

/// The same, with items left as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    messages: Vec<Box<RawValue>>,
}

/// What became of each message, in order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `Format::write` writes")]
pub(super) struct BatchAnswer {
    results: Vec<BatchItem>,
}

/// What became of one message: `message` or `problem`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `Format::write` writes")]
pub(super) struct BatchItem {
    /// The status it would have been answered with alone.
    #[schema(example = 202)]
    status: u16,
    message: Option<MessageAnswer>,
    problem: Option<Document<'static>>,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Lines,
}

/// One message of a batch, parsed or not.
pub(super) type Item = Result<MessageRequest, Problem>;

impl Format {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        if body::media_type(headers) == NDJSON {
            return Ok(Self::Lines);
        }
        match body::require_json(headers) {
            Ok(()) => Ok(Self::Json),
            Err(_) => Err(Problem::new(
                Code::UnsupportedMediaType,
                "send the body as application/json or application/x-ndjson",
            )),
        }
    }

    pub(super) const fn media_type(self) -> HeaderValue {
        match self {
            Self::Json => HeaderValue::from_static("application/json"),
            Self::Lines => HeaderValue::from_static(NDJSON),
        }
    }

    pub(super) fn split(self, bytes: &[u8], most: usize) -> Result<Vec<Item>, Problem> {
        let items: Vec<Item> = match self {
            Self::Json => {
                let envelope: Envelope = json::parse(bytes)?;
                check_count(envelope.messages.len(), most, "/messages")?;
                envelope
                    .messages
                    .iter()
                    .map(|raw| json::parse(raw.get().as_bytes()))
                    .collect()
            }
            Self::Lines => {
                let lines = || {
                    bytes
                        .split(|byte| *byte == b'\n')
                        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
                };
                check_count(lines().count(), most, "")?;
                lines().map(json::parse).collect()
            }
        };
        Ok(items)
    }

    pub(super) fn write(
        self,
        answers: &[Result<SendAnswer, Problem>],
        request_id: &RequestId,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(answers.len() * 320 + 32);
        if self == Self::Json {
            out.extend_from_slice(b"{\"results\":[");
        }
        for (index, answer) in answers.iter().enumerate() {
            if self == Self::Json && index > 0 {
                out.push(b',');
            }
            write_item(&mut out, answer, request_id);
            if self == Self::Lines {
                out.push(b'\n');
            }
        }
        if self == Self::Json {
            out.extend_from_slice(b"]}");
        }
        out
    }
}

/// Sends what could be parsed, in one call, and puts every answer in its place.
pub(super) async fn send(
    app: &App,
    caller: &Caller,
    items: Vec<Item>,
    once: Option<Once>,
) -> Result<(Vec<Result<SendAnswer, Problem>>, Option<String>), Problem> {
    let mut requests = Vec::with_capacity(items.len());
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        match item.and_then(MessageRequest::into_engine) {
            Ok(request) => {
                requests.push(request);
                answers.push(None);
            }
            Err(problem) => answers.push(Some(Err(problem))),
        }
    }
    let (sent, replayed) = match requests.is_empty() {
        true => (Vec::new(), None),
        false => super::carry_out(app, caller, requests, once).await?,
    };
    let mut sent = sent.into_iter();
    let answers = answers
        .into_iter()
        .map(|answer| match answer {
            Some(refused) => refused,
            None => sent
                .next()
                .unwrap_or_else(|| Err(super::unanswered()))
                .map_err(Problem::from),
        })
        .collect();
    Ok((answers, replayed))
}

fn check_count(count: usize, most: usize, pointer: &str) -> Result<(), Problem> {
    if count == 0 {
        let detail = "must hold at least one message";
        return Err(Problem::field(pointer, "required", detail));
    }
    if count > most {
        let detail = format!("{count} messages; a batch takes at most {most}");
        return Err(Problem::new(Code::TooLarge, detail.clone()).with_error(
            pointer,
            "too_many_messages",
            &detail,
        ));
    }
    Ok(())
}

fn write_item(out: &mut Vec<u8>, answer: &Result<SendAnswer, Problem>, request_id: &RequestId) {
    #[derive(Serialize)]
    struct Refused<'a> {
        status: u16,
        problem: Document<'a>,
    }
    match answer {
        Ok(answer) => {
            out.extend_from_slice(b"{\"status\":202,\"message\":");
            answer::write(out, answer);
            out.push(b'}');
        }
        Err(problem) => {
            let refused = Refused {
                status: problem.status().as_u16(),
                problem: problem.document(request_id),
            };
            // Writing plain data to memory cannot fail.
            let _ = serde_json::to_writer(out, &refused);
        }
    }
}
