//! E-mail through a real mail server, read back from its files.

use crate::mail_server::{Mail, MailServer, header};
use crate::rig::{Rig, until};
use serde_json::{Value, json};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x01\x02\xff\xfe not really a picture \r\n.\r\n";

/// The answer to the account's creation.
async fn set_up(rig: &Rig, server: &MailServer) -> Value {
    set_up_with(rig, server, "bounce+{delivery}@corp.example").await
}

async fn set_up_with(rig: &Rig, server: &MailServer, return_path: &str) -> Value {
    let account = json!({
        "key": "mail", "channel": "email", "adapter": "smtp", "enabled": true,
        "settings": {"host": "127.0.0.1", "port": server.port, "tls": "none",
            "from": "shop@corp.example", "from_name": "商城", "username": "austin",
            "return_path": return_path},
        "secrets": {"password": "test-password"},
    });
    let made = rig
        .client()
        .must("POST", "/v1/accounts", Some(&account))
        .await;
    rig.route("email", "notification", "mail").await;
    let content = json!({
        "subject": "您的订单{{code}}已发货",
        "text": "订单 {{code}} 已发货。",
        "html": "<p>订单 <b>{{code}}</b> 已发货。</p>",
    });
    rig.template("shipped", "email", "notification", content)
        .await;
    made
}

/// Uploads a file; its name.
async fn upload(rig: &Rig) -> String {
    let output = std::process::Command::new("curl")
        .args(["-sS", "--fail-with-body", "--data-binary", "@-"])
        .args(["-H", "Content-Type: application/octet-stream"])
        .args(["-H", &format!("Authorization: Bearer {}", rig.key)])
        .arg(format!("http://{}/v1/uploads", rig.address))
        .stdin(std::fs::File::from(std::os::fd::OwnedFd::from(pipe(
            PICTURE,
        ))))
        .output()
        .expect("curl runs");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stdout)))
        .to_owned()
}

fn pipe(content: &[u8]) -> std::io::PipeReader {
    use std::io::Write as _;
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(content).unwrap();
    reader
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_arrives_as_it_was_meant() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let rig = Rig::start("");
    set_up(&rig, &server).await;
    let file = upload(&rig).await;
    let body = json!({
        "template": "shipped", "vars": {"code": "A1"},
        "to": ["wang@corp.example", "zhao@corp.example", "nobody@corp.example"],
        "attachments": [{"name": "图.png", "content_type": "image/png", "upload": file}],
    });
    let mut client = rig.client();
    let answer = client.must("POST", "/v1/messages", Some(&body)).await;
    let mut ids = Vec::new();
    for (delivery, state) in answer["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["sent", "sent", "failed"])
    {
        let path = format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap());
        let settled = until(&mut client, &path, |delivery| {
            let open = matches!(
                delivery["state"].as_str(),
                Some("accepted" | "queued" | "sending")
            );
            (!open).then(|| delivery.clone())
        })
        .await;
        assert_eq!(settled["state"], state, "{settled:#}\n{}", server.log());
        ids.push(settled);
    }
    let refused = ids[2].to_string();
    assert!(refused.contains("no such person here"), "{refused}");

    let mails = server.mails(2);
    assert_eq!(mails.len(), 2, "one mail for each person");
    for (delivery, person, other) in [
        (&ids[0], "wang@corp.example", "zhao"),
        (&ids[1], "zhao@corp.example", "wang"),
    ] {
        let mail = mails
            .iter()
            .find(|mail| mail.envelope_to == person)
            .unwrap_or_else(|| panic!("nothing for {person}: {mails:#?}"));
        assert!(
            !mail.text.contains(other),
            "{person} sees {other}:\n{}",
            mail.text
        );
        looks_right(
            mail,
            person,
            delivery["vendor_id"].as_str().unwrap_or_default(),
        );
    }
}

/// The server takes a mail, finds that it cannot deliver it, and sends a bounce to the envelope's
/// sender; posted to the account's receipt address it moves the delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounce_moves_its_delivery() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let rig = Rig::start("");
    let made = set_up(&rig, &server).await;
    let body = json!({
        "template": "shipped", "vars": {"code": "A1"},
        "to": ["gone@corp.example", "wang@corp.example"],
    });
    let mut client = rig.client();
    let answer = client.must("POST", "/v1/messages", Some(&body)).await;
    let ids: Vec<&str> = answer["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["id"].as_str().unwrap())
        .collect();
    let mails = server.mails(2);
    let bounce = mails
        .iter()
        .find(|mail| mail.envelope_to == format!("bounce+{}@corp.example", ids[0]))
        .unwrap_or_else(|| panic!("no bounce: {mails:#?}\n{}", server.log()));
    let url = format!(
        "http://{}{}",
        rig.address,
        made["receipt_url"]
            .as_str()
            .unwrap_or_else(|| panic!("{made:#}"))
    );
    assert_eq!(post(&url, "text/plain", &bounce.text), 400);
    assert_eq!(post(&url, "message/rfc822", &bounce.text), 200);
    let path = format!("/v1/deliveries/{}", ids[0]);
    let moved = until(&mut client, &path, |delivery| {
        (delivery["state"] == "undelivered").then(|| delivery.clone())
    })
    .await;
    let receipt = &moved["receipts"][0];
    assert!(
        receipt["code"]
            .as_str()
            .is_some_and(|code| code.starts_with("5.")),
        "{moved:#}\n{}",
        bounce.text
    );
    let other = client.get(&format!("/v1/deliveries/{}", ids[1])).await;
    assert_eq!(other["state"], "sent", "{other:#}");
}

/// The same by a mailbox: the server files the bounce, austin takes it from there. What is no
/// bounce is set aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bounce_in_a_mailbox_moves_its_delivery() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let directory = server.mailboxes();
    let new = directory.join("mail/new");
    std::fs::create_dir_all(&new).unwrap();
    std::fs::create_dir_all(directory.join("mail/tmp")).unwrap();
    server.owns(&directory);
    std::fs::write(new.join("1.holiday"), "Subject: away until Monday\n\n").unwrap();
    let rig = Rig::start(&format!("[mailboxes]\ndirectory = {directory:?}\n"));
    set_up_with(&rig, &server, "filed+{delivery}@corp.example").await;
    let body = json!({"template": "shipped", "vars": {"code": "A1"}, "to": ["gone@corp.example"]});
    let mut client = rig.client();
    let answer = client.must("POST", "/v1/messages", Some(&body)).await;
    let id = answer["deliveries"][0]["id"].as_str().unwrap();
    let path = format!("/v1/deliveries/{id}");
    let moved = until(&mut client, &path, |delivery| {
        (delivery["state"] == "undelivered").then(|| delivery.clone())
    })
    .await;
    let code = moved["receipts"][0]["code"].as_str().unwrap();
    assert!(code.starts_with("5."), "{moved:#}\n{}", server.log());
    let count = |folder: &str| {
        let entries = std::fs::read_dir(directory.join("mail").join(folder));
        entries.map_or(0, Iterator::count)
    };
    let end = std::time::Instant::now() + crate::rig::START;
    while (count("new"), count("cur"), count(".failed/cur")) != (0, 1, 1) {
        assert!(std::time::Instant::now() < end, "{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Posts a mail as a mail server's pipe would; the answer's status.
fn post(url: &str, kind: &str, mail: &str) -> u16 {
    let output = std::process::Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"])
        .args([
            "-H",
            &format!("Content-Type: {kind}"),
            "--data-binary",
            "@-",
        ])
        .arg(url)
        .stdin(std::fs::File::from(std::os::fd::OwnedFd::from(pipe(
            mail.as_bytes(),
        ))))
        .output()
        .expect("curl runs");
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    status.trim().parse().unwrap_or_else(|_| panic!("{status}"))
}

fn looks_right(mail: &Mail, person: &str, vendor_id: &str) {
    let of = |name: &str| header(&mail.text, name).unwrap_or_else(|| panic!("no {name}"));
    assert!(of("To").contains(person));
    assert!(of("From").contains("<shop@corp.example>"), "{}", of("From"));
    assert_eq!(
        decoded(&of("From"))
            .split(" <")
            .next()
            .unwrap()
            .trim_matches('"'),
        "商城"
    );
    assert_eq!(decoded(&of("Subject")), "您的订单A1已发货");
    assert_eq!(
        of("Message-ID").trim_matches(['<', '>']),
        vendor_id.trim_matches(['<', '>'])
    );
    assert!(header(&mail.text, "Bcc").is_none());
    let parts = parts(&mail.text);
    let part = |kind: &str| {
        let found = parts
            .iter()
            .find(|(head, _)| head.to_lowercase().contains(kind));
        found.map_or_else(
            || panic!("no {kind} in {}", mail.text),
            |(_, body)| body.clone(),
        )
    };
    assert_eq!(
        String::from_utf8(part("text/plain")).unwrap().trim(),
        "订单 A1 已发货。"
    );
    let html = String::from_utf8(part("text/html")).unwrap();
    assert_eq!(html.trim(), "<p>订单 <b>A1</b> 已发货。</p>");
    assert_eq!(part("image/png"), PICTURE);
}

/// The leaves of a multipart mail: head and decoded body.
fn parts(text: &str) -> Vec<(String, Vec<u8>)> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let lower = head.to_lowercase();
    if lower.contains("content-type: multipart/") {
        let at = lower.find("boundary=").expect("a boundary") + "boundary=".len();
        let boundary: String = head[at..]
            .trim_start_matches('"')
            .chars()
            .take_while(|c| !matches!(c, '"' | ';' | '\n' | ' '))
            .collect();
        return body
            .split(&format!("--{boundary}"))
            .skip(1)
            .filter(|part| !part.starts_with("--"))
            .flat_map(|part| parts(part.strip_prefix('\n').unwrap_or(part)))
            .collect();
    }
    let body = if lower.contains("content-transfer-encoding: base64") {
        base64(body)
    } else if lower.contains("content-transfer-encoding: quoted-printable") {
        quoted(&body.replace("=\n", ""))
    } else {
        body.as_bytes().to_vec()
    };
    vec![(head.to_owned(), body)]
}

/// Encoded words (RFC 2047) of a header made readable.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find("=?") {
        let between = &rest[..at];
        if !between.trim().is_empty() {
            bytes.extend_from_slice(between.as_bytes());
        }
        let mut pieces = rest[at + 2..].splitn(4, '?');
        let (_, kind, word) = (
            pieces.next(),
            pieces.next().expect("an encoding"),
            pieces.next().expect("a word"),
        );
        bytes.extend(match kind {
            "b" | "B" => base64(word),
            _ => quoted(&word.replace('_', " ")),
        });
        rest = pieces.next().unwrap_or_default().trim_start_matches('=');
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).expect("UTF-8")
}

fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 255).unwrap());
        }
    }
    bytes
}

fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(c) = rest.next() {
        if c != b'=' {
            bytes.push(c);
            continue;
        }
        let pair: Vec<u8> = rest.by_ref().take(2).collect();
        let hex = String::from_utf8(pair).unwrap();
        bytes.push(u8::from_str_radix(&hex, 16).expect("two hexadecimal digits"));
    }
    bytes
}
