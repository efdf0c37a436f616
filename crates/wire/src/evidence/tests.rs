use std::time::Duration;

use austin_adapter_api::{HttpReply, SmtpReply, TlsMode};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use super::*;

fn post(url: &str, body: impl Into<Bytes>) -> Call {
    let mut request = HttpRequest::new(Method::POST, url, body);
    let json = HeaderValue::from_static("application/json");
    request.headers.insert("content-type", json);
    let secret = HeaderValue::from_static("Bearer abc");
    request.headers.insert("authorization", secret);
    Call::Http(request)
}

fn scribe(secrets: &[&str]) -> Scribe {
    let secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
    Scribe::new(&secrets)
}

fn answer(body: &'static [u8]) -> Reply {
    Reply::Http(HttpReply {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::from_static(body),
    })
}

#[test]
fn a_request_reads_well_and_hides_what_is_secret() {
    let call = post(
        "https://sms.example/send?Action=Send&AccessKeyId=k1&Signature=s1&to=7",
        r#"{"apikey":"hunter2","code":"831\"4","n":1}"#,
    );
    assert_eq!(
        scribe(&["hunter2", "831\"4", ""]).request(&call),
        "POST https://sms.example/send?Action=Send&AccessKeyId=•••&Signature=•••&to=7\n\
         content-type: application/json\n\n\
         {\"apikey\":\"•••\",\"code\":\"•••\",\"n\":1}"
    );
}

#[test]
fn secrets_are_found_in_every_spelling() {
    let secret = "p&ss 密";
    for body in [
        "v=p&ss 密",
        "v=p%26ss%20%E5%AF%86",
        "v=p%26ss+%E5%AF%86",
        "v=p%26ss%20%e5%af%86",
        "v=p&ss \\u5bc6",
    ] {
        let text = scribe(&[secret]).request(&post("https://a.example/", body));
        assert!(text.ends_with("\n\nv=•••"), "{text}");
    }
    let quoted = scribe(&["\""]).request(&post("https://a.example/", r#"{"a"}"#));
    assert!(!quoted.contains('"'), "{quoted}");
}

#[test]
fn a_path_token_and_a_secret_across_the_cut_are_masked() {
    let hook = post("https://hook.example/bot/tok-1", "");
    let text = scribe(&["tok-1"]).request(&hook);
    assert!(
        text.starts_with("POST https://hook.example/bot/•••\n"),
        "{text}"
    );

    for padding in 1900..2100 {
        let body = format!("{}SECRETSECRET{}", "x".repeat(padding), "y".repeat(50));
        let text = scribe(&["SECRETSECRET"]).request(&post("https://a.example/", body));
        assert!(!text.contains("SE"), "{text}");
        assert!(text.len() <= REQUEST_BYTES);
    }
}

#[test]
fn answers_and_faults_are_told() {
    assert_eq!(scribe(&[]).answer(&answer(b"{}")), "200 OK\n\n{}");
    let broken = scribe(&[]).answer(&answer(b"a\xffb"));
    assert_eq!(broken, "200 OK\n\na\u{fffd}b");
    let refused = Reply::Smtp(SmtpReply {
        code: 550,
        text: vec!["5.1.1 no such user".into()],
        stage: "rcpt",
    });
    assert_eq!(
        scribe(&[]).answer(&refused),
        "550 (rcpt)\n5.1.1 no such user"
    );
    let fault = crate::fault::maybe_sent(austin_adapter_api::FaultKind::Cut, "gone");
    assert_eq!(
        scribe(&[]).answer(&Reply::Fault(fault)),
        "no answer: connection_cut, maybe sent: gone"
    );
}

#[test]
fn mail_shows_its_envelope_and_digest_only() {
    let call = Call::Smtp(Box::new(SmtpRequest {
        host: "mx.example".into(),
        port: 587,
        tls: TlsMode::StartTls,
        credentials: Some(("user".into(), "hunter2".to_owned().into())),
        hello: None,
        from: "a@corp.example".into(),
        to: "b@corp.example".into(),
        message: Bytes::from_static(b"Subject: your code 8314\r\n\r\n8314\r\n"),
        deadline: Duration::from_secs(1),
    }));
    let text = scribe(&[]).request(&call);
    assert!(text.starts_with(
        "SMTP mx.example:587 (StartTls)\nMAIL FROM:<a@corp.example>\nRCPT TO:<b@corp.example>\n\
         message: 33 bytes, sha256 "
    ));
    assert!(!text.contains("8314\r") && !text.contains("hunter2") && !text.contains("Subject"));
}

proptest! {
    #[test]
    fn nothing_secret_stays_and_the_bound_holds(
        before in "[a-z密\"% ]{0,80}",
        secret in "[A-Z0-9&\"密]{3,12}",
        after in "[a-z密]{0,40}",
        repeat in 1_usize..60,
    ) {
        let body = format!("{before}{secret}{after}").repeat(repeat);
        let text = scribe(&[&secret]).request(&post("https://a.example/", body.clone()));
        prop_assert!(!text.contains(&secret));
        prop_assert!(text.len() <= REQUEST_BYTES);
        let long = scribe(&[]).request(&post("https://a.example/", body.repeat(20)));
        prop_assert!(long.len() <= REQUEST_BYTES);
    }
}
