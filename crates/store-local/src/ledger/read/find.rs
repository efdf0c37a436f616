//! Looking deliveries up.
//!
//! A text that has an index narrows the search to candidates, which are checked against their
//! rows; without one, rows are scanned from the newest on for a bounded amount of work.

use austin_domain::{DeliveryId, MessageId, Timestamp};
use austin_ports::ledger::{DeliveryRow, Filter, Found};
use rusqlite::{Connection, params};

use super::Reader;
use super::row::{self, COLUMNS, Heads, Raw};
use crate::ledger::fault::Fault;
use crate::ledger::index::{deliveries, key};
use crate::ledger::segments::{Info, locate};

impl Reader {
    /// One page of the deliveries that fit.
    pub(crate) fn find(&self, filter: &Filter) -> Result<Found, Fault> {
        let wanted = filter.limit.max(1);
        let mut search = Search {
            filter,
            wanted,
            budget: self.core.options.scan_rows.max(wanted),
            found: Found::default(),
        };
        let below = filter.before.map_or(TOP, DeliveryId::as_u64);
        let (from, to) = match filter.message {
            // Its deliveries are the ids after its own.
            Some(message) => (message.as_u64(), self.end_of(message)?.min(below)),
            None => (
                filter.from.map_or(0, |from| {
                    DeliveryId::first_at(from).as_u64().saturating_sub(1)
                }),
                below,
            ),
        };
        for info in self.infos().iter().rev() {
            if info.head.floor.saturating_add(1) >= to || info.head.last <= from {
                continue;
            }
            if info.damage.is_some() || outside(info, filter) {
                continue;
            }
            let to = to
                .min(info.head.last.saturating_add(1))
                .min(ceiling(info, filter));
            if self.search(info, (from, to), &mut search)? {
                return Ok(search.found);
            }
        }
        Ok(search.found)
    }

    /// Searches one segment between two ids, both outside; `true` when the page is complete.
    fn search(
        &self,
        info: &Info,
        (from, mut to): (u64, u64),
        search: &mut Search<'_>,
    ) -> Result<bool, Fault> {
        loop {
            let batch = search.budget.min(BATCH);
            let indexed = self.candidates(info, (from, to), search.filter, batch);
            let Some(candidates) = indexed.unwrap_or_else(|fault| {
                // Slower, but the rows say the same.
                tracing::error!(%fault, "a look-up index cannot be read");
                None
            }) else {
                return self.with(info.number, |connection| {
                    search.scan(connection, &self.core.vault, (from, to))
                });
            };
            let last = candidates.last().copied();
            let complete = self.with(info.number, |connection| {
                search.check(connection, &self.core.vault, &candidates)
            })?;
            if complete {
                return Ok(true);
            }
            match last {
                Some(last) if candidates.len() >= batch => to = last.as_u64(),
                _ => return Ok(false),
            }
        }
    }

    /// Ids an index gives for the filter, newest first; `None` when it has no indexed text.
    fn candidates(
        &self,
        info: &Info,
        (from, to): (u64, u64),
        filter: &Filter,
        limit: usize,
    ) -> Result<Option<Vec<DeliveryId>>, Fault> {
        let look = |key| self.core.index.look_up(info.number, key, to, limit);
        // The rarest first.
        let ids = if let Some(id) = &filter.vendor_id {
            look(key::vendor(id))?
        } else if let Some(reference) = &filter.reference {
            let mut ids = look(key::reference(reference))?;
            for message in look(key::message_reference(reference))? {
                let message = MessageId::from_u64(message);
                let end = self.end_of(message)?.min(to);
                // Each is checked against its row; the newest suffice.
                let first = end.saturating_sub(limit as u64).max(message.as_u64() + 1);
                ids.extend(first..end);
            }
            ids.sort_unstable_by(|a, b| b.cmp(a));
            ids.dedup();
            ids.truncate(limit);
            ids
        } else if let Some(to) = &filter.to {
            look(key::address(to))?
        } else {
            return Ok(None);
        };
        let ids = ids.into_iter().filter(|id| *id > from).collect();
        Ok(Some(deliveries(ids).collect()))
    }

    /// The first id after a message's last delivery.
    fn end_of(&self, message: MessageId) -> Result<u64, Fault> {
        let Some(info) = locate(self.infos(), message.as_u64()) else {
            return Ok(message.as_u64());
        };
        if info.damage.is_some() {
            return Ok(message.as_u64());
        }
        let recipients = self.with(info.number, |connection| {
            let mut heads = Heads::new(connection, &self.core.vault);
            Ok(heads.get(message)?.map_or(0, |(head, _)| head.recipients))
        })?;
        Ok(message.as_u64() + 1 + u64::from(recipients))
    }
}

/// One search in progress.
struct Search<'a> {
    filter: &'a Filter,
    wanted: usize,
    /// Rows that may still be read.
    budget: usize,
    found: Found,
}

impl Search<'_> {
    /// Checks candidates; `true` when the page is complete.
    fn check(
        &mut self,
        connection: &Connection,
        vault: &crate::Vault,
        candidates: &[DeliveryId],
    ) -> rusqlite::Result<bool> {
        let mut heads = Heads::new(connection, vault);
        for id in candidates {
            if let Some(raw) = row::read(connection, *id)?
                && self.offer(raw, &mut heads)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Scans rows between two ids, both outside; `true` when the page is complete.
    fn scan(
        &mut self,
        connection: &Connection,
        vault: &crate::Vault,
        (from, to): (u64, u64),
    ) -> rusqlite::Result<bool> {
        let mut heads = Heads::new(connection, vault);
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM delivery WHERE id > ?1 AND id < ?2 ORDER BY id DESC"
        ))?;
        let mut rows = select.query(params![from.cast_signed(), to.min(TOP).cast_signed()])?;
        while let Some(row) = rows.next()? {
            if self.offer(Raw::of(row)?, &mut heads)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a row that fits; `true` when the page is complete.
    fn offer(&mut self, raw: Raw, heads: &mut Heads<'_>) -> rusqlite::Result<bool> {
        self.budget = self.budget.saturating_sub(1);
        let id = raw.id;
        let quick = self.filter.state.is_none_or(|state| state == raw.state)
            && self.filter.to.as_ref().is_none_or(|to| *to == raw.address)
            && (self.filter.account.is_none() || self.filter.account == raw.account);
        if quick && let Some(row) = self.fitting(raw, heads)? {
            self.found.rows.push(row);
        }
        let complete = self.found.rows.len() >= self.wanted || self.budget == 0;
        if complete {
            self.found.next = Some(id);
        }
        Ok(complete)
    }

    fn fitting(&self, raw: Raw, heads: &mut Heads<'_>) -> rusqlite::Result<Option<DeliveryRow>> {
        let filter = self.filter;
        let Some((head, _)) = heads.get(raw.message())? else {
            return Ok(None);
        };
        let fits = filter.message.is_none_or(|id| id == head.id)
            && filter.app.is_none_or(|app| app == head.app)
            && filter
                .channel
                .is_none_or(|channel| channel == head.lane.channel)
            && filter.from.is_none_or(|from| head.accepted_at >= from)
            && filter.until.is_none_or(|until| head.accepted_at < until)
            && filter
                .templates
                .as_ref()
                .is_none_or(|templates| templates.contains(&head.template))
            && filter.reference.as_ref().is_none_or(|wanted| {
                raw.reference.as_ref() == Some(wanted) || head.reference.as_ref() == Some(wanted)
            });
        if !fits {
            return Ok(None);
        }
        let row = heads.delivery(raw)?;
        let fits = filter.vendor_id.is_none() || filter.vendor_id == row.vendor_id;
        Ok(fits.then_some(row))
    }
}

/// Whether nothing in a segment was accepted in the filter's time.
fn outside(info: &Info, filter: &Filter) -> bool {
    filter
        .from
        .is_some_and(|from| info.head.newest_at < from.millis())
        || filter
            .until
            .is_some_and(|until| info.head.oldest_at >= until.millis())
}

/// An id at or above which nothing in a segment was accepted in the filter's time.
fn ceiling(info: &Info, filter: &Filter) -> u64 {
    filter.until.map_or(u64::MAX, |until| {
        let latest = until
            .millis()
            .saturating_add(info.head.drift.max(0))
            .saturating_add(1);
        DeliveryId::first_at(Timestamp::from_millis(latest)).as_u64()
    })
}

const TOP: u64 = i64::MAX.cast_unsigned();
const BATCH: usize = 512;
