//! Which rule of a plan a delivery falls under.

use super::country::Country;
use super::plan::{Part, Plan, Rule, When};
use crate::id::{AppId, TemplateId};

/// What rules look at in a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The address in its canonical form.
    pub to: &'a str,
    /// The template.
    pub template: TemplateId,
    /// The team that owns the template.
    pub team: &'a str,
    /// The calling app.
    pub app: AppId,
}

/// The country of one delivery's phone, looked up at most once and only if a rule asks.
#[derive(Default)]
struct Asked(Option<Option<Country>>);

impl Asked {
    fn of(&mut self, phone: &str) -> Option<Country> {
        *self.0.get_or_insert_with(|| Country::of_phone(phone))
    }
}

impl Plan {
    /// The place of the first rule that the delivery fits; `None` when none does.
    pub fn rule_index(&self, facts: &Facts<'_>) -> Option<usize> {
        let mut country = Asked::default();
        self.rules
            .iter()
            .position(|rule| rule.when.fits(facts, &mut country))
    }

    /// The first rule that the delivery fits; `None` when none does and the plan's own parts
    /// stand.
    pub fn rule_for(&self, facts: &Facts<'_>) -> Option<&Rule> {
        self.rule_index(facts).map(|index| &self.rules[index])
    }

    /// All parts: the plan's own and those of its rules.
    pub fn all_parts(&self) -> impl Iterator<Item = &Part> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.parts);
        self.parts.iter().chain(of_rules)
    }
}

impl When {
    fn fits(&self, facts: &Facts<'_>, country: &mut Asked) -> bool {
        among(&self.templates, &facts.template)
            && among(&self.apps, &facts.app)
            && (self.teams.is_empty() || self.teams.iter().any(|team| team == facts.team))
            && self.fits_address(facts.to, country)
    }

    fn fits_address(&self, to: &str, country: &mut Asked) -> bool {
        if self.countries.is_empty() && self.prefixes.is_empty() {
            return true;
        }
        self.prefixes
            .iter()
            .any(|prefix| to.starts_with(prefix.as_str()))
            || (!self.countries.is_empty()
                && country
                    .of(to)
                    .is_some_and(|country| self.countries.iter().any(|c| c == country.as_str())))
    }

    /// Whether every delivery that `narrower` is for is one that this is for too, as far as the
    /// written words show: then a rule with `narrower` after this one decides nothing.
    pub fn covers(&self, narrower: &Self) -> bool {
        covers(&self.templates, &narrower.templates)
            && covers(&self.apps, &narrower.apps)
            && covers(&self.teams, &narrower.teams)
            && self.covers_address(narrower)
    }

    fn covers_address(&self, narrower: &Self) -> bool {
        if self.countries.is_empty() && self.prefixes.is_empty() {
            return true;
        }
        let bounded = !narrower.countries.is_empty() || !narrower.prefixes.is_empty();
        bounded
            && narrower
                .prefixes
                .iter()
                .all(|prefix| self.covers_prefix(prefix))
            && narrower
                .countries
                .iter()
                .all(|country| self.covers_country(country))
    }

    fn covers_prefix(&self, prefix: &str) -> bool {
        let begun = |wider: &String| prefix.starts_with(wider.as_str());
        self.prefixes.iter().any(begun)
            || Country::of_prefix(prefix)
                .is_some_and(|country| self.countries.iter().any(|c| c == country.as_str()))
    }

    fn covers_country(&self, country: &String) -> bool {
        let code = Country::parse(country).and_then(Country::calling_code);
        let code = code.map(|code| format!("+{code}"));
        self.countries.contains(country)
            || code.is_some_and(|code| self.prefixes.iter().any(|p| code.starts_with(p.as_str())))
    }
}

fn among<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

fn covers<T: PartialEq>(wider: &[T], narrower: &[T]) -> bool {
    wider.is_empty() || (!narrower.is_empty() && narrower.iter().all(|value| wider.contains(value)))
}

#[cfg(test)]
mod tests;
