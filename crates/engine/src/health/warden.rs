//! Looks after all accounts twice a second: moves factors, compares receipts, and writes down
//! what changed by itself, once, with its cause. Changes that come faster than they can be of use
//! to anybody are written down as what they led to.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::health::breaker::Stand;
use austin_domain::health::{Curve, factor};
use austin_domain::rate::aimd::Lowered;
use austin_domain::{AccountId, Channel, Timestamp};
use austin_ports::catalog::CatalogChange;
use hashbrown::HashMap;
use serde_json::{Value, json};

use super::Change;
use crate::directory::Usable;
use crate::pace::rate_words;
use crate::shared::Shared;

/// Runs until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut told: HashMap<AccountId, Told> = HashMap::new();
    loop {
        let until = shared.clock.now().plus(EVERY);
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.clock.sleep_until(until) => {}
        }
        look_after(&shared, &mut told).await;
    }
}

async fn look_after(shared: &Shared, told: &mut HashMap<AccountId, Told>) {
    let now = shared.clock.now();
    let directory = shared.directories.current();
    let norms: Vec<(AccountId, Channel, Curve)> = directory
        .all()
        .filter_map(|usable| {
            let norm = usable.health.norm()?;
            Some((usable.record.id, usable.record.channel, norm))
        })
        .collect();
    told.retain(|id, _| directory.usable(*id).is_some());
    for usable in directory.all() {
        let peers = norms
            .iter()
            .filter(|(id, channel, _)| *id != usable.record.id && *channel == usable.record.channel)
            .map(|(_, _, norm)| *norm)
            .reduce(|best, norm| best.or_better(Some(&norm)));
        usable.health.tick(peers.as_ref(), now);
        let changes = told
            .entry(usable.record.id)
            .or_insert_with(|| Told::new(now))
            .compare(usable, now);
        for change in changes {
            tracing::info!(account = %usable.key, action = change.action, detail = %change.detail, "health");
            usable.health.changed(change.clone());
            let note = CatalogChange::Note {
                subject: format!("account/{}", usable.key),
                action: change.action,
                detail: change.detail,
            };
            if let Err(error) = shared.catalog.change(note, AUTHOR, now).await {
                tracing::warn!(account = %usable.key, %error, "a change could not be written down");
            }
        }
    }
}

/// What has been written down about an account.
struct Told {
    open: bool,
    factor: u32,
    lowered: Option<Timestamp>,
    /// How many more may be written down now.
    allowance: u32,
    paid_at: Timestamp,
}

impl Told {
    const fn new(now: Timestamp) -> Self {
        Self {
            open: false,
            factor: factor::FULL,
            lowered: None,
            allowance: MOST_AT_ONCE,
            paid_at: now,
        }
    }

    /// What is to be written down.
    fn compare(&mut self, usable: &Usable, now: Timestamp) -> Vec<Change> {
        while self.allowance < MOST_AT_ONCE && now.since(self.paid_at) >= ONE_MORE_EVERY {
            self.allowance += 1;
            self.paid_at = self.paid_at.plus(ONE_MORE_EVERY);
        }
        if self.allowance == MOST_AT_ONCE {
            self.paid_at = now;
        }
        let health = usable.health.view(now);
        let lowered = usable.pace.settle(&usable.bounds, now);
        let breaker = self.breaker(&health);
        // While the breaker is not closed the weight means nothing.
        let weight = match health.breaker {
            Stand::Closed => self.weight(&health),
            Stand::Open | Stand::HalfOpen => None,
        };
        let rate = self.rate(lowered.as_ref(), usable);
        [breaker, weight, rate]
            .into_iter()
            .flatten()
            .map(|(action, detail)| Change {
                at: now,
                action,
                detail,
            })
            .collect()
    }

    fn may_tell(&mut self) -> bool {
        let may = self.allowance > 0;
        self.allowance = self.allowance.saturating_sub(1);
        may
    }

    fn breaker(&mut self, health: &super::HealthView) -> Option<(&'static str, Value)> {
        let open = health.breaker != Stand::Closed;
        if open == self.open || !self.may_tell() {
            return None;
        }
        self.open = open;
        Some(match &health.rest {
            Some((since, until, why)) => (
                "breaker_opened",
                json!({"cause": why, "since": since, "rests_until": until}),
            ),
            None => {
                // It starts from the least; the way back is told when it is complete.
                self.factor = health.factor;
                ("breaker_closed", json!({"cause": "a probe succeeded"}))
            }
        })
    }

    fn weight(&mut self, health: &super::HealthView) -> Option<(&'static str, Value)> {
        if health.steer.is_some() {
            return None;
        }
        let to = health.factor;
        let down = self.factor.saturating_sub(to) >= STEP;
        let up = to.saturating_sub(self.factor) >= 2 * STEP;
        let whole = to == factor::FULL && self.factor != factor::FULL;
        if !(down || up || whole) || !self.may_tell() {
            return None;
        }
        let from = std::mem::replace(&mut self.factor, to);
        let cause = health.why.as_deref().unwrap_or("it does well again");
        Some((
            "weight_shifted",
            json!({"from_per_mille": from, "to_per_mille": to, "cause": cause}),
        ))
    }

    fn rate(
        &mut self,
        lowered: Option<&Lowered>,
        usable: &Usable,
    ) -> Option<(&'static str, Value)> {
        let since = lowered.map(|lowered| lowered.since);
        if since == self.lowered || !self.may_tell() {
            return None;
        }
        self.lowered = since;
        let configured = usable.bounds.calls().map(rate_words);
        Some(match lowered {
            Some(lowered) => (
                "rate_lowered",
                json!({
                    "calls_per_second": rate_words(lowered.rate),
                    "configured": configured,
                    "cause": lowered.cause,
                }),
            ),
            None => ("rate_restored", json!({"configured": configured})),
        })
    }
}

/// Who changes things by itself.
const AUTHOR: &str = "austin";
const EVERY: Duration = Duration::from_millis(500);
/// A shift of the weight that is worth a line, in thousandths.
const STEP: u32 = 250;
/// Lines about one account: so many at once, and one more in so long.
const MOST_AT_ONCE: u32 = 8;
const ONE_MORE_EVERY: Duration = Duration::from_secs(10);
