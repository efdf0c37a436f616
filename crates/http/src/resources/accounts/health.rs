//! `/v1/accounts/{key}/health`: how an account does, what austin made of that, and why.

use austin_domain::health::receipts::AGES;
use austin_domain::health::{Curve, Sum};
use austin_engine::status::{AccountStatus, Change, HealthView as Found, Rates};
use austin_ports::catalog::{Steer, SteerMode};
use axum::Json as Answer;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::ToRead;
use crate::app::App;
use crate::instant::Instant;
use crate::problem::{Code, Problem};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// How an account does.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountHealth)]
struct HealthView {
    account: String,
    /// `well`, `reduced`, `probing`, `resting`, `paused`, `closed` or `disabled`.
    state: &'static str,
    /// The same in a sentence.
    summary: String,
    /// The part of its configured weight that it has now, 0 to 1.
    factor: f64,
    /// Why it does not have all of it.
    factor_cause: Option<String>,
    breaker: BreakerView,
    rate: RateView,
    /// Calls under way.
    in_flight: u32,
    /// Recipients today, midnight to midnight at UTC+8.
    recipients_today: u64,
    numbers: NumbersView,
    last_ten_seconds: CallsView,
    last_minute: CallsView,
    /// Mean time of a call when all is well, in milliseconds; `null` until it is known.
    usual_latency_ms: Option<u64>,
    receipts: ReceiptsView,
    /// An operator's word, while it holds.
    steer: Option<SteerView>,
    /// The last automatic changes, newest first; all of them are in the audit trail.
    changes: Vec<ChangeView>,
}

/// Whether it is called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountBreaker)]
struct BreakerView {
    /// `closed` (it is called), `open` (it rests) or `half_open` (one call at a time tries it).
    state: &'static str,
    /// Since when it is not closed.
    since: Option<Instant>,
    /// When it is tried next.
    rests_until: Option<Instant>,
    cause: Option<String>,
}

/// How fast it is called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountRate)]
struct RateView {
    /// Most calls a second as configured; `null` for no limit.
    calls_per_second_configured: Option<f64>,
    /// Most calls a second now.
    calls_per_second: Option<f64>,
    recipients_per_second_configured: Option<f64>,
    recipients_per_second: Option<f64>,
    /// Since when less than configured is used, because the vendor asked for it.
    lowered_since: Option<Instant>,
    /// What the vendor said.
    lowered_cause: Option<String>,
}

/// The vendor's rules about one number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountNumbers)]
struct NumbersView {
    /// Numbers that are counted.
    counted: usize,
    /// Messages that were not, because memory for them was full.
    uncounted: u64,
}

/// What calls came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountCalls)]
struct CallsView {
    calls: u32,
    recipients: u32,
    /// Recipients that the account failed.
    faults: u32,
    /// The same as a part, 0 to 1.
    fault_rate: f64,
    latency_mean_ms: u64,
    /// Rounded up to a power of two.
    latency_p50_ms: u64,
    /// Rounded up to a power of two.
    latency_p95_ms: u64,
}

impl From<Sum> for CallsView {
    fn from(sum: Sum) -> Self {
        let millis =
            |took: std::time::Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self {
            calls: sum.calls,
            recipients: sum.recipients,
            faults: sum.faults,
            fault_rate: f64::from(sum.faults_per_mille()) / 1000.0,
            latency_mean_ms: millis(sum.mean()),
            latency_p50_ms: millis(sum.percentile(500)),
            latency_p95_ms: millis(sum.percentile(950)),
        }
    }
}

/// What became of the messages that are followed: up to 80 of each second of the last minutes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountReceipts)]
struct ReceiptsView {
    followed: u32,
    delivered: u32,
    undelivered: u32,
    /// Without a receipt so far.
    missing: u32,
    /// The part known to be delivered within so many seconds, usually and now.
    by_age: Vec<AgeView>,
    /// How many of the usual ones are missing at the age that is judged by, 0 to 1.
    deficit: Option<f64>,
}

/// The part known to be delivered within so many seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountReceiptsByAge)]
struct AgeView {
    within_seconds: u64,
    usual: Option<f64>,
    now: Option<f64>,
}

/// An operator's word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountSteer)]
struct SteerView {
    /// `open` (use it as configured, whatever is found) or `closed` (give it nothing new).
    mode: &'static str,
    until: Option<Instant>,
    reason: Option<String>,
    author: String,
    at: Instant,
}

impl From<Steer> for SteerView {
    fn from(steer: Steer) -> Self {
        Self {
            mode: match steer.mode {
                SteerMode::Open => "open",
                SteerMode::Closed => "closed",
            },
            until: steer.until.map(Into::into),
            reason: steer.reason,
            author: steer.author,
            at: steer.at.into(),
        }
    }
}

/// An automatic change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountChange)]
struct ChangeView {
    at: Instant,
    /// `breaker_opened`, `breaker_closed`, `weight_shifted`, `rate_lowered` or `rate_restored`.
    action: &'static str,
    /// Why and with which figures.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            at: change.at.into(),
            action: change.action,
            detail: change.detail,
        }
    }
}

impl From<Rates> for RateView {
    fn from(rates: Rates) -> Self {
        let (since, cause) = rates.lowered.unzip();
        Self {
            calls_per_second_configured: rates.calls_configured,
            calls_per_second: rates.calls,
            recipients_per_second_configured: rates.recipients_configured,
            recipients_per_second: rates.recipients,
            lowered_since: since.map(Into::into),
            lowered_cause: cause,
        }
    }
}

impl ReceiptsView {
    fn of(found: &Found) -> Self {
        let part = |per_mille: u32| f64::from(per_mille) / 1000.0;
        let (usual, now) = found
            .delivered
            .unwrap_or((Curve::default(), Curve::default()));
        let by_age = AGES.iter().zip(usual.0).zip(now.0);
        let tally = found.receipts;
        Self {
            followed: tally.sent,
            delivered: tally.delivered,
            undelivered: tally.undelivered,
            missing: tally
                .sent
                .saturating_sub(tally.delivered + tally.undelivered),
            by_age: by_age
                .filter(|((_, usual), now)| usual.is_some() || now.is_some())
                .map(|((age, usual), now)| AgeView {
                    within_seconds: *age,
                    usual: usual.map(part),
                    now: now.map(part),
                })
                .collect(),
            deficit: found.deficit.as_ref().map(|found| part(found.per_mille)),
        }
    }
}

impl HealthView {
    fn of(account: String, status: AccountStatus) -> Self {
        let health = status.health;
        let receipts = ReceiptsView::of(&health);
        let millis =
            |took: std::time::Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let breaker = BreakerView {
            state: health.breaker.as_str(),
            since: health.rest.as_ref().map(|(since, ..)| (*since).into()),
            rests_until: health.rest.as_ref().map(|(_, until, _)| (*until).into()),
            cause: health.rest.map(|(.., why)| why),
        };
        Self {
            account,
            state: status.state,
            summary: status.summary,
            factor: f64::from(health.factor) / 1000.0,
            factor_cause: health.why,
            breaker,
            rate: status.rates.into(),
            in_flight: status.in_flight,
            recipients_today: status.recipients_today,
            numbers: NumbersView {
                counted: status.numbers,
                uncounted: status.numbers_uncounted,
            },
            last_ten_seconds: health.seconds.into(),
            last_minute: health.minute.into(),
            usual_latency_ms: health.usual_latency.map(millis),
            receipts,
            steer: health.steer.map(Into::into),
            changes: health.changes.into_iter().map(Into::into).collect(),
        }
    }
}

/// Read an account's health
///
/// What its calls and receipts say, what part of its weight and of its rate it has for that, and
/// why.
#[utoipa::path(
    get, path = "/v1/accounts/{key}/health", tag = "accounts",
    params(("key" = String, Path, description = "The account's key")),
    responses((status = 200, description = "How it does", body = HealthView)),
    security(("bearer" = ["admin", "reader"])),
)]
async fn get(
    State(app): State<App>,
    _: ToRead,
    Path(key): Path<String>,
) -> Result<Answer<HealthView>, Problem> {
    let status = app
        .engine
        .account_status(&key)
        .ok_or_else(|| Problem::new(Code::NotFound, format!("there is no account {key}")))?;
    Ok(Answer(HealthView::of(key, status)))
}
