//! Tokens, receipts to fetch, outcomes, recalls and the balance.

use std::time::Duration;

use austin_adapter_api::question::{Answer, Balance, Found, Pulled, Question, Subject, Token};
use austin_adapter_api::sign::percent_encode;
use austin_adapter_api::{HttpReply, HttpRequest, Outcome, Receipt, State};
use austin_domain::Verdict;
use austin_domain::verdict::{Acceptance, Cause};
use http::Method;
use serde_json::{Value, json};

use super::{Simulator, receipts, token};
use crate::asking::{Asks, failed, unclear};
use crate::endpoint::Endpoint;
use crate::post::{JSON, add_header, post, setting};
use crate::rounds::Job;
use crate::{answer, entries, json};

impl Asks for Simulator {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let may = |name: &str| job.account.flag(name) == Some(true);
        let asks = match question {
            Question::Token { name } => name == token::ACCESS,
            Question::Pull { .. } => may("pull"),
            Question::Query(_) => may("query"),
            Question::Recall(_) | Question::Balance => true,
        };
        asks.then(|| request(job, question).map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let understood = match question {
            _ if !reply.status.is_success() => None,
            Question::Token { .. } => token_of(&body).map(Answer::Token),
            Question::Pull { .. } => pulled(&body).map(Answer::Receipts),
            Question::Query(subject) => found(subject, &body),
            Question::Recall(_) => recalled(&body),
            Question::Balance => balance(&body).map(Answer::Balance),
        };
        understood.unwrap_or_else(|| failed(answer::without_code(job, &[], reply)))
    }
}

fn request(job: &Job<'_>, question: &Question) -> Result<HttpRequest, Verdict> {
    let endpoint = Endpoint::of(job.account, setting(job.account, "endpoint")?)?;
    let get = |path: String| HttpRequest::new(Method::GET, endpoint.url(&path), "");
    let mut request = match question {
        Question::Token { .. } => post(endpoint.url("/sim/token"), JSON, "{}"),
        Question::Pull { cursor } => {
            let after = cursor.0.as_u64().unwrap_or(0);
            get(format!("/sim/receipts?after={after}"))
        }
        Question::Query(subject) => {
            let reference = percent_encode(&subject.reference);
            get(format!("/sim/query?reference={reference}"))
        }
        Question::Recall(subject) => {
            let body = json!({"reference": subject.reference}).to_string();
            post(endpoint.url("/sim/recall"), JSON, body)
        }
        Question::Balance => get("/sim/balance".into()),
    };
    if let Some(token) = job.account.secret("token") {
        add_header(&mut request, "authorization", &format!("Bearer {token}"))?;
    }
    Ok(request)
}

fn token_of(body: &Value) -> Option<Token> {
    Some(Token {
        value: body["token"].as_str()?.into(),
        expires_in: body["expires_in_ms"].as_u64().map(Duration::from_millis),
    })
}

fn pulled(body: &Value) -> Option<Pulled> {
    Some(Pulled {
        receipts: entries::pulled(body["receipts"].as_array()?, receipts::receipt),
        cursor: State(body["cursor"].as_u64()?.into()),
        more: body["more"].as_bool()?,
    })
}

fn found(subject: &Subject, body: &Value) -> Option<Answer> {
    if body["reference"].as_str() != Some(&subject.reference) {
        return None;
    }
    if !body["accepted"].as_bool()? {
        return Some(Answer::Found(Found::Absent));
    }
    let id = json::text(body, "id")?;
    let status = json::text(body, "status");
    let outcome = match status.as_deref() {
        Some("delivered") => Some(Outcome::Delivered),
        Some("undelivered") => Some(Outcome::Undelivered),
        Some("accepted") => None,
        _ => return Some(unclear("forgotten", "the particulars are no longer kept")),
    };
    let receipt = outcome.map(|outcome| {
        let code = status.unwrap_or_default();
        Box::new(Receipt {
            reference: Some(subject.reference.clone()),
            ..entries::receipt(id.clone(), outcome, &code, "asked for", None)
        })
    });
    Some(Answer::Found(Found::Known {
        acceptance: Acceptance {
            vendor_id: Some(id),
            ..Acceptance::default()
        },
        receipt,
    }))
}

fn recalled(body: &Value) -> Option<Answer> {
    let code = json::text(body, "code")?;
    Some(match code.as_str() {
        "ok" => Answer::Recalled,
        _ => Answer::NotRecalled(Cause::new(code, "the simulator cannot take it back")),
    })
}

fn balance(body: &Value) -> Option<Balance> {
    Some(Balance {
        amount: body["amount"].as_i64()?,
        unit: json::text(body, "unit")?,
    })
}
