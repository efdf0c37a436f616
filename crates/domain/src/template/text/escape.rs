//! Values written so that they stay data in the text around them.
//!
//! Each function appends to `out` and copies runs that need no escaping in one go.

/// For HTML text and quoted attributes: no value opens a tag, a reference or ends a quote.
pub(super) fn html(value: &str, out: &mut String) {
    replace(value, out, |byte| {
        Some(match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => return None,
        })
    });
}

/// For the inside of a JSON string: RFC 8259 section 7.
pub(super) fn json(value: &str, out: &mut String) {
    replace(value, out, |byte| match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        0..=0x1f => Some(JSON_CONTROLS[usize::from(byte)]),
        _ => None,
    });
}

/// As one header line: CR LF, every other line break and every control character become one
/// space each.
pub(super) fn line(value: &str, out: &mut String) {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut rest = value;
    while let Some(found) = rest.find(breaks) {
        out.push_str(&rest[..found]);
        out.push(' ');
        let from = &rest[found..];
        let mut chars = from.chars();
        chars.next();
        rest = from.strip_prefix("\r\n").unwrap_or(chars.as_str());
    }
    out.push_str(rest);
}

/// Copies `value`, with each byte for which `by` gives something replaced by that. `by` may
/// only replace ASCII bytes, so every cut is at a character boundary.
fn replace(value: &str, out: &mut String, by: impl Fn(u8) -> Option<&'static str>) {
    let mut copied = 0;
    for (at, byte) in value.bytes().enumerate() {
        if let Some(escaped) = by(byte) {
            out.push_str(&value[copied..at]);
            out.push_str(escaped);
            copied = at + 1;
        }
    }
    out.push_str(&value[copied..]);
}

const JSON_CONTROLS: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b",
    "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012",
    "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a",
    "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];
