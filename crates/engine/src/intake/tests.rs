use austin_domain::State;
use austin_domain::template::VariableKind;
use austin_testkit::builders::{self, NOW};
use serde_json::json;

use super::*;
use crate::samples::{Sample, TEMPLATE, caller};

fn catalog() -> Snapshot {
    let mut sample = Sample::new("code {{code}} for {{order}}");
    let mut version = builders::version("code {{code}} for {{order}}");
    let code = version.variables.get_mut("code").unwrap();
    (code.secret, code.kind, code.max_length) = (true, VariableKind::String, Some(6));
    let template = Template {
        id: TEMPLATE,
        ..builders::template("shipped")
    };
    sample.put_template(template, version);
    sample.account(1, "one", |_| ()).0
}

fn checked(request: SendRequest) -> Result<Checked, Refusal> {
    let (catalog, config, caller) = (catalog(), Config::default(), caller());
    check(
        request,
        &Against {
            catalog: &catalog,
            config: &config,
            caller: &caller,
            now: NOW,
        },
    )
}

fn request(to: &[&str]) -> SendRequest {
    SendRequest {
        template: "shipped".into(),
        to: to
            .iter()
            .map(|to| Recipient {
                to: (*to).into(),
                ..Recipient::default()
            })
            .collect(),
        vars: json!({"code": "123456", "order": "A1"})
            .as_object()
            .unwrap()
            .clone(),
        ..SendRequest::default()
    }
}

#[test]
fn three_bad_recipients_of_a_thousand_cost_nobody_else_the_message() {
    let mut to: Vec<String> = (0..1000).map(|n| format!("+8613711{n:06}")).collect();
    to[10] = "12".into();
    to[500] = "+86137111x0000".into();
    to[999] = to[0].clone();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let checked = checked(request(&to)).unwrap();
    assert_eq!(checked.message.deliveries.len(), 997);
    let rejected: Vec<_> = checked
        .rejected
        .iter()
        .map(|one| (one.index, one.code.as_str()))
        .collect();
    assert_eq!(
        rejected,
        [
            (10, "invalid_recipient"),
            (500, "invalid_recipient"),
            (999, "duplicate_recipient")
        ]
    );
}

#[test]
fn local_numbers_take_the_default_region_and_meet_their_international_twin() {
    let checked = checked(request(&["13812345678", "+8613812345678"])).unwrap();
    assert_eq!(checked.message.deliveries[0].to, "+8613812345678");
    assert_eq!(checked.rejected[0].code, "duplicate_recipient");
}

#[test]
fn secret_values_are_set_apart_from_the_message() {
    let checked = checked(request(&["13812345678"])).unwrap();
    assert!(!checked.message.vars.contains_key("code"));
    assert_eq!(checked.message.vars["order"], "A1");
    let secret = checked.message.deliveries[0].secret_vars.as_ref().unwrap();
    assert_eq!(secret["code"], "123456");
    assert!(
        checked.message.deliveries[0].vars.is_none(),
        "shared values stand in the message"
    );
}

#[test]
fn own_values_go_over_shared_ones() {
    let mut request = request(&["13812345678", "13812345679"]);
    request.to[1].vars = json!({"order": "B2"}).as_object().unwrap().clone();
    let checked = checked(request).unwrap();
    let own = checked.message.deliveries[1].vars.as_ref().unwrap();
    assert_eq!(own["order"], "B2");
    assert!(!own.contains_key("code"));
}

fn faults(request: SendRequest) -> Vec<(String, String)> {
    let refusal = checked(request).unwrap_err();
    refusal
        .errors
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect()
}

fn fault(pointer: &str, code: &str) -> Vec<(String, String)> {
    vec![(pointer.into(), code.into())]
}

#[test]
fn wrong_shared_values_are_named_once() {
    let mut missing = request(&["13812345678", "13812345679"]);
    missing.vars.remove("order");
    assert_eq!(faults(missing), fault("/vars/order", "missing_variable"));
    let mut long = request(&["13812345678"]);
    long.vars.insert("code".into(), json!("1234567"));
    assert_eq!(faults(long), fault("/vars/code", "too_long"));
    let mut extra = request(&["13812345678"]);
    extra.vars.insert("colour".into(), json!("red"));
    assert_eq!(faults(extra), fault("/vars/colour", "unknown_variable"));
}

#[test]
fn wrong_own_values_are_named_at_their_recipient() {
    let mut request = request(&["13812345678"]);
    request.to[0].vars = json!({"order": 5}).as_object().unwrap().clone();
    assert_eq!(faults(request), fault("/to/0/vars/order", "wrong_type"));
}

#[test]
fn the_whole_request_is_checked() {
    let base = || request(&["13812345678"]);
    assert_eq!(
        faults(SendRequest {
            template: "nope".into(),
            ..base()
        }),
        fault("/template", "unknown_template")
    );
    assert_eq!(
        faults(SendRequest {
            to: vec![],
            ..base()
        }),
        fault("/to", "missing_recipient")
    );
    assert_eq!(
        faults(SendRequest {
            to: vec![Recipient::default(); 1001],
            ..base()
        }),
        fault("/to", "too_many_recipients")
    );
    assert_eq!(
        faults(SendRequest {
            reference: Some("x".repeat(129)),
            ..base()
        }),
        fault("/ref", "invalid_length")
    );
    assert_eq!(
        faults(SendRequest {
            expires_at: Some(NOW),
            ..base()
        }),
        fault("/expires_at", "already_past")
    );
    let far = Some(NOW.plus(Duration::from_secs(400 * 24 * 3600)));
    assert_eq!(
        faults(SendRequest {
            send_at: far,
            ..base()
        }),
        fault("/send_at", "too_far_ahead")
    );
    assert_eq!(
        faults(SendRequest {
            account: Some("nope".into()),
            ..base()
        }),
        fault("/account", "unknown_account")
    );
}

#[test]
fn a_later_time_schedules_and_moves_the_expiry() {
    let at = NOW.plus(Duration::from_secs(3600));
    let checked = checked(SendRequest {
        send_at: Some(at),
        ..request(&["13812345678"])
    })
    .unwrap();
    let delivery = &checked.message.deliveries[0];
    assert_eq!(
        (delivery.state, delivery.due_at),
        (State::Scheduled, Some(at))
    );
    assert!(checked.message.expires_at > at);
}

#[test]
fn when_nobody_is_left_every_fault_is_named() {
    let faults = faults(request(&["12", "13"]));
    assert_eq!(faults.len(), 2);
    assert_eq!(
        faults[1],
        ("/to/1".to_owned(), "invalid_recipient".to_owned())
    );
}
