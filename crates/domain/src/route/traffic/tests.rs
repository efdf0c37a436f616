use std::time::Duration;

use super::super::plan::{Rule, Target, When};
use super::*;
use crate::id::{AppId, TemplateId};

fn part(account: u64, weight: u32) -> Part {
    Part {
        to: Target::Account(AccountId::from_u64(account)),
        weight,
    }
}

fn tag(name: &str, weight: u32) -> Part {
    Part {
        to: Target::Tag(name.into()),
        weight,
    }
}

fn facts(to: &str) -> Facts<'_> {
    Facts {
        to,
        template: TemplateId::from_u64(1),
        team: "shop",
        app: AppId::from_u64(1),
    }
}

fn weights(shares: &[Share]) -> Vec<(u64, u32)> {
    let pair = |share: &Share| (share.account.as_u64(), share.weight);
    shares.iter().map(pair).collect()
}

fn china(parts: Vec<Part>) -> Plan {
    Plan {
        parts: vec![part(9, 1)],
        rules: vec![Rule {
            name: "china".into(),
            when: When {
                countries: vec!["CN".into()],
                ..When::default()
            },
            parts,
        }],
        receipt_timeout: None,
    }
}

const CN: &str = "+8613711112201";
const HK: &str = "+85251112222";

#[test]
fn rules_form_groups_with_shares_of_their_own() {
    let members = |_: &str| vec![AccountId::from_u64(1), AccountId::from_u64(2)];
    let traffic = Traffic::new(&china(vec![tag("cheap", 10), part(3, 5)]), None, members);
    let now = Timestamp::default();
    let (inland, abroad) = (
        traffic.group(&facts(CN), now),
        traffic.group(&facts(HK), now),
    );
    assert_ne!(inland, abroad);
    assert_eq!(
        (traffic.rule(inland), traffic.rule(abroad)),
        (Some("china"), None)
    );
    assert_eq!(
        weights(&traffic.shares(inland, now)),
        [(1, 10), (2, 10), (3, 10)]
    );
    assert_eq!(weights(&traffic.shares(abroad, now)), [(9, 1)]);
    assert_eq!(traffic.accounts(now).len(), 4);
    assert!(!traffic.is_shifting(now));
}

#[test]
fn a_shift_leads_from_one_plan_to_the_other() {
    let from = Plan {
        parts: vec![part(1, 70), part(2, 30)],
        ..Plan::default()
    };
    let begins_at = Timestamp::from_seconds(1_000);
    let shift = Shift {
        from,
        begins_at,
        ends_at: begins_at.plus(Duration::from_secs(600)),
    };
    let traffic = Traffic::new(&china(vec![part(2, 100)]), Some(&shift), |_| Vec::new());
    let shares = |seconds| {
        let now = Timestamp::from_seconds(seconds);
        traffic.shares(traffic.group(&facts(CN), now), now)
    };
    assert_eq!(weights(&shares(0)), [(1, 70), (2, 30)]);
    assert_eq!(weights(&shares(1_000)), [(1, 70), (2, 30)]);
    let halfway = shares(1_300);
    let all: u32 = halfway.iter().map(|share| share.weight).sum();
    let part = f64::from(halfway[1].weight) / f64::from(all);
    assert!((part - 0.35).abs() < 1e-6, "{part}");
    assert_eq!(weights(&shares(1_600)), [(2, 100)]);
    assert_eq!(weights(&shares(9_999)), [(2, 100)]);
    // Groups before, amid and after are not the same one: each has a wheel of its own.
    let group = |seconds| traffic.group(&facts(CN), Timestamp::from_seconds(seconds));
    assert_ne!(group(0), group(1_300));
    assert_ne!(group(1_300), group(1_600));
    assert!(traffic.is_shifting(Timestamp::from_seconds(1_300)));
    assert_eq!(traffic.rule(group(0)), None);
    assert_eq!(traffic.rule(group(1_300)), Some("china"));
    let named = |seconds| {
        let now = Timestamp::from_seconds(seconds);
        let groups = traffic.groups(now).into_iter();
        groups.map(|group| traffic.rule(group)).collect::<Vec<_>>()
    };
    assert_eq!(named(0), [None]);
    assert_eq!(
        (named(1_300), named(1_600)),
        (vec![Some("china"), None], vec![Some("china"), None])
    );
    assert_eq!(
        traffic.groups(Timestamp::from_seconds(1_600))[0],
        group(1_600)
    );
    assert_eq!(
        traffic.groups(Timestamp::from_seconds(1_300))[0],
        group(1_300)
    );
    let accounts = |seconds| traffic.accounts(Timestamp::from_seconds(seconds)).len();
    assert_eq!((accounts(0), accounts(1_300), accounts(1_600)), (2, 3, 2));
}
