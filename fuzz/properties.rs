//! What must hold for any bytes whatever. The fuzz targets call these functions with made-up
//! bytes; a test on the stable compiler calls them with the committed seeds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::{
    Account, Batch, Context, HttpReply, Inbound, Item, Reply, SmppPart, SmppReply, SmtpReply, Step,
};
use austin_domain::calendar::Calendar;
use austin_domain::content_check::{self, Spec, WordList};
use austin_domain::template::text::{Escape, Text};
use austin_domain::{AccountId, Channel, Class, Content, Lane, Timestamp, Vars};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

/// Nobody asks an honest adapter for more calls than this for three recipients.
const MOST_STEPS: usize = 64;
const SECRET: &str = "whsec_YSB0ZXN0IHNlY3JldCBvZiAzMCBieXRlcywgbm8gMQ==";

/// The first byte chooses the adapter, the second the status, the rest is the answer, given to
/// every call. There is one verdict for each recipient, and no secret in any of them.
pub(crate) fn adapter_reply(data: &[u8]) {
    let [which, status, body @ ..] = data else {
        return;
    };
    let adapters = austin_adapters::registry();
    let adapter = &adapters[usize::from(*which) % adapters.len()];
    let account = account();
    let batch = batch(&adapter.descriptor().name);
    let mut step = adapter.start(&account, &batch, &context());
    for _ in 0..MOST_STEPS {
        match step {
            Step::Done(verdicts) => {
                assert_eq!(verdicts.len(), batch.items.len());
                assert!(!format!("{verdicts:?}").contains(SECRET));
                return;
            }
            Step::Call { call, state } => {
                assert!(!format!("{call:?}").contains(SECRET));
                let reply = match call {
                    austin_adapter_api::Call::Http(_) => http_reply(*status, body),
                    austin_adapter_api::Call::Smtp(_) => smtp_reply(*status, body),
                    austin_adapter_api::Call::Smpp(_) => smpp_reply(*status, body),
                };
                step = adapter.resume(&account, &batch, state, reply, &context());
            }
            Step::Token { state, .. } => {
                let reply = Reply::Token("token of the host".into());
                step = adapter.resume(&account, &batch, state, reply, &context());
            }
        }
    }
    panic!("{} never comes to an end", adapter.descriptor().name);
}

/// The first byte chooses the adapter, the second the form of the request, the rest is its body.
/// What is taken has a key or a reference to be matched by.
pub(crate) fn receipt(data: &[u8]) {
    let [which, form, body @ ..] = data else {
        return;
    };
    let adapters = austin_adapters::registry();
    let adapter = &adapters[usize::from(*which) % adapters.len()];
    let mut headers = HeaderMap::new();
    let media = match form & 5 {
        0 => "application/json",
        1 => "application/x-www-form-urlencoded",
        _ => "message/rfc822",
    };
    headers.insert("content-type", HeaderValue::from_static(media));
    let method = if form & 2 == 0 {
        Method::POST
    } else {
        Method::GET
    };
    let query = if form & 2 == 0 {
        String::new()
    } else {
        String::from_utf8_lossy(body).into_owned()
    };
    let url = format!("https://push.corp.example/v1/receipts/acme-1/t?{query}");
    // Twilio's, so that made-up receipts do not all end at their signature.
    let signature = austin_adapters::twilio_sms::sign::sign_form(SECRET, &url, body);
    headers.insert(
        "x-twilio-signature",
        HeaderValue::from_str(&signature).expect("base64"),
    );
    let request = Inbound {
        method,
        url,
        headers,
        body: Bytes::copy_from_slice(body),
    };
    if let Ok(read) = adapter.receipts(&account(), &request, &context()) {
        for receipt in &read.receipts {
            assert!(receipt.key.is_some() || receipt.reference.is_some());
            assert!(!receipt.raw.contains(SECRET));
        }
    }
}

/// Text up to the first NUL is a template, the rest is a value. What parses renders, a value is
/// never expanded again, and HTML escaping leaves no markup of the value standing.
pub(crate) fn template(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (source, value) = text.split_once('\0').unwrap_or((text, "{{x}}<b>&"));
    let _ = Text::from_java(source);
    let Ok(parsed) = Text::parse(source) else {
        return;
    };
    let names: Vec<String> = parsed
        .variables()
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    let plain = parsed.render(Escape::None, |_| Some(Cow::Borrowed(value)));
    let plain = plain.expect("every variable has a value");
    assert!(
        names.is_empty() || plain.contains(value),
        "a value was expanded or lost"
    );
    let html = parsed.render(Escape::Html, |_| Some(Cow::Borrowed("<script>&\"'")));
    assert!(!html.expect("as above").contains("<script>") || source.contains("<script>"));
}

fn context() -> Context {
    Context {
        now: Timestamp::from_seconds(1_767_323_045),
        nonce: 0xab,
    }
}

/// Has whatever any adapter wants.
fn account() -> Account {
    let settings: BTreeMap<String, Value> = serde_json::from_value(json!({
        "endpoint": "http://127.0.0.1:1", "sdk_app_id": "1400006666", "sign_name": "商城",
        "template_id": "77", "template_code": "SMS_1", "region": "ap-guangzhou",
        "system_id": "acme", "host": "mail.corp.example", "from": "shop@corp.example", "username": "shop",
        "account_name": "shop@corp.example",
        "sms_account": "A1", "sign": "商城", "account_sid": "AC1",
    }))
    .expect("settings");
    let secrets = [
        "secret_id",
        "secret_key",
        "access_key_id",
        "access_key_secret",
        "secret_access_key",
        "api_key",
        "auth_token",
        "apikey",
        "password",
        "signing_secret",
    ];
    Account {
        id: AccountId::from_u64(1),
        key: "acme-1".into(),
        settings,
        // No receipt token: with one, made-up receipts would all end at their signature.
        secrets: secrets
            .iter()
            .map(|name| ((*name).to_owned(), SECRET.into()))
            .collect(),
    }
}

fn batch(adapter: &str) -> Batch {
    let (to, content): ([&str; 3], _) = match adapter {
        "smtp" | "sendgrid-email" | "aws-ses-email" | "aliyun-dm-email" => (
            ["li@corp.example", "wang@corp.example", "zhao@corp.example"],
            Content::Email {
                subject: "s".into(),
                html: None,
                text: Some("t".into()),
            },
        ),
        "webhook" => (
            [
                "https://a.example/1",
                "https://a.example/2",
                "https://a.example/3",
            ],
            Content::Text {
                text: "4370".into(),
            },
        ),
        _ => (
            ["+8613711112222", "+14155550100", "+8613711112223"],
            Content::Text {
                text: "4370".into(),
            },
        ),
    };
    let content = Arc::new(content);
    let vars: Arc<Vars> = Arc::new(BTreeMap::from([("code".to_owned(), "4370".to_owned())]));
    Batch {
        class: Class::Notification,
        template: "code".into(),
        vendor_template: None,
        attachments: Arc::new([]),
        items: to
            .iter()
            .enumerate()
            .map(|(index, to)| Item {
                reference: format!("dlv_{}", index + 1),
                to: (*to).to_owned(),
                vars: vars.clone(),
                content: content.clone(),
                unsubscribe: None,
            })
            .collect(),
    }
}

fn http_reply(status: u8, body: &[u8]) -> Reply {
    let codes = [
        200, 202, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504,
    ];
    let code = codes[usize::from(status) % codes.len()];
    Reply::Http(HttpReply {
        status: StatusCode::from_u16(code).unwrap_or_default(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    })
}

/// Bytes from a message centre: units or not, and no panic.
pub(crate) fn smpp_unit(data: &[u8]) {
    austin_wire::smpp::any_bytes(data);
}

fn smpp_reply(status: u8, body: &[u8]) -> Reply {
    let answered = |line: &str| SmppPart::Answered {
        status: if line.len().is_multiple_of(2) {
            0
        } else {
            status.into()
        },
        message_id: line.to_owned(),
    };
    let text = String::from_utf8_lossy(body);
    Reply::Smpp(SmppReply::Submitted(text.lines().map(answered).collect()))
}

fn smtp_reply(status: u8, body: &[u8]) -> Reply {
    let codes = [
        250, 251, 354, 421, 450, 451, 452, 500, 530, 535, 550, 551, 552, 554, 0, 999,
    ];
    let stages = ["connect", "auth", "mail", "rcpt", "data", "message"];
    Reply::Smtp(SmtpReply {
        code: codes[usize::from(status & 15)],
        text: String::from_utf8_lossy(body)
            .lines()
            .map(ToOwned::to_owned)
            .collect(),
        stage: stages[usize::from(status >> 4) % stages.len()],
    })
}

/// Text up to the first NUL is a word list, the rest a text, a page and a link. A word that is
/// found stands inside of the text, and so does a link.
pub(crate) fn content(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (words, text) = text.split_once('\0').unwrap_or((text, text));
    let letters = text.chars().count();
    let list = WordList::from_text("fuzz", words).ok().map(Arc::new);
    for found in list.iter().flat_map(|list| list.find(text, 100)) {
        assert!((found.at as usize) < letters, "{found:?}");
    }
    for link in content_check::find_links(text) {
        assert!((link.at as usize) < letters, "{link:?}");
    }
    let spec = Spec {
        words: list.iter().map(|list| list.name().to_owned()).collect(),
        links: Some(vec!["corp.example".to_owned()]),
        max_segments: Some(1),
        max_length: Some(1000),
        ..Spec::default()
    };
    let rules = spec.compile(|_| list.clone()).expect("the rules are sound");
    let contents = [
        Content::Text { text: text.into() },
        Content::Payload { body: text.into() },
        Content::Email {
            subject: words.into(),
            html: Some(text.into()),
            text: None,
        },
    ];
    for content in &contents {
        let _ = rules.check(&content_check::Item {
            lane: Lane {
                channel: Channel::Sms,
                class: Class::Marketing,
            },
            to: "+8613711112222",
            sign: None,
            content,
        });
    }
}

/// A calendar file. What is read is written and read back the same.
pub(crate) fn calendar(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(calendar) = Calendar::parse(text) {
        let again = Calendar::parse(&calendar.to_json().to_string());
        assert_eq!(again.as_ref(), Ok(&calendar));
    }
}
