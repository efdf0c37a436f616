//! Every fault a behaviour can be told to show.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use austin_simulator::{Clock, LedgerMode, Options};
use tokio::io::AsyncReadExt as _;

use crate::rig::{Answer, Rig};

const ONE: &[(&str, &str)] = &[("dlv_1", "+8613711112222")];

async fn rig(rules: &str) -> Rig {
    let rig = Rig::new().await;
    rig.behave("default", &format!(r#"{{"rules":[{rules}]}}"#))
        .await;
    rig
}

async fn accepted(rig: &Rig) -> u64 {
    rig.summary().await["accepted"].as_u64().unwrap()
}

#[tokio::test]
async fn rejects_only_the_messages_a_rule_names() {
    let rig =
        rig(r#"{"match":{"to":{"suffix":"3"}},"do":{"reject":{"code":"blocked","message":"no"}}}"#)
            .await;
    let answer = rig
        .send(
            "/sim/send",
            &[("a", "+8613711112222"), ("b", "+8613711112223")],
        )
        .await
        .unwrap()
        .json();
    assert_eq!(answer["results"][0]["code"], "ok");
    assert_eq!(answer["results"][1]["code"], "blocked");
    assert_eq!(answer["results"][1]["message"], "no");
    assert!(answer["results"][1].get("id").is_none());
    assert_eq!(accepted(&rig).await, 1);
}

#[tokio::test]
async fn fails_calls_and_answers_statuses() {
    let rig = rig(
        r#"{"match":{"first":1},"do":{"fail":{"code":"account_suspended"}}},
           {"match":{"first":1},"do":{"status":{"status":429,"retry_after":7,"body":"slow"}}},
           {"match":{"first":1},"do":{"status":{"status":502,"accepts":true}}}"#,
    )
    .await;
    let failed = rig.send("/sim/send", ONE).await.unwrap();
    assert_eq!(
        (failed.status, failed.json()["code"].as_str()),
        (403, Some("account_suspended"))
    );
    let slow = rig.send("/sim/send", ONE).await.unwrap();
    assert_eq!((slow.status, slow.header("retry-after")), (429, Some("7")));
    assert_eq!(slow.body, b"slow");
    assert_eq!(accepted(&rig).await, 0);
    assert_eq!(rig.send("/sim/send", ONE).await.unwrap().status, 502);
    assert_eq!(accepted(&rig).await, 1, "a 502 after accepting");
    assert_eq!(rig.send("/sim/send", ONE).await.unwrap().status, 200);
}

/// Sends one message and waits until it is in the ledger; panics if it is answered before that.
async fn seen_unanswered(rig: &Rig) -> impl Future<Output = std::io::Result<Answer>> {
    let mut call = Box::pin(rig.send("/sim/send", ONE));
    loop {
        tokio::select! {
            biased;
            seen = accepted(rig) => if seen == 1 { return call },
            _ = &mut call => panic!("answered before it was seen in the ledger"),
        }
    }
}

#[tokio::test]
async fn answers_late_but_accepts_at_once() {
    let rig = rig(r#"{"do":{"delay":{"ms":[900,950]}}}"#).await;
    let start = Instant::now();
    let call = seen_unanswered(&rig).await;
    assert_eq!(call.await.unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn hangs_until_the_caller_leaves() {
    let rig = rig(r#"{"do":{"hang":{"accepts":true}}}"#).await;
    let call = seen_unanswered(&rig).await;
    let waited = tokio::time::timeout(Duration::from_millis(100), call).await;
    assert!(waited.is_err(), "answered");
    rig.handle.shutdown().await;
}

#[tokio::test]
async fn cuts_by_reset_and_by_fin_before_and_after_accepting() {
    let cases = [
        (r#"{"cut":{"when":"after"}}"#, ErrorKind::ConnectionReset, 1),
        (
            r#"{"cut":{"when":"after","how":"fin"}}"#,
            ErrorKind::UnexpectedEof,
            1,
        ),
        (
            r#"{"cut":{"when":"before"}}"#,
            ErrorKind::ConnectionReset,
            0,
        ),
    ];
    for (action, kind, in_ledger) in cases {
        let rig = rig(&format!(r#"{{"match":{{"first":1}},"do":{action}}}"#)).await;
        let error = rig.send("/sim/send", ONE).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{action}");
        assert_eq!(accepted(&rig).await, in_ledger, "{action}");
        rig.send("/sim/send", ONE).await.unwrap();
    }
    let rig = rig(r#"{"match":{"to":{"prefix":"+86"}},"do":{"cut":{"when":"before"}}}"#).await;
    assert!(rig.send("/sim/send", ONE).await.is_err());
    assert_eq!(
        rig.send("/sim/send", &[("b", "+12025550123")])
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(accepted(&rig).await, 1);
}

#[tokio::test]
async fn an_early_cut_does_not_wait_for_the_body() {
    let rig = rig(r#"{"do":{"cut":{"when":"before","how":"fin"}}}"#).await;
    let mut stream = tokio::net::TcpStream::connect(rig.handle.addr)
        .await
        .unwrap();
    let head = b"POST /sim/send HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, head)
        .await
        .unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok() && rest.is_empty());
}

#[tokio::test]
async fn sends_half_an_answer() {
    let rig = rig(r#"{"do":{"half":{}}}"#).await;
    let half = rig.send("/sim/send", ONE).await.unwrap();
    let promised: usize = half.header("content-length").unwrap().parse().unwrap();
    assert_eq!(half.status, 200);
    assert_eq!(half.body.len(), promised / 2);
    assert!(half.body.starts_with(br#"{"results""#));
    assert_eq!(accepted(&rig).await, 1);
}

#[tokio::test]
async fn sends_garbage_floods_redirects_and_wrong_types() {
    let rig = rig(r#"{"match":{"first":1},"do":{"garbage":{}}},
           {"match":{"first":1},"do":{"huge":{}}},
           {"match":{"first":1},"do":{"redirect":{"to":"http://elsewhere.example/"}}},
           {"match":{"first":1},"do":{"wrong_type":{}}}"#)
    .await;
    let garbage = rig.send("/sim/send", ONE).await.unwrap();
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
    assert_eq!(
        rig.send("/sim/send", ONE).await.unwrap().body.len(),
        10_000_000
    );
    let redirect = rig.send("/sim/send", ONE).await.unwrap();
    assert_eq!(redirect.status, 302);
    assert_eq!(
        redirect.header("location"),
        Some("http://elsewhere.example/")
    );
    assert_eq!(accepted(&rig).await, 0);
    let wrong = rig.send("/sim/send", ONE).await.unwrap();
    assert_eq!(
        wrong.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(wrong.json()["results"][0]["code"], "ok");
    assert_eq!(accepted(&rig).await, 1);
}

#[tokio::test]
async fn limits_calls_and_messages_per_second() {
    let frozen = Options {
        clock: Clock::new(|| 1_767_323_045_500),
        ..Options::default()
    };
    let rig = Rig::with(frozen).await;
    rig.behave(
        "calls",
        r#"{"limit":{"per_second":2,"answer":"status429"}}"#,
    )
    .await;
    rig.behave(
        "messages",
        r#"{"limit":{"per_second":3,"counts":"messages"}}"#,
    )
    .await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(rig.send("/a/calls/sim/send", ONE).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    let pair = [("a", "+8613711112222"), ("b", "+8613711112223")];
    assert_eq!(
        rig.send("/a/messages/sim/send", &pair)
            .await
            .unwrap()
            .status,
        200
    );
    let refused = rig.send("/a/messages/sim/send", &pair).await.unwrap();
    assert_eq!(refused.json()["code"], "throttled");
    assert_eq!(
        rig.send("/a/messages/sim/send", ONE).await.unwrap().status,
        200
    );
    let rates = rig.get("/control/rates?behaviour=calls").await.json();
    let second = &rates["rates"]["calls"][0];
    assert_eq!(second["second"], 1_767_323_045);
    assert_eq!(
        (&second["calls"], &second["throttled"]),
        (&4.into(), &2.into())
    );
    assert_eq!(second["accepted"], 2);
    assert!(rates["rates"].get("messages").is_none());
}

#[tokio::test]
async fn refuses_what_is_too_long() {
    let small = Options {
        body_bytes: 100,
        ..Options::default()
    };
    let rig = Rig::with(small).await;
    let many: Vec<(&str, &str)> = vec![ONE[0]; 10];
    let answer = rig.send("/sim/send", &many).await.unwrap();
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_ledger_that_only_counts_cannot_be_asked() {
    let counts = Options {
        ledger: LedgerMode::Counts,
        ..Options::default()
    };
    let rig = Rig::with(counts).await;
    rig.send("/sim/send", ONE).await.unwrap();
    let summary = rig.summary().await;
    assert_eq!(summary["accepted"], 1);
    assert_eq!(summary["distinct_references"], 0);
    assert_eq!(rig.get("/sim/query?reference=dlv_1").await.status, 409);
}
