//! PullSmsSendStatus and PullSmsSendStatusByPhoneNumber: receipts fetched, and what became of a
//! message. A number's statuses are there once the carrier has spoken, and for seven days.

use austin_adapter_api::question::{Answer, Found, Pulled, Question, Subject};
use austin_adapter_api::{HttpReply, HttpRequest, Outcome, Receipt, State};
use austin_domain::Timestamp;
use austin_domain::verdict::Acceptance;
use serde_json::{Value, json};

use super::request::signed;
use super::{TencentSms, codes};
use crate::asking::{Asks, SUBJECT, failed, unclear};
use crate::entries::own_reference;
use crate::post::setting;
use crate::rounds::Job;
use crate::{answer, entries, json as fields, skew};

/// Most statuses of an answer.
const LIMIT: usize = 100;
/// How much earlier than ours the vendor's clock may say a message was sent, seconds.
const EARLIER: i64 = 300;

impl Asks for TencentSms {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let (action, mut body) = match question {
            Question::Pull { .. } => ("PullSmsSendStatus", json!({ "Limit": LIMIT })),
            Question::Query(subject) => (
                "PullSmsSendStatusByPhoneNumber",
                json!({
                    "BeginTime": subject.sent_at.seconds() - EARLIER,
                    "EndTime": job.context.now.seconds(),
                    "Offset": 0,
                    "Limit": LIMIT,
                    "PhoneNumber": subject.to,
                }),
            ),
            Question::Token { .. } | Question::Recall(_) | Question::Balance => return None,
        };
        let request = setting(job.account, "sdk_app_id").and_then(|id| {
            body["SmsSdkAppId"] = id.into();
            signed(job, action, body.to_string().into_bytes())
        });
        Some(request.map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let response = &body["Response"];
        if let Some(code) = fields::text(&response["Error"], "Code") {
            let message = fields::text(&response["Error"], "Message").unwrap_or_default();
            if let Some(verdict) = skew::refused(job, SUBJECT, reply, &code, &message) {
                return failed(verdict);
            }
            let cause = job.cause(SUBJECT, &code, &message);
            return failed(codes::treatment(&code).verdict(job, cause));
        }
        let statuses = match &response["PullSmsSendStatusSet"] {
            Value::Array(statuses) => statuses.as_slice(),
            // Nothing is there.
            Value::Null if response["RequestId"].is_string() => &[],
            _ => return failed(answer::without_code(job, SUBJECT, reply)),
        };
        match question {
            Question::Pull { .. } => Answer::Receipts(Pulled {
                receipts: entries::pulled(statuses, receipt),
                cursor: State::default(),
                more: statuses.len() >= LIMIT,
            }),
            Question::Query(subject) => found(subject, statuses),
            Question::Token { .. } | Question::Recall(_) | Question::Balance => Answer::Unsupported,
        }
    }
}

fn found(subject: &Subject, statuses: &[Value]) -> Answer {
    let status = statuses.iter().find(|status| match &subject.vendor_id {
        Some(id) => fields::text(status, "SerialNo").as_ref() == Some(id),
        None => fields::text(status, "SessionContext").as_ref() == Some(&subject.reference),
    });
    let read = status.and_then(|status| Some((status, receipt(status).ok()?)));
    let Some((status, receipt)) = read else {
        let detail = "the vendor has no status of this message yet";
        return unclear("no_status", detail);
    };
    Answer::Found(Found::Known {
        acceptance: Acceptance {
            vendor_id: receipt.key.clone(),
            ..Acceptance::default()
        },
        receipt: Some(Box::new(Receipt {
            reference: Some(subject.reference.clone()),
            raw: entries::evidence(&status.to_string()),
            ..receipt
        })),
    })
}

fn receipt(status: &Value) -> Result<Receipt, String> {
    let key = fields::text(status, "SerialNo").ok_or("has no SerialNo")?;
    let report = fields::text(status, "ReportStatus").ok_or("has no ReportStatus")?;
    let outcome = match report.as_str() {
        "SUCCESS" => Outcome::Delivered,
        "FAIL" => Outcome::Undelivered,
        _ => Outcome::Pending,
    };
    let words = fields::text(status, "Description").unwrap_or_default();
    let at = status["UserReceiveTime"].as_i64().filter(|at| *at > 0);
    let at = at.map(Timestamp::from_seconds);
    Ok(Receipt {
        reference: own_reference(fields::text(status, "SessionContext")),
        ..entries::receipt(key, outcome, &report, &words, at)
    })
}
