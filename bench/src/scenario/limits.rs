//! What choosing an account and keeping its limits costs a delivery: what the dispatcher does with
//! it between queue and ledger, and what the account hears afterwards. The engine's own code with
//! its locks, alone and with two lanes that share the accounts; processor time, so that
//! neighbours do not count.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use austin_domain::quota::NumberRule;
use austin_domain::route::plan::{Part, Plan as Shares, Rule, Target, When};
use austin_domain::{AccountId, AppId, Class, DeliveryId, Lane, State, TemplateId, Vars};
use austin_engine::Adapters;
use austin_engine::planning::Planning;
use austin_ports::catalog::{Route, Snapshot, TemplateEntry};
use austin_ports::ledger::{MessageHead, WorkItem};
use austin_testkit::GivenCatalog;
use austin_testkit::builders::{self, NOW};

use crate::report::Figure;

const SCENARIO: &str = "limits";
const DELIVERIES: u32 = 1_000_000;
/// Deliveries a turn takes.
const TURN: u32 = 200;
const TEMPLATE: TemplateId = TemplateId::from_u64(1);
const LANE: Lane = Lane {
    channel: austin_domain::Channel::Sms,
    class: Class::Verification,
};

pub(crate) fn run() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (what, per_call) in [("one recipient a call", 1), ("50 recipients a call", 50)] {
        let alone = planning(per_call);
        let figure = |lanes: &str, cost: Cost| {
            let parts = format!(
                "goal ≤ 2; planning {:.2}, hearing the outcome {:.2}",
                cost.plan, cost.end
            );
            let what = format!("routing + limits + health, {what}, {lanes}");
            Figure::new(SCENARIO, what, cost.plan + cost.end, "µs", parts)
        };
        figures.push(figure("one lane", measure(alone, 0)?));
        let first = planning(per_call);
        let second = first.beside();
        let other = std::thread::spawn(move || measure(second, 1));
        let cost = measure(first, 0)?;
        let Ok(beside) = other.join() else {
            bail!("the second lane died");
        };
        let beside = beside?;
        let both = Cost {
            plan: f64::midpoint(cost.plan, beside.plan),
            end: f64::midpoint(cost.end, beside.end),
        };
        figures.push(figure("two lanes at a time", both));
    }
    Ok(figures)
}

/// Microseconds a delivery.
#[derive(Clone, Copy, Default)]
struct Cost {
    plan: f64,
    end: f64,
}

/// Sends a million through a lane.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(mut planning: Planning, lane: u32) -> Result<Cost> {
    let (mut plan, mut end, mut travelled) = (0u64, 0u64, 0usize);
    for turn in 0..DELIVERIES / TURN {
        let items = deliveries(lane * DELIVERIES + turn * TURN);
        // Fifty thousand a second go by in each lane, as the accounts see it.
        let now = NOW.plus(Duration::from_millis(u64::from(turn * TURN / 50)));
        let begin = spent();
        let mut planned = planning.plan(items, TURN as usize, now);
        let between = spent();
        planning.accepted(&mut planned, now.plus(Duration::from_millis(40)));
        let done = spent();
        plan += between - begin;
        end += done - between;
        travelled += planned.deliveries().0;
    }
    if travelled < DELIVERIES as usize * 9 / 10 {
        bail!("only {travelled} of {DELIVERIES} travelled: the limits were measured refusing");
    }
    let each = |nanos: u64| nanos as f64 / travelled as f64 / 1000.0;
    Ok(Cost {
        plan: each(plan),
        end: each(end),
    })
}

/// Nanoseconds this thread has had a processor.
fn spent() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanos = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    u64::try_from(nanos).unwrap_or(0)
}

/// Three accounts with every kind of limit, a rule for one of two apps.
fn planning(per_call: u16) -> Planning {
    let mut snapshot = Snapshot::default();
    for id in 1..=3 {
        let mut account = builders::account(&format!("account-{id}"));
        account.id = AccountId::from_u64(id);
        account.limits.per_second = Some(1_000_000);
        account.limits.recipients_per_second = Some(1_000_000);
        account.limits.recipients_per_day = Some(1_000_000_000);
        account.limits.recipients_per_call = Some(per_call);
        let rules = [(1, 60), (5, 3600), (10, 86_400)].map(|(count, seconds)| NumberRule {
            class: Some(Class::Verification),
            count,
            window: Duration::from_secs(seconds),
        });
        account.limits.per_number = Some(rules.to_vec());
        snapshot.account_ids.insert(account.key.clone(), account.id);
        snapshot.accounts.insert(account.id, Arc::new(account));
    }
    let mut template = builders::template("code");
    (template.id, template.class) = (TEMPLATE, Class::Verification);
    snapshot
        .template_ids
        .insert(template.key.clone(), template.id);
    let entry = TemplateEntry {
        template,
        versions: vec![Arc::new(builders::version("Your code is {{code}}."))],
    };
    snapshot.templates.insert(TEMPLATE, Arc::new(entry));
    let route = Route {
        lane: LANE,
        plan: shares(),
        shift: None,
        version: 1,
        author: "bench".into(),
        reason: None,
        updated_at: NOW,
    };
    snapshot.routes.insert(LANE, Arc::new(route));
    let adapters = Adapters::new(austin_adapters::registry());
    Planning::new(Arc::new(GivenCatalog::new(snapshot)), adapters)
}

fn shares() -> Shares {
    let part = |id: u64, weight| Part {
        to: Target::Account(AccountId::from_u64(id)),
        weight,
    };
    Shares {
        rules: vec![Rule {
            name: "the second app".into(),
            when: When {
                apps: vec![AppId::from_u64(2)],
                ..When::default()
            },
            parts: vec![part(2, 1), part(3, 1)],
        }],
        parts: vec![part(1, 70), part(2, 20), part(3, 10)],
        ..Shares::default()
    }
}

/// A turn's deliveries from this number on, of two apps in turn, each a message of its own.
fn deliveries(first: u32) -> Vec<WorkItem> {
    let vars = Arc::new(Vars::from([("code".into(), "1234".into())]));
    let secret: Arc<[String]> = BTreeSet::new().into_iter().collect();
    let one = |number: u32| {
        let id = DeliveryId::from_u64(u64::from(number) + 1);
        WorkItem {
            id,
            message: Arc::new(MessageHead {
                id: id.message(0),
                app: AppId::from_u64(u64::from(number % 2) + 1),
                template: TEMPLATE,
                version: 1,
                lane: LANE,
                request_id: String::new(),
                reference: None,
                attachments: Vec::new(),
                account: None,
                accepted_at: NOW,
                expires_at: NOW.plus(Duration::from_secs(3600)),
                recipients: 1,
            }),
            to: format!("+86137{number:08}"),
            vars: Arc::clone(&vars),
            secret_names: Arc::clone(&secret),
            state: State::Accepted,
            attempts: 0,
            last_account: None,
            spent: Arc::from([]),
            moves: false,
            facts: None,
            released: false,
        }
    };
    (first..first + TURN).map(one).collect()
}
