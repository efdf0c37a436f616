//! How much apps and templates may send: checked and counted in one step at intake.
//!
//! Both quotas of a message pass or neither is used. What is counted is accepted deliveries; a
//! message that is not accepted after all gives its place back.

use std::time::Duration;

use austin_domain::quota::Quota;
use austin_domain::rate::{Day, Gcra, MilliRate, milli};
use austin_domain::{AppId, TemplateId, Timestamp};
use austin_ports::catalog::{QuotaOf, Snapshot};
use austin_ports::ledger::NewMessage;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::pace::{clock, thousands};
use crate::refusal::{Refusal, RefusalCode};

/// What has been used of all quotas.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<HashMap<QuotaOf, Used>>);

#[derive(Default)]
struct Used {
    rate: Gcra,
    day: Day,
}

/// What a message has used, until it is accepted.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<Piece>);

#[derive(Debug)]
struct Piece {
    of: QuotaOf,
    count: u64,
    rate: Option<MilliRate>,
    at: Timestamp,
}

impl Quotas {
    /// Takes a message's place in the quotas of its app and its template.
    pub(crate) fn take(
        &self,
        catalog: &Snapshot,
        message: &NewMessage,
        now: Timestamp,
    ) -> Result<Taken, Refusal> {
        if catalog.quotas.is_empty() {
            return Ok(Taken::default());
        }
        let count = message.deliveries.len() as u64;
        let mut taken = Taken::default();
        for of in [
            QuotaOf::App(message.app),
            QuotaOf::Template(message.template),
        ] {
            let Some(quota) = catalog.quotas.get(&of).filter(|quota| quota.is_some()) else {
                continue;
            };
            if let Err(exceeded) = self.take_of(of, quota, count, now) {
                self.give_back(taken);
                return Err(exceeded.refusal(&name(catalog, of), count, now));
            }
            taken.0.push(Piece {
                of,
                count,
                rate: quota.per_second.map(milli),
                at: now,
            });
        }
        Ok(taken)
    }

    /// Gives back what a message took that was not accepted.
    pub(crate) fn give_back(&self, taken: Taken) {
        let mut all = self.0.lock();
        for piece in taken.0 {
            let Some(used) = all.get_mut(&piece.of) else {
                continue;
            };
            used.day.give_back(piece.count, piece.at);
            if let Some(rate) = piece.rate {
                used.rate.give_many_back(piece.count, rate);
            }
        }
    }

    /// What has been counted today, to be kept across restarts.
    pub(crate) fn days(&self) -> Vec<(String, Day)> {
        let all = self.0.lock();
        let mut days: Vec<_> = all.iter().map(|(of, used)| (word(*of), used.day)).collect();
        days.sort_by(|a, b| a.0.cmp(&b.0));
        days
    }

    /// Adds what was counted before a restart.
    pub(crate) fn restore(&self, word: &str, day: Day, now: Timestamp) {
        if let Some(of) = parse(word) {
            self.0.lock().entry(of).or_default().day.add(day, now);
        }
    }

    fn take_of(
        &self,
        of: QuotaOf,
        quota: &Quota,
        count: u64,
        now: Timestamp,
    ) -> Result<(), Exceeded> {
        let mut all = self.0.lock();
        let used = all.entry(of).or_default();
        if let Some(most) = quota.per_day
            && let Err(opens_at) = used.day.check(count, Some(most), now)
        {
            let left = most.saturating_sub(used.day.count(now));
            return Err(Exceeded::Day {
                most,
                left,
                opens_at,
            });
        }
        if let Some(most) = quota.per_second
            && let Err(opens_at) = used.rate.take_many(count, milli(most), now)
        {
            return Err(Exceeded::Rate { most, opens_at });
        }
        // Checked above, under the same lock.
        let _ = used.day.take(count, quota.per_day, now);
        Ok(())
    }
}

/// The quota that is used up.
enum Exceeded {
    Rate {
        most: u32,
        opens_at: Timestamp,
    },
    Day {
        most: u64,
        left: u64,
        opens_at: Timestamp,
    },
}

impl Exceeded {
    fn refusal(&self, name: &str, count: u64, now: Timestamp) -> Refusal {
        let (detail, opens_at) = match *self {
            Self::Rate { most, opens_at } => (
                format!(
                    "{name} may send {} deliveries a second and has; more at {opens_at}",
                    thousands(u64::from(most))
                ),
                opens_at,
            ),
            Self::Day { most, opens_at, .. } if count > most => (
                format!(
                    "{name} may send {} deliveries a day, so a message to {} can never pass",
                    thousands(most),
                    thousands(count)
                ),
                opens_at,
            ),
            Self::Day {
                most,
                left,
                opens_at,
            } => (
                format!(
                    "{name} may send {} deliveries a day; {} are left today and {} were asked \
                     for; the next day begins at {}",
                    thousands(most),
                    thousands(left),
                    thousands(count),
                    clock(opens_at)
                ),
                opens_at,
            ),
        };
        let mut refusal = Refusal::new(RefusalCode::QuotaExceeded, detail);
        refusal.retry_after = Some(opens_at.since(now).max(Duration::from_millis(1)));
        refusal
    }
}

fn name(catalog: &Snapshot, of: QuotaOf) -> String {
    match of {
        QuotaOf::App(id) => {
            let name = catalog.apps.get(&id).map(|app| app.name.as_str());
            format!("app {}", name.unwrap_or("of this key"))
        }
        QuotaOf::Template(id) => {
            let key = catalog.templates.get(&id);
            format!(
                "template {}",
                key.map_or("of this message", |entry| &entry.template.key)
            )
        }
    }
}

fn word(of: QuotaOf) -> String {
    match of {
        QuotaOf::App(id) => id.to_string(),
        QuotaOf::Template(id) => id.to_string(),
    }
}

fn parse(word: &str) -> Option<QuotaOf> {
    let app = word.parse::<AppId>().ok().map(QuotaOf::App);
    app.or_else(|| word.parse::<TemplateId>().ok().map(QuotaOf::Template))
}

#[cfg(test)]
mod tests {
    use austin_domain::State;
    use austin_ports::ledger::NewDelivery;
    use austin_testkit::builders::NOW;

    use super::*;
    use crate::samples::{Sample, TEMPLATE, lane};

    fn message(recipients: usize) -> NewMessage {
        let delivery = NewDelivery {
            to: "+8613711112200".into(),
            vars: None,
            secret_vars: None,
            reference: None,
            state: State::Accepted,
            due_at: None,
            reason: None,
            facts: None,
        };
        NewMessage {
            app: AppId::from_u64(1),
            template: TEMPLATE,
            version: 1,
            lane: lane(),
            request_id: String::new(),
            reference: None,
            vars: Default::default(),
            attachments: Vec::new(),
            account: None,
            expires_at: NOW,
            deliveries: vec![delivery; recipients],
        }
    }

    fn catalog(of: QuotaOf, per_second: Option<u32>, per_day: Option<u64>) -> Snapshot {
        let mut sample = Sample::new("hello");
        let quota = Quota {
            per_second,
            per_day,
        };
        sample.0.quotas.insert(of, quota);
        sample.0
    }

    #[test]
    fn a_rate_is_refused_with_the_moment_it_opens_and_holds_over_time() {
        let quotas = Quotas::default();
        let catalog = catalog(QuotaOf::App(AppId::from_u64(1)), Some(10), None);
        for _ in 0..10 {
            quotas.take(&catalog, &message(1), NOW).unwrap();
        }
        let refusal = quotas.take(&catalog, &message(1), NOW).unwrap_err();
        assert_eq!(refusal.code.as_str(), "quota_exceeded");
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(100)));
        assert!(refusal.detail.contains("app"), "{}", refusal.detail);
        let later = NOW.plus(Duration::from_millis(100));
        quotas.take(&catalog, &message(1), later).unwrap();
    }

    #[test]
    fn a_days_quota_is_kept_whole_and_survives_a_restart() {
        let quotas = Quotas::default();
        let catalog = catalog(QuotaOf::Template(TEMPLATE), None, Some(5));
        let taken = quotas.take(&catalog, &message(3), NOW).unwrap();
        let refusal = quotas.take(&catalog, &message(3), NOW).unwrap_err();
        assert!(
            refusal.detail.contains("template shipped"),
            "{}",
            refusal.detail
        );
        assert!(refusal.detail.contains("2 are left"), "{}", refusal.detail);
        assert!(refusal.retry_after.unwrap() > Duration::from_secs(60));
        quotas.give_back(taken);
        quotas.take(&catalog, &message(5), NOW).unwrap();
        let never = quotas.take(&catalog, &message(6), NOW).unwrap_err();
        assert!(never.detail.contains("never"), "{}", never.detail);

        let restarted = Quotas::default();
        for (word, day) in quotas.days() {
            restarted.restore(&word, day, NOW);
        }
        restarted.take(&catalog, &message(1), NOW).unwrap_err();
        let tomorrow = NOW.plus(Duration::from_secs(86_400));
        restarted.take(&catalog, &message(5), tomorrow).unwrap();
    }

    #[test]
    fn the_template_refuses_and_the_app_is_not_charged() {
        let quotas = Quotas::default();
        let app = QuotaOf::App(AppId::from_u64(1));
        let mut catalog = catalog(app, None, Some(10));
        catalog.quotas.insert(
            QuotaOf::Template(TEMPLATE),
            Quota {
                per_second: None,
                per_day: Some(1),
            },
        );
        quotas.take(&catalog, &message(2), NOW).unwrap_err();
        quotas.take(&catalog, &message(1), NOW).unwrap();
        let counted = quotas.days();
        assert!(
            counted.iter().all(|(_, day)| day.count(NOW) == 1),
            "{counted:?}"
        );
    }
}
