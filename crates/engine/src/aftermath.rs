//! What is kept in memory about deliveries that a vendor has taken or may have taken: counts of
//! receipts, watches for those that do not come, the bound of inquiries.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::{AccountId, DeliveryId, State, Timestamp, Verdict};
use austin_ports::Catalog;
use austin_ports::ledger::{NewReceipt, ReceiptFate, Settled};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::receipt_counts::Counts;
use crate::receipt_watch::{self, Watches};
use crate::reconcilers::every;
use crate::refusal::Refusal;
use crate::shared::Shared;

/// What is kept about deliveries that a vendor has taken or may have taken.
pub(crate) struct Aftermath {
    pub(crate) counts: Counts,
    pub(crate) watches: Watches,
    pub(crate) inquiries: Semaphore,
    pub(crate) metrics: Metrics,
}

impl Aftermath {
    pub(crate) fn new(config: &Config, catalog: Arc<dyn Catalog>, registry: &mut Registry) -> Self {
        let usual = config.receipt_deadline;
        let deadline = move |account: AccountId| {
            let snapshot = catalog.snapshot();
            let record = snapshot.accounts.get(&account);
            record
                .and_then(|record| record.limits.receipt_deadline)
                .unwrap_or(usual)
        };
        Self {
            counts: Counts::new(deadline),
            watches: Watches::default(),
            inquiries: Semaphore::new(config.inquiries.min(Semaphore::MAX_PERMITS)),
            metrics: Metrics::new(registry),
        }
    }

    /// A verdict was recorded.
    pub(crate) fn accepted(
        &self,
        verdict: &Verdict,
        account: AccountId,
        delivery: DeliveryId,
        settled: Settled,
        now: Timestamp,
    ) {
        match (verdict, settled) {
            (Verdict::Accepted(acceptance), Settled::Moved) => {
                self.counts.sent(account, delivery, acceptance, now);
            }
            // Counted when its receipt came.
            (Verdict::Accepted(_), Settled::Kept(_)) | (Verdict::Unknown(_), _) => {
                self.counts.touch(account, now);
            }
            _ => {}
        }
    }

    /// A receipt was recorded.
    pub(crate) fn received(&self, receipt: &NewReceipt, fate: ReceiptFate, now: Timestamp) {
        match fate {
            ReceiptFate::Moved {
                delivery,
                from,
                to,
                sent_at,
            } => {
                self.watches.forget(delivery);
                self.counts
                    .landed(receipt.account, (from, to), sent_at, now);
            }
            ReceiptFate::Parked => self.counts.early(receipt),
            ReceiptFate::Kept { .. } | ReceiptFate::Repeated(_) => {}
        }
    }
}

/// Counts the newest deliveries anew, and watches those whose receipt may still time out.
pub(crate) async fn recover(shared: &Arc<Shared>) -> Result<(), Refusal> {
    let now = shared.clock.now();
    let snapshot = shared.catalog.snapshot();
    let own = snapshot.accounts.values();
    let own = own.filter_map(|account| account.limits.receipt_deadline);
    let longest = own.fold(shared.config.receipt_deadline, Duration::max);
    let oldest = now.minus(longest).minus(A_DAY);
    let (mut before, mut left) = (DeliveryId::from_u64(u64::MAX >> 1), ROWS_AT_START);
    let mut counted = 0_u64;
    loop {
        let rows = left.min(ROWS_A_READ);
        let (found, next) = shared.ledger.handed_over(before, rows).await?;
        for one in &found {
            shared.aftermath.counts.restore(one);
            if one.state == State::Sent {
                receipt_watch::restore(shared, one);
            }
        }
        counted += found.len() as u64;
        left -= rows;
        match next {
            Some(next) if left > 0 && next.at() >= oldest => before = next,
            Some(next) if left == 0 => {
                tracing::info!(counted, since = %next.at(), "receipts are counted from here on");
                return Ok(());
            }
            Some(_) | None => return Ok(()),
        }
    }
}

/// Counts receipts that did not come in time.
pub(crate) async fn write_off(shared: Arc<Shared>) {
    every(&shared, WRITE_OFF_EVERY, |shared: Arc<Shared>| async move {
        for (account, count) in shared.aftermath.counts.write_off(shared.clock.now()) {
            if let Some(key) = takes_receipts(&shared, account) {
                shared.aftermath.metrics.missing(&key, count);
            }
        }
        Ok(())
    })
    .await;
}

/// The key of an account whose vendor gives receipts.
pub(crate) fn takes_receipts(shared: &Shared, account: AccountId) -> Option<Arc<str>> {
    let party = shared.directories.party(account)?;
    let can = party.adapter.descriptor().capabilities;
    can.tells_arrivals().then_some(party.key)
}

/// What is counted about all this.
pub(crate) struct Metrics {
    inquiries: Family<AnswerLabels, Counter>,
    pulls: Family<AnswerLabels, Counter>,
    missing: Family<AccountLabels, Counter>,
    timed_out: Family<AccountLabels, Counter>,
    /// Sent deliveries that nobody watches because too many are watched.
    pub(crate) unwatched: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    account: String,
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

impl Metrics {
    fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            inquiries: Family::default(),
            pulls: Family::default(),
            missing: Family::default(),
            timed_out: Family::default(),
            unwatched: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("austin");
        registry.register(
            "inquiries",
            "Times a vendor was asked what became of a delivery, by its answer",
            metrics.inquiries.clone(),
        );
        registry.register(
            "receipt_pulls",
            "Times receipts were fetched, by what came of it",
            metrics.pulls.clone(),
        );
        registry.register(
            "receipts_missing",
            "Deliveries whose receipt did not come before its deadline",
            metrics.missing.clone(),
        );
        registry.register(
            "receipt_timeouts",
            "Deliveries that went to another account because no receipt came in time",
            metrics.timed_out.clone(),
        );
        registry.register(
            "receipts_unwatched",
            "Deliveries whose receipt cannot time out because too many are watched",
            metrics.unwatched.clone(),
        );
        metrics
    }

    pub(crate) fn inquired(&self, account: &str, answer: &'static str) {
        let account = account.to_owned();
        let labels = AnswerLabels { account, answer };
        self.inquiries.get_or_create(&labels).inc();
    }

    pub(crate) fn pulled(&self, account: &str, answer: &'static str) {
        let account = account.to_owned();
        let labels = AnswerLabels { account, answer };
        self.pulls.get_or_create(&labels).inc();
    }

    fn missing(&self, account: &str, count: u64) {
        let account = account.to_owned();
        let labels = AccountLabels { account };
        self.missing.get_or_create(&labels).inc_by(count);
    }

    pub(crate) fn timed_out(&self, account: String) {
        let labels = AccountLabels { account };
        self.timed_out.get_or_create(&labels).inc();
    }
}

const A_DAY: Duration = Duration::from_secs(86_400);
const WRITE_OFF_EVERY: Duration = Duration::from_secs(60);
const ROWS_AT_START: usize = 200_000;
const ROWS_A_READ: usize = 20_000;
