//! What still has to be done: recovery, ready deliveries, overdue ones.
//!
//! A segment without open deliveries is skipped. A sealed one has a list of those that were open
//! when it was sealed, and a table of those that were opened again; each is checked. The newest
//! is scanned.

use std::collections::BTreeMap;

use austin_domain::{AccountId, DeliveryId, Lane, State, Timestamp};
use austin_ports::ledger::{Backlog, Interrupted, Overdue, Recovery, Timer, WorkItem};
use rusqlite::{Connection, OptionalExtension, params};

use super::Reader;
use super::row::{self, Heads, lane_of};
use crate::ledger::apply::state_of;
use crate::ledger::fault::Fault;
use crate::ledger::index::file;
use crate::ledger::schema;
use crate::ledger::segment;
use crate::ledger::segments::Info;

/// An open delivery in short.
struct Open {
    id: DeliveryId,
    state: State,
    due_at: Option<Timestamp>,
    lane: Lane,
    expires_at: Timestamp,
}

/// What a walk wants next.
enum Walk {
    On,
    Stop,
}

impl Reader {
    /// Everything open.
    pub(crate) fn recover(&self) -> Result<Recovery, Fault> {
        let mut recovery = Recovery::default();
        let mut ready: BTreeMap<Lane, Backlog> = BTreeMap::new();
        let mut sending = Vec::new();
        self.walk(0, None, usize::MAX, |open| {
            match (open.state, open.due_at) {
                (State::Sending, _) => sending.push(open.id),
                (_, Some(due_at)) => recovery.timers.push(Timer {
                    due_at,
                    delivery: open.id,
                    lane: open.lane,
                }),
                (_, None) => {
                    let backlog = ready.entry(open.lane).or_insert(Backlog {
                        lane: open.lane,
                        count: 0,
                        first: open.id,
                        last: open.id,
                    });
                    backlog.count += 1;
                    backlog.last = open.id;
                }
            }
            Walk::On
        })?;
        recovery.ready = ready.into_values().collect();
        recovery.interrupted = self.interrupted(&sending)?;
        Ok(recovery)
    }

    /// Ready deliveries of a lane above `after`, in order.
    pub(crate) fn ready(
        &self,
        lane: Lane,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<WorkItem>, Fault> {
        let mut ids = Vec::new();
        self.walk(after.as_u64(), Some(lane), usize::MAX, |open| {
            if open.state.is_waiting() && open.due_at.is_none() && ids.len() < limit {
                ids.push(open.id);
            }
            if ids.len() < limit {
                Walk::On
            } else {
                Walk::Stop
            }
        })?;
        self.load(&ids)
    }

    /// Waiting deliveries above `after` whose time has run out, and where the scan stopped.
    pub(crate) fn overdue(&self, now: Timestamp, after: DeliveryId) -> Result<Overdue, Fault> {
        let mut overdue = Vec::new();
        let stopped = self.walk(after.as_u64(), None, self.core.options.scan_rows, |open| {
            if open.state.is_waiting() && open.expires_at <= now {
                overdue.push((open.id, open.lane));
            }
            Walk::On
        })?;
        Ok((overdue, stopped))
    }

    /// Deliveries whose secret values were kept until `now` at the longest.
    pub(crate) fn kept(&self, now: Timestamp) -> Result<Vec<DeliveryId>, Fault> {
        let mut found = Vec::new();
        for info in self.infos().iter().filter(|info| info.damage.is_none()) {
            self.with(info.number, |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT delivery FROM kept WHERE until <= ?1 ORDER BY delivery",
                )?;
                let mut rows = select.query([now.millis()])?;
                while let Some(row) = rows.next()? {
                    found.push(DeliveryId::from_i64(row.get(0)?));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Shows `each` the open deliveries above `after` in order, after reading at most about
    /// `budget` rows. Where it stopped because of that.
    fn walk(
        &self,
        after: u64,
        lane: Option<Lane>,
        mut budget: usize,
        mut each: impl FnMut(&Open) -> Walk,
    ) -> Result<Option<DeliveryId>, Fault> {
        for info in self.infos() {
            let idle = info.damage.is_some() || info.head.open == 0 || info.head.last <= after;
            if idle {
                continue;
            }
            let mut after = after.max(info.head.floor);
            loop {
                let batch = budget.min(BATCH);
                let (rows, read, last) = self.batch(info, after, lane, batch)?;
                for open in &rows {
                    if matches!(each(open), Walk::Stop) {
                        return Ok(None);
                    }
                }
                budget = budget.saturating_sub(read);
                let Some(last) = last.filter(|_| read >= batch) else {
                    break;
                };
                after = last;
                if budget == 0 {
                    return Ok(Some(DeliveryId::from_u64(last)));
                }
            }
        }
        Ok(None)
    }

    /// The open ones among the next `limit` rows, how many rows were read, and the last's id.
    fn batch(
        &self,
        info: &Info,
        after: u64,
        lane: Option<Lane>,
        limit: usize,
    ) -> Result<(Vec<Open>, usize, Option<u64>), Fault> {
        let path = segment::index_path(&self.core.dir, info.number);
        let newest = self
            .infos()
            .last()
            .is_some_and(|last| last.number == info.number);
        let listed = if newest {
            None
        } else {
            file::listed(&path, after, limit).unwrap_or(None)
        };
        let code = lane.map(Lane::code);
        self.with(info.number, |connection| match listed {
            Some(mut listed) => {
                listed.extend(reopened(connection, after, limit)?);
                listed.sort_unstable();
                listed.dedup();
                listed.truncate(limit);
                let mut rows = Vec::new();
                let wanted = listed
                    .iter()
                    .filter(|(_, lane)| code.is_none_or(|code| code == *lane));
                for (id, _) in wanted {
                    rows.extend(one(connection, *id)?.filter(|open| open.state.is_open()));
                }
                Ok((rows, listed.len(), listed.last().map(|(id, _)| *id)))
            }
            None => scan(connection, after, code, limit),
        })
    }

    fn interrupted(&self, ids: &[DeliveryId]) -> Result<Vec<Interrupted>, Fault> {
        let mut found = Vec::with_capacity(ids.len());
        for stretch in ids.chunk_by(|a, b| self.number_of(*a) == self.number_of(*b)) {
            let Some(number) = self.number_of(stretch[0]) else {
                continue;
            };
            self.with(number, |connection| {
                let mut heads = Heads::new(connection, &self.core.vault);
                for id in stretch {
                    let Some(raw) = row::read(connection, *id)? else {
                        continue;
                    };
                    let started_at = raw.updated_at;
                    let account = raw.account.unwrap_or(AccountId::from_u64(0));
                    found.push(Interrupted {
                        item: heads.work_item(raw)?,
                        account,
                        started_at,
                    });
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// Deliveries above `after` that went back to wait after they were sent.
fn reopened(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, u16)>> {
    let mut select = connection.prepare_cached(
        "SELECT r.delivery, d.lane FROM reopened r JOIN delivery d ON d.id = r.delivery
         WHERE r.delivery > ?1 ORDER BY r.delivery LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![after.cast_signed(), limit], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
    })?;
    rows.collect()
}

fn one(connection: &Connection, id: u64) -> rusqlite::Result<Option<Open>> {
    connection
        .prepare_cached("SELECT id, state, due_at, lane, expires_at FROM delivery WHERE id = ?1")?
        .query_row([id.cast_signed()], open_of)
        .optional()
}

fn scan(
    connection: &Connection,
    after: u64,
    lane: Option<u16>,
    limit: usize,
) -> rusqlite::Result<(Vec<Open>, usize, Option<u64>)> {
    let mut select = connection.prepare_cached(
        "SELECT id, state, due_at, lane, expires_at FROM delivery
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found = select.query(params![after.cast_signed(), limit])?;
    let (mut rows, mut read, mut last) = (Vec::new(), 0, None);
    while let Some(row) = found.next()? {
        read += 1;
        last = Some(row.get::<_, i64>(0)?.cast_unsigned());
        let fits = lane.is_none_or(|lane| row.get::<_, u16>(3) == Ok(lane));
        if fits && state_of(row, 1)?.is_open() {
            rows.push(open_of(row)?);
        }
    }
    Ok((rows, read, last))
}

fn open_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Open> {
    Ok(Open {
        id: DeliveryId::from_i64(row.get(0)?),
        state: state_of(row, 1)?,
        due_at: schema::due(row.get(2)?),
        lane: lane_of(3, row.get(3)?)?,
        expires_at: Timestamp::from_millis(row.get(4)?),
    })
}

const BATCH: usize = 8192;
