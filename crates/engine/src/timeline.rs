//! The story of one delivery, told from its evidence.
//!
//! Pure: the same evidence gives the same timeline. Every entry stands on a stored row; nothing
//! is guessed.

use std::fmt::Write as _;
use std::time::Duration;

use austin_domain::{AccountId, DeliveryId, Reason, RuleRef, State, Timestamp, Verdict};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{AttemptRow, Event, Evidence, ReceiptRow};

use crate::receipts::SUCCESS;

#[cfg(test)]
mod tests;

/// One step of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What happened: a state word where the delivery entered that state, `attempt` where a
    /// vendor was called, `refused` where a vendor did not take it, `receipt` where a vendor's
    /// word changed nothing.
    pub event: &'static str,
    /// One plain sentence. No address, no content, no secret.
    pub detail: String,
    /// Stable code of the cause, ours or the vendor's.
    pub code: Option<String>,
    /// Number of the attempt.
    pub attempt: Option<u16>,
    /// Key of the vendor account.
    pub account: Option<String>,
    /// The verdict of an attempt.
    pub verdict: Option<&'static str>,
    /// The vendor's id.
    pub vendor_id: Option<String>,
    /// When the delivery becomes ready, where it was set to wait.
    pub due_at: Option<Timestamp>,
    /// How long the vendor took.
    pub took: Option<Duration>,
    /// The rule that decided, where one did.
    pub rule: Option<RuleRef>,
    /// The earlier delivery that made it decide so.
    pub cause: Option<DeliveryId>,
}

/// The story of the delivery that `evidence` is about, in the order it happened. Steps of the
/// same millisecond keep the order they can only have happened in.
pub fn timeline(evidence: &Evidence, snapshot: &Snapshot) -> Vec<Entry> {
    let teller = Teller { evidence, snapshot };
    let mut entries = vec![teller.accepted()];
    // What let it go comes before the attempt that followed.
    let (let_go, others): (Vec<_>, Vec<_>) =
        evidence.events.iter().partition(|event| event.lets_go());
    entries.extend(let_go.into_iter().map(moved));
    for attempt in &evidence.attempts {
        entries.push(teller.attempt(attempt));
        entries.push(teller.verdict(attempt));
    }
    // What followed from a verdict comes after it.
    entries.extend(others.into_iter().map(moved));
    if teller.in_flight() {
        entries.push(teller.sending());
    }
    entries.extend(evidence.receipts.iter().map(|row| teller.receipt(row)));
    entries.extend(teller.ending());
    // Stable: equal instants stay in the order above.
    entries.sort_by_key(|entry| entry.at);
    entries
}

struct Teller<'a> {
    evidence: &'a Evidence,
    snapshot: &'a Snapshot,
}

impl Teller<'_> {
    fn accepted(&self) -> Entry {
        let head = &self.evidence.delivery.message;
        let template = self
            .snapshot
            .templates
            .get(&head.template)
            .map_or("a template that is gone", |entry| &entry.template.key);
        let app = self
            .snapshot
            .apps
            .get(&head.app)
            .map_or("an app that is gone", |app| &app.name);
        let facts = self.evidence.delivery.facts.as_ref();
        let did = match facts {
            Some(facts) if facts.test => "tried out",
            _ => "sent",
        };
        let detail = format!(
            "{app} {did} {template} version {} in request {}; the delivery is stored",
            head.version, head.request_id
        );
        Entry::new(head.accepted_at, State::Accepted.as_str(), detail)
    }

    fn attempt(&self, row: &AttemptRow) -> Entry {
        let account = self.account(row.account);
        let detail = match row.recipients {
            0 | 1 => format!("attempt {}: {account} was called", row.attempt),
            many => format!(
                "attempt {}: {account} was called with {many} recipients in one call",
                row.attempt
            ),
        };
        Entry {
            attempt: Some(row.attempt),
            account: Some(account),
            ..Entry::new(row.started_at, "attempt", detail)
        }
    }

    fn verdict(&self, row: &AttemptRow) -> Entry {
        let account = self.account(row.account);
        let at = row.started_at.plus(row.took.unwrap_or_default());
        let cause = row.verdict.cause();
        let said = cause.map_or_else(String::new, |cause| quoted(&cause.code, &cause.detail));
        let (event, detail) = match &row.verdict {
            Verdict::Accepted(acceptance) => (
                State::Sent.as_str(),
                match &acceptance.vendor_id {
                    Some(id) => format!("{account} took it and calls it {id}"),
                    None => format!("{account} took it"),
                },
            ),
            Verdict::BadRecipient(_) => {
                ("refused", format!("{account} refused the recipient{said}"))
            }
            Verdict::BadContent(_) => ("refused", format!("{account} refused the content{said}")),
            Verdict::Elsewhere(_) => (
                "refused",
                format!("{account} did not take it; another account may{said}"),
            ),
            Verdict::NumberRefused { .. } => (
                "refused",
                format!("{account} does not write to this number now{said}"),
            ),
            Verdict::Later { .. } => (
                "refused",
                format!("{account} did not take it now but may later{said}"),
            ),
            Verdict::Throttled { .. } => {
                ("refused", format!("{account} asks for less traffic{said}"))
            }
            Verdict::Misconfigured(_) => (
                "refused",
                format!("{account} cannot be used until somebody mends it{said}"),
            ),
            Verdict::Unknown(_) => (
                State::Unknown.as_str(),
                format!(
                    "nobody can tell whether {account} took it{said}{}",
                    self.again_after(row)
                ),
            ),
        };
        let vendor_id = match &row.verdict {
            Verdict::Accepted(acceptance) => acceptance.vendor_id.clone(),
            _ => None,
        };
        Entry {
            code: cause.map(|cause| cause.code.clone()),
            attempt: Some(row.attempt),
            account: Some(account),
            verdict: Some(row.verdict.as_str()),
            vendor_id,
            took: row.took,
            ..Entry::new(at, event, detail)
        }
    }

    /// Why another attempt followed one whose outcome nobody knows.
    fn again_after(&self, row: &AttemptRow) -> String {
        let delivery = &self.evidence.delivery;
        if row.attempt >= delivery.attempts {
            return String::new();
        }
        format!(
            "; it was sent again, as the policy of the class {} is while a message is valid",
            delivery.message.lane.class
        )
    }

    /// Whether an attempt has begun whose outcome is not recorded.
    fn in_flight(&self) -> bool {
        let delivery = &self.evidence.delivery;
        delivery.state == State::Sending
            && usize::from(delivery.attempts) > self.evidence.attempts.len()
    }

    fn sending(&self) -> Entry {
        let delivery = &self.evidence.delivery;
        let account = delivery
            .account
            .map_or_else(|| "an account".to_owned(), |id| self.account(id));
        let detail = format!(
            "attempt {}: {account} is being called; its answer is not recorded yet",
            delivery.attempts
        );
        Entry {
            attempt: Some(delivery.attempts),
            account: delivery.account.map(|id| self.account(id)),
            ..Entry::new(delivery.updated_at, State::Sending.as_str(), detail)
        }
    }

    fn receipt(&self, row: &ReceiptRow) -> Entry {
        let account = self.account(row.receipt.account);
        let said = quoted(&row.receipt.code, &row.receipt.detail);
        let (event, mut detail) = match row.receipt.state {
            Some(State::Delivered) if row.receipt.code == SUCCESS => (
                State::Delivered.as_str(),
                "its sender reports that it reached the recipient".to_owned(),
            ),
            Some(State::Delivered) => (
                State::Delivered.as_str(),
                format!("{account} reports that it reached the recipient{said}"),
            ),
            Some(State::Undelivered) => (
                State::Undelivered.as_str(),
                format!("{account} reports that it did not reach the recipient{said}"),
            ),
            _ => (
                "receipt",
                format!("{account} reports that it is on its way{said}"),
            ),
        };
        if let Some(at) = row.receipt.at {
            // Writing to a string cannot fail.
            let _ = write!(detail, ", at {at} by its clock");
        }
        Entry {
            code: Some(row.receipt.code.clone()),
            account: Some(account),
            ..Entry::new(row.received_at, event, detail)
        }
    }

    /// The state the delivery stands in, where none of the rows above says so: a rule that
    /// stopped it on the way in, or an attempt that was the last.
    fn ending(&self) -> Option<Entry> {
        let delivery = &self.evidence.delivery;
        let reason = delivery.reason.as_ref()?;
        let told = match delivery.state {
            State::Accepted
            | State::Sending
            | State::Sent
            | State::Delivered
            | State::Undelivered => true,
            state => self
                .evidence
                .events
                .iter()
                .any(|event| event.state == state && event.reason == *reason),
        };
        if told {
            return None;
        }
        Some(Entry {
            due_at: delivery.due_at,
            ..Entry::because(delivery.updated_at, delivery.state, reason)
        })
    }

    fn account(&self, id: AccountId) -> String {
        self.snapshot
            .accounts
            .get(&id)
            .map_or_else(|| id.to_string(), |account| account.key.clone())
    }
}

impl Entry {
    fn new(at: Timestamp, event: &'static str, detail: String) -> Self {
        Self {
            at,
            event,
            detail,
            code: None,
            attempt: None,
            account: None,
            verdict: None,
            vendor_id: None,
            due_at: None,
            took: None,
            rule: None,
            cause: None,
        }
    }

    fn because(at: Timestamp, state: State, reason: &Reason) -> Self {
        Self {
            code: Some(reason.code.clone()),
            rule: reason.rule.clone(),
            cause: reason.cause,
            ..Self::new(at, state.as_str(), reason.detail.clone())
        }
    }
}

fn moved(event: &Event) -> Entry {
    Entry {
        due_at: event.due_at,
        ..Entry::because(event.at, event.state, &event.reason)
    }
}

fn quoted(code: &str, words: &str) -> String {
    match (code.is_empty(), words.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" ({code})"),
        (true, false) => format!(" ({words})"),
        (false, false) => format!(" ({code}: {words})"),
    }
}
