//! Templates and their versions.

use std::collections::BTreeMap;

use austin_domain::template::{
    Ownership, Template, TemplateState, VariableKind, VariableSpec, VendorTemplate, Version,
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
        name_ownership_and_state_change,
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
        version: Version {
            number: 9,
            ..builders::version("Code {{code}}")
        },
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
        let version = builders::version(text);
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
    assert_eq!(entry.template.current, 3);
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
            example: Some("12".into()),
            secret: true,
        },
    );
    said.content = Content::Email {
        subject: "\"quoted\"\n".into(),
        html: Some("<b>{{a}}</b>".into()),
        text: None,
    };
    said.number = 2;
    for policies in [said.policies.clone(), None, Some(Value::Null)] {
        let version = Version {
            policies,
            ..said.clone()
        };
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

async fn name_ownership_and_state_change(open: Open) {
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
    for state in [
        TemplateState::Disabled,
        TemplateState::Draft,
        TemplateState::Enabled,
    ] {
        let change = CatalogChange::SetTemplateState {
            template: "one".into(),
            state,
            reason: Some("drill".into()),
        };
        make(&store, change, at(3)).await;
        assert_eq!(
            store.snapshot().template("one").unwrap().template.state,
            state
        );
    }
    let history = store.history(Some("template/one"), 4).await.unwrap();
    let actions: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["enable", "draft", "disable", "describe"]);
    assert_eq!(history[0].detail["reason"], "drill");
    drop(store);
    let snapshot = open().snapshot();
    let template = &snapshot.template("one").unwrap().template;
    assert_eq!(
        (template.name.as_str(), &template.owner),
        ("New name", &owner)
    );
}

async fn unknown_templates_are_missing(open: Open) {
    let store = open();
    let template = || "none".to_owned();
    for change in [
        CatalogChange::AddVersion {
            template: template(),
            version: builders::version("x"),
        },
        CatalogChange::DescribeTemplate {
            template: template(),
            name: String::new(),
            owner: Ownership::default(),
        },
        CatalogChange::SetTemplateState {
            template: template(),
            state: TemplateState::Enabled,
            reason: None,
        },
    ] {
        let error = refused(&store, change).await;
        assert!(matches!(error, CatalogError::Missing(_)), "{error}");
    }
}
