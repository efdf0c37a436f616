//! Time zones of recipients: which one, and what the clock on the wall shows there.
//!
//! A [`Zone`] is a small handle into the time zone database that is built into the program, so
//! that every machine answers the same. The offsets of the years 2020 to 2060 are laid out once a
//! zone; a local time is then a search in a short list. Other years are looked up each time.
//!
//! The invariant: a span that [`Zone::span`] gives contains the instant it was asked for, and the
//! offset is the same in all of it.

mod areas;
mod phone;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// Milliseconds of a day without a change of clocks.
pub const DAY: i64 = 86_400_000;

/// Most characters of a name; the longest that exists has 32.
const MAX_NAME: usize = 64;
/// No zone is further from UTC, so that a local time lies within this of the UTC one.
const FURTHEST: i64 = 26 * 3_600_000;
/// The years whose offsets are laid out: 2020-01-01 and 2060-01-01.
const LAID_OUT: (i64, i64) = (1_577_836_800_000, 2_840_140_800_000);

/// A time zone of the IANA database. Copies are free; two handles are equal when their names are.
/// It is written as its name, never as the handle's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(u16);

/// No time zone has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no IANA time zone has the name {name:?}{hint}")]
pub struct UnknownZone {
    name: String,
    hint: String,
}

/// A stretch of time in which a zone's clocks run evenly, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first instant; `i64::MIN` when nothing is known to have been before.
    pub from: i64,
    /// The first instant after it; `i64::MAX` when nothing is known to come.
    pub until: i64,
    /// What is added to UTC, in milliseconds.
    pub offset: i64,
}

/// What clock and calendar on a wall show: milliseconds since 1970-01-01 00:00 there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local(pub i64);

/// Why a recipient has the zone it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneSource {
    /// The caller or the person said so.
    Given,
    /// The phone number points there.
    Phone,
    /// The setting for everybody else.
    Default,
}

impl ZoneSource {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Phone => "phone",
            Self::Default => "default",
        }
    }
}

struct Entry {
    name: String,
    zone: TimeZone,
    /// Within [`LAID_OUT`], in order and without a hole.
    spans: OnceLock<Box<[Span]>>,
}

struct Registry {
    /// In the order of their names.
    entries: Vec<Entry>,
    /// By name in lower case.
    places: HashMap<String, u16>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    let mut names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    let read = |name: String| {
        let zone = database.get(&name).ok()?;
        let spans = OnceLock::new();
        Some(Entry { name, zone, spans })
    };
    let entries: Vec<Entry> = names.into_iter().filter_map(read).collect();
    let places = (0u16..)
        .zip(&entries)
        .map(|(place, entry)| (entry.name.to_ascii_lowercase(), place))
        .collect();
    Registry { entries, places }
});

impl Zone {
    /// The zone with this IANA name, such as `Asia/Shanghai`; capitals do not matter.
    ///
    /// # Errors
    /// [`UnknownZone`], which says what was probably meant.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let found = if name.len() <= MAX_NAME {
            REGISTRY.places.get(&name.to_ascii_lowercase())
        } else {
            None
        };
        found.map(|place| Self(*place)).ok_or_else(|| UnknownZone {
            name: name.chars().take(40).collect(),
            hint: hint(name),
        })
    }

    /// UTC.
    pub fn utc() -> Self {
        Self(REGISTRY.places.get("utc").copied().unwrap_or_default())
    }

    /// The zone that a phone in E.164 form points to: by its area where the area has one, else
    /// the zone most people of its country live in. `None` for what is not such a phone, and for
    /// codes of no country.
    pub fn of_phone(phone: &str) -> Option<Self> {
        phone::zone(phone)
    }

    /// The zone of a recipient: the one that was given, else the phone's, else the default.
    ///
    /// # Errors
    /// [`UnknownZone`] when one is given that there is not; it is never passed over.
    pub fn of_recipient(
        given: Option<&str>,
        phone: Option<&str>,
        default: Self,
    ) -> Result<(Self, ZoneSource), UnknownZone> {
        if let Some(name) = given {
            return Ok((Self::named(name)?, ZoneSource::Given));
        }
        Ok(match phone.and_then(Self::of_phone) {
            Some(zone) => (zone, ZoneSource::Phone),
            None => (default, ZoneSource::Default),
        })
    }

    /// Every zone, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u16..)
            .zip(&REGISTRY.entries)
            .map(|(place, _)| Self(place))
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        &self.entry().name
    }

    /// The stretch of even time that `at` lies in. Also ends where the laid-out years do.
    pub fn span(self, at: Timestamp) -> Span {
        let at = at.millis();
        let entry = self.entry();
        if !(LAID_OUT.0..LAID_OUT.1).contains(&at) {
            return far(&entry.zone, at);
        }
        let spans = entry.spans.get_or_init(|| lay_out(&entry.zone));
        let after = spans.partition_point(|span| span.from <= at);
        match after.checked_sub(1).and_then(|place| spans.get(place)) {
            Some(span) => *span,
            None => far(&entry.zone, at),
        }
    }

    /// What the clocks show at `at`.
    pub fn local(self, at: Timestamp) -> Local {
        Local(at.millis().saturating_add(self.span(at).offset))
    }

    /// The first instant at which clocks show `wall` or later: the first of two where they are
    /// set back over it, the first after the gap where they leap over it.
    pub fn first_at(self, wall: Local) -> Timestamp {
        let mut at = wall.0.saturating_sub(FURTHEST);
        // Clocks are not changed more than a few times in a day.
        for _ in 0..64 {
            let span = self.span(Timestamp::from_millis(at));
            let there = wall.0.saturating_sub(span.offset).max(at);
            if there < span.until {
                return Timestamp::from_millis(there);
            }
            at = span.until;
        }
        Timestamp::from_millis(at)
    }

    /// `at` as people there read it, with the zone: `2026-11-25 00:00 Asia/Shanghai`; seconds
    /// where there are any.
    pub fn show(self, at: Timestamp) -> String {
        let zoned = at.to_jiff().to_zoned(self.entry().zone.clone());
        let pattern = if at.seconds() % 60 == 0 {
            "%Y-%m-%d %H:%M"
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        format!("{} {}", zoned.strftime(pattern), self.name())
    }

    fn entry(self) -> &'static Entry {
        // Handles are made from this list alone.
        &REGISTRY.entries[usize::from(self.0)]
    }
}

impl Local {
    /// Days since 1970-01-01.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// Milliseconds since this day's midnight on the clock.
    pub const fn of_day(self) -> i64 {
        self.0.rem_euclid(DAY)
    }

    /// The beginning of a day, by days since 1970-01-01.
    pub const fn midnight(day: i64) -> Self {
        Self(day.saturating_mul(DAY))
    }
}

/// The day of the week of a day since 1970-01-01: 0 is Monday.
pub const fn weekday(day: i64) -> usize {
    // 1970-01-01 was a Thursday. The remainder is 0 to 6.
    (day + 3).rem_euclid(7) as usize
}

/// What changes in `zone` from `at` on.
fn far(zone: &TimeZone, at: i64) -> Span {
    let instant = Timestamp::from_millis(at).to_jiff();
    // `preceding` is strict: asked from one later it also finds a change at `at` itself.
    let later = Timestamp::from_millis(at.saturating_add(1)).to_jiff();
    let begin = zone.preceding(later).next();
    let end = zone.following(instant).next();
    Span {
        from: begin.map_or(i64::MIN, |change| change.timestamp().as_millisecond()),
        until: end.map_or(i64::MAX, |change| change.timestamp().as_millisecond()),
        offset: offset(zone, instant),
    }
}

fn lay_out(zone: &TimeZone) -> Box<[Span]> {
    let mut spans: Vec<Span> = Vec::new();
    let begin = Timestamp::from_millis(LAID_OUT.0).to_jiff();
    let mut span = Span {
        from: LAID_OUT.0,
        until: LAID_OUT.1,
        offset: offset(zone, begin),
    };
    for change in zone.following(begin) {
        let at = change.timestamp().as_millisecond();
        if at >= LAID_OUT.1 {
            break;
        }
        let changed = i64::from(change.offset().seconds()) * 1000;
        if changed != span.offset {
            spans.push(Span { until: at, ..span });
            span.from = at;
            span.offset = changed;
        }
    }
    spans.push(span);
    spans.into_boxed_slice()
}

fn offset(zone: &TimeZone, at: jiff::Timestamp) -> i64 {
    i64::from(zone.to_offset(at).seconds()) * 1000
}

/// What was probably meant by a name that no zone has.
fn hint(name: &str) -> String {
    let wanted = name.trim().to_ascii_lowercase().replace(' ', "_");
    let city = wanted.rsplit('/').next().unwrap_or_default();
    let same = |entry: &&Entry| {
        let known = entry.name.to_ascii_lowercase();
        !city.is_empty() && known.rsplit('/').next() == Some(city)
    };
    if let Some(entry) = REGISTRY.entries.iter().find(same) {
        return format!("; did you mean {}?", entry.name);
    }
    if city == "beijing" {
        return "; did you mean Asia/Shanghai?".to_owned();
    }
    "; write one such as Asia/Shanghai, Europe/Berlin or UTC".to_owned()
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        Self::named(name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::named(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
