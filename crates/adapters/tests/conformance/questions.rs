//! Questions: what each vendor is asked, and what its answers mean.

use austin_adapter_api::question::{Answer, Asking, Found, Pulled, Question, Subject};
use austin_adapter_api::{Fault, FaultKind, HttpRequest, Outcome, Phase, Receipt, Reply, State};
use austin_domain::{Timestamp, Verdict};
use serde_json::{Value, json};

use super::support::*;

const SECRET: &str = "0123456789abcdef-S3CRET";

fn case(name: &str) -> Case {
    let (settings, secrets): (Value, &[&str]) = match name {
        "twilio-sms" => (
            json!({"account_sid": "AC1", "from": "+15005550006"}),
            &["auth_token"],
        ),
        "volcengine-sms" => (
            json!({"sms_account": "A1", "sign": "s", "template_id": "ST_1"}),
            &["access_key_id", "secret_access_key"],
        ),
        "tencent-sms" => (
            json!({"sdk_app_id": "1400006666"}),
            &["secret_id", "secret_key"],
        ),
        "aliyun-sms" => (json!({}), &["access_key_id", "access_key_secret"]),
        _ => (json!({}), &["apikey"]),
    };
    let secrets: Vec<_> = secrets.iter().map(|name| (*name, SECRET)).collect();
    Case::new(
        name,
        account(settings, &secrets),
        batch(&MAINLAND[..1], &[], text("x")),
    )
}

/// About a message to the first mainland number, sent at 2026-01-02T00:04:05+08:00.
fn query(vendor_id: Option<&str>) -> Question {
    Question::Query(Subject {
        reference: "dlv_1".into(),
        to: MAINLAND[0].into(),
        vendor_id: vendor_id.map(str::to_owned),
        sent_at: Timestamp::from_seconds(1_767_283_445),
    })
}

fn pull() -> Question {
    Question::Pull {
        cursor: State::default(),
    }
}

fn asked(name: &str, question: &Question) -> HttpRequest {
    let case = case(name);
    match case.adapter.ask(&case.account, question, &context()) {
        Asking::Call { call, .. } => as_http(call),
        other => panic!("{other:?}"),
    }
}

fn answer(name: &str, question: &Question, reply: Reply) -> Answer {
    let case = case(name);
    let state = State::default();
    let context = context();
    match case
        .adapter
        .answer(&case.account, question, state, reply, &context)
    {
        Asking::Done(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn found(name: &str, vendor_id: Option<&str>, body: &Value) -> Found {
    match answer(name, &query(vendor_id), http(200, body.to_string())) {
        Answer::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

/// The receipt of a known delivery, and the vendor's id of it.
fn known(name: &str, vendor_id: Option<&str>, body: &Value) -> (Option<Receipt>, Option<String>) {
    match found(name, vendor_id, body) {
        Found::Known {
            acceptance,
            receipt,
        } => (receipt.map(|receipt| *receipt), acceptance.vendor_id),
        other => panic!("{other:?}"),
    }
}

fn unclear(found: &Found) -> &str {
    match found {
        Found::Unclear(cause) => &cause.code,
        other => panic!("{other:?}"),
    }
}

fn failed(answer: &Answer) -> (&'static str, &str) {
    match answer {
        Answer::Failed(verdict) => word_and_code(verdict),
        other => panic!("{other:?}"),
    }
}

fn pulled(name: &str, body: &str) -> Pulled {
    match answer(name, &pull(), http(200, body.to_owned())) {
        Answer::Receipts(pulled) => pulled,
        other => panic!("{other:?}"),
    }
}

#[test]
fn twilio_fetches_a_message() {
    let question = query(Some("SM1/../x"));
    let request = asked("twilio-sms", &question);
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.url,
        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/SM1%2F..%2Fx.json"
    );
    assert!(request.headers.contains_key("authorization"));

    let message = json!({"sid": "SM1", "status": "undelivered", "error_code": 30003,
        "error_message": "off", "num_segments": "2", "price": "-0.00790", "price_unit": "USD"});
    match found("twilio-sms", Some("SM1"), &message) {
        Found::Known {
            acceptance,
            receipt,
        } => {
            assert_eq!((acceptance.segments, acceptance.cost), (Some(2), Some(79)));
            let receipt = receipt.unwrap();
            assert_eq!(
                (receipt.key.as_deref(), receipt.reference.as_deref()),
                (Some("SM1"), Some("dlv_1"))
            );
            assert_eq!(
                (
                    receipt.outcome,
                    receipt.code.as_str(),
                    receipt.detail.as_str()
                ),
                (Outcome::Undelivered, "30003", "off")
            );
        }
        other => panic!("{other:?}"),
    }
    let on_its_way = json!({"sid": "SM1", "status": "sent", "price": null});
    assert_eq!(
        known("twilio-sms", Some("SM1"), &on_its_way),
        (None, Some("SM1".into()))
    );
    let absent = http(404, r#"{"code":20404,"message":"not found","status":404}"#);
    match answer("twilio-sms", &query(Some("SM1")), absent) {
        Answer::Found(found) => assert_eq!(unclear(&found), "20404"),
        other => panic!("{other:?}"),
    }
    let wrong = http(401, r#"{"code":20003,"message":"no","status":401}"#);
    let wrong = answer("twilio-sms", &query(Some("SM1")), wrong);
    assert_eq!(failed(&wrong), ("misconfigured", "20003"));
}

#[test]
fn volcengine_lists_a_message() {
    let request = asked("volcengine-sms", &query(Some("bde1b10d")));
    assert_eq!(
        request.url,
        "https://sms.volcengineapi.com/?Action=GetSmsSendDetails&Version=2021-01-11"
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    // The day in Beijing.
    assert_eq!(
        body,
        json!({"subAccount": "A1", "phoneNumber": "13711112222", "messageId": "bde1b10d",
               "sendDate": "20260102", "pageIndex": 1, "pageSize": 10})
    );
    let listed = |status: i64, id: &str| {
        json!({"Result": {"total": 1, "sendDetailsResults": [
            {"status": status, "errorCode": "NE:0100", "errorMessage": "空号", "messageId": id,
             "msgCount": 2, "receiptTime": 1_713_951_925_706_i64}]}})
    };
    for (status, outcome) in [
        (1, None),
        (2, Some(Outcome::Undelivered)),
        (3, Some(Outcome::Delivered)),
        (4, Some(Outcome::Delivered)),
        (5, Some(Outcome::Delivered)),
        (9, None),
    ] {
        let (receipt, id) = known("volcengine-sms", Some("m1"), &listed(status, "m1"));
        assert_eq!(id.as_deref(), Some("m1"));
        assert_eq!(receipt.as_ref().map(|r| r.outcome), outcome, "{status}");
        if let Some(receipt) = receipt {
            assert_eq!(
                (receipt.code.as_str(), receipt.segments),
                ("NE:0100", Some(2))
            );
            assert_eq!(receipt.at.unwrap().millis(), 1_713_951_925_706);
        }
    }
    for other in [listed(3, "m2"), json!({"Result": {"total": 0}})] {
        assert_eq!(
            unclear(&found("volcengine-sms", Some("m1"), &other)),
            "not_listed"
        );
    }
    let error = json!({"ResponseMetadata": {"Error": {"Code": "RE:0009", "Message": "no"}}});
    let refused = answer(
        "volcengine-sms",
        &query(Some("m1")),
        http(200, error.to_string()),
    );
    assert_eq!(failed(&refused), ("later", "RE:0009"));
}

#[test]
fn without_a_vendor_id_some_vendors_cannot_be_asked() {
    for name in ["twilio-sms", "volcengine-sms"] {
        let case = case(name);
        match case.adapter.ask(&case.account, &query(None), &context()) {
            Asking::Done(Answer::Found(found)) => assert_eq!(unclear(&found), "no_vendor_id"),
            other => panic!("{other:?}"),
        }
    }
}

fn tencent_statuses() -> Value {
    json!({"Response": {"RequestId": "r", "PullSmsSendStatusSet": [
        {"UserReceiveTime": 1_767_283_450, "CountryCode": "86", "SubscriberNumber": "13711112222",
         "PhoneNumber": "+8613711112222", "SerialNo": "5000:1", "ReportStatus": "SUCCESS",
         "Description": "DELIVRD", "SessionContext": "dlv_1"},
        {"UserReceiveTime": 0, "SerialNo": "5000:2", "ReportStatus": "FAIL",
         "Description": "空号", "SessionContext": "call_ab"},
        {"ReportStatus": "FAIL"}]}})
}

#[test]
fn tencent_hands_out_statuses() {
    let request = asked("tencent-sms", &pull());
    assert_eq!(request.headers["x-tc-action"], "PullSmsSendStatus");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"Limit": 100, "SmsSdkAppId": "1400006666"}));
    let read = pulled("tencent-sms", &tencent_statuses().to_string());
    assert!(!read.more && read.cursor == State::default());
    let [first, second, third] = &read.receipts[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (
            first.key.as_deref(),
            first.reference.as_deref(),
            first.outcome
        ),
        (Some("5000:1"), Some("dlv_1"), Outcome::Delivered)
    );
    assert_eq!(first.at, Some(Timestamp::from_seconds(1_767_283_450)));
    assert_eq!(
        (second.reference.as_deref(), second.outcome, second.at),
        (None, Outcome::Undelivered, None)
    );
    // Not handed out again: kept, though it matches nothing.
    assert_eq!(third.detail, "entry 2: has no SerialNo");
    assert!(third.raw.contains("FAIL"));

    let full = vec![json!({"SerialNo": "1", "ReportStatus": "FAIL"}); 100];
    let full = json!({"Response": {"PullSmsSendStatusSet": full}});
    assert!(pulled("tencent-sms", &full.to_string()).more);
    for none in [
        r#"{"Response":{"RequestId":"r"}}"#,
        r#"{"Response":{"RequestId":"r","PullSmsSendStatusSet":[]}}"#,
    ] {
        assert!(pulled("tencent-sms", none).receipts.is_empty());
    }
    let limit = json!({"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}});
    let limit = answer("tencent-sms", &pull(), http(200, limit.to_string()));
    assert_eq!(failed(&limit), ("throttled", "RequestLimitExceeded"));
}

#[test]
fn tencent_knows_a_message_by_its_id_or_our_reference() {
    let request = asked("tencent-sms", &query(None));
    assert_eq!(
        request.headers["x-tc-action"],
        "PullSmsSendStatusByPhoneNumber"
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        json!({"BeginTime": 1_767_283_145, "EndTime": 1_767_323_045, "Offset": 0, "Limit": 100,
               "PhoneNumber": "+8613711112222", "SmsSdkAppId": "1400006666"})
    );
    for (id, key, outcome) in [
        (None, "5000:1", Outcome::Delivered),
        (Some("5000:2"), "5000:2", Outcome::Undelivered),
    ] {
        let (receipt, vendor_id) = known("tencent-sms", id, &tencent_statuses());
        let receipt = receipt.unwrap();
        assert_eq!(
            (receipt.key.as_deref(), receipt.outcome),
            (Some(key), outcome)
        );
        assert_eq!(receipt.reference.as_deref(), Some("dlv_1"));
        assert_eq!(vendor_id.as_deref(), Some(key));
    }
    let other = found("tencent-sms", Some("5000:3"), &tencent_statuses());
    assert_eq!(unclear(&other), "no_status");
}

#[test]
fn aliyun_lists_a_message() {
    let request = asked("aliyun-sms", &query(Some("9^0")));
    assert_eq!(request.headers["x-acs-action"], "QuerySendDetails");
    assert_eq!(
        request.body,
        "PhoneNumber=13711112222&SendDate=20260102&PageSize=50&CurrentPage=1&BizId=9%5E0"
    );
    let listed = |statuses: &[(i64, &str)]| {
        let details: Vec<Value> = statuses
            .iter()
            .map(|(status, out_id)| {
                json!({"PhoneNum": "13711112222", "SendStatus": status, "ErrCode": "DELIVERED",
                       "SendDate": "2026-01-02 00:04:05", "ReceiveDate": "2026-01-02 00:04:06",
                       "OutId": out_id})
            })
            .collect();
        json!({"Code": "OK", "Message": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": details}})
    };
    for (status, outcome) in [
        (1, None),
        (2, Some(Outcome::Undelivered)),
        (3, Some(Outcome::Delivered)),
    ] {
        let (receipt, id) = known("aliyun-sms", Some("9^0"), &listed(&[(status, "call_ab")]));
        assert_eq!(id.as_deref(), Some("9^0"));
        assert_eq!(receipt.as_ref().map(|r| r.outcome), outcome);
        if let Some(receipt) = receipt {
            assert_eq!(receipt.key.as_deref(), Some("9^0/13711112222"));
            assert_eq!(receipt.at, Some("2026-01-01T16:04:06Z".parse().unwrap()));
        }
    }
    // Without the vendor's id, by our reference among the day's messages of the number.
    let day = listed(&[(2, "dlv_0"), (3, "dlv_1")]);
    let (receipt, id) = known("aliyun-sms", None, &day);
    let receipt = receipt.unwrap();
    assert_eq!(
        (receipt.outcome, receipt.key, id),
        (Outcome::Delivered, None, None)
    );
    assert_eq!(
        unclear(&found("aliyun-sms", None, &listed(&[(2, "dlv_0")]))),
        "not_listed"
    );
    assert_eq!(unclear(&found("aliyun-sms", Some("9^0"), &day)), "several");
    let limit = json!({"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "x"});
    let limit = answer("aliyun-sms", &query(None), http(200, limit.to_string()));
    assert_eq!(failed(&limit), ("later", "isv.BUSINESS_LIMIT_CONTROL"));
}

#[test]
fn yunpian_hands_out_statuses_and_the_balance() {
    let request = asked("yunpian-sms", &pull());
    assert_eq!(
        request.url,
        "https://sms.yunpian.com/v2/sms/pull_status.json"
    );
    assert_eq!(request.body, format!("apikey={SECRET}&page_size=100"));
    let body = r#"[{"error_detail":"","sid":9223372036854775807,"uid":"dlv_1",
        "user_receive_time":"2026-01-02 03:04:05","error_msg":"DELIVRD","mobile":"13711112222",
        "report_status":"SUCCESS"},7]"#;
    let read = pulled("yunpian-sms", body);
    assert!(!read.more);
    assert_eq!(read.receipts[0].key.as_deref(), Some("9223372036854775807"));
    assert_eq!(read.receipts[0].outcome, Outcome::Delivered);
    assert_eq!(read.receipts[1].detail, "entry 1: has no sid");
    assert!(pulled("yunpian-sms", "[]").receipts.is_empty());

    let request = asked("yunpian-sms", &Question::Balance);
    assert_eq!(request.url, "https://sms.yunpian.com/v2/user/get.json");
    let balance = |body: &str| {
        answer(
            "yunpian-sms",
            &Question::Balance,
            http(200, body.to_owned()),
        )
    };
    for (body, amount) in [
        (r#"{"nick":"x","balance":98.0525}"#, 980_525),
        (r#"{"balance":"1000"}"#, 10_000_000),
    ] {
        match balance(body) {
            Answer::Balance(balance) => {
                assert_eq!((balance.amount, balance.unit.as_str()), (amount, "CNY"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed(&balance(r#"{"nick":"x"}"#)).0, "later");
    let wrong = http(400, r#"{"code":-1,"msg":"非法的apikey"}"#);
    let wrong = answer("yunpian-sms", &Question::Balance, wrong);
    assert_eq!(failed(&wrong), ("misconfigured", "-1"));
}

#[test]
fn what_fails_is_about_the_account_only() {
    for name in [
        "twilio-sms",
        "volcengine-sms",
        "tencent-sms",
        "aliyun-sms",
        "yunpian-sms",
    ] {
        let query = query(Some("m1"));
        let question = if name == "yunpian-sms" { pull() } else { query };
        let fault = |phase, kind| {
            Reply::Fault(Fault {
                phase,
                kind,
                detail: format!("{SECRET} 13711112222"),
            })
        };
        for (reply, expected) in [
            (fault(Phase::MaybeSent, FaultKind::TimedOut), "later"),
            (fault(Phase::NotSent, FaultKind::Connect), "later"),
            (fault(Phase::NotSent, FaultKind::Forbidden), "misconfigured"),
            (Reply::Token("x".into()), "later"),
            (http(200, "<html>"), "later"),
            (http(302, ""), "misconfigured"),
            (http(401, "<html>"), "misconfigured"),
            (http(429, "<html>"), "throttled"),
            (http(500, format!("{SECRET} 13711112222")), "later"),
        ] {
            let answer = answer(name, &question, reply);
            assert_eq!(failed(&answer).0, expected, "{name} {answer:?}");
            let shown = format!("{answer:?}");
            assert!(!shown.contains(SECRET), "{name}: {shown}");
            let queried = matches!(question, Question::Query(_));
            assert!(
                !queried || !shown.contains("13711112222"),
                "{name}: {shown}"
            );
        }
    }
}

#[test]
fn what_cannot_be_asked_is_not_declared() {
    for adapter in austin_adapters::registry() {
        let descriptor = adapter.descriptor();
        let can = descriptor.capabilities;
        let mut case = case(&descriptor.name);
        // The simulator asks only where its account says so.
        for name in ["query", "pull"] {
            case.account.settings.insert(name.into(), true.into());
        }
        let subject = match query(Some("m1")) {
            Question::Query(subject) => subject,
            other => panic!("{other:?}"),
        };
        for (question, declared) in [
            (pull(), can.pull),
            (Question::Query(subject.clone()), can.query),
            (Question::Recall(subject), can.recall),
            (Question::Balance, can.balance),
        ] {
            let asking = adapter.ask(&case.account, &question, &context());
            let unsupported = matches!(asking, Asking::Done(Answer::Unsupported));
            assert_eq!(!unsupported, declared, "{} {question:?}", descriptor.name);
            let garbage = http(
                200,
                r#"{"status":7,"Code":"OK","Response":[],"balance":{}}"#,
            );
            let state = State::default();
            let asking = adapter.answer(&case.account, &question, state, garbage, &context());
            if let Asking::Done(Answer::Failed(verdict)) = asking {
                let is_account_s = matches!(
                    verdict,
                    Verdict::Later { .. } | Verdict::Throttled { .. } | Verdict::Misconfigured(_)
                );
                assert!(is_account_s, "{verdict:?}");
            }
        }
    }
}
