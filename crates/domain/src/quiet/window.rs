//! Windows as people write them: `{"from": "22:00", "to": "08:00", "days": ["mon"]}`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::zone::DAY;

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Quiet hours that cannot be; the text names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadHours(pub String);

impl BadHours {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A time on the clock, in minutes since midnight: 0 (`00:00`) to 1440 (`24:00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Days(u8);

/// From when to when, on which days. A window whose end is not after its beginning goes on into
/// the next day; one whose end is its beginning lasts 24 hours. `days` are those on which it
/// begins; none means all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins; not 24:00.
    #[serde(deserialize_with = "begin")]
    pub from: TimeOfDay,
    /// The first minute after it.
    pub to: TimeOfDay,
    /// The days on which it begins.
    #[serde(default, skip_serializing_if = "Days::is_all")]
    pub days: Days,
}

impl Window {
    /// Milliseconds from the midnight before it begins to its end; up to two days.
    pub(super) const fn end(self) -> i64 {
        let (from, to) = (self.from.millis(), self.to.millis());
        if to > from { to } else { to + DAY }
    }
}

impl TimeOfDay {
    /// `hour` and `minute` on the clock; `None` past 24:00.
    pub fn new(hour: u16, minute: u16) -> Option<Self> {
        let minutes = hour.checked_mul(60)?.checked_add(minute)?;
        (minute < 60 && minutes <= 1440).then_some(Self(minutes))
    }

    pub(super) const fn millis(self) -> i64 {
        self.0 as i64 * 60_000
    }
}

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0x7f);

    /// These days, 0 for Monday to 6; every day when none is named.
    pub fn of(weekdays: &[usize]) -> Self {
        let bits = weekdays
            .iter()
            .filter(|weekday| **weekday < 7)
            .fold(0, |bits, weekday| bits | 1 << weekday);
        if bits == 0 { Self::ALL } else { Self(bits) }
    }

    /// Whether a weekday is among them; 0 is Monday.
    pub const fn contains(self, weekday: usize) -> bool {
        weekday < 7 && self.0 & (1 << weekday) != 0
    }

    const fn is_all(&self) -> bool {
        self.0 == Self::ALL.0
    }
}

impl Default for Days {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let read = || {
            let (hour, minute) = text.split_once(':')?;
            let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            if !digits(hour) || !digits(minute) {
                return None;
            }
            Self::new(hour.parse().ok()?, minute.parse().ok()?)
        };
        read().ok_or_else(|| {
            let text: String = text.chars().take(20).collect();
            BadHours::new(format!(
                "{text:?} is not a time of day such as 08:00 or 22:30"
            ))
        })
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn begin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeOfDay, D::Error> {
    let from = TimeOfDay::deserialize(deserializer)?;
    if from.0 == 1440 {
        let why = "a window begins at 23:59 at the latest; 24:00 is 00:00 of the next day";
        return Err(serde::de::Error::custom(why));
    }
    Ok(from)
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = (0..7).filter(|weekday| self.contains(*weekday));
        serializer.collect_seq(named.map(|weekday| NAMES[weekday]))
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut weekdays = Vec::new();
        for name in Vec::<String>::deserialize(deserializer)? {
            let known = NAMES.iter().position(|known| *known == name);
            weekdays.push(known.ok_or_else(|| {
                let name: String = name.chars().take(20).collect();
                serde::de::Error::custom(format!("{name:?} is no day; known: {}", NAMES.join(", ")))
            })?);
        }
        Ok(Self::of(&weekdays))
    }
}
