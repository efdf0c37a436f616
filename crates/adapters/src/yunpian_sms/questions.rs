//! Statuses fetched instead of pushed (`pull_status`), and the account's balance (`user/get`).

use austin_adapter_api::question::{Answer, Balance, Pulled, Question};
use austin_adapter_api::{HttpReply, HttpRequest, State};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ENDPOINT, YunpianSms, codes, receipts};
use crate::asking::{Asks, failed};
use crate::endpoint::Endpoint;
use crate::post::{FORM, form, post, secret};
use crate::rounds::Job;
use crate::{answer, decimal, entries, json};

/// Most statuses of an answer.
const PAGE: usize = 100;

impl Asks for YunpianSms {
    fn request(&self, job: &Job<'_>, question: &Question) -> Option<Result<HttpRequest, Answer>> {
        let (path, page) = match question {
            Question::Pull { .. } => ("/v2/sms/pull_status.json", Some(PAGE.to_string())),
            Question::Balance => ("/v2/user/get.json", None),
            Question::Token { .. } | Question::Query(_) | Question::Recall(_) => return None,
        };
        let request = secret(job.account, "apikey").and_then(|apikey| {
            let endpoint = Endpoint::of(job.account, ENDPOINT)?;
            let mut fields = vec![("apikey", apikey)];
            fields.extend(page.as_deref().map(|page| ("page_size", page)));
            Ok(post(endpoint.url(path), FORM, form(&fields)))
        });
        Some(request.map_err(failed))
    }

    fn read(&self, job: &Job<'_>, question: &Question, reply: &HttpReply) -> Answer {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let code = json::text(&body, "code").and_then(|code| code.parse::<i64>().ok());
        if let Some(code) = code.filter(|code| *code != 0) {
            let words = json::text(&body, "msg").unwrap_or_default();
            let cause = job.cause(&[], &code.to_string(), &words);
            return failed(codes::treatment(code).verdict(job, cause));
        }
        let understood = match (question, &body) {
            (Question::Pull { .. }, Value::Array(statuses)) => Some(Answer::Receipts(Pulled {
                receipts: entries::pulled(statuses, receipts::receipt),
                cursor: State::default(),
                more: statuses.len() >= PAGE,
            })),
            (Question::Balance, Value::Object(_)) => balance(&reply.body).map(Answer::Balance),
            _ => None,
        };
        understood.unwrap_or_else(|| failed(answer::without_code(job, &[], reply)))
    }
}

/// The balance exactly as written: money is decimal. Accounts of old kinds may count messages; the
/// answer does not say so.
fn balance(body: &[u8]) -> Option<Balance> {
    #[derive(serde::Deserialize)]
    struct User<'a> {
        #[serde(borrow)]
        balance: &'a RawValue,
    }
    let user: User<'_> = serde_json::from_slice(body).ok()?;
    let amount = decimal::ten_thousandths(user.balance.get().trim_matches('"'))?;
    Some(Balance {
        amount,
        unit: "CNY".into(),
    })
}
