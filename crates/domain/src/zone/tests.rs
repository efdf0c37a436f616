use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

#[test]
fn names_are_checked() {
    assert_eq!(zone("asia/shanghai").name(), "Asia/Shanghai");
    assert_eq!(Zone::utc().name(), "UTC");
    assert!(Zone::all().count() > 400);
    for (name, says) in [
        ("Asia/Beijing", "did you mean Asia/Shanghai?"),
        ("Shanghai", "did you mean Asia/Shanghai?"),
        ("new york", "did you mean America/New_York?"),
        ("UTC+8", "such as Asia/Shanghai"),
        ("+08:00", "such as Asia/Shanghai"),
        ("", "no IANA time zone"),
        (&"x".repeat(10_000), "xxxx"),
    ] {
        let error = Zone::named(name).unwrap_err().to_string();
        assert!(error.contains(says) && error.len() < 200, "{name}: {error}");
    }
    let json = serde_json::to_string(&zone("Asia/Kolkata")).unwrap();
    assert_eq!(json, r#""Asia/Kolkata""#);
    assert_eq!(
        serde_json::from_str::<Zone>(&json).unwrap(),
        zone("Asia/Kolkata")
    );
    assert!(serde_json::from_str::<Zone>(r#""Mars/Olympus""#).is_err());
}

#[test]
fn phones_have_zones() {
    for (phone, expected) in [
        ("+8613711112201", Some("Asia/Shanghai")),
        ("+85251112222", Some("Asia/Hong_Kong")),
        ("+12025550123", Some("America/New_York")),
        ("+13125550123", Some("America/Chicago")),
        ("+18085550123", Some("Pacific/Honolulu")),
        ("+17095550123", Some("America/St_Johns")),
        ("+16045550123", Some("America/Vancouver")),
        ("+18765550123", Some("America/Jamaica")),
        ("+79161234567", Some("Europe/Moscow")),
        ("+74232123456", Some("Asia/Vladivostok")),
        ("+77011234567", Some("Asia/Almaty")),
        ("+61412345678", Some("Australia/Sydney")),
        ("+61891234567", Some("Australia/Perth")),
        ("+61889123456", Some("Australia/Darwin")),
        ("+5592991234567", Some("America/Manaus")),
        ("+5511991234567", Some("America/Sao_Paulo")),
        ("+526641234567", Some("America/Tijuana")),
        ("+525512345678", Some("America/Mexico_City")),
        ("+6281234567890", Some("Asia/Jakarta")),
        ("+62361234567", Some("Asia/Makassar")),
        ("+34928123456", Some("Atlantic/Canary")),
        ("+34612345678", Some("Europe/Madrid")),
        ("+9779812345678", Some("Asia/Kathmandu")),
        ("+80012345678", None),
        ("13711112201", None),
        ("+86@mail.example", None),
        ("+", None),
        ("", None),
    ] {
        assert_eq!(Zone::of_phone(phone).map(Zone::name), expected, "{phone}");
    }
}

#[test]
fn every_zone_of_the_tables_exists() {
    let countries = areas::MAIN.iter().map(|(_, name)| name);
    let north = areas::NORTH_AMERICA.iter().map(|(name, _)| name);
    let others = areas::ELSEWHERE.iter().map(|(name, _)| name);
    for name in countries.chain(north).chain(others) {
        assert_eq!(zone(name).name(), *name);
    }
    assert!(
        areas::MAIN
            .iter()
            .all(|(code, _)| crate::route::country::Country::parse(code).is_some())
    );
    assert!(areas::MAIN.len() > 240);
    let mut codes: Vec<_> = areas::NORTH_AMERICA
        .iter()
        .flat_map(|(_, codes)| *codes)
        .collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count, "an area code has two zones");
}

#[test]
fn what_is_given_comes_first() {
    let (utc, phone) = (Zone::utc(), Some("+8613711112201"));
    let of = |given, phone| Zone::of_recipient(given, phone, utc);
    assert_eq!(
        of(Some("Europe/Berlin"), phone),
        Ok((zone("Europe/Berlin"), ZoneSource::Given))
    );
    assert_eq!(
        of(None, phone),
        Ok((zone("Asia/Shanghai"), ZoneSource::Phone))
    );
    assert_eq!(
        of(None, Some("li@corp.example")),
        Ok((utc, ZoneSource::Default))
    );
    assert!(of(Some("Mars"), phone).is_err());
}

#[test]
fn clocks_show_what_jiff_says() {
    for (name, instant, shown) in [
        (
            "Asia/Kathmandu",
            "2026-11-25T00:00:00Z",
            "2026-11-25 05:45 Asia/Kathmandu",
        ),
        (
            "Asia/Kolkata",
            "2026-11-25T00:00:00Z",
            "2026-11-25 05:30 Asia/Kolkata",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-04T14:59:00Z",
            "2026-04-05 01:59 Australia/Lord_Howe",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-04T15:00:00Z",
            "2026-04-05 01:30 Australia/Lord_Howe",
        ),
        (
            "America/St_Johns",
            "2026-03-08T05:30:01Z",
            "2026-03-08 03:00:01 America/St_Johns",
        ),
    ] {
        assert_eq!(zone(name).show(at(instant)), shown);
    }
}

#[test]
fn a_wall_time_has_a_first_instant() {
    let berlin = zone("Europe/Berlin");
    let wall = |text: &str| Local(at(text).millis());
    for (zone, written, instant) in [
        (berlin, "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"), // leapt over
        (berlin, "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"), // twice
        (
            zone("Asia/Shanghai"),
            "2026-11-25T00:00:00Z",
            "2026-11-24T16:00:00Z",
        ),
        // Midnight does not exist there on that day.
        (
            zone("Africa/Cairo"),
            "2026-04-24T00:00:00Z",
            "2026-04-23T22:00:00Z",
        ),
        (
            zone("Asia/Shanghai"),
            "1980-01-01T00:00:00Z",
            "1979-12-31T16:00:00Z",
        ),
        (
            zone("Pacific/Apia"),
            "2011-12-30T12:00:00Z",
            "2011-12-30T10:00:00Z",
        ), // no such day
    ] {
        assert_eq!(
            zone.first_at(wall(written)),
            at(instant),
            "{zone} {written}"
        );
    }
}

#[test]
fn days_have_weekdays() {
    assert_eq!(weekday(0), 3);
    assert_eq!(weekday(-1), 2);
    assert_eq!(weekday(Local(at("2026-11-25T00:00:00Z").millis()).day()), 2);
}

fn any_zone() -> impl Strategy<Value = Zone> {
    proptest::sample::select(Zone::all().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn local_time_is_jiffs(zone in any_zone(), millis in 1_500_000_000_000i64..3_500_000_000_000) {
        let at = Timestamp::from_millis(millis);
        let zoned = at.to_jiff().to_zoned(zone.entry().zone.clone());
        let span = zone.span(at);
        prop_assert!(span.from <= millis && millis < span.until);
        prop_assert_eq!(span.offset, i64::from(zoned.offset().seconds()) * 1000);
        let local = zone.local(at);
        prop_assert_eq!(weekday(local.day()), zoned.weekday().to_monday_zero_offset() as usize);
        let first = zone.first_at(local);
        prop_assert!(first <= at);
        prop_assert!(zone.local(first) >= local);
        prop_assert!(zone.local(first.minus(std::time::Duration::from_millis(1))) < local);
    }

    #[test]
    fn no_instant_and_no_text_panics(zone in any_zone(), millis: i64, text in ".{0,40}") {
        let at = Timestamp::from_millis(millis);
        let _ = zone.span(at);
        let _ = zone.show(at);
        let _ = zone.first_at(zone.local(at));
        let _ = Zone::named(&text);
        let _ = Zone::of_phone(&text);
    }
}
