//! "Ask the vendor": `GET /sim/query?reference=…[&to=…]`.
//!
//! Invariant: "not accepted" is only said by a full ledger.

use std::borrow::Cow;

use http::request::Parts;
use serde_json::json;
use url::form_urlencoded;

use crate::ledger::{Ledger, Mode};
use crate::reply::Reply;
use crate::vendor::own::OwnId;

pub(crate) fn answer(parts: &Parts, ledger: &Ledger) -> Reply {
    let Some(reference) = parameter(parts, "reference").filter(|text| !text.is_empty()) else {
        return Reply::error(400, "the query parameter `reference` is missing");
    };
    if ledger.mode() != Mode::Full {
        return Reply::error(409, "only a full ledger can be asked");
    }
    let to = parameter(parts, "to");
    let Some(known) = ledger.known(&reference, to.as_deref()) else {
        return Reply::json(200, &json!({"reference": reference, "accepted": false}));
    };
    // Absent once the particulars of the message are no longer kept.
    let status = known.entries.first().and_then(|entry| entry.status);
    let kept = !known.entries.is_empty();
    Reply::json(
        200,
        &json!({
            "reference": reference,
            "accepted": true,
            "count": known.count,
            "id": OwnId(known.number),
            "status": status.or(kept.then_some("accepted")),
        }),
    )
}

/// A parameter of the query string.
pub(crate) fn parameter<'a>(parts: &'a Parts, name: &str) -> Option<Cow<'a, str>> {
    let query = parts.uri.query().unwrap_or("");
    form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then_some(value))
}
