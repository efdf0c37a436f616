//! What would happen to a message, and why: every rule that is looked at, with what it says. Nothing is
//! sent and nothing changes.

use austin_domain::policy::Window;
use austin_domain::template::{Template, TemplateState, Version, check};
use austin_domain::zone::Zone;
use austin_domain::{DeliveryId, Reason, RuleRef, State, Timestamp, Vars, address, span};
use austin_ports::ledger::Facts;
use austin_ports::meter::{Claim, Holder};
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::judge::{self, Judge};
use crate::manage::language;
use crate::planner;
use crate::refusal::{FieldFault, Refusal};
use crate::rulebook::{Applied, Bound, Rulebook};

/// What is tried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulation {
    /// The template's key.
    pub template: String,
    /// The person.
    pub to: String,
    /// Values; the template's examples when not given.
    pub vars: Option<Map<String, Value>>,
    /// When; now when not given. Who was sent what is always as of now.
    pub at: Option<Timestamp>,
    /// The person's language.
    pub locale: Option<String>,
    /// The person's time zone.
    pub time_zone: Option<String>,
}

/// What would happen.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The moment.
    pub at: Timestamp,
    /// What the clock shows where the person is.
    pub local: String,
    /// The state the delivery would have.
    pub state: State,
    /// When it would go, where it would be held.
    pub due_at: Option<Timestamp>,
    /// Why not simply accepted.
    pub reason: Option<Reason>,
    /// Every rule that was looked at, in the order in which they are.
    pub steps: Vec<Looked>,
}

/// A rule that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// What it is about: `template`, `allow_list`, `suppression`, `content`, `quiet_hours`, `dedup`,
    /// `repeat`, `cap`.
    pub about: &'static str,
    /// The rule.
    pub rule: RuleRef,
    /// `passes`, `off`, `suppresses` or `holds`.
    pub outcome: &'static str,
    /// One sentence.
    pub detail: String,
    /// The earlier delivery that stands in the way.
    pub cause: Option<DeliveryId>,
}

type Stops = (State, Option<Timestamp>, Reason);

impl Engine {
    /// What would happen to a message, and why.
    ///
    /// # Errors
    /// The fields at fault; a meter that cannot be asked.
    pub async fn simulate(&self, request: &Simulation) -> Result<Simulated, Refusal> {
        let shared = self.shared();
        let snapshot = shared.catalog.snapshot();
        let now = request.at.unwrap_or_else(|| shared.clock.now());
        let entry = snapshot.template(&request.template).ok_or_else(|| {
            let detail = "there is no template with this key".to_owned();
            field("/template", "unknown_template", detail)
        })?;
        let template = &entry.template;
        let version = entry.current().ok_or_else(|| {
            let detail = "the template has no readable version".to_owned();
            field("/template", "unknown_template", detail)
        })?;
        let (to, locale, vars) = self.asked(request, (template, version))?;
        let facts = Facts {
            time_zone: request.time_zone.clone(),
            ..Facts::default()
        };
        let zone = judge::zone(shared, Some(&facts), &to);
        let book = Rulebook::new(snapshot.clone(), shared.rulebooks.lists());
        let applied = book.apply(template, version);
        let judge = Judge {
            shared,
            applied: &applied,
            now,
        };
        let mut trial = Trial {
            steps: Vec::new(),
            stops: None,
        };
        trial.template(template, version.number);
        trial.alone(&judge, (template.lane(), &to, zone), |catalogue| {
            let compiled = catalogue.get(&snapshot, template.id, version.number)?;
            compiled.render_in(locale.as_deref(), &vars).ok()
        });
        let content = planner::digest_all(
            &shared.config.content_key,
            (template.id, locale.as_deref()),
            version,
            &vars,
        );
        trial
            .among_others(&judge, (template, &to, zone, content))
            .await?;
        let (state, due_at, reason) = match trial.stops {
            Some((state, due_at, reason)) => (state, due_at, Some(reason)),
            None => (State::Accepted, None, None),
        };
        Ok(Simulated {
            at: now,
            local: zone.show(now),
            state,
            due_at,
            reason,
            steps: trial.steps,
        })
    }

    /// The address, the language and the values that are meant.
    fn asked(
        &self,
        request: &Simulation,
        (template, version): (&Template, &Version),
    ) -> Result<(String, Option<String>, Vars), Refusal> {
        let region = self.shared().config.default_region.as_deref();
        let to = address::normalise(template.channel, &request.to, region)
            .map_err(|bad| field("/to", "invalid_recipient", bad.0))?;
        if let Some(Err(unknown)) = request.time_zone.as_ref().map(|zone| zone.parse::<Zone>()) {
            let detail = unknown.to_string();
            return Err(field("/time_zone", "invalid_time_zone", detail));
        }
        let locale = language(request.locale.as_deref())
            .map_err(|detail| field("/locale", "invalid_locale", detail.to_owned()))?;
        let Some(given) = &request.vars else {
            return Ok((to, locale, examples(version)));
        };
        let vars = check::vars(version, given, &Map::new()).map_err(|faults| {
            let faults = faults.into_iter().map(|fault| {
                FieldFault::new(format!("/vars{}", fault.pointer), fault.code, fault.detail)
            });
            Refusal::fields(faults.collect())
        })?;
        Ok((to, locale, vars))
    }
}

fn field(pointer: &str, code: &str, detail: String) -> Refusal {
    Refusal::fields(vec![FieldFault::new(pointer, code, detail)])
}

/// A message on its way through the rules.
struct Trial {
    steps: Vec<Looked>,
    stops: Option<Stops>,
}

impl Trial {
    fn template(&mut self, template: &Template, version: u32) {
        let rule = RuleRef {
            name: format!("template/{}", template.key),
            version,
            part: String::new(),
        };
        let enabled = template.state == TemplateState::Enabled;
        let state = template.state.as_str();
        let (outcome, detail) = if enabled {
            ("passes", "the template is enabled".to_owned())
        } else {
            (
                "suppresses",
                format!("the template is {state}: requests are refused"),
            )
        };
        if !enabled {
            let reason = Reason::new("template_not_enabled", detail.clone()).by(rule.clone());
            self.stops = Some((State::Suppressed, None, reason));
        }
        self.steps.push(Looked {
            about: "template",
            rule,
            outcome,
            detail,
            cause: None,
        });
    }

    /// The rules that look at the delivery by itself.
    fn alone(
        &mut self,
        judge: &Judge<'_>,
        (lane, to, zone): (austin_domain::Lane, &str, Zone),
        render: impl FnOnce(&crate::render::Compilations) -> Option<austin_domain::Content>,
    ) {
        let rules = &judge.applied.rules;
        let end = |reason: Reason| (State::Suppressed, None, reason);
        if !rules.allow_lists.is_empty() {
            let listed = judge.listed(to).map(end);
            let rule = rules.allow_lists.first().map(|list| &list.rule);
            self.look(
                "allow_list",
                rule,
                listed,
                "the person is on every allow-list",
            );
        }
        let suppressed = judge.suppressed(lane, to).map(end);
        let nobody = "nothing keeps the person from being messaged";
        self.look(
            "suppression",
            Some(&rules.suppression.rule),
            suppressed,
            nobody,
        );
        if judge.applied.content.is_some() {
            let expires_at = judge.now;
            let found = render(&judge.shared.means.compilations)
                .and_then(|content| judge.words(lane, to, &content, expires_at));
            let found = found.map(|(state, _, reason)| (state, None, reason));
            self.look(
                "content",
                Some(&rules.on_fault.rule),
                found,
                "the words are fine",
            );
        }
        let rule = Some(&rules.quiet_hours.rule);
        if judge.applied.quiet.is_none() {
            self.off("quiet_hours", &rules.quiet_hours.rule);
        } else {
            let closed = judge.hours(zone, judge::spread_key(to));
            let open = format!("it is {} where the person is", zone.show(judge.now));
            self.look("quiet_hours", rule, closed, &open);
        }
    }

    /// The rules that look at what the person was sent before: as of now, and as if it went out now.
    async fn among_others(
        &mut self,
        judge: &Judge<'_>,
        (template, to, zone, content): (&Template, &str, Zone, u64),
    ) -> Result<(), Refusal> {
        let applied = judge.applied;
        for (about, rule) in [
            ("dedup", &applied.rules.dedup),
            ("repeat", &applied.rules.repeat),
        ] {
            if rule.value == Window::Off {
                self.off(about, &rule.rule);
            }
        }
        let limits = applied.limits((true, true), zone, judge.now);
        let claims: Vec<Claim<'_>> = limits
            .limits
            .chunks(1)
            .map(|limit| Claim {
                to,
                at: judge.now,
                template: template.id,
                lane: template.lane(),
                team: &applied.team,
                content: Some(content),
                counts: true,
                limits: limit,
            })
            .collect();
        let refusals = judge.shared.places.meter.check(&claims).await;
        let refusals = refusals.map_err(|error| {
            Refusal::new(crate::refusal::RefusalCode::Unavailable, error.to_string())
        })?;
        for (bound, refusal) in limits.rules.iter().zip(refusals) {
            let (about, rule, fine) = describe(applied, *bound);
            let stopped = refusal.map(|refusal| {
                let cause = match refusal.holder {
                    Some(Holder::Delivery(delivery)) => Some(delivery),
                    Some(Holder::Pending(_)) | None => None,
                };
                (State::Suppressed, None, judge.stopped(*bound, cause, zone))
            });
            self.look(about, Some(rule), stopped, &fine);
        }
        Ok(())
    }

    fn off(&mut self, about: &'static str, rule: &RuleRef) {
        self.steps.push(Looked {
            about,
            rule: rule.clone(),
            outcome: "off",
            detail: "the rule is off".into(),
            cause: None,
        });
    }

    fn look(
        &mut self,
        about: &'static str,
        rule: Option<&RuleRef>,
        stops: Option<Stops>,
        fine: &str,
    ) {
        let Some(rule) = rule else { return };
        let Some((state, due_at, reason)) = stops else {
            self.steps.push(Looked {
                about,
                rule: rule.clone(),
                outcome: "passes",
                detail: fine.to_owned(),
                cause: None,
            });
            return;
        };
        self.steps.push(Looked {
            about,
            rule: reason.rule.clone().unwrap_or_else(|| rule.clone()),
            outcome: if state == State::Held {
                "holds"
            } else {
                "suppresses"
            },
            detail: reason.detail.clone(),
            cause: reason.cause,
        });
        // What is held may still be stopped for good by what comes after.
        let held = matches!(self.stops, Some((State::Held, ..)));
        if self.stops.is_none() || (held && state == State::Suppressed) {
            self.stops = Some((state, due_at, reason));
        }
    }
}

fn describe<'a>(applied: &'a Applied, bound: Bound<'a>) -> (&'static str, &'a RuleRef, String) {
    match bound {
        Bound::Dedup(rule, window) => {
            let detail = format!("no such words in the last {}", span::text(window));
            ("dedup", rule, detail)
        }
        Bound::Repeat(rule, window) => {
            let detail = format!(
                "nothing of template {} in the last {}",
                applied.template,
                span::text(window)
            );
            ("repeat", rule, detail)
        }
        Bound::Cap(cap, since) => {
            let over = cap.value.over.map_or("template", |over| over.as_str());
            let detail = format!(
                "fewer than {} since {since}, counted over {over}",
                cap.value.count
            );
            ("cap", &cap.rule, detail)
        }
    }
}

/// The examples of a version, or the defaults.
fn examples(version: &Version) -> Vars {
    let variables = version.variables.iter();
    variables
        .filter_map(|(name, spec)| {
            let value = spec.example.clone().or_else(|| spec.default.clone())?;
            Some((name.clone(), value))
        })
        .collect()
}
