//! Suppressions that come by themselves: bad addresses, bounces and complaints that receipts tell
//! of, and what people answer.
//!
//! Invariant: what a vendor posted is taken note of before the vendor hears that we have it. When
//! the store fails it is told to post again, and taking note twice changes nothing.

mod csv;
mod fields;
mod import;
mod link;
mod manage;

use std::sync::Arc;

use austin_adapter_api::{Mark, PersonReply, Receipt};
use austin_domain::suppression::{self, Reason, Source, Wish};
use austin_domain::{Channel, DeliveryId, State, Timestamp};
use austin_ports::Suppressions;
use austin_ports::ledger::{self, ReceiptFate};
use austin_ports::suppressions::{self as store, Filter, Lift, NewSuppression, Strike};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::shared::Shared;

pub use link::Unsubscribed;
pub use manage::{ImportDraft, SuppressionDraft};

pub(crate) use link::Links;

/// Who must not be messaged, and what goes with it.
pub(crate) struct Suppressing {
    pub(crate) store: Arc<dyn Suppressions>,
    /// Files are read one at a time.
    turn: Semaphore,
}

impl Suppressing {
    pub(crate) fn new(store: Arc<dyn Suppressions>) -> Self {
        Self {
            store,
            turn: Semaphore::new(1),
        }
    }

    /// The links of this store's keys.
    pub(crate) fn links(&self, config: &Config) -> Links {
        Links::new(Arc::clone(&self.store), config.public_url.clone())
    }
}

/// A delivery whose address was found bad.
pub(crate) struct BadAddress {
    pub(crate) delivery: DeliveryId,
    pub(crate) channel: Channel,
    pub(crate) to: String,
    /// What the vendor said.
    pub(crate) code: String,
}

/// Takes note of what receipts say of addresses. `fates` are what became of them.
///
/// # Errors
/// When it could not be made durable: the receipts should come again.
pub(crate) async fn after_receipts(
    shared: &Shared,
    account: &str,
    receipts: &[Receipt],
    fates: &[ReceiptFate],
    now: Timestamp,
) -> ledger::Result<()> {
    let mut bad = Vec::new();
    let mut entries = Vec::new();
    for (receipt, fate) in receipts.iter().zip(fates) {
        let Some(mark) = receipt.mark else {
            continue;
        };
        let Some(id) = delivery(receipt, *fate) else {
            // Nothing of ours, or so fresh that its attempt is not recorded yet.
            shared.metrics.received(account, "mark_unmatched");
            continue;
        };
        let Some(evidence) = shared.ledger.evidence(id).await? else {
            continue;
        };
        let (to, channel) = (evidence.delivery.to, evidence.delivery.message.lane.channel);
        let reason = match mark {
            Mark::BadAddress => {
                bad.push(BadAddress {
                    delivery: id,
                    channel,
                    to,
                    code: receipt.code.clone(),
                });
                continue;
            }
            Mark::HardBounce => Reason::HardBounce,
            Mark::Complaint => Reason::Complaint,
            Mark::OptOut => Reason::OptOut,
        };
        let note = format!("a receipt of {account}: {}", receipt.code);
        entries.push(by_itself(channel, &to, reason, Source::Receipt, (id, note)));
    }
    put(shared, entries, now).await?;
    strike(shared, account, bad, now).await
}

/// The delivery that a receipt is about.
fn delivery(receipt: &Receipt, fate: ReceiptFate) -> Option<DeliveryId> {
    match fate {
        ReceiptFate::Moved { delivery, .. }
        | ReceiptFate::Kept { delivery, .. }
        | ReceiptFate::Repeated(delivery) => Some(delivery),
        ReceiptFate::Parked => receipt.reference.as_deref()?.parse().ok(),
    }
}

/// Counts bad addresses; one that was bad often enough in a row is blocked.
///
/// # Errors
/// When it could not be made durable.
pub(crate) async fn strike(
    shared: &Shared,
    account: &str,
    bad: Vec<BadAddress>,
    now: Timestamp,
) -> ledger::Result<()> {
    let most = shared.config.block_after;
    if bad.is_empty() || most == 0 {
        return Ok(());
    }
    let store = &shared.suppressing.store;
    let folded = |bad: &BadAddress| suppression::folded(&bad.to).into_owned();
    let keys = bad.iter().map(|bad| (bad.channel, folded(bad))).collect();
    let before = store.strikes(keys).await.map_err(failed)?;
    let mut strikes = Vec::with_capacity(bad.len());
    for (bad, before) in bad.iter().zip(before) {
        let first = match before {
            None => true,
            Some(before) => arrived_since(shared, bad, before.last).await?,
        };
        strikes.push(Strike {
            channel: bad.channel,
            to: folded(bad),
            delivery: bad.delivery,
            first,
        });
    }
    let counts = store.strike(strikes).await.map_err(failed)?;
    let blocked = bad.iter().zip(counts).filter(|(_, count)| *count >= most);
    let entries = blocked.map(|(bad, count)| {
        let code = &bad.code;
        let note = format!("bad {count} times in a row, at last at {account}: {code}");
        let cause = (bad.delivery, note);
        by_itself(
            bad.channel,
            &bad.to,
            Reason::Blocked,
            Source::Receipt,
            cause,
        )
    });
    put(shared, entries.collect(), now).await
}

/// Whether something reached the person that was sent after `last`.
async fn arrived_since(
    shared: &Shared,
    bad: &BadAddress,
    last: DeliveryId,
) -> ledger::Result<bool> {
    let filter = ledger::Filter {
        to: Some(bad.to.clone()),
        channel: Some(bad.channel),
        state: Some(State::Delivered),
        from: Some(last.at()),
        limit: 1,
        ..ledger::Filter::default()
    };
    let found = shared.ledger.find(filter).await?;
    Ok(found.rows.iter().any(|row| row.id > last))
}

/// Does as people answered. Other words than those that [`suppression::wish`] knows are counted.
///
/// # Errors
/// When it could not be made durable: the replies should come again.
pub(crate) async fn after_replies(
    shared: &Shared,
    (account, channel): (&str, Channel),
    replies: &[PersonReply],
    now: Timestamp,
) -> ledger::Result<()> {
    for reply in replies {
        let wish = suppression::wish(&reply.text);
        shared.metrics.received(account, word(wish));
        let Some(wish) = wish else {
            continue;
        };
        let region = shared.config.default_region.as_deref();
        let Ok(to) = suppression::canonical(Some(channel), &reply.from, region) else {
            tracing::warn!(
                account,
                "somebody opted out or in whose address cannot be read"
            );
            continue;
        };
        match wish {
            Wish::Stop => stop(shared, (account, channel), to, reply, now).await?,
            Wish::Start => start(shared, (account, channel), to, now).await?,
        }
    }
    Ok(())
}

async fn stop(
    shared: &Shared,
    (account, channel): (&str, Channel),
    to: String,
    reply: &PersonReply,
    now: Timestamp,
) -> ledger::Result<()> {
    let note = match reply.at {
        Some(at) => format!("a reply to {account} of {at}"),
        None => format!("a reply to {account}"),
    };
    let found = from_replies(shared, channel, &to, None, now).await?;
    // A vendor may post it once more after the person has taken it back.
    if reply.at.is_some() && found.iter().any(|entry| entry.note.as_ref() == Some(&note)) {
        return Ok(());
    }
    let last = ledger::Filter {
        to: Some(to.clone()),
        channel: Some(channel),
        limit: 1,
        ..ledger::Filter::default()
    };
    let last = shared.ledger.find(last).await?;
    let entry = NewSuppression {
        channel: Some(channel),
        to,
        reason: Reason::OptOut,
        until: None,
        source: Source::Reply,
        cause: last.rows.first().map(|row| row.id),
        note: Some(note),
        author: Source::Reply.as_str().to_owned(),
    };
    put(shared, vec![entry], now).await
}

/// Lifts what came of replies; not what came about otherwise.
async fn start(
    shared: &Shared,
    (account, channel): (&str, Channel),
    to: String,
    now: Timestamp,
) -> ledger::Result<()> {
    for entry in from_replies(shared, channel, &to, Some(true), now).await? {
        let lift = Lift {
            author: Source::Reply.as_str().to_owned(),
            source: Source::Reply,
            why: Some(format!("a reply to {account}")),
        };
        let lifted = shared.suppressing.store.lift(entry.id, lift, now).await;
        lifted.map_err(failed)?;
    }
    Ok(())
}

/// Opt-outs of an address that came by reply.
async fn from_replies(
    shared: &Shared,
    channel: Channel,
    to: &str,
    active: Option<bool>,
    now: Timestamp,
) -> ledger::Result<Vec<store::Suppression>> {
    let filter = Filter {
        channel: Some(Some(channel)),
        to: Some(to.to_owned()),
        reason: Some(Reason::OptOut),
        source: Some(Source::Reply),
        active,
        before: None,
        limit: 100,
    };
    let page = shared.suppressing.store.list(filter, now).await;
    Ok(page.map_err(failed)?.items)
}

async fn put(shared: &Shared, entries: Vec<NewSuppression>, now: Timestamp) -> ledger::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let put = shared.suppressing.store.put(entries, now).await;
    put.map(drop).map_err(failed)
}

/// An entry that nobody asked for.
fn by_itself(
    channel: Channel,
    to: &str,
    reason: Reason,
    source: Source,
    (cause, note): (DeliveryId, String),
) -> NewSuppression {
    NewSuppression {
        channel: Some(channel),
        to: suppression::folded(to).into_owned(),
        reason,
        until: None,
        source,
        cause: Some(cause),
        note: Some(note),
        author: source.as_str().to_owned(),
    }
}

fn word(wish: Option<Wish>) -> &'static str {
    match wish {
        Some(Wish::Stop) => "reply_stop",
        Some(Wish::Start) => "reply_start",
        None => "reply",
    }
}

/// Vendors are told the same as when the ledger takes nothing.
fn failed(error: store::Error) -> ledger::Error {
    ledger::Error::Refusing(error.to_string())
}
