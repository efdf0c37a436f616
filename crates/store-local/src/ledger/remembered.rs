//! Requests that may come again: found by a hash of app and key in memory, read from the segment
//! of their messages.
//!
//! Invariant: every marked request that is younger than it must be remembered is in the index
//! before it is answered. About 20 bytes each; whole hours are forgotten at a time.

use std::collections::VecDeque;

use austin_domain::{AppId, MessageId, Timestamp};
use austin_ports::ledger::Remembered;
use hashbrown::HashMap;
use parking_lot::RwLock;
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::decode;
use super::op::{self, Remember};

/// Where marked requests are.
#[derive(Debug, Default)]
pub(crate) struct Index(RwLock<VecDeque<Hour>>);

#[derive(Debug)]
struct Hour {
    number: i64,
    /// The first message of each request, by hash.
    places: HashMap<u64, u64>,
}

impl Index {
    /// Adds a marked request; those from before `since` are forgotten.
    pub(crate) fn add(&self, place: Place, since: Timestamp) {
        let mut hours = self.0.write();
        let oldest = hour(since);
        while hours.front().is_some_and(|first| first.number < oldest) {
            hours.pop_front();
        }
        let number = hour(place.at);
        // Nearly always the last one.
        let at = hours.partition_point(|hour| hour.number < number);
        if hours.get(at).is_none_or(|hour| hour.number != number) {
            let places = HashMap::new();
            hours.insert(at, Hour { number, places });
        }
        if let Some(hour) = hours.get_mut(at) {
            hour.places.insert(place.hash, place.message.as_u64());
        }
    }

    /// The first message of the request with this hash, newest first.
    pub(crate) fn find(&self, hash: u64) -> Option<MessageId> {
        let hours = self.0.read();
        let mut found = hours.iter().rev().filter_map(|hour| hour.places.get(&hash));
        found.next().map(|message| MessageId::from_u64(*message))
    }
}

/// What the index keeps of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) hash: u64,
    pub(crate) message: MessageId,
    pub(crate) at: Timestamp,
}

impl Place {
    /// Of an operation that marks a request.
    pub(crate) fn of(op: &Remember) -> Option<Self> {
        Some(Self {
            hash: hash(op.app, &op.key),
            message: *op.messages.first()?,
            at: op.now,
        })
    }
}

/// What stands for app and key. Two of them having the same is as likely as guessing 64 bits, and
/// a reader compares the whole key.
pub(crate) fn hash(app: AppId, key: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&app.as_u64().to_le_bytes());
    hasher.update(key.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Inserts a marked request.
pub(super) fn insert(
    connection: &Connection,
    first: MessageId,
    op: &Remember,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO remembered (message, app, key, request, answer, messages, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            first.as_i64(),
            op.app.as_i64(),
            op.key,
            op.request,
            op.answer.0,
            op::encode(&op.messages),
            op.now.millis(),
        ])?;
    Ok(())
}

/// The request whose first message is `first`, when it is the one of `app` with this key.
pub(super) fn read(
    connection: &Connection,
    first: MessageId,
    (app, key): (AppId, &str),
) -> rusqlite::Result<Option<Remembered>> {
    connection
        .prepare_cached(
            "SELECT request, answer, messages, at FROM remembered
             WHERE message = ?1 AND app = ?2 AND key = ?3",
        )?
        .query_row(params![first.as_i64(), app.as_i64(), key], |row| {
            Ok(Remembered {
                request: row.get(0)?,
                answer: row.get(1)?,
                messages: decode(2, row.get_ref(2)?.as_blob()?)?,
                at: Timestamp::from_millis(row.get(3)?),
            })
        })
        .optional()
}

/// All marked requests of a segment that are not older than `since`.
pub(super) fn places(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Place>> {
    connection
        .prepare("SELECT app, key, message, at FROM remembered WHERE at >= ?1")?
        .query_map([since.millis()], |row| {
            Ok(Place {
                hash: hash(AppId::from_i64(row.get(0)?), row.get_ref(1)?.as_str()?),
                message: MessageId::from_i64(row.get(2)?),
                at: Timestamp::from_millis(row.get(3)?),
            })
        })?
        .collect()
}

fn hour(at: Timestamp) -> i64 {
    at.millis().div_euclid(3_600_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn whole_hours_are_forgotten_and_never_earlier_than_asked() {
        let index = Index::default();
        let at = |minutes: u64| {
            Timestamp::from_seconds(1_767_225_600).plus(Duration::from_secs(minutes * 60))
        };
        let day = Duration::from_secs(86_400);
        for minutes in (0..3 * 1440).step_by(7) {
            let place = Place {
                hash: minutes,
                message: MessageId::from_u64(minutes + 1),
                at: at(minutes),
            };
            index.add(place, at(minutes).minus(day));
            for earlier in (minutes.saturating_sub(1440)..=minutes).filter(|e| e % 7 == 0) {
                let found = index.find(earlier);
                assert_eq!(found, Some(MessageId::from_u64(earlier + 1)));
            }
        }
        assert!(index.0.read().len() <= 26);
        assert_eq!(index.find(0), None);
        assert_ne!(hash(AppId::from_u64(1), "a"), hash(AppId::from_u64(2), "a"));
    }
}
