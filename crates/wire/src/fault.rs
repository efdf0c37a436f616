//! Short ways to say how a call failed.

use austin_adapter_api::{Fault, FaultKind, Phase};

/// A failure before the vendor could act on anything.
pub(crate) fn not_sent(kind: FaultKind, detail: impl Into<String>) -> Fault {
    Fault {
        phase: Phase::NotSent,
        kind,
        detail: detail.into(),
    }
}

/// A failure after which the vendor may have acted.
pub(crate) fn maybe_sent(kind: FaultKind, detail: impl Into<String>) -> Fault {
    Fault {
        phase: Phase::MaybeSent,
        kind,
        detail: detail.into(),
    }
}

/// An error with its causes, as one line for people.
pub(crate) fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
