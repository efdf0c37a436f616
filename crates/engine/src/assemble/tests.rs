use std::collections::BTreeMap;

use austin_domain::route::plan::{Part, Rule, Target, When};
use austin_testkit::builders::{self, NOW};

use super::*;
use crate::samples::{Sample, items};

fn ids(items: &[WorkItem]) -> Vec<u64> {
    items.iter().map(|item| item.id.as_u64()).collect()
}

fn travelling(plan: &Plan) -> BTreeMap<u64, Vec<Vec<u64>>> {
    let mut calls: BTreeMap<u64, Vec<Vec<u64>>> = BTreeMap::new();
    for batch in &plan.batches {
        calls
            .entry(batch.usable.record.id.as_u64())
            .or_default()
            .push(ids(&batch.items));
    }
    calls
}

fn plan(sample: Sample, items: Vec<WorkItem>, most_calls: usize) -> Plan {
    assemble(
        items,
        &sample.directory(),
        &mut Wheels::default(),
        most_calls,
        NOW,
    )
}

fn sample() -> Sample {
    Sample::new("order {{order}}")
}

#[test]
fn same_content_travels_together_only_where_the_vendor_asks_for_it() {
    let orders = ["a", "b", "a", "b"];
    let same = plan(
        sample().account(1, "same", |_| ()).route(&[(1, 1)]),
        items(&orders),
        9,
    );
    assert_eq!(travelling(&same)[&1], [vec![101, 103], vec![102, 104]]);
    let any = plan(
        sample().account(1, "many", |_| ()).route(&[(1, 1)]),
        items(&orders),
        9,
    );
    assert_eq!(travelling(&any)[&1], [vec![101, 102, 103, 104]]);
    let one = plan(
        sample().account(1, "one", |_| ()).route(&[(1, 1)]),
        items(&orders),
        9,
    );
    assert_eq!(travelling(&one)[&1].len(), 4);
}

#[test]
fn the_account_may_lower_the_size_of_a_call() {
    let sample = sample()
        .account(1, "many", |record| {
            record.limits.recipients_per_call = Some(2)
        })
        .route(&[(1, 1)]);
    let plan = plan(sample, items(&["a"; 5]), 9);
    assert_eq!(
        travelling(&plan)[&1],
        [vec![101, 102], vec![103, 104], vec![105]]
    );
}

#[test]
fn weights_are_kept_per_delivery() {
    let sample = sample()
        .account(1, "many", |_| ())
        .account(2, "many", |_| ())
        .route(&[(1, 7), (2, 3)]);
    let plan = plan(sample, items(&["a"; 100]), 9);
    let calls = travelling(&plan);
    assert_eq!((calls[&1][0].len(), calls[&2][0].len()), (70, 30));
}

#[test]
fn no_more_calls_than_asked_for_and_the_rest_keeps_its_order() {
    let plan = plan(
        sample().account(1, "one", |_| ()).route(&[(1, 1)]),
        items(&["a"; 5]),
        2,
    );
    assert_eq!(plan.batches.len(), 2);
    assert_eq!(ids(&plan.put_back), [103, 104, 105]);
    assert!(
        plan.blocked.is_none(),
        "waiting for a permit is not being blocked"
    );
}

#[test]
fn a_rate_limited_account_leaves_the_rest_in_place_and_says_until_when() {
    let sample = sample()
        .account(1, "one", |record| record.limits.per_second = Some(1))
        .route(&[(1, 1)]);
    let plan = plan(sample, items(&["a"; 3]), 9);
    assert_eq!(plan.batches.len(), 1);
    assert_eq!(ids(&plan.put_back), [102, 103]);
    let blocked = plan.blocked.unwrap();
    assert!(blocked.until > NOW && blocked.until <= NOW.plus(Duration::from_millis(1001)));
    assert_eq!(blocked.why, "limited by account-1: 1/s since 03:04 UTC");
}

#[test]
fn what_one_account_cannot_take_now_another_takes() {
    let sample = sample()
        .account(1, "one", |record| record.limits.per_second = Some(1))
        .account(2, "one", |_| ())
        .route(&[(1, 1), (2, 1)]);
    let plan = plan(sample, items(&["a"; 4]), 9);
    let calls = travelling(&plan);
    assert_eq!((calls[&1].len(), calls[&2].len()), (1, 3));
    assert!(plan.put_back.is_empty());
}

#[test]
fn without_a_route_or_an_enabled_account_everything_waits_and_says_why() {
    let none = plan(sample().account(1, "one", |_| ()), items(&["a"; 2]), 9);
    assert_eq!(none.put_back.len(), 2);
    assert!(
        none.blocked
            .unwrap()
            .why
            .contains("no route for sms.notification")
    );
    let off = sample()
        .account(1, "one", |record| record.enabled = false)
        .route(&[(1, 1)]);
    let off = plan(off, items(&["a"; 2]), 9);
    assert!(off.blocked.unwrap().why.contains("no account"));
}

#[test]
fn a_retry_goes_to_another_account_when_there_is_one() {
    let sample = || sample().account(1, "one", |_| ()).account(2, "one", |_| ());
    let mut item = items(&["a"]);
    item[0].last_account = Some(AccountId::from_u64(1));
    item[0].attempts = 1;
    // Even a stand-in without weight comes before the account that just refused.
    let other = plan(sample().route(&[(1, 100), (2, 0)]), item.clone(), 9);
    assert_eq!(travelling(&other).keys().copied().collect::<Vec<_>>(), [2]);
    let same = plan(sample().route(&[(1, 100)]), item, 9);
    assert_eq!(travelling(&same).keys().copied().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_named_account_is_the_only_one_and_does_not_block_those_behind_it() {
    let sample = sample()
        .account(1, "one", |_| ())
        .account(2, "one", |record| record.enabled = false)
        .route(&[(1, 1)]);
    let mut items = items(&["a", "a"]);
    let named = Arc::make_mut(&mut items[0].message);
    named.account = Some(AccountId::from_u64(2));
    let plan = plan(sample, items, 9);
    assert_eq!(travelling(&plan)[&1], [vec![102]]);
    let change = &plan.changes[0];
    assert_eq!((change.delivery.as_u64(), change.to), (101, State::Queued));
    assert!(change.due_at.is_some());
}

#[test]
fn expired_deliveries_and_those_of_a_disabled_template_leave_with_a_reason() {
    let mut expired = items(&["a"]);
    Arc::make_mut(&mut expired[0].message).expires_at = NOW;
    let base = || sample().account(1, "one", |_| ()).route(&[(1, 1)]);
    let plan_expired = plan(base(), expired, 9);
    assert_eq!(plan_expired.changes[0].to, State::Expired);

    let mut disabled = base();
    let mut template = builders::template("shipped");
    template.id = crate::samples::TEMPLATE;
    template.state = TemplateState::Disabled;
    disabled.put_template(template, builders::version("order {{order}}"));
    let plan_disabled = plan(disabled, items(&["a"]), 9);
    assert_eq!(plan_disabled.changes[0].to, State::Suppressed);
    assert_eq!(plan_disabled.changes[0].reason.code, "template_disabled");
    assert!(plan_disabled.batches.is_empty());
}

#[test]
fn a_stopped_template_says_who_stopped_it_and_why_and_tests_of_drafts_pass() {
    use austin_domain::template::Mark;
    use austin_ports::ledger::Facts;
    let with = |state| {
        let mut template = builders::template("shipped");
        template.id = crate::samples::TEMPLATE;
        template.state = state;
        template.since = Some(Mark {
            at: NOW,
            by: "app/console".into(),
            reason: Some("wrong words".into()),
        });
        let mut sample = sample().account(1, "one", |_| ()).route(&[(1, 1)]);
        sample.put_template(template, builders::version("order {{order}}"));
        sample
    };
    let mut test = items(&["a"]);
    test[0].facts = Facts {
        test: true,
        ..Facts::default()
    }
    .known();
    for (state, code, passes) in [
        (TemplateState::Disabled, "template_disabled", true),
        (TemplateState::Submitted, "template_disabled", true),
        (TemplateState::Archived, "template_archived", false),
    ] {
        let stopped = plan(with(state), items(&["a"]), 9);
        let reason = &stopped.changes[0].reason;
        assert_eq!(reason.code, code);
        assert!(reason.detail.contains("app/console"), "{}", reason.detail);
        assert!(reason.detail.contains("wrong words"), "{}", reason.detail);
        let rule = reason.rule.as_ref().unwrap();
        assert_eq!(
            (rule.name.as_str(), rule.part.as_str()),
            ("template/shipped", "state")
        );
        let tested = plan(with(state), test.clone(), 9);
        assert_eq!(tested.batches.len() == 1, passes, "{state}");
    }
}

#[test]
fn what_is_said_in_two_languages_travels_apart() {
    use austin_domain::template::Localised;
    use austin_ports::ledger::Facts;
    let mut version = builders::version("order {{order}}");
    let english = Localised {
        content: version.content.clone(),
        vendor_templates: Default::default(),
    };
    version.locales.insert("en".into(), english);
    let mut items = items(&["a", "a", "a", "a"]);
    for (item, locale) in items.iter_mut().zip(["en-GB", "de", "en", "fr"]) {
        let facts = Facts {
            locale: Some(locale.into()),
            ..Facts::default()
        };
        item.facts = facts.known();
    }
    for adapter in ["many", "same"] {
        let mut sample = sample().account(1, adapter, |_| ()).route(&[(1, 1)]);
        let mut template = builders::template("shipped");
        template.id = crate::samples::TEMPLATE;
        sample.put_template(template, version.clone());
        let planned = plan(sample, items.clone(), 9);
        assert_eq!(travelling(&planned)[&1], [vec![101, 103], vec![102, 104]]);
    }
}

#[test]
fn what_an_account_just_refused_waits_for_another_and_then_may_go_anywhere() {
    let sample = || {
        sample()
            .account(1, "one", |_| ())
            .account(2, "one", |record| record.limits.per_second = Some(1))
            .route(&[(1, 1), (2, 1)])
    };
    let mut items = items(&["a", "b"]);
    for item in &mut items {
        (item.last_account, item.attempts) = (Some(AccountId::from_u64(1)), 1);
        item.moves = true;
    }
    let refused = plan(sample(), items.clone(), 9);
    assert_eq!(travelling(&refused)[&2], [vec![101]]);
    let change = &refused.changes[0];
    assert_eq!((change.delivery.as_u64(), change.to), (102, State::Queued));
    assert_eq!(change.reason.code, "no_other_account");
    assert!(change.due_at.is_some_and(|due| due >= NOW.plus(SHORT_WAIT)));
    items.iter_mut().for_each(|item| item.moves = false);
    let waited = plan(sample(), items, 9);
    assert_eq!(travelling(&waited)[&1], [vec![102]]);
    assert!(waited.changes.is_empty());
}

#[test]
fn a_rule_decides_for_its_deliveries_and_a_tag_stands_for_its_accounts() {
    let tagged = |record: &mut austin_ports::catalog::AccountRecord| {
        record.tags.insert("abroad".into());
    };
    let abroad = Rule {
        name: "abroad".into(),
        when: When {
            prefixes: vec!["+44".into()],
            ..When::default()
        },
        parts: vec![Part {
            to: Target::Tag("abroad".into()),
            weight: 1,
        }],
    };
    let sample = sample()
        .account(1, "one", |_| ())
        .account(2, "one", tagged)
        .account(3, "one", tagged)
        .planned(austin_domain::route::plan::Plan {
            rules: vec![abroad],
            ..builders::plan(&[(1, 1)])
        });
    let mut items = items(&["a"; 6]);
    for item in &mut items[2..] {
        item.to = "+447911123456".into();
    }
    let calls = travelling(&plan(sample, items, 9));
    assert_eq!(calls[&1], [vec![101], vec![102]]);
    assert_eq!((calls[&2].len(), calls[&3].len()), (2, 2));
}

fn once_a_minute(record: &mut austin_ports::catalog::AccountRecord) {
    record.limits.per_number = Some(vec![austin_domain::quota::NumberRule {
        class: None,
        count: 1,
        window: Duration::from_secs(60),
    }]);
}

fn same_number() -> Vec<WorkItem> {
    let mut items = items(&["a", "b", "c"]);
    for item in &mut items {
        item.to = "+8613711112200".into();
    }
    items
}

#[test]
fn a_number_one_account_has_written_to_often_enough_goes_to_another_or_waits_for_the_window() {
    let sample = sample()
        .account(1, "one", once_a_minute)
        .account(2, "one", once_a_minute)
        .route(&[(1, 1), (2, 1)]);
    let plan = plan(sample, same_number(), 9);
    assert_eq!(travelling(&plan).len(), 2, "one each");
    assert!(plan.put_back.is_empty() && plan.blocked.is_none());
    let [change] = plan.changes.as_slice() else {
        panic!("the third waits: {:?}", plan.changes)
    };
    assert_eq!(change.to, State::Queued);
    assert_eq!(change.reason.code, "number_limit");
    assert!(
        change.reason.detail.contains("account-"),
        "{:?}",
        change.reason
    );
    assert!(
        change.reason.detail.contains("1 message in 60 s"),
        "{:?}",
        change.reason
    );
    let due = change.due_at.unwrap();
    assert!(due >= NOW.plus(Duration::from_secs(60)) && due < NOW.plus(Duration::from_secs(66)));
}

#[test]
fn a_number_that_only_a_busy_account_may_take_keeps_its_place() {
    let sample = sample()
        .account(1, "one", once_a_minute)
        .account(2, "one", |record| record.limits.concurrency = Some(1))
        .route(&[(1, 1), (2, 1)]);
    let plan = plan(sample, same_number(), 9);
    assert_eq!(travelling(&plan).len(), 2);
    assert_eq!(plan.put_back.len(), 1);
    assert!(plan.changes.is_empty());
}

#[test]
fn recipients_a_second_bound_what_a_call_carries() {
    let sample = sample()
        .account(1, "many", |record| {
            record.limits.recipients_per_second = Some(100);
        })
        .route(&[(1, 1)]);
    let plan = plan(sample, items(&["a"; 60]), 9);
    let carried: usize = plan.batches.iter().map(|batch| batch.items.len()).sum();
    assert!((10..=11).contains(&carried), "{carried}");
    assert_eq!(plan.put_back.len(), 60 - carried);
    assert!(plan.blocked.unwrap().why.contains("100 recipients/s"));
}
