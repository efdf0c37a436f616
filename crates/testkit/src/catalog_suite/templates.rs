//! Templates and their versions.

use std::collections::BTreeMap;

use austin_domain::template::{
    Localised, Ownership, Pattern, Standing, Step, Template, TemplateState, VariableKind,
    VariableSpec, VendorTemplate, Version, VersionState,
};
use austin_domain::{Content, TemplateId};
use serde_json::{Value, json};

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Open>> {
    cases![
        a_template_comes_with_its_first_version,
        a_template_key_is_given_once,
        versions_count_up_and_old_ones_stay,
        a_version_keeps_everything_it_says,
        name_and_ownership_change,
        steps_are_taken_whole_or_not_at_all,
        a_version_waits_beside_the_live_one,
        a_team_has_people_to_test_on,
        unknown_templates_are_missing,
    ]
}

async fn a_template_comes_with_its_first_version(open: Open) {
    let store = open();
    let change = CatalogChange::CreateTemplate {
        template: Template {
            id: TemplateId::from_u64(77),
            current: 9,
            ..builders::template("one")
        },
        version: Box::new(Version {
            number: 9,
            ..builders::version("Code {{code}}")
        }),
    };
    let id = TemplateId::from_u64(make(&store, change, at(1)).await);
    let snapshot = store.snapshot();
    let entry = snapshot.template("one").unwrap();
    let expected = Template {
        id,
        created_at: at(1),
        updated_at: at(1),
        ..builders::template("one")
    };
    assert_eq!(entry.template, expected);
    assert_eq!(
        entry.versions,
        [Arc::new(builders::version("Code {{code}}"))]
    );
    assert_eq!(entry.current(), entry.version(1));
}

async fn a_template_key_is_given_once(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let error = refused(&store, create_template("one")).await;
    assert!(matches!(error, CatalogError::Exists(_)), "{error}");
}

async fn versions_count_up_and_old_ones_stay(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    for text in ["second {{a}}", "third"] {
        let version = Box::new(builders::version(text));
        let template = "one".into();
        make(
            &store,
            CatalogChange::AddVersion { template, version },
            at(2),
        )
        .await;
    }
    drop(store);
    let snapshot = open().snapshot();
    let entry = snapshot.template("one").unwrap();
    let told: Vec<_> = entry
        .versions
        .iter()
        .map(|version| (version.number, version.content.clone()))
        .collect();
    let text = |text: &str| Content::Text { text: text.into() };
    let expected = [
        (1, text("Code {{code}}")),
        (2, text("second {{a}}")),
        (3, text("third")),
    ];
    assert_eq!(told, expected);
    assert_eq!(entry.template.current, 1, "a further version waits");
    assert_eq!(
        (entry.template.created_at, entry.template.updated_at),
        (at(1), at(2))
    );
}

async fn a_version_keeps_everything_it_says(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let vendor = VendorTemplate {
        template_id: Some("1110".into()),
        sign: Some("顺丰速运".into()),
        params: Some(vec!["b".into(), "a".into()]),
    };
    let mut said = builders::version("尊敬的{{a}} \u{1f4e6} {{b}}");
    said.vendor_templates = BTreeMap::from([("tencent-1".into(), vendor)]);
    said.policies = Some(json!({ "caps": [{ "count": 3, "hours": 24 }] }));
    said.variables.insert(
        "b".into(),
        VariableSpec {
            kind: VariableKind::Integer,
            required: false,
            default: Some("1".into()),
            max_length: Some(4),
            min_length: Some(1),
            pattern: Pattern::new("[0-9]+").ok(),
            one_of: vec!["1".into(), "12".into()],
            example: Some("12".into()),
            secret: true,
        },
    );
    said.content = Content::Email {
        subject: "\"quoted\"\n".into(),
        html: Some("<b>{{a}}</b>".into()),
        text: None,
    };
    let localised = Localised {
        content: Content::Text {
            text: "Dear {{a}}".into(),
        },
        vendor_templates: said.vendor_templates.clone(),
    };
    said.locales.insert("en".into(), localised);
    said.standing = Standing::default();
    said.number = 2;
    for policies in [said.policies.clone(), None, Some(Value::Null)] {
        let version = Box::new(Version {
            policies,
            ..said.clone()
        });
        let template = "one".into();
        make(
            &store,
            CatalogChange::AddVersion { template, version },
            at(2),
        )
        .await;
    }
    let before = contents(&store.snapshot());
    drop(store);
    let snapshot = open().snapshot();
    assert_eq!(
        **snapshot.template("one").unwrap().version(2).unwrap(),
        said
    );
    assert_eq!(contents(&snapshot), before);
}

async fn name_and_ownership_change(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let owner = Ownership {
        team: "new".into(),
        ..Ownership::default()
    };
    let describe = CatalogChange::DescribeTemplate {
        template: "one".into(),
        name: "New name".into(),
        owner: owner.clone(),
    };
    make(&store, describe, at(2)).await;
    let transfer = CatalogChange::TransferTemplate {
        template: "one".into(),
        owner: Ownership {
            team: "newer".into(),
            ..owner.clone()
        },
        reason: "the team was split".into(),
    };
    make(&store, transfer, at(3)).await;
    let history = store.history(Some("template/one"), 2).await.unwrap();
    let actions: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["transfer", "describe"]);
    assert_eq!(history[0].detail["was"]["team"], "new");
    assert_eq!(history[0].detail["reason"], "the team was split");
    drop(store);
    let snapshot = open().snapshot();
    let template = &snapshot.template("one").unwrap().template;
    assert_eq!(
        (template.name.as_str(), template.owner.team.as_str()),
        ("New name", "newer")
    );
}

fn steps(steps: &[Step], reason: &str) -> CatalogChange {
    CatalogChange::MoveTemplate {
        template: "one".into(),
        steps: steps.to_vec(),
        reason: Some(reason.into()),
    }
}

async fn steps_are_taken_whole_or_not_at_all(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let before = contents(&store.snapshot());
    let error = refused(&store, steps(&[Step::Disable, Step::Publish(7)], "no")).await;
    assert!(matches!(error, CatalogError::InUse(_)), "{error}");
    assert_eq!(contents(&store.snapshot()), before);
    for (turn, (step, state)) in (2..).zip([
        (Step::Disable, TemplateState::Disabled),
        (Step::Archive, TemplateState::Archived),
        (Step::Restore, TemplateState::Disabled),
        (Step::Enable, TemplateState::Enabled),
    ]) {
        make(&store, steps(&[step], "drill"), at(turn)).await;
        let snapshot = store.snapshot();
        let template = &snapshot.template("one").unwrap().template;
        let since = template.since.as_ref().unwrap();
        assert_eq!(template.state, state);
        assert_eq!((since.at, since.by.as_str()), (at(turn), AUTHOR));
        assert_eq!(since.reason.as_deref(), Some("drill"));
    }
    let history = store.history(Some("template/one"), 4).await.unwrap();
    let actions: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["enable", "restore", "archive", "disable"]);
    assert_eq!(history[0].detail["reason"], "drill");
    assert_eq!(history[0].detail["was"], "disabled");
    let before = contents(&store.snapshot());
    drop(store);
    assert_eq!(contents(&open().snapshot()), before);
}

async fn a_version_waits_beside_the_live_one(open: Open) {
    let store = open();
    make(&store, create_template("one"), at(1)).await;
    let add = CatalogChange::AddVersion {
        template: "one".into(),
        version: Box::new(builders::version("second")),
    };
    assert_eq!(make(&store, add, at(2)).await, 2);
    make(&store, steps(&[Step::Submit(2)], "look"), at(3)).await;
    make(&store, steps(&[Step::Reject(2)], "typo"), at(4)).await;
    let standing = |number| {
        let snapshot = store.snapshot();
        let entry = snapshot.template("one").unwrap();
        let version = entry.version(number).unwrap();
        (entry.template.current, version.standing.clone())
    };
    let (current, second) = standing(2);
    assert_eq!((current, second.state), (1, VersionState::Draft));
    let (word, mark) = second.last.unwrap();
    assert_eq!(
        (word.as_str(), mark.reason.as_deref()),
        ("reject", Some("typo"))
    );
    let all = [Step::Submit(2), Step::Approve(2), Step::Publish(2)];
    make(&store, steps(&all, "now"), at(5)).await;
    let (current, second) = standing(2);
    assert_eq!((current, second.state), (2, VersionState::Live));
    assert_eq!(second.approved.unwrap().at, at(5));
    let (_, first) = standing(1);
    assert_eq!(first.state, VersionState::Retired);
    assert_eq!(first.last.unwrap().0, "retire");
    let history = store.history(Some("template/one"), 1).await.unwrap();
    assert_eq!(history[0].action, "publish");
    assert_eq!(history[0].detail["version"], 2);
    let before = contents(&store.snapshot());
    drop(store);
    assert_eq!(contents(&open().snapshot()), before);
}

async fn a_team_has_people_to_test_on(open: Open) {
    let store = open();
    let put = |people: &[&str]| CatalogChange::PutTestPeople {
        team: "care".into(),
        people: people.iter().map(|one| (*one).to_owned()).collect(),
        reason: None,
    };
    make(&store, put(&["+8613711112201", "*@test.example"]), at(1)).await;
    let before = contents(&store.snapshot());
    drop(store);
    let store = open();
    assert_eq!(contents(&store.snapshot()), before);
    assert_eq!(store.snapshot().test_people["care"].len(), 2);
    let history = store.history(Some("test-people/care"), 9).await.unwrap();
    assert_eq!(history.len(), 1);
    assert!(
        !format!("{history:?}").contains("13711112201"),
        "{history:?}"
    );
    make(&store, put(&[]), at(2)).await;
    assert!(store.snapshot().test_people.is_empty());
    drop(store);
    assert!(open().snapshot().test_people.is_empty());
}

async fn unknown_templates_are_missing(open: Open) {
    let store = open();
    let template = || "none".to_owned();
    for change in [
        CatalogChange::AddVersion {
            template: template(),
            version: Box::new(builders::version("x")),
        },
        CatalogChange::DescribeTemplate {
            template: template(),
            name: String::new(),
            owner: Ownership::default(),
        },
        CatalogChange::TransferTemplate {
            template: template(),
            owner: Ownership::default(),
            reason: String::new(),
        },
        CatalogChange::MoveTemplate {
            template: template(),
            steps: vec![Step::Enable],
            reason: None,
        },
    ] {
        let error = refused(&store, change).await;
        assert!(matches!(error, CatalogError::Missing(_)), "{error}");
    }
}
