//! Placeholders in a JSON document: where they may stand so that every value leaves it valid.

use crate::template::text::{Piece, Text};

/// Where in the JSON grammar a scan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between strings.
    Outside,
    /// In a string.
    Inside,
    /// In a string, after a backslash.
    Escape,
    /// In a string, in the hexadecimal digits after `\u`; how many are to come.
    Digits(u8),
}

/// Why the placeholders of `body` could break the document: the variable's name and a
/// sentence. Inside a string every value is safe, because it is escaped. Outside, a value must
/// be a whole JSON value by itself, which `bare` says of its variable.
pub(super) fn faults(body: &Text, bare: impl Fn(&str) -> bool) -> Vec<(String, &'static str)> {
    let mut faults = Vec::new();
    let mut place = Place::Outside;
    for (index, piece) in body.pieces.iter().enumerate() {
        match piece {
            Piece::Literal(words) => place = words.bytes().fold(place, step),
            Piece::Variable(name) => {
                let whole = before(body, index) && after(body, index);
                let fault = match place {
                    Place::Inside => continue,
                    Place::Escape | Place::Digits(_) => "stands in the middle of an escape",
                    Place::Outside if !bare(name) => {
                        "must stand inside quotes; only a number, integer or boolean that is \
                         required or has a default may stand outside"
                    }
                    Place::Outside if !whole => "must be a whole JSON value where it is not quoted",
                    Place::Outside => continue,
                };
                faults.push((name.clone(), fault));
            }
        }
    }
    faults
}

/// `body` with harmless values, to see whether the document around them is JSON.
pub(super) fn sample(body: &Text) -> String {
    // A digit is good in a string, and a value outside of one.
    body.pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(words) => words.as_str(),
            Piece::Variable(_) => "1",
        })
        .collect()
}

fn step(place: Place, byte: u8) -> Place {
    match (place, byte) {
        (Place::Outside, b'"') => Place::Inside,
        (Place::Inside, b'"') => Place::Outside,
        (Place::Inside, b'\\') => Place::Escape,
        (Place::Escape, b'u') => Place::Digits(4),
        (Place::Escape, _) | (Place::Digits(..=1), _) => Place::Inside,
        (Place::Digits(left), _) => Place::Digits(left - 1),
        (place, _) => place,
    }
}

/// Whether what precedes the piece at `index` may precede a JSON value.
fn before(body: &Text, index: usize) -> bool {
    match index.checked_sub(1).map(|index| &body.pieces[index]) {
        None => true,
        Some(Piece::Variable(_)) => false,
        Some(Piece::Literal(words)) => words.ends_with(|c: char| ":,[ \t\r\n".contains(c)),
    }
}

/// Whether what follows the piece at `index` may follow a JSON value.
fn after(body: &Text, index: usize) -> bool {
    match body.pieces.get(index + 1) {
        None => true,
        Some(Piece::Variable(_)) => false,
        Some(Piece::Literal(words)) => words.starts_with(|c: char| ",]} \t\r\n".contains(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &str, bare: &str) -> Vec<String> {
        let body = Text::parse(body).unwrap();
        let faults = faults(&body, |name| bare.contains(name));
        faults.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn values_stand_in_strings_or_are_whole_values() {
        assert!(names(r#"{"a":"x {{a}}{{b}} y","{{k}}":[1]}"#, "").is_empty());
        assert!(names(r#"{"a": {{n}},"b":[{{n}} , {{n}}]}"#, "n").is_empty());
        assert!(names(r#"{"a":"\"{{a}}\\{{b}}\u0041{{c}}"}"#, "").is_empty());
        assert!(names("{{n}}", "n").is_empty());
    }

    #[test]
    fn values_elsewhere_are_faults() {
        assert_eq!(names(r#"{"a":{{s}}}"#, ""), ["s"]);
        assert_eq!(names(r#"{"a":1{{n}}}"#, "n"), ["n"]);
        assert_eq!(names(r#"{"a":{{n}}{{m}}}"#, "nm"), ["n", "m"]);
        assert_eq!(names(r#"{"a":{{n}}.5}"#, "n"), ["n"]);
        assert_eq!(names(r#"{"a":"\{{s}}"}"#, "s"), ["s"]);
        assert_eq!(names(r#"{"a":"\u00{{s}}"}"#, "s"), ["s"]);
    }
}
