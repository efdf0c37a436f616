//! Attempts: their beginning, and what they came to.

use austin_domain::{AccountId, DeliveryId, Reason, State, Timestamp, Verdict};
use austin_ports::ledger::{AttemptStart, CallRecord, Next, Settled, Settlement};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{change, late, open_change};
use crate::ledger::op;
use crate::ledger::rule;
use crate::ledger::schema;
use crate::ledger::segment::Head;

/// Marks deliveries as being sent, where their guard holds.
pub(super) fn begin(
    connection: &Connection,
    now: Timestamp,
    starts: &[AttemptStart],
    held: &mut [bool],
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(BEGIN)?;
    for (held, start) in held.iter_mut().zip(starts) {
        let Some(before) = start.attempt.checked_sub(1) else {
            continue;
        };
        late::begins(connection, start, now)?;
        let changed = update.execute(params![
            start.delivery.as_i64(),
            before,
            start.attempt,
            start.account.as_i64(),
            schema::stored_due(Some(start.lease_until)),
            now.millis(),
        ])?;
        *held = changed == 1;
    }
    Ok(())
}

/// One settling of attempts in one segment.
pub(super) struct Settle<'a> {
    connection: &'a Connection,
    head: &'a mut Head,
    now: Timestamp,
    calls: &'a [CallRecord],
    /// Per call: its row, once it has one.
    rows: Vec<Option<i64>>,
    verdict: Vec<u8>,
    // Of the usual case.
    end: CachedStatement<'a>,
    insert_first: CachedStatement<'a>,
}

/// A delivery as far as settling needs it.
struct Current {
    state: State,
    attempts: u16,
    account: i64,
    updated_at: i64,
}

impl<'a> Settle<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        head: &'a mut Head,
        now: Timestamp,
        calls: &'a [CallRecord],
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            end: connection.prepare_cached(END)?,
            insert_first: connection.prepare_cached(INSERT_FIRST)?,
            connection,
            head,
            now,
            calls,
            rows: vec![None; calls.len()],
            verdict: Vec::new(),
        })
    }

    /// Records the settlements, which may refer to any of the calls.
    pub(super) fn run(
        mut self,
        settlements: &[Settlement],
        settled: &mut [Settled],
    ) -> rusqlite::Result<()> {
        let mut uses = vec![0u32; self.calls.len()];
        for settlement in settlements {
            if let Some(count) = call_index(settlement).and_then(|call| uses.get_mut(call)) {
                *count += 1;
            }
        }
        for (settled, settlement) in settled.iter_mut().zip(settlements) {
            let shared = call_index(settlement)
                .and_then(|call| uses.get(call))
                .is_some_and(|count| *count > 1);
            *settled = self.one(settlement, shared)?;
        }
        Ok(())
    }

    fn one(&mut self, settlement: &Settlement, shared: bool) -> rusqlite::Result<Settled> {
        let (to, ..) = target(&settlement.next);
        let call = call_index(settlement).and_then(|call| self.calls.get(call));
        // The usual case, without a read.
        if let Some(call) = call
            && State::Sending.may_become(to)
            && self.move_on(settlement, State::Sending)?
        {
            self.insert(settlement, (call.account, call.started_at), shared)?;
            return Ok(Settled::Moved);
        }
        let Some(current) = self.read(settlement.delivery)? else {
            return Ok(Settled::Ignored);
        };
        let account = call.map_or(AccountId::from_i64(current.account), |call| call.account);
        let started = call.map_or(Timestamp::from_millis(current.updated_at), |call| {
            call.started_at
        });
        match self.recorded(settlement)? {
            None if current.attempts == settlement.attempt && settlement.attempt > 0 => {
                let moved = current.state == State::Sending
                    && State::Sending.may_become(to)
                    && self.move_on(settlement, State::Sending)?;
                self.insert(settlement, (account, started), shared)?;
                Ok(kept_or(moved, current.state))
            }
            Some((None, account, started)) => {
                self.remove(settlement)?;
                let from = call.map_or((account, started), |call| (call.account, call.started_at));
                self.insert(settlement, from, shared)?;
                Ok(Settled::Kept(current.state))
            }
            Some((Some(before), account, started)) if self.late(&current, settlement, &before) => {
                let from = call.map_or((account, started), |call| (call.account, call.started_at));
                self.correct(settlement, &before, from, shared)?;
                Ok(Settled::Moved)
            }
            None | Some(_) => Ok(Settled::Ignored),
        }
    }

    /// Whether the settlement brings the acceptance of an attempt that was recorded as unknown.
    fn late(&self, current: &Current, settlement: &Settlement, before: &Verdict) -> bool {
        let (to, ..) = target(&settlement.next);
        current.state == State::Unknown
            && current.attempts == settlement.attempt
            && matches!(before, Verdict::Unknown(_))
            && matches!(settlement.verdict, Verdict::Accepted(_))
            && State::Unknown.may_become(to)
    }

    /// Puts the acceptance in the place of the unknown outcome, which an event keeps.
    fn correct(
        &mut self,
        settlement: &Settlement,
        before: &Verdict,
        from: (AccountId, Timestamp),
        shared: bool,
    ) -> rusqlite::Result<()> {
        let (to, ..) = target(&settlement.next);
        self.move_on(settlement, State::Unknown)?;
        if call_index(settlement).is_some() {
            self.remove(settlement)?;
            self.insert(settlement, from, shared)?;
        } else {
            self.encode(&settlement.verdict);
            let statement = if settlement.attempt == 1 {
                CORRECT_FIRST
            } else {
                CORRECT_LATER
            };
            self.connection.prepare_cached(statement)?.execute(params![
                settlement.delivery.as_i64(),
                settlement.attempt,
                self.verdict,
                settlement.segments,
            ])?;
        }
        let code = before
            .cause()
            .map_or("unknown", |cause| cause.code.as_str());
        let reason = Reason::new(
            "accepted_late",
            format!(
                "the vendor's acceptance became known after the attempt counted as unknown ({code})"
            ),
        );
        change::note(
            self.connection,
            settlement.delivery,
            (self.now, to, None),
            &reason,
        )
    }

    /// Moves the delivery to where the settlement says, if it is in state `from` with that
    /// attempt as its last.
    fn move_on(&mut self, settlement: &Settlement, from: State) -> rusqlite::Result<bool> {
        let (to, due_at, reason) = target(&settlement.next);
        let mut wait;
        let kept_until = match settlement.next {
            Next::Watched { until } => Some(until),
            Next::End { .. } | Next::Wait { .. } => None,
        };
        let statement = if to.is_open() || kept_until.is_some() {
            wait = self.connection.prepare_cached(WAIT)?;
            &mut wait
        } else {
            &mut self.end
        };
        let changed = statement.execute(params![
            settlement.delivery.as_i64(),
            schema::stored(from),
            settlement.attempt,
            schema::stored(to),
            schema::stored_due(due_at),
            self.now.millis(),
            reason.map(|reason| &reason.code),
            reason.map(|reason| &reason.detail),
            reason.and_then(rule::encode),
        ])?;
        if let Some(until) = kept_until.filter(|_| changed == 1) {
            self.connection
                .prepare_cached(KEEP)?
                .execute(params![settlement.delivery.as_i64(), until.millis()])?;
        }
        if changed == 1 {
            self.head.open = self.head.open.saturating_add_signed(open_change(from, to));
        }
        Ok(changed == 1)
    }

    fn insert(
        &mut self,
        settlement: &Settlement,
        (account, started): (AccountId, Timestamp),
        shared: bool,
    ) -> rusqlite::Result<()> {
        let index = call_index(settlement).filter(|call| *call < self.calls.len());
        let row = match index {
            Some(call) if shared => Some(self.call_row(call)?),
            Some(_) | None => None,
        };
        let own = index
            .filter(|_| row.is_none())
            .map(|call| &self.calls[call]);
        self.encode(&settlement.verdict);
        let mut later;
        let statement = if settlement.attempt == 1 {
            &mut self.insert_first
        } else {
            later = self.connection.prepare_cached(INSERT_LATER)?;
            &mut later
        };
        statement.execute(params![
            settlement.delivery.as_i64(),
            settlement.attempt,
            account.as_i64(),
            started.millis(),
            self.verdict,
            settlement.segments,
            row,
            own.map(took_us),
            own.map(|call| call.recipients),
            own.map(|call| &call.request),
            own.map(|call| &call.answer),
        ])?;
        Ok(())
    }

    /// The row of a call that several attempts share.
    fn call_row(&mut self, index: usize) -> rusqlite::Result<i64> {
        if let Some(row) = self.rows[index] {
            return Ok(row);
        }
        self.head.calls += 1;
        let call = &self.calls[index];
        self.connection
            .prepare_cached(INSERT_CALL)?
            .execute(params![
                self.head.calls,
                took_us(call),
                call.recipients,
                call.request,
                call.answer,
            ])?;
        self.rows[index] = Some(self.head.calls);
        Ok(self.head.calls)
    }

    fn remove(&self, settlement: &Settlement) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(if settlement.attempt == 1 {
                "DELETE FROM first_attempt WHERE delivery = ?1 AND ?2 = 1"
            } else {
                "DELETE FROM later_attempt WHERE delivery = ?1 AND n = ?2"
            })?
            .execute(params![settlement.delivery.as_i64(), settlement.attempt])?;
        Ok(())
    }

    fn read(&self, delivery: DeliveryId) -> rusqlite::Result<Option<Current>> {
        self.connection
            .prepare_cached(
                "SELECT state, attempts, account, updated_at FROM delivery WHERE id = ?1",
            )?
            .query_row([delivery.as_i64()], |row| {
                Ok(Current {
                    state: state_of(row, 0)?,
                    attempts: row.get(1)?,
                    account: row.get(2)?,
                    updated_at: row.get(3)?,
                })
            })
            .optional()
    }

    /// The attempt's row, if it has one: its verdict (`None`: still open), account, beginning.
    fn recorded(
        &self,
        settlement: &Settlement,
    ) -> rusqlite::Result<Option<(Option<Verdict>, AccountId, Timestamp)>> {
        self.connection
            .prepare_cached(
                "SELECT verdict, account, started_at FROM attempt WHERE delivery = ?1 AND n = ?2",
            )?
            .query_row(
                params![settlement.delivery.as_i64(), settlement.attempt],
                |row| {
                    let verdict: Option<Vec<u8>> = row.get(0)?;
                    let verdict = verdict.map(|bytes| decode(0, &bytes)).transpose()?;
                    Ok((
                        verdict,
                        AccountId::from_i64(row.get(1)?),
                        Timestamp::from_millis(row.get(2)?),
                    ))
                },
            )
            .optional()
    }

    fn encode(&mut self, verdict: &Verdict) {
        self.verdict.clear();
        op::encode_into(verdict, &mut self.verdict);
    }
}

fn kept_or(moved: bool, state: State) -> Settled {
    if moved {
        Settled::Moved
    } else {
        Settled::Kept(state)
    }
}

fn call_index(settlement: &Settlement) -> Option<usize> {
    settlement.call.and_then(|call| usize::try_from(call).ok())
}

fn took_us(call: &CallRecord) -> i64 {
    i64::try_from(call.took.as_micros()).unwrap_or(i64::MAX)
}

fn target(next: &Next) -> (State, Option<Timestamp>, Option<&Reason>) {
    match next {
        Next::End { state, reason } => (*state, None, reason.as_ref()),
        Next::Watched { .. } => (State::Sent, None, None),
        Next::Wait {
            state,
            due_at,
            reason,
        } => (*state, *due_at, Some(reason)),
    }
}

/// The state in a column.
pub(crate) fn state_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<State> {
    let stored: i64 = row.get(column)?;
    schema::state(stored).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, stored))
}

/// What the bytes of a column mean.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    column: usize,
    bytes: &[u8],
) -> rusqlite::Result<T> {
    postcard::from_bytes(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Blob,
            Box::new(error),
        )
    })
}

// Stored states: 17 to 20 are the waiting ones, 21 is `sending`.
const BEGIN: &str = "UPDATE delivery SET state = 21, attempts = ?3, account = ?4, due_at = ?5,
    updated_at = ?6, reason_code = NULL, reason_detail = NULL,
    reason_rule = NULL
    WHERE id = ?1 AND attempts = ?2 AND state BETWEEN 17 AND 20";
const WAIT: &str = "UPDATE delivery SET state = ?4, due_at = ?5, updated_at = ?6,
    reason_code = ?7, reason_detail = ?8, reason_rule = ?9
    WHERE id = ?1 AND state = ?2 AND attempts = ?3";
const END: &str = "UPDATE delivery SET state = ?4, due_at = ?5, updated_at = ?6,
    reason_code = ?7, reason_detail = ?8, reason_rule = ?9, secret = NULL
    WHERE id = ?1 AND state = ?2 AND attempts = ?3";
const KEEP: &str = "INSERT OR REPLACE INTO kept (delivery, until)
    SELECT id, ?2 FROM delivery WHERE id = ?1 AND secret IS NOT NULL";
const INSERT_FIRST: &str = "INSERT INTO first_attempt (delivery, account, started_at, verdict,
    segments, call, took_us, recipients, request, answer)
    VALUES (?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const INSERT_LATER: &str = "INSERT INTO later_attempt (delivery, n, account, started_at, verdict,
    segments, call, took_us, recipients, request, answer)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const CORRECT_FIRST: &str = "UPDATE first_attempt SET verdict = ?3,
    segments = coalesce(?4, segments) WHERE delivery = ?1 AND ?2 = 1";
const CORRECT_LATER: &str = "UPDATE later_attempt SET verdict = ?3,
    segments = coalesce(?4, segments) WHERE delivery = ?1 AND n = ?2";
const INSERT_CALL: &str = "INSERT INTO call (id, took_us, recipients, request, answer)
    VALUES (?1, ?2, ?3, ?4, ?5)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_the_statements_are_those_of_the_states() {
        for state in State::ALL {
            let stored = schema::stored(*state);
            assert_eq!((17..=20).contains(&stored), state.is_waiting(), "{state}");
            assert_eq!((17..=21).contains(&stored), state.is_open(), "{state}");
            assert_eq!(schema::state(stored), Some(*state));
        }
        assert_eq!(schema::stored(State::Sending), 21);
    }
}
