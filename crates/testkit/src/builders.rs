//! Valid records to start from; a test changes the fields it is about.

use std::collections::{BTreeMap, BTreeSet};

use austin_domain::route::plan::{Part, Plan, Target};
use austin_domain::template::{
    Ownership, Standing, Template, TemplateState, VariableKind, VariableSpec, Version,
    VersionState as Stage,
};
use austin_domain::{AccountId, Channel, Class, Content, TemplateId, Timestamp};
use austin_ports::catalog::{AccountRecord, AdapterVersion, Limits, VersionState};
use serde_json::json;

/// 2026-01-02T03:04:05Z, the moment tests begin at.
pub const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_000);

/// An enabled SMS notification template.
pub fn template(key: &str) -> Template {
    Template {
        id: TemplateId::from_u64(0),
        key: key.to_owned(),
        name: format!("Template {key}"),
        channel: Channel::Sms,
        class: Class::Notification,
        owner: Ownership {
            team: "logistics".into(),
            owner: "owner@example.com".into(),
            contact: "oncall@example.com".into(),
            business: "parcels".into(),
        },
        state: TemplateState::Enabled,
        current: 1,
        since: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A live version with one text and its variables: every `{{name}}` in `text` is a required string.
pub fn version(text: &str) -> Version {
    let variables = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| (name.trim().to_owned(), variable()))
        .collect();
    Version {
        number: 1,
        content: Content::Text {
            text: text.to_owned(),
        },
        variables,
        vendor_templates: BTreeMap::new(),
        policies: None,
        author: "app/tests".into(),
        created_at: NOW,
        locales: BTreeMap::new(),
        standing: Standing {
            state: Stage::Live,
            ..Standing::default()
        },
    }
}

/// A required string of any length.
pub fn variable() -> VariableSpec {
    VariableSpec {
        kind: VariableKind::String,
        required: true,
        default: None,
        max_length: None,
        min_length: None,
        pattern: None,
        one_of: Vec::new(),
        example: None,
        secret: false,
    }
}

/// An enabled SMS account of the simulator, with one setting and one secret.
pub fn account(key: &str) -> AccountRecord {
    AccountRecord {
        id: AccountId::from_u64(0),
        key: key.to_owned(),
        channel: Channel::Sms,
        adapter: "simulator".into(),
        settings: BTreeMap::from([("url".into(), "http://vendor.example.com".into())]),
        secrets: BTreeMap::from([("secret".into(), format!("secret of {key}").into())]),
        tags: BTreeSet::new(),
        limits: Limits::default(),
        enabled: true,
        steer: None,
        receipt_token: format!("token-of-{key}").into(),
        created_at: NOW,
        updated_at: NOW,
        deleted_at: None,
    }
}

/// A plan without rules: these accounts with these weights.
pub fn plan(parts: &[(u64, u32)]) -> Plan {
    Plan {
        parts: parts
            .iter()
            .map(|(account, weight)| Part {
                to: Target::Account(AccountId::from_u64(*account)),
                weight: *weight,
            })
            .collect(),
        ..Plan::default()
    }
}

/// A draft of an adapter whose definition and script say `text`.
pub fn adapter_version(text: &str) -> AdapterVersion {
    AdapterVersion {
        number: 0,
        definition: json!({ "name": "acme-sms", "about": text }),
        script: Some(text.to_owned()),
        examples: json!([]),
        state: VersionState::Draft,
        author: "app/tests".into(),
        reason: Some("tests".into()),
        created_at: NOW,
        checked_at: None,
        note: None,
    }
}
