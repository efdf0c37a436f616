//! How a change of a route comes about: from which plan, from when, until when.

use std::time::Duration;

use austin_domain::Timestamp;
use austin_domain::route::plan::{Part, Plan, Shift, Target};
use austin_domain::route::shares::{Progress, expand, mix};
use austin_domain::route::traffic::Traffic;
use austin_domain::{AccountId, route::Share};
use austin_ports::catalog::Route;

use super::draft::ShiftDraft;
use crate::manage::faults::Faults;

/// How far ahead a change may be planned.
const MAX_AHEAD: Duration = Duration::from_secs(366 * 86_400);
/// How far in the past a beginning may lie: clocks differ.
const SLACK: Duration = Duration::from_secs(60);
/// What the weights of a plan that is left half-way add up to.
const SCALE: u64 = 1_000_000;

/// The shift that `draft` asks for, away from what `old` does at `now`.
pub(super) fn shift(
    faults: &mut Faults,
    draft: &ShiftDraft,
    old: Option<&Route>,
    members: impl Fn(&str) -> Vec<AccountId>,
    now: Timestamp,
) -> Option<Shift> {
    if draft.over.is_none() && draft.starts_at.is_none() {
        let detail = "must say over (how long), starts_at (from when), or both";
        faults.add("/shift", "required", detail);
        return None;
    }
    let over = match &draft.over {
        None => Some(Duration::ZERO),
        Some(text) => faults.span("/shift/over", text),
    };
    let begins_at = draft.starts_at.unwrap_or(now);
    if begins_at < now.minus(SLACK) {
        faults.add(
            "/shift/starts_at",
            "in_the_past",
            "must not lie in the past",
        );
    } else if begins_at > now.plus(MAX_AHEAD) {
        let detail = "must be at most 366 days ahead";
        faults.add("/shift/starts_at", "out_of_range", detail);
    }
    let Some(old) = old else {
        let detail = "the lane has no route yet that could be left; set this one without a shift";
        faults.add("/shift", "nothing_to_leave", detail);
        return None;
    };
    let Some(from) = standing(old, members, now) else {
        let detail = "the route is shifting between plans with different rules; let that end, or \
                      set this one without a shift";
        faults.add("/shift", "still_shifting", detail);
        return None;
    };
    Some(Shift {
        from,
        begins_at,
        ends_at: begins_at.plus(over?),
    })
}

/// What a route does at `now`, as one plan. `None` while it passes between plans whose rules
/// are for different deliveries.
fn standing(
    route: &Route,
    members: impl Fn(&str) -> Vec<AccountId>,
    now: Timestamp,
) -> Option<Plan> {
    let traffic = Traffic::new(&route.plan, route.shift.as_ref(), &members);
    let Some(shift) = route.shift.as_ref() else {
        return Some(route.plan.clone());
    };
    match traffic.progress(now) {
        Progress::NONE => Some(shift.from.clone()),
        Progress::COMPLETE => Some(route.plan.clone()),
        progress => between(&shift.from, &route.plan, members, progress),
    }
}

fn between(
    from: &Plan,
    to: &Plan,
    members: impl Fn(&str) -> Vec<AccountId>,
    progress: Progress,
) -> Option<Plan> {
    let same = from.rules.len() == to.rules.len()
        && from
            .rules
            .iter()
            .zip(&to.rules)
            .all(|(a, b)| a.when == b.when);
    if !same {
        return None;
    }
    let parts = |from: &[Part], to: &[Part]| {
        parts(&mix(
            &expand(from, &members),
            &expand(to, &members),
            progress,
        ))
    };
    let mut plan = to.clone();
    plan.parts = parts(&from.parts, &to.parts);
    for (rule, old) in plan.rules.iter_mut().zip(&from.rules) {
        rule.parts = parts(&old.parts, &rule.parts);
    }
    Some(plan)
}

/// The shares with weights that add up to about a million: what people can read.
fn parts(shares: &[Share]) -> Vec<Part> {
    let total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    let scaled = |weight: u32| u64::from(weight) * SCALE / total.max(1);
    shares
        .iter()
        .map(|share| Part {
            to: Target::Account(share.account),
            weight: u32::try_from(scaled(share.weight)).unwrap_or(u32::MAX),
        })
        .collect()
}
