//! What every route has in common, and what watches the process.

use std::time::Duration;

use austin_engine::Config;
use austin_http::Options;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, message};

#[tokio::test]
async fn keys_are_needed_and_the_challenge_says_so() {
    let app = App::ready().await;
    for (headers, says) in [
        (vec![], "no API key"),
        (vec![("authorization", "Basic YTpi")], "form"),
        (vec![("authorization", "Bearer")], "form"),
        (
            vec![("authorization", "Bearer ak_wrong")],
            "unknown or revoked",
        ),
        (
            vec![(
                "authorization",
                "Bearer ak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            )],
            "unknown or revoked",
        ),
    ] {
        for (method, path) in [("POST", "/v1/messages"), ("GET", "/v1/templates")] {
            let answer = app.call(method, path, None, &headers, "{}").await;
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer"), "{challenge}");
            let problem = answer.problem(401, "unauthenticated");
            assert!(
                problem["detail"].as_str().unwrap().contains(says),
                "{problem}"
            );
        }
    }
    let lower = [("authorization", &*format!("bearer {}", app.admin))];
    app.call("GET", "/v1/templates", None, &lower, "")
        .await
        .expect(200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let app = App::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/message",
        "/v1/templates/a/b/c",
        "/v1/messages/",
    ] {
        let answer = app.get(path).await;
        answer.problem(404, "unknown_route");
    }
    for (method, path, allow) in [
        ("DELETE", "/v1/messages", "POST"),
        ("GET", "/v1/messages", "POST"),
        ("PATCH", "/v1/templates/a", "GET"),
        ("BREW", "/livez", "GET"),
    ] {
        let answer = app.call(method, path, Some(&app.admin), &[], "").await;
        let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
        assert!(allowed.contains(allow), "{method} {path}: {allowed}");
        answer.problem(405, "method_not_allowed");
    }
    let answer = app.get("/v1/templates/%ff").await;
    answer.problem(400, "malformed_request");
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let app = App::ready().await;
    let given = [("x-request-id", "trace.me-1_2")];
    for path in ["/livez", "/v1/templates", "/nowhere", "/docs"] {
        let answer = app.call("GET", path, Some(&app.admin), &given, "").await;
        assert_eq!(answer.headers["x-request-id"], "trace.me-1_2", "{path}");
        let answer = app
            .call(
                "GET",
                path,
                Some(&app.admin),
                &[("x-request-id", "a b")],
                "",
            )
            .await;
        let made = answer.headers["x-request-id"].to_str().unwrap();
        assert!(made.starts_with("req_"), "{path}: {made}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_panic_answers_500_and_the_server_lives() {
    let app = App::start().await;
    let body = "panic: the password is hunter2";
    let answer = app
        .call("POST", "/v1/uploads", Some(&app.admin), &[], body)
        .await;
    assert!(!answer.text.contains("hunter2") && !answer.text.contains("as asked"));
    answer.problem(500, "internal");
    app.call("GET", "/livez", None, &[], "").await;
}

#[tokio::test]
async fn uploads_are_named_by_their_content() {
    let app = App::start().await;
    let pdf = [("content-type", "application/pdf")];
    let raw = app
        .call("POST", "/v1/uploads", Some(&app.admin), &pdf, "%PDF-1.7")
        .await;
    let raw = raw.expect(201);
    assert_eq!(raw["bytes"], 8);
    assert!(raw["id"].as_str().unwrap().starts_with("upl_"));
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n";
    let body = format!("{part}--x--\r\n");
    let parts = app
        .call("POST", "/v1/uploads", Some(&app.admin), &form, body)
        .await;
    assert_eq!(parts.expect(201)["id"], raw["id"]);
    let two = format!("{part}{part}--x--\r\n");
    let answer = app
        .call("POST", "/v1/uploads", Some(&app.admin), &form, two)
        .await;
    answer.fields(&[("", "too_many")]);
    let answer = app
        .call("POST", "/v1/uploads", Some(&app.admin), &form, "--y--")
        .await;
    answer.problem(400, "malformed_request");
    let answer = app
        .call("POST", "/v1/uploads", Some(&app.admin), &[], "")
        .await;
    answer.fields(&[("", "empty")]);
}

#[tokio::test]
async fn a_large_upload_of_many_pieces_is_whole() {
    let app = App::start().await;
    let data: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let answer = app
        .call("POST", "/v1/uploads", Some(&app.admin), &[], data.clone())
        .await;
    let id = answer.expect(201)["id"].as_str().unwrap().to_owned();
    let kept = app.engine.parts().blobs.get(&id).await.unwrap().unwrap();
    assert!(kept == data);
}

#[tokio::test]
async fn metrics_are_open_to_this_machine_only() {
    let app = App::ready().await;
    app.post("/v1/messages", &message(&json!("+8613711112201")))
        .await
        .expect(202);
    app.post("/v1/messages", &json!({}))
        .await
        .problem(422, "invalid_request");
    let local = app.call("GET", "/metrics", None, &[], "").await;
    let kind = local.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    for line in [
        r#"austin_http_requests_total{route="/v1/messages",method="POST",status="202"} 1"#,
        r#"austin_http_requests_total{route="/v1/messages",method="POST",status="422"} 1"#,
        r#"austin_http_request_seconds_count{route="/v1/messages"} 2"#,
    ] {
        assert!(local.text.contains(line), "{line}\n{}", local.text);
    }
    assert!(
        local.text.contains("austin_http_connections"),
        "{}",
        local.text
    );
    assert!(local.text.ends_with("# EOF\n"));

    let proxied = [("x-forwarded-for", "203.0.113.9")];
    let answer = app.call("GET", "/metrics", None, &proxied, "").await;
    answer.problem(401, "unauthenticated");
    let sender = app.key("shop", "sender").await;
    let answer = app
        .call("GET", "/metrics", Some(&sender), &proxied, "")
        .await;
    answer.problem(403, "forbidden");
    let reader = app.key("shop", "reader").await;
    let answer = app
        .call("GET", "/metrics", Some(&reader), &proxied, "")
        .await;
    assert_eq!(answer.status, 200);

    let options = Options {
        open_metrics: true,
        ..Options::default()
    };
    let open = App::with(options, Config::default()).await;
    let answer = open.call("GET", "/metrics", None, &proxied, "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn health_is_open() {
    let app = App::start().await;
    let live = app.call("GET", "/livez", None, &[], "").await;
    assert_eq!(live.text, "ok\n");
    let ready = app.call("GET", "/readyz", None, &[], "").await.expect(200);
    assert_eq!(ready, json!({"status": "ready", "reason": null}));
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let options = Options {
        body_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let app = App::with(options, Config::default()).await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n{{",
        app.admin
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn headers_that_are_too_large_end_the_connection() {
    let app = App::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "GET /livez HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n",
        "a".repeat(70_000)
    );
    // The server may hang up before it has read all of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn stopping_lets_a_request_finish_and_closes_idle_connections() {
    let mut app = App::ready().await;
    let mut idle = TcpStream::connect(app.address).await.unwrap();
    let mut busy = TcpStream::connect(app.address).await.unwrap();
    let body = message(&json!("+8613711112201")).to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        app.admin,
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request has begun.
    let mut asked = [0; 25];
    busy.read_exact(&mut asked).await.unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    let finish = async {
        let mut end = Vec::new();
        idle.read_to_end(&mut end).await.unwrap();
        assert!(
            end.is_empty(),
            "an idle connection is closed without a word"
        );
        busy.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (cut, answer) = tokio::join!(app.stop(), finish);
    assert_eq!(cut, 0);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(TcpStream::connect(app.address).await.is_err());
}

#[tokio::test]
async fn stopping_cuts_what_does_not_finish() {
    let options = Options {
        stop_within: Duration::from_millis(50),
        ..Options::default()
    };
    let mut app = App::with(options, Config::default()).await;
    let mut stuck = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
        app.admin
    );
    stuck.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    stuck.read_exact(&mut asked).await.unwrap();
    assert_eq!(app.stop().await, 1);
}
