//! One click to unsubscribe (RFC 8058): the headers, at every vendor that takes them.

use austin_domain::{Channel, Content};
use serde_json::{Value, json};

use super::support::*;

const LINK: &str = "https://push.corp.example/u/AQIC_0123456789abcdefghijklmnopqrstuvwxyz-A";

fn case(adapter: &str, settings: Value, secrets: &[(&str, &str)], link: Option<&str>) -> Case {
    let content = Content::Email {
        subject: "Sale".into(),
        html: None,
        text: Some("cheap".into()),
    };
    let mut batch = batch(&["li.lei@corp.example"], &[], content);
    batch.items[0].unsubscribe = link.map(str::to_owned);
    Case::new(adapter, account(settings, secrets), batch)
}

fn smtp(link: Option<&str>) -> Case {
    let settings = json!({"host": "mail.example.com", "from": "shop@example.com"});
    case("smtp", settings, &[], link)
}

#[test]
fn a_mail_carries_both_headers_once_and_unfolded() {
    let message = smtp(Some(LINK)).smtp().message;
    let message = std::str::from_utf8(&message).unwrap();
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let of = |name: &str| {
        let lines = head.split("\r\n");
        let found: Vec<&str> = lines.filter_map(|line| line.strip_prefix(name)).collect();
        found
    };
    assert_eq!(of("List-Unsubscribe: "), [format!("<{LINK}>")]);
    assert_eq!(
        of("List-Unsubscribe-Post: "),
        ["List-Unsubscribe=One-Click"]
    );
    assert!(!head.contains("li.lei@corp.example>,"), "{head}");
    let without = smtp(None).smtp().message;
    let without = String::from_utf8(without.to_vec()).unwrap();
    assert!(!without.contains("List-"), "{without}");
}

#[test]
fn what_cannot_stand_in_a_header_is_not_sent() {
    for link in [
        "https://a.example/\r\nBcc: x@corp.example",
        "https://a.example/>",
        "",
        "é",
    ] {
        let link = match link {
            "" => "x".repeat(2_000),
            other => other.to_owned(),
        };
        let refused = smtp(Some(&link)).refused();
        assert_eq!(word_and_code(&refused[0]), ("elsewhere", "bad_link"));
    }
}

#[test]
fn sendgrid_and_directmail_are_told() {
    let settings = json!({"from": "shop@example.com"});
    let sendgrid = |link| {
        case(
            "sendgrid-email",
            settings.clone(),
            &[("api_key", "k")],
            link,
        )
    };
    let body: Value = serde_json::from_slice(&sendgrid(Some(LINK)).request().body).unwrap();
    let headers = json!({"List-Unsubscribe": format!("<{LINK}>"),
                         "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"});
    assert_eq!(body["personalizations"][0]["headers"], headers);
    let body: Value = serde_json::from_slice(&sendgrid(None).request().body).unwrap();
    assert_eq!(body["personalizations"][0].get("headers"), None);

    let settings = json!({"account_name": "shop@mail.example.com"});
    let secrets = [("access_key_id", "i"), ("access_key_secret", "s")];
    let case = case("aliyun-dm-email", settings, &secrets, Some(LINK));
    let request = case.request();
    let mut fields = url::form_urlencoded::parse(&request.body);
    let (_, given) = fields.find(|(name, _)| name == "Headers").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&given).unwrap(), headers);
    assert!(case.adapter.descriptor().channels.contains(&Channel::Email));
}

#[test]
fn ses_sends_the_whole_message() {
    use base64::Engine as _;
    let settings = json!({"from": "shop@example.com", "region": "us-east-1"});
    let secrets = [("access_key_id", "i"), ("secret_access_key", "s")];
    let request = case("aws-ses-email", settings, &secrets, Some(LINK)).request();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let data = body["Content"]["Raw"]["Data"].as_str().unwrap();
    let message = base64::engine::general_purpose::STANDARD
        .decode(data)
        .unwrap();
    let message = String::from_utf8(message).unwrap();
    assert!(message.contains(&format!("List-Unsubscribe: <{LINK}>\r\n")));
}
