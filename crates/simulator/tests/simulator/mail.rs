//! The mail sink.

use austin_simulator::Options;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::rig::Rig;

struct Sender(BufReader<TcpStream>);

impl Sender {
    async fn new(rig: &Rig) -> Self {
        let stream = TcpStream::connect(rig.handle.smtp_addr.unwrap())
            .await
            .unwrap();
        let mut sender = Self(BufReader::new(stream));
        assert_eq!(sender.answer().await, "220");
        assert_eq!(sender.say("EHLO austin.example").await, "250");
        sender
    }

    /// The code of the last line, or nothing where the connection ends.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return String::new();
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return line[..3].to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        let line = format!("{line}\r\n");
        self.0.get_mut().write_all(line.as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn mail(&mut self, to: &str, mail: &str) -> Vec<String> {
        let mut codes = vec![self.say("MAIL FROM:<a@example.com>").await];
        codes.push(self.say(&format!("RCPT TO:<{to}>")).await);
        codes.push(self.say("DATA").await);
        if codes[2] == "354" {
            codes.push(self.say(&format!("{mail}\r\n.")).await);
        }
        codes
    }
}

const MAIL: &str = "Message-ID: <1@example.com>\r\nSubject: A\r\n folded one\r\n\r\nHello\r\n..dot";

async fn rig(rules: &str) -> Rig {
    let rig = Rig::with(Options {
        smtp: Some("127.0.0.1:0".parse().unwrap()),
        mails: 2,
        ..Options::default()
    })
    .await;
    let taken = rig.put("/control/smtp", rules).await;
    assert_eq!(taken.status, 200, "{}", taken.json());
    rig
}

#[tokio::test]
async fn keeps_the_newest_mails() {
    let rig = rig("{}").await;
    let mut sender = Sender::new(&rig).await;
    for to in ["b@example.com", "c@example.com", "d@example.com"] {
        assert_eq!(sender.mail(to, MAIL).await, ["250", "250", "354", "250"]);
    }
    assert_eq!(sender.say("RSET").await, "250");
    assert_eq!(sender.say("DATA").await, "503");
    assert_eq!(sender.say("QUIT").await, "221");
    let mails = rig.get("/control/mails").await.json();
    let mails = mails["mails"].as_array().unwrap();
    assert_eq!(mails.len(), 2, "the oldest made room");
    assert_eq!(mails[0]["to"][0], "d@example.com");
    assert_eq!(mails[0]["subject"], "A folded one");
    let raw = rig
        .get(&format!("/control/mails/{}", mails[0]["number"]))
        .await;
    assert!(
        String::from_utf8(raw.body)
            .unwrap()
            .ends_with("Hello\r\n.dot\r\n")
    );
    assert_eq!(rig.get("/control/mails/1").await.status, 404);
    let summary = rig.summary().await;
    assert_eq!(
        (&summary["accepted"], &summary["doubled_count"]),
        (&3.into(), &1.into())
    );
}

#[tokio::test]
async fn answers_and_closes_by_the_rules() {
    let rig = rig(
        r#"{"rules":[
            {"match":{"to":{"suffix":"@full.example"}},"at":"rcpt","do":{"reply":{"code":450,"text":"4.2.2 full"}}},
            {"match":{"to":{"exact":"no@example.com"}},"at":"data","do":{"reply":{"code":550,"text":"no"}}},
            {"match":{"to":{"exact":"gone@example.com"}},"at":"end","do":"close"},
            {"match":{"to":{"exact":"kept@example.com"}},"at":"end","do":"keep_and_close"},
            {"match":{"text_contains":"spam"},"at":"end","do":{"reply":{"code":554,"text":"spam"}}}]}"#,
    )
    .await;
    let cases: [(&str, &str, &[&str]); 5] = [
        ("b@full.example", MAIL, &["250", "450", "503"]),
        ("no@example.com", MAIL, &["250", "250", "550"]),
        ("gone@example.com", MAIL, &["250", "250", "354", ""]),
        ("kept@example.com", MAIL, &["250", "250", "354", ""]),
        ("b@example.com", "\r\nspam", &["250", "250", "354", "554"]),
    ];
    for (to, mail, codes) in cases {
        assert_eq!(Sender::new(&rig).await.mail(to, mail).await, codes, "{to}");
    }
    let mails = rig.get("/control/mails").await.json();
    assert_eq!(mails["mails"].as_array().unwrap().len(), 1);
    assert_eq!(mails["mails"][0]["to"][0], "kept@example.com");
    let cleared = rig.call("DELETE", "/control/mails", &[], "").await.unwrap();
    assert_eq!(cleared.status, 204);
    assert_eq!(rig.get("/").await.json()["mails"], 0);
}

#[tokio::test]
async fn asks_for_a_password() {
    let rig = rig(r#"{"auth":{"user":"austin","password":"sesame"}}"#).await;
    let mut sender = Sender::new(&rig).await;
    assert_eq!(sender.say("MAIL FROM:<a@example.com>").await, "530");
    // base64 of "\0austin\0wrong" and "\0austin\0sesame".
    assert_eq!(sender.say("AUTH PLAIN AGF1c3RpbgB3cm9uZw==").await, "535");
    assert_eq!(sender.say("AUTH PLAIN").await, "334");
    assert_eq!(sender.say("AGF1c3RpbgBzZXNhbWU=").await, "235");
    assert_eq!(sender.say("MAIL FROM:<a@example.com>").await, "250");
    let shown = rig.get("/control/smtp").await;
    assert!(!String::from_utf8_lossy(&shown.body).contains("sesame"));
}

#[tokio::test]
async fn refuses_long_lines_large_mails_and_faulty_rules() {
    let rig = rig("{}").await;
    let mut sender = Sender::new(&rig).await;
    assert_eq!(sender.say(&"x".repeat(10_000)).await, "500");
    assert_eq!(
        sender.say("MAIL FROM:<a@example.com> SIZE=99999999").await,
        "552"
    );
    assert_eq!(sender.say("WHAT").await, "502");
    for (rules, why) in [
        (
            r#"{"rules":[{"at":"end","do":{"reply":{"code":250,"text":"x"}}}]}"#,
            "400..=599",
        ),
        (
            r#"{"rules":[{"at":"rcpt","do":"keep_and_close"}]}"#,
            "stage `end`",
        ),
        (r#"{"rulez":[]}"#, "unknown field"),
    ] {
        let answer = rig.put("/control/smtp", rules).await;
        assert_eq!(answer.status, 422);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{error}");
    }
}
