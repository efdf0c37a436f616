//! Putting entries in force and lifting them: one transaction, and what the index must learn once
//! it is committed.

use austin_domain::suppression::Reason;
use austin_domain::{Channel, SuppressionId, Timestamp};
use austin_ports::suppressions::{Fate, Lift, NewSuppression, Put, Suppression};
use hashbrown::HashSet;
use rusqlite::{Connection, OptionalExtension, params};

use super::index::{Entry, Index, code};
use super::rows;

/// What the index learns.
#[derive(Debug)]
pub(super) enum Lesson {
    Insert(u64, Entry),
    Until(u64, SuppressionId, Option<Timestamp>),
    Remove(u64, SuppressionId),
}

/// Teaches what was committed.
pub(super) fn teach(index: &Index, lessons: Vec<Lesson>) {
    for lesson in lessons {
        match lesson {
            Lesson::Insert(hash, entry) => index.insert(hash, entry),
            Lesson::Until(hash, id, until) => index.set_until(hash, id, until),
            Lesson::Remove(hash, id) => index.remove(hash, id),
        }
    }
}

/// Entries on their way into one transaction.
pub(super) struct Putting<'a> {
    connection: &'a Connection,
    index: &'a Index,
    now: Timestamp,
    /// Those that the index does not know yet.
    fresh: HashSet<(u64, u8, u8)>,
    pub(super) lessons: Vec<Lesson>,
}

impl<'a> Putting<'a> {
    pub(super) fn new(connection: &'a Connection, index: &'a Index, now: Timestamp) -> Self {
        Self {
            connection,
            index,
            now,
            fresh: HashSet::new(),
            lessons: Vec::new(),
        }
    }

    /// Puts one; `next` gives the id of a new one.
    pub(super) fn put(
        &mut self,
        new: &NewSuppression,
        next: impl FnOnce() -> u64,
    ) -> rusqlite::Result<Put> {
        let hash = self.index.hash(&new.to);
        let key = (hash, code(new.channel), new.reason.code());
        let may_hold = self.fresh.contains(&key) || self.index.holds(hash, new.channel, new.reason);
        if may_hold && let Some(held) = self.held(new)? {
            if held.is_active(self.now) {
                return self.change(hash, &held, new);
            }
            // Its time is over: it says nothing any more.
            self.lessons.push(Lesson::Remove(hash, held.id));
        }
        let id = SuppressionId::from_u64(next());
        self.insert(id, new)?;
        self.fresh.insert(key);
        let entry = Entry {
            id,
            channel: new.channel,
            reason: new.reason,
            until: new.until,
            cause: new.cause,
        };
        self.lessons.push(Lesson::Insert(hash, entry));
        Ok(Put {
            id,
            fate: Fate::Created,
        })
    }

    /// The newest entry that says the same and was not lifted.
    fn held(&self, new: &NewSuppression) -> rusqlite::Result<Option<Suppression>> {
        let sql = format!(
            "SELECT {} FROM suppressions WHERE address = ?1 AND channel = ?2 AND reason = ?3 \
             AND lifted_at IS NULL ORDER BY id DESC LIMIT 1",
            rows::COLUMNS
        );
        self.connection
            .prepare_cached(&sql)?
            .query_row(
                params![new.to, code(new.channel), new.reason.code()],
                rows::suppression,
            )
            .optional()
    }

    fn insert(&self, id: SuppressionId, new: &NewSuppression) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO suppressions (id, channel, address, reason, source, until, cause, \
                 note, author, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id.as_i64(),
                code(new.channel),
                new.to,
                new.reason.code(),
                new.source.code(),
                new.until.map(Timestamp::millis),
                new.cause.map(austin_domain::Id::as_i64),
                new.note,
                new.author,
                self.now.millis(),
            ])?;
        Ok(())
    }

    /// One is in force: it takes what is new.
    fn change(
        &mut self,
        hash: u64,
        held: &Suppression,
        new: &NewSuppression,
    ) -> rusqlite::Result<Put> {
        let lasts_longer = match (held.until, new.until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(held), Some(new)) => new > held,
        };
        let (until, note) = if new.source.decides() {
            (new.until, new.note.as_ref().or(held.note.as_ref()))
        } else if lasts_longer {
            (new.until, held.note.as_ref())
        } else {
            (held.until, held.note.as_ref())
        };
        let put = |fate| Ok(Put { id: held.id, fate });
        if until == held.until && note == held.note.as_ref() {
            return put(Fate::Unchanged);
        }
        self.connection
            .prepare_cached("UPDATE suppressions SET until = ?2, note = ?3 WHERE id = ?1")?
            .execute(params![
                held.id.as_i64(),
                until.map(Timestamp::millis),
                note
            ])?;
        let change = Change {
            step: "changed",
            author: &new.author,
            source: new.source.code(),
            until,
            note: note.map(String::as_str),
            cause: new.cause.map(austin_domain::Id::as_i64),
        };
        record(self.connection, held, &change, self.now)?;
        self.lessons.push(Lesson::Until(hash, held.id, until));
        put(Fate::Changed)
    }
}

/// Lifts an entry that was not.
pub(super) fn lift(
    connection: &Connection,
    held: &Suppression,
    lift: &Lift,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE suppressions SET lifted_at = ?2 WHERE id = ?1")?
        .execute(params![held.id.as_i64(), now.millis()])?;
    if held.reason == Reason::Blocked {
        forget_strikes(connection, held.channel, &held.to)?;
    }
    let change = Change {
        step: "lifted",
        author: &lift.author,
        source: lift.source.code(),
        until: held.until,
        note: lift.why.as_deref(),
        cause: None,
    };
    record(connection, held, &change, now)
}

fn forget_strikes(
    connection: &Connection,
    channel: Option<Channel>,
    address: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM strikes WHERE address = ?2 AND (?1 = 0 OR channel = ?1)")?
        .execute(params![code(channel), address])?;
    Ok(())
}

struct Change<'a> {
    step: &'static str,
    author: &'a str,
    source: u8,
    until: Option<Timestamp>,
    note: Option<&'a str>,
    cause: Option<i64>,
}

/// Writes down what happened; before the first change also how the entry was put in force.
fn record(
    connection: &Connection,
    held: &Suppression,
    change: &Change<'_>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let known: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE suppression = ?1)")?
        .query_row([held.id.as_i64()], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO changes (suppression, at, step, author, source, until, note, cause) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    if !known {
        insert.execute(params![
            held.id.as_i64(),
            held.created_at.millis(),
            "created",
            held.author,
            held.source.code(),
            held.until.map(Timestamp::millis),
            held.note,
            held.cause.map(austin_domain::Id::as_i64),
        ])?;
    }
    insert.execute(params![
        held.id.as_i64(),
        now.millis(),
        change.step,
        change.author,
        change.source,
        change.until.map(Timestamp::millis),
        change.note,
        change.cause,
    ])?;
    Ok(())
}
