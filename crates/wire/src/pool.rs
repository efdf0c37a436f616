//! Kept connections, per host, bounded.
//!
//! A slot is held for the length of a call, and a new connection is made only by a holder who
//! found none waiting. So the connections of a host, used and unused, never outnumber its slots.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The bounds of each host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most calls at a time.
    pub(crate) calls: usize,
    /// Most unused connections.
    pub(crate) idle: usize,
    /// How long a connection may go unused.
    pub(crate) idle_for: Duration,
}

/// The connections `C` to every host `K`.
pub(crate) struct Pool<K, C> {
    hosts: RwLock<HashMap<K, Arc<Shelf<C>>>>,
    limits: Limits,
}

/// The connections to one host.
pub(crate) struct Shelf<C> {
    slots: Semaphore,
    idle: Mutex<VecDeque<Idle<C>>>,
    limits: Limits,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

impl<K: Eq + Hash, C> Pool<K, C> {
    /// An empty pool.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            hosts: RwLock::default(),
            limits,
        }
    }

    /// The connections to `host`.
    pub(crate) fn shelf(&self, host: K) -> Arc<Shelf<C>> {
        if let Some(shelf) = self.hosts.read().get(&host) {
            return Arc::clone(shelf);
        }
        let mut hosts = self.hosts.write();
        let shelf = hosts
            .entry(host)
            .or_insert_with(|| Arc::new(Shelf::new(self.limits)));
        Arc::clone(shelf)
    }

    /// Gives up what was unused for too long by `now`, and forgets hosts without connections.
    /// Returns the connections given up.
    pub(crate) fn sweep(&self, now: Instant) -> Vec<C> {
        let mut expired = Vec::new();
        self.hosts.write().retain(|_, shelf| {
            shelf.expire(now, &mut expired);
            Arc::strong_count(shelf) > 1 || !shelf.idle.lock().is_empty()
        });
        expired
    }
}

impl<C> Shelf<C> {
    fn new(limits: Limits) -> Self {
        Self {
            slots: Semaphore::new(limits.calls),
            idle: Mutex::default(),
            limits,
        }
    }

    /// Waits for the right to make one call, in order of arrival.
    pub(crate) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.slots.acquire().await.ok()
    }

    /// The connection used last, unless it has been unused for too long.
    pub(crate) fn take(&self, now: Instant) -> Option<C> {
        let newest = self.idle.lock().pop_back()?;
        let fresh = now.saturating_duration_since(newest.since) < self.limits.idle_for;
        fresh.then_some(newest.connection)
    }

    /// Keeps `connection` for later; the one unused longest makes room.
    pub(crate) fn put(&self, connection: C, now: Instant) {
        let mut idle = self.idle.lock();
        let surplus = if idle.len() < self.limits.idle {
            None
        } else {
            idle.pop_front()
        };
        if self.limits.idle > 0 {
            idle.push_back(Idle {
                connection,
                since: now,
            });
        }
        drop(idle);
        // Closing is a system call: not under the lock.
        drop(surplus);
    }

    fn expire(&self, now: Instant, expired: &mut Vec<C>) {
        let mut idle = self.idle.lock();
        while idle.front().is_some_and(|oldest| {
            now.saturating_duration_since(oldest.since) >= self.limits.idle_for
        }) {
            expired.extend(idle.pop_front().map(|idle| idle.connection));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LIMITS: Limits = Limits {
        calls: 2,
        idle: 2,
        idle_for: Duration::from_secs(30),
    };

    #[test]
    fn the_newest_is_reused_and_the_oldest_makes_room() {
        let now = Instant::now();
        let pool: Pool<&str, u8> = Pool::new(LIMITS);
        let shelf = pool.shelf("a");
        for connection in 1..=3 {
            shelf.put(connection, now);
        }
        assert_eq!(shelf.take(now), Some(3));
        assert_eq!(shelf.take(now), Some(2));
        assert_eq!(shelf.take(now), None);
        assert_eq!(pool.shelf("b").take(now), None);
    }

    #[test]
    fn the_unused_go_and_empty_hosts_are_forgotten() {
        let start = Instant::now();
        let pool: Pool<&str, u8> = Pool::new(LIMITS);
        pool.shelf("a").put(1, start);
        pool.shelf("a").put(2, start + Duration::from_secs(10));
        pool.shelf("empty");
        assert!(pool.sweep(start + Duration::from_secs(29)).is_empty());
        assert_eq!(pool.hosts.read().len(), 1);
        assert_eq!(pool.sweep(start + Duration::from_secs(30)), [1]);
        assert_eq!(pool.shelf("a").take(start + Duration::from_secs(40)), None);
        let held = pool.shelf("held");
        assert!(pool.sweep(start + Duration::from_secs(50)).is_empty());
        assert_eq!(pool.hosts.read().len(), 1);
        drop(held);
        pool.sweep(start + Duration::from_secs(50));
        assert!(pool.hosts.read().is_empty());
    }

    #[test]
    fn without_room_for_the_unused_none_is_kept() {
        let now = Instant::now();
        let pool: Pool<&str, u8> = Pool::new(Limits { idle: 0, ..LIMITS });
        pool.shelf("a").put(1, now);
        assert_eq!(pool.shelf("a").take(now), None);
    }

    #[tokio::test]
    async fn calls_at_a_time_are_bounded() {
        let pool: Pool<&str, u8> = Pool::new(LIMITS);
        let shelf = pool.shelf("a");
        let (one, _two) = (shelf.slot().await, shelf.slot().await);
        let mut third = Box::pin(shelf.slot());
        assert!(third.as_mut().now_or_never().is_none());
        drop(one);
        assert!(third.as_mut().now_or_never().is_some());
    }
}
