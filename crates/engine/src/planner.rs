//! Deliver now, later, or never: the rules over a checked message, person by person.
//!
//! First what one person's delivery says by itself (allow-list, suppression, words, hours), then its
//! place among the others (doubles, caps), taken in one step for all of a request.

use std::sync::Arc;

use austin_domain::template::Version;
use austin_domain::zone::Zone;
use austin_domain::{Reason, State, TemplateId, Timestamp, Vars};
use austin_ports::catalog::Snapshot;
use austin_ports::ledger::{Facts, NewDelivery, NewMessage};
use austin_ports::meter::Claim;

use crate::judge::{self, Judge};
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
            look(&judge, catalog, message);
        }
    }
    take_places(shared, messages, &applied, now).await
}

/// Judges every delivery of a message by itself, and digests what it says where that is
/// compared.
fn look(judge: &Judge<'_>, catalog: &Snapshot, message: &mut NewMessage) {
    let compiled = judge.applied.content.as_ref().and_then(|_| {
        let compilations = &judge.shared.means.compilations;
        compilations.get(catalog, message.template, message.version)
    });
    let digests = judge.applied.rules.dedup.value.length().is_some();
    let (shared_vars, lane, template) = (&message.vars, message.lane, message.template);
    let mut usual = None;
    let open = |delivery: &&mut NewDelivery| delivery.state != State::Suppressed;
    for delivery in message.deliveries.iter_mut().filter(open) {
        let own = delivery.vars.as_ref().unwrap_or(shared_vars);
        let facts = delivery.facts.as_deref();
        let (locale, test) = (
            facts.and_then(|facts| facts.locale.clone()),
            is_test(delivery),
        );
        let said = || all_vars(own, delivery.secret_vars.as_ref());
        let decision = judge
            .reach(lane, &delivery.to)
            .map(|reason| (State::Suppressed, None, reason))
            .or_else(|| {
                let compiled = compiled.as_ref().filter(|_| !test)?;
                let rendered = compiled.render_in(locale.as_deref(), &said()).ok()?;
                judge.words(lane, &delivery.to, &rendered, message.expires_at)
            })
            .or_else(|| {
                if delivery.state != State::Accepted || test {
                    return None;
                }
                let zone = judge::zone(judge.shared, delivery.facts.as_deref(), &delivery.to);
                judge.hours(zone, judge::spread_key(&delivery.to))
            });
        if digests {
            let key = &judge.shared.config.content_key;
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
            let zone = judge::zone(shared, delivery.facts.as_deref(), &delivery.to);
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
