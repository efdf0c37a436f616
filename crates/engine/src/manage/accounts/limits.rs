//! Limits and tags of an account, checked.

use std::collections::BTreeSet;

use austin_domain::Class;
use austin_domain::quota::NumberRule;
use austin_ports::catalog::Limits;

use crate::manage::faults::Faults;

/// Most calls a second an account may be set to.
const MAX_PER_SECOND: u64 = 1_000_000;
/// Most recipients a day an account may be set to.
const MAX_PER_DAY: u64 = 1_000_000_000_000;
/// Most calls at a time an account may be set to.
const MAX_CONCURRENCY: u64 = 10_000;
/// Most rules about one number.
const MAX_RULES: usize = 16;
/// Most messages to one number that a rule may allow.
const MAX_PER_NUMBER: u64 = 1_000_000;
/// Most tags of an account.
const MAX_TAGS: usize = 32;

/// Limits as somebody wrote them. `None` means the adapter's own or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsDraft {
    /// Most calls a second.
    pub per_second: Option<u32>,
    /// Most recipients a second.
    pub recipients_per_second: Option<u32>,
    /// Most recipients a call.
    pub recipients_per_call: Option<u16>,
    /// Most recipients a day.
    pub recipients_per_day: Option<u64>,
    /// Most calls at a time.
    pub concurrency: Option<u16>,
    /// The vendor's rules about one number.
    pub per_number: Option<Vec<NumberRuleDraft>>,
    /// How long receipts may take before they count as missing, e.g. `12h`.
    pub receipt_deadline: Option<String>,
}

/// A vendor's rule about one number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberRuleDraft {
    /// Class word; all classes when not given.
    pub class: Option<String>,
    /// Most messages to one number.
    pub count: u32,
    /// In this time, e.g. `1m`.
    pub window: String,
}

impl LimitsDraft {
    /// The limits; useless when faults were added. `most` is what the adapter takes a call.
    pub(super) fn build(self, faults: &mut Faults, most: u16) -> Limits {
        let wide = |value: Option<u16>| value.map(u64::from);
        for (name, value, max) in [
            ("per_second", self.per_second.map(u64::from), MAX_PER_SECOND),
            (
                "recipients_per_second",
                self.recipients_per_second.map(u64::from),
                MAX_PER_SECOND,
            ),
            (
                "recipients_per_call",
                wide(self.recipients_per_call),
                u64::from(most),
            ),
            ("recipients_per_day", self.recipients_per_day, MAX_PER_DAY),
            ("concurrency", wide(self.concurrency), MAX_CONCURRENCY),
        ] {
            faults.count(&format!("/limits/{name}"), value, max);
        }
        let per_number = self.per_number.map(|drafts| per_number(faults, drafts));
        Limits {
            per_second: self.per_second,
            recipients_per_second: self.recipients_per_second,
            recipients_per_call: self.recipients_per_call,
            recipients_per_day: self.recipients_per_day,
            concurrency: self.concurrency,
            per_number,
            receipt_deadline: self
                .receipt_deadline
                .and_then(|text| faults.span("/limits/receipt_deadline", &text)),
        }
    }
}

fn per_number(faults: &mut Faults, drafts: Vec<NumberRuleDraft>) -> Vec<NumberRule> {
    if drafts.len() > MAX_RULES {
        let detail = format!("must have at most {MAX_RULES} rules");
        faults.add("/limits/per_number", "too_many", detail);
    }
    let mut rules: Vec<NumberRule> = Vec::new();
    for (index, draft) in drafts.into_iter().enumerate().take(MAX_RULES) {
        let base = format!("/limits/per_number/{index}");
        let class = draft
            .class
            .and_then(|class| faults.word::<Class>(&format!("{base}/class"), &class));
        let count = format!("{base}/count");
        faults.count(&count, Some(u64::from(draft.count)), MAX_PER_NUMBER);
        let Some(window) = faults.span(&format!("{base}/window"), &draft.window) else {
            continue;
        };
        let same = |rule: &NumberRule| rule.class == class && rule.window == window;
        if rules.iter().any(same) {
            let detail = "another rule has the same class and window";
            faults.add(&base, "duplicate", detail);
        }
        rules.push(NumberRule {
            class,
            count: draft.count,
            window,
        });
    }
    rules
}

/// The tags; each a key, none twice.
pub(super) fn tags(faults: &mut Faults, drafts: Vec<String>) -> BTreeSet<String> {
    if drafts.len() > MAX_TAGS {
        faults.add(
            "/tags",
            "too_many",
            format!("must have at most {MAX_TAGS} tags"),
        );
    }
    let mut tags = BTreeSet::new();
    for (index, tag) in drafts.into_iter().enumerate().take(MAX_TAGS) {
        let pointer = format!("/tags/{index}");
        faults.key(&pointer, &tag);
        if !tags.insert(tag) {
            faults.add(&pointer, "duplicate", "stands in this list twice");
        }
    }
    tags
}
