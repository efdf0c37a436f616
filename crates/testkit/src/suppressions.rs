//! The store of suppressions in memory: the model that real ones are held against.

use std::io::{self, Cursor};

use austin_domain::id::Sequence;
use austin_domain::suppression::{self, Reason, Reasons};
use austin_domain::{Channel, ImportId, SuppressionId, Timestamp};
use austin_ports::BoxFuture;
use austin_ports::suppressions::{
    Error, Event, EventStep, Fate, Filter, ImportBatch, ImportRow, ImportState, ImportTally,
    Imports, Lift, LinkKey, NewImport, NewSuppression, Page, Put, Result, RowFault, Size, Spool,
    Strike, Strikes, Suppressed, Suppression, Suppressions,
};
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;

/// Suppressions in memory.
#[derive(Debug)]
pub struct MemorySuppressions {
    kept: Mutex<Kept>,
    keys: Vec<LinkKey>,
}

#[derive(Debug)]
struct Kept {
    ids: Sequence,
    /// By id, oldest first.
    entries: Vec<Suppression>,
    events: Vec<Event>,
    strikes: HashMap<(Channel, String), Strikes>,
    imports: Vec<(ImportRow, Vec<u8>, Vec<RowFault>)>,
    /// Every call fails while set.
    broken: bool,
}

impl Default for MemorySuppressions {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                ids: Sequence::new(0, 0),
                entries: Vec::new(),
                events: Vec::new(),
                strikes: HashMap::new(),
                imports: Vec::new(),
                broken: false,
            }),
            keys: vec![LinkKey {
                version: 1,
                secret: vec![7; 32].into(),
            }],
        }
    }
}

impl MemorySuppressions {
    /// From now on every call fails, or works again.
    pub fn set_broken(&self, broken: bool) {
        self.kept.lock().broken = broken;
    }

    /// Every entry that ever was, oldest first.
    pub fn all(&self) -> Vec<Suppression> {
        self.kept.lock().entries.clone()
    }

    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Kept) -> T,
    ) -> BoxFuture<'static, Result<T>> {
        let mut kept = self.kept.lock();
        let done = if kept.broken {
            Err(Error("it is broken for the test".into()))
        } else {
            Ok(work(&mut kept))
        };
        Box::pin(async move { done })
    }
}

impl Kept {
    fn put(&mut self, new: &NewSuppression, now: Timestamp) -> Put {
        let same = |entry: &&mut Suppression| {
            entry.is_active(now)
                && (entry.channel, &entry.to, entry.reason) == (new.channel, &new.to, new.reason)
        };
        let Some(held) = self.entries.iter_mut().rev().find(same) else {
            return self.create(new, now);
        };
        let (until, note) = (held.until, held.note.clone());
        if new.source.decides() {
            held.until = new.until;
            held.note = new.note.clone().or(note.clone());
        } else if held
            .until
            .is_some_and(|held| new.until.is_none_or(|new| new > held))
        {
            held.until = new.until;
        }
        let fate = if (held.until, &held.note) == (until, &note) {
            Fate::Unchanged
        } else {
            self.events.push(Event {
                id: held.id,
                at: now,
                step: EventStep::Changed,
                author: new.author.clone(),
                source: new.source,
                until: held.until,
                note: held.note.clone(),
                cause: new.cause,
            });
            Fate::Changed
        };
        Put { id: held.id, fate }
    }

    fn create(&mut self, new: &NewSuppression, now: Timestamp) -> Put {
        let id = SuppressionId::from_u64(self.ids.block(now, 1));
        self.entries.push(Suppression {
            id,
            channel: new.channel,
            to: new.to.clone(),
            reason: new.reason,
            until: new.until,
            source: new.source,
            cause: new.cause,
            note: new.note.clone(),
            author: new.author.clone(),
            created_at: now,
            lifted_at: None,
        });
        self.events.push(Event {
            id,
            at: now,
            step: EventStep::Created,
            author: new.author.clone(),
            source: new.source,
            until: new.until,
            note: new.note.clone(),
            cause: new.cause,
        });
        Put {
            id,
            fate: Fate::Created,
        }
    }

    fn lift(
        &mut self,
        id: SuppressionId,
        lift: Lift,
        now: Timestamp,
    ) -> Option<(Suppression, bool)> {
        let held = self.entries.iter_mut().find(|entry| entry.id == id)?;
        if held.lifted_at.is_some() {
            return Some((held.clone(), false));
        }
        held.lifted_at = Some(now);
        let held = held.clone();
        if held.reason == Reason::Blocked {
            self.strikes.retain(|(channel, to), _| {
                *to != held.to || held.channel.is_some_and(|of| of != *channel)
            });
        }
        self.events.push(Event {
            id,
            at: now,
            step: EventStep::Lifted,
            author: lift.author,
            source: lift.source,
            until: held.until,
            note: lift.why,
            cause: None,
        });
        Some((held, true))
    }

    fn import(&mut self, id: ImportId) -> Option<&mut (ImportRow, Vec<u8>, Vec<RowFault>)> {
        self.imports.iter_mut().find(|(row, _, _)| row.id == id)
    }
}

impl Suppressions for MemorySuppressions {
    fn check_but(
        &self,
        channel: Channel,
        address: &str,
        exempt: Reasons,
        now: Timestamp,
    ) -> Option<Suppressed> {
        let kept = self.kept.lock();
        let folded = suppression::folded(address);
        let found = kept.entries.iter().filter(|entry| {
            entry.is_active(now)
                && entry.to == *folded
                && entry.channel.is_none_or(|of| of == channel)
                && !exempt.contains(entry.reason)
        });
        let entry = found.min_by_key(|entry| entry.reason)?;
        Some(Suppressed {
            id: entry.id,
            reason: entry.reason,
            channel: entry.channel,
            until: entry.until,
            cause: entry.cause,
        })
    }

    fn put(&self, new: Vec<NewSuppression>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Put>>> {
        self.with(|kept| new.iter().map(|new| kept.put(new, now)).collect())
    }

    fn lift(
        &self,
        id: SuppressionId,
        lift: Lift,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<(Suppression, bool)>>> {
        self.with(|kept| kept.lift(id, lift, now))
    }

    fn get(&self, id: SuppressionId) -> BoxFuture<'_, Result<Option<Suppression>>> {
        self.with(|kept| kept.entries.iter().find(|entry| entry.id == id).cloned())
    }

    fn list(&self, filter: Filter, now: Timestamp) -> BoxFuture<'_, Result<Page>> {
        self.with(|kept| {
            let fits = |entry: &&Suppression| {
                filter.before.is_none_or(|before| entry.id < before)
                    && filter
                        .channel
                        .is_none_or(|channel| channel == entry.channel)
                    && filter.to.as_ref().is_none_or(|to| *to == entry.to)
                    && filter.reason.is_none_or(|reason| reason == entry.reason)
                    && filter.source.is_none_or(|source| source == entry.source)
                    && filter
                        .active
                        .is_none_or(|active| active == entry.is_active(now))
            };
            let mut found = kept.entries.iter().rev().filter(fits);
            let items: Vec<_> = found.by_ref().take(filter.limit).cloned().collect();
            let more = found.next().is_some();
            let next = items.last().map(|entry| entry.id).filter(|_| more);
            Page { items, next }
        })
    }

    fn history(&self, id: SuppressionId) -> BoxFuture<'_, Result<Vec<Event>>> {
        self.with(|kept| {
            let to = |id| {
                let found = kept.entries.iter().find(|entry| entry.id == id);
                found.map(|entry| entry.to.clone())
            };
            let Some(address) = to(id) else {
                return Vec::new();
            };
            let events = kept.events.iter();
            let about = events.filter(|event| to(event.id).as_ref() == Some(&address));
            about.cloned().collect()
        })
    }

    fn strikes(
        &self,
        addresses: Vec<(Channel, String)>,
    ) -> BoxFuture<'_, Result<Vec<Option<Strikes>>>> {
        self.with(|kept| {
            let found = addresses.iter().map(|key| kept.strikes.get(key).copied());
            found.collect()
        })
    }

    fn strike(&self, strikes: Vec<Strike>) -> BoxFuture<'_, Result<Vec<u32>>> {
        self.with(|kept| {
            let count = |strike: Strike| {
                let held = kept
                    .strikes
                    .entry((strike.channel, strike.to))
                    .or_insert(Strikes {
                        count: 0,
                        last: austin_domain::DeliveryId::from_u64(0),
                    });
                if held.last != strike.delivery {
                    held.count = if strike.first { 1 } else { held.count + 1 };
                    held.last = strike.delivery;
                }
                held.count
            };
            strikes.into_iter().map(count).collect()
        })
    }

    fn link_keys(&self) -> &[LinkKey] {
        &self.keys
    }

    fn size(&self) -> Size {
        let kept = self.kept.lock();
        let entries = kept.entries.iter();
        Size {
            entries: entries.filter(|entry| entry.lifted_at.is_none()).count() as u64,
            bytes: 0,
        }
    }
}

impl Imports for MemorySuppressions {
    fn open_import(&self, new: NewImport, now: Timestamp) -> BoxFuture<'_, Result<ImportId>> {
        self.with(|kept| {
            let id = ImportId::from_u64(kept.ids.block(now, 1));
            let row = ImportRow {
                id,
                asked: new,
                state: ImportState::Receiving,
                bytes: 0,
                tally: ImportTally::default(),
                fault: None,
                created_at: now,
                ended_at: None,
            };
            kept.imports.push((row, Vec::new(), Vec::new()));
            id
        })
    }

    fn append_import(&self, id: ImportId, data: Bytes) -> BoxFuture<'_, Result<()>> {
        self.with(|kept| {
            if let Some((row, file, _)) = kept.import(id) {
                file.extend_from_slice(&data);
                row.bytes = file.len() as u64;
            }
        })
    }

    fn read_import(&self, id: ImportId) -> BoxFuture<'_, Result<Spool>> {
        self.with(|kept| match kept.import(id) {
            Some((_, file, _)) => Box::new(Cursor::new(file.clone())) as Spool,
            None => Box::new(io::empty()),
        })
    }

    fn import_rows(
        &self,
        id: ImportId,
        batch: ImportBatch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>> {
        self.with(|kept| {
            let puts: Vec<Put> = batch.entries.iter().map(|new| kept.put(new, now)).collect();
            let Some((row, _, faults)) = kept.import(id) else {
                return;
            };
            let unchanged = puts.iter().filter(|put| put.fate == Fate::Unchanged);
            let unchanged = unchanged.count() as u64;
            row.tally.unchanged += unchanged;
            row.tally.taken += puts.len() as u64 - unchanged;
            row.tally.rejected += batch.rejected;
            row.tally.read += puts.len() as u64 + batch.rejected;
            let room = 1_000usize.saturating_sub(faults.len());
            faults.extend(batch.faults.into_iter().take(room));
        })
    }

    fn move_import(
        &self,
        id: ImportId,
        state: ImportState,
        fault: Option<RowFault>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<()>> {
        self.with(|kept| {
            if let Some((row, file, _)) = kept.import(id) {
                row.state = state;
                row.fault = fault;
                row.ended_at = state.is_end().then_some(now);
                if state.is_end() {
                    file.clear();
                }
            }
        })
    }

    fn import(&self, id: ImportId) -> BoxFuture<'_, Result<Option<ImportRow>>> {
        self.with(|kept| kept.import(id).map(|(row, _, _)| row.clone()))
    }

    fn import_faults(&self, id: ImportId, limit: usize) -> BoxFuture<'_, Result<Vec<RowFault>>> {
        self.with(|kept| {
            let faults = kept.import(id).map(|(_, _, faults)| faults.as_slice());
            faults
                .unwrap_or_default()
                .iter()
                .take(limit)
                .cloned()
                .collect()
        })
    }
}
