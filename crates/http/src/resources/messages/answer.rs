//! The answer to a sent message, written straight into bytes: with 1,000 recipients it is the
//! larger half of the work at this edge.

use austin_engine::send::{SendAnswer, Wait};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reason::ReasonView;

/// What became of a message. Documents what [`write`] writes; a test keeps both the same.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageAccepted)]
pub(crate) struct MessageAnswer {
    #[schema(example = "msg_04hmasw9nf6yf")]
    id: String,
    template: TemplateRef,
    /// How many recipients were accepted.
    accepted: u32,
    /// Recipients that were not.
    rejected: Vec<RejectedView>,
    /// The accepted ones, in the order of the request.
    deliveries: Vec<DeliveryRef>,
    wait: WaitView,
}

/// The template version that is sent.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateRef {
    pub(crate) key: String,
    pub(crate) version: u32,
}

/// A recipient that was not accepted.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rejected)]
struct RejectedView {
    /// Index in the request's `to`.
    index: u32,
    /// As it stood in the request.
    to: String,
    /// `invalid_recipient`, `duplicate_recipient`, `missing_variable`, ….
    code: String,
    detail: String,
}

/// An accepted delivery.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryRef {
    #[schema(example = "dlv_04hmasw9nf6yg")]
    id: String,
    /// The address in its canonical form.
    to: String,
    /// `accepted`, `scheduled`, `held` or `suppressed`.
    state: String,
    /// Why it is not simply accepted.
    reason: Option<ReasonView>,
}

/// What stands before the message.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Wait)]
pub(crate) struct WaitView {
    /// Deliveries ahead of it in its lane.
    ahead: u64,
    /// Seconds until its turn, estimated.
    seconds: u64,
    /// Why it waits; `null` when it does not.
    reason: Option<String>,
}

impl From<Wait> for WaitView {
    fn from(wait: Wait) -> Self {
        Self {
            ahead: wait.ahead,
            seconds: wait.seconds,
            reason: wait.reason,
        }
    }
}

/// About how many bytes [`write`] will write.
pub(super) fn estimate(answer: &SendAnswer) -> usize {
    192 + answer.deliveries.len() * 96 + answer.rejected.len() * 192
}

/// Writes the answer as JSON.
pub(super) fn write(out: &mut Vec<u8>, answer: &SendAnswer) {
    out.extend_from_slice(b"{\"id\":\"");
    answer.id.write_to(out);
    out.extend_from_slice(b"\",\"template\":{\"key\":");
    text(out, &answer.template);
    out.extend_from_slice(b",\"version\":");
    number(out, answer.version.into());
    out.extend_from_slice(b"},\"accepted\":");
    number(out, answer.accepted.into());
    out.extend_from_slice(b",\"rejected\":[");
    for (index, rejected) in answer.rejected.iter().enumerate() {
        separate(out, index);
        out.extend_from_slice(b"{\"index\":");
        number(out, rejected.index.into());
        out.extend_from_slice(b",\"to\":");
        text(out, &rejected.to);
        out.extend_from_slice(b",\"code\":");
        text(out, &rejected.code);
        out.extend_from_slice(b",\"detail\":");
        text(out, &rejected.detail);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"deliveries\":[");
    for (index, delivery) in answer.deliveries.iter().enumerate() {
        separate(out, index);
        out.extend_from_slice(b"{\"id\":\"");
        delivery.id.write_to(out);
        out.extend_from_slice(b"\",\"to\":");
        text(out, &delivery.to);
        out.extend_from_slice(b",\"state\":\"");
        out.extend_from_slice(delivery.state.as_str().as_bytes());
        out.extend_from_slice(b"\",\"reason\":");
        match &delivery.reason {
            None => out.extend_from_slice(b"null"),
            Some(reason) => {
                // Rare. Writing text to memory cannot fail.
                let _ = serde_json::to_writer(&mut *out, &ReasonView::from(reason));
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"wait\":{\"ahead\":");
    number(out, answer.wait.ahead);
    out.extend_from_slice(b",\"seconds\":");
    number(out, answer.wait.seconds);
    out.extend_from_slice(b",\"reason\":");
    match &answer.wait.reason {
        None => out.extend_from_slice(b"null"),
        Some(reason) => text(out, reason),
    }
    out.extend_from_slice(b"}}");
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    let plain = text
        .bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing text to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}

#[cfg(test)]
mod tests {
    use austin_domain::{MessageId, Reason, State};
    use austin_engine::send::{DeliveryAnswer, Rejected, Wait};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sample(words: &str, number: u64) -> SendAnswer {
        let id = MessageId::from_u64(number);
        SendAnswer {
            id,
            template: "order-shipped".into(),
            version: 3,
            accepted: 2,
            rejected: vec![Rejected {
                index: 1,
                to: words.into(),
                code: "invalid_recipient".into(),
                detail: words.into(),
            }],
            deliveries: vec![
                DeliveryAnswer {
                    id: id.delivery(0),
                    to: words.into(),
                    state: State::Accepted,
                    reason: None,
                },
                DeliveryAnswer {
                    id: id.delivery(1),
                    to: "+8613711112201".into(),
                    state: State::Held,
                    reason: Some(Reason::new("quiet_hours", words)),
                },
            ],
            wait: Wait {
                ahead: number,
                seconds: 0,
                reason: Some(words.into()),
            },
        }
    }

    fn read(answer: &SendAnswer) -> MessageAnswer {
        let mut written = Vec::new();
        write(&mut written, answer);
        serde_json::from_slice(&written).unwrap()
    }

    #[test]
    fn the_answer_has_the_documented_fields() {
        let answer = sample("x", 0);
        let value = serde_json::to_value(read(&answer)).unwrap();
        assert_eq!(
            value["deliveries"][1],
            json!({
                "id": answer.deliveries[1].id.to_string(), "to": "+8613711112201",
                "state": "held", "reason": {"code": "quiet_hours", "detail": "x"},
            })
        );
        assert_eq!(
            value["template"],
            json!({"key": "order-shipped", "version": 3})
        );
        assert_eq!(
            value["wait"],
            json!({"ahead": 0, "seconds": 0, "reason": "x"})
        );
        assert_eq!(value["deliveries"][0]["reason"], json!(null));
    }

    proptest! {
        #[test]
        fn any_words_survive(words in "\\PC{0,20}|[\\x00-\\x1f\"\\\\]{0,8}", number: u64) {
            let answer = sample(&words, number);
            let read = read(&answer);
            prop_assert_eq!(&read.rejected[0].to, &words);
            prop_assert_eq!(&read.deliveries[1].reason.as_ref().unwrap().detail, &words);
            prop_assert_eq!(read.wait.ahead, number);
            prop_assert_eq!(read.id, answer.id.to_string());
        }
    }
}
