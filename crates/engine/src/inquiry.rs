//! An unknown outcome, and a vendor that can be asked what became of it.
//!
//! The delivery stays `sending` meanwhile and its lane gets its permit back; inquiries have a
//! bound of their own, and until one gets its turn it holds what its call held, so that a flood of
//! them slows its own lane. An inquiry that is cut off by a crash is made again at the next start.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use austin_adapter_api::{Answer, Found, Question, Receipt, Subject};
use austin_domain::verdict::Cause;
use austin_domain::{AccountId, Timestamp, Verdict};
use austin_ports::ledger::{CallRecord, Interrupted, Settlement, WorkItem};
use tokio::sync::OwnedSemaphorePermit;

use crate::asking::{Asked, Party, append};
use crate::attempt::{Outcome, ReadyBatch};
use crate::lane::Lane;
use crate::receipts;
use crate::settler::{Settling, follow_up, follows, persist, retry_of};
use crate::shared::Shared;

/// An attempt whose outcome is unknown.
struct Doubt {
    item: WorkItem,
    account: AccountId,
    party: Arc<Party>,
    started_at: Timestamp,
    /// Why nobody knows.
    cause: Cause,
    /// The vendor call, where its evidence is there.
    call: Option<CallRecord>,
    segments: Option<u16>,
    held: Settling,
    /// Shared by the doubts of one call.
    permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// Takes the unknown ones out of a batch that is about to be settled, where its vendor can be
/// asked; the rest stays.
pub(crate) fn divert(
    shared: &Arc<Shared>,
    batch: ReadyBatch,
    outcome: Outcome,
    held: &mut Settling,
) -> (ReadyBatch, Outcome) {
    let asks = batch.usable.adapter.descriptor().capabilities.query;
    let unknown = |verdict: &Verdict| matches!(verdict, Verdict::Unknown(_));
    if !asks || shared.stopping.is_cancelled() || !outcome.verdicts.iter().any(unknown) {
        return (batch, outcome);
    }
    let party = Arc::new(Party::of(&batch.usable));
    let permit = held.permit.take().map(Arc::new);
    let ReadyBatch {
        usable,
        items,
        permit: call,
    } = batch;
    let mut rest = Outcome {
        verdicts: Vec::new(),
        segments: Vec::new(),
        call: outcome.call,
        on_trial: outcome.on_trial,
    };
    let mut kept = Vec::new();
    let judged = items
        .into_iter()
        .zip(outcome.verdicts)
        .zip(outcome.segments);
    for ((item, verdict), segments) in judged {
        let Verdict::Unknown(cause) = verdict else {
            kept.push(item);
            rest.verdicts.push(verdict);
            rest.segments.push(segments);
            continue;
        };
        held.count = held.count.saturating_sub(1);
        let started_at = rest.call.as_ref().map(|call| call.started_at);
        let doubt = Doubt {
            item,
            account: usable.record.id,
            party: Arc::clone(&party),
            started_at: started_at.unwrap_or(shared.clock.now()),
            cause,
            call: rest.call.clone(),
            segments,
            held: Settling {
                lane: Arc::clone(&held.lane),
                count: 1,
                permit: None,
            },
            permit: permit.clone(),
        };
        shared.tracker.spawn(settle(Arc::clone(shared), doubt));
    }
    let batch = ReadyBatch {
        usable,
        items: kept,
        permit: call,
    };
    (batch, rest)
}

/// Takes the interrupted attempts whose vendor can be asked; gives the others back.
pub(crate) fn divert_interrupted(
    shared: &Arc<Shared>,
    interrupted: Vec<Interrupted>,
) -> Vec<Interrupted> {
    let (mut rest, mut parties) = (Vec::new(), hashbrown::HashMap::new());
    for one in interrupted {
        let party = parties
            .entry(one.account)
            .or_insert_with(|| shared.directories.party(one.account).map(Arc::new))
            .as_ref()
            .filter(|party| party.adapter.descriptor().capabilities.query);
        let Some(party) = party else {
            rest.push(one);
            continue;
        };
        let lane: Arc<Lane> = shared.lane(one.item.message.lane);
        lane.in_flight.fetch_add(1, Ordering::Relaxed);
        let doubt = Doubt {
            cause: interrupted_cause(one.started_at),
            item: one.item,
            account: one.account,
            party: Arc::clone(party),
            started_at: one.started_at,
            call: None,
            segments: None,
            held: Settling {
                lane,
                count: 1,
                permit: None,
            },
            permit: None,
        };
        shared.tracker.spawn(settle(Arc::clone(shared), doubt));
    }
    rest
}

/// Why the outcome of an attempt that a crash cut off is unknown.
pub(crate) fn interrupted_cause(started_at: Timestamp) -> Cause {
    let detail = format!(
        "austin stopped after handing this over at {started_at} and before recording the answer"
    );
    Cause::new("interrupted", &detail)
}

/// Asks, and records what came of it.
async fn settle(shared: Arc<Shared>, mut doubt: Doubt) {
    let (verdict, receipt) = resolve(&shared, &mut doubt).await;
    let Doubt {
        item,
        account,
        party,
        call,
        segments,
        held,
        ..
    } = doubt;
    if let Some(receipt) = receipt {
        let receipt = Receipt {
            reference: Some(item.id.to_string()),
            ..*receipt
        };
        let now = shared.clock.now();
        let from = (account, &*party.key);
        if let Err(error) = receipts::record(&shared, from, &[receipt], now).await {
            tracing::warn!(%error, "a receipt that an inquiry brought is not recorded");
        }
    }
    let now = shared.clock.now();
    let directory = shared.directories.current();
    let next = follows(&shared, &directory, &item, &verdict, account, now);
    let settlement = Settlement {
        delivery: item.id,
        attempt: item.attempts,
        call: call.is_some().then_some(0),
        verdict: verdict.clone(),
        segments,
        next: next.clone(),
    };
    let settled = persist(&shared, call.into_iter().collect(), vec![settlement]).await;
    if let Some(settled) = settled.and_then(|settled| settled.first().copied()) {
        shared
            .aftermath
            .accepted(&verdict, account, item.id, settled, now);
        if let Verdict::Accepted(acceptance) = &verdict
            && party.adapter.descriptor().capabilities.tells_arrivals()
        {
            let pace = shared.directories.pace(account);
            pace.health.taken_after_all(item.id, acceptance, now);
        }
        let item = retry_of(item, &next, account);
        follow_up(&shared, &held.lane, item, &next, settled, now);
    }
    drop(held);
}

async fn resolve(shared: &Shared, doubt: &mut Doubt) -> (Verdict, Option<Box<Receipt>>) {
    let question = Question::Query(Subject {
        reference: doubt.item.id.to_string(),
        to: doubt.item.to.clone(),
        vendor_id: None,
        sent_at: doubt.started_at,
    });
    // Some accounts of an adapter cannot be asked; it says so without a call.
    if !shared.means.desk.takes(&doubt.party, &question).await {
        return (Verdict::Unknown(doubt.cause.clone()), None);
    }
    let slot = tokio::select! {
        () = shared.stopping.cancelled() => None,
        slot = shared.aftermath.inquiries.acquire() => slot.ok(),
    };
    doubt.permit = None;
    let mut tried = Tried::default();
    if slot.is_some()
        && let Some(found) = ask(shared, doubt, &question, &mut tried).await
    {
        return found;
    }
    (Verdict::Unknown(tried.explain(&doubt.cause)), None)
}

/// What the asking came to so far.
#[derive(Default)]
struct Tried {
    times: u32,
    last: Option<Cause>,
}

impl Tried {
    /// The cause of the doubt with the vain asking told.
    fn explain(self, cause: &Cause) -> Cause {
        let last = self
            .last
            .map(|last| format!(", last: {} ({})", last.code, last.detail));
        let detail = match self.times {
            0 => format!("{}; the vendor was not asked", cause.detail),
            1 => format!(
                "{}; the vendor was asked once{}",
                cause.detail,
                last.unwrap_or_default()
            ),
            times => format!(
                "{}; the vendor was asked {times} times{}",
                cause.detail,
                last.unwrap_or_default()
            ),
        };
        Cause::new(cause.code.clone(), &detail)
    }
}

/// Asks again and again until the vendor knows, time runs out, or austin stops.
async fn ask(
    shared: &Shared,
    doubt: &mut Doubt,
    question: &Question,
    tried: &mut Tried,
) -> Option<(Verdict, Option<Box<Receipt>>)> {
    let config = &shared.config;
    let expires_at = doubt.item.message.expires_at;
    let deadline = shared.clock.now().plus(config.inquiry_for).min(expires_at);
    let mut pause = config.inquiry_wait;
    loop {
        let wake = shared.clock.now().plus(pause).min(deadline);
        tokio::select! {
            () = shared.stopping.cancelled() => return None,
            () = shared.clock.sleep_until(wake) => {}
        }
        if shared.clock.now() >= deadline {
            return None;
        }
        let asked = tokio::select! {
            () = shared.stopping.cancelled() => return None,
            asked = shared.means.desk.ask(&doubt.party, question) => asked,
        };
        tried.times += 1;
        doubt.note(&asked, shared.clock.now());
        let answer = asked.answer;
        let word = word(&answer);
        shared.aftermath.metrics.inquired(&doubt.party.key, word);
        match answer {
            Answer::Found(Found::Known {
                acceptance,
                receipt,
            }) => return Some((Verdict::Accepted(acceptance), receipt)),
            Answer::Found(Found::Absent) => {
                let said = "the vendor was asked and never got it";
                let cause = Cause::new("not_at_vendor", said);
                return Some((Verdict::Elsewhere(cause), None));
            }
            Answer::Found(Found::Unclear(cause)) => tried.last = Some(cause),
            Answer::Failed(verdict) => tried.last = verdict.cause().cloned(),
            Answer::Unsupported
            | Answer::Token(_)
            | Answer::Receipts(_)
            | Answer::Recalled
            | Answer::NotRecalled(_)
            | Answer::Balance(_) => return None,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Doubt {
    /// Adds what was asked and answered to the attempt's evidence.
    fn note(&mut self, asked: &Asked, now: Timestamp) {
        let record = self.call.get_or_insert_with(|| CallRecord {
            account: self.account,
            started_at: self.started_at,
            took: Duration::ZERO,
            recipients: 1,
            request: String::new(),
            answer: String::new(),
        });
        record.took = now.since(record.started_at);
        append(
            &mut record.request,
            "What became of it, the vendor was asked:",
        );
        append(&mut record.request, &asked.request);
        append(
            &mut record.answer,
            &format!("Asked at {now}, {}:", word(&asked.answer)),
        );
        append(&mut record.answer, &asked.said);
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Found(Found::Known { .. }) => "known",
        Answer::Found(Found::Absent) => "absent",
        Answer::Found(Found::Unclear(_)) => "unclear",
        Answer::Failed(_) => "failed",
        _ => "unsupported",
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(10);
