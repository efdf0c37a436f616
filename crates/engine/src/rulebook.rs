//! The rules of a catalog snapshot, ready to be applied: laid over each other once for each template
//! version, and looked up from then on.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use austin_domain::calendar::Calendar;
use austin_domain::caps::{CapWindow, Period as Calendric, WeekStart};
use austin_domain::content_check::{self, WordList};
use austin_domain::policy::{
    Cap, Effective, Exemption, OnFault, Over, Overdue, Period, QuietAction, QuietHours, Ruled,
    Rules, Subject,
};
use austin_domain::quiet::{self, Hours};
use austin_domain::suppression::{Reason as Bar, Reasons};
use austin_domain::template::check::Fault;
use austin_domain::template::{Template, Version};
use austin_domain::zone::Zone;
use austin_domain::{Channel, Class, RuleRef, TemplateId, Timestamp};
use austin_ports::Catalog;
use austin_ports::catalog::Snapshot;
use austin_ports::meter::{self, Limit};
use hashbrown::HashMap;

/// Lists that policies name: words that must not occur, and calendars of holidays. Those of the
/// catalog, and besides them files that are read by whoever starts the engine, and replaced while it
/// runs.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Word lists by name.
    pub words: BTreeMap<String, Arc<WordList>>,
    /// Calendars by name.
    pub calendars: BTreeMap<String, Arc<Calendar>>,
}

/// The lists in force.
pub type CurrentLists = Arc<ArcSwap<Lists>>;

/// Makes the rules ready anew when the catalog or the lists have changed.
pub(crate) struct Rulebooks {
    catalog: Arc<dyn Catalog>,
    lists: CurrentLists,
    current: ArcSwap<Rulebook>,
}

/// The rules of one snapshot.
#[derive(Default)]
pub(crate) struct Rulebook {
    snapshot: Arc<Snapshot>,
    /// As they were given; with those of the snapshot: `named`.
    lists: Arc<Lists>,
    named: Lists,
    /// By template, one for each version.
    slots: HashMap<TemplateId, Box<[OnceLock<Arc<Applied>>]>>,
    /// The longest cap that counts over more than one template, where there is one.
    wide: Option<Duration>,
}

/// The rules of one template version.
pub(crate) struct Applied {
    pub(crate) rules: Effective,
    pub(crate) template: String,
    pub(crate) team: String,
    pub(crate) channel: Channel,
    pub(crate) class: Class,
    /// The hours in which nobody is disturbed.
    pub(crate) quiet: Option<Quiet>,
    /// What the words are checked by.
    pub(crate) content: Option<content_check::Rules>,
    /// Suppressions that do not count.
    pub(crate) exempt: Reasons,
    /// Whether its deliveries take places in the meter: some rule here or elsewhere counts them.
    pub(crate) counted: bool,
}

/// Quiet hours, ready.
pub(crate) struct Quiet {
    pub(crate) hours: Hours,
    pub(crate) calendar: Option<Arc<Calendar>>,
}

/// The limits of a delivery, and the rule behind each.
#[derive(Default)]
pub(crate) struct Limits<'a> {
    pub(crate) limits: Vec<Limit>,
    pub(crate) rules: Vec<Bound<'a>>,
}

/// The rule behind a limit.
#[derive(Clone, Copy)]
pub(crate) enum Bound<'a> {
    /// The same words.
    Dedup(&'a RuleRef, Duration),
    /// The same template.
    Repeat(&'a RuleRef, Duration),
    /// Too many.
    Cap(&'a Ruled<Cap>, Timestamp),
}

impl Lists {
    /// These, and those of the catalog, which go before a file of the same name.
    pub(crate) fn with(&self, snapshot: &Snapshot) -> Self {
        let mut all = self.clone();
        let words = snapshot.word_lists.iter();
        let words = words.map(|(name, entry)| (name.clone(), Arc::clone(entry.words.list())));
        all.words.extend(words);
        let calendars = snapshot.calendars.iter();
        let calendars = calendars.map(|(name, entry)| (name.clone(), Arc::clone(&entry.calendar)));
        all.calendars.extend(calendars);
        all
    }
}

impl Rulebooks {
    pub(crate) fn new(catalog: Arc<dyn Catalog>, lists: CurrentLists) -> Self {
        Self {
            catalog,
            lists,
            current: ArcSwap::default(),
        }
    }

    /// The lists in force.
    pub(crate) fn lists(&self) -> Arc<Lists> {
        self.lists.load_full()
    }

    /// The rules of the present snapshot.
    pub(crate) fn current(&self) -> Arc<Rulebook> {
        let snapshot = self.catalog.snapshot();
        let current = self.current.load();
        if Arc::ptr_eq(&current.snapshot, &snapshot)
            && Arc::ptr_eq(&current.lists, &self.lists.load())
        {
            return Arc::clone(&current);
        }
        let fresh = Arc::new(Rulebook::new(snapshot, self.lists.load_full()));
        self.current.store(Arc::clone(&fresh));
        fresh
    }
}

impl Rulebook {
    pub(crate) fn new(snapshot: Arc<Snapshot>, lists: Arc<Lists>) -> Self {
        let slots = snapshot.templates.iter().map(|(id, entry)| {
            let versions = entry.versions.iter().map(|_| OnceLock::new());
            (*id, versions.collect())
        });
        Self {
            slots: slots.collect(),
            wide: wide(&snapshot),
            named: lists.with(&snapshot),
            snapshot,
            lists,
        }
    }

    /// The rules of a template version; `None` where there is no such version.
    pub(crate) fn of(&self, template: TemplateId, version: u32) -> Option<&Arc<Applied>> {
        let index = usize::try_from(version).ok()?.checked_sub(1)?;
        let slot = self.slots.get(&template)?.get(index)?;
        if let Some(known) = slot.get() {
            return Some(known);
        }
        let entry = self.snapshot.templates.get(&template)?;
        let version = entry.version(version)?;
        Some(slot.get_or_init(|| Arc::new(self.apply(&entry.template, version))))
    }

    /// The rules of the version of a template that is in use.
    pub(crate) fn current(&self, template: TemplateId) -> Option<&Arc<Applied>> {
        let entry = self.snapshot.templates.get(&template)?;
        self.of(template, entry.template.current)
    }

    /// How long any place matters.
    pub(crate) fn longest(&self) -> Duration {
        let templates = self.snapshot.templates.keys();
        let longest = templates.map(|template| self.matters(*template)).max();
        longest.unwrap_or_default()
    }

    /// The rules that a version would have; also of one that is not stored.
    pub(crate) fn apply(&self, template: &Template, version: &Version) -> Applied {
        let rules = effective(&self.snapshot, template, version);
        let counted = self.wide.is_some() || rules.longest() > Duration::ZERO;
        Applied {
            quiet: self.quiet(&rules.quiet_hours),
            content: self.content(&rules),
            exempt: exempt(&rules.suppression.value),
            template: template.key.clone(),
            team: template.owner.team.clone(),
            channel: template.channel,
            class: template.class,
            rules,
            counted,
        }
    }

    /// How long places of a template matter to anybody.
    pub(crate) fn matters(&self, template: TemplateId) -> Duration {
        let own = self
            .current(template)
            .map(|applied| applied.rules.longest())
            .unwrap_or_default();
        own.max(self.wide.unwrap_or_default())
    }

    /// Whether any policy lets overdue deliveries expire.
    pub(crate) fn lets_overdue_expire(&self) -> bool {
        let expires = |rules: &Rules| rules.overdue == Some(Overdue::Expire);
        let mut policies = self.snapshot.policies.values();
        policies.any(|policy| expires(&policy.document.rules))
            || own_rules(&self.snapshot).any(|rules| expires(&rules))
    }

    fn quiet(&self, rule: &Ruled<QuietHours>) -> Option<Quiet> {
        let stated = &rule.value;
        if stated.action == QuietAction::None {
            return None;
        }
        let calendar = stated.calendar.as_ref();
        let calendar = calendar.and_then(|name| self.named.calendars.get(name).cloned());
        if stated.calendar.is_some() && calendar.is_none() {
            tracing::warn!(rule = rule.rule.name, "the calendar of a policy is gone");
        }
        match hours(stated) {
            Ok(hours) => Some(Quiet { hours, calendar }),
            Err(why) => {
                // Refused when a policy is written.
                tracing::warn!(rule = rule.rule.name, why, "quiet hours cannot be kept");
                None
            }
        }
    }

    fn content(&self, rules: &Effective) -> Option<content_check::Rules> {
        let spec = spec(rules);
        if spec == content_check::Spec::default() {
            return None;
        }
        let compile =
            |spec: &content_check::Spec| spec.compile(|name| self.named.words.get(name).cloned());
        compile(&spec)
            .or_else(|faults| {
                tracing::warn!(?faults, "word lists of a policy are gone");
                let words = spec.words.iter();
                let there = words.filter(|name| self.named.words.contains_key(*name));
                compile(&content_check::Spec {
                    words: there.cloned().collect(),
                    ..spec.clone()
                })
            })
            .ok()
    }
}

impl Applied {
    /// What a delivery must keep, for a person whose clock is `zone`: the guards against doubles,
    /// where `doubles`, and the caps, where `caps`.
    pub(crate) fn limits(
        &self,
        (doubles, caps): (bool, bool),
        zone: Zone,
        now: Timestamp,
    ) -> Limits<'_> {
        let mut found = Limits::default();
        if doubles {
            if let Some(window) = self.rules.dedup.value.length() {
                let limit = Limit::Content(meter::Window::sliding(now, window));
                found.push(limit, Bound::Dedup(&self.rules.dedup.rule, window));
            }
            if let Some(window) = self.rules.repeat.value.length() {
                let limit = Limit::Repeat(meter::Window::sliding(now, window));
                found.push(limit, Bound::Repeat(&self.rules.repeat.rule, window));
            }
        }
        for cap in self.rules.caps.iter().filter(|_| caps) {
            let window = window(cap.value.period, zone, now);
            let limit = Limit::Cap {
                over: over(cap.value.over),
                window,
                most: cap.value.count,
            };
            found.push(limit, Bound::Cap(cap, window.since));
        }
        found
    }
}

impl<'a> Limits<'a> {
    fn push(&mut self, limit: Limit, rule: Bound<'a>) {
        self.limits.push(limit);
        self.rules.push(rule);
    }
}

/// What all policies say about a version.
pub(crate) fn effective(snapshot: &Snapshot, template: &Template, version: &Version) -> Effective {
    let own = version.policies.as_ref();
    // Checked when it was written; what an older austin let pass and cannot be read is left out.
    let own = own.map(|json| Rules::read(json).0).unwrap_or_default();
    let subject = Subject {
        channel: template.channel,
        class: template.class,
        team: &template.owner.team,
        template: &template.key,
        version: version.number,
        own: &own,
    };
    let policies = snapshot.policies.values();
    let named = policies.map(|policy| (policy.name.as_str(), policy.version, &policy.document));
    Effective::of(&subject, named)
}

/// Quiet hours as they are judged.
///
/// # Errors
/// Why they cannot be kept, for people.
pub(crate) fn hours(stated: &QuietHours) -> Result<Hours, String> {
    let window = |window: &austin_domain::policy::QuietWindow| {
        let days: Vec<usize> = window.days.iter().map(|day| *day as usize).collect();
        let time = |minutes: u16| {
            quiet::TimeOfDay::new(minutes / 60, minutes % 60).ok_or("no such time of day")
        };
        Ok(quiet::Window {
            from: time(window.from)?,
            to: time(window.to)?,
            days: quiet::Days::of(&days),
        })
    };
    let windows: Result<Vec<_>, &str> = stated.windows.iter().map(window).collect();
    Hours::new(windows?, stated.spread).map_err(|error| error.to_string())
}

/// What is wrong with rules besides their form: hours that never open, links that are no hosts, and,
/// where `lists` are known, lists and calendars that are not there.
pub(crate) fn check(rules: &Rules, lists: Option<&Lists>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |pointer: String, code: &'static str, detail: String| {
        faults.push(Fault {
            pointer,
            code,
            detail,
        });
    };
    if let Some(quiet) = rules
        .quiet_hours
        .as_ref()
        .filter(|q| q.action != QuietAction::None)
    {
        if let Err(why) = hours(quiet) {
            fault("/quiet_hours/windows".into(), "invalid", why);
        }
        if let (Some(name), Some(lists)) = (&quiet.calendar, lists)
            && !lists.calendars.contains_key(name)
        {
            let detail = "there is no calendar of this name".to_owned();
            fault("/quiet_hours/calendar".into(), "unknown_calendar", detail);
        }
    }
    let content = &rules.content;
    let spec = content_check::Spec {
        // Without lists at hand their names are taken as they are.
        words: lists.and(content.words.clone()).unwrap_or_default(),
        links: content.links.clone(),
        max_segments: content.max_segments,
        opt_out: content
            .opt_out
            .clone()
            .map(|any_of| content_check::OptOut { any_of }),
        ..content_check::Spec::default()
    };
    let list = |name: &str| lists.and_then(|lists| lists.words.get(name).cloned());
    for wrong in spec.compile(list).err().into_iter().flatten() {
        fault(format!("/content/{}", wrong.field), "invalid", wrong.why);
    }
    faults
}

/// The rules about words as they are checked.
pub(crate) fn spec(rules: &Effective) -> content_check::Spec {
    let of = |rule: &Option<Ruled<Vec<String>>>| rule.as_ref().map(|rule| rule.value.clone());
    content_check::Spec {
        words: of(&rules.words).unwrap_or_default(),
        links: of(&rules.links),
        max_segments: rules.max_segments.as_ref().map(|rule| rule.value),
        opt_out: of(&rules.opt_out).map(|any_of| content_check::OptOut { any_of }),
        on_fault: match rules.on_fault.value {
            OnFault::Refuse => content_check::OnFault::Refuse,
            OnFault::Hold => content_check::OnFault::Hold,
        },
        ..content_check::Spec::default()
    }
}

/// The stretch of time that a cap counts in.
pub(crate) fn window(period: Period, zone: Zone, now: Timestamp) -> meter::Window {
    let calendar = match period {
        Period::Last(length) => return meter::Window::sliding(now, length),
        Period::Day => Calendric::Day,
        Period::Week => Calendric::Week,
        Period::Month => Calendric::Month,
    };
    let since = CapWindow::Calendar(calendar).since(now, zone, WeekStart::default());
    // Places a little ahead of the clock count; none are further ahead than a period.
    meter::Window::between(since, now.plus(period.longest()))
}

pub(crate) fn over(over: Option<Over>) -> meter::Over {
    match over.unwrap_or(Over::Template) {
        Over::All => meter::Over::All,
        Over::Channel => meter::Over::Channel,
        Over::Class => meter::Over::Class,
        Over::Team => meter::Over::Team,
        Over::Template => meter::Over::Template,
    }
}

fn exempt(exemption: &Exemption) -> Reasons {
    match exemption {
        Exemption::All => Reasons::ALL,
        Exemption::Reasons(reasons) => reasons
            .iter()
            .filter_map(|reason| reason.parse::<Bar>().ok())
            .fold(Reasons::NONE, Reasons::with),
    }
}

/// The rules that template versions in use carry themselves.
fn own_rules(snapshot: &Snapshot) -> impl Iterator<Item = Rules> {
    let entries = snapshot.templates.values();
    entries
        .filter_map(|entry| entry.current()?.policies.as_ref())
        .map(|json| Rules::read(json).0)
}

/// The longest cap that counts over more than its own template.
fn wide(snapshot: &Snapshot) -> Option<Duration> {
    let longest = |rules: &Rules, usual: Over| {
        let caps = rules.caps.iter();
        caps.filter(|cap| cap.over.unwrap_or(usual) != Over::Template)
            .map(|cap| cap.period.longest())
            .max()
    };
    let policies = snapshot.policies.values();
    let policies = policies.filter_map(|policy| {
        let document = &policy.document;
        longest(&document.rules, document.applies_to.narrowest())
    });
    let own = own_rules(snapshot).filter_map(|rules| longest(&rules, Over::Template));
    policies.chain(own).max()
}
