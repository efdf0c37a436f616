//! Rules and shifts of routes, tags and steering of accounts, quotas, notes and what is remembered.

use std::collections::BTreeSet;

use austin_domain::quota::{NumberRule, Quota};
use austin_domain::route::plan::{Part, Plan, ReceiptTimeout, Rule, Shift, Target, When};
use austin_domain::{AppId, TemplateId};
use austin_ports::catalog::{KeptAnswer, Limits, Pause, PauseOf, QuotaOf, Steer, SteerMode};
use serde_json::json;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_route_keeps_its_rules_its_shift_and_its_reason,
        accounts_in_rules_and_in_a_plan_that_is_left_are_in_use,
        rules_name_accounts_that_are_there_and_fit,
        tags_and_limits_are_replaced,
        a_word_on_an_account_outlives_its_changes,
        quotas_are_put_and_lifted,
        a_quota_is_somebodys,
        a_note_is_for_the_trail_only,
        pauses_last_until_they_are_resumed,
        what_is_remembered_stays_until_it_is_forgotten,
        answers_are_kept_for_their_app_and_their_time,
    ]
}

fn named(account: u64, weight: u32) -> Part {
    Part {
        to: Target::Account(AccountId::from_u64(account)),
        weight,
    }
}

fn tagged(tag: &str, weight: u32) -> Part {
    Part {
        to: Target::Tag(tag.into()),
        weight,
    }
}

fn full_plan(a: u64, b: u64, template: u64, app: u64) -> Plan {
    Plan {
        parts: vec![named(a, 70), tagged("cheap", 30)],
        rules: vec![Rule {
            name: "abroad".into(),
            when: When {
                countries: vec!["HK".into()],
                prefixes: vec!["+65".into()],
                templates: vec![TemplateId::from_u64(template)],
                teams: vec!["logistics".into()],
                apps: vec![AppId::from_u64(app)],
            },
            parts: vec![named(b, 1)],
        }],
        receipt_timeout: Some(ReceiptTimeout {
            after: Duration::from_secs(120),
            most_attempts: 3,
        }),
    }
}

fn put(plan: Plan, shift: Option<Shift>) -> CatalogChange {
    CatalogChange::PutRoute {
        lane: LANE,
        plan,
        shift,
        reason: Some("because".into()),
    }
}

fn delete(key: &str) -> CatalogChange {
    CatalogChange::DeleteAccount {
        account: key.into(),
    }
}

async fn a_route_keeps_its_rules_its_shift_and_its_reason(open: Open) {
    let store = open();
    let a = make(&store, put_account("a"), at(1)).await;
    let b = make(&store, put_account("b"), at(1)).await;
    let template = make(&store, create_template("one"), at(1)).await;
    let app = make(&store, access::create_app("shop"), at(1)).await;
    let first = builders::plan(&[(a, 1)]);
    make(&store, put(first.clone(), None), at(2)).await;
    let plan = full_plan(a, b, template, app);
    let shift = Shift {
        from: first.clone(),
        begins_at: at(10),
        ends_at: at(610),
    };
    make(&store, put(plan.clone(), Some(shift.clone())), at(3)).await;
    drop(store);
    let store = open();
    let route = Arc::clone(&store.snapshot().routes[&LANE]);
    assert_eq!((&route.plan, route.shift.as_ref()), (&plan, Some(&shift)));
    assert_eq!(
        (route.version, route.reason.as_deref()),
        (2, Some("because"))
    );
    let versions = store.route_versions(LANE, None, 10).await.unwrap();
    assert_eq!(versions[0], *route);
    assert_eq!((&versions[1].plan, &versions[1].shift), (&first, &None));
    let history = store.history(Some("route/sms.notification"), 1).await;
    let detail = &history.unwrap()[0].detail;
    assert_eq!(detail["shares"][1], json!({"tag": "cheap", "weight": 30}));
    assert_eq!(detail["rules"][0]["name"], "abroad");
    assert_eq!(detail["rules"][0]["shares"][0]["account"], "b");
    assert_eq!(detail["shift"]["begins_at"], at(10).to_string());
}

async fn accounts_in_rules_and_in_a_plan_that_is_left_are_in_use(open: Open) {
    let store = open();
    let a = make(&store, put_account("a"), at(1)).await;
    let b = make(&store, put_account("b"), at(1)).await;
    let c = make(&store, put_account("c"), at(1)).await;
    let shift = Shift {
        from: builders::plan(&[(c, 1)]),
        begins_at: at(10),
        ends_at: at(20),
    };
    make(&store, put(full_plan(a, b, 1, 1), Some(shift)), at(2)).await;
    for key in ["a", "b", "c"] {
        let change = store.change(delete(key), AUTHOR, at(19)).await;
        assert!(
            matches!(change, Err(CatalogError::InUse(_))),
            "{key} {change:?}"
        );
    }
    // Once the shift is complete the old plan names nobody.
    make(&store, delete("c"), at(20)).await;
    let error = refused(&store, delete("b")).await;
    assert!(matches!(error, CatalogError::InUse(_)), "{error}");
    drop(store);
    assert!(open().snapshot().account("c").is_none());
}

async fn rules_name_accounts_that_are_there_and_fit(open: Open) {
    let store = open();
    let a = make(&store, put_account("a"), at(1)).await;
    let error = refused(&store, put(full_plan(a, 12345, 1, 1), None)).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    let shift = Shift {
        from: builders::plan(&[(12345, 1)]),
        begins_at: at(1),
        ends_at: at(2),
    };
    let error = refused(&store, put(builders::plan(&[(a, 1)]), Some(shift))).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    assert!(store.snapshot().routes.is_empty());
}

async fn tags_and_limits_are_replaced(open: Open) {
    let store = open();
    let mut account = builders::account("a");
    account.tags = BTreeSet::from(["cheap".into(), "abroad".into()]);
    account.limits = Limits {
        recipients_per_second: Some(300),
        recipients_per_day: Some(100_000),
        per_number: Some(vec![NumberRule {
            class: Some(Class::Verification),
            count: 1,
            window: Duration::from_secs(60),
        }]),
        receipt_deadline: Some(Duration::from_secs(600)),
        ..Limits::default()
    };
    let change = || CatalogChange::PutAccount(Box::new(account.clone()));
    make(&store, change(), at(1)).await;
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    let stored = snapshot.account("a").unwrap();
    assert_eq!(
        (&stored.tags, &stored.limits),
        (&account.tags, &account.limits)
    );
    let history = store.history(Some("account/a"), 1).await.unwrap();
    assert_eq!(history[0].detail["tags"], json!(["abroad", "cheap"]));
    make(&store, put_account("a"), at(2)).await;
    drop(store);
    let snapshot = open().snapshot();
    let stored = snapshot.account("a").unwrap();
    assert_eq!((stored.tags.len(), &stored.limits), (0, &Limits::default()));
}

async fn a_word_on_an_account_outlives_its_changes(open: Open) {
    let store = open();
    make(&store, put_account("a"), at(1)).await;
    let word = Steer {
        mode: SteerMode::Closed,
        until: Some(at(600)),
        reason: Some("bill unpaid".into()),
        author: AUTHOR.into(),
        at: at(2),
    };
    let steer = |account: &str, steer| CatalogChange::SteerAccount {
        account: account.into(),
        steer,
    };
    make(&store, steer("a", Some(word.clone())), at(2)).await;
    // A change of the account leaves the word alone, whatever it carries.
    make(&store, put_account("a"), at(3)).await;
    drop(store);
    let store = open();
    assert_eq!(store.snapshot().account("a").unwrap().steer, Some(word));
    make(&store, steer("a", None), at(4)).await;
    let error = refused(&store, steer("none", None)).await;
    assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    let history = store.history(Some("account/a"), 2).await.unwrap();
    assert_eq!(
        (history[0].action.as_str(), history[1].action.as_str()),
        ("steer", "put")
    );
    drop(store);
    assert_eq!(open().snapshot().account("a").unwrap().steer, None);
}

fn put_quota(of: QuotaOf, per_second: Option<u32>, per_day: Option<u64>) -> CatalogChange {
    CatalogChange::PutQuota {
        of,
        quota: Quota {
            per_second,
            per_day,
        },
        reason: Some("trial".into()),
    }
}

async fn quotas_are_put_and_lifted(open: Open) {
    let store = open();
    let app = AppId::from_u64(make(&store, access::create_app("shop"), at(1)).await);
    let template = TemplateId::from_u64(make(&store, create_template("one"), at(1)).await);
    let owners = [QuotaOf::App(app), QuotaOf::Template(template)];
    for of in owners {
        make(&store, put_quota(of, Some(1), None), at(2)).await;
        make(
            &store,
            put_quota(of, Some(50), Some(u64::from(u32::MAX) * 2)),
            at(3),
        )
        .await;
    }
    drop(store);
    let store = open();
    assert_eq!(store.snapshot().quotas.len(), 2);
    for of in owners {
        let quota = store.snapshot().quotas[&of];
        assert_eq!(
            (quota.per_second, quota.per_day),
            (Some(50), Some(u64::from(u32::MAX) * 2))
        );
    }
    for subject in ["app/shop", "template/one"] {
        let history = store.history(Some(subject), 1).await.unwrap();
        assert_eq!(history[0].action, "quota");
        assert_eq!(history[0].detail["reason"], "trial");
    }
    make(&store, put_quota(owners[0], None, None), at(4)).await;
    drop(store);
    let left: Vec<QuotaOf> = open().snapshot().quotas.keys().copied().collect();
    assert_eq!(left, [owners[1]]);
}

async fn a_quota_is_somebodys(open: Open) {
    let store = open();
    for of in [
        QuotaOf::App(AppId::from_u64(7)),
        QuotaOf::Template(TemplateId::from_u64(7)),
    ] {
        let error = refused(&store, put_quota(of, Some(1), None)).await;
        assert!(matches!(&error, CatalogError::Missing(_)), "{error}");
    }
    assert!(store.snapshot().quotas.is_empty());
}

async fn a_note_is_for_the_trail_only(open: Open) {
    let store = open();
    make(&store, put_account("a"), at(1)).await;
    let before = contents(&store.snapshot());
    let note = CatalogChange::Note {
        subject: "account/a".into(),
        action: "breaker_opened",
        detail: json!({"errors": 12}),
    };
    make(&store, note, at(2)).await;
    assert_eq!(contents(&store.snapshot()), before);
    drop(store);
    let store = open();
    assert_eq!(contents(&store.snapshot()), before);
    let history = store.history(Some("account/a"), 10).await.unwrap();
    assert_eq!((history.len(), history[0].at), (2, at(2)));
    assert_eq!(history[0].action, "breaker_opened");
    assert_eq!(history[0].detail, json!({"errors": 12}));
}

async fn pauses_last_until_they_are_resumed(open: Open) {
    let store = open();
    let template = TemplateId::from_u64(make(&store, create_template("one"), at(1)).await);
    let pause = |of: &PauseOf, pause: Option<Pause>| CatalogChange::Pause {
        of: of.clone(),
        pause,
    };
    let word = |until: Option<Timestamp>| Pause {
        at: at(2),
        until,
        author: "app/ops".into(),
        reason: Some("wrong text".into()),
    };
    let all = [
        PauseOf::Template(template),
        PauseOf::Team("growth".into()),
        PauseOf::Lane(LANE),
    ];
    for of in &all {
        make(&store, pause(of, Some(word(None))), at(2)).await;
        make(&store, pause(of, Some(word(Some(at(9))))), at(3)).await;
    }
    drop(store);
    let store = open();
    let snapshot = store.snapshot();
    for of in &all {
        assert_eq!(snapshot.pause(of, at(8)), Some(&word(Some(at(9)))));
        assert_eq!(snapshot.pause(of, at(9)), None);
    }
    let entry = &snapshot.templates[&template].template;
    assert_eq!(
        snapshot.paused(entry, at(8)).map(|found| found.0),
        Some(all[0].clone())
    );
    make(&store, pause(&all[0], None), at(4)).await;
    make(&store, pause(&all[0], None), at(5)).await;
    assert_eq!(store.snapshot().pause(&all[0], at(8)), None);
    let told = store.history(Some("template/one"), 9).await.unwrap();
    let actions: Vec<_> = told.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["resume", "pause", "pause", "create"]);
    let nobody = pause(
        &PauseOf::Template(TemplateId::from_u64(1)),
        Some(word(None)),
    );
    let refused = store.change(nobody, "test", at(6)).await;
    assert!(matches!(refused, Err(CatalogError::Missing(_))));
}

async fn answers_are_kept_for_their_app_and_their_time(open: Open) {
    let answer = |seconds: u64| KeptAnswer {
        request: [3; 32],
        status: 201,
        media_type: "application/json".into(),
        body: b"{}".to_vec(),
        at: NOW.plus(Duration::from_secs(seconds)),
    };
    let (app, other) = (AppId::from_u64(1), AppId::from_u64(2));
    let store = open();
    assert_eq!(store.kept_answer(app, "k", NOW).await, Ok(None));
    store.keep_answer(app, "k", answer(0), NOW).await.unwrap();
    store.keep_answer(app, "l", answer(5), NOW).await.unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.kept_answer(app, "k", NOW).await, Ok(Some(answer(0))));
    assert_eq!(store.kept_answer(other, "k", NOW).await, Ok(None));
    let later = NOW.plus(Duration::from_secs(1));
    assert_eq!(store.kept_answer(app, "k", later).await, Ok(None));
    store.keep_answer(app, "m", answer(9), later).await.unwrap();
    assert_eq!(store.kept_answer(app, "k", NOW).await, Ok(None));
    assert_eq!(store.kept_answer(app, "l", NOW).await, Ok(Some(answer(5))));
}

async fn what_is_remembered_stays_until_it_is_forgotten(open: Open) {
    let store = open();
    assert_eq!(store.remembered("pull/a").await.unwrap(), None);
    for value in [json!({"cursor": 1}), json!({"cursor": "zwei"})] {
        store.remember("pull/a", Some(value)).await.unwrap();
    }
    store.remember("pull/b", Some(json!(null))).await.unwrap();
    drop(store);
    let store = open();
    let read = store.remembered("pull/a").await.unwrap();
    assert_eq!(read, Some(json!({"cursor": "zwei"})));
    assert_eq!(store.remembered("pull/b").await.unwrap(), Some(json!(null)));
    store.remember("pull/a", None).await.unwrap();
    let many = vec![
        ("use/a".to_owned(), json!(1)),
        ("use/b".to_owned(), json!([2])),
    ];
    store.remember_all(many.clone()).await.unwrap();
    assert_eq!(store.remembered_all("use/").await.unwrap(), many);
    assert_eq!(store.remembered_all("us/").await.unwrap(), []);
    store.remember("pull/never", None).await.unwrap();
    assert_eq!(store.remembered("pull/a").await.unwrap(), None);
    // It is nobody's configuration.
    assert_eq!(store.history(None, 10).await.unwrap(), []);
    assert_eq!(contents(&store.snapshot()), Vec::<String>::new());
    drop(store);
    assert_eq!(open().remembered("pull/a").await.unwrap(), None);
}
