//! What vendors took, newest first: the ground that receipts are counted on.

use austin_domain::{AccountId, DeliveryId, State, Timestamp};
use austin_ports::ledger::{HandedOver, HandedOvers};
use rusqlite::{Connection, Row, params};

use super::Reader;
use super::row::lane_of;
use crate::ledger::apply::state_of;
use crate::ledger::fault::Fault;

impl Reader {
    /// What vendors took among the next `budget` rows below `before`.
    pub(crate) fn handed_over(
        &self,
        before: DeliveryId,
        mut budget: usize,
    ) -> Result<HandedOvers, Fault> {
        let mut found = Vec::new();
        let below = before.as_u64().min(TOP);
        for info in self.infos().iter().rev() {
            let outside = info.head.floor.saturating_add(1) >= below || info.damage.is_some();
            if outside || info.head.deliveries == 0 {
                continue;
            }
            let (read, last) = self.with(info.number, |connection| {
                scan(connection, below, budget, &mut found)
            })?;
            budget = budget.saturating_sub(read);
            if budget == 0 {
                return Ok((found, last));
            }
        }
        Ok((found, None))
    }
}

/// Reads at most `limit` rows; how many, and the last one's id.
fn scan(
    connection: &Connection,
    below: u64,
    limit: usize,
    found: &mut Vec<HandedOver>,
) -> rusqlite::Result<(usize, Option<DeliveryId>)> {
    let mut select = connection.prepare_cached(
        "SELECT id, state, lane, account, attempts, updated_at, expires_at FROM delivery
         WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query(params![below.cast_signed(), limit])?;
    let (mut read, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        read += 1;
        last = Some(DeliveryId::from_i64(row.get(0)?));
        let state = state_of(row, 1)?;
        if matches!(state, State::Sent | State::Delivered | State::Undelivered) {
            found.push(handed_over(connection, row, state)?);
        }
    }
    Ok((read, last))
}

fn handed_over(
    connection: &Connection,
    row: &Row<'_>,
    state: State,
) -> rusqlite::Result<HandedOver> {
    let delivery = DeliveryId::from_i64(row.get(0)?);
    let attempts = row.get(4)?;
    let updated_at: i64 = row.get(5)?;
    let sent_at = if state == State::Sent {
        updated_at
    } else {
        began(connection, delivery, attempts)?.unwrap_or(updated_at)
    };
    Ok(HandedOver {
        delivery,
        lane: lane_of(2, row.get(2)?)?,
        state,
        account: AccountId::from_i64(row.get(3)?),
        sent_at: Timestamp::from_millis(sent_at),
        attempts,
        expires_at: Timestamp::from_millis(row.get(6)?),
    })
}

/// When an attempt began.
fn began(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: u16,
) -> rusqlite::Result<Option<i64>> {
    use rusqlite::OptionalExtension as _;
    connection
        .prepare_cached("SELECT started_at FROM attempt WHERE delivery = ?1 AND n = ?2")?
        .query_row(params![delivery.as_i64(), attempt], |row| row.get(0))
        .optional()
}

const TOP: u64 = i64::MAX.cast_unsigned();
