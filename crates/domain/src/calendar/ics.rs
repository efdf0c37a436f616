//! Calendars as iCalendar files (RFC 5545), as holiday calendars are published: events of whole
//! days, `DTSTART;VALUE=DATE:20261001`, with a `DTEND` that is the first day after them.
//!
//! An event is a closed day unless it says that the day is worked: by `X-APPLE-SPECIAL-DAY:
//! ALTERNATE-WORKDAY`, by a category `WORKING` or `WORKDAY`, or by a summary that contains 补班
//! or 上班, or ends in （班）. What would need a calendar program (events with a time of
//! day, repeated ones) is a fault: write the dates out.

use jiff::civil::Date;

use super::{Builder, Calendar, Fault, Kind, number};

#[derive(Default)]
struct Event {
    line: usize,
    start: Option<i64>,
    /// The first day after it.
    end: Option<i64>,
    days: Option<i64>,
    working: bool,
    /// A fault was named already.
    faulty: bool,
}

pub(super) fn parse(text: &str) -> Result<Calendar, Vec<Fault>> {
    let mut builder = Builder::default();
    let mut event: Option<Event> = None;
    let mut depth = 0usize;
    for (line, content) in unfolded(text) {
        let place = format!("line {line}");
        let Some((head, value)) = split(&content) else {
            builder.fault(place, "not a line of an iCalendar file, NAME:VALUE");
            continue;
        };
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        let name = name.to_ascii_uppercase();
        let value = value.trim();
        match (name.as_str(), &mut event) {
            ("BEGIN", None) if value.eq_ignore_ascii_case("VEVENT") => {
                event = Some(Event {
                    line,
                    ..Event::default()
                });
                depth = 0;
            }
            ("BEGIN", Some(_)) => depth += 1,
            ("END", Some(_)) if depth > 0 => depth -= 1,
            ("END", Some(done)) => {
                close(done, &mut builder);
                event = None;
            }
            // Alarms inside of an event have properties of their own.
            (_, Some(event)) if depth == 0 => {
                property(event, &name, parameters, value).unwrap_or_else(|why| {
                    event.faulty = true;
                    builder.fault(place, why);
                });
            }
            _ => {}
        }
    }
    if let Some(open) = event {
        builder.fault(format!("line {}", open.line), "the event has no END:VEVENT");
    }
    builder.finish()
}

fn property(event: &mut Event, name: &str, parameters: &str, value: &str) -> Result<(), String> {
    match name {
        "DTSTART" => event.start = Some(day(parameters, value)?),
        "DTEND" => event.end = Some(day(parameters, value)?),
        "DURATION" => event.days = Some(days(value)?),
        "RRULE" | "RDATE" | "EXDATE" => {
            return Err(format!(
                "{name}: repeated events are not read, write each date out"
            ));
        }
        "SUMMARY" => {
            let says = |word: &str| value.contains(word);
            event.working |= says("补班")
                || says("上班")
                || value.ends_with("（班）")
                || value.ends_with("(班)");
        }
        "CATEGORIES" => {
            let mut words = value
                .split(',')
                .map(|word| word.trim().to_ascii_uppercase());
            event.working |= words.any(|word| word == "WORKING" || word == "WORKDAY");
        }
        "X-APPLE-SPECIAL-DAY" => {
            event.working |= value.eq_ignore_ascii_case("ALTERNATE-WORKDAY");
        }
        _ => {}
    }
    Ok(())
}

fn close(event: &Event, builder: &mut Builder) {
    if event.faulty {
        return;
    }
    let place = format!("line {}", event.line);
    let Some(start) = event.start else {
        builder.fault(place, "the event has no DTSTART;VALUE=DATE");
        return;
    };
    let end = event
        .end
        .or_else(|| event.days.map(|days| start.saturating_add(days)))
        .unwrap_or(start + 1);
    // Some programs write an end that is the day itself.
    let last = if end == start { start } else { end - 1 };
    let kind = if event.working {
        Kind::Working
    } else {
        Kind::Closed
    };
    builder.add(&place, kind, start, last);
}

/// `20261001`.
fn day(parameters: &str, value: &str) -> Result<i64, String> {
    let timed = value.contains('T')
        || parameters
            .split(';')
            .any(|parameter| parameter.eq_ignore_ascii_case("VALUE=DATE-TIME"));
    if timed {
        return Err("an event with a time of day; holidays are whole days, VALUE=DATE".to_owned());
    }
    let read = || {
        if value.len() != 8 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let year = value.get(..4)?.parse().ok()?;
        let month = value.get(4..6)?.parse().ok()?;
        let day = value.get(6..)?.parse().ok()?;
        Date::new(year, month, day).ok()
    };
    read().map(number).ok_or_else(|| {
        let value: String = value.chars().take(40).collect();
        format!("{value:?} is not a date such as 20260131")
    })
}

/// `P3D` or `P1W`.
fn days(value: &str) -> Result<i64, String> {
    let read = || {
        let count = value.strip_prefix('P')?;
        let (count, each) = match count.strip_suffix('D') {
            Some(count) => (count, 1),
            None => (count.strip_suffix('W')?, 7),
        };
        let count: u16 = count.parse().ok()?;
        Some(i64::from(count) * each)
    };
    let fault = || "DURATION must be whole days or weeks, such as P3D".to_owned();
    read().filter(|days| *days > 0).ok_or_else(fault)
}

/// The name with its parameters, and the value: at the first colon outside of quotes.
fn split(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ':' if !quoted => return Some((line.get(..at)?, line.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

/// Lines with their numbers from 1; a line that begins with a blank goes on the one before.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let more = line.strip_prefix([' ', '\t']);
        match (more, lines.last_mut()) {
            (Some(more), Some((_, last))) => last.push_str(more),
            _ if line.trim().is_empty() => {}
            _ => lines.push((index + 1, line.to_owned())),
        }
    }
    lines
}
