//! `SingleSendMail` with its parameters in the form body.

use austin_adapter_api::HttpRequest;
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use serde_json::Value;

use super::ENDPOINT;
use crate::acs3::{self, Action};
use crate::mail;
use crate::post::{form, setting};
use crate::rounds::Job;

const ACTION: Action = Action {
    endpoint: ENDPOINT,
    name: "SingleSendMail",
    version: "2015-11-23",
};
/// Most characters of a subject; the vendor's own pages say 100 and 256, it refuses what is too
/// long for it.
const MOST_SUBJECT: usize = 256;
/// Most characters of a sender name.
const MOST_ALIAS: usize = 15;

/// The signed request of one recipient.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<HttpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let words = mail::words(item)?;
    if words.subject.chars().count() > MOST_SUBJECT {
        let detail = format!("DirectMail takes subjects of at most {MOST_SUBJECT} characters");
        return Err(elsewhere("subject_too_long", &detail));
    }
    if !job.batch.attachments.is_empty() {
        let detail = "DirectMail's SingleSendMail carries no attachments";
        return Err(elsewhere("attachments_unsupported", detail));
    }
    let from = mail::own_address("account_name", setting(job.account, "account_name")?)?;
    let (from, to) = (from.to_string(), mail::recipient(item)?.to_string());
    let reply = match job.account.text("reply_address") {
        Some(text) => Some(mail::own_address("reply_address", text)?.to_string()),
        None => None,
    };
    let alias = job.account.text("from_alias");
    if alias.is_some_and(|alias| alias.chars().count() > MOST_ALIAS) {
        let detail = format!("from_alias is longer than {MOST_ALIAS} characters");
        return Err(Verdict::Misconfigured(Cause::new("bad_setting", &detail)));
    }
    let mut fields = vec![
        ("AccountName", from.as_str()),
        (
            "AddressType",
            job.account.text("address_type").unwrap_or("1"),
        ),
        // The console's reply address is not used: the account names its own.
        ("ReplyToAddress", "false"),
        ("ToAddress", &to),
        ("Subject", words.subject),
    ];
    // Standard headers that the vendor takes: Message-ID and these two.
    let headers = mail::list_headers(item)?.map(|headers| {
        let headers = headers.map(|(name, value)| (name.to_owned(), value.into()));
        Value::Object(headers.into_iter().collect()).to_string()
    });
    let optional = [
        ("HtmlBody", words.html),
        ("TextBody", words.text),
        ("FromAlias", alias),
        ("ReplyAddress", reply.as_deref()),
        ("TagName", job.account.text("tag_name")),
        ("Headers", headers.as_deref()),
    ];
    fields.extend(
        optional
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?))),
    );
    acs3::request(job, ACTION, form(&fields))
}

fn elsewhere(code: &str, detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new(code, detail))
}
