//! Receipts: a vendor's later word, authenticated, read by its adapter, durable before the vendor
//! hears that we have it.

use austin_adapter_api::{Context, Inbound, Outcome, Receipt, Receipts, Refused};
use austin_domain::{AccountId, DeliveryId, State};
use austin_ports::catalog::AccountRecord;
use austin_ports::ledger::{NewReceipt, ReceiptFate};
use http::StatusCode;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::directory;
use crate::shared::Shared;

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
    let context = Context {
        now: shared.clock.now(),
        nonce: shared.entropy.next(),
    };
    let receipts = adapter
        .receipts(&directory::view(record), &request, context)
        .await
        .inspect_err(|_| shared.metrics.received(key, "refused"))?;
    let new = receipts
        .receipts
        .iter()
        .map(|receipt| for_ledger(record.id, receipt))
        .collect();
    let fates = shared
        .ledger
        .receipts(new, context.now)
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
    for fate in fates {
        shared.metrics.received(key, word(fate));
    }
    Ok(receipts)
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

fn for_ledger(account: AccountId, receipt: &Receipt) -> NewReceipt {
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

fn word(fate: ReceiptFate) -> &'static str {
    match fate {
        ReceiptFate::Moved(_, state) => state.as_str(),
        ReceiptFate::Kept(..) => "kept",
        ReceiptFate::Repeated(_) => "repeated",
        ReceiptFate::Parked => "parked",
    }
}
