//! What every delivery is checked against: all entries that were not lifted, in memory, found by a
//! keyed hash of their address.
//!
//! 64 bits of hash stand for the address: with ten million entries, one check in 10^12 would hit
//! somebody else's. The key is drawn anew by each process, so that nobody can aim at that.

mod table;

use std::hash::{BuildHasher, Hasher, RandomState};

use austin_domain::suppression::{self, Reason, Reasons};
use austin_domain::{Channel, DeliveryId, SuppressionId, Timestamp};
use austin_ports::suppressions::{Size, Suppressed};
use hashbrown::HashMap;
use parking_lot::RwLock;

use table::{Slot, Table};

/// An entry as the index takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: SuppressionId,
    pub(super) channel: Option<Channel>,
    pub(super) reason: Reason,
    pub(super) until: Option<Timestamp>,
    pub(super) cause: Option<DeliveryId>,
}

pub(super) struct Index {
    hasher: RandomState,
    /// Many, so that one that grows does not keep checks waiting for long.
    shards: Box<[RwLock<Shard>]>,
}

#[derive(Default)]
struct Shard {
    table: Table,
    /// Few entries have one.
    causes: HashMap<u64, DeliveryId>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..1 << SHARD_BITS).map(|_| RwLock::default()).collect(),
        }
    }

    /// The hash of an address in any spelling that is canonical for a channel.
    pub(super) fn hash(&self, address: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(suppression::folded(address).as_bytes());
        hasher.finish()
    }

    pub(super) fn check(
        &self,
        channel: Channel,
        address: &str,
        exempt: Reasons,
        now: Timestamp,
    ) -> Option<Suppressed> {
        let hash = self.hash(address);
        let shard = self.shard(hash).read();
        let now = u32::try_from(now.seconds().max(0)).unwrap_or(u32::MAX);
        let applies = |slot: &&Slot| {
            (slot.channel == 0 || slot.channel == channel.code())
                && (slot.until == 0 || slot.until > now)
                && Reason::from_code(slot.reason).is_some_and(|reason| !exempt.contains(reason))
        };
        // The person's own word before what machines found.
        let slot = shard
            .table
            .find(spread(hash))
            .filter(applies)
            .min_by_key(|slot| slot.reason)?;
        Some(Suppressed {
            id: SuppressionId::from_u64(slot.id),
            reason: Reason::from_code(slot.reason)?,
            channel: Channel::from_code(slot.channel),
            until: (slot.until > 0).then(|| Timestamp::from_seconds(i64::from(slot.until))),
            cause: slot
                .caused
                .then(|| shard.causes.get(&slot.id).copied())
                .flatten(),
        })
    }

    /// Whether there may be an entry in force for this.
    pub(super) fn holds(&self, hash: u64, channel: Option<Channel>, reason: Reason) -> bool {
        let shard = self.shard(hash).read();
        shard
            .table
            .find(spread(hash))
            .any(|slot| slot.channel == code(channel) && slot.reason == reason.code())
    }

    pub(super) fn insert(&self, hash: u64, entry: Entry) {
        let mut shard = self.shard(hash).write();
        if let Some(cause) = entry.cause {
            shard.causes.insert(entry.id.as_u64(), cause);
        }
        shard.table.insert(Slot {
            hash: spread(hash),
            id: entry.id.as_u64(),
            until: entry.until.map_or(0, seconds_up),
            channel: code(entry.channel),
            reason: entry.reason.code(),
            caused: entry.cause.is_some(),
        });
    }

    pub(super) fn set_until(&self, hash: u64, id: SuppressionId, until: Option<Timestamp>) {
        let mut shard = self.shard(hash).write();
        if let Some(slot) = shard.table.get_mut(spread(hash), id.as_u64()) {
            slot.until = until.map_or(0, seconds_up);
        }
    }

    pub(super) fn remove(&self, hash: u64, id: SuppressionId) {
        let mut shard = self.shard(hash).write();
        if shard.table.remove(spread(hash), id.as_u64()) {
            shard.causes.remove(&id.as_u64());
        }
    }

    pub(super) fn size(&self) -> Size {
        let mut size = Size::default();
        for shard in &self.shards {
            let shard = shard.read();
            size.entries += shard.table.len() as u64;
            size.bytes += (shard.table.bytes() + shard.causes.allocation_size()) as u64;
        }
        size
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        &self.shards[(hash >> (64 - SHARD_BITS)) as usize]
    }
}

/// The bits that did not choose the shard first, for the place in its table.
const fn spread(hash: u64) -> u64 {
    hash.rotate_left(SHARD_BITS)
}

pub(super) fn code(channel: Option<Channel>) -> u8 {
    channel.map_or(0, Channel::code)
}

/// Whole seconds, rounded up, from 1: an entry ends no sooner than it says.
fn seconds_up(at: Timestamp) -> u32 {
    let seconds = at.millis().saturating_add(999).div_euclid(1000);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

const SHARD_BITS: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_persons_own_word_is_named_first_and_exempt_reasons_are_passed_over() {
        let index = Index::new();
        let now = Timestamp::from_seconds(1_767_323_045);
        let to = "+8613711112200";
        let entry = |id, channel, reason, until| Entry {
            id: SuppressionId::from_u64(id),
            channel,
            reason,
            until,
            cause: (id == 2).then(|| DeliveryId::from_u64(7)),
        };
        let hash = index.hash(to);
        index.insert(hash, entry(1, None, Reason::Manual, None));
        index.insert(hash, entry(2, Some(Channel::Sms), Reason::OptOut, None));
        let soon = Some(now.plus(std::time::Duration::from_secs(1)));
        index.insert(hash, entry(3, Some(Channel::Email), Reason::Blocked, soon));
        let check = |channel, exempt, at| {
            let found = index.check(channel, to, exempt, at);
            found.map(|found| (found.id.as_u64(), found.cause.map(DeliveryId::as_u64)))
        };
        assert_eq!(check(Channel::Sms, Reasons::NONE, now), Some((2, Some(7))));
        let exempt = Reasons::NONE.with(Reason::OptOut);
        assert_eq!(check(Channel::Sms, exempt, now), Some((1, None)));
        assert_eq!(check(Channel::Sms, Reasons::ALL, now), None);
        assert_eq!(check(Channel::Email, Reasons::NONE, now), Some((3, None)));
        let later = now.plus(std::time::Duration::from_secs(1));
        assert_eq!(check(Channel::Email, Reasons::NONE, later), Some((1, None)));
        index.remove(hash, SuppressionId::from_u64(1));
        assert_eq!(check(Channel::Email, Reasons::NONE, later), None);
        assert_eq!(index.size().entries, 2);
    }
}
