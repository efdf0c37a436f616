//! QuerySendDetails: what became of a message to a number on a day, by its `BizId` or, where that
//! is not known, by our reference (`OutId`).

use austin_adapter_api::question::{Answer, Found, Question, Subject};
use austin_adapter_api::{HttpReply, HttpRequest, Outcome, Receipt};
use austin_domain::verdict::Acceptance;
use serde_json::Value;

use super::reply::receipt_key;
use super::request::signed;
use super::{AliyunSms, codes};
use crate::asking::{Asks, SUBJECT, failed, unclear};
use crate::phone::vendor_digits;
use crate::post::form;
use crate::rounds::Job;
use crate::treatment::Treatment;
use crate::{answer, beijing, entries, json, skew};

impl Asks for AliyunSms {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let Question::Query(subject) = question else {
            return None;
        };
        let number = vendor_digits(&subject.to);
        let day = beijing::day(subject.sent_at);
        let mut fields = vec![
            ("PhoneNumber", number.as_str()),
            ("SendDate", &day),
            ("PageSize", "50"),
            ("CurrentPage", "1"),
        ];
        if let Some(id) = &subject.vendor_id {
            fields.push(("BizId", id));
        }
        Some(signed(job, "QuerySendDetails", form(&fields)).map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let Question::Query(subject) = question else {
            return Answer::Unsupported;
        };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let Some(code) = json::text(&body, "Code") else {
            return failed(answer::without_code(job, SUBJECT, reply));
        };
        if code != "OK" {
            let message = json::text(&body, "Message").unwrap_or_default();
            if let Some(verdict) = skew::refused(job, SUBJECT, reply, &code, &message) {
                return failed(verdict);
            }
            let cause = job.cause(SUBJECT, &code, &message);
            let treatment = codes::treatment(&code).unwrap_or(Treatment::Elsewhere);
            return failed(treatment.verdict(job, cause));
        }
        let details = body["SmsSendDetailDTOs"]["SmsSendDetailDTO"].as_array();
        let details = details.map(Vec::as_slice).unwrap_or_default();
        let mut of_it = details.iter().filter(|detail| {
            let out_id = json::text(detail, "OutId");
            // A call of several numbers has a reference of its own, but then a BizId too.
            subject.vendor_id.is_some() || out_id.as_ref() == Some(&subject.reference)
        });
        match (of_it.next(), of_it.next()) {
            (Some(detail), None) => Answer::Found(known(subject, detail)),
            (Some(_), Some(_)) => unclear("several", "the vendor has several messages of this id"),
            (None, _) => unclear("not_listed", "the vendor lists no such message yet"),
        }
    }
}

fn known(subject: &Subject, detail: &Value) -> Found {
    // 1: waits for the carrier's word.
    let outcome = match json::text(detail, "SendStatus").as_deref() {
        Some("2") => Some(Outcome::Undelivered),
        Some("3") => Some(Outcome::Delivered),
        _ => None,
    };
    let key = subject.vendor_id.as_ref();
    let key = key.map(|id| receipt_key(id, &subject.to));
    let code = json::text(detail, "ErrCode").unwrap_or_default();
    let at = json::text(detail, "ReceiveDate").and_then(|text| beijing::instant(&text));
    let receipt = outcome.map(|outcome| {
        Box::new(Receipt {
            key: key.clone(),
            reference: Some(subject.reference.clone()),
            raw: entries::evidence(&detail.to_string()),
            ..entries::receipt(String::new(), outcome, &code, "", at)
        })
    });
    Found::Known {
        acceptance: Acceptance {
            vendor_id: subject.vendor_id.clone(),
            receipt_key: key,
            ..Acceptance::default()
        },
        receipt,
    }
}
