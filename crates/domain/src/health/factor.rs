//! The part of its configured weight that an account should have.

use std::time::Duration;

use crate::health::receipts::{Curve, Receipts};
use crate::health::window::Calls;
use crate::time::Timestamp;

/// All of the weight, in thousandths.
pub const FULL: u32 = 1000;

/// What a signal asks for, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The part of the weight, in thousandths.
    pub per_mille: u32,
    /// Whether it may be reached at once.
    pub at_once: bool,
    /// For people, with figures.
    pub why: String,
}

/// A factor that moves.
#[derive(Clone, Debug)]
pub struct Factor {
    /// In millionths, so that short steps add up.
    millionths: u64,
    moved_at: Option<Timestamp>,
    why: Option<String>,
}

impl Default for Factor {
    fn default() -> Self {
        Self {
            millionths: u64::from(FULL) * 1000,
            moved_at: None,
            why: None,
        }
    }
}

impl Factor {
    /// The factor, in thousandths.
    pub fn per_mille(&self) -> u32 {
        u32::try_from(self.millionths / 1000).unwrap_or(FULL)
    }

    /// Why it is not full.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Moves towards `judgement` (none: towards all of it). While the breaker is not closed it
    /// stays at the start of the way back.
    pub(super) fn move_to(&mut self, judgement: Option<Judgement>, closed: bool, now: Timestamp) {
        let passed = self.moved_at.map_or(Duration::ZERO, |at| now.since(at));
        let passed = u64::try_from(passed.as_millis())
            .unwrap_or(u64::MAX)
            .min(10_000);
        self.moved_at = Some(now);
        if !closed {
            self.millionths = u64::from(LEAST) * 1000;
            return;
        }
        let target = judgement
            .as_ref()
            .map_or(FULL, |judgement| judgement.per_mille.clamp(LEAST, FULL));
        let target = u64::from(target) * 1000;
        self.millionths = match &judgement {
            Some(judgement) if judgement.at_once => target.min(self.millionths + UP * passed),
            _ if target < self.millionths => {
                target.max(self.millionths.saturating_sub(DOWN * passed))
            }
            _ => target.min(self.millionths + UP * passed),
        };
        match judgement {
            Some(judgement) => self.why = Some(judgement.why),
            None if self.millionths >= u64::from(FULL) * 1000 => self.why = None,
            None => {
                let back = self.why.take().unwrap_or_default();
                let back = back
                    .strip_prefix(BACK)
                    .map_or_else(|| format!("{BACK}{back}"), |_| back.clone());
                self.why = Some(back);
            }
        }
    }
}

/// What the errors of the last seconds ask for: nothing below one in twenty, then the less the
/// more there are.
pub fn by_errors(calls: &Calls, now: Timestamp) -> Option<Judgement> {
    let recent = calls.last_seconds(3, now);
    let longer = calls.last_seconds(10, now);
    let sum = [recent, longer]
        .into_iter()
        .filter(|sum| sum.recipients >= ENOUGH)
        .max_by_key(|sum| sum.faults_per_mille())?;
    let errors = sum.faults_per_mille();
    (errors > TOLERATED).then(|| Judgement {
        per_mille: ramp(errors, TOLERATED, MASSIVE),
        at_once: true,
        why: format!(
            "{} of {} recipients failed in the last seconds",
            sum.faults, sum.recipients
        ),
    })
}

/// What slowness asks for: calls that take a second and more, and three times what is usual.
pub fn by_latency(calls: &Calls, now: Timestamp) -> Option<Judgement> {
    let usual = calls.usual()?;
    let sum = calls.last_seconds(10, now);
    let slow = sum.calls >= ENOUGH_CALLS && sum.mean() >= SLOW.max(usual * 3);
    slow.then(|| {
        let usual = u64::try_from(usual.as_millis()).unwrap_or(u64::MAX).max(1);
        let mean = u64::try_from(sum.mean().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let part = u64::from(FULL) * 3 * usual.max(300) / mean;
        Judgement {
            per_mille: u32::try_from(part).unwrap_or(FULL).max(LEAST_SLOW),
            at_once: false,
            why: format!("a call takes {mean} ms, usually {usual} ms"),
        }
    })
}

/// What missing and late receipts ask for, compared with what is usual here and with the others.
pub fn by_receipts(
    receipts: &Receipts,
    peers: Option<&Curve>,
    now: Timestamp,
) -> Option<Judgement> {
    let found = receipts.deficit(peers, now)?;
    (found.per_mille > LOST_TOLERATED).then(|| Judgement {
        per_mille: ramp(found.per_mille, LOST_TOLERATED, LOST_MASSIVE),
        at_once: false,
        why: format!(
            "receipts: {} of {} messages are known to be delivered within {} s, {}% are usual",
            found.delivered,
            found.sent,
            found.within.as_secs(),
            found.usual_per_mille / 10
        ),
    })
}

/// From all of it at `from` down to the least at `to`.
fn ramp(value: u32, from: u32, to: u32) -> u32 {
    let over = value.saturating_sub(from).min(to - from);
    FULL - over * (FULL - LEAST) / (to - from)
}

/// What is left to an account that does badly: enough to see whether it does better.
pub const LEAST: u32 = 50;
const LEAST_SLOW: u32 = 250;
const ENOUGH: u32 = 10;
const ENOUGH_CALLS: u32 = 10;
/// Failed recipients in thousandths: what is usual, and what is too much.
const TOLERATED: u32 = 50;
const MASSIVE: u32 = 400;
/// Missing receipts in thousandths of the usual ones.
const LOST_TOLERATED: u32 = 100;
const LOST_MASSIVE: u32 = 600;
const SLOW: Duration = Duration::from_secs(1);
/// Millionths a millisecond: twenty seconds down, ten seconds up.
const DOWN: u64 = 50;
const UP: u64 = 100;
const BACK: &str = "drifts back: ";
