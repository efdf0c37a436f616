//! Reading the segments: connections of their own, on threads that may block.
//!
//! Invariant: a read that began after a write was answered sees it (see
//! [`Core::barrier`](super::core::Core::barrier)), and holds no transaction open between rows of
//! different segments.

pub(crate) mod counted;
pub(crate) mod evidence;
pub(crate) mod find;
pub(crate) mod handed;
pub(crate) mod open;
mod row;

use std::sync::Arc;

use austin_domain::{AppId, DeliveryId, MessageId};
use austin_ports::ledger::{MessageSummary, ParkedReceipt, Remembered, WorkItem};
use parking_lot::Mutex;
use rusqlite::Connection;

use super::core::Core;
use super::fault::Fault;
use super::segments::{Info, locate};
use super::{parked, remembered, schema, segment};
use row::Heads;

/// Reading connections that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<Vec<(u32, Connection)>>);

/// The segments as they stand, for one read.
#[derive(Debug)]
pub(crate) struct Reader {
    core: Arc<Core>,
    directory: Arc<Vec<Info>>,
    readers: Arc<Readers>,
}

impl Reader {
    /// Reads what is committed now.
    pub(crate) fn new(core: &Arc<Core>, readers: &Arc<Readers>) -> Self {
        Self {
            core: Arc::clone(core),
            directory: core.directory.load_full(),
            readers: Arc::clone(readers),
        }
    }

    /// These deliveries as work items, where they wait.
    pub(crate) fn load(&self, ids: &[DeliveryId]) -> Result<Vec<WorkItem>, Fault> {
        let mut items = Vec::with_capacity(ids.len());
        for stretch in ids.chunk_by(|a, b| self.number_of(*a) == self.number_of(*b)) {
            let Some(info) = locate(&self.directory, stretch[0].as_u64()) else {
                continue;
            };
            if info.damage.is_some() {
                continue;
            }
            self.with(info.number, |connection| {
                let mut heads = Heads::new(connection, &self.core.vault);
                for id in stretch {
                    if let Some(raw) = row::read(connection, *id)?
                        && raw.state.is_waiting()
                    {
                        items.push(heads.work_item(raw)?);
                    }
                }
                Ok(())
            })?;
        }
        Ok(items)
    }

    /// A message and how its deliveries stand.
    pub(crate) fn message(&self, id: MessageId) -> Result<Option<MessageSummary>, Fault> {
        let Some(info) = locate(&self.directory, id.as_u64()) else {
            return Ok(None);
        };
        self.check(info)?;
        self.with(info.number, |connection| {
            let mut heads = Heads::new(connection, &self.core.vault);
            let Some((message, vars)) = heads.get(id)? else {
                return Ok(None);
            };
            let states = row::states(connection, id, message.recipients)?;
            Ok(Some(MessageSummary {
                message,
                vars,
                states,
            }))
        })
    }

    /// The marked request whose first message is `first`, when it is the one of `app` with `key`.
    pub(crate) fn remembered(
        &self,
        first: MessageId,
        app: AppId,
        key: &str,
    ) -> Result<Option<Remembered>, Fault> {
        let Some(info) = locate(&self.directory, first.as_u64()) else {
            return Ok(None);
        };
        self.check(info)?;
        self.with(info.number, |connection| {
            remembered::read(connection, first, (app, key))
        })
    }

    /// Parked receipts with their numbers, oldest first, above `after`.
    pub(crate) fn parked(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, ParkedReceipt)>, Fault> {
        let path = parked::path(&self.core.dir);
        let connection = schema::open_reader(&path)?;
        let read = || -> rusqlite::Result<Vec<(u64, ParkedReceipt)>> {
            let mut select = connection.prepare(
                "SELECT received_at, body, id FROM parked WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = select.query_map([after.cast_signed(), limit], |row| {
                Ok((
                    row.get::<_, i64>(2)?.cast_unsigned(),
                    parked::read_row(row)?,
                ))
            })?;
            rows.collect()
        };
        read().map_err(Fault::sqlite(schema::name(&path)))
    }

    /// The segments, oldest first.
    fn infos(&self) -> &[Info] {
        &self.directory
    }

    fn number_of(&self, id: DeliveryId) -> Option<u32> {
        locate(&self.directory, id.as_u64()).map(|info| info.number)
    }

    fn check(&self, info: &Info) -> Result<(), Fault> {
        match &info.damage {
            None => Ok(()),
            Some(damage) => Err(Fault::Damaged(damage.clone())),
        }
    }

    /// Runs `read` on a connection to segment `number`.
    fn with<T>(
        &self,
        number: u32,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        let path = segment::path(&self.core.dir, number);
        let kept = {
            let mut idle = self.readers.0.lock();
            let place = idle.iter().position(|(kept, _)| *kept == number);
            place.map(|place| idle.remove(place).1)
        };
        let connection = match kept {
            Some(connection) => connection,
            None => schema::open_reader(&path)?,
        };
        let result = read(&connection).map_err(Fault::sqlite(schema::name(&path)))?;
        let mut idle = self.readers.0.lock();
        if idle.len() >= MOST_IDLE {
            idle.remove(0);
        }
        // A removed segment's connection is of no use any more.
        if self
            .core
            .directory
            .load()
            .iter()
            .any(|info| info.number == number)
        {
            idle.push((number, connection));
        }
        Ok(result)
    }
}

const MOST_IDLE: usize = 32;
