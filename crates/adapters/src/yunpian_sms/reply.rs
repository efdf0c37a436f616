//! What an answer means for each number.

use std::collections::{HashMap, VecDeque};

use austin_adapter_api::{Item, Reply};
use austin_domain::Verdict;
use austin_domain::verdict::Acceptance;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::codes;
use crate::rounds::{Job, Reading};
use crate::treatment::Treatment;
use crate::{answer, decimal, phone};

/// The outcome for one number, or of a whole call. Kept raw: ids have 64 bits and money is
/// decimal, and a field of an unexpected kind must not cost the others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    mobile: Option<&'a RawValue>,
    #[serde(borrow)]
    sid: Option<&'a RawValue>,
    #[serde(borrow)]
    count: Option<&'a RawValue>,
    #[serde(borrow)]
    fee: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

pub(super) fn read(job: &Job<'_>, round: &[usize], reply: &Reply) -> Reading {
    let reply = match answer::http(reply) {
        Ok(reply) => reply,
        Err(verdict) => return Reading::All(verdict),
    };
    let Ok(whole) = serde_json::from_slice::<Outcome<'_>>(&reply.body) else {
        return Reading::All(answer::without_code(job, round, reply));
    };
    let data = whole
        .data
        .and_then(|data| serde_json::from_str::<Vec<&RawValue>>(data.get()).ok());
    match (data, code(&whole)) {
        (Some(data), _) => Reading::Each(each(job, round, &data)),
        (None, Some(code)) => whole_call(job, round, &whole, code),
        (None, None) => Reading::All(answer::without_code(job, round, reply)),
    }
}

/// `single_send`, and every refusal of a whole call.
fn whole_call(job: &Job<'_>, round: &[usize], whole: &Outcome<'_>, code: i64) -> Reading {
    match round {
        [index] => match job.batch.items.get(*index) {
            Some(item) => Reading::Each(vec![verdict(job, item, whole)]),
            None => Reading::Each(Vec::new()),
        },
        // No call of several numbers is taken without saying so for each.
        _ if code == 0 => Reading::All(Verdict::Unknown(job.cause(
            round,
            "missing_status",
            "the answer has no status for each number",
        ))),
        _ => {
            let words = words(whole);
            let cause = job.cause(round, &code.to_string(), &words);
            match treatment(code, &words) {
                // Each number has its own text, and only some are refused.
                treatment @ (Treatment::BadContent | Treatment::Elsewhere)
                    if differ(job, round) =>
                {
                    Reading::OneOf(treatment.verdict(job, cause))
                }
                treatment => treatment.of_call(job, cause),
            }
        }
    }
}

fn differ(job: &Job<'_>, round: &[usize]) -> bool {
    let mut items = job.items(round);
    let first = items.next();
    items.any(|item| first.is_some_and(|first| first.content != item.content))
}

fn each(job: &Job<'_>, round: &[usize], data: &[&RawValue]) -> Vec<Verdict> {
    let mut by_number: HashMap<String, VecDeque<Outcome<'_>>> = HashMap::new();
    for raw in data {
        let outcome: Outcome<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
        let number = outcome.mobile.and_then(scalar).unwrap_or_default();
        by_number
            .entry(phone::vendor_digits(&number))
            .or_default()
            .push_back(outcome);
    }
    job.items(round)
        .map(|item| {
            let outcomes = by_number.get_mut(&phone::vendor_digits(&item.to));
            match outcomes.and_then(VecDeque::pop_front) {
                Some(outcome) => verdict(job, item, &outcome),
                None => Verdict::Unknown(job.cause_for(
                    item,
                    "missing_status",
                    "the answer has no status for this number",
                )),
            }
        })
        .collect()
}

fn verdict(job: &Job<'_>, item: &Item, outcome: &Outcome<'_>) -> Verdict {
    let Some(code) = code(outcome) else {
        let detail = "the status of this number has no code";
        return Verdict::Unknown(job.cause_for(item, "missing_code", detail));
    };
    if code == 0 {
        return Verdict::Accepted(Acceptance {
            vendor_id: outcome.sid.and_then(scalar),
            receipt_key: None,
            segments: outcome
                .count
                .and_then(scalar)
                .and_then(|count| count.parse().ok()),
            cost: outcome
                .fee
                .and_then(scalar)
                .and_then(|fee| decimal::ten_thousandths(&fee)),
        });
    }
    let words = words(outcome);
    let cause = job.cause_for(item, &code.to_string(), &words);
    treatment(code, &words).verdict(job, cause)
}

/// Code 2 is any bad argument; about the number it condemns the number.
fn treatment(code: i64, words: &str) -> Treatment {
    let about_the_number = ["mobile", "手机号"].iter().any(|word| words.contains(word));
    if code == codes::BAD_ARGUMENT && about_the_number {
        return Treatment::BadRecipient;
    }
    codes::treatment(code)
}

fn code(outcome: &Outcome<'_>) -> Option<i64> {
    outcome.code.and_then(scalar)?.parse().ok()
}

fn words(outcome: &Outcome<'_>) -> String {
    let texts = [outcome.msg, outcome.detail]
        .into_iter()
        .flatten()
        .filter_map(scalar);
    texts.collect::<Vec<_>>().join(": ")
}

/// The text of a JSON string, or a number exactly as written.
fn scalar(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw)
            .ok()
            .filter(|text: &String| !text.is_empty()),
        b'-' | b'0'..=b'9' => Some(raw.to_owned()),
        _ => None,
    }
}
