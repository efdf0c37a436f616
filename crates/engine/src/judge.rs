//! The rules over one delivery, by itself: may the person be reached, are the words fine, is it the
//! hour, and what to say where a limit stops it. Used at intake, at the gate and by trials alike.

use austin_domain::content_check::{Checked, Finding, Item, Part};
use austin_domain::policy::{Cap, Over, QuietAction};
use austin_domain::zone::Zone;
use austin_domain::{Content, DeliveryId, Lane, Reason, RuleRef, State, Timestamp, caps, span};
use austin_ports::ledger::Facts;

use crate::rulebook::{Applied, Bound};
use crate::shared::Shared;

/// The rules over one delivery, by itself.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) applied: &'a Applied,
    pub(crate) now: Timestamp,
}

impl Judge<'_> {
    /// Whether the person may be reached at all.
    pub(crate) fn reach(&self, lane: Lane, to: &str) -> Option<Reason> {
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
    pub(crate) fn suppressed(&self, lane: Lane, to: &str) -> Option<Reason> {
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
        lane: Lane,
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

const fn part_word(part: Part) -> &'static str {
    match part {
        Part::Text => "text",
        Part::Subject => "subject",
        Part::Html => "HTML",
        Part::Payload => "payload",
    }
}
