//! Receipts: a vendor's later word, authenticated, read by its adapter, durable before the vendor
//! hears that we have it.

use austin_adapter_api::{Context, Inbound, Outcome, Receipt, Receipts, Refused, Speaker};
use austin_domain::{AccountId, DeliveryId, State, Timestamp};
use austin_ports::catalog::{AccountRecord, Role};
use austin_ports::ledger::{self, NewReceipt, ReceiptFate};
use http::StatusCode;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::caller::Caller;
use crate::directory;
use crate::places;
use crate::refusal::{Refusal, RefusalCode};
use crate::shared::Shared;
use crate::suppress;

/// Takes what a vendor posted for an account.
pub(crate) async fn receive(
    shared: &Shared,
    adapters: &crate::Adapters,
    key: &str,
    token: Option<&str>,
    request: Inbound,
) -> Result<Receipts, Refused> {
    let snapshot = shared.catalog.snapshot();
    // A disabled account still gets the receipts of what it sent before.
    let (record, adapter) = snapshot
        .account(key)
        .and_then(|record| Some((record, adapters.get(&record.adapter)?)))
        .ok_or_else(unknown_address)?;
    authenticate(
        record,
        adapter.descriptor().capabilities.receipts_signed,
        token,
    )?;
    take(shared, record, &adapter, &request).await
}

/// Takes what came for an account by a way that vouches for where it comes from.
pub(crate) async fn take(
    shared: &Shared,
    record: &AccountRecord,
    adapter: &Speaker,
    request: &Inbound,
) -> Result<Receipts, Refused> {
    let key = record.key.as_str();
    let context = Context {
        now: shared.clock.now(),
        nonce: shared.entropy.next(),
    };
    let receipts = adapter
        .receipts(&directory::view(record), request, context)
        .await
        .inspect_err(|_| shared.metrics.received(key, "refused"))?;
    take_note(shared, record, &receipts, context.now)
        .await
        .map_err(|error| {
            tracing::warn!(account = key, %error, "receipts could not be recorded");
            Refused {
                status: StatusCode::SERVICE_UNAVAILABLE,
                detail: "the receipts could not be recorded; send them again".into(),
            }
        })?;
    if let Some(notice) = &receipts.notice {
        tracing::warn!(
            account = key,
            notice,
            "a vendor wants something done by hand"
        );
    }
    Ok(receipts)
}

async fn take_note(
    shared: &Shared,
    account: &AccountRecord,
    receipts: &Receipts,
    now: Timestamp,
) -> ledger::Result<()> {
    let key = account.key.as_str();
    record(shared, (account.id, key), &receipts.receipts, now).await?;
    suppress::after_replies(shared, (key, account.channel), &receipts.replies, now).await
}

/// Makes receipts that came in by an account durable, and follows up.
pub(crate) async fn record(
    shared: &Shared,
    (account, key): (AccountId, &str),
    receipts: &[Receipt],
    now: Timestamp,
) -> ledger::Result<()> {
    if receipts.is_empty() {
        return Ok(());
    }
    let new: Vec<_> = receipts
        .iter()
        .map(|receipt| for_ledger(account, receipt))
        .collect();
    let fates = shared.ledger.receipts(new.clone(), now).await?;
    for (receipt, fate) in new.iter().zip(&fates) {
        recorded(shared, key, receipt, *fate, now);
    }
    suppress::after_receipts(shared, key, receipts, &fates, now).await
}

/// Lets everybody know of a receipt that is durable: counts, the account's health, what waits for
/// it.
pub(crate) fn recorded(
    shared: &Shared,
    key: &str,
    receipt: &NewReceipt,
    fate: ReceiptFate,
    now: Timestamp,
) {
    shared.metrics.received(key, word(fate));
    let health = &shared.directories.pace(receipt.account).health;
    health.received(std::slice::from_ref(receipt), &[fate], now);
    shared.aftermath.received(receipt, fate, now);
    if let ReceiptFate::Moved { delivery, to, .. } = fate
        && places::frees(to)
    {
        shared.places.undelivered(delivery);
    }
}

/// Records the sender's word that a delivery reached its person.
pub(crate) async fn succeeded(
    shared: &Shared,
    caller: &Caller,
    delivery: DeliveryId,
) -> Result<State, Refusal> {
    let missing = || Refusal::new(RefusalCode::NotFound, "there is no such delivery");
    let evidence = shared.ledger.evidence(delivery).await?;
    let row = evidence.ok_or_else(missing)?.delivery;
    if caller.role != Role::Admin && caller.app != row.message.app {
        return Err(missing());
    }
    let Some(account) = row.account.filter(|_| row.attempts > 0) else {
        let detail = format!(
            "no vendor was called for this delivery, so it cannot have arrived; it is {}",
            row.state
        );
        return Err(Refusal::new(RefusalCode::Conflict, detail));
    };
    // Without a time: the same word again is the same receipt.
    let word = NewReceipt {
        account,
        key: None,
        delivery: Some(delivery),
        state: Some(State::Delivered),
        code: SUCCESS.into(),
        detail: "the sender reports success".into(),
        at: None,
        segments: None,
        raw: String::new(),
    };
    let now = shared.clock.now();
    let fates = shared.ledger.receipts(vec![word.clone()], now).await?;
    let fate = fates.first().copied().unwrap_or(ReceiptFate::Parked);
    shared.aftermath.received(&word, fate, now);
    match fate {
        ReceiptFate::Moved { to: state, .. } | ReceiptFate::Kept { state, .. } => Ok(state),
        ReceiptFate::Repeated(_) => Ok(row.state),
        ReceiptFate::Parked => Err(missing()),
    }
}

/// One answer for "no such account" and "wrong token", so that neither can be probed.
fn unknown_address() -> Refused {
    Refused {
        status: StatusCode::NOT_FOUND,
        detail: "no receipts are taken at this address".into(),
    }
}

fn authenticate(record: &AccountRecord, signed: bool, token: Option<&str>) -> Result<(), Refused> {
    let expected = record.receipt_token.expose_secret().as_bytes();
    match token {
        Some(token) if !expected.is_empty() && bool::from(token.as_bytes().ct_eq(expected)) => {
            Ok(())
        }
        None if signed => Ok(()),
        Some(_) | None => Err(unknown_address()),
    }
}

pub(crate) fn for_ledger(account: AccountId, receipt: &Receipt) -> NewReceipt {
    NewReceipt {
        account,
        key: receipt.key.clone(),
        delivery: receipt
            .reference
            .as_deref()
            .and_then(|text| text.parse::<DeliveryId>().ok()),
        state: match receipt.outcome {
            Outcome::Delivered => Some(State::Delivered),
            Outcome::Undelivered => Some(State::Undelivered),
            Outcome::Pending => None,
        },
        code: receipt.code.clone(),
        detail: receipt.detail.clone(),
        at: receipt.at,
        segments: receipt.segments,
        raw: receipt.raw.clone(),
    }
}

pub(crate) fn word(fate: ReceiptFate) -> &'static str {
    match fate {
        ReceiptFate::Moved { to, .. } => to.as_str(),
        ReceiptFate::Kept { .. } => "kept",
        ReceiptFate::Repeated(_) => "repeated",
        ReceiptFate::Parked => "parked",
    }
}

/// The code of a receipt that is the sender's own word.
pub(crate) const SUCCESS: &str = "success_event";
