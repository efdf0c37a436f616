use austin_domain::{Class, Verdict};
use serde_json::json;

use super::support::*;

fn case(to: &[&str]) -> Case {
    let secrets = [
        ("access_key_id", "AKIDEXAMPLE"),
        (
            "secret_access_key",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        ),
    ];
    Case::new(
        "aws-sns-sms",
        account(json!({"region": "us-east-1"}), &secrets),
        batch(to, &[("code", "4370")], text("Your code is 4370")),
    )
}

fn attributes(case: &Case) -> Vec<(String, String)> {
    let request = case.request();
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let value = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    (1..)
        .map_while(|n| {
            let entry = format!("MessageAttributes.entry.{n}");
            let kind = value(&format!("{entry}.Value.DataType"));
            let name = value(&format!("{entry}.Name"))?;
            let number = name == "AWS.SNS.SMS.MaxPrice";
            assert_eq!(kind.unwrap(), if number { "Number" } else { "String" });
            Some((name, value(&format!("{entry}.Value.StringValue"))?))
        })
        .collect()
}

const PUBLISHED: &str = "<PublishResponse xmlns=\"https://sns.amazonaws.com/doc/2010-03-31/\">\
    <PublishResult><MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult>\
    <ResponseMetadata><RequestId>d74b8436</RequestId></ResponseMetadata></PublishResponse>";

fn refusal(code: &str, words: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <Error>\n    \
         <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{words}</Message>\n  </Error>\n  \
         <RequestId>1</RequestId>\n</ErrorResponse>\n"
    )
}

fn answered(status: u16, body: &str) -> Vec<Verdict> {
    case(&[ABROAD]).drive(|_| http(status, body.to_owned())).0
}

#[test]
fn golden_publish() {
    let expected = "\
POST https://sns.us-east-1.amazonaws.com/
authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=2e5aebfc744130ecc220e3d4315b9cd90e850b5937c8c43372ce12df1dd6216a
content-type: application/x-www-form-urlencoded; charset=utf-8
x-amz-date: 20260102T030405Z

Action=Publish&Version=2010-03-31&PhoneNumber=%2B14155550100&Message=Your%20code%20is%204370&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional";
    assert_eq!(wire(&case(&[ABROAD]).request()), expected);
}

#[test]
fn attributes_of_the_account_and_the_template() {
    let mut case = case(&[ABROAD]);
    case.batch.class = Class::Marketing;
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    assert_eq!(
        attributes(&case),
        [pair("AWS.SNS.SMS.SMSType", "Promotional")]
    );
    let settings = &mut case.account.settings;
    for (name, value) in [
        ("sms_type", "Transactional"),
        ("sender_id", "Acme"),
        ("origination_number", "+15005550006"),
        ("max_price", "0.50"),
        ("entity_id", "e1"),
    ] {
        settings.insert(name.into(), json!(value));
    }
    case.batch.vendor_template = Some(vendor_template("t1", Some("Shop"), None));
    let all = [
        pair("AWS.SNS.SMS.SMSType", "Transactional"),
        pair("AWS.SNS.SMS.SenderID", "Shop"),
        pair("AWS.MM.SMS.OriginationNumber", "+15005550006"),
        pair("AWS.SNS.SMS.MaxPrice", "0.50"),
        pair("AWS.MM.SMS.EntityId", "e1"),
        pair("AWS.MM.SMS.TemplateId", "t1"),
    ];
    assert_eq!(attributes(&case), all);
}

#[test]
fn regions_keys_and_endpoints() {
    let mut case = case(&[ABROAD]);
    case.account
        .secrets
        .insert("session_token".into(), "t0ken".into());
    let request = case.request();
    assert_eq!(request.headers["x-amz-security-token"], "t0ken");
    let authorization = request.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("host;x-amz-date;x-amz-security-token, "));
    let settings = &mut case.account.settings;
    settings.insert("region".into(), json!("evil.example/"));
    assert_eq!(
        word_and_code(&case.refused()[0]),
        ("misconfigured", "bad_region")
    );
    let settings = &mut case.account.settings;
    settings.insert("region".into(), json!("eu-west-1"));
    settings.insert("endpoint".into(), json!("http://127.0.0.1:9/sns"));
    let request = case.request();
    assert_eq!(request.url, "http://127.0.0.1:9/sns/");
    let authorization = request.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("/20260102/eu-west-1/sns/aws4_request,"));
}

#[test]
fn one_number_a_call() {
    let (verdicts, calls) = case(&[MAINLAND[0], ABROAD]).drive(|_| http(200, PUBLISHED));
    assert_eq!((words(&verdicts), calls), (vec!["accepted"; 2], 2));
    match &verdicts[0] {
        Verdict::Accepted(acceptance) => assert_eq!(
            acceptance.vendor_id.as_deref(),
            Some("567910cd-659e-55d4-8ccb-5aaf14679dc0")
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(words(&answered(500, PUBLISHED)), ["elsewhere"]);
}

/// The classes of the vendor's code lists, and what each means here.
const CODES: &[(&str, &[&str])] = &[
    (
        "later",
        &[
            "InternalError",
            "InternalFailure",
            "InternalServerException",
            "ServiceUnavailable",
        ],
    ),
    (
        "throttled",
        &[
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "KMSThrottling",
        ],
    ),
    ("bad_recipient", &["OptedOut"]),
    (
        "misconfigured",
        &[
            "AuthorizationError",
            "AccessDenied",
            "AccessDeniedException",
            "NotAuthorized",
            "OptInRequired",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "RequestExpired",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidSecurity",
            "ServiceQuotaExceededException",
            "ResourceNotFoundException",
            "NotFound",
            "KMSAccessDenied",
            "KMSDisabled",
            "KMSInvalidState",
            "KMSNotFound",
            "KMSOptInRequired",
        ],
    ),
    (
        "elsewhere",
        &[
            "InvalidParameter",
            "InvalidParameterValue",
            "ParameterValueInvalid",
            "ValidationException",
            "ValidationError",
            "ConflictException",
            "InvalidAction",
            "MissingAction",
            "MissingParameter",
            "MalformedQueryString",
            "EndpointDisabled",
            "PlatformApplicationDisabled",
            "NeverHeardOf",
        ],
    ),
];

#[test]
fn every_code() {
    for (expected, codes) in CODES {
        for code in *codes {
            let verdicts = answered(400, &refusal(code, "no"));
            assert_eq!(word_and_code(&verdicts[0]), (*expected, *code));
        }
    }
    assert_eq!(
        words(&answered(504, &refusal("NeverHeardOf", "no"))),
        ["unknown"]
    );
}

#[test]
fn the_words_tell_what_a_wrong_parameter_is_about() {
    for (words_given, expected) in [
        (
            "Invalid parameter: PhoneNumber Reason: +14155550100 is not valid to publish to",
            "bad_recipient",
        ),
        ("Phone number is opted out", "bad_recipient"),
        ("DESTINATION_PHONE_NUMBER_OPTED_OUT", "bad_recipient"),
        ("Invalid parameter: Message too long", "bad_content"),
        ("Invalid parameter: Empty message", "bad_content"),
        ("Invalid parameter: AWS.SNS.SMS.MaxPrice", "elsewhere"),
    ] {
        let verdicts = answered(400, &refusal("InvalidParameter", words_given));
        assert_eq!(words(&verdicts), [expected], "{words_given}");
        assert!(!format!("{verdicts:?}").contains("14155550100"));
    }
}
