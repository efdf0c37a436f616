//! One delivery told to a person: what happened, when, and why.

use std::fmt::Write as _;

use serde_json::Value;

/// The delivery as the API gives it, in lines.
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
    for attempt in items(delivery, "attempts") {
        let _ = writeln!(text, "  attempt {}", flat(attempt));
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

/// `  12:00:00.123Z  sent  account=sim-sms, vendor_id=…`
fn step_line(step: &Value) -> String {
    let at = step["at"].as_str().unwrap_or_default();
    let event = step["event"].as_str().unwrap_or_default();
    let mut rest = step.clone();
    if let Some(rest) = rest.as_object_mut() {
        rest.remove("at");
        rest.remove("event");
    }
    format!("  {at:<24}  {event:<12}  {}", flat(&rest))
        .trim_end()
        .to_owned()
}

/// An object as `name=value, …`; long values are cut, nothing is left out but nulls.
fn flat(value: &Value) -> String {
    let Value::Object(parts) = value else {
        return String::new();
    };
    parts
        .iter()
        .filter_map(|(name, value)| {
            let shown = match value {
                Value::Null => return None,
                Value::String(text) => text.replace(['\r', '\n'], " "),
                Value::Object(_) if name == "reason" => reason(value),
                other => other.to_string(),
            };
            let cut: String = shown.chars().take(120).collect();
            let mark = if cut.len() < shown.len() { "…" } else { "" };
            Some(format!("{name}={cut}{mark}"))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_every_step_with_its_reason() {
        let text = story(&json!({
            "id": "dlv_1", "to": "+86137****2201", "state": "failed",
            "reason": {"code": "bad_recipient", "detail": "no such number"},
            "timeline": [
                {"at": "2026-01-01T00:00:00Z", "event": "accepted"},
                {"at": "2026-01-01T00:00:01Z", "event": "failed",
                 "reason": {"code": "bad_recipient", "detail": "no such number"}},
            ],
            "attempts": [{"attempt": 1, "account": "sim", "verdict": "bad_recipient", "took_ms": 12}],
        }));
        assert_eq!(
            text,
            "dlv_1  +86137****2201  failed\n  bad_recipient: no such number\n  \
             2026-01-01T00:00:00Z      accepted\n  \
             2026-01-01T00:00:01Z      failed        reason=bad_recipient: no such number\n  \
             attempt account=sim, attempt=1, took_ms=12, verdict=bad_recipient\n"
        );
    }
}
