//! A route made ready for the hot path: its tags expanded, its rules tried per delivery, its
//! shift read off the clock.
//!
//! Deliveries that fall under the same rules form a [`Group`]. Each group wants a
//! [`Wheel`](super::Wheel) of its own: shares are exact within it.

use super::Share;
use super::matching::Facts;
use super::plan::{Part, Plan, Shift};
use super::shares::{Progress, expand, mix};
use crate::id::AccountId;
use crate::time::Timestamp;

/// Which parts of a plan stand: the place of the rule, or `None` for the plan's own.
type Choice = Option<u16>;

/// Deliveries that share the same parts, of the plan that is left and of the one that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// In the plan that is left; `None` once it has no say.
    from: Option<Choice>,
    /// In the plan that comes; `None` while it has no say.
    to: Option<Choice>,
}

/// A route made ready.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    to: Side,
    leaving: Option<Leaving>,
}

#[derive(Clone, Debug)]
struct Leaving {
    side: Side,
    shift: Shift,
}

/// A plan and the shares of its parts.
#[derive(Clone, Debug, Default)]
struct Side {
    plan: Plan,
    own: Vec<Share>,
    /// By the rules' places.
    rules: Vec<Vec<Share>>,
}

impl Traffic {
    /// `plan` and how it comes about; `members` are the accounts of a tag, in an order of their
    /// own.
    pub fn new(
        plan: &Plan,
        shift: Option<&Shift>,
        members: impl Fn(&str) -> Vec<AccountId>,
    ) -> Self {
        Self {
            to: Side::new(plan, &members),
            leaving: shift.map(|shift| Leaving {
                side: Side::new(&shift.from, &members),
                shift: shift.clone(),
            }),
        }
    }

    /// The group of a delivery.
    pub fn group(&self, facts: &Facts<'_>, now: Timestamp) -> Group {
        let progress = self.progress(now);
        Group {
            from: self
                .leaving
                .as_ref()
                .filter(|_| progress < Progress::COMPLETE)
                .map(|leaving| leaving.side.choice(facts)),
            to: (progress > Progress::NONE).then(|| self.to.choice(facts)),
        }
    }

    /// A group for each rule that has a say at `now`, in the rules' order, and one for what
    /// stands where none fits. While a route is shifting, a rule is taken to have had the shares
    /// of the rule with its name, or else those where none fits.
    pub fn groups(&self, now: Timestamp) -> Vec<Group> {
        let progress = self.progress(now);
        let leaving = self.leaving.as_ref().map(|leaving| &leaving.side);
        let leaving = leaving.filter(|_| progress < Progress::COMPLETE);
        match leaving {
            None => choices(&self.to)
                .map(|to| Group {
                    from: None,
                    to: Some(to),
                })
                .collect(),
            Some(side) if progress == Progress::NONE => choices(side)
                .map(|from| Group {
                    from: Some(from),
                    to: None,
                })
                .collect(),
            Some(side) => choices(&self.to)
                .map(|to| Group {
                    from: Some(side.namesake(self.to.name(to))),
                    to: Some(to),
                })
                .collect(),
        }
    }

    /// The shares of a group at `now`. They change from one call to the next only while the
    /// route is shifting ([`Self::is_shifting`]).
    pub fn shares(&self, group: Group, now: Timestamp) -> Vec<Share> {
        let to = group.to.map(|choice| self.to.shares(choice));
        let from = group.from.zip(self.leaving.as_ref());
        let from = from.map(|(choice, leaving)| leaving.side.shares(choice));
        match (from, to) {
            (Some(from), Some(to)) => mix(from, to, self.progress(now)),
            (Some(only), None) | (None, Some(only)) => only.to_vec(),
            (None, None) => Vec::new(),
        }
    }

    /// The name of the rule that decides for a group: of the plan that comes where it has a say.
    pub fn rule(&self, group: Group) -> Option<&str> {
        let leaving = self.leaving.as_ref().map(|leaving| &leaving.side);
        match (group.to, group.from) {
            (Some(choice), _) => self.to.name(choice),
            (None, Some(choice)) => leaving?.name(choice),
            (None, None) => None,
        }
    }

    /// How far the route has come to its plan.
    pub fn progress(&self, now: Timestamp) -> Progress {
        self.leaving
            .as_ref()
            .map_or(Progress::COMPLETE, |leaving| leaving.shift.at(now))
    }

    /// Whether shares change with time at `now`.
    pub fn is_shifting(&self, now: Timestamp) -> bool {
        let progress = self.progress(now);
        progress > Progress::NONE && progress < Progress::COMPLETE
    }

    /// Every account that the route may use at `now`, each once.
    pub fn accounts(&self, now: Timestamp) -> Vec<AccountId> {
        let progress = self.progress(now);
        let to = (progress > Progress::NONE).then_some(&self.to);
        let from = self.leaving.as_ref().map(|leaving| &leaving.side);
        let from = from.filter(|_| progress < Progress::COMPLETE);
        let mut accounts: Vec<AccountId> = to
            .into_iter()
            .chain(from)
            .flat_map(|side| side.rules.iter().chain([&side.own]))
            .flatten()
            .map(|share| share.account)
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}

impl Side {
    fn new(plan: &Plan, members: &impl Fn(&str) -> Vec<AccountId>) -> Self {
        let shares = |parts: &[Part]| expand(parts, members);
        Self {
            own: shares(&plan.parts),
            rules: plan.rules.iter().map(|rule| shares(&rule.parts)).collect(),
            plan: plan.clone(),
        }
    }

    fn choice(&self, facts: &Facts<'_>) -> Choice {
        // Plans have far fewer rules than that.
        let index = self.plan.rule_index(facts)?;
        u16::try_from(index).ok()
    }

    fn name(&self, choice: Choice) -> Option<&str> {
        let rule = self.plan.rules.get(usize::from(choice?))?;
        Some(&rule.name)
    }

    /// The choice of the rule with this name.
    fn namesake(&self, name: Option<&str>) -> Choice {
        let name = name?;
        let place = self.plan.rules.iter().position(|rule| rule.name == name)?;
        u16::try_from(place).ok()
    }

    fn shares(&self, choice: Choice) -> &[Share] {
        let of_rule = choice.and_then(|rule| self.rules.get(usize::from(rule)));
        of_rule.unwrap_or(&self.own)
    }
}

/// Every choice of a plan: its rules in order, then what stands where none fits.
fn choices(side: &Side) -> impl Iterator<Item = Choice> {
    let rules = u16::try_from(side.plan.rules.len()).unwrap_or(u16::MAX);
    (0..rules).map(Some).chain([None])
}

#[cfg(test)]
mod tests;
