//! The shape of a template's policies: dedup, caps, quiet hours.
//!
//! They are checked and kept with the version; the planner does not apply them yet.

use serde_json::{Map, Value};

use super::faults::{Faults, step};

/// Most caps of one template.
const MAX_CAPS: usize = 8;

/// Checks `policies` as they stand in a request.
pub(super) fn check(faults: &mut Faults, policies: &Value) {
    let Some(fields) = object(faults, "/policies", policies) else {
        return;
    };
    for (name, value) in fields {
        match name.as_str() {
            "dedup" => dedup(faults, value),
            "cap" => caps(faults, value),
            "quiet_hours" => quiet_hours(faults, value),
            other => faults.add(
                &format!("/policies/{}", step(other)),
                "unknown_field",
                "is not a policy; known: dedup, cap, quiet_hours",
            ),
        }
    }
}

fn dedup(faults: &mut Faults, value: &Value) {
    let pointer = "/policies/dedup";
    if let Some(fields) = object(faults, pointer, value) {
        known_only(faults, pointer, fields, &["window"]);
        window(faults, pointer, fields);
    }
}

fn caps(faults: &mut Faults, value: &Value) {
    let Some(caps) = value.as_array() else {
        faults.add("/policies/cap", "wrong_type", "must be an array of caps");
        return;
    };
    if caps.len() > MAX_CAPS {
        let detail = format!("must have at most {MAX_CAPS} caps");
        faults.add("/policies/cap", "too_many", detail);
    }
    for (index, cap) in caps.iter().enumerate() {
        let pointer = format!("/policies/cap/{index}");
        let Some(fields) = object(faults, &pointer, cap) else {
            continue;
        };
        known_only(faults, &pointer, fields, &["per", "count", "window"]);
        if fields.get("per").and_then(Value::as_str) != Some("recipient") {
            let detail = "must be \"recipient\"";
            faults.add(&format!("{pointer}/per"), "unknown_value", detail);
        }
        let count = fields.get("count").and_then(Value::as_u64);
        if !count.is_some_and(|count| (1..=1_000_000).contains(&count)) {
            let detail = "must be a whole number from 1 to 1000000";
            faults.add(&format!("{pointer}/count"), "out_of_range", detail);
        }
        window(faults, &pointer, fields);
    }
}

fn quiet_hours(faults: &mut Faults, value: &Value) {
    if !matches!(value.as_str(), Some("none" | "drop" | "hold")) {
        let detail = "must be one of none, drop, hold";
        faults.add("/policies/quiet_hours", "unknown_value", detail);
    }
}

fn window(faults: &mut Faults, pointer: &str, fields: &Map<String, Value>) {
    let text = fields.get("window").and_then(Value::as_str);
    faults.span(&format!("{pointer}/window"), text.unwrap_or_default());
}

fn object<'a>(
    faults: &mut Faults,
    pointer: &str,
    value: &'a Value,
) -> Option<&'a Map<String, Value>> {
    if value.as_object().is_none() {
        faults.add(pointer, "wrong_type", "must be an object");
    }
    value.as_object()
}

fn known_only(faults: &mut Faults, pointer: &str, fields: &Map<String, Value>, known: &[&str]) {
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        faults.add(
            &format!("{pointer}/{}", step(name)),
            "unknown_field",
            format!("is not known here; known: {}", known.join(", ")),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(policies: &Value) -> Vec<String> {
        let mut faults = Faults::default();
        check(&mut faults, policies);
        match faults.into_result() {
            Ok(()) => Vec::new(),
            Err(refusal) => refusal.errors.into_iter().map(|e| e.pointer).collect(),
        }
    }

    #[test]
    fn the_documented_shape_passes() {
        let none: [&str; 0] = [];
        let all = json!({
            "dedup": {"window": "5m"},
            "cap": [{"per": "recipient", "count": 5, "window": "1d"}],
            "quiet_hours": "hold",
        });
        assert_eq!(pointers(&all), none);
        assert_eq!(pointers(&json!({})), none);
    }

    #[test]
    fn every_fault_is_named() {
        for (policies, pointer) in [
            (json!([]), "/policies"),
            (json!({"dedupe": {}}), "/policies/dedupe"),
            (json!({"dedup": {}}), "/policies/dedup/window"),
            (json!({"dedup": {"window": "5"}}), "/policies/dedup/window"),
            (json!({"dedup": {"window": "0s"}}), "/policies/dedup/window"),
            (
                json!({"dedup": {"window": "32d"}}),
                "/policies/dedup/window",
            ),
            (
                json!({"dedup": {"window": "五m"}}),
                "/policies/dedup/window",
            ),
            (
                json!({"dedup": {"window": "5分"}}),
                "/policies/dedup/window",
            ),
            (
                json!({"dedup": {"window": "99999999999999999999d"}}),
                "/policies/dedup/window",
            ),
            (json!({"cap": {}}), "/policies/cap"),
            (
                json!({"cap": [{"per": "house", "count": 1, "window": "1d"}]}),
                "/policies/cap/0/per",
            ),
            (
                json!({"cap": [{"per": "recipient", "count": 0, "window": "1d"}]}),
                "/policies/cap/0/count",
            ),
            (json!({"quiet_hours": "night"}), "/policies/quiet_hours"),
        ] {
            assert_eq!(pointers(&policies), [pointer], "{policies}");
        }
    }
}
