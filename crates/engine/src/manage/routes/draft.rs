//! Routes as people write and read them: accounts, templates and apps by their keys.

use austin_domain::route::plan::{Part, Plan, Rule, Target, When};
use austin_domain::{AccountId, Timestamp, span};
use austin_ports::catalog::Snapshot;

/// A route as somebody wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDraft {
    /// What stands where no rule fits.
    pub accounts: Vec<ShareDraft>,
    /// Tried in order.
    pub rules: Vec<RuleDraft>,
    /// When a delivery without a receipt goes to another account.
    pub receipt_timeout: Option<TimeoutDraft>,
    /// How it comes about; at once when not given.
    pub shift: Option<ShiftDraft>,
    /// Why, for people.
    pub reason: Option<String>,
    /// Whether accounts may be named that lack the vendor template of some templates; they do
    /// not carry those.
    pub allow_missing_mapping: bool,
}

/// One line of a route: an account or a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareDraft {
    /// The account's key.
    pub account: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// Its weight.
    pub weight: u32,
}

/// Other shares for some of the deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleDraft {
    /// What people call it.
    pub name: String,
    /// Which deliveries it is for.
    pub when: WhenDraft,
    /// Their shares.
    pub accounts: Vec<ShareDraft>,
}

/// Which deliveries a rule is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhenDraft {
    /// ISO 3166 codes.
    pub countries: Vec<String>,
    /// Beginnings of the address.
    pub prefixes: Vec<String>,
    /// Template keys.
    pub templates: Vec<String>,
    /// Teams.
    pub teams: Vec<String>,
    /// App names.
    pub apps: Vec<String>,
}

/// When a delivery without a receipt goes to another account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeoutDraft {
    /// How long a receipt may take, e.g. `2m`.
    pub after: String,
    /// Most accounts a delivery is handed to, the first one included; 2 when not given.
    pub most_attempts: Option<u16>,
}

/// How a change comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftDraft {
    /// How long it takes, e.g. `10m`; one step when not given.
    pub over: Option<String>,
    /// When it begins; at once when not given.
    pub starts_at: Option<Timestamp>,
}

impl RouteDraft {
    /// A stored plan as people write it.
    pub fn of(plan: &Plan, snapshot: &Snapshot) -> Self {
        let rule = |rule: &Rule| RuleDraft {
            name: rule.name.clone(),
            when: WhenDraft::of(&rule.when, snapshot),
            accounts: shares(&rule.parts, snapshot),
        };
        Self {
            accounts: shares(&plan.parts, snapshot),
            rules: plan.rules.iter().map(rule).collect(),
            receipt_timeout: plan.receipt_timeout.map(|timeout| TimeoutDraft {
                after: span::text(timeout.after),
                most_attempts: Some(timeout.most_attempts),
            }),
            ..Self::default()
        }
    }
}

impl WhenDraft {
    fn of(when: &When, snapshot: &Snapshot) -> Self {
        let template = |id| match snapshot.templates.get(id) {
            Some(entry) => entry.template.key.clone(),
            None => id.to_string(),
        };
        let app = |id| match snapshot.apps.get(id) {
            Some(app) => app.name.clone(),
            None => id.to_string(),
        };
        Self {
            countries: when.countries.clone(),
            prefixes: when.prefixes.clone(),
            templates: when.templates.iter().map(template).collect(),
            teams: when.teams.clone(),
            apps: when.apps.iter().map(app).collect(),
        }
    }

    /// Whether it narrows nothing.
    pub(super) fn is_empty(&self) -> bool {
        [
            &self.countries,
            &self.prefixes,
            &self.templates,
            &self.teams,
            &self.apps,
        ]
        .into_iter()
        .all(Vec::is_empty)
    }
}

fn shares(parts: &[Part], snapshot: &Snapshot) -> Vec<ShareDraft> {
    let share = |part: &Part| {
        let (account, tag) = match &part.to {
            Target::Account(id) => (Some(account_key(*id, snapshot)), None),
            Target::Tag(tag) => (None, Some(tag.clone())),
        };
        ShareDraft {
            account,
            tag,
            weight: part.weight,
        }
    };
    parts.iter().map(share).collect()
}

/// The key of an account, deleted or not.
pub(super) fn account_key(id: AccountId, snapshot: &Snapshot) -> String {
    match snapshot.accounts.get(&id) {
        Some(account) => account.key.clone(),
        None => id.to_string(),
    }
}
