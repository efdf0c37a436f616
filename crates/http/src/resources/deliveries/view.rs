//! Deliveries and their evidence as clients see them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_domain::Verdict;
use austin_engine::timeline::{self, Entry};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{AttemptRow, DeliveryRow, Evidence, ReceiptRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{account_key, template_key};
use crate::access::Sight;
use crate::instant::Instant;
use crate::reason::{ReasonView, RuleView};

/// One page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    /// Newest first.
    pub(super) items: Vec<DeliveryView>,
    /// Give it as `cursor` for the next page; `null` at the end.
    pub(super) cursor: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryView {
    #[schema(example = "dlv_04hmasw9nf6yg")]
    id: String,
    #[schema(example = "msg_04hmasw9nf6yf")]
    message: String,
    /// The address; masked for those who may not see personal data.
    to: String,
    #[schema(example = "delivered")]
    state: &'static str,
    /// Why it waits, was stopped or failed.
    reason: Option<ReasonView>,
    template: DeliveryTemplate,
    channel: &'static str,
    class: &'static str,
    /// Whether it tried a version of its template out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    /// BCP 47 language of the recipient, where the sender gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// Name of the app that sent it.
    app: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Key of the account of the last attempt.
    account: Option<String>,
    /// The vendor's id.
    vendor_id: Option<String>,
    /// Vendor calls begun.
    attempts_begun: u16,
    /// The vendor's count where it gave one, else ours.
    segments: Option<u16>,
    /// As the vendor states it, in units of its currency.
    #[schema(example = "0.0450")]
    cost: Option<String>,
    accepted_at: Instant,
    /// When it becomes ready, where it waits for a time.
    due_at: Option<Instant>,
    expires_at: Instant,
    updated_at: Instant,
}

/// The template version that was sent.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryTemplate {
    key: String,
    version: u32,
}

impl DeliveryView {
    pub(super) fn of(snapshot: &Arc<Snapshot>, row: &DeliveryRow, sight: Sight) -> Self {
        let head = &row.message;
        Self {
            id: row.id.to_string(),
            message: head.id.to_string(),
            to: sight.address(&row.to),
            test: row.facts.as_ref().is_some_and(|facts| facts.test),
            locale: row.facts.as_ref().and_then(|facts| facts.locale.clone()),
            state: row.state.as_str(),
            reason: row.reason.as_ref().map(Into::into),
            template: DeliveryTemplate {
                key: template_key(snapshot, head.template),
                version: head.version,
            },
            channel: head.lane.channel.as_str(),
            class: head.lane.class.as_str(),
            app: snapshot
                .apps
                .get(&head.app)
                .map_or_else(|| head.app.to_string(), |app| app.name.clone()),
            reference: row.reference.clone(),
            account: row.account.map(|id| account_key(snapshot, id)),
            vendor_id: row.vendor_id.clone(),
            attempts_begun: row.attempts,
            segments: row.segments,
            cost: row.cost.map(money),
            accepted_at: head.accepted_at.into(),
            due_at: row.due_at.map(Into::into),
            expires_at: head.expires_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

/// Why a held delivery is let go.
#[derive(Debug, Default, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Release)]
pub(super) struct ReleaseBody {
    /// For people who read the delivery's timeline; one line of at most 128 characters.
    pub(super) reason: Option<String>,
}

/// What a success came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliverySuccess)]
pub(super) struct SuccessView {
    #[schema(example = "dlv_04hmasw9nf6yg")]
    pub(super) id: String,
    #[schema(example = "delivered")]
    pub(super) state: &'static str,
}

/// A delivery with everything known about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryEvidence)]
pub(super) struct EvidenceView {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// Its values without secret ones; only for those who may see personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    vars: Option<BTreeMap<String, String>>,
    /// The request it came in.
    request_id: String,
    /// What happened, in order.
    timeline: Vec<EntryView>,
    /// Vendor calls, in order.
    attempts: Vec<AttemptView>,
    /// The vendor's later words, in the order they came.
    receipts: Vec<ReceiptView>,
}

impl EvidenceView {
    pub(super) fn of(snapshot: &Arc<Snapshot>, evidence: &Evidence, sight: Sight) -> Self {
        let delivery = &evidence.delivery;
        Self {
            delivery: DeliveryView::of(snapshot, delivery, sight),
            vars: sight.is_personal().then(|| delivery.vars.as_ref().clone()),
            request_id: delivery.message.request_id.clone(),
            timeline: timeline::timeline(evidence, snapshot)
                .into_iter()
                .map(EntryView::from)
                .collect(),
            attempts: evidence
                .attempts
                .iter()
                .map(|row| AttemptView::of(snapshot, row, sight))
                .collect(),
            receipts: evidence
                .receipts
                .iter()
                .map(|row| ReceiptView::of(snapshot, row, sight))
                .collect(),
        }
    }
}

/// One step of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
struct EntryView {
    at: Instant,
    /// `accepted`, `scheduled`, `held`, `queued`, `attempt`, `sending`, `sent`, `refused`,
    /// `unknown`, `delivered`, `undelivered`, `receipt`, `suppressed`, `failed`, `expired`,
    /// `recalled`.
    event: &'static str,
    /// One plain sentence.
    detail: String,
    /// Stable code of the cause, ours or the vendor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
    /// The rule that decided, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleView>,
    /// The earlier delivery that made it decide so.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            at: entry.at.into(),
            event: entry.event,
            detail: entry.detail,
            code: entry.code,
            attempt: entry.attempt,
            account: entry.account,
            verdict: entry.verdict,
            vendor_id: entry.vendor_id,
            due_at: entry.due_at.map(Into::into),
            took_ms: entry.took.map(millis),
            rule: entry.rule.as_ref().map(Into::into),
            cause: entry.cause.map(|id| id.to_string()),
        }
    }
}

/// One vendor call for a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptView {
    /// Its number, from 1.
    attempt: u16,
    account: String,
    started_at: Instant,
    /// How long the vendor took; `null` when the evidence was lost in a crash.
    took_ms: Option<u64>,
    /// `accepted`, `bad_recipient`, `bad_content`, `elsewhere`, `number_refused`, `later`,
    /// `throttled`, `misconfigured` or `unknown`.
    verdict: &'static str,
    /// What the vendor said, for every verdict but `accepted`.
    code: Option<String>,
    detail: Option<String>,
    vendor_id: Option<String>,
    /// How many deliveries travelled in the call.
    recipients: u32,
    /// The request, without secrets; addresses are hidden where the call carried others too.
    request: String,
    /// The answer, likewise.
    answer: String,
}

impl AttemptView {
    fn of(snapshot: &Arc<Snapshot>, row: &AttemptRow, sight: Sight) -> Self {
        let cause = row.verdict.cause();
        let vendor_id = match &row.verdict {
            Verdict::Accepted(acceptance) => acceptance.vendor_id.clone(),
            _ => None,
        };
        let raw = |text: &str| sight.raw(text, row.recipients);
        Self {
            attempt: row.attempt,
            account: account_key(snapshot, row.account),
            started_at: row.started_at.into(),
            took_ms: row.took.map(millis),
            verdict: row.verdict.as_str(),
            code: cause.map(|cause| cause.code.clone()),
            detail: cause.map(|cause| raw(&cause.detail)),
            vendor_id,
            recipients: row.recipients,
            request: raw(&row.request),
            answer: raw(&row.answer),
        }
    }
}

/// A vendor's later word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
struct ReceiptView {
    received_at: Instant,
    account: String,
    /// `delivered` or `undelivered`; `null` when it says neither.
    state: Option<&'static str>,
    /// The vendor's status code.
    code: String,
    detail: String,
    /// When it happened, by the vendor's clock.
    at: Option<Instant>,
    segments: Option<u16>,
    /// As received.
    raw: String,
}

impl ReceiptView {
    fn of(snapshot: &Arc<Snapshot>, row: &ReceiptRow, sight: Sight) -> Self {
        let receipt = &row.receipt;
        // A receipt is about one delivery.
        let raw = |text: &str| sight.raw(text, 1);
        Self {
            received_at: row.received_at.into(),
            account: account_key(snapshot, receipt.account),
            state: receipt.state.map(|state| state.as_str()),
            code: receipt.code.clone(),
            detail: raw(&receipt.detail),
            at: receipt.at.map(Into::into),
            segments: receipt.segments,
            raw: raw(&receipt.raw),
        }
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// 10⁻⁴ of a currency unit as a decimal number.
fn money(cost: i64) -> String {
    let sign = if cost < 0 { "-" } else { "" };
    let cost = cost.unsigned_abs();
    format!("{sign}{}.{:04}", cost / 10_000, cost % 10_000)
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_is_exact() {
        assert_eq!(money(450), "0.0450");
        assert_eq!(money(-123_456), "-12.3456");
        assert_eq!(money(0), "0.0000");
    }
}
