//! Kinds of traffic under short numbers: template, lane and team as one.
//!
//! Invariant: a number means the same kind for ever. There are about as many as there are
//! templates, and none is ever removed.

use std::hash::BuildHasher;

use austin_domain::{Lane, TemplateId};
use austin_ports::meter::{Claim, Over};
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;

/// What deliveries have in common, as far as limits look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) template: TemplateId,
    pub(super) lane: Lane,
    pub(super) team: Box<str>,
}

impl Kind {
    fn is(&self, claim: &Claim<'_>) -> bool {
        self.template == claim.template && self.lane == claim.lane && *self.team == *claim.team
    }

    /// Whether a cap over `over` counts this kind for a claim of `other`.
    pub(super) fn falls_under(&self, over: Over, other: &Claim<'_>) -> bool {
        match over {
            Over::All => true,
            Over::Channel => self.lane.channel == other.lane.channel,
            Over::Class => self.lane.class == other.lane.class,
            Over::Team => *self.team == *other.team,
            Over::Template => self.template == other.template,
        }
    }
}

/// All kinds seen so far.
#[derive(Debug, Default)]
pub(super) struct Kinds(RwLock<Known>);

/// They, while nobody adds one.
#[derive(Debug, Default)]
pub(super) struct Known {
    list: Vec<Kind>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Known {
    pub(super) fn get(&self, number: u32) -> &Kind {
        &self.list[number as usize]
    }

    pub(super) fn list(&self) -> &[Kind] {
        &self.list
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<Kind>() + self.index.allocation_size()
    }

    fn hash(&self, template: TemplateId) -> u64 {
        // Template alone: it has one lane, and another team only after a transfer.
        self.hasher.hash_one(template)
    }

    fn find(&self, claim: &Claim<'_>) -> Option<u32> {
        let is = |number: &u32| self.get(*number).is(claim);
        self.index.find(self.hash(claim.template), is).copied()
    }

    fn add(&mut self, claim: &Claim<'_>) {
        if self.find(claim).is_some() {
            return;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(Kind {
            template: claim.template,
            lane: claim.lane,
            team: claim.team.into(),
        });
        let hash = self.hash(claim.template);
        let (list, hasher) = (&self.list, &self.hasher);
        self.index.insert_unique(hash, number, |number| {
            hasher.hash_one(list[*number as usize].template)
        });
    }
}

impl Kinds {
    /// Runs `act` with the number of each claim's kind and all kinds.
    pub(super) fn numbered<'a, T>(
        &self,
        claims: impl Iterator<Item = &'a Claim<'a>> + Clone,
        act: impl FnOnce(&[u32], &Known) -> T,
    ) -> T {
        loop {
            {
                let known = self.0.read();
                let numbers: Option<Vec<u32>> =
                    claims.clone().map(|claim| known.find(claim)).collect();
                if let Some(numbers) = numbers {
                    return act(&numbers, &known);
                }
            }
            let mut known = self.0.write();
            claims.clone().for_each(|claim| known.add(claim));
        }
    }

    /// Runs `act` with all kinds.
    pub(super) fn read<T>(&self, act: impl FnOnce(&Known) -> T) -> T {
        act(&self.0.read())
    }
}
