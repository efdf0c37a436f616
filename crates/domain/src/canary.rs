//! Whether a new version of something does worse than the one it is to replace. Pure.
//!
//! Both are judged over the same time. Calls, not recipients, are the sample: the recipients of
//! one call mostly share their fate, so a call that carries a hundred is still one piece of
//! evidence. A version is worse only when the difference is both large enough to matter and too
//! large for chance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, Verdict};

/// Attempts a version must have made before it is judged.
pub const MIN_ATTEMPTS: u64 = 30;
/// Calls a version must have made before it is judged.
pub const MIN_CALLS: u64 = 10;
/// Attempts that must have gone wrong before a version is called worse.
const MIN_WRONG: u64 = 5;
/// Least difference of two shares that matters.
const MARGIN: f64 = 0.05;
/// Standard errors between two shares beyond which chance is no explanation (one-sided, about 1
/// in 2,000).
const TOO_FAR: f64 = 3.3;

/// How long a [`Window`] remembers.
pub const REMEMBERED: Duration = Duration::from_secs(300);
const SLOT_MILLIS: i64 = 5_000;
const SLOTS: usize = 60;

/// What attempts came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Calls made; a call may carry many attempts.
    pub calls: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Of those, how many the adapter or the account failed ([`is_error`]).
    pub errors: u64,
    /// Of those, how many were not accepted for any other reason.
    pub refused: u64,
}

impl Tally {
    /// The tally of one call.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let mut tally = Self {
            calls: 1,
            ..Self::default()
        };
        for verdict in verdicts {
            tally.attempts += 1;
            if is_error(verdict) {
                tally.errors += 1;
            } else if !matches!(verdict, Verdict::Accepted(_)) {
                tally.refused += 1;
            }
        }
        tally
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            attempts: self.attempts + other.attempts,
            errors: self.errors + other.errors,
            refused: self.refused + other.refused,
        }
    }

    /// Whether there is enough to judge by.
    pub const fn is_enough(self) -> bool {
        self.attempts >= MIN_ATTEMPTS && self.calls >= MIN_CALLS
    }

    /// Attempts that were not accepted, whatever the reason.
    pub const fn not_accepted(self) -> u64 {
        self.errors + self.refused
    }
}

/// Whether a verdict speaks against the adapter or the account rather than the recipient, the
/// content or the pace.
pub const fn is_error(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Unknown(_) | Verdict::Misconfigured(_) | Verdict::Elsewhere(_) => true,
        Verdict::Accepted(_)
        | Verdict::BadRecipient(_)
        | Verdict::BadContent(_)
        | Verdict::Later { .. }
        | Verdict::Throttled { .. }
        | Verdict::NumberRefused { .. } => false,
    }
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Too little is known of one of them.
    Undecided,
    /// The new one does as well, as far as can be told.
    AsGood,
    /// The new one does worse.
    Worse(Worse),
}

/// In what a new version is worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Worse {
    /// Of which share: `errors` or `not_accepted`.
    pub of: &'static str,
    /// The new version's share, 0 to 1.
    pub share: f64,
    /// The former version's share, 0 to 1.
    pub former_share: f64,
}

/// Judges a new version by what it and the former one did over the same time.
pub fn judge(new: Tally, former: Tally) -> Judgement {
    if !new.is_enough() || !former.is_enough() {
        return Judgement::Undecided;
    }
    let shares = [
        ("errors", new.errors, former.errors),
        ("not_accepted", new.not_accepted(), former.not_accepted()),
    ];
    for (of, wrong, former_wrong) in shares {
        let share = ratio(wrong, new.attempts);
        let former_share = ratio(former_wrong, former.attempts);
        let evidence = Evidence {
            share,
            calls: new.calls,
            former_share,
            former_calls: former.calls,
        };
        if wrong >= MIN_WRONG && evidence.is_against() {
            return Judgement::Worse(Worse {
                of,
                share,
                former_share,
            });
        }
    }
    Judgement::AsGood
}

struct Evidence {
    share: f64,
    calls: u64,
    former_share: f64,
    former_calls: u64,
}

impl Evidence {
    /// Two-proportion test, pooled.
    fn is_against(&self) -> bool {
        let difference = self.share - self.former_share;
        if difference < MARGIN {
            return false;
        }
        let (new, former) = (float(self.calls), float(self.former_calls));
        let pooled = (self.share * new + self.former_share * former) / (new + former);
        let error = (pooled * (1.0 - pooled) * (1.0 / new + 1.0 / former)).sqrt();
        // Without any spread (all of one failed, none of the other) nothing is left to chance.
        error == 0.0 || difference / error >= TOO_FAR
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of five minutes are far below 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

/// What the last five minutes came to, in slots of five seconds.
#[derive(Clone, Debug)]
pub struct Window {
    slots: [(i64, Tally); SLOTS],
}

impl Default for Window {
    fn default() -> Self {
        Self {
            slots: [(i64::MIN, Tally::default()); SLOTS],
        }
    }
}

impl Window {
    /// Adds what happened at `now`.
    pub fn add(&mut self, now: Timestamp, tally: Tally) {
        let number = slot(now);
        let entry = &mut self.slots[place(number)];
        if entry.0 != number {
            *entry = (number, Tally::default());
        }
        entry.1 = entry.1.plus(tally);
    }

    /// What happened from `since` on, at most [`REMEMBERED`] back from `now`. The slot in which
    /// `since` falls counts whole.
    pub fn since(&self, since: Timestamp, now: Timestamp) -> Tally {
        let newest = slot(now);
        let oldest = slot(since).max(newest - slot_count() + 1);
        self.slots
            .iter()
            .filter(|(number, _)| (oldest..=newest).contains(number))
            .fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
    }
}

fn slot(at: Timestamp) -> i64 {
    at.millis().div_euclid(SLOT_MILLIS)
}

fn slot_count() -> i64 {
    i64::try_from(SLOTS).unwrap_or(i64::MAX)
}

fn place(number: i64) -> usize {
    usize::try_from(number.rem_euclid(slot_count())).unwrap_or(0)
}

/// Whether turn number `turn` belongs to a version that is to have `percent` of the turns: as
/// evenly as whole turns allow, and exact over any hundred.
pub const fn is_canarys_turn(turn: u64, percent: u8) -> bool {
    let percent = percent as u64;
    let turn = turn % 100;
    (turn + 1) * percent / 100 > turn * percent / 100
}

#[cfg(test)]
mod tests;
