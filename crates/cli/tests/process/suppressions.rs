//! Who must not be messaged, with the real binary: a mail's unsubscribe link, an import that is
//! killed, and the command.

use std::io::Write as _;
use std::process::Output;

use serde_json::{Value, json};

use crate::mail_server::{MailServer, header};
use crate::rig::{Rig, austin, until};

/// Asks for a page or posts to it; status, headers and body.
fn curl(arguments: &[&str], url: &str) -> (u16, String) {
    let output = std::process::Command::new("curl")
        .args(["-sS", "-i", "-o", "-", "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (text, status) = text.rsplit_once('\n').unwrap_or_default();
    (status.trim().parse().unwrap_or(0), text.to_owned())
}

/// A marketing mail and a notification to the same person.
async fn send_both(rig: &Rig, server: &MailServer) {
    let account = json!({
        "key": "mail", "channel": "email", "adapter": "smtp", "enabled": true,
        "settings": {"host": "127.0.0.1", "port": server.port, "tls": "none",
            "from": "shop@corp.example", "username": "austin"},
        "secrets": {"password": "test-password"},
    });
    let mut client = rig.client();
    client.must("POST", "/v1/accounts", Some(&account)).await;
    for class in ["marketing", "notification"] {
        rig.route("email", class, "mail").await;
        let content = json!({"subject": "{{code}}", "text": "{{code}}"});
        rig.template(class, "email", class, content).await;
        let body = json!({"template": class, "vars": {"code": class}, "to": ["Wang@corp.example"]});
        client.must("POST", "/v1/messages", Some(&body)).await;
    }
}

/// The header that a mail carries is what unsubscribes: a look changes nothing, a POST without a
/// key does, and doing it again changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_unsubscribes() {
    let Some(server) = MailServer::start() else {
        return;
    };
    let port = crate::rig::free_port();
    let public = format!("http://127.0.0.1:{port}/austin");
    let rig = Rig::start(&format!("[http]\npublic_url = \"{public}/\"\n"));
    let mut client = rig.client();
    send_both(&rig, &server).await;
    let mails = server.mails(2);
    let of = |class: &str| {
        let subject = |text: &str| header(text, "Subject");
        let found = mails
            .iter()
            .find(|mail| subject(&mail.text).as_deref() == Some(class));
        &found
            .unwrap_or_else(|| panic!("{mails:#?}\n{}", server.log()))
            .text
    };
    assert_eq!(header(of("notification"), "List-Unsubscribe"), None);
    let mail = of("marketing");
    let link = header(mail, "List-Unsubscribe").unwrap();
    let link = link.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
    let one_click = header(mail, "List-Unsubscribe-Post");
    assert_eq!(one_click.as_deref(), Some("List-Unsubscribe=One-Click"));
    // Once each, in the head: a DKIM signature can cover them.
    assert_eq!(mail.matches("List-Unsubscribe:").count(), 1);
    assert_eq!(mail.matches("List-Unsubscribe-Post:").count(), 1);
    let token = link.strip_prefix(&format!("{public}/u/")).unwrap();
    assert!(!link.contains('@') && !token.contains("ang"), "{link}");

    let here = format!("http://{}/u/{token}", rig.address);
    let all = "/v1/suppressions?to=wang%40corp.example";
    for (language, words) in [("zh-CN", "确认退订"), ("en-US", "Unsubscribe</button>")] {
        let (status, page) = curl(&["-H", &format!("Accept-Language: {language}")], &here);
        assert_eq!(status, 200, "{page}");
        assert!(page.contains(words), "{page}");
        assert!(page.contains("default-src 'none'"), "{page}");
        assert!(page.contains("W***@corp.example"), "{page}");
    }
    assert_eq!(
        client.get(all).await["items"],
        json!([]),
        "a look changes nothing"
    );
    for _ in 0..2 {
        let (status, page) = curl(&["-d", "List-Unsubscribe=One-Click"], &here);
        assert_eq!(status, 200, "{page}");
    }
    let entries = client.get(all).await;
    let entries = entries["items"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:#?}");
    for (name, value) in [
        ("channel", "email"),
        ("reason", "opt_out"),
        ("source", "unsubscribe"),
    ] {
        assert_eq!(entries[0][name], value, "{entries:#?}");
    }
    assert!(entries[0]["cause"].is_string() && entries[0]["active"] == true);
    let (status, page) = curl(&["-H", "Accept-Language: en"], &here);
    assert_eq!(status, 200);
    assert!(
        page.contains("Unsubscribed") && !page.contains("<form"),
        "{page}"
    );
    garbage_leads_nowhere(&rig, token);
}

fn garbage_leads_nowhere(rig: &Rig, token: &str) {
    let mut other = token.to_owned().into_bytes();
    other[20] = if other[20] == b'A' { b'B' } else { b'A' };
    let garbage = String::from_utf8(other).unwrap();
    for method in ["GET", "POST"] {
        let url = format!("http://{}/u/{garbage}", rig.address);
        let (status, page) = curl(&["-X", method], &url);
        assert_eq!(status, 404, "{page}");
    }
}

fn suppression(rig: &Rig, arguments: &[&str]) -> Output {
    austin()
        .arg("suppression")
        .args(arguments)
        .env("AUSTIN_URL", format!("http://{}", rig.address))
        .env("AUSTIN_KEY", &rig.key)
        .output()
        .expect("the command runs")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

fn file(rows: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::from("to,reason\n");
    for n in 0..rows {
        text.push_str(&format!("137{n:08},opt_out\n"));
    }
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_imports_lists_adds_and_lifts() {
    let rig = Rig::start("");
    let mut file = file(20);
    file.write_all(b"12,opt_out\n").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let told = suppression(&rig, &["import", &path, "--channel", "sms"]);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    let text = said(&told);
    assert!(
        text.contains("21 rows read, 20 taken, 0 in force already, 1 rejected"),
        "{text}"
    );
    assert!(text.contains(&format!("{path}:22: to ")), "{text}");
    let added = suppression(&rig, &["add", "li@corp.example", "--note", "by phone"]);
    assert!(added.status.success(), "{}", said(&added));
    let listed = suppression(&rig, &["list", "--limit", "3"]);
    let listed = said(&listed);
    assert!(
        listed.contains("li@corp.example") && listed.contains("by phone"),
        "{listed}"
    );
    let lifted = suppression(&rig, &["lift", "13700000003", "--reason", "asked again"]);
    assert!(
        said(&lifted).contains("(opt_out) is lifted"),
        "{}",
        said(&lifted)
    );
    let gone = suppression(&rig, &["list", "--to", "13700000003", "--json"]);
    assert_eq!(said(&gone), "");
    let lines = suppression(&rig, &["list", "--limit", "1000", "--json"]);
    assert_eq!(said(&lines).lines().count(), 20);
}

/// Killed in the middle, an import is interrupted; what it took is in force, and the same file
/// again takes the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_made_whole_by_importing_again() {
    const ROWS: u32 = 60_000;
    let mut rig = Rig::start("");
    let file = file(ROWS);
    let path = file.path().to_str().unwrap();
    let posted = std::process::Command::new("curl")
        .args(["-sS", "--data-binary", &format!("@{path}")])
        .args(["-H", "Content-Type: text/csv"])
        .args(["-H", &format!("Authorization: Bearer {}", rig.key)])
        .arg(format!(
            "http://{}/v1/suppressions/import?channel=sms",
            rig.address
        ))
        .output()
        .expect("curl runs");
    let import: Value = serde_json::from_slice(&posted.stdout).unwrap();
    let progress = format!(
        "/v1/suppressions/imports/{}",
        import["id"].as_str().unwrap()
    );
    let read = |import: &Value| import["rows"]["read"].as_u64().unwrap();
    until(&mut rig.client(), &progress, |import| {
        (read(import) >= 2_000).then_some(())
    })
    .await;
    rig.kill();
    rig.restart();
    let mut client = rig.client();
    let import = client.get(&progress).await;
    let taken = import["rows"]["taken"].as_u64().unwrap();
    assert!(taken >= 2_000, "{import:#}");
    if taken < u64::from(ROWS) {
        assert_eq!(import["state"], "interrupted", "{import:#}");
    }
    let left: Vec<_> = std::fs::read_dir(rig.data().join("imports"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let again = suppression(&rig, &["import", path, "--channel", "sms"]);
    let rest = u64::from(ROWS) - taken;
    let expected = format!("{ROWS} rows read, {rest} taken, {taken} in force already, 0 rejected");
    assert!(
        said(&again).contains(&expected),
        "{} {expected}",
        said(&again)
    );
    let newest = client.get("/v1/suppressions?to=13700000000").await;
    assert_eq!(newest["items"].as_array().unwrap().len(), 1);
}
