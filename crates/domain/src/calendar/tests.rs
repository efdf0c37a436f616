use proptest::prelude::*;

use super::*;

fn day(text: &str) -> i64 {
    let at: crate::Timestamp = format!("{text}T00:00:00Z").parse().unwrap();
    at.seconds() / 86_400
}

fn faults(text: &str) -> Vec<String> {
    let faults = Calendar::parse(text).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn json_is_read() {
    let text = r#"{"closed": ["2026-10-01", {"from": "2026-02-15", "to": "2026-02-23"}],
                   "working": ["2026-02-14"]}"#;
    let calendar = Calendar::parse(text).unwrap();
    assert_eq!(calendar.kind(day("2026-02-15")), Some(Kind::Closed));
    assert_eq!(calendar.kind(day("2026-02-23")), Some(Kind::Closed));
    assert_eq!(calendar.kind(day("2026-02-24")), None);
    assert_eq!(calendar.kind(day("2026-02-14")), Some(Kind::Working));
    assert_eq!(
        (calendar.len(), calendar.last().unwrap().as_str()),
        (11, "2026-10-01")
    );
    let again = Calendar::parse(&calendar.to_json().to_string()).unwrap();
    assert_eq!(again, calendar);
}

#[test]
fn every_fault_of_json_has_its_place() {
    let text = r#"{"closed": ["2026-02-30", 7, {"from": "2026-02-15"}, "2026-1-1",
                   {"from": "2026-03-02", "to": "2026-03-01"}, {"from": "2026-01-01", "on": ""}],
                   "open": [], "working": "2026-01-01"}"#;
    let faults = faults(text);
    for (place, why) in [
        ("closed/0", "\"2026-02-30\" is not a date"),
        ("closed/1", "must be a date"),
        ("closed/2", "to must be a date"),
        ("closed/3", "\"2026-1-1\" is not a date"),
        ("closed/4", "before the first"),
        ("closed/5", "unknown field \"on\""),
        ("open", "unknown field"),
        ("working", "must be a list"),
    ] {
        let named =
            |fault: &String| fault.starts_with(&format!("{place}: ")) && fault.contains(why);
        assert!(faults.iter().any(named), "{place} {why}: {faults:?}");
    }
    assert_eq!(faults.len(), 8);
}

#[test]
fn what_cannot_be_is_refused() {
    for (text, says) in [
        ("", "neither JSON"),
        ("{", "line 1"),
        ("[]", "an object"),
        ("{}", "no day is listed"),
        (
            r#"{"closed":["2026-01-01"],"working":["2026-01-01"]}"#,
            "2026-01-01 is both",
        ),
        (
            r#"{"closed":[{"from":"2026-01-01","to":"2028-01-01"}]}"#,
            "at most 366",
        ),
    ] {
        assert!(faults(text)[0].contains(says), "{text}: {:?}", faults(text));
    }
    let years: Vec<_> = (2020..2026)
        .map(|year| format!(r#"{{"from":"{year}-01-01","to":"{year}-12-31"}}"#))
        .collect();
    let text = format!(r#"{{"closed":[{}]}}"#, years.join(","));
    assert!(faults(&text)[0].contains("at most 2000 days"));
}

const ICS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261001\r\n\
    DTEND;VALUE=DATE:20261008\r\nSUMMARY:国庆节（休）\r\nBEGIN:VALARM\r\nTRIGGER:-P1D\r\n\
    DURATION:PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261010\r\n\
    SUMMARY:国庆节\r\n （班）\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20240229\r\n\
    DURATION:P1D\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn icalendar_is_read() {
    let calendar = Calendar::parse(ICS).unwrap();
    assert_eq!(calendar.kind(day("2026-10-01")), Some(Kind::Closed));
    assert_eq!(calendar.kind(day("2026-10-07")), Some(Kind::Closed));
    assert_eq!(calendar.kind(day("2026-10-08")), None);
    assert_eq!(calendar.kind(day("2026-10-10")), Some(Kind::Working));
    assert_eq!(calendar.kind(day("2024-02-29")), Some(Kind::Closed));
    assert_eq!(calendar.len(), 9);
    let apple = ICS.replace(
        "SUMMARY:国庆节\r\n （班）",
        "X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY",
    );
    assert_eq!(Calendar::parse(&apple).unwrap(), calendar);
}

#[test]
fn every_fault_of_icalendar_has_its_line() {
    let text = "BEGIN:VCALENDAR\nnonsense\nBEGIN:VEVENT\nDTSTART:20261001T090000Z\nEND:VEVENT\n\
                BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260229\nEND:VEVENT\nBEGIN:VEVENT\nEND:VEVENT\n\
                BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY\nEND:VEVENT\n\
                BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260101\nEND:VEVENT\n\
                BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\n";
    let faults = faults(text);
    for (place, why) in [
        ("line 2", "NAME:VALUE"),
        ("line 4", "time of day"),
        ("line 7", "\"20260229\" is not a date"),
        ("line 9", "no DTSTART"),
        ("line 13", "write each date out"),
        ("line 15", "before the first"),
        ("line 19", "no END:VEVENT"),
    ] {
        let named =
            |fault: &String| fault.starts_with(&format!("{place}: ")) && fault.contains(why);
        assert!(faults.iter().any(named), "{place} {why}: {faults:?}");
    }
    assert_eq!(faults.len(), 7);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", cut in 0usize..400, noise in "[A-Z:;=0-9\n ]{0,40}") {
        let _ = Calendar::parse(&text);
        let cut = (0..=cut.min(ICS.len())).rev().find(|at| ICS.is_char_boundary(*at)).unwrap();
        let (head, tail) = ICS.split_at(cut);
        if let Ok(calendar) = Calendar::parse(&format!("{head}{noise}{tail}")) {
            prop_assert!(!calendar.is_empty());
            let again = Calendar::parse(&calendar.to_json().to_string());
            prop_assert_eq!(again, Ok(calendar));
        }
    }
}
