//! Reading the `{$name}` placeholders of Java austin.

use super::{Piece, SyntaxError, Text, name_fault};

const OPEN: &str = "{$";

/// See [`Text::from_java`].
pub(super) fn parse(text: &str) -> Result<Text, SyntaxError> {
    let mut parsed = Text::default();
    let mut rest = text;
    while let Some(found) = rest.find(OPEN) {
        let from = &rest[found + OPEN.len()..];
        let Some((name, after)) = from.split_once('}') else {
            break;
        };
        let fault = if name.contains(OPEN) {
            Some("a placeholder inside a placeholder cannot be imported".to_owned())
        } else {
            name_fault(name)
        };
        if let Some(detail) = fault {
            let at = text.len() - rest.len() + found;
            return Err(SyntaxError {
                at: text[..at].chars().count(),
                detail,
            });
        }
        parsed.push_literal(&rest[..found]);
        parsed.pieces.push(Piece::Variable(name.to_owned()));
        rest = after;
    }
    parsed.push_literal(rest);
    Ok(parsed)
}
