//! The rules that policies are made of.

use std::time::Duration;

/// The rules of one document. What is not stated is left to weaker layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The same words to the same person are sent once in this window.
    pub dedup: Option<Window>,
    /// The same template reaches the same person once in this window, whatever its values.
    pub repeat: Option<Window>,
    /// How many messages a person gets.
    pub caps: Vec<Cap>,
    /// When nobody is to be disturbed.
    pub quiet_hours: Option<QuietHours>,
    /// What the words may hold.
    pub content: Content,
    /// Suppressions that do not count.
    pub suppression: Option<Exemption>,
    /// The only people who are reached.
    pub allow_list: Option<Vec<Pattern>>,
    /// What becomes of deliveries whose time passed while austin was down.
    pub overdue: Option<Overdue>,
    /// How long a `ref` stands for one delivery.
    pub ref_unique: Option<Window>,
    /// Who must agree before a template goes live.
    pub approval: Option<Approval>,
}

/// A stretch of time up to now in which something happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// It may happen as often as it likes.
    Off,
    /// Once in this long.
    Last(Duration),
}

impl Window {
    /// How long; `None` when it is off.
    pub const fn length(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Last(length) => Some(length),
        }
    }
}

/// At most `count` messages to a person in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// How many.
    pub count: u32,
    /// In which time.
    pub period: Period,
    /// Which messages count; `None`: what its document applies to.
    pub over: Option<Over>,
}

/// The time a cap counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The last so long.
    Last(Duration),
    /// The person's calendar day.
    Day,
    /// The person's calendar week, from Monday.
    Week,
    /// The person's calendar month.
    Month,
}

impl Period {
    /// The longest it can be.
    pub const fn longest(self) -> Duration {
        match self {
            Self::Last(length) => length,
            Self::Day => Duration::from_secs(26 * 3_600),
            Self::Week => Duration::from_secs(7 * 86_400 + 7_200),
            Self::Month => Duration::from_secs(31 * 86_400 + 7_200),
        }
    }
}

/// Which messages to a person count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// All.
    All,
    /// Those of the same channel.
    Channel,
    /// Those of the same class.
    Class,
    /// Those of the same team's templates.
    Team,
    /// Those of the same template.
    Template,
}

impl Over {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Channel => "channel",
            Self::Class => "class",
            Self::Team => "team",
            Self::Template => "template",
        }
    }
}

/// When nobody is to be disturbed, and what becomes of messages then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// What becomes of messages.
    pub action: QuietAction,
    /// The hours, by the person's clock.
    pub windows: Vec<QuietWindow>,
    /// The holiday calendar: on its days the whole day is quiet.
    pub calendar: Option<String>,
    /// Over how long held messages go out once the hours are over.
    pub spread: Duration,
}

/// What becomes of a message in quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuietAction {
    /// It goes out all the same.
    None,
    /// It is not sent.
    Drop,
    /// It waits until the hours are over.
    Hold,
}

impl QuietAction {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Drop => "drop",
            Self::Hold => "hold",
        }
    }
}

/// Hours of a day. Where `to` is not after `from` they reach into the next day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietWindow {
    /// Minutes from midnight.
    pub from: u16,
    /// Minutes from midnight, itself no longer part of it; at most 1,440.
    pub to: u16,
    /// The days on which it begins; empty: every day.
    pub days: Vec<Weekday>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// All, from Monday.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// What the words of a message may hold. Each part stands by itself: a stronger layer that states
/// one of them leaves the others as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Names of lists of words that must not occur.
    pub words: Option<Vec<String>>,
    /// Hosts that links may lead to; others are refused.
    pub links: Option<Vec<String>>,
    /// Most billing parts of an SMS.
    pub max_segments: Option<u16>,
    /// Words of which one must occur.
    pub opt_out: Option<Vec<String>>,
    /// What becomes of a message at fault.
    pub on_fault: Option<OnFault>,
}

/// What becomes of a message whose words are at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// It is not sent.
    Refuse,
    /// It waits until somebody releases it.
    Hold,
}

impl OnFault {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Hold => "hold",
        }
    }
}

/// Suppressions that do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// None of them counts.
    All,
    /// Those with these reasons do not count.
    Reasons(Vec<String>),
}

impl Exemption {
    /// Whether a suppression with this reason does not count.
    pub fn covers(&self, reason: &str) -> bool {
        match self {
            Self::All => true,
            Self::Reasons(reasons) => reasons.iter().any(|one| one == reason),
        }
    }
}

/// Why a person may be suppressed, in the words of the API.
pub const SUPPRESSION_REASONS: [&str; 5] =
    ["opt_out", "complaint", "hard_bounce", "blocked", "manual"];

/// Addresses: one, or all that end in what follows a leading `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether an address is one of them. Capitals of a mail domain do not matter: addresses are
    /// canonical, and so are patterns.
    pub fn fits(&self, to: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(end) => {
                let tail = to.len().checked_sub(end.len()).and_then(|at| to.get(at..));
                tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
            }
            None => to.eq_ignore_ascii_case(&self.0),
        }
    }
}

/// What becomes of a delivery whose time passed while austin was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// It is sent while it is still valid.
    Send,
    /// It expires.
    Expire,
}

impl Overdue {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Expire => "expire",
        }
    }
}

/// Who must agree before a template goes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whether somebody must approve it.
    pub required: bool,
    /// Whether that may be its author.
    pub by_author: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_addresses_and_ends() {
        let fits = |pattern: &str, to: &str| Pattern(pattern.into()).fits(to);
        assert!(fits("+8613711112200", "+8613711112200"));
        assert!(!fits("+861371111220", "+8613711112200"));
        assert!(fits("*@test.example", "Li@TEST.example"));
        assert!(!fits("*@test.example", "li@nottest.example"));
        assert!(!fits("*@test.example", "é"));
        assert!(fits("*", "anybody"));
    }
}
