//! Random changes: the published snapshot is what a fresh start loads, and the trail is whole.

use austin_domain::calendar::Calendar;
use austin_domain::quota::Quota;
use austin_domain::route::plan::{Part, Plan, Rule, Shift, Target, When};
use austin_domain::template::Step;
use austin_domain::{AccountId, AppId, Channel, Class, KeyId, Lane, TemplateId};
use austin_ports::catalog::{AdapterMove, QuotaOf, Role, Steer, SteerMode, Words};
use proptest::prelude::*;

use super::*;

/// A change in terms of small numbers, so that changes meet the same things often.
#[derive(Clone, Debug)]
enum Move {
    CreateTemplate(u8),
    AddVersion(u8, String),
    /// Steps of a template's life: which, about which version.
    Steps(u8, Vec<(u8, u32)>),
    PutAccount(u8, Option<(String, String)>, bool),
    DeleteAccount(u8),
    /// Tagged, or not.
    Tag(u8, bool),
    /// Closed, open, or nothing said.
    Steer(u8, u8),
    /// The shares; under a rule too; away from other shares until a step.
    PutRoute(u8, Vec<(u8, u32)>, bool, Option<u8>),
    /// Of a template or an app; lifted when nothing is left.
    PutQuota(u8, bool, Option<u32>, Option<u32>),
    PutPolicy(u8, bool),
    DeletePolicy(u8),
    PutWordList(u8, bool),
    DeleteWordList(u8),
    PutCalendar(u8, i64),
    DeleteCalendar(u8),
    Note(u8),
    CreateApp(u8),
    CreateKey(u8, u8),
    RevokeKey(u8),
    AddAdapterVersion(u8),
    StepAdapter(u8, u8, u32),
    DeleteAdapterVersion(u8, u32),
    DeleteAdapter(u8),
    Reopen,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let few = 0u8..3;
    let one = prop_oneof![
        few.clone().prop_map(Move::CreateTemplate),
        (few.clone(), ".{0,12}").prop_map(|(key, text)| Move::AddVersion(key, text)),
        (few.clone(), prop::collection::vec((0u8..9, 1u32..4), 1..4))
            .prop_map(|(key, steps)| Move::Steps(key, steps)),
        (
            few.clone(),
            any::<Option<(String, String)>>(),
            any::<bool>()
        )
            .prop_map(|(key, secret, enabled)| Move::PutAccount(key, secret, enabled)),
        few.clone().prop_map(Move::DeleteAccount),
        (
            few.clone(),
            prop::collection::vec((few.clone(), any::<u32>()), 0..3),
            any::<bool>(),
            prop::option::of(0u8..40),
        )
            .prop_map(|(lane, shares, rule, until)| Move::PutRoute(lane, shares, rule, until)),
        (few.clone(), any::<bool>()).prop_map(|(key, tagged)| Move::Tag(key, tagged)),
        (few.clone(), 0u8..3).prop_map(|(key, word)| Move::Steer(key, word)),
        (
            few.clone(),
            any::<bool>(),
            prop::option::of(1u32..9),
            prop::option::of(1u32..9)
        )
            .prop_map(|(of, app, second, day)| Move::PutQuota(of, app, second, day)),
        (few.clone(), any::<bool>()).prop_map(|(name, off)| Move::PutPolicy(name, off)),
        few.clone().prop_map(Move::DeletePolicy),
        (few.clone(), any::<bool>()).prop_map(|(name, team)| Move::PutWordList(name, team)),
        few.clone().prop_map(Move::DeleteWordList),
        (few.clone(), 1i64..29).prop_map(|(name, day)| Move::PutCalendar(name, day)),
        few.clone().prop_map(Move::DeleteCalendar),
        few.clone().prop_map(Move::Note),
        few.clone().prop_map(Move::CreateApp),
        (few.clone(), 0u8..6).prop_map(|(app, digest)| Move::CreateKey(app, digest)),
        few.clone().prop_map(Move::RevokeKey),
        few.clone().prop_map(Move::AddAdapterVersion),
        // Often, so that versions get somewhere.
        (few.clone(), 0u8..6, 1u32..4)
            .prop_map(|(name, step, version)| { Move::StepAdapter(name, step, version) }),
        (few.clone(), 0u8..6, 1u32..4)
            .prop_map(|(name, step, version)| { Move::StepAdapter(name, step, version) }),
        (few.clone(), 1u32..4)
            .prop_map(|(name, version)| Move::DeleteAdapterVersion(name, version)),
        few.prop_map(Move::DeleteAdapter),
        Just(Move::Reopen),
    ];
    prop::collection::vec(one, 1..40)
}

fn put_policy(name: String, off: bool) -> CatalogChange {
    let json = serde_json::json!({ "dedup": if off { Some("off") } else { None } });
    let document = austin_domain::policy::Document::read(&json).0;
    CatalogChange::PutPolicy(Box::new(austin_ports::catalog::NewPolicy {
        name,
        json,
        document,
        reason: None,
    }))
}

fn put_account(key: &str, secret: Option<(String, String)>, enabled: bool) -> CatalogChange {
    let mut account = builders::account(key);
    account.secrets = secret
        .into_iter()
        .map(|(name, secret)| (name, secret.into()))
        .collect();
    account.enabled = enabled;
    CatalogChange::PutAccount(Box::new(account))
}

fn change(of: Move, snapshot: &Snapshot) -> Option<CatalogChange> {
    let key = |number: u8| format!("k{number}");
    // The account with this key if there is one, else one that never was.
    let account = |number: u8| {
        let id = snapshot.account_ids.get(&key(number));
        id.copied().unwrap_or(AccountId::from_u64(1))
    };
    Some(match of {
        Move::CreateTemplate(number) => CatalogChange::CreateTemplate {
            template: builders::template(&key(number)),
            version: Box::new(builders::version("{{a}} {{b}}")),
        },
        Move::AddVersion(number, text) => CatalogChange::AddVersion {
            template: key(number),
            version: Box::new(builders::version(&text)),
        },
        Move::Steps(number, steps) => CatalogChange::MoveTemplate {
            template: key(number),
            steps: steps.into_iter().map(life_step).collect(),
            reason: None,
        },
        Move::PutAccount(number, secret, enabled) => put_account(&key(number), secret, enabled),
        Move::DeleteAccount(number) => CatalogChange::DeleteAccount {
            account: key(number),
        },
        Move::Tag(number, tagged) => tag(snapshot, &key(number), tagged),
        Move::Steer(number, word) => steer(key(number), word),
        Move::PutRoute(number, shares, ruled, until) => {
            let shares = shares.into_iter();
            let shares = shares.map(|(number, weight)| (account(number), weight));
            put_route(snapshot, number, shares.collect(), ruled, until)
        }
        Move::PutQuota(number, app, per_second, per_day) => {
            let per_day = per_day.map(u64::from);
            let quota = Quota {
                per_second,
                per_day,
            };
            put_quota(snapshot, &key(number), app, quota)
        }
        Move::Note(number) => CatalogChange::Note {
            subject: format!("account/{}", key(number)),
            action: "noted",
            detail: serde_json::json!({}),
        },
        Move::CreateApp(number) => CatalogChange::CreateApp {
            name: key(number),
            team: String::new(),
        },
        Move::CreateKey(number, digest) => CatalogChange::CreateKey {
            app: key(number),
            role: Role::Reader,
            digest: [digest; 32],
            hint: key(digest),
        },
        Move::RevokeKey(number) => {
            let known = snapshot.all_keys.keys().nth(usize::from(number));
            CatalogChange::RevokeKey {
                key: known.copied().unwrap_or(KeyId::from_u64(1)),
            }
        }
        of => return rule_change(&of).or_else(|| adapter_change(of)),
    })
}

fn life_step((kind, version): (u8, u32)) -> Step {
    match kind {
        0 => Step::Submit(version),
        1 => Step::Withdraw(version),
        2 => Step::Reject(version),
        3 => Step::Approve(version),
        4 => Step::Publish(version),
        5 => Step::Enable,
        6 => Step::Disable,
        7 => Step::Archive,
        _ => Step::Restore,
    }
}

fn tag(snapshot: &Snapshot, key: &str, tagged: bool) -> CatalogChange {
    let known = snapshot.account(key);
    let mut account = known.map_or_else(|| builders::account(key), |known| (**known).clone());
    account.tags = tagged.then(|| "cheap".to_owned()).into_iter().collect();
    CatalogChange::PutAccount(Box::new(account))
}

fn steer(account: String, word: u8) -> CatalogChange {
    let mode = [Some(SteerMode::Open), Some(SteerMode::Closed), None];
    CatalogChange::SteerAccount {
        account,
        steer: mode[usize::from(word)].map(|mode| Steer {
            mode,
            until: None,
            reason: None,
            author: "local".into(),
            at: builders::NOW,
        }),
    }
}

fn put_route(
    snapshot: &Snapshot,
    lane: u8,
    shares: Vec<(AccountId, u32)>,
    ruled: bool,
    until: Option<u8>,
) -> CatalogChange {
    let lane = Lane {
        channel: Channel::Sms,
        class: Class::ALL[usize::from(lane)],
    };
    let named = shares.into_iter().map(|(account, weight)| Part {
        to: Target::Account(account),
        weight,
    });
    let tagged = Part {
        to: Target::Tag("cheap".into()),
        weight: 1,
    };
    let parts: Vec<Part> = named.chain([tagged]).collect();
    let rule = Rule {
        name: "rule".into(),
        when: When {
            countries: vec!["CN".into()],
            ..When::default()
        },
        parts: parts.clone(),
    };
    let from = snapshot.routes.get(&lane).map(|route| route.plan.clone());
    CatalogChange::PutRoute {
        lane,
        plan: Plan {
            parts,
            rules: ruled.then_some(rule).into_iter().collect(),
            receipt_timeout: None,
        },
        shift: from.zip(until).map(|(from, until)| Shift {
            from,
            begins_at: builders::NOW,
            ends_at: builders::NOW.plus(std::time::Duration::from_secs(until.into())),
        }),
        reason: None,
    }
}

fn put_quota(snapshot: &Snapshot, key: &str, of_app: bool, quota: Quota) -> CatalogChange {
    let app = snapshot.apps.values().find(|app| app.name == key);
    let template = snapshot.template_ids.get(key).copied();
    CatalogChange::PutQuota {
        of: if of_app {
            QuotaOf::App(app.map_or(AppId::from_u64(1), |app| app.id))
        } else {
            QuotaOf::Template(template.unwrap_or(TemplateId::from_u64(1)))
        },
        quota,
        reason: None,
    }
}

fn rule_change(of: &Move) -> Option<CatalogChange> {
    let key = |number: &u8| format!("k{number}");
    let reason = None;
    Some(match of {
        Move::PutPolicy(number, off) => put_policy(key(number), *off),
        Move::DeletePolicy(number) => CatalogChange::DeletePolicy {
            name: key(number),
            reason,
        },
        Move::PutWordList(number, of_team) => CatalogChange::PutWordList {
            name: key(number),
            team: of_team.then(|| "care".to_owned()),
            words: Words::compile(&key(number), "发票\n# and\ncasino\n").unwrap(),
            reason,
        },
        Move::DeleteWordList(number) => CatalogChange::DeleteWordList {
            name: key(number),
            reason,
        },
        Move::PutCalendar(number, day) => {
            let calendar = format!(r#"{{"closed": ["2026-02-{day:02}"]}}"#);
            CatalogChange::PutCalendar {
                name: key(number),
                calendar: Arc::new(Calendar::parse(&calendar).unwrap()),
                reason,
            }
        }
        Move::DeleteCalendar(number) => CatalogChange::DeleteCalendar {
            name: key(number),
            reason,
        },
        _ => return None,
    })
}

fn adapter_change(of: Move) -> Option<CatalogChange> {
    let key = |number: u8| format!("k{number}");
    Some(match of {
        Move::AddAdapterVersion(number) => CatalogChange::AddAdapterVersion {
            adapter: key(number),
            version: Box::new(builders::adapter_version("x")),
        },
        Move::StepAdapter(number, step, version) => CatalogChange::MoveAdapter {
            adapter: key(number),
            step: adapter_move(step, version),
            note: None,
            figures: None,
        },
        Move::DeleteAdapterVersion(number, version) => CatalogChange::DeleteAdapterVersion {
            adapter: key(number),
            version,
        },
        Move::DeleteAdapter(number) => CatalogChange::DeleteAdapter {
            adapter: key(number),
        },
        _ => return None,
    })
}

fn adapter_move(step: u8, version: u32) -> AdapterMove {
    match step {
        0 => AdapterMove::Canary {
            version,
            percent: 10,
            promote_after: None,
        },
        1 => AdapterMove::Activate { version },
        2 => AdapterMove::Rollback { of: None },
        3 => AdapterMove::Quarantine { version },
        _ => AdapterMove::Check {
            version,
            passed: step == 4,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_snapshot_is_what_a_fresh_start_loads(moves in moves()) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        for (step, made) in moves.into_iter().chain([Move::Reopen]).enumerate() {
            let before = catalog_suite::contents(&store.snapshot());
            let entries = store.verify_audit().unwrap();
            let now = builders::NOW.plus(std::time::Duration::from_secs(step as u64));
            match change(made, &store.snapshot()) {
                Some(change) => {
                    // Told in the trail though nothing shows: a note, a check that failed, and what
                    // was so already.
                    let told = matches!(
                        change,
                        CatalogChange::Note { .. }
                            | CatalogChange::SteerAccount { .. }
                            | CatalogChange::PutQuota { .. }
                            | CatalogChange::MoveAdapter { .. }
                    );
                    let result = store.0.change(change, "local", now);
                    let after = catalog_suite::contents(&store.snapshot());
                    let added = store.verify_audit().unwrap() - entries;
                    // An entry for every change that shows, and only for those.
                    let entry = after != before || (told && result.is_ok());
                    prop_assert_eq!(added, u64::from(entry));
                    let store_failed = matches!(result, Err(CatalogError::Store(_)));
                    prop_assert!(!store_failed, "{:?}", result);
                    prop_assert!(result.is_ok() || after == before);
                }
                None => {
                    drop(store);
                    store = open(dir.path());
                    prop_assert_eq!(catalog_suite::contents(&store.snapshot()), before);
                    prop_assert_eq!(store.verify_audit().unwrap(), entries);
                }
            }
        }
    }
}
