//! Which templates an account of a route could not carry for want of a mapping.

use austin_domain::Lane;
use austin_domain::route::plan::{Part, Plan, Target, When};
use austin_domain::template::TemplateState;
use austin_ports::catalog::{AccountRecord, Snapshot, TemplateEntry};

use super::{members, record};
use crate::adapters::Adapters;
use crate::carry::can_carry;
use crate::manage::faults::Faults;

/// Most templates that are named in one fault.
const NAMED: usize = 10;

/// Adds a fault for every line of `plan` whose account lacks the vendor template or signature
/// of an enabled template that may come to it.
pub(super) fn check(
    faults: &mut Faults,
    adapters: &Adapters,
    snapshot: &Snapshot,
    lane: Lane,
    plan: &Plan,
) {
    let of_rules = plan.rules.iter().enumerate().map(|(index, rule)| {
        let templates = templates(snapshot, lane, Some(&rule.when));
        (format!("/rules/{index}"), &rule.parts, templates)
    });
    // Templates that a rule takes whole never come to the route's own accounts.
    let mut rest = templates(snapshot, lane, None);
    rest.retain(|entry| !plan.rules.iter().any(|rule| takes_whole(&rule.when, entry)));
    let own = (String::new(), &plan.parts, rest);
    for (base, parts, templates) in std::iter::once(own).chain(of_rules) {
        for (index, part) in parts.iter().enumerate() {
            for account in accounts(snapshot, lane, part) {
                let lacking = lacking(adapters, account, &templates);
                if !lacking.is_empty() {
                    let detail = told(account, &lacking);
                    faults.add(
                        &format!("{base}/accounts/{index}"),
                        "missing_mapping",
                        detail,
                    );
                }
            }
        }
    }
}

/// The enabled templates of a lane that a rule may be for, by key.
pub(super) fn templates<'a>(
    snapshot: &'a Snapshot,
    lane: Lane,
    when: Option<&When>,
) -> Vec<&'a TemplateEntry> {
    let may_come = |entry: &TemplateEntry| {
        let template = &entry.template;
        when.is_none_or(|when| {
            (when.templates.is_empty() || when.templates.contains(&template.id))
                && (when.teams.is_empty() || when.teams.contains(&template.owner.team))
        })
    };
    let mut found: Vec<&TemplateEntry> = snapshot
        .templates
        .values()
        .map(|entry| &**entry)
        .filter(|entry| entry.template.lane() == lane)
        .filter(|entry| entry.template.state == TemplateState::Enabled && may_come(entry))
        .collect();
    found.sort_unstable_by(|a, b| a.template.key.cmp(&b.template.key));
    found
}

fn takes_whole(when: &When, entry: &TemplateEntry) -> bool {
    when.templates.contains(&entry.template.id)
        && when.countries.is_empty()
        && when.prefixes.is_empty()
        && when.apps.is_empty()
        && (when.teams.is_empty() || when.teams.contains(&entry.template.owner.team))
}

fn accounts<'a>(snapshot: &'a Snapshot, lane: Lane, part: &Part) -> Vec<&'a AccountRecord> {
    let ids = match &part.to {
        Target::Account(id) => vec![*id],
        Target::Tag(tag) => members(snapshot, lane.channel, tag),
    };
    ids.into_iter()
        .filter_map(|id| record(snapshot, id))
        .collect()
}

/// The keys of the templates that the account cannot carry.
fn lacking<'a>(
    adapters: &Adapters,
    account: &AccountRecord,
    templates: &[&'a TemplateEntry],
) -> Vec<&'a str> {
    let Some(adapter) = adapters.get(&account.adapter) else {
        return Vec::new();
    };
    let lacks = |entry: &&&TemplateEntry| {
        entry.current().is_some_and(|version| {
            let tags = version.locales.keys().map(|tag| Some(tag.as_str()));
            let mut all = std::iter::once(None).chain(tags);
            all.any(|tag| can_carry(version, tag, account, adapter.descriptor()).is_err())
        })
    };
    templates
        .iter()
        .filter(lacks)
        .map(|entry| entry.template.key.as_str())
        .collect()
}

fn told(account: &AccountRecord, lacking: &[&str]) -> String {
    let mut named = lacking[..lacking.len().min(NAMED)].join(", ");
    if lacking.len() > NAMED {
        named.push_str(&format!(" and {} more", lacking.len() - NAMED));
    }
    format!(
        "{} has no vendor template or signature for {named}: write vendor_templates.{} into them, \
         set the account's own, or send allow_missing_mapping to have it pass these over",
        account.key, account.key
    )
}
