//! What the engine counts. Labels are bounded: channels, classes, states, verdicts, accounts.

use std::sync::atomic::{AtomicI64, AtomicU64};

use austin_domain::health::breaker::Stand;
use austin_domain::{Lane, State};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Channel and class.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LaneLabels {
    channel: &'static str,
    class: &'static str,
}

impl From<Lane> for LaneLabels {
    fn from(lane: Lane) -> Self {
        Self {
            channel: lane.channel.as_str(),
            class: lane.class.as_str(),
        }
    }
}

/// A delivery that reached a state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateLabels {
    channel: &'static str,
    class: &'static str,
    state: &'static str,
}

/// An attempt that came to a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AttemptLabels {
    channel: &'static str,
    class: &'static str,
    account: String,
    verdict: &'static str,
}

/// A receipt and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReceiptLabels {
    account: String,
    fate: &'static str,
}

/// The engine's metrics.
pub(crate) struct Metrics {
    states: Family<StateLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    receipts: Family<ReceiptLabels, Counter>,
    attempt_seconds: Family<LaneLabels, Histogram>,
    wait_seconds: Family<LaneLabels, Histogram>,
    waiting: Family<LaneLabels, Gauge>,
    later: Family<LaneLabels, Gauge>,
    in_flight: Family<LaneLabels, Gauge>,
    oldest_seconds: Family<LaneLabels, Gauge<f64, AtomicU64>>,
    /// Parked receipts that found their delivery later.
    pub(crate) rematched: Counter,
    /// Ledger calls that failed and are being tried again.
    pub(crate) ledger_faults: Counter,
    /// Suppressions in force, and the memory they take.
    suppressions: Gauge<i64, AtomicI64>,
    suppression_bytes: Gauge<i64, AtomicI64>,
    resting: Family<AccountLabels, Gauge<i64, AtomicI64>>,
    breaker: Family<BreakerLabels, Gauge<i64, AtomicI64>>,
    factor: Family<AccountLabels, Gauge<f64, AtomicU64>>,
    rate: Family<AccountLabels, Gauge<f64, AtomicU64>>,
}

/// A state of an account's breaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct BreakerLabels {
    account: String,
    state: &'static str,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AccountLabels {
    account: String,
}

fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        300.0, 1800.0,
    ])
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            states: Family::default(),
            attempts: Family::default(),
            receipts: Family::default(),
            attempt_seconds: Family::new_with_constructor(seconds),
            wait_seconds: Family::new_with_constructor(seconds),
            waiting: Family::default(),
            later: Family::default(),
            in_flight: Family::default(),
            oldest_seconds: Family::default(),
            rematched: Counter::default(),
            ledger_faults: Counter::default(),
            suppressions: Gauge::default(),
            suppression_bytes: Gauge::default(),
            resting: Family::default(),
            breaker: Family::default(),
            factor: Family::default(),
            rate: Family::default(),
        };
        metrics.register(registry.sub_registry_with_prefix("austin"));
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        let metrics = self;
        registry.register(
            "deliveries",
            "Deliveries by the state they reached",
            metrics.states.clone(),
        );
        registry.register("attempts", "Attempts by verdict", metrics.attempts.clone());
        registry.register(
            "receipts",
            "Receipts by what became of them",
            metrics.receipts.clone(),
        );
        registry.register_with_unit(
            "attempt",
            "Time of one attempt at a vendor",
            Unit::Seconds,
            metrics.attempt_seconds.clone(),
        );
        registry.register_with_unit(
            "delivery_wait",
            "Time from acceptance to the vendor's acceptance",
            Unit::Seconds,
            metrics.wait_seconds.clone(),
        );
        registry.register(
            "lane_waiting",
            "Ready deliveries of a lane",
            metrics.waiting.clone(),
        );
        registry.register(
            "lane_later",
            "Deliveries that wait for a time",
            metrics.later.clone(),
        );
        registry.register(
            "lane_in_flight",
            "Deliveries in the hands of vendors",
            metrics.in_flight.clone(),
        );
        registry.register_with_unit(
            "lane_oldest",
            "Age of the oldest ready delivery",
            Unit::Seconds,
            metrics.oldest_seconds.clone(),
        );
        registry.register(
            "receipts_rematched",
            "Parked receipts that found their delivery",
            metrics.rematched.clone(),
        );
        registry.register(
            "delivery_path_faults",
            "Ledger calls of the delivery path that failed and were tried again",
            metrics.ledger_faults.clone(),
        );
        registry.register(
            "account_resting",
            "1 while an account is not called because it keeps failing",
            metrics.resting.clone(),
        );
        self.register_suppressions(registry);
        self.register_health(registry);
    }

    fn register_suppressions(&self, registry: &mut Registry) {
        registry.register(
            "suppressions",
            "Suppressions that deliveries are checked against",
            self.suppressions.clone(),
        );
        registry.register_with_unit(
            "suppressions_memory",
            "Memory that they take",
            Unit::Bytes,
            self.suppression_bytes.clone(),
        );
    }

    fn register_health(&self, registry: &mut Registry) {
        registry.register(
            "account_breaker",
            "1 for the state an account's breaker is in",
            self.breaker.clone(),
        );
        registry.register(
            "account_weight_factor",
            "The part of its configured weight that an account has",
            self.factor.clone(),
        );
        registry.register(
            "account_calls_per_second_limit",
            "Calls a second that an account may be given now; +Inf without a limit",
            self.rate.clone(),
        );
    }

    /// Deliveries of a lane that reached a state.
    pub(crate) fn reached(&self, lane: Lane, state: State, count: u64) {
        let labels = StateLabels {
            channel: lane.channel.as_str(),
            class: lane.class.as_str(),
            state: state.as_str(),
        };
        self.states.get_or_create(&labels).inc_by(count);
    }

    /// Attempts of a lane at an account that came to a verdict.
    pub(crate) fn attempted(&self, lane: Lane, account: &str, verdict: &'static str, count: u64) {
        let labels = AttemptLabels {
            channel: lane.channel.as_str(),
            class: lane.class.as_str(),
            account: account.to_owned(),
            verdict,
        };
        self.attempts.get_or_create(&labels).inc_by(count);
    }

    /// Receipts of an account.
    pub(crate) fn received(&self, account: &str, fate: &'static str) {
        let labels = ReceiptLabels {
            account: account.to_owned(),
            fate,
        };
        self.receipts.get_or_create(&labels).inc();
    }

    /// One vendor call of a lane took this long.
    pub(crate) fn took(&self, lane: Lane, seconds: f64) {
        self.attempt_seconds
            .get_or_create(&lane.into())
            .observe(seconds);
    }

    /// A delivery of a lane was taken by a vendor this long after it was accepted.
    pub(crate) fn waited(&self, lane: Lane, seconds: f64) {
        self.wait_seconds
            .get_or_create(&lane.into())
            .observe(seconds);
    }

    /// How a lane stands.
    pub(crate) fn lane(&self, status: &crate::status::LaneStatus, oldest_seconds: f64) {
        let labels = LaneLabels::from(status.lane);
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.waiting
            .get_or_create(&labels)
            .set(whole(status.waiting));
        self.later.get_or_create(&labels).set(whole(status.later));
        self.in_flight
            .get_or_create(&labels)
            .set(i64::from(status.in_flight));
        self.oldest_seconds
            .get_or_create(&labels)
            .set(oldest_seconds);
    }

    /// How an account does.
    pub(crate) fn health(&self, account: &str, status: &crate::status::AccountStatus) {
        for stand in [Stand::Closed, Stand::Open, Stand::HalfOpen] {
            let labels = BreakerLabels {
                account: account.to_owned(),
                state: stand.as_str(),
            };
            let is = status.health.breaker == stand;
            self.breaker.get_or_create(&labels).set(i64::from(is));
        }
        let labels = AccountLabels {
            account: account.to_owned(),
        };
        let factor = f64::from(status.health.factor) / 1000.0;
        self.factor.get_or_create(&labels).set(factor);
        let rate = status.rates.calls.unwrap_or(f64::INFINITY);
        self.rate.get_or_create(&labels).set(rate);
    }

    /// How many suppressions there are.
    pub(crate) fn suppressions(&self, size: austin_ports::suppressions::Size) {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.suppressions.set(whole(size.entries));
        self.suppression_bytes.set(whole(size.bytes));
    }

    /// Whether an account rests.
    pub(crate) fn resting(&self, account: &str, resting: bool) {
        let labels = AccountLabels {
            account: account.to_owned(),
        };
        self.resting.get_or_create(&labels).set(i64::from(resting));
    }
}
