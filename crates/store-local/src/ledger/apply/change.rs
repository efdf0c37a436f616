//! Moves that are neither an attempt nor a receipt, and the events they leave.

use austin_domain::{DeliveryId, Reason, State, Timestamp};
use austin_ports::ledger::Change;
use rusqlite::{Connection, OptionalExtension, params};

use super::attempt::state_of;
use super::{late, open_change};
use crate::ledger::rule;
use crate::ledger::schema;
use crate::ledger::segment::Head;

/// Moves deliveries, where their guard holds.
pub(super) fn run(
    connection: &Connection,
    head: &mut Head,
    now: Timestamp,
    changes: &[Change],
    held: &mut [bool],
) -> rusqlite::Result<()> {
    for (held, change) in held.iter_mut().zip(changes) {
        *held = one(connection, head, now, change)?;
    }
    Ok(())
}

fn one(
    connection: &Connection,
    head: &mut Head,
    now: Timestamp,
    change: &Change,
) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached("SELECT state FROM delivery WHERE id = ?1")?
        .query_row([change.delivery.as_i64()], |row| state_of(row, 0))
        .optional()?;
    let Some(from) = found else {
        return Ok(false);
    };
    let wanted = change.from.is_none_or(|wanted| wanted == from);
    let leaves_sent = change.leaves_sent(from);
    if !wanted || !(from.is_waiting() || leaves_sent) || !from.may_become(change.to) {
        return Ok(false);
    }
    late::moves(connection, change, from, now)?;
    let statement = if change.to.is_open() { MOVE } else { STOP };
    connection.prepare_cached(statement)?.execute(params![
        change.delivery.as_i64(),
        schema::stored(change.to),
        schema::stored_due(change.due_at),
        now.millis(),
        change.reason.code,
        change.reason.detail,
        rule::encode(&change.reason),
    ])?;
    if leaves_sent && change.to.is_open() {
        connection
            .prepare_cached("INSERT OR IGNORE INTO reopened (delivery) VALUES (?1)")?
            .execute([change.delivery.as_i64()])?;
    }
    head.open = head
        .open
        .saturating_add_signed(open_change(from, change.to));
    note(
        connection,
        change.delivery,
        (now, change.to, change.due_at),
        &change.reason,
    )?;
    Ok(true)
}

/// Keeps account and beginning of the attempt a delivery is in, before it moves on without the
/// attempt's outcome.
pub(super) fn keep_open_attempt(
    connection: &Connection,
    delivery: DeliveryId,
) -> rusqlite::Result<()> {
    for statement in [KEEP_FIRST, KEEP_LATER] {
        connection
            .prepare_cached(statement)?
            .execute([delivery.as_i64()])?;
    }
    Ok(())
}

/// Wipes secret values that were kept after their delivery was sent. One that waits again or is
/// being sent is left alone: it has its own end.
pub(super) fn wipe(connection: &Connection, deliveries: &[DeliveryId]) -> rusqlite::Result<()> {
    for statement in [WIPE, NO_LONGER_KEPT] {
        let mut statement = connection.prepare_cached(statement)?;
        for delivery in deliveries {
            statement.execute([delivery.as_i64()])?;
        }
    }
    Ok(())
}

/// Leaves an event.
pub(super) fn note(
    connection: &Connection,
    delivery: DeliveryId,
    (at, state, due_at): (Timestamp, State, Option<Timestamp>),
    reason: &Reason,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO event (delivery, n, at, state, reason_code, reason_detail, due_at,
                reason_rule)
             VALUES (?1, (SELECT 1 + ifnull(max(n), 0) FROM event WHERE delivery = ?1),
                     ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            delivery.as_i64(),
            at.millis(),
            schema::stored(state),
            reason.code,
            reason.detail,
            due_at.map(Timestamp::millis),
            rule::encode(reason),
        ])?;
    Ok(())
}

const KEEP_FIRST: &str = "INSERT OR IGNORE INTO first_attempt (delivery, account, started_at)
    SELECT id, account, updated_at FROM delivery WHERE id = ?1 AND attempts = 1";
const KEEP_LATER: &str = "INSERT OR IGNORE INTO later_attempt (delivery, n, account, started_at)
    SELECT id, attempts, account, updated_at FROM delivery WHERE id = ?1 AND attempts > 1";
const MOVE: &str = "UPDATE delivery SET state = ?2, due_at = ?3, updated_at = ?4,
    reason_code = ?5, reason_detail = ?6, reason_rule = ?7 WHERE id = ?1";
// Stored states: 17 to 21 are the open ones.
const WIPE: &str = "UPDATE delivery SET secret = NULL
    WHERE id = ?1 AND secret IS NOT NULL AND state NOT BETWEEN 17 AND 21";
const NO_LONGER_KEPT: &str = "DELETE FROM kept WHERE delivery = ?1";
const STOP: &str = "UPDATE delivery SET state = ?2, due_at = ?3, updated_at = ?4,
    reason_code = ?5, reason_detail = ?6, reason_rule = ?7, secret = NULL WHERE id = ?1";
