//! What choosing an account and keeping its limits costs a delivery: the rules of a route, a turn
//! of the wheel, and everything an account is asked before it takes a recipient.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use austin_domain::health::Health;
use austin_domain::quota::NumberRule;
use austin_domain::rate::{Aimd, Day, Fair, Gcra, Numbers, milli};
use austin_domain::route::matching::Facts;
use austin_domain::route::plan::{Part, Plan as Shares, Target};
use austin_domain::route::traffic::Traffic;
use austin_domain::route::{Share, Wheel};
use austin_domain::{AccountId, AppId, Class, TemplateId, Timestamp};

use crate::report::Figure;

const SCENARIO: &str = "limits";
const DELIVERIES: u32 = 2_000_000;

/// One account, as the engine keeps it, without its lock.
#[derive(Default)]
struct Account {
    calls: Gcra,
    recipients: Gcra,
    aimd: Aimd,
    day: Day,
    fair: Fair,
    numbers: Numbers,
    health: Health,
}

impl Account {
    /// What the engine asks and takes for one delivery in a call of its own.
    fn takes(&mut self, number: u64, now: Timestamp) -> bool {
        let class = Class::Verification;
        let calls = self.aimd.rate(Some(RATE), now).unwrap_or(RATE);
        let recipients = self.aimd.scaled(RATE, now);
        let passes = self.health.breaker.check(now).is_ok()
            && self.numbers.check(number, class, now).is_ok()
            && self.calls.check(calls, now).is_ok()
            && self.day.check(1, Some(u64::MAX), now).is_ok()
            && self.recipients.check(recipients, now).is_ok()
            && self.fair.check(class, now).is_ok();
        if passes {
            let _ = self.calls.take(calls, now);
            let _ = self.recipients.take(recipients, now);
            let _ = self.day.take(1, Some(u64::MAX), now);
            self.fair.serve(class);
            self.numbers.reserve(number, class, now);
        }
        passes
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn run() -> Result<Vec<Figure>> {
    let plan = Shares {
        parts: (1u32..=3)
            .map(|id| Part {
                to: Target::Account(AccountId::from_u64(id.into())),
                weight: id,
            })
            .collect(),
        ..Shares::default()
    };
    let traffic = Traffic::new(&plan, None, |_: &str| Vec::new());
    let mut accounts: Vec<Account> = (0..3).map(|_| Account::default()).collect();
    let rules = [(1, 60), (5, 3600), (10, 86_400)].map(|(count, seconds)| NumberRule {
        class: Some(Class::Verification),
        count,
        window: Duration::from_secs(seconds),
    });
    for account in &mut accounts {
        account.numbers.follow(&rules);
    }
    let (mut wheel, hasher) = (Wheel::default(), RandomState::new());
    let begin = Timestamp::from_seconds(1_767_323_045);
    let numbers: Vec<String> = (0..DELIVERIES).map(|n| format!("+86137{n:08}")).collect();
    let start = Instant::now();
    let mut taken = 0u32;
    for (index, to) in numbers.iter().enumerate() {
        // A hundred thousand a second pass by, as the accounts see it.
        let now = begin.plus(Duration::from_micros(index as u64 * 10));
        let facts = Facts {
            to,
            template: TemplateId::from_u64(1),
            team: "shop",
            app: AppId::from_u64(1),
        };
        let group = traffic.group(&facts, now);
        let shares: Vec<Share> = traffic.shares(black_box(group), now);
        let picked = wheel.pick(&shares, |_| true);
        let index = picked.map_or(0, |id| usize::try_from(id.as_u64() - 1).unwrap_or(0));
        taken += u32::from(accounts[index].takes(hasher.hash_one(to), now));
    }
    let nanos = start.elapsed().as_nanos() as f64 / f64::from(DELIVERIES);
    if taken < DELIVERIES / 2 {
        bail!("only {taken} of {DELIVERIES} were taken: the limits were measured refusing");
    }
    Ok(vec![Figure::new(
        SCENARIO,
        "routing + limits, a delivery",
        nanos / 1000.0,
        "µs",
        "goal ≤ 2",
    )])
}

const RATE: u64 = milli(1_000_000);
