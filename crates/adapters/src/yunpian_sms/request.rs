//! `single_send`, `batch_send` and `multi_send`.

use austin_adapter_api::sign::percent_encode;
use austin_adapter_api::{HttpRequest, Item};
use austin_domain::verdict::Cause;
use austin_domain::{Content, Verdict};

use super::ENDPOINT;
use crate::endpoint::Endpoint;
use crate::phone::{is_mainland, vendor_digits};
use crate::post::{FORM, form, post, secret};
use crate::rounds::Job;

/// The request of one round.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let endpoint = Endpoint::of(job.account, ENDPOINT)?;
    let apikey = secret(job.account, "apikey")?;
    let items: Vec<&Item> = job.items(round).collect();
    let texts: Vec<String> = items
        .iter()
        .map(|item| text(job, item))
        .collect::<Result<_, _>>()?;
    let numbers: Vec<String> = items.iter().map(|item| mobile(&item.to)).collect();
    let mobile = numbers.join(",");
    let (path, body) = match (&*items, &*texts) {
        ([item], [text]) => (
            "/v2/sms/single_send.json",
            form(&[
                ("apikey", apikey),
                ("mobile", &mobile),
                ("text", text),
                ("uid", &item.reference),
            ]),
        ),
        (_, [first, rest @ ..]) if rest.iter().all(|text| text == first) => (
            "/v2/sms/batch_send.json",
            form(&[("apikey", apikey), ("mobile", &mobile), ("text", first)]),
        ),
        _ => {
            // Each text is encoded by itself, so that commas in it do not part the list.
            let encoded: Vec<String> = texts.iter().map(|text| percent_encode(text)).collect();
            (
                "/v2/sms/multi_send.json",
                form(&[
                    ("apikey", apikey),
                    ("mobile", &mobile),
                    ("text", &encoded.join(",")),
                ]),
            )
        }
    };
    Ok(post(endpoint.url(path), FORM, body))
}

/// The number as the vendor takes it: national for the mainland, E.164 with `+` abroad.
fn mobile(number: &str) -> String {
    if is_mainland(number) {
        vendor_digits(number)
    } else {
        number.to_owned()
    }
}

/// The text with its signature, which is not put there twice.
fn text(job: &Job<'_>, item: &Item) -> Result<String, Verdict> {
    let Content::Text { text } = item.content.as_ref() else {
        return Err(Verdict::BadContent(Cause::new(
            "not_text",
            "an SMS needs text content",
        )));
    };
    let own = job
        .batch
        .vendor_template
        .as_ref()
        .and_then(|own| own.sign.as_deref());
    let sign = own
        .filter(|name| !name.is_empty())
        .or_else(|| job.account.text("sign_name"));
    Ok(match sign.map(|sign| format!("【{sign}】")) {
        Some(sign) if !text.starts_with(&sign) => format!("{sign}{text}"),
        _ => text.clone(),
    })
}
