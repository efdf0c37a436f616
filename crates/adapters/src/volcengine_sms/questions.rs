//! GetSmsSendDetails: what became of a message, asked by its id, number and day.

use austin_adapter_api::question::{Answer, Found, Question, Subject};
use austin_adapter_api::{HttpReply, HttpRequest, Outcome, Receipt};
use austin_domain::Timestamp;
use austin_domain::verdict::Acceptance;
use serde_json::{Value, json};

use super::request::{Action, number, signed};
use super::{VolcengineSms, codes};
use crate::asking::{Asks, SUBJECT, failed, nothing_to_ask_by, unclear};
use crate::post::setting;
use crate::rounds::Job;
use crate::{answer, beijing, entries, json as fields, skew};

const GET_SMS_SEND_DETAILS: Action = Action {
    name: "GetSmsSendDetails",
    version: "2021-01-11",
};

impl Asks for VolcengineSms {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let Question::Query(subject) = question else {
            return None;
        };
        let Some(id) = subject.vendor_id.as_deref() else {
            return Some(Err(nothing_to_ask_by()));
        };
        let request = setting(job.account, "sms_account").and_then(|account| {
            let body = json!({
                "subAccount": account,
                "phoneNumber": number(&subject.to),
                "messageId": id,
                "sendDate": beijing::day(subject.sent_at),
                "pageIndex": 1,
                "pageSize": 10,
            });
            signed(job, &GET_SMS_SEND_DETAILS, body.to_string().into_bytes())
        });
        Some(request.map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let Question::Query(subject) = question else {
            return Answer::Unsupported;
        };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let error = &body["ResponseMetadata"]["Error"];
        if let Some(code) = fields::text(error, "Code") {
            let message = fields::text(error, "Message").unwrap_or_default();
            if let Some(verdict) = skew::refused(job, SUBJECT, reply, &code, &message) {
                return failed(verdict);
            }
            let cause = job.cause(SUBJECT, &code, &message);
            let verdict = codes::treatment(&code).map(|t| t.verdict(job, cause.clone()));
            return failed(verdict.unwrap_or(austin_domain::Verdict::Elsewhere(cause)));
        }
        let Some(list) = body["Result"]["sendDetailsResults"].as_array() else {
            // An empty list may be left out.
            if body["Result"].is_object() && reply.status.is_success() {
                return not_listed();
            }
            return failed(answer::without_code(job, SUBJECT, reply));
        };
        let is_it = |entry: &&Value| fields::text(entry, "messageId") == subject.vendor_id;
        list.iter()
            .find(is_it)
            .map_or_else(not_listed, |entry| known(subject, entry))
    }
}

fn not_listed() -> Answer {
    unclear("not_listed", "the vendor lists no message of this id yet")
}

fn known(subject: &Subject, entry: &Value) -> Answer {
    let key = subject.vendor_id.clone().unwrap_or_default();
    let outcome = match entry["status"].as_i64() {
        Some(2) => Some(Outcome::Undelivered),
        // Arrived; arrived and its code was used; arrived and its link was opened.
        Some(3..=5) => Some(Outcome::Delivered),
        // 1: no receipt yet.
        _ => None,
    };
    let segments = fields::small(entry, "msgCount").filter(|count| *count > 0);
    let at = entry["receiptTime"].as_i64().filter(|millis| *millis > 0);
    let code = fields::text(entry, "errorCode").unwrap_or_default();
    let words = fields::text(entry, "errorMessage").unwrap_or_default();
    let receipt = outcome.map(|outcome| {
        let at = at.map(Timestamp::from_millis);
        Box::new(Receipt {
            reference: Some(subject.reference.clone()),
            segments,
            raw: entries::evidence(&entry.to_string()),
            ..entries::receipt(key.clone(), outcome, &code, &words, at)
        })
    });
    Answer::Found(Found::Known {
        acceptance: Acceptance {
            vendor_id: Some(key),
            segments,
            ..Acceptance::default()
        },
        receipt,
    })
}
