use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn hours(windows: &str) -> Hours {
    let windows = serde_json::from_str(windows).unwrap();
    Hours::new(windows, Duration::from_secs(600)).unwrap()
}

fn night() -> Hours {
    hours(r#"[{"from":"22:00","to":"08:00"}]"#)
}

#[track_caller]
fn closed_until(hours: &Hours, name: &str, now: &str, until: &str) {
    let judgement = hours.judge(at(now), zone(name), None);
    assert_eq!(
        judgement,
        Judgement::Closed { until: at(until) },
        "{now} {name}"
    );
}

#[track_caller]
fn open(hours: &Hours, name: &str, now: &str) {
    assert_eq!(
        hours.judge(at(now), zone(name), None),
        Judgement::Open,
        "{now} {name}"
    );
}

#[test]
fn across_midnight() {
    let night = night();
    open(&night, "Asia/Shanghai", "2026-11-25T13:59:59.999Z");
    closed_until(
        &night,
        "Asia/Shanghai",
        "2026-11-25T14:00:00Z",
        "2026-11-26T00:00:00Z",
    );
    closed_until(
        &night,
        "Asia/Shanghai",
        "2026-11-25T23:59:59.999Z",
        "2026-11-26T00:00:00Z",
    );
    open(&night, "Asia/Shanghai", "2026-11-26T00:00:00Z");
}

#[test]
fn month_end_and_leap_day() {
    let night = night();
    closed_until(
        &night,
        "UTC",
        "2028-02-28T23:00:00Z",
        "2028-02-29T08:00:00Z",
    );
    closed_until(
        &night,
        "UTC",
        "2028-02-29T23:00:00Z",
        "2028-03-01T08:00:00Z",
    );
    closed_until(
        &night,
        "UTC",
        "2026-12-31T23:00:00Z",
        "2027-01-01T08:00:00Z",
    );
    closed_until(
        &night,
        "UTC",
        "2026-04-30T22:00:00Z",
        "2026-05-01T08:00:00Z",
    );
}

#[test]
fn odd_offsets() {
    let night = night();
    closed_until(
        &night,
        "Asia/Kolkata",
        "2026-11-25T16:30:00Z",
        "2026-11-26T02:30:00Z",
    );
    closed_until(
        &night,
        "Asia/Kathmandu",
        "2026-11-25T16:15:00Z",
        "2026-11-26T02:15:00Z",
    );
    open(&night, "Asia/Kathmandu", "2026-11-25T16:14:59Z");
    closed_until(
        &night,
        "America/St_Johns",
        "2026-11-26T01:30:00Z",
        "2026-11-26T11:30:00Z",
    );
    // Half an hour of daylight saving: the night of the change is half an hour longer or shorter.
    closed_until(
        &night,
        "Australia/Lord_Howe",
        "2026-04-04T11:00:00Z",
        "2026-04-04T21:30:00Z",
    );
    closed_until(
        &night,
        "Australia/Lord_Howe",
        "2026-10-03T12:00:00Z",
        "2026-10-03T21:00:00Z",
    );
}

#[test]
fn clocks_that_leap_and_clocks_that_are_set_back() {
    let night = night();
    closed_until(
        &night,
        "America/New_York",
        "2026-03-08T03:00:00Z",
        "2026-03-08T12:00:00Z",
    );
    closed_until(
        &night,
        "America/New_York",
        "2026-11-01T02:00:00Z",
        "2026-11-01T13:00:00Z",
    );
    // The end lies in the gap: it opens when the gap is over, at 03:00.
    let early = hours(r#"[{"from":"22:00","to":"02:30"}]"#);
    closed_until(
        &early,
        "Europe/Berlin",
        "2026-03-28T23:00:00Z",
        "2026-03-29T01:00:00Z",
    );
    // The end comes twice: it opens at the first 02:30, and the second 02:00 is quiet again.
    closed_until(
        &early,
        "Europe/Berlin",
        "2026-10-24T23:00:00Z",
        "2026-10-25T00:30:00Z",
    );
    open(&early, "Europe/Berlin", "2026-10-25T00:59:59Z");
    closed_until(
        &early,
        "Europe/Berlin",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z",
    );
    // A window that the gap swallows does not come at all.
    let gap = hours(r#"[{"from":"02:00","to":"03:00"}]"#);
    open(&gap, "Europe/Berlin", "2026-03-29T00:59:59.999Z");
    open(&gap, "Europe/Berlin", "2026-03-29T01:00:00Z");
    // Lord Howe leaps from 02:00 to 02:30 and is set back from 02:00 to 01:30.
    let lord = hours(r#"[{"from":"00:00","to":"02:15"}]"#);
    closed_until(
        &lord,
        "Australia/Lord_Howe",
        "2026-10-03T14:00:00Z",
        "2026-10-03T15:30:00Z",
    );
    closed_until(
        &lord,
        "Australia/Lord_Howe",
        "2026-04-04T14:00:00Z",
        "2026-04-04T15:45:00Z",
    );
    // Midnight itself is leapt over in Cairo.
    let cairo = hours(r#"[{"from":"20:00","to":"00:30"}]"#);
    closed_until(
        &cairo,
        "Africa/Cairo",
        "2026-04-23T20:00:00Z",
        "2026-04-23T22:00:00Z",
    );
    // St John's, 2026-03-08: 02:00 → 03:00 at 05:30 UTC.
    closed_until(
        &early,
        "America/St_Johns",
        "2026-03-08T02:00:00Z",
        "2026-03-08T05:30:00Z",
    );
}

#[test]
fn several_windows_days_and_whole_days() {
    let hours = hours(
        r#"[{"from":"22:00","to":"08:00"},{"from":"08:00","to":"09:30","days":["mon"]},
            {"from":"12:00","to":"13:00"},{"from":"00:00","to":"24:00","days":["sun"]}]"#,
    );
    // Sunday night runs into the Monday window.
    closed_until(
        &hours,
        "UTC",
        "2026-11-28T22:00:00Z",
        "2026-11-30T09:30:00Z",
    );
    closed_until(
        &hours,
        "UTC",
        "2026-11-25T12:30:00Z",
        "2026-11-25T13:00:00Z",
    );
    open(&hours, "UTC", "2026-11-25T13:00:00Z");
    // A window of 24 hours that begins on Friday evening, and one across Sunday's midnight.
    let weekend = self::hours(r#"[{"from":"18:00","to":"18:00","days":["fri","sat"]}]"#);
    closed_until(
        &weekend,
        "UTC",
        "2026-11-27T18:00:00Z",
        "2026-11-29T18:00:00Z",
    );
    open(&weekend, "UTC", "2026-11-27T17:59:00Z");
}

#[test]
fn holidays_and_weekends_that_work() {
    let calendar = Calendar::parse(
        r#"{"closed":[{"from":"2026-10-01","to":"2026-10-07"}],"working":["2026-10-10"]}"#,
    )
    .unwrap();
    let office = hours(
        r#"[{"from":"20:00","to":"09:00","days":["mon","tue","wed","thu","fri","sun"]},
            {"from":"00:00","to":"24:00","days":["sat","sun"]}]"#,
    );
    let judge = |now: &str| office.judge(at(now), zone("Asia/Shanghai"), Some(&calendar));
    let until = |text: &str| Judgement::Closed { until: at(text) };
    // Wednesday evening, then seven holidays, then the night of a holiday that is a Wednesday.
    assert_eq!(judge("2026-09-30T12:00:00Z"), until("2026-10-08T01:00:00Z"));
    assert_eq!(judge("2026-10-03T04:00:00Z"), until("2026-10-08T01:00:00Z"));
    // Saturday the 10th works from nine to eight; Sunday does not.
    assert_eq!(judge("2026-10-09T12:00:00Z"), until("2026-10-10T01:00:00Z"));
    assert_eq!(judge("2026-10-10T04:00:00Z"), Judgement::Open);
    assert_eq!(judge("2026-10-10T12:00:00Z"), until("2026-10-12T01:00:00Z"));
    // Holidays alone, without a window.
    let none = Hours::new(Vec::new(), Duration::ZERO).unwrap();
    let judged = none.judge(at("2026-10-03T04:00:00Z"), Zone::utc(), Some(&calendar));
    assert_eq!(judged, until("2026-10-08T00:00:00Z"));
}

#[test]
fn what_cannot_be_is_refused() {
    for (windows, says) in [
        (
            r#"[{"from":"25:00","to":"08:00"}]"#,
            "\"25:00\" is not a time of day",
        ),
        (
            r#"[{"from":"8:00","to":"09:00"}]"#,
            "\"8:00\" is not a time of day",
        ),
        (r#"[{"from":"24:00","to":"09:00"}]"#, "23:59 at the latest"),
        (
            r#"[{"from":"22:00","to":"08:00","days":["monday"]}]"#,
            "\"monday\" is no day",
        ),
        (r#"[{"from":"22:00"}]"#, "missing field `to`"),
        (
            r#"[{"from":"22:00","to":"08:00","day":[]}]"#,
            "unknown field `day`",
        ),
    ] {
        let error = serde_json::from_str::<Vec<Window>>(windows)
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{windows}: {error}");
    }
    let new = |windows: &str, spread| {
        let error = Hours::new(serde_json::from_str(windows).unwrap(), spread).unwrap_err();
        error.to_string()
    };
    for always in [
        r#"[{"from":"00:00","to":"24:00"}]"#,
        r#"[{"from":"13:00","to":"13:00"}]"#,
        r#"[{"from":"13:00","to":"01:00"},{"from":"01:00","to":"13:00"}]"#,
    ] {
        assert!(
            new(always, Duration::ZERO).contains("whole week"),
            "{always}"
        );
    }
    let many = format!(
        "[{}]",
        vec![r#"{"from":"01:00","to":"02:00"}"#; 33].join(",")
    );
    assert!(new(&many, Duration::ZERO).contains("at most 32"));
    assert!(new("[]", MAX_SPREAD + Duration::from_secs(1)).contains("spread"));
    let json =
        r#"[{"from":"22:00","to":"24:00","days":["mon","sun"]},{"from":"00:00","to":"08:00"}]"#;
    assert_eq!(serde_json::to_string(hours(json).windows()).unwrap(), json);
}

#[test]
fn what_is_held_does_not_begin_at_once() {
    let (night, shanghai) = (night(), zone("Asia/Shanghai"));
    let (now, opens) = (at("2026-11-25T15:00:00Z"), at("2026-11-26T00:00:00Z"));
    let mut seconds = vec![0u32; 600];
    for id in 0..600_000u64 {
        let into = share(id, night.spread()).as_secs();
        seconds[usize::try_from(into).unwrap()] += 1;
    }
    // 1,000 a second are expected; the standard deviation is 32.
    let (least, most) = (seconds.iter().min().unwrap(), seconds.iter().max().unwrap());
    assert!(*least > 800 && *most < 1_200, "{least} to {most} a second");
    let due = night.held_until(now, shanghai, None, 7).unwrap();
    assert_eq!(due, opens.plus(share(7, night.spread())));
    let again = night.held_until(at("2026-11-25T20:00:00Z"), shanghai, None, 7);
    assert_eq!(again, Some(due));
    assert_eq!(night.held_until(opens, shanghai, None, 7), None);
}

#[test]
fn what_is_spread_does_not_reach_into_the_next_window() {
    let short = hours(r#"[{"from":"22:00","to":"08:00"},{"from":"08:02","to":"12:00"}]"#);
    for id in 0..2_000 {
        let due = short
            .held_until(at("2026-11-25T23:00:00Z"), Zone::utc(), None, id)
            .unwrap();
        assert_eq!(
            short.judge(due, Zone::utc(), None),
            Judgement::Open,
            "{due}"
        );
        assert!(due < at("2026-11-26T08:02:00Z"));
    }
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let window = (0u16..1440, 0u16..=1440, 0u8..128).prop_map(|(from, to, days)| {
        let days: Vec<usize> = (0..7).filter(|day| days & (1 << day) != 0).collect();
        Window {
            from: TimeOfDay::new(from / 60, from % 60).unwrap(),
            to: TimeOfDay::new(to / 60, to % 60).unwrap(),
            days: Days::of(&days),
        }
    });
    let windows = proptest::collection::vec(window, 0..6);
    windows.prop_filter_map("never opens", |windows| {
        Hours::new(windows, Duration::from_secs(600)).ok()
    })
}

/// Some days from 2026-01-01 on, closed and working ones.
fn any_calendar() -> impl Strategy<Value = Option<Calendar>> {
    let days = proptest::collection::vec((0i64..800, any::<bool>()), 0..60);
    proptest::option::of(days.prop_filter_map("no day", |days| {
        let mut lists = [Vec::new(), Vec::new()];
        let mut seen = std::collections::BTreeSet::new();
        for (day, works) in days {
            if seen.insert(day) {
                let at = Timestamp::from_seconds((20_454 + day) * 86_400);
                lists[usize::from(works)].push(at.utc("%Y-%m-%d"));
            }
        }
        let [closed, working] = lists;
        let json = serde_json::json!({"closed": closed, "working": working});
        Calendar::parse(&json.to_string()).ok()
    }))
}

/// An instant, often near a change of clocks.
fn any_instant(zone: Zone) -> impl Strategy<Value = Timestamp> {
    let whenever = 1_767_225_600_000i64..1_830_000_000_000;
    (whenever, -7_200_000i64..7_200_000, any::<bool>()).prop_map(
        move |(millis, near, at_change)| {
            let span = zone.span(Timestamp::from_millis(millis));
            let change = span.until < 1_900_000_000_000;
            let place = if at_change && change {
                span.until + near
            } else {
                millis
            };
            Timestamp::from_millis(place)
        },
    )
}

fn any_place() -> impl Strategy<Value = (Zone, Timestamp)> {
    let odd = [
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Africa/Cairo",
        "Africa/Casablanca",
        "Europe/Berlin",
        "America/Santiago",
    ];
    let odd = proptest::sample::select(odd.map(zone).to_vec());
    let every = proptest::sample::select(Zone::all().collect::<Vec<_>>());
    prop_oneof![odd, every].prop_flat_map(|zone| (Just(zone), any_instant(zone)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn until_is_exact(hours in any_hours(), calendar in any_calendar(), (zone, now) in any_place(), id: u64) {
        let calendar = calendar.as_ref();
        let judge = |at| hours.judge(at, zone, calendar);
        let Judgement::Closed { until } = judge(now) else {
            prop_assert_eq!(hours.held_until(now, zone, calendar, id), None);
            return Ok(());
        };
        prop_assert!(until > now);
        prop_assert_eq!(judge(until), Judgement::Open);
        prop_assert_eq!(judge(until.minus(Duration::from_millis(1))), Judgement::Closed { until });
        // Nothing between was open: walk there by minutes, most of the way.
        for step in 1..200u32 {
            let between = now.plus(until.since(now) * step / 200);
            if between < until {
                prop_assert_eq!(judge(between), Judgement::Closed { until });
            }
        }
        let due = hours.held_until(now, zone, calendar, id).unwrap();
        prop_assert!(due >= until && due.since(until) < Duration::from_secs(600));
        prop_assert_eq!(judge(due), Judgement::Open);
    }

    #[test]
    fn no_instant_panics(hours in any_hours(), millis: i64, id: u64) {
        let _ = hours.held_until(Timestamp::from_millis(millis), Zone::utc(), None, id);
    }
}
