//! What people write of an entry, checked the same way in a request and in a row of a file.

use austin_domain::suppression::{self, Reason};
use austin_domain::{Channel, Timestamp};

/// Most characters of a note.
const MOST_NOTE: usize = 500;
/// The last instant that an entry may end at: 2100-01-01.
const LAST: Timestamp = Timestamp::from_seconds(4_102_444_800);
/// The word for all channels.
pub(super) const ALL: &str = "all";

/// As written; empty texts count as not given.
#[derive(Clone, Copy, Default)]
pub(super) struct Written<'a> {
    pub(super) channel: Option<&'a str>,
    pub(super) to: &'a str,
    pub(super) reason: Option<&'a str>,
    pub(super) until: Option<&'a str>,
    pub(super) note: Option<&'a str>,
}

/// What holds where nothing is written, and what it is checked against.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) channel: Option<Option<Channel>>,
    pub(super) reason: Reason,
    pub(super) region: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// A field at fault: its name, a stable code, a sentence that repeats no address.
pub(super) type Fault = (&'static str, &'static str, String);

pub(super) struct Checked {
    pub(super) channel: Option<Channel>,
    pub(super) to: String,
    pub(super) reason: Reason,
    pub(super) until: Option<Timestamp>,
    pub(super) note: Option<String>,
}

/// Checks one entry.
///
/// # Errors
/// Every field at fault.
pub(super) fn check(written: Written<'_>, ground: &Ground<'_>) -> Result<Checked, Vec<Fault>> {
    let mut faults = Vec::new();
    let channel = match written.channel {
        Some(word) => channel(word),
        None => ground.channel.ok_or_else(|| {
            let detail = "must be a channel, or all".to_owned();
            ("channel", "required", detail)
        }),
    };
    let to = match &channel {
        _ if written.to.is_empty() => Err(("to", "required", "is missing".to_owned())),
        Ok(channel) => suppression::canonical(*channel, written.to, ground.region)
            .map_err(|error| ("to", "invalid_recipient", error.to_string())),
        // The channel says what an address is.
        Err(_) => Ok(String::new()),
    };
    let reason = written.reason.map_or(Ok(ground.reason), reason);
    let until = written
        .until
        .map_or(Ok(None), |text| until(text, ground.now));
    let note = written.note.map_or(Ok(None), note);
    fn take<T>(found: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
        found.map_err(|fault| faults.push(fault)).ok()
    }
    let channel = take(channel, &mut faults);
    let to = take(to, &mut faults);
    let reason = take(reason, &mut faults);
    let until = take(until, &mut faults);
    let note = take(note, &mut faults);
    match (channel, to, reason, until, note) {
        (Some(channel), Some(to), Some(reason), Some(until), Some(note)) => Ok(Checked {
            channel,
            to,
            reason,
            until,
            note,
        }),
        _ => Err(faults),
    }
}

/// A channel, or all of them.
pub(super) fn channel(word: &str) -> Result<Option<Channel>, Fault> {
    if word.eq_ignore_ascii_case(ALL) {
        return Ok(None);
    }
    word.to_ascii_lowercase().parse().map(Some).map_err(|_| {
        let known: Vec<_> = Channel::ALL.iter().map(|known| known.as_str()).collect();
        let detail = format!("must be all or one of {}", known.join(", "));
        ("channel", "unknown_value", detail)
    })
}

pub(super) fn reason(word: &str) -> Result<Reason, Fault> {
    word.to_ascii_lowercase().parse().map_err(|_| {
        let known: Vec<_> = Reason::ALL.iter().map(|known| known.as_str()).collect();
        let detail = format!("must be one of {}", known.join(", "));
        ("reason", "unknown_value", detail)
    })
}

/// An end, rounded up to whole seconds.
fn until(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let at: Timestamp = text.parse().map_err(|_| {
        let detail = "must be an RFC 3339 instant such as 2026-01-02T03:04:05Z".to_owned();
        ("until", "invalid", detail)
    })?;
    if at <= now {
        return Err(("until", "in_the_past", "must be later than now".to_owned()));
    }
    if at > LAST {
        return Err((
            "until",
            "out_of_range",
            "must not be after 2100-01-01; leave it out for no end".to_owned(),
        ));
    }
    let seconds = at.millis().saturating_add(999).div_euclid(1000);
    Ok(Some(Timestamp::from_seconds(seconds)))
}

fn note(text: &str) -> Result<Option<String>, Fault> {
    if text.chars().count() > MOST_NOTE {
        let detail = format!("must be at most {MOST_NOTE} characters");
        return Err(("note", "too_long", detail));
    }
    // What was not in the encoding of its file.
    if text.contains('\u{fffd}') {
        let detail = "has characters that could not be read".to_owned();
        return Err(("note", "bad_encoding", detail));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        let detail = "must not contain control characters".to_owned();
        return Err(("note", "control_character", detail));
    }
    Ok(Some(text.to_owned()))
}
