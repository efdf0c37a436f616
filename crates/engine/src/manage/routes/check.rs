//! From a route as somebody wrote it to a plan that the delivery path can follow.

use std::collections::HashSet;
use std::hash::Hash;

use austin_domain::route::country::Country;
use austin_domain::route::plan::{Part, Plan, ReceiptTimeout, Rule, Target, When};
use austin_domain::{Channel, Lane};
use austin_ports::catalog::Snapshot;

use super::draft::{RouteDraft, RuleDraft, ShareDraft, TimeoutDraft, WhenDraft};
use super::members;
use crate::manage::faults::Faults;

/// Most accounts and tags of one list.
const MAX_SHARES: usize = 64;
/// Greatest weight.
const MAX_WEIGHT: u32 = 1_000_000;
/// Most rules of one route.
const MAX_RULES: usize = 64;
/// Most values of one condition.
const MAX_VALUES: usize = 200;
/// Most digits of a phone (E.164).
const MAX_DIGITS: usize = 15;
/// Most characters of a beginning of another address.
const MAX_PREFIX: usize = 64;
/// Accounts that a delivery without a receipt is handed to, when the route does not say.
const USUAL_ATTEMPTS: u16 = 2;
/// Most accounts that a delivery without a receipt is handed to.
const MAX_ATTEMPTS: u16 = 10;

/// Checks drafts against what is configured.
pub(super) struct Check<'a> {
    pub(super) faults: &'a mut Faults,
    pub(super) snapshot: &'a Snapshot,
    pub(super) lane: Lane,
}

/// The rules before one.
#[derive(Default)]
struct Before {
    names: HashSet<String>,
    /// Those whose conditions are not at fault.
    sound: Vec<(String, When)>,
}

impl Check<'_> {
    /// The plan; useless when faults were added.
    pub(super) fn plan(&mut self, draft: &RouteDraft) -> Plan {
        let parts = self.parts("", &draft.accounts);
        if draft.rules.len() > MAX_RULES {
            let detail = format!("must have at most {MAX_RULES} rules");
            self.faults.add("/rules", "too_many", detail);
        }
        let mut before = Before::default();
        let rules = draft.rules.iter().enumerate().take(MAX_RULES);
        let rules = rules
            .map(|(index, rule)| self.rule(index, rule, &mut before))
            .collect();
        Plan {
            parts,
            rules,
            receipt_timeout: self.timeout(draft.receipt_timeout.as_ref()),
        }
    }

    fn rule(&mut self, index: usize, draft: &RuleDraft, before: &mut Before) -> Rule {
        let base = format!("/rules/{index}");
        let name = format!("{base}/name");
        if draft.name.trim().is_empty() {
            self.faults.add(&name, "required", "must not be empty");
        }
        self.faults.line(&name, &draft.name);
        if before.names.contains(&draft.name) {
            let detail = "another rule of this route has this name";
            self.faults.add(&name, "duplicate_name", detail);
        }
        before.names.insert(draft.name.clone());
        let clean = self.faults.len();
        let when = self.when(&base, &draft.when);
        // A condition that is wrong covers nothing and is covered by nothing.
        if self.faults.len() == clean {
            let cover = before.sound.iter().find(|(_, wider)| wider.covers(&when));
            if let Some((cover, _)) = cover {
                let detail = format!(
                    "decides nothing: rule {cover:?} before it already takes all of these; put \
                     this one first or take it out"
                );
                self.faults.add(&base, "unreachable_rule", detail);
            }
            before.sound.push((draft.name.clone(), when.clone()));
        }
        Rule {
            name: draft.name.clone(),
            when,
            parts: self.parts(&base, &draft.accounts),
        }
    }

    fn when(&mut self, base: &str, draft: &WhenDraft) -> When {
        if draft.is_empty() {
            let detail = "must narrow something: countries, prefixes, templates, teams or apps";
            self.faults.add(&format!("{base}/when"), "required", detail);
        }
        let base = format!("{base}/when");
        let (snapshot, lane) = (self.snapshot, self.lane);
        let phones = lane.channel == Channel::Sms;
        When {
            countries: self.values(&base, "countries", &draft.countries, |code| {
                if !phones {
                    return Err((
                        "wrong_channel",
                        format!("{} has no countries", lane.channel),
                    ));
                }
                Country::parse(code)
                    .map(|country| country.as_str().to_owned())
                    .ok_or_else(|| {
                        let detail = "must be a two-letter country code in capitals (ISO 3166) \
                                      that has phone numbers, e.g. CN";
                        ("unknown_country", detail.to_owned())
                    })
            }),
            prefixes: self.values(&base, "prefixes", &draft.prefixes, |text| {
                prefix(text, phones).map(|()| text.to_owned())
            }),
            templates: self.values(&base, "templates", &draft.templates, |key| {
                let entry = snapshot.template(key).ok_or_else(|| {
                    (
                        "unknown_template",
                        "there is no template by this key".to_owned(),
                    )
                })?;
                let own = entry.template.lane();
                if own == lane {
                    Ok(entry.template.id)
                } else {
                    Err((
                        "wrong_lane",
                        format!("its messages travel by {own}, not {lane}"),
                    ))
                }
            }),
            teams: self.values(&base, "teams", &draft.teams, |team| {
                let mut owners = snapshot.templates.values();
                owners
                    .any(|entry| entry.template.owner.team == team)
                    .then(|| team.to_owned())
                    .ok_or_else(|| ("unknown_team", "no template belongs to it".to_owned()))
            }),
            apps: self.values(&base, "apps", &draft.apps, |name| {
                let mut apps = snapshot.apps.values();
                apps.find(|app| app.name == name)
                    .map(|app| app.id)
                    .ok_or_else(|| ("unknown_app", "there is no app by this name".to_owned()))
            }),
        }
    }

    /// The values of one condition; each is read by `read`, which says what is wrong.
    fn values<T: Clone + Eq + Hash>(
        &mut self,
        base: &str,
        name: &str,
        texts: &[String],
        read: impl Fn(&str) -> Result<T, (&'static str, String)>,
    ) -> Vec<T> {
        if texts.len() > MAX_VALUES {
            let detail = format!("must have at most {MAX_VALUES} values");
            self.faults
                .add(&format!("{base}/{name}"), "too_many", detail);
        }
        let mut seen = HashSet::new();
        let mut values = Vec::new();
        for (index, text) in texts.iter().enumerate().take(MAX_VALUES) {
            let pointer = format!("{base}/{name}/{index}");
            match read(text) {
                Err((code, detail)) => self.faults.add(&pointer, code, detail),
                Ok(value) if !seen.insert(value.clone()) => {
                    let detail = "stands in this list twice";
                    self.faults.add(&pointer, "duplicate", detail);
                }
                Ok(value) => values.push(value),
            }
        }
        values
    }

    /// The parts that `drafts` stand for; `base` is the rule's place, or empty for the route's
    /// own.
    fn parts(&mut self, base: &str, drafts: &[ShareDraft]) -> Vec<Part> {
        let list = format!("{base}/accounts");
        if drafts.is_empty() {
            let detail = "must name at least one account or tag";
            self.faults.add(&list, "required", detail);
        } else if drafts.len() > MAX_SHARES {
            let detail = format!("must name at most {MAX_SHARES} accounts and tags");
            self.faults.add(&list, "too_many", detail);
        } else if drafts.iter().all(|draft| draft.weight == 0) {
            let detail = "at least one weight must be above zero, else no message would be sent";
            self.faults.add(&list, "all_zero", detail);
        }
        let mut parts: Vec<Part> = Vec::new();
        for (index, draft) in drafts.iter().enumerate().take(MAX_SHARES) {
            let pointer = format!("{list}/{index}");
            if draft.weight > MAX_WEIGHT {
                let detail = format!("must be at most {MAX_WEIGHT}");
                self.faults
                    .add(&format!("{pointer}/weight"), "out_of_range", detail);
            }
            let Some(to) = self.target(&pointer, draft) else {
                continue;
            };
            if parts.iter().any(|part| part.to == to) {
                let (field, code) = match to {
                    Target::Account(_) => ("account", "duplicate_account"),
                    Target::Tag(_) => ("tag", "duplicate_tag"),
                };
                let detail = "stands in this list twice";
                self.faults.add(&format!("{pointer}/{field}"), code, detail);
            }
            let weight = draft.weight;
            parts.push(Part { to, weight });
        }
        parts
    }

    fn target(&mut self, pointer: &str, draft: &ShareDraft) -> Option<Target> {
        match (&draft.account, &draft.tag) {
            (Some(key), None) => self.account(&format!("{pointer}/account"), key),
            (None, Some(tag)) => {
                if members(self.snapshot, self.lane.channel, tag).is_empty() {
                    let detail = format!("no account for {} carries this tag", self.lane.channel);
                    self.faults
                        .add(&format!("{pointer}/tag"), "unknown_tag", detail);
                    return None;
                }
                Some(Target::Tag(tag.clone()))
            }
            (None, None) => {
                let detail = "must name an account or a tag";
                self.faults.add(pointer, "required", detail);
                None
            }
            (Some(_), Some(_)) => {
                let detail = "must name an account or a tag, not both; write two lines";
                self.faults.add(pointer, "ambiguous", detail);
                None
            }
        }
    }

    fn account(&mut self, pointer: &str, key: &str) -> Option<Target> {
        let channel = self.lane.channel;
        match self.snapshot.account(key) {
            None => {
                let detail = "there is no account by this key";
                self.faults.add(pointer, "unknown_account", detail);
                None
            }
            Some(account) if account.channel != channel => {
                let detail = format!("carries {}, not {channel}", account.channel);
                self.faults.add(pointer, "wrong_channel", detail);
                None
            }
            Some(account) => Some(Target::Account(account.id)),
        }
    }

    fn timeout(&mut self, draft: Option<&TimeoutDraft>) -> Option<ReceiptTimeout> {
        let draft = draft?;
        let after = self.faults.span("/receipt_timeout/after", &draft.after);
        let most_attempts = draft.most_attempts.unwrap_or(USUAL_ATTEMPTS);
        if !(2..=MAX_ATTEMPTS).contains(&most_attempts) {
            let detail = format!("must be from 2 to {MAX_ATTEMPTS}");
            self.faults
                .add("/receipt_timeout/most_attempts", "out_of_range", detail);
        }
        Some(ReceiptTimeout {
            after: after?,
            most_attempts,
        })
    }
}

fn prefix(text: &str, phones: bool) -> Result<(), (&'static str, String)> {
    let fits = if phones {
        text.strip_prefix('+').is_some_and(|digits| {
            (1..=MAX_DIGITS).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    } else {
        !text.is_empty()
            && text.chars().count() <= MAX_PREFIX
            && !text.contains(|c: char| c.is_control() || c.is_whitespace())
    };
    let wanted = if phones {
        "must be the beginning of a phone in international form, e.g. +8617"
    } else {
        "must be the beginning of an address: 1 to 64 characters without spaces"
    };
    if fits {
        Ok(())
    } else {
        Err(("invalid_prefix", wanted.to_owned()))
    }
}
