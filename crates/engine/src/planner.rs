//! Deliver now, later, or never: the rules over a checked message, person by person.
//!
//! First what one person's delivery says by itself (allow-list, suppression, words, hours), then its
//! place among the others (doubles, caps), taken in one step for all of a request.

use std::sync::Arc;

use austin_domain::content_check::{Checked, Finding, Item, Part};
use austin_domain::policy::{Cap, Over, QuietAction};
use austin_domain::template::Version;
use austin_domain::zone::Zone;
use austin_domain::{
    Content, DeliveryId, Reason, RuleRef, State, TemplateId, Timestamp, Vars, caps, span,
};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{Facts, NewDelivery, NewMessage};
use austin_ports::meter::Claim;

use crate::places::{self, Held, Place, Wanted};
use crate::refusal::Refusal;
use crate::rulebook::{Applied, Bound, Limits};
use crate::shared::Shared;

/// What is decided about a delivery before it is made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) state: State,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
}

/// When a delivery goes out that nothing stands in the way of.
pub(crate) fn plan(send_at: Option<Timestamp>, now: Timestamp) -> Decision {
    match send_at.filter(|at| *at > now) {
        Some(at) => Decision {
            state: State::Scheduled,
            due_at: Some(at),
            reason: Some(Reason::new(
                "scheduled",
                format!("its sender asked for {at}"),
            )),
        },
        None => Decision {
            state: State::Accepted,
            due_at: None,
            reason: None,
        },
    }
}

/// Decides about all deliveries of `messages` and takes their places, which must be bound or given
/// back.
pub(crate) async fn decide(
    shared: &Shared,
    catalog: &Snapshot,
    messages: &mut [NewMessage],
    now: Timestamp,
) -> Result<Held, Refusal> {
    let book = shared.rulebooks.current();
    let applied: Vec<Option<Arc<Applied>>> = messages
        .iter()
        .map(|message| book.of(message.template, message.version).cloned())
        .collect();
    for (message, applied) in messages.iter_mut().zip(&applied) {
        if let Some(applied) = applied {
            let judge = Judge {
                shared,
                applied,
                now,
            };
            judge.look(catalog, message);
        }
    }
    take_places(shared, messages, &applied, now).await
}

/// The rules over one delivery, by itself.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) applied: &'a Applied,
    pub(crate) now: Timestamp,
}

impl Judge<'_> {
    /// Judges every delivery of a message by itself, and digests what it says where that is
    /// compared.
    fn look(&self, catalog: &Snapshot, message: &mut NewMessage) {
        let compiled = self.applied.content.as_ref().and_then(|_| {
            let compilations = &self.shared.means.compilations;
            compilations.get(catalog, message.template, message.version)
        });
        let digests = self.applied.rules.dedup.value.length().is_some();
        let (shared_vars, lane, template) = (&message.vars, message.lane, message.template);
        let mut usual = None;
        for delivery in &mut message.deliveries {
            let own = delivery.vars.as_ref().unwrap_or(shared_vars);
            let facts = delivery.facts.as_deref();
            let (locale, test) = (
                facts.and_then(|facts| facts.locale.clone()),
                is_test(delivery),
            );
            let said = || all_vars(own, delivery.secret_vars.as_ref());
            let decision = self
                .reach(lane, &delivery.to)
                .map(|reason| (State::Suppressed, None, reason))
                .or_else(|| {
                    let compiled = compiled.as_ref().filter(|_| !test)?;
                    let rendered = compiled.render_in(locale.as_deref(), &said()).ok()?;
                    self.words(lane, &delivery.to, &rendered, message.expires_at)
                })
                .or_else(|| {
                    if delivery.state != State::Accepted || test {
                        return None;
                    }
                    let zone = zone(self.shared, delivery.facts.as_deref(), &delivery.to);
                    self.hours(zone, spread_key(&delivery.to))
                });
            if digests {
                let key = &self.shared.config.content_key;
                let alone =
                    delivery.vars.is_some() || delivery.secret_vars.is_some() || locale.is_some();
                let content = if alone {
                    let secret = delivery.secret_vars.as_ref();
                    digest(key, (template, locale.as_deref()), own, secret)
                } else {
                    *usual.get_or_insert_with(|| digest(key, (template, None), own, None))
                };
                let facts = delivery.facts.take().map(|facts| *facts);
                delivery.facts = Facts {
                    content: Some(content),
                    ..facts.unwrap_or_default()
                }
                .known();
            }
            if let Some((state, due_at, reason)) = decision {
                (delivery.state, delivery.due_at) = (state, due_at);
                delivery.reason = Some(reason);
            }
        }
    }

    /// Whether the person may be reached at all.
    pub(crate) fn reach(&self, lane: austin_domain::Lane, to: &str) -> Option<Reason> {
        self.listed(to).or_else(|| self.suppressed(lane, to))
    }

    /// Whether an allow-list keeps the person out.
    pub(crate) fn listed(&self, to: &str) -> Option<Reason> {
        for list in &self.applied.rules.allow_lists {
            if !list.value.iter().any(|pattern| pattern.fits(to)) {
                let detail = "only people on the allow-list are reached, and this one is not on it";
                return Some(Reason::new("test", detail).by(list.rule.clone()));
            }
        }
        None
    }

    /// Whether the person must not be messaged.
    pub(crate) fn suppressed(&self, lane: austin_domain::Lane, to: &str) -> Option<Reason> {
        let (store, exempt) = (&self.shared.suppressing.store, self.applied.exempt);
        let found = store.check_but(lane.channel, to, exempt, self.now)?;
        let until = found
            .until
            .map_or_else(String::new, |until| format!(" until {until}"));
        let over = found.channel.map_or_else(
            || "on all channels".to_owned(),
            |channel| format!("over {channel}"),
        );
        let detail = format!(
            "the recipient must not be messaged {over}{until}: {}",
            found.reason
        );
        let rule = RuleRef {
            name: format!("suppression/{}", found.id),
            version: 0,
            part: String::new(),
        };
        Some(
            Reason::new("suppression", detail)
                .by(rule)
                .because_of(found.cause),
        )
    }

    /// Whether the words are at fault.
    pub(crate) fn words(
        &self,
        lane: austin_domain::Lane,
        to: &str,
        content: &Content,
        expires_at: Timestamp,
    ) -> Option<(State, Option<Timestamp>, Reason)> {
        let sign = None;
        let item = Item {
            lane,
            to,
            sign,
            content,
        };
        match self.applied.content.as_ref()?.check(&item) {
            Checked::Passed => None,
            Checked::Refused(findings) => Some((
                State::Suppressed,
                None,
                self.fault(&findings, "it is not sent"),
            )),
            Checked::Held(findings) => {
                let reason = self.fault(&findings, "it waits until somebody releases it");
                Some((State::Held, Some(expires_at), reason))
            }
        }
    }

    fn fault(&self, findings: &[Finding], so: &str) -> Reason {
        let rules = &self.applied.rules;
        let (said, rule) = match findings.first() {
            Some(Finding::Word { found, part }) => (
                format!(
                    "the {} has a word of the list {}",
                    part_word(*part),
                    found.list
                ),
                rules.words.as_ref().map(|rule| &rule.rule),
            ),
            Some(Finding::Link { part, .. }) => (
                format!(
                    "the {} links to a host that is not allowed",
                    part_word(*part)
                ),
                rules.links.as_ref().map(|rule| &rule.rule),
            ),
            Some(Finding::Segments { count, most }) => (
                format!("it has {count} billing parts, {most} are allowed"),
                rules.max_segments.as_ref().map(|rule| &rule.rule),
            ),
            Some(Finding::OptOut { .. }) => (
                "it does not say how to opt out".to_owned(),
                rules.opt_out.as_ref().map(|rule| &rule.rule),
            ),
            Some(Finding::Length { .. }) | None => ("the words are at fault".to_owned(), None),
        };
        let more = match findings.len() {
            0 | 1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let reason = Reason::new("content", format!("{said}{more}; {so}"));
        reason.by(rule.unwrap_or(&rules.on_fault.rule).clone())
    }

    /// Whether the person is not to be disturbed now.
    pub(crate) fn hours(
        &self,
        zone: Zone,
        spread: u64,
    ) -> Option<(State, Option<Timestamp>, Reason)> {
        let quiet = self.applied.quiet.as_ref()?;
        let calendar = quiet.calendar.as_deref();
        let due_at = quiet.hours.held_until(self.now, zone, calendar, spread)?;
        let rule = &self.applied.rules.quiet_hours;
        let here = zone.show(self.now);
        if rule.value.action == QuietAction::Drop {
            let detail = format!("quiet hours: it is {here} where the recipient is");
            let reason = Reason::new("quiet_hours", detail).by(rule.rule.clone());
            return Some((State::Suppressed, None, reason));
        }
        let detail = format!(
            "quiet hours: it is {here} where the recipient is; held until {}",
            zone.show(due_at)
        );
        let reason = Reason::new("quiet_hours", detail).by(rule.rule.clone());
        Some((State::Held, Some(due_at), reason))
    }

    /// Why a limit stopped a delivery.
    pub(crate) fn stopped(
        &self,
        bound: Bound<'_>,
        cause: Option<DeliveryId>,
        zone: Zone,
    ) -> Reason {
        let (code, detail, rule) = self.limit(bound, zone);
        let why = match cause {
            Some(cause) => format!("{detail}: see {cause}"),
            None => format!("{detail}; the other one is being taken right now"),
        };
        Reason::new(code, why).by(rule.clone()).because_of(cause)
    }

    fn limit<'r>(&self, bound: Bound<'r>, zone: Zone) -> (&'static str, String, &'r RuleRef) {
        match bound {
            Bound::Dedup(rule, window) => {
                let detail = format!(
                    "the same words went to this recipient less than {} ago",
                    span::text(window)
                );
                ("duplicate", detail, rule)
            }
            Bound::Repeat(rule, window) => {
                let detail = format!(
                    "this template went to this recipient less than {} ago",
                    span::text(window)
                );
                ("repeat", detail, rule)
            }
            Bound::Cap(cap, since) => {
                let counted = self.counted(&cap.value);
                let most = cap.value.count;
                let detail = caps::sentence(most, most, counted, since, zone);
                ("cap", format!("the recipient has had {detail}"), &cap.rule)
            }
        }
    }

    fn counted(&self, cap: &Cap) -> caps::Counted<'_> {
        match cap.over.unwrap_or(Over::Template) {
            Over::All => caps::Counted::All,
            Over::Channel => caps::Counted::Channel(self.applied.channel),
            Over::Class => caps::Counted::Class(self.applied.class),
            Over::Team => caps::Counted::Team(&self.applied.team),
            Over::Template => caps::Counted::Template(&self.applied.template),
        }
    }
}

/// Claims places for all deliveries that may go, now or later.
async fn take_places(
    shared: &Shared,
    messages: &mut [NewMessage],
    applied: &[Option<Arc<Applied>>],
    now: Timestamp,
) -> Result<Held, Refusal> {
    let mut of = Vec::new();
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    let mut bounds: Vec<(Zone, Vec<Bound<'_>>)> = Vec::new();
    for (number, (message, applied)) in messages.iter().zip(applied).enumerate() {
        let Some(applied) = applied.as_ref().filter(|applied| applied.counted) else {
            continue;
        };
        for (index, delivery) in (0u32..).zip(&message.deliveries) {
            if delivery.state == State::Suppressed {
                continue;
            }
            let counts = delivery.state == State::Accepted;
            let zone = zone(shared, delivery.facts.as_deref(), &delivery.to);
            // A test is sent whatever was sent before, and counts for what comes after.
            let test = is_test(delivery);
            let Limits { limits, rules } = applied.limits((!test, counts && !test), zone, now);
            wanted.push(Wanted {
                claim: claim(message, delivery, &applied.team, (now, counts)),
                limits,
            });
            bounds.push((zone, rules));
            of.push((number, index));
        }
    }
    let mut held = Held::new();
    if wanted.is_empty() {
        return Ok(held);
    }
    let places = places::take(shared, &wanted).await?;
    drop(wanted);
    let mut reasons = Vec::new();
    for ((place, (number, index)), (zone, rules)) in places.into_iter().zip(of).zip(&bounds) {
        match place {
            Place::Taken(slot) => held.push((number, index, slot)),
            Place::Stopped(limit, cause) => {
                if let (Some(bound), Some(applied)) = (rules.get(limit), &applied[number]) {
                    let judge = Judge {
                        shared,
                        applied,
                        now,
                    };
                    reasons.push((number, index, judge.stopped(*bound, cause, *zone)));
                }
            }
        }
    }
    for (number, index, reason) in reasons {
        let deliveries = &mut messages[number].deliveries;
        if let Some(delivery) = usize::try_from(index)
            .ok()
            .and_then(|i| deliveries.get_mut(i))
        {
            (delivery.state, delivery.due_at) = (State::Suppressed, None);
            delivery.reason = Some(reason);
        }
    }
    Ok(held)
}

/// Whether it is a test of its template.
fn is_test(delivery: &NewDelivery) -> bool {
    delivery.facts.as_ref().is_some_and(|facts| facts.test)
}

fn claim<'a>(
    message: &NewMessage,
    delivery: &'a NewDelivery,
    team: &'a str,
    (at, counts): (Timestamp, bool),
) -> Claim<'a> {
    Claim {
        to: &delivery.to,
        at,
        template: message.template,
        lane: message.lane,
        team,
        content: delivery.facts.as_ref().and_then(|facts| facts.content),
        counts,
        limits: &[],
    }
}

/// The person's time zone: as the caller gave it (checked then), by the number, or the usual one.
pub(crate) fn zone(shared: &Shared, facts: Option<&Facts>, to: &str) -> Zone {
    let given = facts.and_then(|facts| facts.time_zone.as_deref());
    let phone = to.starts_with('+').then_some(to);
    let default = shared.config.default_zone;
    Zone::of_recipient(given, phone, default).map_or(default, |(zone, _)| zone)
}

/// Deals people out over the time in which held messages are let go.
pub(crate) fn spread_key(to: &str) -> u64 {
    let digest = blake3::hash(to.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

fn all_vars(open: &Vars, secret: Option<&Vars>) -> Vars {
    let mut all = open.clone();
    all.extend(
        secret
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    all
}

/// Digest of a template and all values, secret ones included. Keyed, so that nobody can try out what
/// a short secret was.
pub(crate) fn digest(
    key: &[u8; 32],
    (template, locale): (TemplateId, Option<&str>),
    open: &Vars,
    secret: Option<&Vars>,
) -> u64 {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&template.as_u64().to_le_bytes());
    let locale = locale.unwrap_or_default();
    hasher.update(&(locale.len() as u64).to_le_bytes());
    hasher.update(locale.as_bytes());
    for (mark, vars) in [(0u8, Some(open)), (1, secret)] {
        for (name, value) in vars.into_iter().flatten() {
            hasher.update(&[mark]);
            for text in [name, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The digest that values would have which are not set apart yet.
pub(crate) fn digest_all(
    key: &[u8; 32],
    (template, locale): (TemplateId, Option<&str>),
    version: &Version,
    vars: &Vars,
) -> u64 {
    let is_secret = |name: &str| version.variables.get(name).is_some_and(|spec| spec.secret);
    let (secret, open): (Vars, Vars) = vars
        .clone()
        .into_iter()
        .partition(|(name, _)| is_secret(name));
    digest(key, (template, locale), &open, Some(&secret))
}

const fn part_word(part: Part) -> &'static str {
    match part {
        Part::Text => "text",
        Part::Subject => "subject",
        Part::Html => "HTML",
        Part::Payload => "payload",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_future_is_scheduled() {
        let at = Timestamp::from_seconds;
        assert_eq!(plan(None, at(10)).state, State::Accepted);
        assert_eq!(plan(Some(at(10)), at(10)).state, State::Accepted);
        assert_eq!(plan(Some(at(9)), at(10)).state, State::Accepted);
        let later = plan(Some(at(11)), at(10));
        assert_eq!(
            (later.state, later.due_at),
            (State::Scheduled, Some(at(11)))
        );
    }

    #[test]
    fn a_digest_tells_values_apart_wherever_they_are_cut() {
        let vars = |pairs: &[(&str, &str)]| -> Vars {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let key = [7; 32];
        let first = (TemplateId::from_u64(1), None);
        let of = |open: &Vars, secret: Option<&Vars>| digest(&key, first, open, secret);
        let one = vars(&[("a", "bc")]);
        assert_eq!(of(&one, None), of(&one.clone(), None));
        assert_ne!(of(&one, None), of(&vars(&[("ab", "c")]), None));
        assert_ne!(of(&one, None), of(&Vars::new(), Some(&one)));
        assert_ne!(
            of(&one, None),
            digest(&key, (TemplateId::from_u64(2), None), &one, None)
        );
        assert_ne!(of(&one, None), digest(&[8; 32], first, &one, None));
        let english = (TemplateId::from_u64(1), Some("en"));
        assert_ne!(of(&one, None), digest(&key, english, &one, None));
    }
}
