//! Definitions: what they send, what they understand, what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::Call;
use austin_domain::{AccountId, Content, Timestamp};
use serde_json::{Value, json};

use super::*;

fn definition() -> Value {
    json!({
        "descriptor": {
            "title": "Acme", "channels": ["sms"], "documentation": "https://acme.example/docs",
            "settings": [
                {"name": "endpoint", "kind": "url", "default": "https://api.acme.example", "help": "Base."},
                {"name": "user", "required": true, "help": "User."}
            ],
            "secrets": [{"name": "key", "required": true, "help": "Key."}],
            "batching": {"max_recipients": 100}
        },
        "hosts": ["api.acme.example"],
        "codes": {"listed": {"7": {"verdict": "later", "seconds": 30, "meaning": "Busy."}, "9": "bad_recipient"}, "unlisted": "elsewhere"},
        "send": {
            "url": "{{endpoint}}/send",
            "let": {"sign": "{{settings.user}}{{now.millis}}{{let.pass}}", "pass": "{{secret.key | md5}}"},
            "headers": {"x-sign": "{{let.sign | md5}}", "x-none?": "{{template.sign}}"},
            "body": {"json": {
                "user": "{{settings.user}}", "at": "{{now.millis}}", "sign?": "{{template.sign}}",
                "list": {"$each": {"to": "{{item.to | national}}", "text": "【{{template.sign | default(\"Acme\")}}】{{item.text}}"}}
            }}
        },
        "reply": {"code": "/code", "success": ["0"], "message": "/message",
                  "items": {"list": "/data", "match": "to", "to": "/to", "code": "/code", "success": [0], "id": "/id"}}
    })
}

fn account() -> Account {
    Account {
        id: AccountId::from_u64(1),
        key: "acme-1".into(),
        settings: BTreeMap::from([("user".into(), "acme".into())]),
        secrets: BTreeMap::from([("key".into(), "p@ss".into())]),
    }
}

fn batch(count: usize) -> Batch {
    Batch {
        class: austin_domain::Class::Notification,
        template: "t".into(),
        vendor_template: None,
        attachments: Arc::default(),
        items: (0..count)
            .map(|index| austin_adapter_api::Item {
                reference: format!("dlv_{index}"),
                to: format!("+86137111122{index:02}"),
                vars: Arc::default(),
                content: Arc::new(Content::Text {
                    text: "code <1234> & \"x\"".into(),
                }),
                unsubscribe: None,
            })
            .collect(),
    }
}

fn context() -> Context {
    Context {
        now: Timestamp::from_millis(1_767_323_045_000),
        nonce: 1,
    }
}

fn request(step: Step) -> austin_adapter_api::HttpRequest {
    match step {
        Step::Call {
            call: Call::Http(request),
            ..
        } => request,
        other => panic!("{other:?}"),
    }
}

fn http(status: u16, body: &str) -> Reply {
    Reply::Http(austin_adapter_api::HttpReply {
        status: http::StatusCode::from_u16(status).unwrap(),
        headers: http::HeaderMap::new(),
        body: body.to_owned().into(),
    })
}

fn words(step: Step) -> Vec<&'static str> {
    match step {
        Step::Done(verdicts) => verdicts.iter().map(Verdict::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_what_the_definition_says() {
    let adapter = Declarative::load("acme", &definition()).unwrap();
    let request = request(adapter.start(&account(), &batch(2), &context()));
    assert_eq!(request.url, "https://api.acme.example/send");
    // The published vector of this recipe.
    assert_eq!(
        request.headers["x-sign"],
        "a665ed5875cfdaa6c8a032868e7b2de7"
    );
    assert!(!request.headers.contains_key("x-none"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        json!({"user": "acme", "at": 1_767_323_045_000_u64, "list": [
            {"to": "13711112200", "text": "【Acme】code <1234> & \"x\""},
            {"to": "13711112201", "text": "【Acme】code <1234> & \"x\""}
        ]})
    );
}

#[test]
fn each_recipient_has_its_own_verdict() {
    let adapter = Declarative::load("acme", &definition()).unwrap();
    let resume = |body: &str, status: u16| {
        adapter.resume(
            &account(),
            &batch(3),
            State::default(),
            http(status, body),
            &context(),
        )
    };
    let body = r#"{"code":0,"data":[{"to":"13711112202","code":9},{"to":"+86 13711112200","code":0,"id":18446744073709551615}]}"#;
    let Step::Done(verdicts) = resume(body, 200) else {
        panic!()
    };
    assert!(
        matches!(&verdicts[0], Verdict::Accepted(a) if a.vendor_id.as_deref() == Some("18446744073709551615"))
    );
    assert!(
        matches!(&verdicts[1], Verdict::Unknown(_)),
        "nothing is said of it"
    );
    assert!(matches!(&verdicts[2], Verdict::BadRecipient(_)));
    for (body, status, word) in [
        (r#"{"code":7,"message":"wait"}"#, 200, "later"),
        (r#"{"code":"12345"}"#, 200, "elsewhere"),
        (r#"{"code":9}"#, 200, "elsewhere"),
        (r#"{"code":7}"#, 500, "later"),
        (r#"{"code":1}"#, 401, "misconfigured"),
        ("<html>", 200, "unknown"),
        ("{}", 200, "unknown"),
        ("{}", 500, "elsewhere"),
        ("", 429, "throttled"),
    ] {
        assert_eq!(words(resume(body, status)), [word; 3], "{status} {body}");
    }
}

fn faults_of(change: impl FnOnce(&mut Value)) -> Vec<(String, &'static str)> {
    let mut definition = definition();
    change(&mut definition);
    Declarative::load("acme", &definition)
        .map(|_| Vec::new())
        .unwrap_or_else(|faults| {
            faults
                .into_iter()
                .map(|fault| (fault.pointer, fault.code))
                .collect()
        })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes")]
fn every_mistake_is_named_by_its_pointer() {
    type Change = fn(&mut Value);
    let cases: Vec<(Change, &str, &str)> = vec![
        (
            |d| d["sned"] = json!({}),
            "/definition/sned",
            "unknown_field",
        ),
        (
            |d| d["send"]["uri"] = json!("x"),
            "/definition/send/uri",
            "unknown_field",
        ),
        (
            |d| d["send"]["url"] = json!("{{endpoint | md6}}"),
            "/definition/send/url",
            "unknown_filter",
        ),
        (
            |d| d["send"]["url"] = json!("{{secret.kee}}"),
            "/definition/send/url",
            "unknown_secret",
        ),
        (
            |d| d["send"]["url"] = json!("{{settings.kee}}"),
            "/definition/send/url",
            "unknown_setting",
        ),
        (
            |d| d["send"]["url"] = json!("{{x"),
            "/definition/send/url",
            "unclosed",
        ),
        (
            |d| d["send"]["url"] = json!("{{nope}}"),
            "/definition/send/url",
            "unknown_name",
        ),
        (
            |d| d["send"]["url"] = json!("{{body}}"),
            "/definition/send/url",
            "wrong_place",
        ),
        (
            |d| d["send"]["url"] = json!("{{token.access}}"),
            "/definition/send/url",
            "unknown_name",
        ),
        (
            |d| d["send"]["headers"]["x"] = json!("{{item.to}}"),
            "/definition/send",
            "item_outside_each",
        ),
        (
            |d| d["send"]["let"] = json!({"a": "{{let.b}}", "b": "{{let.a}}"}),
            "/definition/send/let/a",
            "circle",
        ),
        (
            |d| d["send"]["body"] = json!({"json": {}, "form": {}}),
            "/definition/send/body",
            "not_one",
        ),
        (
            |d| {
                d["send"]["sign"] =
                    json!({"sorted": {"of": "json", "digest": "hmac_md5", "into": "s"}})
            },
            "/definition/send/sign/sorted",
            "contradiction",
        ),
        (
            |d| {
                d["codes"].as_object_mut().unwrap().remove("unlisted");
            },
            "/definition/codes/unlisted",
            "required",
        ),
        (
            |d| d["codes"]["listed"]["1"] = json!("accepted"),
            "/definition/codes/listed/1",
            "not_a_choice",
        ),
        (
            |d| d["reply"]["code"] = json!("code"),
            "/definition/reply/code",
            "bad_pointer",
        ),
        (
            |d| {
                d["reply"].as_object_mut().unwrap().remove("success");
            },
            "/definition/reply",
            "contradiction",
        ),
        (
            |d| {
                d["reply"]["items"].as_object_mut().unwrap().remove("match");
            },
            "/definition/reply/items/match",
            "required",
        ),
        (
            |d| {
                d["receipts"] =
                    json!({"from": "json", "key": "/id", "code": "/s", "delivered": ["D"]})
            },
            "/definition/receipts/unlisted",
            "required",
        ),
        (
            |d| d["descriptor"]["capabilities"] = json!({}),
            "/definition/descriptor/capabilities",
            "unknown_field",
        ),
        (
            |d| d["descriptor"]["limits"] = json!({"per_second": 0}),
            "/definition/descriptor/limits/per_second",
            "out_of_range",
        ),
        (
            |d| {
                d.as_object_mut().unwrap().remove("hosts");
            },
            "/definition/hosts",
            "required",
        ),
    ];
    for (change, pointer, code) in cases {
        let faults = faults_of(change);
        assert!(
            faults
                .iter()
                .any(|(at, what)| at == pointer && *what == code),
            "{pointer} {code}: {faults:?}"
        );
    }
}

#[test]
fn a_form_is_signed_over_its_sorted_parameters() {
    let mut form = definition();
    form["descriptor"]["batching"] = json!({"max_recipients": 1});
    form["send"] = json!({
        "url": "{{endpoint}}/sms", "query": {"v": "1"},
        "body": {"form": {"to": "{{item.to | national}}", "text": "{{item.text}}", "user": "{{settings.user}}", "none?": "{{template.id}}"}},
        "sign": {"sorted": {"of": "form", "pair": "=", "join": "&", "suffix": "{{secret.key}}", "digest": "md5", "encoding": "HEX", "into": "sign"}}
    });
    form["reply"] = json!({"id": "/id"});
    let adapter = Declarative::load("acme", &form).unwrap();
    let made = request(adapter.start(&account(), &batch(1), &context()));
    let pairs = crate::form::parse(std::str::from_utf8(&made.body).unwrap());
    let sign = austin_adapter_api::sign::hex(
        &crate::digest::Algorithm::Md5
            .digest("text=code <1234> & \"x\"&to=13711112200&user=acmep@ss".as_bytes()),
    );
    assert!(
        pairs.contains(&("sign".into(), sign.to_uppercase())),
        "{pairs:?}"
    );
    assert_eq!(made.url, "https://api.acme.example/sms?v=1");
}

fn xml_with_a_token() -> Value {
    let mut xml = definition();
    xml["tokens"] = json!({"access": {
        "request": {"url": "{{endpoint}}/token", "sign": {"basic": {"user": "{{settings.user}}", "password": "{{secret.key}}"}}},
        "reply": {}, "value": "/access_token", "expires_in": "/expires_in"
    }});
    xml["send"] = json!({
        "url": "{{endpoint}}/xml", "headers": {"authorization": "Bearer {{token.access}}"},
        "body": {"raw": {"text": "<r>{{each}}</r>", "each": "<m to=\"{{item.to}}\">{{item.text}}</m>", "escape": "xml", "content_type": "text/xml"}},
        "sign": {"text": {"text": "{{request.method}}{{request.path}}{{request.body}}", "digest": "hmac_sha256", "key": "{{secret.key}}", "header": "x-sig", "value": "v1={{signature}}"}}
    });
    xml["reply"] = json!({"format": "xml", "code": "/r/code", "success": ["0"], "invalid_token": ["401"], "id": "/r/id", "receipt_key": "{{reply.id}}/{{item.to | national}}"});
    xml
}

#[test]
fn xml_is_escaped_and_a_token_renewed_once() {
    let adapter = Declarative::load("acme", &xml_with_a_token()).unwrap();
    let go = |state, reply| adapter.resume(&account(), &batch(2), state, reply, &context());
    let Step::Token { want, state } = adapter.start(&account(), &batch(2), &context()) else {
        panic!()
    };
    assert_eq!(want.name, "access");
    let step = go(state, Reply::Token("t1".into()));
    let Step::Call {
        call: Call::Http(made),
        state,
    } = step
    else {
        panic!()
    };
    assert_eq!(made.headers["authorization"], "Bearer t1");
    let body = std::str::from_utf8(&made.body).unwrap();
    assert!(
        body.starts_with("<r><m to=\"+8613711112200\">code &lt;1234&gt; &amp; &quot;x&quot;</m><m"),
        "{body}"
    );
    let tag = crate::digest::Algorithm::Sha256.hmac(b"p@ss", format!("POST/xml{body}").as_bytes());
    assert_eq!(
        made.headers["x-sig"],
        format!("v1={}", austin_adapter_api::sign::hex(&tag))
    );
    let step = go(state, http(200, "<r><code>401</code></r>"));
    let Step::Token { want, state } = step else {
        panic!()
    };
    assert_eq!(want.refused.unwrap().expose_secret(), "t1");
    let step = go(state, Reply::Token("t2".into()));
    let Step::Call { state, .. } = step else {
        panic!()
    };
    let step = go(state.clone(), http(200, "<r><code>0</code><id>7</id></r>"));
    let Step::Done(verdicts) = step else { panic!() };
    assert!(
        matches!(&verdicts[1], Verdict::Accepted(a) if a.receipt_key.as_deref() == Some("7/13711112201"))
    );
    let step = go(state, http(200, "<r><code>401</code></r>"));
    assert_eq!(
        words(step),
        ["elsewhere"; 2],
        "a token is renewed once only"
    );
}

proptest::proptest! {
    #[test]
    fn no_answer_makes_it_panic(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80), status in 100_u16..600) {
        let adapter = Declarative::load("acme", &definition()).unwrap();
        let reply = Reply::Http(austin_adapter_api::HttpReply {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: body.into(),
        });
        let step = adapter.resume(&account(), &batch(3), State::default(), reply, &context());
        proptest::prop_assert!(matches!(step, Step::Done(verdicts) if verdicts.len() == 3));
    }
}
