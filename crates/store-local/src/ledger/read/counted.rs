//! What counts against limits, in order of id.
//!
//! Deliveries, messages and the list of late ones are read side by side, each from one place on to
//! the end: no row is looked up. Of what was accepted before, only the list of late ones is read.

use austin_domain::{DeliveryId, MessageId, TemplateId, Timestamp};
use austin_ports::ledger::counted::{counts, waits_for_its_time};
use austin_ports::ledger::{Counted, Counts, Facts};
use rusqlite::{Connection, Row, Rows, params};

use super::Reader;
use super::row::{blob, lane_of};
use crate::ledger::apply::{decode, state_of};
use crate::ledger::fault::Fault;

impl Reader {
    /// What counts since `from` among the next `budget` rows above `after`.
    pub(crate) fn counted(
        &self,
        from: Timestamp,
        after: DeliveryId,
        mut budget: usize,
    ) -> Result<Counts, Fault> {
        let mut found = Vec::new();
        // Ids are never earlier than the acceptance: nothing up to here was accepted since.
        let before = DeliveryId::first_at(from).as_u64().saturating_sub(1);
        for info in self.infos() {
            let outside = info.head.last <= after.as_u64() || info.damage.is_some();
            if outside || info.head.deliveries == 0 {
                continue;
            }
            let (read, last) = self.with(info.number, |connection| {
                let mut scan = Scan {
                    connection,
                    from,
                    left: budget,
                    last: None,
                    found: &mut found,
                };
                scan.late(after.as_u64(), before)?;
                scan.rows(after.as_u64().max(before))?;
                Ok((budget - scan.left, scan.last))
            })?;
            budget -= read;
            if budget == 0 {
                return Ok((found, last));
            }
        }
        Ok((found, None))
    }
}

/// A scan of one segment.
struct Scan<'a> {
    connection: &'a Connection,
    from: Timestamp,
    /// How many rows may still be read.
    left: usize,
    /// The last one read.
    last: Option<DeliveryId>,
    found: &'a mut Vec<Counted>,
}

/// What stands elsewhere than in a delivery's row.
#[derive(Clone, Copy)]
struct Beside {
    template: TemplateId,
    accepted_at: i64,
    late: Option<i64>,
}

impl Scan<'_> {
    /// Those accepted before that went out since.
    fn late(&mut self, after: u64, until: u64) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached(LATE)?;
        let mut rows = select.query(params![
            after.cast_signed(),
            until.min(TOP).cast_signed(),
            self.from.millis(),
            limit(self.left),
        ])?;
        while let Some(row) = rows.next()? {
            let beside = Beside {
                template: TemplateId::from_i64(row.get(7)?),
                accepted_at: row.get(8)?,
                late: Some(row.get(9)?),
            };
            self.read(row, beside)?;
        }
        Ok(())
    }

    /// Those whose ids are of the time.
    fn rows(&mut self, after: u64) -> rusqlite::Result<()> {
        if self.left == 0 || after >= TOP {
            return Ok(());
        }
        let after = after.cast_signed();
        let mut deliveries = self.connection.prepare_cached(DELIVERIES)?;
        let mut messages = self.connection.prepare_cached(MESSAGES)?;
        let mut late = self.connection.prepare_cached(ALL_LATE)?;
        let mut rows = deliveries.query(params![after, limit(self.left)])?;
        let mut messages = Messages::new(messages.query([after])?);
        let mut late = late.query([after])?;
        let mut next_late = next(&mut late)?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            while next_late.is_some_and(|(delivery, _)| delivery < id) {
                next_late = next(&mut late)?;
            }
            let message = DeliveryId::from_i64(id).message(row.get(3)?);
            let mut beside = messages.of(message)?;
            beside.late = next_late
                .filter(|(delivery, _)| *delivery == id)
                .map(|(_, at)| at);
            self.read(row, beside)?;
        }
        Ok(())
    }

    fn read(&mut self, row: &Row<'_>, beside: Beside) -> rusqlite::Result<()> {
        let delivery = DeliveryId::from_i64(row.get(0)?);
        self.left -= 1;
        self.last = Some(delivery);
        let (state, attempts) = (state_of(row, 1)?, row.get(2)?);
        let waits = waits_for_its_time(state, attempts);
        let late = beside.late.filter(|_| !waits);
        let at = Timestamp::from_millis(late.unwrap_or(beside.accepted_at));
        if counts(state) && at >= self.from {
            self.found.push(Counted {
                delivery,
                to: row.get(5)?,
                template: beside.template,
                lane: lane_of(4, row.get(4)?)?,
                content: content(row)?,
                state,
                at,
                counts: !waits,
            });
        }
        Ok(())
    }
}

/// The messages, read along with their deliveries.
struct Messages<'a> {
    rows: Rows<'a>,
    current: Option<(MessageId, Beside)>,
}

impl<'a> Messages<'a> {
    fn new(rows: Rows<'a>) -> Self {
        Self {
            rows,
            current: None,
        }
    }

    /// That of the next delivery.
    fn of(&mut self, wanted: MessageId) -> rusqlite::Result<Beside> {
        loop {
            match self.current {
                Some((id, beside)) if id == wanted => return Ok(beside),
                // They are written together; one without the other is damage.
                Some((id, _)) if id > wanted => return Err(rusqlite::Error::QueryReturnedNoRows),
                _ => {}
            }
            let row = self.rows.next()?;
            let row = row.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let beside = Beside {
                template: TemplateId::from_i64(row.get(1)?),
                accepted_at: row.get(2)?,
                late: None,
            };
            self.current = Some((MessageId::from_i64(row.get(0)?), beside));
        }
    }
}

fn next(late: &mut Rows<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    match late.next()? {
        Some(row) => Ok(Some((row.get(0)?, row.get(1)?))),
        None => Ok(None),
    }
}

fn content(row: &Row<'_>) -> rusqlite::Result<Option<u64>> {
    let facts: Option<Facts> = blob(row, 6)?.map(|bytes| decode(6, bytes)).transpose()?;
    Ok(facts.and_then(|facts| facts.content))
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

const TOP: u64 = i64::MAX.cast_unsigned();
const DELIVERIES: &str = "SELECT id, state, attempts, place, lane, address, facts FROM delivery
    WHERE id > ?1 ORDER BY id LIMIT ?2";
// A message's first delivery comes right after it; a scan may begin among the deliveries of one.
const MESSAGES: &str = "SELECT id, template, accepted_at FROM message
    WHERE id >= ifnull((SELECT max(id) FROM message WHERE id <= ?1), 0) ORDER BY id";
const ALL_LATE: &str = "SELECT delivery, at FROM late WHERE delivery > ?1 ORDER BY delivery";
// The list is read by its index on the time: how long it is does not matter.
const LATE: &str = "SELECT d.id, d.state, d.attempts, d.place, d.lane, d.address, d.facts,
        m.template, m.accepted_at, l.at
    FROM (SELECT delivery, at FROM late INDEXED BY late_at
          WHERE at >= ?3 AND delivery > ?1 AND delivery <= ?2 ORDER BY delivery LIMIT ?4) l
    JOIN delivery d ON d.id = l.delivery
    JOIN message m ON m.id = d.id - 1 - d.place
    ORDER BY d.id";
