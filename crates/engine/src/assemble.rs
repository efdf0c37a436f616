//! Which of a lane's ready deliveries travel now, at which account, in which call. Plain data in,
//! plain data out; the only state it moves is the accounts' pace.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use austin_domain::template::TemplateState;
use austin_domain::{AccountId, MessageId, Reason, RuleRef, State, TemplateId, Timestamp};
use austin_ports::catalog::TemplateEntry;
use austin_ports::ledger::{Change, WorkItem};
use hashbrown::{HashMap, HashSet};

use crate::attempt::ReadyBatch;
use crate::directory::{Directory, Usable};
use crate::pace::{Ask, Blocked, Refused};
use crate::pauses;
use crate::routing::{Choices, Way, Wheels};

/// What is to be done with the deliveries that were taken.
#[derive(Default)]
pub(crate) struct Plan {
    /// Calls to make, at most as many as were asked for.
    pub(crate) batches: Vec<ReadyBatch>,
    /// Deliveries that keep their place.
    pub(crate) put_back: Vec<WorkItem>,
    /// Deliveries that leave without a call, or wait for a time of their own.
    pub(crate) changes: Vec<Change>,
    /// Why deliveries were put back for want of an account.
    pub(crate) blocked: Option<Blocked>,
}

/// Deliveries with the same key may travel together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct BatchKey {
    account: AccountId,
    template: TemplateId,
    version: u32,
    /// Set where the whole message must stay together: it has attachments.
    message: Option<MessageId>,
    /// The place of its language among the version's, from 1; 0: the default words.
    locale: u16,
    /// Hash of the values, where all recipients of a call must share them.
    content: Option<u64>,
}

/// What keeps one delivery from its accounts.
#[derive(Default)]
struct Own {
    /// Accounts that have written to its number often enough, and the first of them to be free.
    full: Vec<AccountId>,
    number: Option<Blocked>,
    /// Whether some account only cannot be called now.
    waits: bool,
}

impl Own {
    fn full(&mut self, account: AccountId, blocked: Blocked) {
        self.full.push(account);
        if self
            .number
            .as_ref()
            .is_none_or(|first| blocked.until < first.until)
        {
            self.number = Some(blocked);
        }
    }
}

/// Why a delivery found no place in a call to an account.
enum NoPlace {
    /// All calls there may be are planned.
    Calls,
    /// The account may not be called now.
    Account,
    /// The account has written to this number often enough.
    Number(Blocked),
}

struct Assembly<'a> {
    directory: &'a Directory,
    now: Timestamp,
    room_for: Room,
    open: HashMap<BatchKey, usize>,
    closed: HashSet<AccountId>,
    /// Of the delivery that is being placed: why accounts may not have it, whatever becomes of
    /// the others.
    own: Own,
    /// Recipients that the open calls can still take.
    room: usize,
    choices: Choices<'a>,
    plan: Plan,
}

/// How much may be planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Calls, whenever they leave.
    pub(crate) calls: usize,
    /// Those of them that may leave later.
    pub(crate) booked: usize,
    /// How much later.
    pub(crate) ahead: Duration,
}

/// Plans calls for `items`, as many as there is room for.
pub(crate) fn assemble(
    items: Vec<WorkItem>,
    directory: &Directory,
    wheels: &mut Wheels,
    room: Room,
    now: Timestamp,
) -> Plan {
    let mut assembly = Assembly {
        directory,
        now,
        room_for: room,
        open: HashMap::new(),
        closed: HashSet::new(),
        own: Own::default(),
        room: 0,
        choices: Choices::new(directory, now),
        plan: Plan::default(),
    };
    for item in items {
        assembly.place(item, wheels);
    }
    assembly.plan
}

impl Assembly<'_> {
    fn place(&mut self, item: WorkItem, wheels: &mut Wheels) {
        if let Some((to, reason)) = self.leaves(&item) {
            self.change(&item, to, None, reason);
            return;
        }
        if let Some((due_at, reason)) = pauses::holds(&self.directory.snapshot, &item, self.now) {
            self.change(&item, State::Held, Some(due_at), reason);
            return;
        }
        if self.room == 0 && self.plan.batches.len() >= self.room_for.calls {
            // Without a turn of the wheel: turns are for deliveries that travel.
            self.plan.put_back.push(item);
            return;
        }
        let way = self.directory.way(&item, self.now);
        self.own = Own::default();
        loop {
            let Some(usable) = self.pick(&item, way, wheels) else {
                self.without_account(item, way);
                return;
            };
            match self.batch_for(&item, &usable) {
                Ok(batch) => {
                    self.plan.batches[batch].items.push(item);
                    self.room = self.room.saturating_sub(1);
                    return;
                }
                Err(NoPlace::Calls) => {
                    self.plan.put_back.push(item);
                    return;
                }
                Err(NoPlace::Account) => {
                    self.closed.insert(usable.record.id);
                }
                Err(NoPlace::Number(blocked)) => self.own.full(usable.record.id, blocked),
            }
        }
    }

    /// The next account for a delivery. Not the one that had it last while another may take it;
    /// one that just refused it, or that took it without a receipt in time, not at all.
    fn pick(&mut self, item: &WorkItem, way: Way, wheels: &mut Wheels) -> Option<Arc<Usable>> {
        let (directory, closed, lane) = (self.directory, &self.closed, item.message.lane);
        let (now, own) = (self.now, RefCell::new(&mut self.own));
        let open = |id: AccountId| {
            let Some(usable) = directory.usable(id) else {
                return false;
            };
            let out = item.spent.contains(&id) || own.borrow().full.contains(&id);
            if out || !usable.carries(directory, item) {
                return false;
            }
            if closed.contains(&id) {
                own.borrow_mut().waits = true;
                return false;
            }
            // Before the wheel turns: turns are for deliveries that travel.
            match usable
                .pace
                .number_limit(ask(usable, item, Duration::ZERO), now)
            {
                Some(blocked) => {
                    own.borrow_mut().full(id, blocked);
                    false
                }
                None => true,
            }
        };
        let fresh = |id: AccountId| open(id) && item.last_account != Some(id);
        let mut picked = self.choices.pick(way, wheels, lane, fresh);
        if picked.is_none() && !item.moves {
            picked = self.choices.pick(way, wheels, lane, open);
        }
        directory.usable(picked?).map(Arc::clone)
    }

    /// Deliveries that no vendor should see any more.
    fn leaves(&self, item: &WorkItem) -> Option<(State, Reason)> {
        if item.message.expires_at <= self.now {
            let detail = if item.spent.is_empty() {
                "its time ran out before a vendor took it"
            } else {
                "its time ran out before another account took it; no receipt came in time from \
                 those that did"
            };
            let reason = Reason::new("expired", detail);
            return Some((State::Expired, reason));
        }
        let entry = self
            .directory
            .snapshot
            .templates
            .get(&item.message.template);
        let gone = || Some(Reason::new("template_disabled", "its template is gone"));
        let stopped = entry.map_or_else(gone, |entry| stopped(entry, item));
        stopped.map(|reason| (State::Suppressed, reason))
    }

    /// In which of its version's languages the delivery speaks.
    fn locale(&self, item: &WorkItem) -> u16 {
        let place = || {
            let entry = self
                .directory
                .snapshot
                .templates
                .get(&item.message.template)?;
            let version = entry.version(item.message.version)?;
            let tag = version.locale(item.locale())?;
            let place = version.locales.keys().position(|known| known == tag)?;
            u16::try_from(place + 1).ok()
        };
        place().unwrap_or_default()
    }

    /// The open batch that can take the delivery, or a new one if the account may be called.
    fn batch_for(&mut self, item: &WorkItem, usable: &Arc<Usable>) -> Result<usize, NoPlace> {
        let key = BatchKey {
            account: usable.record.id,
            template: item.message.template,
            version: item.message.version,
            message: (!item.message.attachments.is_empty()).then_some(item.message.id),
            locale: self.locale(item),
            content: usable.batching.same_content.then(|| hash(item)),
        };
        if let Some(index) = self.open.get(&key).copied() {
            let batch = &self.plan.batches[index];
            let room = batch.items.len() < most(usable, batch.permit.most);
            // The hash only finds candidates; what travels together must really be the same.
            let same = key.content.is_none()
                || batch.items.first().is_some_and(|first| {
                    Arc::ptr_eq(&first.vars, &item.vars) || first.vars == item.vars
                });
            if room && same {
                let ask = ask(usable, item, self.ahead());
                let permit = &mut self.plan.batches[index].permit;
                match usable.pace.join(ask, permit, self.now) {
                    Ok(true) => return Ok(index),
                    // It may travel in a later call.
                    Ok(false) => {}
                    Err(refused) => return Err(self.refused(refused)),
                }
            }
        }
        if self.plan.batches.len() >= self.room_for.calls {
            return Err(NoPlace::Calls);
        }
        let permit = match usable.pace.open(ask(usable, item, self.ahead()), self.now) {
            Ok(permit) => permit,
            Err(refused) => return Err(self.refused(refused)),
        };
        if permit.leaves_at > self.now {
            self.room_for.booked = self.room_for.booked.saturating_sub(1);
        }
        let index = self.plan.batches.len();
        self.plan.batches.push(ReadyBatch {
            usable: Arc::clone(usable),
            items: Vec::new(),
            permit,
        });
        self.open.insert(key, index);
        self.room += most(usable, permit.most);
        Ok(index)
    }

    /// How far ahead a call may be booked.
    const fn ahead(&self) -> Duration {
        match self.room_for.booked {
            0 => Duration::ZERO,
            _ => self.room_for.ahead,
        }
    }

    fn refused(&mut self, refused: Refused) -> NoPlace {
        match refused {
            Refused::Account(blocked) => {
                self.block(blocked);
                NoPlace::Account
            }
            Refused::Number(blocked) => NoPlace::Number(blocked),
        }
    }

    /// Several accounts may stand in the way: all are named, and the first to be free counts.
    fn block(&mut self, blocked: Blocked) {
        match &mut self.plan.blocked {
            Some(earlier) => {
                earlier.until = earlier.until.min(blocked.until);
                if earlier.why.len() < LONG_ENOUGH {
                    earlier.why = format!("{}; {}", earlier.why, blocked.why);
                }
            }
            slot => *slot = Some(blocked),
        }
    }

    /// No account takes the delivery now: it keeps its place, unless its caller named the
    /// account, in which case it makes room for those behind it.
    fn without_account(&mut self, item: WorkItem, way: Way) {
        let until = self.plan.blocked.as_ref().map(|blocked| blocked.until);
        if let Some(full) = self.own.number.take_if(|_| !self.own.waits) {
            let reason = Reason::new("number_limit", full.why);
            self.change(&item, State::Queued, Some(full.until), reason);
            return;
        }
        if let Some(account) = item.message.account {
            let unusable = self.directory.usable(account).is_none();
            let due = until
                .filter(|_| !unusable)
                .unwrap_or(self.now.plus(PINNED_RECHECK));
            if unusable || due > self.now.plus(SHORT_WAIT) {
                let mut detail = "the account it was sent through cannot be called now".to_owned();
                if let Some(why) = self.directory.why_unusable(&item.message) {
                    detail = format!("{detail}: {why}");
                }
                let reason = Reason::new("account_unavailable", detail);
                self.change(&item, State::Queued, Some(due), reason);
                return;
            }
        } else if !item.spent.is_empty() {
            let due = until.unwrap_or(self.now.plus(PINNED_RECHECK));
            let detail = "no receipt came in time from the accounts that took it, and no other can \
                          take it now";
            let reason = Reason::new("no_other_account", detail);
            let due = due.clamp(self.now.plus(SHORT_WAIT), self.now.plus(PINNED_RECHECK));
            self.change(&item, State::Queued, Some(due), reason);
            return;
        } else if item.moves {
            // Whoever refused it may take it later after all; meanwhile it makes room.
            let due = until.unwrap_or(self.now).max(self.now.plus(SHORT_WAIT));
            let detail = "the account that had it refused it and no other can take it now";
            let reason = Reason::new("no_other_account", detail);
            let due = due.min(self.now.plus(PINNED_RECHECK));
            self.change(&item, State::Queued, Some(due), reason);
            return;
        } else if let Some(reason) = self.unmapped(&item, way) {
            // Waiting in its place it would stand before other templates.
            let due = self.now.plus(PINNED_RECHECK);
            self.change(&item, State::Queued, Some(due), reason);
            return;
        } else if until.is_none() {
            let lane = item.message.lane;
            let why = if way == Way::Nowhere {
                format!("there is no route for {lane}")
            } else if let Some(why) = self.directory.why_unusable(&item.message) {
                format!("no account of the route for {lane} can be used: {why}")
            } else {
                format!("no account of the route for {lane} is enabled")
            };
            self.block(Blocked {
                until: self.now.plus(NO_ROUTE_RECHECK),
                why,
            });
        }
        self.plan.put_back.push(item);
    }

    /// Why no account that can be used knows the delivery's template, where that is so.
    fn unmapped(&mut self, item: &WorkItem, way: Way) -> Option<Reason> {
        let directory = self.directory;
        let accounts = self.choices.accounts(way, item.message.lane);
        let mut why = None;
        for usable in accounts.filter_map(|id| directory.usable(id)) {
            if usable.carries(directory, item) {
                return None;
            }
            why = why.or_else(|| usable.why_not_carried(directory, item));
        }
        why
    }

    fn change(&mut self, item: &WorkItem, to: State, due_at: Option<Timestamp>, reason: Reason) {
        self.plan.changes.push(Change {
            delivery: item.id,
            from: None,
            to,
            due_at,
            reason,
        });
    }
}

/// Why the template's own state stops the delivery. Tests of versions that are not live yet pass.
fn stopped(entry: &TemplateEntry, item: &WorkItem) -> Option<Reason> {
    let template = &entry.template;
    let (code, did) = match template.state {
        TemplateState::Enabled => return None,
        TemplateState::Archived => ("template_archived", "archived"),
        _ if item.is_test() => return None,
        TemplateState::Disabled => ("template_disabled", "disabled"),
        _ => ("template_disabled", "taken out of use"),
    };
    let mut detail = format!("its template was {did} while it waited");
    if let Some(since) = &template.since {
        // Writing to a string cannot fail.
        let _ = write!(detail, ", by {} at {}", since.by, since.at);
        if let Some(reason) = &since.reason {
            let _ = write!(detail, ": {reason}");
        }
    }
    let rule = RuleRef {
        name: format!("template/{}", template.key),
        version: template.current,
        part: "state".to_owned(),
    };
    Some(Reason::new(code, detail).by(rule))
}

fn ask<'a>(usable: &'a Usable, item: &'a WorkItem, ahead: Duration) -> Ask<'a> {
    Ask {
        key: &usable.key,
        bounds: &usable.bounds,
        class: item.message.lane.class,
        to: &item.to,
        ahead,
    }
}

/// Most recipients of a call.
fn most(usable: &Usable, permitted: usize) -> usize {
    permitted.min(usize::from(usable.batching.max_recipients))
}

fn hash(item: &WorkItem) -> u64 {
    let mut hasher = DefaultHasher::new();
    item.vars.hash(&mut hasher);
    hasher.finish()
}

const PINNED_RECHECK: Duration = Duration::from_secs(30);
const SHORT_WAIT: Duration = Duration::from_secs(1);
const NO_ROUTE_RECHECK: Duration = Duration::from_secs(1);
const LONG_ENOUGH: usize = 400;

#[cfg(test)]
mod tests;
