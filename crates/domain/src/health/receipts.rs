//! How many of an account's messages are known to be delivered, by how long ago they were sent.
//!
//! A sample of what was sent in each two seconds (a cohort) is followed until its receipts come
//! or it is too old. Only cohorts of an age by which receipts usually have come are judged, and
//! they are compared with what is usual at that age, here and at the other accounts.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::time::Timestamp;

/// Ages at which receipts are counted, in seconds.
pub const AGES: [u64; 8] = [2, 5, 10, 20, 40, 80, 160, 320];

/// The part of messages known to be delivered by each age of [`AGES`], in thousandths; `None`
/// where too little is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Curve(pub [Option<u32>; AGES.len()]);

/// The receipts of an account.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    cohorts: VecDeque<Cohort>,
    /// Followed messages: when they were sent.
    followed: HashMap<u64, Timestamp>,
    /// Receipts of messages whose acceptance is not recorded yet: a fast vendor.
    early: VecDeque<(u64, bool)>,
    usual: Curve,
    learned_at: Option<Timestamp>,
    /// Whether any ever came.
    heard: bool,
}

#[derive(Clone, Debug)]
struct Cohort {
    began: Timestamp,
    /// Followed messages, in the order they were sent.
    members: Vec<u64>,
    /// Delivered within each age, not within the one before.
    delivered: [u32; AGES.len()],
    undelivered: u32,
}

/// How far an account lags behind what is usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deficit {
    /// Missing ones in thousandths of the usual ones.
    pub per_mille: u32,
    /// Messages that were judged.
    pub sent: u32,
    /// Of these, how many were known to be delivered in time.
    pub delivered: u32,
    /// In what time.
    pub within: Duration,
    /// How many of a thousand usually are.
    pub usual_per_mille: u32,
}

/// What became of the followed messages of the last minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages followed.
    pub sent: u32,
    /// Known to be delivered.
    pub delivered: u32,
    /// Known not to be.
    pub undelivered: u32,
}

impl Receipts {
    /// A message was accepted by the vendor. `names` are the numbers its receipt may come by.
    pub fn sent(&mut self, id: u64, names: [Option<u64>; 2], now: Timestamp) {
        let began = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(COHORT_MILLIS));
        if self
            .cohorts
            .back()
            .is_none_or(|newest| newest.began < began)
        {
            self.cohorts.push_back(Cohort {
                began,
                members: Vec::new(),
                delivered: [0; AGES.len()],
                undelivered: 0,
            });
            self.forget(now);
        }
        let Some(newest) = self.cohorts.back_mut() else {
            return;
        };
        if newest.members.len() >= FOLLOWED {
            return;
        }
        newest.members.push(id);
        self.followed.insert(id, now);
        let came_early = self
            .early
            .iter()
            .position(|(name, _)| *name == id || names.contains(&Some(*name)));
        if let Some((_, delivered)) = came_early.and_then(|index| self.early.remove(index)) {
            self.came(id, delivered, now);
        }
    }

    /// A receipt came for a message.
    pub fn came(&mut self, id: u64, delivered: bool, now: Timestamp) {
        self.heard = true;
        let Some(sent_at) = self.followed.remove(&id) else {
            return;
        };
        let index = self
            .cohorts
            .partition_point(|cohort| cohort.began <= sent_at);
        let Some(cohort) = index
            .checked_sub(1)
            .and_then(|index| self.cohorts.get_mut(index))
        else {
            return;
        };
        let age = now.since(sent_at);
        let age = AGES
            .iter()
            .position(|limit| age <= Duration::from_secs(*limit));
        match age {
            _ if !delivered => cohort.undelivered += 1,
            Some(age) => cohort.delivered[age] += 1,
            None => {}
        }
    }

    /// A receipt came for a message that is not known yet, by a number its acceptance will have.
    pub fn came_early(&mut self, name: u64, delivered: bool) {
        self.heard = true;
        if self.early.len() >= EARLY {
            self.early.pop_front();
        }
        self.early.push_back((name, delivered));
    }

    /// Whether a message is followed.
    pub fn follows(&self, id: u64) -> bool {
        self.followed.contains_key(&id)
    }

    /// What is usual here.
    pub fn usual(&self) -> Option<&Curve> {
        self.heard.then_some(&self.usual)
    }

    /// What became of all that is followed.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for cohort in &self.cohorts {
            tally.sent += count(cohort.members.len());
            tally.delivered += cohort.delivered.iter().sum::<u32>();
            tally.undelivered += cohort.undelivered;
        }
        tally
    }

    /// How the cohorts that are just old enough did, by age.
    pub fn present(&self, now: Timestamp) -> Curve {
        let mut curve = Curve::default();
        for (age, slot) in curve.0.iter_mut().enumerate() {
            let (sent, delivered) = self.at_age(age, now);
            *slot = (sent >= ENOUGH).then(|| delivered * 1000 / sent.max(1));
        }
        curve
    }

    /// How far it lags behind what is usual here or, if more, at its peers. `None` while there is
    /// too little to judge by.
    pub fn deficit(&self, peers: Option<&Curve>, now: Timestamp) -> Option<Deficit> {
        if !self.heard {
            return None;
        }
        let reference = self.usual.or_better(peers);
        let age = reference.judged_at()?;
        let usual_per_mille = reference.0[age]?;
        let (sent, delivered) = self.at_age(age, now);
        if sent < ENOUGH || usual_per_mille == 0 {
            return None;
        }
        let present = delivered * 1000 / sent;
        Some(Deficit {
            per_mille: usual_per_mille.saturating_sub(present) * 1000 / usual_per_mille,
            sent,
            delivered,
            within: Duration::from_secs(AGES[age]),
            usual_per_mille,
        })
    }

    /// Takes the present as normal, slowly.
    pub(super) fn learn(&mut self, now: Timestamp) {
        if self
            .learned_at
            .is_some_and(|at| now.since(at) < LEARN_EVERY)
        {
            return;
        }
        self.learned_at = Some(now);
        let present = self.present(now);
        for (usual, present) in self.usual.0.iter_mut().zip(present.0) {
            let Some(present) = present else { continue };
            *usual = Some(match *usual {
                None => present,
                // Better at once, worse slowly: a fault must not become the norm before it is
                // noticed.
                Some(usual) if present >= usual => (usual + present).div_ceil(2),
                Some(usual) => (usual * 63 + present) / 64,
            });
        }
    }

    /// Messages of the cohorts that have just reached an age, and how many were delivered by it.
    fn at_age(&self, age: usize, now: Timestamp) -> (u32, u32) {
        let youngest = now.minus(Duration::from_secs(AGES[age]));
        let oldest = youngest.minus(JUDGED_OVER);
        let mut sum = (0, 0);
        for cohort in self.cohorts.iter().rev() {
            let ended = Timestamp::from_millis(cohort.began.millis() + COHORT_MILLIS);
            if ended > youngest {
                continue;
            }
            if ended < oldest {
                break;
            }
            sum.0 += count(cohort.members.len());
            sum.1 += cohort.delivered[..=age].iter().sum::<u32>();
        }
        sum
    }

    fn forget(&mut self, now: Timestamp) {
        let most = Duration::from_secs(AGES[AGES.len() - 1]) + JUDGED_OVER;
        while let Some(oldest) = self.cohorts.front()
            && now.since(oldest.began) > most + Duration::from_secs(10)
        {
            for id in &oldest.members {
                self.followed.remove(id);
            }
            self.cohorts.pop_front();
        }
    }
}

impl Curve {
    /// The better of the two at each age.
    #[must_use]
    pub fn or_better(&self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return *self };
        let mut better = *self;
        for (own, other) in better.0.iter_mut().zip(other.0) {
            *own = (*own).max(other);
        }
        better
    }

    /// The first age by which four fifths of all that ever come have come.
    fn judged_at(&self) -> Option<usize> {
        let all = self.0.iter().copied().flatten().max()?;
        self.0
            .iter()
            .position(|part| part.is_some_and(|part| part * 5 >= all * 4))
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const COHORT_MILLIS: i64 = 2000;
/// Messages of a cohort that are followed; 350 seconds of cohorts are kept, so that an account
/// follows at most 28,000.
const FOLLOWED: usize = 160;
const EARLY: usize = 512;
const JUDGED_OVER: Duration = Duration::from_secs(10);
const ENOUGH: u32 = 20;
const LEARN_EVERY: Duration = Duration::from_secs(2);
