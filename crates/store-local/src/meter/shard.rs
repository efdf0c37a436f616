//! The people of one lock: pages of rows, and what does not fit in a row.
//!
//! A person's page is a part of their hash, so a page is read from end to end (a few dozen rows,
//! ten million places in all) and rows of a page have no order. Pages grow one by one: nothing is
//! ever built anew at once.

use austin_domain::DeliveryId;
use austin_ports::meter::{Claim, Holder, Limit, Refusal, Token};
use hashbrown::HashMap;
use tokio::sync::oneshot;

use super::kinds::Known;
use super::row::{Odd, Raw, Row, What, digest, instant};

/// Who waits for a pending place.
pub(super) type Waiting = oneshot::Sender<Option<DeliveryId>>;

/// Where a person's rows are: page of the shard, and the rest of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) page: usize,
    pub(super) rest: u64,
}

/// The people of one lock.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// Empty until somebody has a place here.
    pages: Vec<Vec<Row>>,
    odds: Vec<Odd>,
    free: Vec<u32>,
    waiting: HashMap<u64, Vec<Waiting>>,
    tokens: u64,
    keys: usize,
    row_bytes: usize,
    /// The rows of the person that is looked at.
    seen: Vec<Seen>,
    node: u8,
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
        person: Person,
        claim: &Claim<'_>,
        but: Option<DeliveryId>,
        known: &Known,
    ) -> Option<Refusal> {
        let but = but.map(Raw::delivery);
        self.seen.clear();
        let rows = self.pages.get(person.page).map_or(&[][..], Vec::as_slice);
        for row in rows.iter().filter(|row| row.person() == person.rest) {
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
    pub(super) fn take(
        &mut self,
        person: Person,
        claim: &Claim<'_>,
        kind: u32,
        high: u64,
    ) -> Token {
        self.tokens += 1;
        let token = high | self.tokens;
        let holder = Raw::pending(token);
        let index = self.add_odd(Odd { holder, kind });
        self.push(person.page, Row::odd(what_of(person, claim), index));
        Token::from_u64(token)
    }

    /// Gives a pending place to a delivery; who waits for it.
    pub(super) fn bind(&mut self, page: usize, token: Token, id: DeliveryId) -> Vec<Waiting> {
        if let Some((at, index)) = self.pending(page, token) {
            let odd = &mut self.odds[index as usize];
            odd.holder = Raw::delivery(id);
            let (what, kind) = (self.pages[page][at].what(), odd.kind);
            if let Some(row) = Row::near(what, id, kind, self.node) {
                self.pages[page][at] = row;
                self.free.push(index);
            }
        }
        self.waiting.remove(&token.as_u64()).unwrap_or_default()
    }

    /// Frees a pending place; who waits for it.
    pub(super) fn give_back(&mut self, page: usize, token: Token) -> Vec<Waiting> {
        if let Some((at, _)) = self.pending(page, token) {
            self.remove(page, at);
        }
        self.waiting.remove(&token.as_u64()).unwrap_or_default()
    }

    /// Waits for a pending place; `None` when it is not pending.
    pub(super) fn wait(
        &mut self,
        page: usize,
        token: Token,
    ) -> Option<oneshot::Receiver<Option<DeliveryId>>> {
        self.pending(page, token)?;
        let (settle, settled) = oneshot::channel();
        let waiting = self.waiting.entry(token.as_u64()).or_default();
        // Those who have given up waiting leave nothing behind.
        waiting.retain(|waiting| !waiting.is_closed());
        waiting.push(settle);
        Some(settled)
    }

    /// Gives a delivery the place of a claim instead of the one it has.
    pub(super) fn put(&mut self, person: Person, id: DeliveryId, claim: &Claim<'_>, kind: u32) {
        self.release(person, id);
        let what = what_of(person, claim);
        let row = Row::near(what, id, kind, self.node).unwrap_or_else(|| {
            let holder = Raw::delivery(id);
            Row::odd(what, self.add_odd(Odd { holder, kind }))
        });
        self.push(person.page, row);
    }

    /// Frees a delivery's place.
    pub(super) fn release(&mut self, person: Person, id: DeliveryId) {
        if let Some(at) = self.place(person, id) {
            self.remove(person.page, at);
        }
    }

    /// Whether a delivery has a place.
    pub(super) fn has(&self, person: Person, id: DeliveryId) -> bool {
        self.place(person, id).is_some()
    }

    /// Drops what is before the time for its kind (one for what caps do not count, one for what
    /// they do); how many, and who waits for any of it.
    pub(super) fn forget(&mut self, before: &[[u64; 2]]) -> (u64, Vec<Waiting>) {
        let (mut dropped, mut waiting) = (0, Vec::new());
        let compact = self.free.len() > MOST_FREE.max(self.odds.len() / 2);
        let mut odds = Vec::new();
        for page in &mut self.pages {
            let capacity = page.capacity();
            page.retain_mut(|row| {
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
                dropped += 1;
                if who.holder.is_pending() {
                    let settled = self.waiting.remove(&who.holder.number());
                    waiting.extend(settled.unwrap_or_default());
                }
                if let Some(index) = row.odd_index() {
                    self.free.push(index);
                }
                false
            });
            if page.capacity() > 2 * page.len() {
                page.shrink_to(page.len());
            }
            self.row_bytes -= (capacity - page.capacity()) * Row::BYTES;
        }
        if compact {
            odds.shrink_to_fit();
            self.odds = odds;
            self.free = Vec::new();
        }
        self.keys -= usize::try_from(dropped).unwrap_or(0);
        (dropped, waiting)
    }

    /// Places, and the memory they take.
    pub(super) fn size(&self) -> (usize, usize) {
        let pages = self.pages.capacity() * size_of::<Vec<Row>>();
        let odds = self.odds.capacity() * size_of::<Odd>() + self.free.capacity() * 4;
        (self.keys, self.row_bytes + pages + odds)
    }

    fn page(&self, page: usize) -> &[Row] {
        self.pages.get(page).map_or(&[], Vec::as_slice)
    }

    fn place(&self, person: Person, id: DeliveryId) -> Option<usize> {
        let holder = Raw::delivery(id);
        self.page(person.page).iter().position(|row| {
            row.person() == person.rest && row.who_of(&self.odds, self.node).holder == holder
        })
    }

    /// Where a pending place is: in its page, and in the list of odds.
    fn pending(&self, page: usize, token: Token) -> Option<(usize, u32)> {
        let holder = Raw::pending(token.as_u64());
        let rows = self.page(page).iter().enumerate();
        let mut odd = rows.filter_map(|(at, row)| Some((at, row.odd_index()?)));
        odd.find(|(_, index)| self.odds[*index as usize].holder == holder)
    }

    fn push(&mut self, page: usize, row: Row) {
        if self.pages.is_empty() {
            self.pages.resize_with(super::PAGES, Vec::new);
        }
        let page = &mut self.pages[page];
        if page.len() == page.capacity() {
            let before = page.capacity();
            page.reserve_exact(1 + page.len() / 16);
            self.row_bytes += (page.capacity() - before) * Row::BYTES;
        }
        page.push(row);
        self.keys += 1;
    }

    fn remove(&mut self, page: usize, at: usize) {
        let row = self.pages[page].swap_remove(at);
        self.free.extend(row.odd_index());
        self.keys -= 1;
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

fn what_of(person: Person, claim: &Claim<'_>) -> What {
    What {
        person: person.rest,
        at: instant(claim.at),
        counts: claim.counts,
        content: digest(claim.content),
    }
}

/// A place in the list of odds. A shard has 1/256 of all people; 4 billion odd places are 16 TB.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// So many free places in the list of odds are kept for those to come.
const MOST_FREE: usize = 64;
