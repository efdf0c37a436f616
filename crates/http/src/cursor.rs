//! Opaque cursors of lists. What stands in them is nobody's business but ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::faults::Faults;

/// Most items of one page.
pub(crate) const MAX_LIMIT: usize = 200;
/// Items of one page when the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// The cursor that stands for `position`; `kind` keeps cursors of one list out of another.
pub(crate) fn encode(kind: char, position: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}{position}"))
}

/// What `cursor` stands for.
pub(crate) fn decode(faults: &mut Faults, kind: char, cursor: Option<&str>) -> Option<String> {
    let position = URL_SAFE_NO_PAD
        .decode(cursor?)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(kind).map(str::to_owned));
    if position.is_none() {
        let detail = "is not a cursor of this list; take it from the last page as it is";
        faults.add("/cursor", "invalid_cursor", detail);
    }
    position
}

/// How many items a page may have.
pub(crate) fn limit(faults: &mut Faults, limit: Option<&str>) -> usize {
    match limit.map(str::parse::<usize>) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => {
            let detail = format!("must be a whole number from 1 to {MAX_LIMIT}");
            faults.add("/limit", "out_of_range", detail);
            DEFAULT_LIMIT
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursors_round_trip_and_stay_in_their_list(position in ".{0,40}") {
            let cursor = encode('t', &position);
            let mut faults = Faults::default();
            prop_assert_eq!(decode(&mut faults, 't', Some(&cursor)), Some(position));
            prop_assert!(faults.into_result().is_ok());
            let mut faults = Faults::default();
            prop_assert_eq!(decode(&mut faults, 'd', Some(&cursor)), None);
            prop_assert!(faults.into_result().is_err());
        }

        #[test]
        fn any_text_is_read_without_harm(text in "\\PC{0,60}") {
            let mut faults = Faults::default();
            let _ = decode(&mut faults, 't', Some(&text));
        }
    }
}
