//! Who uses which template, how much and since when: exact counts per template and app.
//!
//! What is accepted is counted at once in memory and written down every few seconds, together
//! with the id up to which everything is in it. After a crash the ledger is read from that id on,
//! so nothing is forgotten and nothing is counted twice. The invariant behind it: ids are given
//! in commit order, so an accept that is under way can only bring ids above the highest one that
//! was answered when it began. Tests of templates do not count.

mod recount;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use austin_domain::{AppId, TemplateId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::shared::Shared;

pub(crate) use recount::recount;

/// How much an app has used a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Messages accepted.
    pub messages: u64,
    /// Recipients accepted, each as often as it was written to.
    pub people: u64,
    /// When the first message was accepted.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
}

impl Use {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.people += other.people;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

type Pair = (TemplateId, AppId);

/// One accepted message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The message's number.
    pub(crate) id: u64,
    pub(crate) pair: Pair,
    pub(crate) people: u32,
    pub(crate) at: Timestamp,
}

/// Uses that were added up.
type Sums = HashMap<Pair, Use>;

/// The counts.
#[derive(Default)]
pub(crate) struct Uses(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// All that is known, for readers.
    shown: HashMap<TemplateId, HashMap<AppId, Use>>,
    /// What `through` stands for.
    kept: Sums,
    /// Pairs of `kept` that changed since they were written down.
    dirty: HashSet<Pair>,
    /// Counted already, not in `kept` yet.
    recent: Vec<Seen>,
    /// Everything up to this id is in `kept`.
    through: u64,
    /// The highest id that was answered.
    highest: u64,
    /// Accepts under way: what `highest` was when they began, and how many of them.
    under_way: BTreeMap<u64, usize>,
    /// Whether the ledger is still being read after a start.
    recounting: bool,
}

/// An accept under way. While it lives, nothing above its floor is taken for complete.
pub(crate) struct Accepting<'a> {
    uses: &'a Uses,
    floor: u64,
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        self.uses.0.lock().ended(self.floor);
    }
}

impl Accepting<'_> {
    /// It came to these messages.
    pub(crate) fn came_to(self, seen: impl Iterator<Item = Seen>) {
        let mut counts = self.uses.0.lock();
        for seen in seen {
            counts.count(seen);
        }
    }
}

impl Uses {
    /// To be called before the ledger is asked.
    pub(crate) fn accepting(&self) -> Accepting<'_> {
        let mut counts = self.0.lock();
        let floor = counts.highest;
        *counts.under_way.entry(floor).or_default() += 1;
        Accepting { uses: self, floor }
    }

    /// How much each app has used a template.
    pub(crate) fn of(&self, template: TemplateId) -> Vec<(AppId, Use)> {
        let counts = self.0.lock();
        let of = counts.shown.get(&template);
        let mut found: Vec<_> = of
            .into_iter()
            .flatten()
            .map(|(app, used)| (*app, *used))
            .collect();
        found.sort_by_key(|(app, _)| *app);
        found
    }

    /// When a template was used last.
    pub(crate) fn last(&self, template: TemplateId) -> Option<Timestamp> {
        let counts = self.0.lock();
        let of = counts.shown.get(&template)?;
        of.values().map(|used| used.last).max()
    }

    /// Whether counts may still rise by what happened before the start.
    pub(crate) fn recounting(&self) -> bool {
        self.0.lock().recounting
    }

    /// Begins with what was written down; `newest` is the highest id in the ledger.
    fn restore(&self, book: Vec<(Pair, Use)>, through: u64, newest: u64) {
        let mut counts = self.0.lock();
        for ((template, app), used) in book {
            counts.kept.insert((template, app), used);
            let shown = counts.shown.entry(template).or_default();
            shown.insert(app, used);
        }
        counts.through = through;
        counts.highest = newest.max(through);
        counts.recounting = newest > through;
        if counts.recounting {
            // Holds `through` where it is until the ledger has been read.
            *counts.under_way.entry(through).or_default() += 1;
        }
    }

    /// What the ledger had beyond `through`, when this began.
    fn recounted(&self, found: Sums) {
        let mut guard = self.0.lock();
        let counts = &mut *guard;
        for (pair, used) in found {
            let (template, app) = pair;
            add(counts.shown.entry(template).or_default(), app, used);
            add(&mut counts.kept, pair, used);
            counts.dirty.insert(pair);
        }
        counts.recounting = false;
        // From now on `through` passes all of it: no accept is under way with a lower floor.
        let floor = counts.through;
        counts.ended(floor);
    }

    /// What has changed since the last time and is complete up to an id.
    fn changes(&self) -> Option<Page> {
        let mut counts = self.0.lock();
        let floor = counts.under_way.keys().next().copied();
        let through = floor.unwrap_or(counts.highest).max(counts.through);
        let (done, recent): (Vec<Seen>, Vec<Seen>) = std::mem::take(&mut counts.recent)
            .into_iter()
            .partition(|seen| seen.id <= through);
        counts.recent = recent;
        for seen in done {
            add(&mut counts.kept, seen.pair, seen.as_use());
            counts.dirty.insert(seen.pair);
        }
        if counts.dirty.is_empty() && through == counts.through {
            return None;
        }
        counts.through = through;
        let dirty = std::mem::take(&mut counts.dirty);
        let entries = dirty
            .into_iter()
            .filter_map(|pair| Some((pair, *counts.kept.get(&pair)?)))
            .collect();
        Some(Page { entries, through })
    }

    /// The page was not written down after all.
    fn not_written(&self, page: Page) {
        let pairs = page.entries.into_iter().map(|(pair, _)| pair);
        self.0.lock().dirty.extend(pairs);
    }
}

impl Counts {
    /// One accept less is under way.
    fn ended(&mut self, floor: u64) {
        if let Some(many) = self.under_way.get_mut(&floor) {
            *many -= 1;
            if *many == 0 {
                self.under_way.remove(&floor);
            }
        }
    }

    fn count(&mut self, seen: Seen) {
        let (template, app) = seen.pair;
        add(self.shown.entry(template).or_default(), app, seen.as_use());
        self.highest = self.highest.max(seen.id);
        self.recent.push(seen);
    }
}

impl Seen {
    fn as_use(self) -> Use {
        Use {
            messages: 1,
            people: u64::from(self.people),
            first: self.at,
            last: self.at,
        }
    }
}

fn add<K: std::hash::Hash + Eq>(uses: &mut HashMap<K, Use>, key: K, used: Use) {
    uses.entry(key)
        .and_modify(|before| before.add(used))
        .or_insert(used);
}

/// Something to write down.
struct Page {
    entries: Vec<(Pair, Use)>,
    through: u64,
}

/// Reads what was written down before the restart; the id up to which it is complete and the
/// highest in the ledger.
pub(crate) async fn open(shared: &Shared) -> Result<(u64, u64), Refusal> {
    let mut book = Vec::new();
    for (name, value) in shared.catalog.remembered_all(PAIRS).await? {
        match (pair_of(&name), serde_json::from_value::<Use>(value)) {
            (Some(pair), Ok(used)) => book.push((pair, used)),
            _ => tracing::warn!(%name, "a count of uses cannot be read and starts from nothing"),
        }
    }
    let through = shared.catalog.remembered(THROUGH).await?;
    let through = through.and_then(|value| value.as_u64()).unwrap_or(0);
    let newest = recount::newest(shared).await?;
    shared.uses.restore(book, through, newest);
    Ok((through, newest))
}

/// Writes the counts down until the engine stops, and once more then.
pub(crate) async fn keep(shared: Arc<Shared>) {
    loop {
        let until = shared.clock.now().plus(EVERY);
        let stopping = tokio::select! {
            () = shared.stopping.cancelled() => true,
            () = shared.clock.sleep_until(until) => false,
        };
        write(&shared).await;
        if stopping {
            return;
        }
    }
}

async fn write(shared: &Shared) {
    let Some(page) = shared.uses.changes() else {
        return;
    };
    let mut values: Vec<_> = page
        .entries
        .iter()
        .filter_map(|((template, app), used)| {
            let used = serde_json::to_value(used).ok()?;
            Some((format!("{PAIRS}{template}/{app}"), used))
        })
        .collect();
    values.push((THROUGH.to_owned(), page.through.into()));
    if let Err(error) = shared.catalog.remember_all(values).await {
        tracing::warn!(%error, "the uses of templates are not written down");
        shared.uses.not_written(page);
    }
}

fn pair_of(name: &str) -> Option<Pair> {
    let (template, app) = name.strip_prefix(PAIRS)?.split_once('/')?;
    Some((template.parse().ok()?, app.parse().ok()?))
}

/// Under this stand the counts of a pair.
const PAIRS: &str = "template-uses/";
/// Under this stands the id up to which they are complete.
const THROUGH: &str = "template-uses";
const EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
