//! Receipts of known attempts.

use austin_domain::{DeliveryId, State, Timestamp};
use austin_ports::ledger::{NewReceipt, ReceiptFate};
use rusqlite::{Connection, OptionalExtension, params};

use super::attempt::state_of;
use super::change::keep_open_attempt;
use super::open_change;
use crate::ledger::op;
use crate::ledger::schema;
use crate::ledger::segment::Head;

/// Records a receipt that reached us at the given time on its delivery, which moves if it may.
pub(super) fn record(
    connection: &Connection,
    head: &mut Head,
    (delivery, received_at): (DeliveryId, Timestamp),
    receipt: &NewReceipt,
    now: Timestamp,
) -> rusqlite::Result<ReceiptFate> {
    let found = connection
        .prepare_cached("SELECT state, updated_at FROM delivery WHERE id = ?1")?
        .query_row([delivery.as_i64()], |row| {
            Ok((state_of(row, 0)?, Timestamp::from_millis(row.get(1)?)))
        })
        .optional()?;
    let Some((from, updated_at)) = found else {
        return Ok(ReceiptFate::Parked);
    };
    let sent_at = (from == State::Sent).then_some(updated_at);
    let inserted = connection.prepare_cached(INSERT)?.execute(params![
        delivery.as_i64(),
        digest(receipt),
        received_at.millis(),
        op::encode(receipt),
    ])?;
    if inserted == 0 {
        return Ok(ReceiptFate::Repeated(delivery));
    }
    let Some(to) = receipt
        .state
        .filter(|to| !to.is_open() && from.may_become(*to))
    else {
        return Ok(ReceiptFate::Kept {
            delivery,
            state: from,
            sent_at,
        });
    };
    if from == State::Sending {
        keep_open_attempt(connection, delivery)?;
    }
    let failed = to == State::Undelivered;
    connection.prepare_cached(MOVE)?.execute(params![
        delivery.as_i64(),
        schema::stored(to),
        schema::AT_ONCE,
        now.millis(),
        failed.then_some("undelivered"),
        failed.then(|| format!(
            "the vendor reports that it did not arrive ({})",
            receipt.code
        )),
    ])?;
    head.open = head.open.saturating_add_signed(open_change(from, to));
    Ok(ReceiptFate::Moved {
        delivery,
        from,
        to,
        sent_at,
    })
}

/// What makes two receipts the same: all they say, but not the wrapping they came in.
pub(crate) fn digest(receipt: &NewReceipt) -> [u8; 16] {
    let said = op::encode(&(
        receipt.account,
        &receipt.key,
        receipt.delivery,
        receipt.state,
        &receipt.code,
        &receipt.detail,
        receipt.at,
        receipt.segments,
    ));
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&said).as_bytes()[..16]);
    digest
}

const INSERT: &str = "INSERT OR IGNORE INTO receipt (delivery, digest, n, received_at, body)
    VALUES (?1, ?2, (SELECT 1 + ifnull(max(n), 0) FROM receipt WHERE delivery = ?1), ?3, ?4)";
const MOVE: &str = "UPDATE delivery SET state = ?2, due_at = ?3, updated_at = ?4,
    reason_code = ?5, reason_detail = ?6, reason_rule = NULL, secret = NULL WHERE id = ?1";
