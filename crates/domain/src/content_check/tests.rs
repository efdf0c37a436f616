use serde_json::json;

use super::*;

fn rules(spec: serde_json::Value) -> Rules {
    let list = Arc::new(WordList::from_text("banned", "发票\n赌博").unwrap());
    let spec: Spec = serde_json::from_value(spec).unwrap();
    spec.compile(|name| (name == "banned").then(|| list.clone()))
        .unwrap()
}

fn sms(class: Class, text: &str) -> Content {
    let _ = class;
    Content::Text {
        text: text.to_owned(),
    }
}

fn said(rules: &Rules, channel: Channel, class: Class, content: &Content) -> Vec<String> {
    let item = Item {
        lane: Lane { channel, class },
        to: "+8613711112201",
        sign: Some("商城"),
        content,
    };
    match rules.check(&item) {
        Checked::Passed => Vec::new(),
        Checked::Refused(findings) | Checked::Held(findings) => findings
            .iter()
            .map(|finding| format!("{}: {finding}", finding.rule()))
            .collect(),
    }
}

#[test]
fn every_fault_is_named_with_its_rule() {
    let rules = rules(json!({
        "words": ["banned"], "links": ["corp.example", "*.corp.example"], "max_segments": 1,
        "max_length": 60, "opt_out": {"any_of": ["拒收请回复R", "TD退订"]}, "on_fault": "hold",
    }));
    let marketing = Class::Marketing;
    let fine = sms(marketing, "双十一 www.corp.example 拒收请回复Ｒ");
    assert!(said(&rules, Channel::Sms, marketing, &fine).is_empty());
    let text = format!("代開發*票 evil.example{}", "长".repeat(80));
    assert_eq!(
        said(&rules, Channel::Sms, marketing, &sms(marketing, &text)),
        [
            "content/words: the text has the word \"发票\" of the list banned at character 3",
            "content/links: the text has a link to \"evil.example\", which is not on the list",
            "content/max_length: the text has 98 characters; at most 60 are allowed",
            "content/max_segments: the text takes 2 parts; at most 1 are allowed",
            "content/opt_out: a marketing text must say how to opt out, one of: 拒收请回复R / TD退订",
        ]
    );
    // A code needs no way out.
    let code = sms(Class::Verification, "验证码 4370");
    assert!(said(&rules, Channel::Sms, Class::Verification, &code).is_empty());
    let item = Item {
        lane: Lane {
            channel: Channel::Sms,
            class: marketing,
        },
        to: "+8613711112201",
        sign: None,
        content: &code,
    };
    assert!(matches!(rules.check(&item), Checked::Held(_)));
}

#[test]
fn mails_are_read_as_people_see_them() {
    let rules = rules(json!({"words": ["banned"], "links": ["corp.example"]}));
    let mail = Content::Email {
        subject: "发．票".into(),
        html: Some(
            "<p>赌<b>博</b></p><a href='https://evil.example/x'>https://corp.example</a>\
             <a href=\"mailto:li@corp.example\">li@corp.example</a><style>赌博{}</style>"
                .into(),
        ),
        text: Some("corp.example".into()),
    };
    let faults = said(&rules, Channel::Email, Class::Marketing, &mail);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(
        faults[0].contains("the subject has the word \"发票\""),
        "{faults:?}"
    );
    assert!(
        faults[1].contains("the html has the word \"赌博\""),
        "{faults:?}"
    );
    assert!(faults[2].contains("evil.example"), "{faults:?}");
}

#[test]
fn documents_are_read_string_by_string() {
    let rules = rules(json!({"words": ["banned"], "links": []}));
    let body =
        json!({"title": "\u{53d1}", "items": [{"text": "票"}, {"url": "https://a.example"}]});
    let content = Content::Payload {
        body: body.to_string(),
    };
    let faults = said(&rules, Channel::Push, Class::Notification, &content);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].contains("payload has a link to \"a.example\""),
        "{faults:?}"
    );
    let escaped = Content::Payload {
        body: r#"{"text":"\u53d1\u7968"}"#.into(),
    };
    assert_eq!(
        said(&rules, Channel::Push, Class::Notification, &escaped).len(),
        1
    );
}

#[test]
fn specs_say_which_field_is_wrong() {
    let spec: Spec = serde_json::from_value(json!({
        "words": ["nowhere"], "links": ["corp.example", "http://a"], "max_segments": 0,
        "max_length": 0, "opt_out": {"any_of": ["。"]},
    }))
    .unwrap();
    let faults = spec.compile(|_| None).unwrap_err();
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "words/0",
            "links/1",
            "max_segments",
            "max_length",
            "opt_out/any_of/0"
        ]
    );
    assert!(
        faults[0]
            .to_string()
            .contains("there is no word list \"nowhere\"")
    );
    let none = Spec {
        opt_out: Some(OptOut::default()),
        ..Spec::default()
    };
    assert_eq!(
        none.compile(|_| None).unwrap_err()[0].field,
        "opt_out/any_of"
    );
    assert!(serde_json::from_value::<Spec>(json!({"word": []})).is_err());
    let written = json!({"words": ["a"], "links": [], "on_fault": "hold"});
    let spec: Spec = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&spec).unwrap(), written);
}

#[test]
fn no_rule_finds_nothing() {
    let rules = Spec::default().compile(|_| None).unwrap();
    let text = sms(Class::Marketing, "发票 evil.example");
    assert!(said(&rules, Channel::Sms, Class::Marketing, &text).is_empty());
}
