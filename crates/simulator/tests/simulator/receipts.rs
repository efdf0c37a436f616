//! Receipts: formats, acknowledgements, and everything that can go wrong with them.

use serde_json::Value;

use crate::rig::{Rig, Sink};

async fn rig(sink: &Sink, more: &str) -> Rig {
    let rig = Rig::new().await;
    let url = &sink.url;
    rig.behave(
        "default",
        &format!(r#"{{"receipts":{{"url":"{url}"{more}}}}}"#),
    )
    .await;
    rig
}

fn messages(count: usize) -> Vec<(String, &'static str)> {
    (0..count)
        .map(|n| (format!("dlv_{n:04}"), "+8613711112222"))
        .collect()
}

async fn send(rig: &Rig, count: usize) {
    let messages = messages(count);
    let messages: Vec<(&str, &str)> = messages.iter().map(|(r, to)| (r.as_str(), *to)).collect();
    assert_eq!(rig.send("/sim/send", &messages).await.unwrap().status, 200);
}

fn references(receipts: &[Value]) -> Vec<String> {
    receipts
        .iter()
        .map(|r| r["reference"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until the progress of the default behaviour is as wanted.
async fn settled(rig: &Rig, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let shown = rig.get("/control/behaviours/default").await.json();
        if wanted(&shown["receipts"]) {
            return shown["receipts"].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("never settled");
}

#[tokio::test]
async fn are_signed_batched_and_posted_once() {
    let mut sink = Sink::new(|_| (204, "")).await;
    let rig = rig(&sink, r#","token":"sesame""#).await;
    send(&rig, 250).await;
    let mut sizes = Vec::new();
    let mut all = Vec::new();
    while all.len() < 250 {
        let post = sink.next().await;
        let digest = {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"sesame");
            let tag = aws_lc_rs::hmac::sign(&key, post.body.as_bytes());
            tag.as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        assert!(
            post.head.contains(&format!("x-sim-signature: {digest}")),
            "{}",
            post.head
        );
        let receipts = post.json()["receipts"].as_array().unwrap().clone();
        sizes.push(receipts.len());
        all.extend(receipts);
    }
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    let mut seen = references(&all);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 250);
    assert_eq!(all[0]["status"], "delivered");
    assert_eq!(all[0]["code"], "DELIVRD");
    assert!(all[0]["at"].as_str().unwrap().ends_with('Z'));
    let reference = all[0]["reference"].as_str().unwrap();
    let known = rig
        .get(&format!("/sim/query?reference={reference}"))
        .await
        .json();
    assert_eq!(
        (&known["status"], &known["id"]),
        (&"delivered".into(), &all[0]["id"])
    );
    settled(&rig, |p| p["acknowledged"] == 250 && p["waiting"] == 0).await;
}

#[tokio::test]
async fn are_repeated_until_acknowledged() {
    let mut sink = Sink::new(|n| (if n < 2 { 500 } else { 200 }, "")).await;
    let rig = rig(&sink, r#","retry":{"first_ms":5}"#).await;
    send(&rig, 1).await;
    let bodies = [
        sink.next().await.body,
        sink.next().await.body,
        sink.next().await.body,
    ];
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);
    let progress = settled(&rig, |p| p["waiting"] == 0).await;
    assert_eq!(
        (&progress["acknowledged"], &progress["refused_posts"]),
        (&1.into(), &2.into())
    );
    assert!(sink.try_next().is_none());
}

#[tokio::test]
async fn are_given_up_after_the_last_attempt() {
    let sink = Sink::new(|_| (500, "")).await;
    let rig = rig(&sink, r#","retry":{"first_ms":1,"attempts":3}"#).await;
    send(&rig, 2).await;
    let progress = settled(&rig, |p| p["gave_up"] == 2).await;
    assert_eq!(progress["waiting"], 0);
}

#[tokio::test]
async fn are_lost_failed_doubled_and_contradicted_by_share() {
    let mut sink = Sink::new(|_| (200, "")).await;
    let rig = rig(
        &sink,
        r#","lose":0.2,"duplicate":0.2,"contradict":0.1,"fail":{"share":0.3,"code":"EXPIRED"}"#,
    )
    .await;
    send(&rig, 1_000).await;
    let progress = settled(&rig, |p| p["promised"] == 1_000 && p["waiting"] == 0).await;
    let lost = progress["lost"].as_u64().unwrap();
    assert!((150..250).contains(&lost), "{lost}");
    let all = sink
        .receipts(progress["acknowledged"].as_u64().unwrap() as usize)
        .await;
    let mut seen = references(&all);
    seen.sort();
    let posted = seen.len();
    seen.dedup();
    assert_eq!(seen.len() as u64, 1_000 - lost);
    assert!((170..320).contains(&(posted - seen.len())), "{posted}");
    let failed = all.iter().filter(|r| r["code"] == "EXPIRED").count();
    assert!((200..400).contains(&failed), "{failed}");
    assert!(
        all.iter()
            .all(|r| (r["status"] == "delivered") == (r["code"] == "DELIVRD"))
    );
}

#[tokio::test]
async fn come_before_the_answer_when_early() {
    let mut sink = Sink::new(|_| (200, "")).await;
    let rig = rig(&sink, r#","early":true"#).await;
    send(&rig, 1).await;
    assert!(
        sink.try_next().is_some(),
        "posted before the send call was answered"
    );
}

#[tokio::test]
async fn come_in_the_other_order() {
    let mut sink = Sink::new(|_| (200, "")).await;
    let rig = rig(&sink, r#","reorder_ms":100,"batch":1000"#).await;
    send(&rig, 50).await;
    let posts = sink.receipts(50).await;
    let mut sorted = references(&posts);
    sorted.sort();
    assert_ne!(references(&posts), sorted);
    assert_ne!(sorted[0], posts[0]["reference"]);
}

#[tokio::test]
async fn outlive_the_behaviour_that_promised_them() {
    let mut sink = Sink::new(|_| (200, "")).await;
    let rig = rig(&sink, r#","delay_ms":100"#).await;
    send(&rig, 3).await;
    rig.behave("default", "{}").await;
    assert_eq!(sink.receipts(3).await.len(), 3);
}

#[tokio::test]
async fn speak_the_format_of_tencent() {
    let body = r#"{"PhoneNumberSet":["+8613711112222"],"SmsSdkAppId":"1400006666","TemplateId":"1","SessionContext":"dlv_1"}"#;
    let headers = [("x-tc-action", "SendSms"), ("x-tc-version", "2021-01-11")];
    // The first answer is not what Tencent takes for an acknowledgement.
    let mut sink = Sink::new(|n| {
        (
            200,
            if n == 0 {
                "ok"
            } else {
                r#"{"result":0,"errmsg":"OK"}"#
            },
        )
    })
    .await;
    let rig = rig(&sink, r#","retry":{"first_ms":5},"across_midnight":true"#).await;
    let sent = rig.post("/tencent", &headers, body).await.json();
    sink.next().await;
    let receipt = sink.next().await.json();
    let receipt = &receipt[0];
    assert_eq!(
        receipt["sid"],
        sent["Response"]["SendStatusSet"][0]["SerialNo"]
    );
    assert_eq!(
        (&receipt["nationcode"], &receipt["mobile"]),
        (&"86".into(), &"13711112222".into())
    );
    assert_eq!(
        (&receipt["report_status"], &receipt["errmsg"]),
        (&"SUCCESS".into(), &"DELIVRD".into())
    );
    assert!(
        receipt["user_receive_time"]
            .as_str()
            .unwrap()
            .ends_with(" 00:00:01")
    );
    settled(&rig, |p| p["acknowledged"] == 1 && p["waiting"] == 0).await;
}

#[tokio::test]
async fn speak_the_format_of_aliyun() {
    let mut sink = Sink::new(|n| {
        (
            200,
            if n == 0 {
                r#"{"code":"0"}"#
            } else {
                r#"{"code":0,"msg":"接收成功"}"#
            },
        )
    })
    .await;
    let rig = rig(&sink, r#","retry":{"first_ms":5},"fail":{"share":1}"#).await;
    let headers = [("x-acs-action", "SendSms"), ("x-acs-version", "2017-05-25")];
    let query =
        "/aliyun?PhoneNumbers=13711112222,13711112223&SignName=s&TemplateCode=SMS_1&OutId=dlv_1";
    let sent = rig.post(query, &headers, "").await.json();
    sink.next().await;
    let receipts = sink.next().await.json();
    assert_eq!(receipts.as_array().unwrap().len(), 2);
    assert_eq!(receipts[0]["biz_id"], sent["BizId"]);
    assert_eq!(receipts[1]["biz_id"], sent["BizId"]);
    assert_eq!(receipts[1]["phone_number"], "13711112223");
    assert_eq!(
        (&receipts[0]["success"], &receipts[0]["err_code"]),
        (&false.into(), &"UNDELIV".into())
    );
    assert_eq!(
        (&receipts[0]["out_id"], &receipts[0]["sms_size"]),
        (&"dlv_1".into(), &"1".into())
    );
    settled(&rig, |p| p["acknowledged"] == 2 && p["waiting"] == 0).await;
}

#[tokio::test]
async fn speak_the_format_of_yunpian_and_go_where_the_call_says() {
    let elsewhere = Sink::new(|_| (500, "")).await;
    let mut sink = Sink::new(|n| (200, if n == 0 { "OK" } else { "SUCCESS" })).await;
    let rig = rig(&elsewhere, r#","retry":{"first_ms":5}"#).await;
    let url: String = url::form_urlencoded::byte_serialize(sink.url.as_bytes()).collect();
    let body = format!("apikey=k&mobile=13711112222&text=hi&uid=dlv_1&callback_url={url}");
    let sent = rig
        .post("/yunpian/v2/sms/single_send.json", &[], &body)
        .await
        .json();
    sink.next().await;
    let post = sink.next().await;
    assert!(post.head.contains("application/x-www-form-urlencoded"));
    let (name, list) = url::form_urlencoded::parse(post.body.as_bytes())
        .next()
        .unwrap();
    assert_eq!(name, "sms_status");
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (&list[0]["sid"], &list[0]["uid"]),
        (&sent["sid"], &"dlv_1".into())
    );
    assert_eq!(
        (&list[0]["report_status"], &list[0]["error_msg"]),
        (&"SUCCESS".into(), &"DELIVRD".into())
    );
    settled(&rig, |p| p["acknowledged"] == 1 && p["waiting"] == 0).await;
}
