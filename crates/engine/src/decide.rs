//! From a verdict to what follows. Pure.

use std::time::Duration;

use austin_domain::policy::{ClassPolicy, OnUnknown};
use austin_domain::verdict::Cause;
use austin_domain::{Reason, State, Timestamp, Verdict};
use austin_ports::ledger::Next;

/// What a decision depends on besides the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// The policy of the message's class.
    pub(crate) policy: ClassPolicy,
    /// Attempts made, this one included.
    pub(crate) attempts: u16,
    /// Whether another account may take the message.
    pub(crate) has_other_account: bool,
    /// When the message stops being worth sending.
    pub(crate) expires_at: Timestamp,
    /// Now.
    pub(crate) now: Timestamp,
    /// A draw for the jitter.
    pub(crate) random: u32,
}

/// What follows a verdict.
pub(crate) fn next(verdict: &Verdict, situation: &Situation) -> Next {
    match verdict {
        Verdict::Accepted(_) => Next::End {
            state: State::Sent,
            reason: None,
        },
        Verdict::BadRecipient(cause) => failed("bad_recipient", "the recipient was refused", cause),
        Verdict::BadContent(cause) => failed("bad_content", "the content was refused", cause),
        Verdict::Elsewhere(cause) | Verdict::Misconfigured(cause) => elsewhere(cause, situation),
        Verdict::Later { cause, after } => later(cause, *after, situation),
        Verdict::NumberRefused { cause, after: None } => elsewhere(cause, situation),
        Verdict::NumberRefused { cause, after } => later(cause, *after, situation),
        // An account that asks for less traffic does not keep the others from taking it.
        Verdict::Throttled { cause, .. } if situation.has_other_account => {
            elsewhere(cause, situation)
        }
        Verdict::Throttled { cause, pause } => later(cause, *pause, situation),
        Verdict::Unknown(cause) => unknown(cause, situation),
    }
}

fn elsewhere(cause: &Cause, situation: &Situation) -> Next {
    if !situation.has_other_account {
        return later(cause, None, situation);
    }
    if let Some(end) = exhausted(cause, situation) {
        return end;
    }
    Next::Wait {
        state: State::Queued,
        due_at: None,
        reason: Reason::new(
            "next_account",
            format!("goes to another account: {}", words(cause)),
        ),
    }
}

fn later(cause: &Cause, hint: Option<Duration>, situation: &Situation) -> Next {
    if let Some(end) = exhausted(cause, situation) {
        return end;
    }
    match due(hint, situation) {
        Some(due_at) => Next::Wait {
            state: State::Queued,
            due_at: Some(due_at),
            reason: Reason::new(
                "retry_later",
                format!("will be tried again: {}", words(cause)),
            ),
        },
        None => expired(cause),
    }
}

fn unknown(cause: &Cause, situation: &Situation) -> Next {
    let left = Next::End {
        state: State::Unknown,
        reason: Some(Reason::new(
            "outcome_unknown",
            format!("the vendor may or may not have taken it: {}", words(cause)),
        )),
    };
    match situation.policy.on_unknown {
        OnUnknown::Stop => left,
        OnUnknown::Resend if situation.attempts >= situation.policy.max_attempts => left,
        OnUnknown::Resend => match due(None, situation) {
            Some(due_at) => Next::Wait {
                state: State::Queued,
                due_at: Some(due_at),
                reason: Reason::new(
                    "resend_unknown",
                    format!(
                        "the outcome is unknown and messages of this class are sent again while \
                         they are valid: {}",
                        words(cause)
                    ),
                ),
            },
            None => left,
        },
    }
}

fn due(hint: Option<Duration>, situation: &Situation) -> Option<Timestamp> {
    situation.policy.backoff.next(
        situation.attempts,
        situation.random,
        hint,
        situation.now,
        situation.expires_at,
    )
}

fn exhausted(cause: &Cause, situation: &Situation) -> Option<Next> {
    (situation.attempts >= situation.policy.max_attempts).then(|| {
        failed(
            "attempts_exhausted",
            &format!(
                "{} attempts were made; the last one said",
                situation.attempts
            ),
            cause,
        )
    })
}

fn expired(cause: &Cause) -> Next {
    Next::End {
        state: State::Expired,
        reason: Some(Reason::new(
            "expired",
            format!(
                "no time is left for another attempt; the last one said {}",
                words(cause)
            ),
        )),
    }
}

fn failed(code: &str, detail: &str, cause: &Cause) -> Next {
    Next::End {
        state: State::Failed,
        reason: Some(Reason::new(code, format!("{detail}: {}", words(cause)))),
    }
}

fn words(cause: &Cause) -> String {
    if cause.detail.is_empty() {
        cause.code.clone()
    } else {
        format!("{} ({})", cause.code, cause.detail)
    }
}

#[cfg(test)]
mod tests {
    use austin_domain::Class;
    use austin_domain::verdict::Acceptance;
    use proptest::prelude::*;

    use super::*;

    fn situation(class: Class) -> Situation {
        let now = Timestamp::from_millis(1_767_323_045_000);
        Situation {
            policy: ClassPolicy::of(class),
            attempts: 1,
            has_other_account: false,
            expires_at: now.plus(Duration::from_secs(600)),
            now,
            random: 7,
        }
    }

    fn cause() -> Cause {
        Cause::new("timed_out", "no answer")
    }

    fn state(next: &Next) -> State {
        next.state()
    }

    #[test]
    fn marketing_is_never_sent_again_blind_and_verification_is() {
        let unknown = Verdict::Unknown(cause());
        for class in [Class::Marketing, Class::Notification] {
            assert_eq!(state(&next(&unknown, &situation(class))), State::Unknown);
        }
        let verification = situation(Class::Verification);
        assert_eq!(state(&next(&unknown, &verification)), State::Queued);
        let late = Situation {
            expires_at: verification.now,
            ..verification
        };
        assert_eq!(
            state(&next(&unknown, &late)),
            State::Unknown,
            "no longer valid"
        );
    }

    #[test]
    fn another_account_is_tried_at_once_and_the_same_one_later() {
        let verdict = Verdict::Elsewhere(cause());
        let alone = situation(Class::Notification);
        assert!(matches!(
            next(&verdict, &alone),
            Next::Wait {
                due_at: Some(_),
                ..
            }
        ));
        let several = Situation {
            has_other_account: true,
            ..alone
        };
        assert!(matches!(
            next(&verdict, &several),
            Next::Wait { due_at: None, .. }
        ));
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Accepted(Acceptance::default())),
            Just(Verdict::BadRecipient(cause())),
            Just(Verdict::BadContent(cause())),
            Just(Verdict::Elsewhere(cause())),
            proptest::option::of(0u64..100_000).prop_map(|after| Verdict::Later {
                cause: cause(),
                after: after.map(Duration::from_secs),
            }),
            proptest::option::of(0u64..100_000).prop_map(|pause| Verdict::Throttled {
                cause: cause(),
                pause: pause.map(Duration::from_secs),
            }),
            proptest::option::of(0u64..100_000).prop_map(|after| Verdict::NumberRefused {
                cause: cause(),
                after: after.map(Duration::from_secs),
            }),
            Just(Verdict::Misconfigured(cause())),
            Just(Verdict::Unknown(cause())),
        ]
    }

    proptest! {
        #[test]
        fn a_delivery_ends_after_boundedly_many_attempts_and_never_waits_past_its_expiry(
            verdict in verdict(),
            class in proptest::sample::select(Class::ALL),
            attempts in 1u16..60,
            has_other_account: bool,
            life in 0u64..1_000_000,
            random: u32,
        ) {
            let base = situation(class);
            let expires_at = base.now.plus(Duration::from_secs(life));
            let situation =
                Situation { attempts, has_other_account, expires_at, random, ..base };
            let next = next(&verdict, &situation);
            prop_assert!(State::Sending.may_become(state(&next)));
            if let Next::Wait { due_at, .. } = &next {
                prop_assert!(attempts < situation.policy.max_attempts);
                prop_assert!(due_at.is_none_or(|due| due > situation.now && due < expires_at));
            }
        }
    }
}
