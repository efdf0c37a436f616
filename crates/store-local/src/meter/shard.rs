//! The people of one lock: their rows, what does not fit in a row, and who waits for whom.

use austin_domain::DeliveryId;
use austin_ports::meter::{Claim, Holder, Limit, Refusal, Token};
use hashbrown::HashMap;
use tokio::sync::oneshot;

use super::kinds::Known;
use super::row::{Odd, Raw, Row, What, digest, instant};
use super::table::Table;

/// Who waits for a pending place.
pub(super) type Waiting = oneshot::Sender<Option<DeliveryId>>;

/// The people of one lock.
#[derive(Debug, Default)]
pub(super) struct Shard {
    rows: Table,
    odds: Vec<Odd>,
    free: Vec<u32>,
    /// By token: whose place is pending, and who waits for it.
    pending: HashMap<u64, Pending>,
    tokens: u64,
    /// The rows of the person that is looked at.
    seen: Vec<Seen>,
    node: u8,
}

#[derive(Debug)]
struct Pending {
    person: u64,
    waiting: Vec<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    what: What,
    who: Odd,
}

impl Shard {
    pub(super) fn new(node: u8) -> Self {
        Self {
            node,
            ..Self::default()
        }
    }

    /// What the claim does not keep; `but` is not looked at.
    pub(super) fn refusal(
        &mut self,
        person: u64,
        claim: &Claim<'_>,
        but: Option<DeliveryId>,
        known: &Known,
    ) -> Option<Refusal> {
        let but = but.map(Raw::delivery);
        self.seen.clear();
        for row in self.rows.get(self.rows.of(person)) {
            let who = row.who_of(&self.odds, self.node);
            if Some(who.holder) != but {
                let what = row.what();
                self.seen.push(Seen { what, who });
            }
        }
        let refused = |(limit, rule): (usize, &Limit)| {
            let holder = stands_in_the_way(&self.seen, claim, *rule, known)?;
            Some(Refusal { limit, holder })
        };
        claim.limits.iter().enumerate().find_map(refused)
    }

    /// Takes a pending place. `high` goes into the token above its number.
    pub(super) fn take(&mut self, person: u64, claim: &Claim<'_>, kind: u32, high: u64) -> Token {
        self.tokens += 1;
        let token = high | self.tokens;
        let holder = Raw::pending(token);
        let index = self.add_odd(Odd { holder, kind });
        self.rows.insert(Row::odd(what_of(person, claim), index));
        let waiting = Vec::new();
        self.pending.insert(token, Pending { person, waiting });
        Token::from_u64(token)
    }

    /// Gives a pending place to a delivery; who waits for it.
    pub(super) fn bind(&mut self, token: Token, id: DeliveryId) -> Vec<Waiting> {
        let Some(pending) = self.pending.remove(&token.as_u64()) else {
            return Vec::new();
        };
        if let Some((place, row)) = self.place(pending.person, Raw::pending(token.as_u64())) {
            let kind = row.who_of(&self.odds, self.node).kind;
            if let Some(near) = Row::near(row.what(), id, kind, self.node) {
                self.rows.replace(place, near);
                self.free.extend(row.odd_index());
            } else if let Some(index) = row.odd_index() {
                self.odds[index as usize].holder = Raw::delivery(id);
            }
        }
        pending.waiting
    }

    /// Frees a pending place; who waits for it.
    pub(super) fn give_back(&mut self, token: Token) -> Vec<Waiting> {
        let Some(pending) = self.pending.remove(&token.as_u64()) else {
            return Vec::new();
        };
        self.remove(pending.person, Raw::pending(token.as_u64()));
        pending.waiting
    }

    /// Waits for a pending place; `None` when it is not pending.
    pub(super) fn wait(&mut self, token: Token) -> Option<oneshot::Receiver<Option<DeliveryId>>> {
        let pending = self.pending.get_mut(&token.as_u64())?;
        let (settle, settled) = oneshot::channel();
        // Those who have given up waiting leave nothing behind.
        pending.waiting.retain(|waiting| !waiting.is_closed());
        pending.waiting.push(settle);
        Some(settled)
    }

    /// Gives a delivery the place of a claim instead of the one it has.
    pub(super) fn put(&mut self, person: u64, id: DeliveryId, claim: &Claim<'_>, kind: u32) {
        self.release(person, id);
        let what = what_of(person, claim);
        let row = Row::near(what, id, kind, self.node).unwrap_or_else(|| {
            let holder = Raw::delivery(id);
            Row::odd(what, self.add_odd(Odd { holder, kind }))
        });
        self.rows.insert(row);
    }

    /// Frees a delivery's place.
    pub(super) fn release(&mut self, person: u64, id: DeliveryId) {
        self.remove(person, Raw::delivery(id));
    }

    /// Whether a delivery has a place.
    pub(super) fn has(&self, person: u64, id: DeliveryId) -> bool {
        self.place(person, Raw::delivery(id)).is_some()
    }

    /// Drops what is before the time for its kind (one for what caps do not count, one for what
    /// they do); how many, and who waits for any of it.
    pub(super) fn forget(&mut self, before: &[[u64; 2]]) -> (u64, Vec<Waiting>) {
        let mut waiting = Vec::new();
        let compact = self.free.len() > MOST_FREE.max(self.odds.len() / 2);
        let mut odds = Vec::new();
        let dropped = self.rows.retain(|row| {
            let who = row.who_of(&self.odds, self.node);
            // A kind from after the times were asked for has nothing old.
            let before = before.get(who.kind as usize).copied().unwrap_or_default();
            if row.at() >= before[usize::from(row.what().counts)] {
                if compact && row.odd_index().is_some() {
                    *row = row.moved(index(odds.len()));
                    odds.push(who);
                }
                return true;
            }
            if who.holder.is_pending() {
                let pending = self.pending.remove(&who.holder.number());
                waiting.extend(pending.into_iter().flat_map(|pending| pending.waiting));
            }
            self.free.extend(row.odd_index());
            false
        });
        if compact {
            odds.shrink_to_fit();
            self.odds = odds;
            self.free = Vec::new();
            self.pending.shrink_to_fit();
        }
        (dropped as u64, waiting)
    }

    /// Places, and the memory they take.
    pub(super) fn size(&self) -> (usize, usize) {
        let odds = self.odds.capacity() * size_of::<Odd>() + self.free.capacity() * 4;
        let pending = self.pending.allocation_size();
        (self.rows.len(), self.rows.bytes() + odds + pending)
    }

    /// Where the place of a holder is, and its row.
    fn place(&self, person: u64, holder: Raw) -> Option<(usize, Row)> {
        let places = self.rows.of(person);
        let mut rows = places.clone().zip(self.rows.get(places));
        let found = rows.find(|(_, row)| row.who_of(&self.odds, self.node).holder == holder);
        found.map(|(place, row)| (place, *row))
    }

    fn remove(&mut self, person: u64, holder: Raw) {
        if let Some((place, row)) = self.place(person, holder) {
            self.rows.remove(place);
            self.free.extend(row.odd_index());
        }
    }

    fn add_odd(&mut self, odd: Odd) -> u32 {
        if let Some(index) = self.free.pop() {
            self.odds[index as usize] = odd;
            return index;
        }
        self.odds.push(odd);
        index(self.odds.len() - 1)
    }
}

/// What keeps a claim from its place: `None` when nothing does, else who where it is anybody.
fn stands_in_the_way(
    seen: &[Seen],
    claim: &Claim<'_>,
    limit: Limit,
    known: &Known,
) -> Option<Option<Holder>> {
    let content = digest(claim.content);
    let (window, most) = match limit {
        Limit::Content(_) if content == 0 => return None,
        Limit::Content(window) | Limit::Repeat(window) => (window, 1),
        Limit::Cap { window, most, .. } => (window, most as usize),
    };
    let (since, until) = (instant(window.since), instant(window.until));
    let (mut settled, mut pending) = (Best::default(), Best::default());
    for Seen { what, who } in seen {
        let kind = known.get(who.kind);
        let counted = match limit {
            Limit::Content(_) => kind.template == claim.template && what.content == content,
            Limit::Repeat(_) => kind.template == claim.template,
            Limit::Cap { over, .. } => what.counts && kind.falls_under(over, claim),
        };
        if !counted || what.at < since || what.at >= until {
            continue;
        }
        let found = (what.at, who.holder.number());
        if who.holder.is_pending() {
            pending.add(found, found < pending.best);
        } else {
            settled.add(found, found > settled.best);
        }
    }
    if settled.count + pending.count < most {
        return None;
    }
    let delivery = Holder::Delivery(DeliveryId::from_u64(settled.best.1));
    let place = Holder::Pending(Token::from_u64(pending.best.1));
    Some(if settled.count < most && pending.count > 0 {
        Some(place)
    } else {
        (settled.count > 0).then_some(delivery)
    })
}

/// How many there are, and the one that is named.
#[derive(Default)]
struct Best {
    count: usize,
    best: (u64, u64),
}

impl Best {
    fn add(&mut self, found: (u64, u64), better: bool) {
        if self.count == 0 || better {
            self.best = found;
        }
        self.count += 1;
    }
}

fn what_of(person: u64, claim: &Claim<'_>) -> What {
    What {
        person,
        at: instant(claim.at),
        counts: claim.counts,
        content: digest(claim.content),
    }
}

/// A place in the list of odds. A shard has 1/1,024 of all people.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// So many free places in the list of odds are kept for those to come.
const MOST_FREE: usize = 16;
