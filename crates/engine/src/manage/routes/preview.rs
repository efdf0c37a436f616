//! What a route would do, without sending anything.

use std::collections::BTreeMap;

use austin_domain::route::Wheel;
use austin_domain::route::matching::Facts;
use austin_domain::route::plan::{Plan, Shift, When};
use austin_domain::route::shares::Progress;
use austin_domain::route::traffic::{Group, Traffic};
use austin_domain::{AccountId, AppId, Lane, Reason, TemplateId, Timestamp, address};
use austin_ports::catalog::{AccountRecord, Snapshot, SteerMode, TemplateEntry};

use super::draft::{RouteDraft, account_key};
use super::{mapping, record, tenths, traffic};
use crate::adapters::Adapters;
use crate::carry::can_carry;
use crate::manage::Registrar;
use crate::manage::faults::Faults;
use crate::refusal::{FieldFault, Refusal};

/// Deliveries when the request does not say.
const USUAL_COUNT: u32 = 10_000;
/// Most deliveries of one preview.
const MAX_COUNT: u32 = 100_000;
/// Most deliveries of all groups together.
const MAX_TURNS: u64 = 1_000_000;
/// Most kinds of delivery that a sample may stand for.
const MAX_KINDS: usize = 10_000;

/// What to preview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePreviewRequest {
    /// The route; the present one when not given.
    pub candidate: Option<RouteDraft>,
    /// The moment; now when not given.
    pub at: Option<Timestamp>,
    /// How many deliveries; 10,000 when not given.
    pub count: Option<u32>,
    /// Which deliveries. An empty one stands for as many deliveries for each rule.
    pub sample: RouteSample,
}

/// Deliveries to try: every recipient with every template of every app, in equal numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteSample {
    /// Recipients; one of no country when empty.
    pub to: Vec<String>,
    /// Template keys; every enabled one of the lane when empty.
    pub templates: Vec<String>,
    /// App names; none that a rule names when empty.
    pub apps: Vec<String>,
}

/// What a route would do.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutePreview {
    /// The moment.
    pub at: Timestamp,
    /// How far a shift will have come, in millionths; a million without one.
    pub progress: u32,
    /// The deliveries that fall under the same rule, in the rules' order.
    pub groups: Vec<RouteGroup>,
}

/// Deliveries that fall under the same rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteGroup {
    /// The rule; `None` for what stands where no rule fits.
    pub rule: Option<String>,
    /// How many of the deliveries.
    pub deliveries: u32,
    /// Who would get them.
    pub expected: Vec<Expected>,
    /// Those that no account could take now; they would wait.
    pub unassigned: u32,
    /// Accounts that would be passed over, and why.
    pub passed_over: Vec<PassedOver>,
}

/// What one account would get.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The account's key.
    pub account: String,
    /// How many of the deliveries.
    pub count: u32,
    /// The same in parts of a thousand.
    pub per_mille: f64,
}

/// An account that would be passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The account's key.
    pub account: String,
    /// `disabled`, `missing_mapping`, `steered_closed`, …
    pub code: String,
    /// One sentence.
    pub detail: String,
    /// The templates it is passed over for; empty: for all.
    pub templates: Vec<String>,
}

/// A kind of delivery.
struct Kind<'a> {
    to: String,
    template: Option<&'a TemplateEntry>,
    app: AppId,
}

impl Kind<'_> {
    fn facts(&self) -> Facts<'_> {
        let template = self.template.map(|entry| &entry.template);
        Facts {
            to: &self.to,
            template: template.map_or(TemplateId::from_u64(0), |template| template.id),
            team: template.map_or("", |template| &template.owner.team),
            app: self.app,
        }
    }
}

/// What the figures are worked out from.
struct Trial<'a> {
    adapters: &'a Adapters,
    snapshot: &'a Snapshot,
    traffic: Traffic,
    at: Timestamp,
}

impl Registrar<'_> {
    /// What a route, or a candidate for it, would do with some deliveries.
    ///
    /// # Errors
    /// Every field at fault; `not_found` when the lane has no route and none is given.
    pub fn preview_route(
        &self,
        lane: Lane,
        default_region: Option<&str>,
        request: &RoutePreviewRequest,
    ) -> Result<RoutePreview, Refusal> {
        let snapshot = self.catalog.snapshot();
        let at = request.at.unwrap_or_else(|| self.now());
        let mut faults = Faults::default();
        let (plan, shift) = match &request.candidate {
            Some(draft) => self.candidate(&mut faults, lane, draft)?,
            None => {
                let route = self.route(lane)?;
                (route.plan.clone(), route.shift.clone())
            }
        };
        faults.count("/count", request.count.map(u64::from), u64::from(MAX_COUNT));
        let region = default_region;
        let kinds = kinds(&mut faults, &snapshot, lane, region, &request.sample);
        faults.into_result()?;
        let trial = Trial {
            adapters: self.adapters,
            snapshot: &snapshot,
            traffic: traffic(&snapshot, lane, &plan, shift.as_ref()),
            at,
        };
        let count = request.count.unwrap_or(USUAL_COUNT);
        let groups = if request.sample == RouteSample::default() {
            trial.by_rule(lane, &plan, shift.as_ref(), count)?
        } else {
            trial.by_kind(&kinds, count)
        };
        Ok(RoutePreview {
            at,
            progress: trial.traffic.progress(at).millionths(),
            groups,
        })
    }

    /// The plan of a candidate, checked but for mappings, which the preview shows. Its faults
    /// stand under `/route`.
    fn candidate(
        &self,
        faults: &mut Faults,
        lane: Lane,
        draft: &RouteDraft,
    ) -> Result<(Plan, Option<Shift>), Refusal> {
        let mut own = Faults::default();
        let lenient = RouteDraft {
            allow_missing_mapping: true,
            ..draft.clone()
        };
        let planned = self.planned(&mut own, lane, &lenient);
        if let Err(refusal) = own.into_result() {
            for fault in refusal.errors {
                let pointer = format!("/route{}", fault.pointer);
                faults.push(FieldFault { pointer, ..fault });
            }
            return Err(std::mem::take(faults)
                .into_result()
                .err()
                .unwrap_or_else(|| Refusal::fields(Vec::new())));
        }
        Ok(planned)
    }
}

/// The kinds of delivery a sample stands for.
fn kinds<'a>(
    faults: &mut Faults,
    snapshot: &'a Snapshot,
    lane: Lane,
    region: Option<&str>,
    sample: &RouteSample,
) -> Vec<Kind<'a>> {
    let mut to = Vec::new();
    for (index, written) in sample.to.iter().enumerate().take(MAX_KINDS) {
        match address::normalise(lane.channel, written, region) {
            Ok(address) => to.push(address),
            Err(error) => {
                let pointer = format!("/sample/to/{index}");
                faults.add(&pointer, "invalid_recipient", error.to_string());
            }
        }
    }
    let mut templates = Vec::new();
    for (index, key) in sample.templates.iter().enumerate().take(MAX_KINDS) {
        let found = snapshot.template(key);
        match found.filter(|entry| entry.template.lane() == lane) {
            Some(entry) => templates.push(Some(&**entry)),
            None => {
                let detail = format!("there is no template of {lane} by this key");
                let pointer = format!("/sample/templates/{index}");
                faults.add(&pointer, "unknown_template", detail);
            }
        }
    }
    let mut apps = Vec::new();
    for (index, name) in sample.apps.iter().enumerate().take(MAX_KINDS) {
        match snapshot.apps.values().find(|app| app.name == *name) {
            Some(app) => apps.push(app.id),
            None => {
                let pointer = format!("/sample/apps/{index}");
                faults.add(&pointer, "unknown_app", "there is no app by this name");
            }
        }
    }
    if to.is_empty() {
        to.push(String::new());
    }
    if templates.is_empty() {
        templates = mapping::templates(snapshot, lane, None)
            .into_iter()
            .map(Some)
            .collect();
    }
    if templates.is_empty() {
        templates.push(None);
    }
    if apps.is_empty() {
        apps.push(AppId::from_u64(0));
    }
    if to
        .len()
        .saturating_mul(templates.len())
        .saturating_mul(apps.len())
        > MAX_KINDS
    {
        let detail = format!(
            "stands for more than {MAX_KINDS} kinds of delivery (recipients × templates × apps)"
        );
        faults.add("/sample", "too_many", detail);
        return Vec::new();
    }
    let of_app = |app: AppId| {
        let (to, templates) = (&to, &templates);
        templates.iter().flat_map(move |template| {
            to.iter().map(move |to| Kind {
                to: to.clone(),
                template: *template,
                app,
            })
        })
    };
    apps.into_iter().flat_map(of_app).collect()
}

impl Trial<'_> {
    /// As many deliveries for each rule, of the templates it is for.
    fn by_rule(
        &self,
        lane: Lane,
        plan: &Plan,
        shift: Option<&Shift>,
        count: u32,
    ) -> Result<Vec<RouteGroup>, Refusal> {
        let begun = self.traffic.progress(self.at) > Progress::NONE;
        let acting = shift.filter(|_| !begun).map_or(plan, |shift| &shift.from);
        let groups = self.traffic.groups(self.at);
        if groups.len() as u64 * u64::from(count) > MAX_TURNS {
            let most = MAX_TURNS / groups.len() as u64;
            let detail = format!("must be at most {most} with this many rules");
            return Err(Refusal::fields(vec![FieldFault::new(
                "/count",
                "out_of_range",
                detail,
            )]));
        }
        let of = |group: Group| {
            let when: Option<&When> = self.traffic.rule(group).and_then(|name| {
                let mut rules = acting.rules.iter();
                rules.find(|rule| rule.name == name).map(|rule| &rule.when)
            });
            let mut templates: Vec<_> = mapping::templates(self.snapshot, lane, when)
                .into_iter()
                .map(Some)
                .collect();
            if templates.is_empty() {
                templates.push(None);
            }
            let deliveries = (0..count).zip(templates.iter().copied().cycle());
            self.group(group, deliveries.map(|(_, template)| template))
        };
        Ok(groups.into_iter().map(of).collect())
    }

    /// The kinds in turn, each under the rule it falls under.
    fn by_kind(&self, kinds: &[Kind<'_>], count: u32) -> Vec<RouteGroup> {
        let mut order: Vec<Group> = Vec::new();
        let places: Vec<usize> = kinds
            .iter()
            .map(|kind| {
                let group = self.traffic.group(&kind.facts(), self.at);
                let known = order.iter().position(|other| *other == group);
                known.unwrap_or_else(|| {
                    order.push(group);
                    order.len() - 1
                })
            })
            .collect();
        let of = |(place, group): (usize, &Group)| {
            let turns = (0..count).zip(kinds.iter().zip(&places).cycle());
            let own = turns.filter(|(_, (_, other))| **other == place);
            self.group(*group, own.map(|(_, (kind, _))| kind.template))
        };
        order.iter().enumerate().map(of).collect()
    }

    /// Deals deliveries of these templates out as the engine would.
    fn group<'t>(
        &self,
        group: Group,
        deliveries: impl Iterator<Item = Option<&'t TemplateEntry>>,
    ) -> RouteGroup {
        let shares = self.traffic.shares(group, self.at);
        let mut wheel = Wheel::default();
        let mut counts: BTreeMap<AccountId, u32> = BTreeMap::new();
        let mut able: BTreeMap<TemplateId, Vec<AccountId>> = BTreeMap::new();
        let mut passed_over: Vec<PassedOver> = Vec::new();
        let (mut total, mut unassigned) = (0u32, 0u32);
        for template in deliveries {
            total += 1;
            let id = template.map_or(TemplateId::from_u64(0), |entry| entry.template.id);
            let able = able.entry(id).or_insert_with(|| {
                let accounts = shares.iter().map(|share| share.account);
                accounts
                    .filter(|account| match self.passes(*account, template) {
                        Ok(()) => true,
                        Err(reason) => {
                            self.pass_over(&mut passed_over, *account, template, reason);
                            false
                        }
                    })
                    .collect()
            });
            match wheel.pick(&shares, |account| able.contains(&account)) {
                Some(account) => *counts.entry(account).or_default() += 1,
                None => unassigned += 1,
            }
        }
        let expected = shares
            .iter()
            .map(|share| {
                let count = counts.get(&share.account).copied().unwrap_or(0);
                Expected {
                    account: account_key(share.account, self.snapshot),
                    count,
                    per_mille: tenths(f64::from(count) * 1000.0 / f64::from(total.max(1))),
                }
            })
            .collect();
        RouteGroup {
            rule: self.traffic.rule(group).map(str::to_owned),
            deliveries: total,
            expected,
            unassigned,
            passed_over,
        }
    }

    fn pass_over(
        &self,
        passed_over: &mut Vec<PassedOver>,
        account: AccountId,
        template: Option<&TemplateEntry>,
        reason: Reason,
    ) {
        let account = account_key(account, self.snapshot);
        let known = passed_over
            .iter()
            .position(|one| one.account == account && one.code == reason.code);
        let place = known.unwrap_or_else(|| {
            passed_over.push(PassedOver {
                account,
                code: reason.code,
                detail: reason.detail,
                templates: Vec::new(),
            });
            passed_over.len() - 1
        });
        let one = &mut passed_over[place];
        if one.code == "missing_mapping" {
            one.templates
                .extend(template.map(|entry| entry.template.key.clone()));
        }
    }

    /// Whether the account would be given deliveries of this template.
    fn passes(&self, id: AccountId, template: Option<&TemplateEntry>) -> Result<(), Reason> {
        let gone = || Reason::new("deleted", "there is no such account any more");
        let account = record(self.snapshot, id).ok_or_else(gone)?;
        if account.deleted_at.is_some() {
            return Err(gone());
        }
        if !account.enabled {
            return Err(Reason::new("disabled", "the account is disabled"));
        }
        if is_closed(account, self.at) {
            let why = account
                .steer
                .as_ref()
                .and_then(|steer| steer.reason.as_deref());
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let detail = format!("an operator closed the account{why}");
            return Err(Reason::new("steered_closed", detail));
        }
        let adapter = self.adapters.get(&account.adapter).ok_or_else(|| {
            let detail = format!("its adapter {} is not here", account.adapter);
            Reason::new("unknown_adapter", detail)
        })?;
        match template.and_then(TemplateEntry::current) {
            Some(version) => can_carry(version, None, account, adapter.descriptor()),
            None => Ok(()),
        }
    }
}

fn is_closed(account: &AccountRecord, at: Timestamp) -> bool {
    let steer = account.steer.as_ref();
    steer
        .filter(|steer| steer.until.is_none_or(|until| until > at))
        .is_some_and(|steer| steer.mode == SteerMode::Closed)
}
