//! The embedded [`Meter`]: everybody's places in this process's memory, about 24 bytes each by its
//! own count. What is resident is more (docs/performance.md): [`Meter::size`] does not see what the
//! allocator keeps of arrays that were outgrown.
//!
//! People are spread over shards by a keyed hash of their address; all places of a person are
//! under one lock, and a call holds one lock at a time. Of the hash's 64 bits, 10 say the shard and
//! 54 stand in each row (`row`), so that two people are one only where 64 bits agree: with ten
//! million people in memory, one claim in 2·10¹² meets a stranger. Two contents of a template to
//! one person are one where 40 bits agree: one pair in 10¹².
//!
//! What rows say is restored from the ledger, so nothing here is ever written to disk.

mod kinds;
mod row;
mod shard;
mod table;

use austin_domain::DeliveryId;
use austin_ports::BoxFuture;
use austin_ports::meter::{
    Claim, Keep, Meter, Refusal, Reserved, Result, Size, Slot, Token, Traffic,
};
use parking_lot::Mutex;

use kinds::{Kinds, Known};
use row::{PERSON_BITS, instant};
use shard::{Shard, Waiting};

/// Everybody's places.
pub struct LocalMeter {
    key: [u8; 32],
    shards: Vec<Mutex<Shard>>,
    kinds: Kinds,
}

/// Without the key.
impl std::fmt::Debug for LocalMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMeter")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

impl LocalMeter {
    /// An empty meter. `key` is random and nobody else's: whoever knows it can make addresses that
    /// meet in one place. `node` is the one whose ids are kept shortest (others work as well): that
    /// of [`Options`](crate::ledger::Options).
    pub fn new(key: [u8; 32], node: u8) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new(node & 63)));
        Self {
            key,
            shards: shards.collect(),
            kinds: Kinds::default(),
        }
    }

    /// The shard of a person, and the rest of the hash.
    fn person(&self, to: &str) -> (usize, u64) {
        let hash = blake3::keyed_hash(&self.key, to.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        let hash = u64::from_le_bytes(first);
        // 0 stands for no row.
        let rest = (hash & ((1 << PERSON_BITS) - 1)).max(1);
        (shard_of(hash >> PERSON_BITS), rest)
    }

    fn reserve_one(&self, claim: &Claim<'_>, kind: u32, known: &Known) -> Reserved {
        let (shard, person) = self.person(claim.to);
        let high = (shard as u64) << TOKEN_BITS;
        let mut shard = self.shards[shard].lock();
        match shard.refusal(person, claim, None, known) {
            Some(refusal) => Reserved::Refused(refusal),
            None => Reserved::Taken(Slot::new(shard.take(person, claim, kind, high))),
        }
    }

    fn promote_one(
        &self,
        (id, claim): &(DeliveryId, Claim<'_>),
        kind: u32,
        known: &Known,
    ) -> std::result::Result<(), Refusal> {
        let (shard, person) = self.person(claim.to);
        let mut shard = self.shards[shard].lock();
        match shard.refusal(person, claim, Some(*id), known) {
            Some(refusal) => Err(refusal),
            None => {
                shard.put(person, *id, claim, kind);
                Ok(())
            }
        }
    }

    /// Settles a pending place by `act` and tells who waits.
    fn settle(
        &self,
        token: Token,
        delivery: Option<DeliveryId>,
        act: impl FnOnce(&mut Shard) -> Vec<Waiting>,
    ) {
        // A token that is not ours names a shard all the same, where it finds nothing.
        let shard = shard_of(token.as_u64() >> TOKEN_BITS);
        let waiting = act(&mut self.shards[shard].lock());
        tell(waiting, delivery);
    }

    /// Per kind: from when on its places matter, those that caps do not count and those they do.
    fn horizons(&self, keep: Keep<'_>) -> Vec<[u64; 2]> {
        self.kinds.read(|known| {
            let kinds = known.list().iter();
            let horizon = kinds.map(|kind| {
                [false, true].map(|counts| {
                    instant(keep(Traffic {
                        template: kind.template,
                        lane: kind.lane,
                        team: &kind.team,
                        counts,
                    }))
                })
            });
            horizon.collect()
        })
    }
}

fn tell(waiting: Vec<Waiting>, delivery: Option<DeliveryId>) {
    for waiting in waiting {
        // Whoever does not listen any more need not know.
        let _ = waiting.send(delivery);
    }
}

/// The shard behind the first bits of a hash or a token.
fn shard_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0) % SHARDS
}

impl Meter for LocalMeter {
    fn reserve<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Reserved>>> {
        Box::pin(async move {
            Ok(self.kinds.numbered(claims.iter(), |numbers, known| {
                let claims = claims.iter().zip(numbers);
                let reserved = claims.map(|(claim, kind)| self.reserve_one(claim, *kind, known));
                reserved.collect()
            }))
        })
    }

    fn check<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Option<Refusal>>>> {
        Box::pin(async move {
            Ok(self.kinds.read(|known| {
                let refused = claims.iter().map(|claim| {
                    let (shard, person) = self.person(claim.to);
                    let mut shard = self.shards[shard].lock();
                    shard.refusal(person, claim, None, known)
                });
                refused.collect()
            }))
        })
    }

    fn bind(&self, bound: Vec<(Slot, DeliveryId)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for (slot, id) in bound {
                let token = slot.token();
                self.settle(token, Some(id), |shard| shard.bind(token, id));
            }
            Ok(())
        })
    }

    fn give_back(&self, slots: Vec<Slot>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for slot in slots {
                let token = slot.token();
                self.settle(token, None, |shard| shard.give_back(token));
            }
            Ok(())
        })
    }

    fn settled(&self, token: Token) -> BoxFuture<'_, Result<Option<DeliveryId>>> {
        Box::pin(async move {
            let shard = shard_of(token.as_u64() >> TOKEN_BITS);
            let waiting = self.shards[shard].lock().wait(token);
            match waiting {
                None => Ok(None),
                Some(settled) => Ok(settled.await.unwrap_or(None)),
            }
        })
    }

    fn promote<'a>(
        &'a self,
        promotions: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<Vec<std::result::Result<(), Refusal>>>> {
        Box::pin(async move {
            let claims = promotions.iter().map(|(_, claim)| claim);
            Ok(self.kinds.numbered(claims, |numbers, known| {
                let promotions = promotions.iter().zip(numbers);
                let promoted = promotions.map(|(one, kind)| self.promote_one(one, *kind, known));
                promoted.collect()
            }))
        })
    }

    fn release<'a>(&'a self, ended: &'a [(&'a str, DeliveryId)]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for (to, id) in ended {
                let (shard, person) = self.person(to);
                self.shards[shard].lock().release(person, *id);
            }
            Ok(())
        })
    }

    fn restore<'a>(
        &'a self,
        deliveries: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let claims = deliveries.iter().map(|(_, claim)| claim);
            self.kinds.numbered(claims, |numbers, _| {
                for ((id, claim), kind) in deliveries.iter().zip(numbers) {
                    let (shard, person) = self.person(claim.to);
                    let mut shard = self.shards[shard].lock();
                    if !shard.has(person, *id) {
                        shard.put(person, *id, claim, *kind);
                    }
                }
            });
            Ok(())
        })
    }

    fn forget<'a>(&'a self, keep: Keep<'a>) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let before = self.horizons(keep);
            let mut dropped = 0;
            for shard in &self.shards {
                let (count, waiting) = shard.lock().forget(&before);
                tell(waiting, None);
                dropped += count;
                // A shard takes a fraction of a millisecond, all of them far more than that.
                tokio::task::yield_now().await;
            }
            Ok(dropped)
        })
    }

    fn size(&self) -> Size {
        let mut bytes = self.kinds.read(Known::bytes) + SHARDS * size_of::<Mutex<Shard>>();
        let mut keys = 0;
        for shard in &self.shards {
            let (places, taken) = shard.lock().size();
            keys += places;
            bytes += taken;
        }
        Size {
            keys: keys as u64,
            bytes: bytes as u64,
        }
    }
}

/// As many as the bits of a hash that are not in a row can name.
const SHARDS: usize = 1 << (64 - PERSON_BITS);
/// A token is its shard above this many bits of a number; it is below 2⁶³.
const TOKEN_BITS: u32 = 63 - (64 - PERSON_BITS);

#[cfg(test)]
mod tests;
