//! Everything known about one delivery.

use std::time::Duration;

use austin_domain::{AccountId, DeliveryId, Timestamp};
use austin_ports::ledger::{AttemptRow, Event, Evidence, ReceiptRow};
use rusqlite::{Connection, Row};

use super::row::{self, Heads};
use super::{Reader, locate};
use crate::ledger::apply::{decode, state_of};
use crate::ledger::fault::Fault;
use crate::ledger::rule;

impl Reader {
    /// Everything known about `id`.
    pub(crate) fn evidence(&self, id: DeliveryId) -> Result<Option<Evidence>, Fault> {
        let Some(info) = locate(self.infos(), id.as_u64()) else {
            return Ok(None);
        };
        self.check(info)?;
        self.with(info.number, |connection| {
            // One snapshot for all parts.
            let snapshot = connection.unchecked_transaction()?;
            let Some(raw) = row::read(&snapshot, id)? else {
                return Ok(None);
            };
            Ok(Some(Evidence {
                delivery: Heads::new(&snapshot, &self.core.vault).delivery(raw)?,
                attempts: list(&snapshot, ATTEMPTS, id, attempt)?,
                receipts: list(&snapshot, RECEIPTS, id, receipt)?,
                events: list(&snapshot, EVENTS, id, event)?,
            }))
        })
    }
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    id: DeliveryId,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([id.as_i64()], read)?;
    rows.collect()
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    let took: Option<i64> = row.get(4)?;
    Ok(AttemptRow {
        attempt: row.get(0)?,
        account: AccountId::from_i64(row.get(1)?),
        started_at: Timestamp::from_millis(row.get(2)?),
        verdict: decode(3, row.get_ref(3)?.as_blob()?)?,
        took: took.map(|micros| Duration::from_micros(micros.max(0).cast_unsigned())),
        recipients: row.get::<_, Option<u32>>(5)?.unwrap_or(1),
        request: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
        answer: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
    })
}

fn receipt(row: &Row<'_>) -> rusqlite::Result<ReceiptRow> {
    Ok(ReceiptRow {
        received_at: Timestamp::from_millis(row.get(0)?),
        receipt: decode(1, row.get_ref(1)?.as_blob()?)?,
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let due_at: Option<i64> = row.get(4)?;
    Ok(Event {
        at: Timestamp::from_millis(row.get(0)?),
        state: state_of(row, 1)?,
        reason: rule::reason(row.get(2)?, row.get(3)?, (5, row::blob(row, 5)?))?,
        due_at: due_at.map(Timestamp::from_millis),
    })
}

const ATTEMPTS: &str = "SELECT a.n, a.account, a.started_at, a.verdict,
        coalesce(c.took_us, a.took_us), coalesce(c.recipients, a.recipients),
        coalesce(c.request, a.request), coalesce(c.answer, a.answer)
    FROM attempt a LEFT JOIN call c ON c.id = a.call
    WHERE a.delivery = ?1 AND a.verdict IS NOT NULL ORDER BY a.n";
const RECEIPTS: &str = "SELECT received_at, body FROM receipt WHERE delivery = ?1 ORDER BY n";
const EVENTS: &str = "SELECT at, state, reason_code, reason_detail, due_at, reason_rule FROM event
    WHERE delivery = ?1 ORDER BY n";
