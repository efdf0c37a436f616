//! One delivery told to a person: what happened, when, and why.

use std::fmt::Write as _;

use serde_json::Value;

/// The delivery as the API gives it, in lines: where it stands, and every step to there.
pub(crate) fn story(delivery: &Value) -> String {
    let mut text = String::new();
    let word = |name: &str| delivery[name].as_str().unwrap_or_default();
    let _ = writeln!(text, "{}  {}  {}", word("id"), word("to"), word("state"));
    let why = reason(&delivery["reason"]);
    if !why.is_empty() {
        let _ = writeln!(text, "  {why}");
    }
    for step in items(delivery, "timeline") {
        let _ = writeln!(text, "{}", step_line(step));
    }
    text
}

/// What went to vendors and what they answered, redacted.
pub(crate) fn attempts(delivery: &Value) -> String {
    let mut text = String::new();
    for attempt in items(delivery, "attempts") {
        let _ = writeln!(
            text,
            "\nattempt {} by {}",
            attempt["attempt"],
            shown(&attempt["account"])
        );
        for name in ["request", "answer"] {
            for line in shown(&attempt[name]).lines() {
                let _ = writeln!(text, "  {name}: {line}");
            }
        }
    }
    text
}

/// A reason in one line: its code and its words.
pub(crate) fn reason(reason: &Value) -> String {
    match reason {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(parts) => {
            let word = |name: &str| parts.get(name).and_then(Value::as_str).unwrap_or_default();
            [word("code"), word("detail")]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(": ")
        }
        other => other.to_string(),
    }
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// When, what, and the sentence about it.
fn step_line(step: &Value) -> String {
    let (at, event) = (shown(&step["at"]), shown(&step["event"]));
    let mut words = shown(&step["detail"]);
    if words.is_empty() {
        words = reason(&step["reason"]);
    }
    format!("  {at:<24}  {event:<12}  {words}")
        .trim_end()
        .to_owned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_every_step_with_its_reason() {
        let delivery = json!({
            "id": "dlv_1", "to": "+86137****2201", "state": "failed",
            "reason": {"code": "bad_recipient", "detail": "no such number"},
            "timeline": [
                {"at": "2026-01-01T00:00:00Z", "event": "accepted", "detail": "shop sent it"},
                {"at": "2026-01-01T00:00:01Z", "event": "failed",
                 "reason": {"code": "bad_recipient", "detail": "no such number"}},
            ],
            "attempts": [{"attempt": 1, "account": "sim", "request": "POST /x\n{}",
                "answer": "200 OK"}],
        });
        assert_eq!(
            story(&delivery),
            "dlv_1  +86137****2201  failed\n  bad_recipient: no such number\n  \
             2026-01-01T00:00:00Z      accepted      shop sent it\n  \
             2026-01-01T00:00:01Z      failed        bad_recipient: no such number\n"
        );
        assert_eq!(
            attempts(&delivery),
            "\nattempt 1 by sim\n  request: POST /x\n  request: {}\n  answer: 200 OK\n"
        );
    }
}
