//! Receipts that are fetched from an imitated vendor: each is handed out once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::Rig;

const PULLED: &str = r#"{"receipts":{"pull":true,"fail":{"share":1.0,"code":"UNDELIV"}}}"#;

/// Fetches until something is there.
async fn fetched(fetch: impl AsyncFn() -> Value) -> Value {
    for _ in 0..200 {
        let found = fetch().await;
        if found.as_array().is_some_and(|found| !found.is_empty()) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing to fetch");
}

#[tokio::test]
async fn yunpian_hands_each_status_out_once() {
    let rig = Rig::new().await;
    rig.behave("default", PULLED).await;
    let sent = rig
        .post(
            "/yunpian/v2/sms/single_send.json",
            &[],
            "apikey=k&mobile=13711112222&text=hi&uid=dlv_1",
        )
        .await;
    let path = "/yunpian/v2/sms/pull_status.json";
    let fetch = async || rig.post(path, &[], "apikey=k&page_size=100").await.json();
    let found = fetched(fetch).await;
    assert_eq!(found[0]["sid"], sent.json()["sid"]);
    assert_eq!(found[0]["uid"], "dlv_1");
    assert_eq!(found[0]["mobile"], "13711112222");
    assert_eq!(found[0]["report_status"], "FAIL");
    assert_eq!(found[0]["error_msg"], "UNDELIV");
    assert_eq!(fetch().await, json!([]), "once");
    let refused = rig.post(path, &[], "apikey=k&page_size=101").await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!(2)));
}

#[tokio::test]
async fn tencent_hands_each_status_out_once() {
    let rig = Rig::new().await;
    rig.behave("default", PULLED).await;
    let call = async |action: &str, body: &Value| {
        let headers = [("x-tc-action", action), ("x-tc-version", "2021-01-11")];
        let answer = rig.post("/tencent/", &headers, &body.to_string()).await;
        answer.json()["Response"].clone()
    };
    let send = json!({"PhoneNumberSet": ["+8613711112222"], "SmsSdkAppId": "1400006666",
        "TemplateId": "1", "TemplateParamSet": ["4370"], "SessionContext": "dlv_1"});
    let sent = call("SendSms", &send).await;
    let pull = json!({"Limit": 100, "SmsSdkAppId": "1400006666"});
    let fetch = async || call("PullSmsSendStatus", &pull).await["PullSmsSendStatusSet"].clone();
    let found = fetched(&fetch).await;
    assert_eq!(found[0]["SerialNo"], sent["SendStatusSet"][0]["SerialNo"]);
    assert_eq!(found[0]["SessionContext"], "dlv_1");
    assert_eq!(found[0]["PhoneNumber"], "+8613711112222");
    assert_eq!(found[0]["ReportStatus"], "FAIL");
    assert!(found[0]["UserReceiveTime"].is_i64());
    assert_eq!(fetch().await, json!([]), "once");
    let wrong = json!({"Limit": 0, "SmsSdkAppId": "1400006666"});
    let refused = call("PullSmsSendStatus", &wrong).await;
    assert_eq!(refused["Error"]["Code"], "InvalidParameterValue");
}
