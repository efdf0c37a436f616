//! The Publish request. Parameters travel in the form body, so that no number stands in a URL.

use austin_adapter_api::HttpRequest;
use austin_domain::verdict::Cause;
use austin_domain::{Class, Content, Verdict};
use http::header::ACCEPT;

use crate::endpoint::Endpoint;
use crate::post::{form, setting};
use crate::rounds::Job;
use crate::sigv4::{AwsTarget, aws_post};

const FORM_UTF8: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The signed request of one round, which has one item.
pub(super) fn publish(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        let cause = Cause::new("empty_round", "a call without recipients");
        return Err(Verdict::Elsewhere(cause));
    };
    let Content::Text { text } = item.content.as_ref() else {
        let cause = Cause::new("not_text", "an SMS needs text content");
        return Err(Verdict::BadContent(cause));
    };
    let mut fields: Vec<(String, &str)> = vec![
        ("Action".into(), "Publish"),
        ("Version".into(), "2010-03-31"),
        ("PhoneNumber".into(), &item.to),
        ("Message".into(), text),
    ];
    for (index, (name, kind, value)) in attributes(job).into_iter().enumerate() {
        let entry = format!("MessageAttributes.entry.{}", index + 1);
        fields.push((format!("{entry}.Name"), name));
        fields.push((format!("{entry}.Value.DataType"), kind));
        fields.push((format!("{entry}.Value.StringValue"), value));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let region = region(job)?;
    let endpoint = Endpoint::of(job.account, &format!("https://sns.{region}.amazonaws.com"))?;
    let target = AwsTarget {
        endpoint: &endpoint,
        path: "/",
        service: "sns",
        region,
    };
    let mut request = aws_post(job, &target, FORM_UTF8, form(&fields).into_bytes())?;
    // Asked for JSON, this service answers in a form that is not documented.
    request.headers.remove(ACCEPT);
    Ok(request)
}

/// Name, kind and value of each message attribute.
fn attributes<'a>(job: &Job<'a>) -> Vec<(&'static str, &'static str, &'a str)> {
    const TEXT: &str = "String";
    let given = |text: Option<&'a String>| text.map(String::as_str).filter(|text| !text.is_empty());
    let template = job.batch.vendor_template.as_ref();
    let kind = job
        .account
        .text("sms_type")
        .unwrap_or(match job.batch.class {
            Class::Marketing => "Promotional",
            Class::Verification | Class::Notification => "Transactional",
        });
    let sender = given(template.and_then(|template| template.sign.as_ref()));
    let registered = given(template.and_then(|template| template.template_id.as_ref()));
    let set = |name| job.account.text(name);
    [
        ("AWS.SNS.SMS.SMSType", TEXT, Some(kind)),
        (
            "AWS.SNS.SMS.SenderID",
            TEXT,
            sender.or_else(|| set("sender_id")),
        ),
        (
            "AWS.MM.SMS.OriginationNumber",
            TEXT,
            set("origination_number"),
        ),
        ("AWS.SNS.SMS.MaxPrice", "Number", set("max_price")),
        ("AWS.MM.SMS.EntityId", TEXT, set("entity_id")),
        ("AWS.MM.SMS.TemplateId", TEXT, registered),
    ]
    .into_iter()
    .filter_map(|(name, kind, value)| Some((name, kind, value?)))
    .collect()
}

/// The account's region, which becomes part of a host name.
fn region<'a>(job: &Job<'a>) -> Result<&'a str, Verdict> {
    let region = setting(job.account, "region")?;
    let is_word = region
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_word {
        return Ok(region);
    }
    let detail = "region must be lower-case letters, digits and dashes, e.g. us-east-1";
    Err(Verdict::Misconfigured(Cause::new("bad_region", detail)))
}
