use austin_adapter_api::{Attachment, Outcome, Receipts, Refused};
use austin_domain::{Content, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::support::*;

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:mail";

fn case() -> Case {
    let settings = json!({
        "region": "us-east-1", "from": "shop@example.com", "from_name": "商城",
        "configuration_set_name": "austin", "topic_arn": TOPIC,
    });
    let secrets = [
        ("access_key_id", "AKIDEXAMPLE"),
        (
            "secret_access_key",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        ),
    ];
    let content = Content::Email {
        subject: "s".into(),
        html: None,
        text: Some("t".into()),
    };
    Case::new(
        "aws-ses-email",
        account(settings, &secrets),
        batch(&["li.lei@corp.example"], &[], content),
    )
}

fn body(case: &Case) -> Value {
    serde_json::from_slice(&case.request().body).unwrap()
}

fn message(case: &Case) -> String {
    let data = body(case)["Content"]["Raw"]["Data"]
        .as_str()
        .unwrap()
        .to_owned();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

/// The signature was computed by an independent script.
#[test]
fn golden_request() {
    let expected = r#"POST https://email.us-east-1.amazonaws.com/v2/email/outbound-emails
accept: application/json
authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=4ce22e783abb15076866d666c8ed43cb03b839332f3197b3f26f6553d3048711
content-type: application/json
x-amz-date: 20260102T030405Z

{"ConfigurationSetName":"austin","Content":{"Raw":{"Data":"DATA"}},"Destination":{"ToAddresses":["li.lei@corp.example"]},"EmailTags":[{"Name":"austin_delivery","Value":"dlv_1"}],"FromEmailAddress":"shop@example.com"}"#;
    let case = case();
    let data = STANDARD.encode(message(&case));
    assert_eq!(wire(&case.request()), expected.replace("DATA", &data));
    let message = message(&case);
    for line in [
        "From: =?utf-8?b?5ZWG5Z+O?= <shop@example.com>\r\n",
        "To: li.lei@corp.example\r\n",
        "X-Austin-Delivery: dlv_1\r\n",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn attachments_go_along() {
    let mut case = case();
    case.batch.attachments = [Attachment {
        name: "a.pdf".into(),
        content_type: "application/pdf".into(),
        data: vec![0, 159, 146, 150].into(),
    }]
    .into();
    assert!(message(&case).contains("AJ+Slg=="), "{}", message(&case));
}

#[test]
fn where_and_as_whom() {
    let mut case = case();
    case.account
        .settings
        .insert("endpoint".into(), "http://127.0.0.1:8080/a/x".into());
    case.account
        .secrets
        .insert("session_token".into(), "T0ken".into());
    let request = case.request();
    assert_eq!(
        request.url,
        "http://127.0.0.1:8080/a/x/v2/email/outbound-emails"
    );
    assert_eq!(request.headers["x-amz-security-token"], "T0ken");
    case.account
        .settings
        .insert("region".into(), "us east/".into());
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "bad_setting")
    );
    case.account.settings.remove("region");
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "missing_field")
    );
}

#[test]
fn each_person_has_a_call() {
    let mut case = case();
    case.batch = batch(
        &["a@corp.example", "b@corp.example"],
        &[],
        Content::Email {
            subject: "s".into(),
            html: None,
            text: Some("t".into()),
        },
    );
    let mut number = 0;
    let (verdicts, calls) = case.drive(|_| {
        number += 1;
        http(
            200,
            json!({"MessageId": format!("0100-{number}")}).to_string(),
        )
    });
    assert_eq!(calls, 2);
    let ids: Vec<Option<String>> = verdicts
        .into_iter()
        .map(|verdict| match verdict {
            Verdict::Accepted(acceptance) => acceptance.vendor_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [Some("0100-1".to_owned()), Some("0100-2".to_owned())]);
}

const CODES: &[(&str, &[&str])] = &[
    (
        "throttled",
        &[
            "TooManyRequestsException",
            "ThrottlingException",
            "Throttling",
        ],
    ),
    (
        "misconfigured",
        &[
            "AccountSuspendedException",
            "SendingPausedException",
            "MailFromDomainNotVerifiedException",
            "LimitExceededException",
            "NotFoundException",
            "AccessDeniedException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
            "ExpiredTokenException",
            "NotAuthorized",
            "OptInRequired",
            "RequestExpired",
        ],
    ),
    (
        "elsewhere",
        &[
            "MessageRejected",
            "BadRequestException",
            "ValidationException",
            "NeverHeardOfException",
        ],
    ),
    (
        "later",
        &[
            "InternalFailure",
            "InternalServerException",
            "InternalServiceErrorException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ],
    ),
];

#[test]
fn every_exception() {
    for (expected, codes) in CODES {
        for code in *codes {
            let header: &'static str =
                Box::leak(format!("{code}:http://internal.amazon.example/x").into_boxed_str());
            let (verdicts, _) = case()
                .drive(|_| http_with(400, ("x-amzn-errortype", header), r#"{"message":"said"}"#));
            assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
            let detail = &verdicts[0].cause().unwrap().detail;
            assert!(detail.ends_with("said"), "{detail}");
            let body = json!({"__type": format!("com.amazonaws.sesv2#{code}"), "Message": "said"});
            let verdicts = case().answered(400, &body);
            assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
        }
    }
    let odd = json!({"__type": "NeverHeardOf"});
    assert_eq!(words(&case().answered(502, &odd)), ["unknown"]);
    assert_eq!(words(&case().answered(200, &json!({}))), ["unknown"]);
}

fn notification(event: &Value) -> Value {
    json!({
        "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification", "Message": event.to_string(),
        "Timestamp": "2026-01-02T03:04:09.000Z", "SignatureVersion": "1", "Signature": "AAAA",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    })
}

fn post(body: &Value) -> Result<Receipts, Refused> {
    case().receipts(body.to_string().as_bytes())
}

fn event(kind: &str, name: &str, about: Value) -> Value {
    json!({
        "eventType": kind, name: about,
        "mail": {"timestamp": "2026-01-02T03:04:05.000Z", "messageId": "0100-1",
                 "destination": ["li.lei@corp.example"],
                 "tags": {"ses:operation": ["SendEmail"], "austin_delivery": ["dlv_1"]}},
    })
}

#[test]
fn a_bounce_and_a_delivery() {
    let bounce = event(
        "Bounce",
        "bounce",
        json!({
            "bounceType": "Permanent", "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "li.lei@corp.example", "action": "failed",
                "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
            "timestamp": "2026-01-02T03:04:07.000Z",
        }),
    );
    let read = post(&notification(&bounce)).unwrap();
    let receipt = &read.receipts[0];
    assert_eq!(
        (
            receipt.key.as_deref(),
            receipt.reference.as_deref(),
            receipt.outcome
        ),
        (Some("0100-1"), Some("dlv_1"), Outcome::Undelivered)
    );
    assert_eq!(
        (receipt.code.as_str(), receipt.detail.as_str()),
        (
            "5.1.1",
            "Bounce: Permanent, General, smtp; 550 5.1.1 user unknown"
        )
    );
    assert_eq!(receipt.at, Some("2026-01-02T03:04:07Z".parse().unwrap()));
    let delivery = event(
        "Delivery",
        "delivery",
        json!({
            "timestamp": "2026-01-02T03:04:06.000Z", "smtpResponse": "250 2.6.0 Message received",
        }),
    );
    let receipt = post(&notification(&delivery)).unwrap().receipts.remove(0);
    assert_eq!(
        (
            receipt.outcome,
            receipt.code.as_str(),
            receipt.detail.as_str()
        ),
        (
            Outcome::Delivered,
            "Delivery",
            "Delivery: 250 2.6.0 Message received"
        )
    );
}

#[test]
fn every_event() {
    for (kind, name, outcome) in [
        ("Send", "send", Outcome::Pending),
        ("Delivery", "delivery", Outcome::Delivered),
        ("Bounce", "bounce", Outcome::Undelivered),
        ("Complaint", "complaint", Outcome::Pending),
        ("Reject", "reject", Outcome::Undelivered),
        ("Rendering Failure", "failure", Outcome::Undelivered),
        ("DeliveryDelay", "deliveryDelay", Outcome::Pending),
        ("Open", "open", Outcome::Pending),
        ("Click", "click", Outcome::Pending),
        ("Subscription", "subscription", Outcome::Pending),
        ("Never Heard Of", "x", Outcome::Pending),
    ] {
        let event = event(kind, name, json!({}));
        let receipt = post(&notification(&event)).unwrap().receipts.remove(0);
        assert_eq!((receipt.outcome, receipt.code.as_str()), (outcome, kind));
        assert_eq!(receipt.at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    }
    // An identity's own notifications name it otherwise and carry no tags.
    let old = json!({"notificationType": "Bounce", "mail": {"messageId": "0100-1"}});
    let receipt = post(&notification(&old)).unwrap().receipts.remove(0);
    assert_eq!(
        (receipt.outcome, receipt.reference),
        (Outcome::Undelivered, None)
    );
}

#[test]
fn raw_message_delivery() {
    let mut case = case();
    case.account.settings.remove("topic_arn");
    let event = event("Delivery", "delivery", json!({}));
    let read = case.receipts(event.to_string().as_bytes()).unwrap();
    assert_eq!(read.receipts[0].outcome, Outcome::Delivered);
    assert_eq!(post(&event).unwrap_err().detail, "TopicArn is missing");
}

#[test]
fn a_subscription_is_confirmed_by_the_operator() {
    let confirmation = |url: &str| {
        json!({
            "Type": "SubscriptionConfirmation", "MessageId": "m-1", "Token": "2336412f37",
            "TopicArn": TOPIC, "Message": "You have chosen to subscribe", "SubscribeURL": url,
            "Timestamp": "2026-01-02T03:04:05.000Z",
        })
    };
    let url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37";
    let read = post(&confirmation(url)).unwrap();
    assert!(read.notice.unwrap().ends_with(url));
    assert_eq!(
        (read.receipts[0].outcome, read.receipts[0].code.as_str()),
        (Outcome::Pending, "SubscriptionConfirmation")
    );
    assert_eq!(read.receipts[0].reference, None);
    for url in [
        "http://sns.us-east-1.amazonaws.com/",
        "https://sns.us-east-1.amazonaws.com.evil.example/",
        "https://evil.example/sns.us-east-1.amazonaws.com",
        "https://sns.us-east-1.amazonaws.com:8443/",
        "https://sns..amazonaws.com/",
        "nonsense",
    ] {
        assert_eq!(
            post(&confirmation(url)).unwrap_err().status.as_u16(),
            401,
            "{url}"
        );
    }
    let gone = json!({"Type": "UnsubscribeConfirmation", "MessageId": "m-2", "TopicArn": TOPIC});
    assert_eq!(
        post(&gone).unwrap().receipts[0].code,
        "UnsubscribeConfirmation"
    );
}

#[test]
fn what_is_no_event_of_the_topic_is_refused() {
    let with = |name: &str, value: &str| {
        let mut body = notification(&event("Delivery", "delivery", json!({})));
        body[name] = value.into();
        body
    };
    for (body, status) in [
        (json!(7), 401),
        (
            with("TopicArn", "arn:aws:sns:us-east-1:999999999999:mail"),
            401,
        ),
        (with("SigningCertURL", "https://evil.example/x.pem"), 401),
        (with("Type", "Surprise"), 400),
        (with("Message", "Successfully validated SNS topic"), 400),
        (with("Message", "{}"), 400),
        (with("Message", r#"{"eventType":"Delivery"}"#), 400),
    ] {
        assert_eq!(post(&body).unwrap_err().status.as_u16(), status, "{body}");
    }
    assert_eq!(case().receipts(b"<xml>").unwrap_err().status.as_u16(), 400);
}
