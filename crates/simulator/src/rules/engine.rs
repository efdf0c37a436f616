//! Rules in force: their counters, and the decision for a call and for a message.
//!
//! Invariant: counted conditions use one ordinal per rule, so `first: 3` fires exactly three times
//! whatever the number of connections.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Action, Cut, CutWhen, Match, Refusal, Rule, TextMatch};
use crate::span::roll;

/// What the rules see of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) to: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) text: &'a str,
}

/// The decision for a whole call.
#[derive(Debug, Default)]
pub(crate) struct CallVerdict<'r> {
    /// How much later the answer goes out, milliseconds.
    pub(crate) delay_ms: u64,
    /// What replaces the ordinary answer.
    pub(crate) action: Option<&'r Action>,
}

/// The rules of one behaviour with their counters.
#[derive(Debug)]
pub(crate) struct Engine {
    rules: Vec<Counted>,
    seed: u64,
    has_call_rules: bool,
    has_message_rules: bool,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    condition: Condition,
}

/// A match with its counters; also used by the mail sink.
#[derive(Debug)]
pub(crate) struct Condition {
    stream: u64,
    passed: AtomicU64,
    fired: AtomicU64,
}

impl Condition {
    /// `stream` keeps the draws of different rules apart.
    pub(crate) const fn new(stream: u64) -> Self {
        Self {
            stream,
            passed: AtomicU64::new(0),
            fired: AtomicU64::new(0),
        }
    }

    /// How often it held.
    pub(crate) fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// Whether `when` holds for any of `seen`, `elapsed_ms` after the behaviour was set.
    pub(crate) fn holds<'a>(
        &self,
        when: &Match,
        mut seen: impl Iterator<Item = Seen<'a>>,
        elapsed_ms: u64,
        seed: u64,
    ) -> bool {
        let inside = when.window.is_none_or(|window| {
            elapsed_ms >= window.from_ms
                && window
                    .for_ms
                    .is_none_or(|length| elapsed_ms - window.from_ms < length)
        });
        let passes = inside && (!when.reads_messages() || seen.any(|message| reads(when, message)));
        if !passes {
            return false;
        }
        let ordinal = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        let holds = counted(when, ordinal)
            && when
                .probability
                .is_none_or(|share| roll(seed, self.stream, ordinal) < share);
        if holds {
            self.fired.fetch_add(1, Ordering::Relaxed);
        }
        holds
    }
}

impl Engine {
    pub(crate) fn new(rules: &[Rule], seed: u64) -> Self {
        let rules: Vec<Counted> = rules
            .iter()
            .zip(0_u64..)
            .map(|(rule, index)| Counted {
                rule: rule.clone(),
                condition: Condition::new(index),
            })
            .collect();
        Self {
            has_call_rules: rules.iter().any(|r| r.rule.action.is_call()),
            has_message_rules: rules.iter().any(|r| !r.rule.action.is_call()),
            rules,
            seed,
        }
    }

    /// How often each rule fired, in order.
    pub(crate) fn fired(&self) -> Vec<u64> {
        self.rules.iter().map(|r| r.condition.fired()).collect()
    }

    /// Whether a cut is due that needs no look at the body.
    pub(crate) fn cut_unread(&self, elapsed_ms: u64) -> Option<Cut> {
        self.rules.iter().find_map(|counted| {
            let cut = unread_cut(&counted.rule)?;
            let nothing = std::iter::empty();
            counted
                .condition
                .holds(&counted.rule.when, nothing, elapsed_ms, self.seed)
                .then_some(cut)
        })
    }

    /// Decides the call whose messages are `seen`.
    pub(crate) fn call<'a, I>(&self, seen: impl Fn() -> I, elapsed_ms: u64) -> CallVerdict<'_>
    where
        I: Iterator<Item = Seen<'a>>,
    {
        let mut verdict = CallVerdict::default();
        if !self.has_call_rules {
            return verdict;
        }
        for counted in &self.rules {
            let Counted { rule, condition } = counted;
            if !rule.action.is_call()
                || unread_cut(rule).is_some()
                || !condition.holds(&rule.when, seen(), elapsed_ms, self.seed)
            {
                continue;
            }
            if let Action::Delay(wait) = &rule.action {
                let draw = roll(
                    self.seed,
                    condition.stream ^ DELAY_STREAM,
                    condition.fired(),
                );
                verdict.delay_ms += wait.ms.at(draw);
            } else {
                verdict.action = Some(&rule.action);
                break;
            }
        }
        verdict
    }

    /// Decides one message: `None` is accepted.
    pub(crate) fn message(&self, seen: Seen<'_>, elapsed_ms: u64) -> Option<&Refusal> {
        if !self.has_message_rules {
            return None;
        }
        for Counted { rule, condition } in &self.rules {
            if rule.action.is_call() {
                continue;
            }
            if condition.holds(&rule.when, std::iter::once(seen), elapsed_ms, self.seed) {
                return match &rule.action {
                    Action::Reject(refusal) => Some(refusal),
                    _ => None,
                };
            }
        }
        None
    }
}

fn unread_cut(rule: &Rule) -> Option<Cut> {
    match rule.action {
        Action::Cut(cut) if cut.when == CutWhen::Before && !rule.when.reads_messages() => Some(cut),
        _ => None,
    }
}

fn reads(when: &Match, message: Seen<'_>) -> bool {
    let text = |want: &Option<TextMatch>, have: &str| {
        want.as_ref().is_none_or(|want| match want {
            TextMatch::Exact(text) => have == text,
            TextMatch::Prefix(text) => have.starts_with(text.as_str()),
            TextMatch::Suffix(text) => have.ends_with(text.as_str()),
        })
    };
    text(&when.to, message.to)
        && text(&when.reference, message.reference)
        && when
            .text_contains
            .as_ref()
            .is_none_or(|piece| message.text.contains(piece.as_str()))
}

fn counted(when: &Match, ordinal: u64) -> bool {
    let Some(place) = ordinal.checked_sub(when.after.unwrap_or(0)) else {
        return false;
    };
    place > 0
        && when.first.is_none_or(|most| place <= most)
        && when.every.is_none_or(|step| place.is_multiple_of(step))
}

const DELAY_STREAM: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(rules: &str) -> Engine {
        let rules: Vec<Rule> = serde_json::from_str(rules).unwrap();
        Engine::new(&rules, 42)
    }

    fn seen(to: &str) -> Seen<'_> {
        Seen {
            to,
            reference: "dlv_1",
            text: "hello",
        }
    }

    fn codes(engine: &Engine, to: &str, times: usize) -> Vec<bool> {
        (0..times)
            .map(|_| engine.message(seen(to), 0).is_some())
            .collect()
    }

    #[test]
    fn counted_conditions_combine() {
        let e = engine(
            r#"[{"match":{"to":{"prefix":"+86"},"after":2,"first":4,"every":2},"do":{"reject":{"code":"later"}}}]"#,
        );
        assert_eq!(
            codes(&e, "+1", 3),
            [false; 3],
            "another prefix is not counted"
        );
        assert_eq!(
            codes(&e, "+8613", 8),
            [false, false, false, true, false, true, false, false]
        );
        assert_eq!(e.fired(), [2]);
    }

    #[test]
    fn first_rule_that_fires_decides_a_message() {
        let e = engine(
            r#"[{"match":{"to":{"suffix":"9"}},"do":"accept"},{"do":{"reject":{"code":"blocked"}}}]"#,
        );
        assert!(e.message(seen("+869"), 0).is_none());
        assert_eq!(e.message(seen("+868"), 0).unwrap().code, "blocked");
    }

    #[test]
    fn call_rules_fire_once_a_call_and_delays_go_on() {
        let e = engine(
            r#"[{"do":{"delay":{"ms":20}}},{"do":{"delay":{"ms":5}}},
                {"match":{"every":2},"do":{"status":{"status":503}}}]"#,
        );
        let batch = [seen("+861"), seen("+862"), seen("+863")];
        let first = e.call(|| batch.iter().copied(), 0);
        assert_eq!(first.delay_ms, 25);
        assert!(first.action.is_none());
        assert!(e.call(|| batch.iter().copied(), 0).action.is_some());
        assert_eq!(e.fired(), [2, 2, 1]);
    }

    #[test]
    fn windows_open_and_close() {
        let e = engine(
            r#"[{"match":{"window":{"from_ms":100,"for_ms":50}},"do":{"reject":{"code":"later"}}}]"#,
        );
        let at = |ms| e.message(seen("x"), ms).is_some();
        assert_eq!(
            [at(99), at(100), at(149), at(150)],
            [false, true, true, false]
        );
    }

    #[test]
    fn a_share_is_the_same_in_every_run() {
        let rules = r#"[{"match":{"probability":0.3},"do":{"reject":{"code":"later"}}}]"#;
        let one = codes(&engine(rules), "x", 1_000);
        assert_eq!(one, codes(&engine(rules), "x", 1_000));
        let hits = one.iter().filter(|hit| **hit).count();
        assert!((230..370).contains(&hits), "{hits}");
    }

    #[test]
    fn only_unconditional_early_cuts_leave_the_body_unread() {
        let e = engine(
            r#"[{"match":{"to":{"prefix":"+1"}},"do":{"cut":{"when":"before"}}},
                {"match":{"first":1},"do":{"cut":{"when":"before","how":"fin"}}}]"#,
        );
        assert!(e.cut_unread(0).is_some());
        assert!(e.cut_unread(0).is_none());
        let american = [seen("+1202")];
        assert!(e.call(|| american.iter().copied(), 0).action.is_some());
    }
}
