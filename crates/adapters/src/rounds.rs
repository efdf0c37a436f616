//! Batches that need more than one call.
//!
//! A vendor may refuse to mix mainland and foreign numbers, take foreign ones singly, or refuse
//! a whole call for one bad number it does not name. The adapter says how a batch parts into
//! rounds and how one round's answer reads; this module drives the rounds one after another and
//! merges the verdicts in the order of the batch. Invariant: exactly one verdict per item,
//! whatever the vendor answers.

use std::time::Duration;

use austin_adapter_api::adapter::fault_verdict;
use austin_adapter_api::{Account, Batch, Call, Context, Fault, Item, Phase, Reply, State, Step};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use serde::{Deserialize, Serialize};

use crate::redact;

/// Most calls for one batch; what is left then goes back to wait, untried.
pub(crate) const MAX_CALLS: u32 = 24;

/// What every step of one batch is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) account: &'a Account,
    pub(crate) batch: &'a Batch,
    pub(crate) context: &'a Context,
}

impl<'a> Job<'a> {
    /// The items of a round.
    pub(crate) fn items(&self, round: &'a [usize]) -> impl Iterator<Item = &'a Item> {
        let items = &self.batch.items;
        round.iter().filter_map(move |index| items.get(*index))
    }

    /// A cause that concerns a round.
    pub(crate) fn cause(&self, round: &[usize], code: &str, detail: &str) -> Cause {
        let items = round
            .iter()
            .filter_map(|index| self.batch.items.get(*index));
        redact::cause(self.account, items, code, detail)
    }

    /// A cause that concerns one item.
    pub(crate) fn cause_for(&self, item: &Item, code: &str, detail: &str) -> Cause {
        redact::cause(self.account, [item], code, detail)
    }

    /// Whether the template itself says how this account's vendor knows it.
    pub(crate) fn has_own_vendor_template(&self) -> bool {
        let own = self.batch.vendor_template.as_ref();
        own.is_some_and(|own| own.template_id.is_some() || own.sign.is_some())
    }

    /// What a call is known by at the vendor: the delivery's reference when it carries one
    /// delivery, else a reference of the call itself, which never looks like a delivery's.
    pub(crate) fn call_reference(&self, round: &[usize]) -> String {
        match round {
            [index] => match self.batch.items.get(*index) {
                Some(item) => item.reference.clone(),
                None => String::new(),
            },
            _ => format!("call_{:032x}", self.context.nonce),
        }
    }
}

/// How one vendor sends rounds.
pub(crate) trait Rounds {
    /// The items of each call, in order; every index exactly once. A batch that fits one call
    /// gives one round.
    fn rounds(&self, batch: &Batch) -> Vec<Vec<usize>>;

    /// The call of one round.
    ///
    /// # Errors
    /// The verdict of all its items when the call cannot be made.
    fn call(&self, job: &Job<'_>, round: &[usize]) -> Result<Call, Verdict>;

    /// What an answer (never a fault) means for the round.
    fn read(&self, job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading;

    /// What a call without an answer means for its items.
    fn fault(&self, fault: &Fault) -> Verdict {
        fault_verdict(fault)
    }
}

/// What an answer means for the items of one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// One verdict per item of the round, in its order.
    Each(Vec<Verdict>),
    /// The same for all.
    All(Verdict),
    /// The whole call was refused because of one item the vendor does not name: this is the
    /// verdict of that one, and the others have to be tried without it.
    OneOf(Verdict),
}

/// [`austin_adapter_api::Adapter::start`] in rounds.
pub(crate) fn start(vendor: &impl Rounds, job: &Job<'_>) -> Step {
    Progress::new(vendor, job.batch).next(vendor, job)
}

/// [`austin_adapter_api::Adapter::resume`] in rounds.
pub(crate) fn resume(vendor: &impl Rounds, job: &Job<'_>, state: State, reply: &Reply) -> Step {
    let Some(mut progress) = Progress::restore(vendor, job.batch, state) else {
        let cause = Cause::new("broken_state", "the state of the batch does not fit it");
        return Step::all(job.batch, &Verdict::Unknown(cause));
    };
    let round = progress.pending.remove(0);
    progress.calls += 1;
    if let Reply::Fault(fault) = reply {
        let fault = Fault {
            detail: job.cause(&round, "", &fault.detail).detail,
            ..fault.clone()
        };
        let verdict = vendor.fault(&fault);
        progress.stop(&untried(&fault, &verdict));
        progress.settle(&round, &verdict);
        return progress.next(vendor, job);
    }
    match vendor.read(job, &round, reply) {
        Reading::Each(verdicts) => {
            for (index, verdict) in round.iter().zip(verdicts) {
                progress.verdicts[*index] = Some(verdict);
            }
        }
        Reading::OneOf(_) if round.len() > 1 => {
            let (left, right) = round.split_at(round.len() / 2);
            progress
                .pending
                .splice(0..0, [left.to_vec(), right.to_vec()]);
        }
        Reading::OneOf(verdict) => progress.settle(&round, &verdict),
        Reading::All(verdict) => {
            if is_about_the_account(&verdict) {
                progress.stop(&verdict);
            }
            progress.settle(&round, &verdict);
        }
    }
    progress.next(vendor, job)
}

/// The call under way once more, e.g. with another token.
pub(crate) fn again(vendor: &impl Rounds, job: &Job<'_>, state: State) -> Step {
    match Progress::restore(vendor, job.batch, state) {
        Some(progress) => progress.next(vendor, job),
        None => {
            let cause = Cause::new("broken_state", "the state of the batch does not fit it");
            Step::all(job.batch, &Verdict::Unknown(cause))
        }
    }
}

/// Splits `batch` into calls of at most `max` items that `fit` together (compared with the first
/// of the call). A number stands in a call once, so that answers by number are unambiguous.
pub(crate) fn partition(
    batch: &Batch,
    max: usize,
    fit: impl Fn(&Item, &Item) -> bool,
) -> Vec<Vec<usize>> {
    use std::collections::HashSet;
    let mut calls: Vec<(Vec<usize>, HashSet<&str>)> = Vec::new();
    for (index, item) in batch.items.iter().enumerate() {
        let open = calls.iter_mut().find(|(call, numbers)| {
            let first = &batch.items[call[0]];
            call.len() < max && fit(first, item) && !numbers.contains(item.to.as_str())
        });
        match open {
            Some((call, numbers)) => {
                call.push(index);
                numbers.insert(&item.to);
            }
            None => calls.push((vec![index], HashSet::from([item.to.as_str()]))),
        }
    }
    calls.into_iter().map(|(call, _)| call).collect()
}

/// How far a batch has come. Kept in [`State`] only where there is more to it than one call.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    /// Calls to make, the one under way first.
    pending: Vec<Vec<usize>>,
    /// One place per item of the batch.
    verdicts: Vec<Option<Verdict>>,
    /// Calls answered.
    calls: u32,
}

impl Progress {
    fn new(vendor: &impl Rounds, batch: &Batch) -> Self {
        Self {
            pending: vendor.rounds(batch),
            verdicts: vec![None; batch.items.len()],
            calls: 0,
        }
    }

    fn restore(vendor: &impl Rounds, batch: &Batch, state: State) -> Option<Self> {
        if state == State::default() {
            return Some(Self::new(vendor, batch)).filter(|progress| !progress.pending.is_empty());
        }
        let progress: Self = serde_json::from_value(state.0).ok()?;
        let count = batch.items.len();
        let fits = progress.verdicts.len() == count
            && !progress.pending.is_empty()
            && progress
                .pending
                .iter()
                .flatten()
                .all(|index| *index < count);
        fits.then_some(progress)
    }

    fn state(&self) -> State {
        if self.calls == 0 && self.pending.len() == 1 && self.verdicts.iter().all(Option::is_none) {
            return State::default();
        }
        // Verdicts and numbers always serialise; were they not to, `restore` would say so.
        State(serde_json::to_value(self).unwrap_or(serde_json::Value::Bool(false)))
    }

    /// The next call, or the verdicts.
    fn next(mut self, vendor: &impl Rounds, job: &Job<'_>) -> Step {
        while let Some(round) = self.pending.first() {
            if self.calls >= MAX_CALLS {
                let detail = format!("not tried yet: the batch took {MAX_CALLS} calls already");
                let cause = Cause::new("too_many_calls", &detail);
                self.stop(&Verdict::Later {
                    cause,
                    after: Some(Duration::ZERO),
                });
                break;
            }
            match vendor.call(job, round) {
                Ok(call) => {
                    let state = self.state();
                    return Step::Call { call, state };
                }
                Err(verdict) => {
                    let round = self.pending.remove(0);
                    self.settle(&round, &verdict);
                }
            }
        }
        let missing = || Verdict::Unknown(Cause::new("no_verdict", "no verdict was reached"));
        Step::Done(
            self.verdicts
                .into_iter()
                .map(|v| v.unwrap_or_else(missing))
                .collect(),
        )
    }

    fn settle(&mut self, round: &[usize], verdict: &Verdict) {
        for index in round {
            self.verdicts[*index] = Some(verdict.clone());
        }
    }

    /// Gives up the calls that are left.
    fn stop(&mut self, verdict: &Verdict) {
        for round in std::mem::take(&mut self.pending) {
            self.settle(&round, verdict);
        }
    }
}

/// Items of calls that were not made because the one before got no answer: they may go to
/// another account whatever became of that one.
fn untried(fault: &Fault, verdict: &Verdict) -> Verdict {
    match fault.phase {
        Phase::NotSent => verdict.clone(),
        Phase::MaybeSent => Verdict::Elsewhere(Cause::new(
            fault.kind.as_str(),
            &format!(
                "not tried: the call before it got no answer ({})",
                fault.detail
            ),
        )),
    }
}

fn is_about_the_account(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Misconfigured(_) | Verdict::Throttled { .. } | Verdict::Later { .. }
    )
}

#[cfg(test)]
mod tests;
