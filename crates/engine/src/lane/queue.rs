//! The order of a lane, as plain data.
//!
//! The ledger is the queue; this is the window onto it that fits into memory. Each app has a
//! place of its own, and apps take turns: start-time fair queuing, one delivery costs one. What
//! was taken and not sent is put back and costs nothing, so that turns are counted in what goes
//! out. Within an app the order is that of acceptance.
//!
//! New deliveries enter memory until it is full. From then on
//! - an app that has nothing outside memory may still keep a small reserve in it;
//! - what is more than that is only listed (eight bytes each), up to a bound per app;
//! - and what is more than that is only counted (it is durable anyway) and read back in id order
//!   by one cursor, until the cursor has caught up.
//!
//! So one app's million waits behind the cursor, and another's ten do not wait behind it. A
//! delivery may show up twice here (read back while its own offer was still on its way, or
//! passed by the cursor while it is listed); the guard of [`austin_ports::Ledger::begin`] lets
//! only one of them through. After a restart it is not known whose the deliveries on disk are:
//! an app's new ones may then overtake its own old ones, until the cursor has found that it has
//! many.

use std::collections::{BTreeSet, VecDeque};

use austin_domain::{AppId, DeliveryId, Timestamp};
use austin_ports::ledger::WorkItem;
use hashbrown::HashMap;

/// A lane's window onto the ledger.
pub(crate) struct Queue {
    apps: HashMap<AppId, Place>,
    /// Apps with something in memory, by the virtual time of their next turn.
    turns: BTreeSet<(u64, AppId)>,
    /// The virtual time: the tag of what was taken first the last time.
    virtual_now: u64,
    in_memory: usize,
    listed: usize,
    due: VecDeque<DeliveryId>,
    capacity: usize,
    spill: Option<Spill>,
}

/// What an app has waiting in memory.
#[derive(Default)]
struct Place {
    tag: u64,
    ready: VecDeque<WorkItem>,
    listed: VecDeque<DeliveryId>,
    /// How many of its listed ones are being read.
    reading: usize,
    /// The last of its deliveries that the cursor will bring, while it has such.
    spilled: Option<Spilled>,
}

/// Deliveries of an app that the cursor will bring.
#[derive(Clone, Copy)]
struct Spilled {
    first: u64,
    last: u64,
}

/// Deliveries that wait on disk only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spill {
    /// Everything up to here has been read back.
    after: u64,
    /// The newest delivery known to wait on disk.
    last: u64,
    /// `last` as it was when the read under way began.
    last_at_read: u64,
    /// About how many wait there.
    count: u64,
    /// Up to here it is not known whose they are: found at start.
    nobodys: u64,
}

/// What a queue wants read from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refill {
    /// These deliveries, which have become due.
    Due(Vec<DeliveryId>),
    /// These deliveries of an app, which were only listed.
    Listed(AppId, Vec<DeliveryId>),
    /// Ready deliveries after this one.
    After(DeliveryId, usize),
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            apps: HashMap::new(),
            turns: BTreeSet::new(),
            virtual_now: 0,
            in_memory: 0,
            listed: 0,
            due: VecDeque::new(),
            capacity,
            spill: None,
        }
    }

    /// Freshly accepted deliveries, those of one message in id order.
    pub(crate) fn offer(&mut self, items: Vec<WorkItem>) {
        let mut items = items.into_iter().peekable();
        while let Some(first) = items.next() {
            let app = first.message.app;
            let mut own = vec![first];
            while let Some(next) = items.next_if(|item| item.message.app == app) {
                own.push(next);
            }
            self.offer_of(app, own);
        }
    }

    /// Deliveries found waiting on disk at start.
    pub(crate) fn offer_backlog(&mut self, first: DeliveryId, last: DeliveryId, count: u64) {
        let spill = self.spilling(first.as_u64(), last.as_u64(), count);
        spill.nobodys = spill.nobodys.max(last.as_u64());
    }

    /// Deliveries whose due time has come.
    pub(crate) fn offer_due(&mut self, ids: impl IntoIterator<Item = DeliveryId>) {
        self.due.extend(ids);
    }

    /// Deliveries that were taken and not begun: they go first, and their turns are given back.
    pub(crate) fn put_back(&mut self, items: Vec<WorkItem>) {
        for item in items.into_iter().rev() {
            let app = item.message.app;
            self.retag(app, |tag, _| tag.saturating_sub(1));
            self.push(app, item, End::Front);
        }
    }

    /// A delivery that may be tried again at once: it goes before the others of its app.
    pub(crate) fn again(&mut self, item: WorkItem) {
        let app = item.message.app;
        self.activate(app);
        self.push(app, item, End::Front);
    }

    /// Up to `most` deliveries, whose turn it is; of one app the oldest first.
    pub(crate) fn take(&mut self, most: usize) -> Vec<WorkItem> {
        let mut taken = Vec::with_capacity(most.min(self.in_memory));
        if let Some((tag, _)) = self.turns.first() {
            self.virtual_now = *tag;
        }
        while taken.len() < most
            && let Some((tag, app)) = self.turns.pop_first()
        {
            let Some(place) = self.apps.get_mut(&app) else {
                continue;
            };
            let Some(item) = place.ready.pop_front() else {
                continue;
            };
            taken.push(item);
            self.in_memory -= 1;
            place.tag = tag + 1;
            if !place.ready.is_empty() {
                self.turns.insert((place.tag, app));
            }
        }
        taken
    }

    /// What should be read from the ledger now, if anything: what has become due while memory is
    /// at most half full, listed ones of an app that has few in memory, then the backlog.
    pub(crate) fn wants(&mut self, most: usize) -> Option<Refill> {
        let half_full = self.in_memory * 2 > self.capacity;
        let room = (self.capacity.saturating_sub(self.in_memory))
            .min(most)
            .max(1);
        if !half_full && !self.due.is_empty() {
            let room = room.min(self.due.len());
            return Some(Refill::Due(self.due.drain(..room).collect()));
        }
        if self.listed > 0
            && let Some(listed) = self.wants_listed(most)
        {
            return Some(listed);
        }
        if half_full {
            return None;
        }
        let spill = self.spill.as_mut()?;
        spill.last_at_read = spill.last;
        Some(Refill::After(DeliveryId::from_u64(spill.after), room))
    }

    /// Deliveries that were read because they had become due.
    pub(crate) fn refilled_due(&mut self, items: Vec<WorkItem>) {
        for item in items {
            self.add(item);
        }
    }

    /// Deliveries that were read because they were listed.
    pub(crate) fn refilled_listed(&mut self, app: AppId, items: Vec<WorkItem>) {
        self.place(app).reading = 0;
        for item in items {
            self.add(item);
        }
        self.forget(app);
    }

    /// Deliveries that were read after `after`, at most `asked` of them. A short read has seen
    /// everything that was offered before it began; when nothing was offered since, the lane is
    /// back in memory.
    pub(crate) fn refilled(&mut self, after: DeliveryId, asked: usize, items: Vec<WorkItem>) {
        let Some(spill) = &mut self.spill else { return };
        let stepped_back = spill.after < after.as_u64();
        if !stepped_back {
            spill.after = items.last().map_or(after.as_u64(), |item| item.id.as_u64());
        }
        let spill = *spill;
        let caught_up = items.len() < asked && !stepped_back && spill.last == spill.last_at_read;
        self.learn(&items, spill);
        let mut brought = 0;
        for item in items {
            if self.is_spilled(&item, spill) {
                self.add(item);
                brought += 1;
            }
        }
        self.spill = self.spill.filter(|_| !caught_up).map(|spill| Spill {
            count: spill.count.saturating_sub(brought),
            ..spill
        });
        let apps: Vec<AppId> = self.apps.keys().copied().collect();
        for app in apps {
            let place = self.place(app);
            let passed = place.spilled.is_some_and(|own| own.last <= spill.after);
            if caught_up || (passed && !stepped_back) {
                place.spilled = None;
            }
            self.forget(app);
        }
    }

    /// Deliveries that a failed read did not bring.
    pub(crate) fn refill_failed(&mut self, refill: Refill) {
        match refill {
            Refill::Due(ids) => {
                for id in ids.into_iter().rev() {
                    self.due.push_front(id);
                }
            }
            Refill::Listed(app, ids) => {
                self.listed += ids.len();
                let place = self.place(app);
                place.reading = 0;
                for id in ids.into_iter().rev() {
                    place.listed.push_front(id);
                }
            }
            Refill::After(..) => {}
        }
    }

    /// Ready deliveries, in memory and on disk.
    pub(crate) fn waiting(&self) -> u64 {
        (self.in_memory + self.listed + self.due.len()) as u64
            + self.spill.map_or(0, |spill| spill.count)
    }

    /// Whether nothing can be taken without a refill.
    pub(crate) fn is_dry(&self) -> bool {
        self.in_memory == 0
    }

    /// When the oldest delivery in memory was accepted.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.apps
            .values()
            .filter_map(|place| place.ready.front())
            .map(|item| item.message.accepted_at)
            .min()
    }

    /// Fresh deliveries of one app: into memory, onto its list, or behind the cursor.
    fn offer_of(&mut self, app: AppId, items: Vec<WorkItem>) {
        let (capacity, in_memory, listed, count) =
            (self.capacity, self.in_memory, self.listed, items.len());
        let ids = || items.iter().map(|item| item.id.as_u64());
        let (first, last) = (ids().min().unwrap_or(0), ids().max().unwrap_or(0));
        let place = self.place(app);
        if place.spilled.is_none() {
            let outside = !place.listed.is_empty() || place.reading > 0;
            let room = in_memory + count <= capacity;
            let reserve = place.ready.len() + count <= capacity / 8
                && in_memory + count <= capacity + capacity / 2;
            if !outside && (room || reserve) {
                for item in items {
                    self.add(item);
                }
                return;
            }
            let fits = place.listed.len() + place.reading + count <= capacity
                && listed + count <= capacity.saturating_mul(8);
            // Offers of different requests may overtake each other: such a one goes where order
            // does not depend on when it comes.
            let in_order = place.listed.back().is_none_or(|back| back.as_u64() < first);
            if fits && in_order {
                place.listed.extend(items.iter().map(|item| item.id));
                self.listed += count;
                return;
            }
        }
        let own = place.spilled.get_or_insert(Spilled { first, last });
        own.first = own.first.min(first);
        own.last = own.last.max(last);
        self.spilling(first, last, count as u64);
    }

    /// Counts deliveries as waiting behind the cursor.
    fn spilling(&mut self, first: u64, last: u64, count: u64) -> &mut Spill {
        let spill = self.spill.get_or_insert(Spill {
            after: first - 1,
            last,
            last_at_read: 0,
            count: 0,
            nobodys: 0,
        });
        // Offers of different requests may overtake each other, so the cursor steps back where
        // it must.
        spill.after = spill.after.min(first - 1);
        spill.last = spill.last.max(last);
        spill.count += count;
        spill
    }

    /// Whether the cursor should bring this one, or it is in memory or listed already.
    fn is_spilled(&self, item: &WorkItem, spill: Spill) -> bool {
        let id = item.id.as_u64();
        let own = self
            .apps
            .get(&item.message.app)
            .and_then(|place| place.spilled);
        id <= spill.nobodys || own.is_some_and(|own| id >= own.first)
    }

    /// Apps that have much of what was found at start keep their order from here on.
    fn learn(&mut self, items: &[WorkItem], spill: Spill) {
        let old = || {
            items
                .iter()
                .filter(|item| item.id.as_u64() <= spill.nobodys)
        };
        let Some(first) = old().next() else { return };
        let total = old().count();
        let mut counts: HashMap<AppId, usize> = HashMap::new();
        for item in old() {
            *counts.entry(item.message.app).or_default() += 1;
        }
        let first = first.id.as_u64();
        for (app, _) in counts.iter().filter(|(_, count)| **count * 4 >= total) {
            let place = self.place(*app);
            let own = place.spilled.get_or_insert(Spilled {
                first,
                last: spill.nobodys,
            });
            own.first = own.first.min(first);
            own.last = own.last.max(spill.nobodys);
        }
    }

    /// Listed deliveries of the app that has the fewest in memory.
    fn wants_listed(&mut self, most: usize) -> Option<Refill> {
        let few = (self.capacity / 16).max(1);
        let (app, place) = self
            .apps
            .iter_mut()
            .filter(|(_, place)| !place.listed.is_empty() && place.reading == 0)
            .filter(|(_, place)| place.ready.len() < few)
            .min_by_key(|(app, place)| (place.ready.len(), **app))?;
        let count = place.listed.len().min(most).min((self.capacity / 8).max(1));
        let ids: Vec<_> = place.listed.drain(..count).collect();
        place.reading = count;
        self.listed -= count;
        Some(Refill::Listed(*app, ids))
    }

    fn place(&mut self, app: AppId) -> &mut Place {
        self.apps.entry(app).or_default()
    }

    /// Adds one behind the others of its app.
    fn add(&mut self, item: WorkItem) {
        let app = item.message.app;
        self.activate(app);
        self.push(app, item, End::Back);
    }

    /// An app that had nothing in memory starts at the present virtual time: it has nothing
    /// saved up, and owes no more than a few turns.
    fn activate(&mut self, app: AppId) {
        let present = self.turns.first().map_or(self.virtual_now, |(tag, _)| *tag);
        self.retag(app, |tag, idle| {
            if idle {
                tag.clamp(present, present.saturating_add(MOST_OWED))
            } else {
                tag
            }
        });
    }

    fn retag(&mut self, app: AppId, change: impl Fn(u64, bool) -> u64) {
        let place = self.apps.entry(app).or_default();
        let idle = place.ready.is_empty();
        let tag = change(place.tag, idle);
        if !idle && self.turns.remove(&(place.tag, app)) {
            self.turns.insert((tag, app));
        }
        place.tag = tag;
    }

    fn push(&mut self, app: AppId, item: WorkItem, end: End) {
        let place = self.apps.entry(app).or_default();
        match end {
            End::Front => place.ready.push_front(item),
            End::Back => place.ready.push_back(item),
        }
        self.turns.insert((place.tag, app));
        self.in_memory += 1;
    }

    /// Drops what is known of an app that has nothing here and owes nothing.
    fn forget(&mut self, app: AppId) {
        let present = self.turns.first().map_or(self.virtual_now, |(tag, _)| *tag);
        let idle = self.apps.get(&app).is_some_and(|place| {
            place.ready.is_empty()
                && place.listed.is_empty()
                && place.reading == 0
                && place.spilled.is_none()
                && place.tag <= present
        });
        if idle {
            self.apps.remove(&app);
        }
    }
}

/// Where a delivery is put.
#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

/// Turns an app can owe when it comes back: it may have taken many while it was alone.
const MOST_OWED: u64 = 64;

#[cfg(test)]
mod tests;
