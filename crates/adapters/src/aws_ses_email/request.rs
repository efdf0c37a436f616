//! `POST /v2/email/outbound-emails` with the whole message as Raw.

use std::time::Duration;

use austin_adapter_api::HttpRequest;
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::endpoint::Endpoint;
use crate::mail::{self, DELIVERY_TAG};
use crate::post::{JSON, setting};
use crate::rounds::Job;
use crate::sigv4::{AwsTarget, aws_post};

/// Attachments take their time.
const DEADLINE: Duration = Duration::from_secs(30);

/// The signed request of one recipient.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let region = region(setting(job.account, "region")?)?;
    let endpoint = Endpoint::of(
        job.account,
        &format!("https://email.{region}.amazonaws.com"),
    )?;
    let message = mail::build(job, item)?;
    let mut body = Map::new();
    let from = mail::sender(job.account)?.to_string();
    body.insert("FromEmailAddress".into(), from.into());
    let to = mail::recipient(item)?.to_string();
    body.insert("Destination".into(), json!({"ToAddresses": [to]}));
    let data = STANDARD.encode(message);
    body.insert("Content".into(), json!({"Raw": {"Data": data}}));
    let tag = json!([{"Name": DELIVERY_TAG, "Value": item.reference}]);
    body.insert("EmailTags".into(), tag);
    if let Some(set) = job.account.text("configuration_set_name") {
        body.insert("ConfigurationSetName".into(), set.into());
    }
    let target = AwsTarget {
        endpoint: &endpoint,
        path: "/v2/email/outbound-emails",
        service: "ses",
        region,
    };
    let body = Value::from(body).to_string().into_bytes();
    let mut request = aws_post(job, &target, JSON, body)?;
    request.deadline = DEADLINE;
    Ok(request)
}

/// A region stands in a host name.
fn region(text: &str) -> Result<&str, Verdict> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.chars().all(fits) {
        return Ok(text);
    }
    let detail = "region is not of the form us-east-1";
    Err(Verdict::Misconfigured(Cause::new("bad_setting", detail)))
}
