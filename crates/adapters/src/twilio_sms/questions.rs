//! What became of a message: fetched by its id, the only thing the vendor can be asked by.

use austin_adapter_api::question::{Answer, Found, Question, Subject};
use austin_adapter_api::sign::percent_encode;
use austin_adapter_api::{HttpReply, HttpRequest, Outcome, Receipt};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::{TwilioSms, codes, receipts, request};
use crate::asking::{Asks, SUBJECT, failed, nothing_to_ask_by, unclear};
use crate::entries;
use crate::post::{add_header, get};
use crate::rounds::Job;
use crate::{answer, decimal, json};

impl Asks for TwilioSms {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let Question::Query(subject) = question else {
            return None;
        };
        let Some(sid) = subject.vendor_id.as_deref() else {
            return Some(Err(nothing_to_ask_by()));
        };
        Some(fetch(job, sid).map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let Question::Query(subject) = question else {
            return Answer::Unsupported;
        };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let code = json::text(&body, "code").and_then(|code| code.parse::<i64>().ok());
        if reply.status.as_u16() == 404 && code == Some(20404) {
            return unclear("20404", "the vendor has no message of this id");
        }
        if let (true, Some(status)) = (reply.status.is_success(), json::text(&body, "status")) {
            return Answer::Found(known(subject, &body, &status));
        }
        let treatment = code.and_then(codes::treatment);
        failed(match (code, treatment) {
            (Some(code), Some(treatment)) => {
                let message = json::text(&body, "message").unwrap_or_default();
                treatment.verdict(job, job.cause(SUBJECT, &code.to_string(), &message))
            }
            _ => answer::without_code(job, SUBJECT, reply),
        })
    }
}

fn fetch(job: &Job<'_>, sid: &str) -> Result<HttpRequest, Verdict> {
    let below = format!("/{}.json", percent_encode(sid));
    let mut request = get(request::messages(job.account, &below)?);
    add_header(&mut request, "authorization", &request::basic(job.account)?)?;
    Ok(request)
}

fn known(subject: &Subject, body: &Value, status: &str) -> Found {
    let key = subject.vendor_id.clone().unwrap_or_default();
    let segments = json::small(body, "num_segments").filter(|count| *count > 0);
    let outcome = receipts::outcome(status);
    let code = json::text(body, "error_code").unwrap_or_else(|| status.to_owned());
    let words = json::text(body, "error_message").unwrap_or_default();
    let receipt = (outcome != Outcome::Pending).then(|| {
        Box::new(Receipt {
            reference: Some(subject.reference.clone()),
            segments,
            raw: entries::evidence(&body.to_string()),
            ..entries::receipt(key.clone(), outcome, &code, &words, None)
        })
    });
    // A price is what it takes from the balance: negative.
    let cost = json::text(body, "price").and_then(|price| decimal::ten_thousandths(&price));
    Found::Known {
        acceptance: Acceptance {
            vendor_id: Some(key),
            receipt_key: None,
            segments,
            cost: cost.map(i64::saturating_abs),
        },
        receipt,
    }
}
