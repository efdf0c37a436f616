//! Bounded text without known secret values.

use std::borrow::Cow;

use memchr::memmem::Finder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::MASK;

/// Knows the values that must not be shown, in the spellings they travel in.
pub(super) struct Redactor {
    /// Longest first, so that a secret inside another does not break it up.
    needles: Vec<Finder<'static>>,
}

impl Redactor {
    /// A redactor for `secrets`; empty ones are no secrets.
    pub(super) fn new(secrets: &[String]) -> Self {
        let mut needles = Vec::with_capacity(secrets.len());
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            add_spellings(&mut needles, secret);
        }
        needles.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        let searchable = |needle: String| Finder::new(needle.as_bytes()).into_owned();
        Self {
            needles: needles.into_iter().map(searchable).collect(),
        }
    }

    /// `head`, an empty line and `body` in at most `limit` bytes, secrets masked. What is cut off
    /// is said in numbers.
    pub(super) fn text(&self, head: &str, body: &[u8], limit: usize) -> String {
        let mut out = String::with_capacity(limit.min(head.len() + body.len() + 64));
        let room = limit - NOTE_BYTES;
        let mut cut = self.append(&mut out, head.as_bytes(), room);
        if !body.is_empty() && !cut {
            if out.len() + 1 < room {
                out.push('\n');
            }
            cut = self.append(&mut out, body, room);
        }
        if cut {
            let all = head.len() + body.len();
            out.push_str(&format!("… (cut; {all} bytes in all)"));
        }
        out
    }

    /// Appends `source` until `out` has `room` bytes; whether something had to be left out.
    fn append(&self, out: &mut String, source: &[u8], room: usize) -> bool {
        let reach = room.saturating_sub(out.len());
        let longest = self
            .needles
            .first()
            .map_or(0, |needle| needle.needle().len());
        // Looking further than the cut finds the secrets that lie across it.
        let window = &source[..source.len().min(reach + longest + MAX_CHAR_BYTES)];
        // Quicker than reading lossily at once, and nearly always enough.
        let text = std::str::from_utf8(window)
            .map_or_else(|_| String::from_utf8_lossy(window), Cow::Borrowed);
        let mut next: Vec<Option<usize>> = self.needles.iter().map(|_| Some(0)).collect();
        let mut from = 0;
        loop {
            let found = self.first_from(&text, from, &mut next);
            let until = found.map_or(text.len(), |(start, _)| start);
            // Not beyond the cut in the source either: a secret there may be seen only in part.
            let plain = &text[from..until];
            let may = reach.saturating_sub(from).min(room - out.len());
            let fits = floor_char_boundary(plain, may);
            out.push_str(&plain[..fits]);
            if fits < plain.len() {
                return true;
            }
            let Some((start, length)) = found else {
                return window.len() < source.len();
            };
            if room - out.len() < MASK.len() || start >= reach {
                return true;
            }
            out.push_str(MASK);
            from = start + length;
        }
    }

    /// The first secret at or after `from`: where it starts and how long it is. `next` keeps what
    /// was found before for each needle (`None`: no more).
    fn first_from(
        &self,
        text: &str,
        from: usize,
        next: &mut [Option<usize>],
    ) -> Option<(usize, usize)> {
        let mut best: Option<(usize, usize)> = None;
        for (needle, known) in self.needles.iter().zip(next) {
            let stale = known.is_some_and(|at| at < from || from == 0);
            if stale {
                *known = needle.find(&text.as_bytes()[from..]).map(|at| from + at);
            }
            if let Some(at) = *known
                && best.is_none_or(|(start, _)| at < start)
            {
                best = Some((at, needle.needle().len()));
            }
        }
        best
    }
}

/// Adds `secret` as it is, percent-encoded, form-encoded and inside JSON text.
fn add_spellings(needles: &mut Vec<String>, secret: &str) {
    needles.push(secret.to_owned());
    if secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let percent: Cow<'_, str> = utf8_percent_encode(secret, UNRESERVED).into();
    let form = percent.replace("%20", "+");
    let lower = lower_escapes(&percent);
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_start_matches('"');
    let json = json.strip_suffix('"').unwrap_or(json);
    let escaped = json_ascii(json);
    for spelling in [percent.into_owned(), form, lower, json.to_owned(), escaped] {
        if !spelling.is_empty() {
            needles.push(spelling);
        }
    }
}

/// Percent escapes in lower-case hexadecimal.
fn lower_escapes(percent: &str) -> String {
    let mut out = String::with_capacity(percent.len());
    let mut escape = 0;
    for letter in percent.chars() {
        if letter == '%' {
            escape = 2;
            out.push(letter);
        } else if escape > 0 {
            escape -= 1;
            out.push(letter.to_ascii_lowercase());
        } else {
            out.push(letter);
        }
    }
    out
}

/// JSON text with everything beyond ASCII as `\uXXXX`.
fn json_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            out.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

fn floor_char_boundary(text: &str, at_most: usize) -> usize {
    if at_most >= text.len() {
        return text.len();
    }
    (0..=at_most)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Everything but the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Bytes of the longest character in UTF-8.
const MAX_CHAR_BYTES: usize = 4;

/// Room for the note on what was cut.
const NOTE_BYTES: usize = 48;
