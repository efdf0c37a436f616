//! What a changed policy would have done: the deliveries of a period, once more under other rules.
//! Nothing is sent and nothing changes.
//!
//! Replayed are the deliveries that counted: what was stopped then is not among them, so a looser
//! rule shows only what it would still have stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use austin_domain::policy::Document;
use austin_domain::{DeliveryId, RuleRef, TemplateId, Timestamp};
use austin_ports::catalog::{Policy, Snapshot};
use austin_ports::ledger::Counted;
use austin_ports::meter::{Limit, Over, Window};
use hashbrown::{HashMap, HashSet};
use serde_json::Value;

use crate::engine::Engine;
use crate::judge::{self, Judge};
use crate::manage::missing_policy;
use crate::refusal::{FieldFault, Refusal};
use crate::rulebook::{Bound, Rulebook};

/// What is tried out.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTrial {
    /// The policy's name: a new one, or the one that the document replaces.
    pub name: String,
    /// The document; what the policy says now when not given.
    pub document: Option<Value>,
    /// The first moment of the period.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// What would have happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyPreview {
    /// Deliveries that were looked at.
    pub deliveries: u64,
    /// Those that would not have been sent.
    pub stopped: u64,
    /// Those that would have waited.
    pub held: u64,
    /// People of whom at least one delivery would not have been sent.
    pub people: u64,
    /// By rule.
    pub by_rule: Vec<(RuleRef, u64)>,
    /// Where it stopped because there was more than can be looked at in one call.
    pub stopped_at: Option<Timestamp>,
}

impl Engine {
    /// What a policy, or a changed one, would have done to what was sent in a period.
    ///
    /// # Errors
    /// The fields at fault; `not_found`; a ledger that cannot be read.
    pub async fn preview_policy(&self, trial: &PolicyTrial) -> Result<PolicyPreview, Refusal> {
        let shared = self.shared();
        let snapshot = candidate(&shared.catalog.snapshot(), trial)?;
        if trial.until <= trial.from || trial.until.since(trial.from) > LONGEST {
            let detail = "must lie after `from`, by at most 31 days";
            let fault = FieldFault::new("/until", "out_of_range", detail);
            return Err(Refusal::fields(vec![fault]));
        }
        let book = Rulebook::new(Arc::new(snapshot), shared.rulebooks.lists());
        // What was sent before the period counts in its windows.
        let since = trial.from.minus(book.longest());
        let mut replay = Replay::default();
        let began = Instant::now();
        let mut after = DeliveryId::from_u64(0);
        loop {
            let (rows, next) = shared.ledger.counted(since, after, ROWS_A_READ).await?;
            for row in rows {
                if row.at >= trial.until {
                    continue;
                }
                let within = row.at >= trial.from;
                replay.play(shared, &book, row, within);
            }
            let too_much = replay.looked >= MOST || began.elapsed() > MOST_TIME;
            match next {
                Some(next) if too_much => {
                    return Ok(replay.told(Some(next.at())));
                }
                Some(next) => after = next,
                None => return Ok(replay.told(None)),
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The catalog as it would be.
fn candidate(snapshot: &Snapshot, trial: &PolicyTrial) -> Result<Snapshot, Refusal> {
    let mut next = snapshot.clone();
    let Some(json) = &trial.document else {
        return if next.policies.contains_key(&trial.name) {
            Ok(next)
        } else {
            Err(missing_policy(&trial.name))
        };
    };
    let (document, faults) = Document::read(json);
    if !faults.is_empty() {
        let faults = faults.into_iter().map(|fault| {
            FieldFault::new(
                format!("/document{}", fault.pointer),
                fault.code,
                fault.detail,
            )
        });
        return Err(Refusal::fields(faults.collect()));
    }
    let before = next.policies.get(&trial.name);
    let policy = Policy {
        name: trial.name.clone(),
        version: before.map_or(1, |policy| policy.version + 1),
        json: Some(json.clone()),
        document,
        author: String::new(),
        reason: None,
        updated_at: Timestamp::from_millis(0),
    };
    next.policies.insert(trial.name.clone(), Arc::new(policy));
    Ok(next)
}

/// What a person was sent.
struct Sent {
    at: Timestamp,
    template: TemplateId,
    lane: austin_domain::Lane,
    content: Option<u64>,
}

#[derive(Default)]
struct Replay {
    people: HashMap<u64, Vec<Sent>>,
    hit: HashSet<u64>,
    by_rule: HashMap<RuleRef, u64>,
    looked: u64,
    deliveries: u64,
    stopped: u64,
    held: u64,
}

impl Replay {
    fn play(
        &mut self,
        shared: &crate::shared::Shared,
        book: &Rulebook,
        row: Counted,
        within: bool,
    ) {
        self.looked += 1;
        self.deliveries += u64::from(within);
        let person = judge::spread_key(&row.to);
        let applied = book.current(row.template);
        if let Some(applied) = applied.filter(|_| within) {
            let judge = Judge {
                shared,
                applied,
                now: row.at,
            };
            let zone = judge::zone(shared, None, &row.to);
            let limits = applied.limits((true, true), zone, row.at);
            let sent = self.people.get(&person).map_or(&[][..], Vec::as_slice);
            let broken = limits
                .limits
                .iter()
                .position(|limit| breaks(*limit, &row, sent, book));
            let rule = if let Some(reason) = judge.listed(&row.to) {
                reason.rule
            } else if let Some((state, _, reason)) = judge.hours(zone, person) {
                if state == austin_domain::State::Held {
                    self.held += 1;
                    *self
                        .by_rule
                        .entry(applied.rules.quiet_hours.rule.clone())
                        .or_default() += 1;
                    None
                } else {
                    reason.rule
                }
            } else {
                None
            };
            let rule = rule.or_else(|| match *limits.rules.get(broken?)? {
                Bound::Dedup(rule, _) | Bound::Repeat(rule, _) => Some(rule.clone()),
                Bound::Cap(cap, _) => Some(cap.rule.clone()),
            });
            if let Some(rule) = rule {
                self.stopped += 1;
                *self.by_rule.entry(rule).or_default() += 1;
                self.hit.insert(person);
                return;
            }
        }
        self.people.entry(person).or_default().push(Sent {
            at: row.at,
            template: row.template,
            lane: row.lane,
            content: row.content,
        });
    }

    fn told(self, stopped_at: Option<Timestamp>) -> PolicyPreview {
        let mut by_rule: Vec<_> = self.by_rule.into_iter().collect();
        by_rule.sort_by(|a, b| (b.1, &a.0.name, &a.0.part).cmp(&(a.1, &b.0.name, &b.0.part)));
        PolicyPreview {
            deliveries: self.deliveries,
            stopped: self.stopped,
            held: self.held,
            people: self.hit.len() as u64,
            by_rule,
            stopped_at,
        }
    }
}

/// Whether a delivery would not keep a limit after what its person was sent.
fn breaks(limit: Limit, row: &Counted, sent: &[Sent], book: &Rulebook) -> bool {
    let within = |window: Window| sent.iter().rev().filter(move |one| window.holds(one.at));
    match limit {
        Limit::Content(window) => {
            row.content.is_some()
                && within(window)
                    .any(|one| one.template == row.template && one.content == row.content)
        }
        Limit::Repeat(window) => within(window).any(|one| one.template == row.template),
        Limit::Cap { over, window, most } => {
            let team = |template| book.current(template).map(|applied| applied.team.as_str());
            let counted = within(window).filter(|one| match over {
                Over::All => true,
                Over::Channel => one.lane.channel == row.lane.channel,
                Over::Class => one.lane.class == row.lane.class,
                Over::Team => team(one.template) == team(row.template),
                Over::Template => one.template == row.template,
            });
            counted.count() >= usize::try_from(most).unwrap_or(usize::MAX)
        }
    }
}

const LONGEST: Duration = Duration::from_secs(31 * 86_400);
const ROWS_A_READ: usize = 20_000;
/// What one call looks at.
const MOST: u64 = 2_000_000;
const MOST_TIME: Duration = Duration::from_secs(10);
