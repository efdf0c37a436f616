use austin_domain::Class;
use austin_domain::quota::NumberRule;
use austin_domain::verdict::{Acceptance, Cause};
use austin_testkit::builders::NOW;
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

fn accepted() -> Verdict {
    Verdict::Accepted(Acceptance::default())
}

fn fault() -> Verdict {
    Verdict::Elsewhere(Cause::new("connect_failed", "refused"))
}

fn throttled(pause: Option<Duration>) -> Verdict {
    Verdict::Throttled {
        cause: Cause::new("429", "slow down"),
        pause,
    }
}

fn ask<'a>(bounds: &'a Arc<Bounds>, class: Class, to: &'a str) -> Ask<'a> {
    Ask {
        key: "a",
        bounds,
        class,
        to,
        ahead: Duration::ZERO,
    }
}

fn item(to: &str, class: Class) -> WorkItem {
    let mut item = crate::samples::items(&["x"]).remove(0);
    to.clone_into(&mut item.to);
    Arc::make_mut(&mut item.message).lane.class = class;
    item
}

fn close(pace: &Pace, bounds: &Bounds, permit: Permit, verdicts: &[Verdict], now: Timestamp) {
    let items = vec![item("+8613711112200", Class::Notification); verdicts.len()];
    let ended = Ended {
        items: &items,
        verdicts,
        took: Some(Duration::from_millis(5)),
        receipts: true,
        judged: true,
    };
    pace.close(bounds, permit, &ended, now);
}

const TO: &str = "+8613711112200";
const CLASS: Class = Class::Notification;

fn blocked(refused: Refused) -> Blocked {
    match refused {
        Refused::Account(blocked) | Refused::Number(blocked) => blocked,
    }
}

#[test]
fn a_low_rate_does_not_drift_when_calls_come_a_little_late() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds {
        per_second: Some(7),
        ..Bounds::default()
    });
    let mut made = 0;
    for millis in (0..10_000).step_by(10) {
        while let Ok(permit) = pace.open(ask(&bounds, CLASS, TO), at(millis)) {
            close(&pace, &bounds, permit, &[accepted()], at(millis));
            made += 1;
        }
    }
    assert!((70..=71).contains(&made), "{made} calls at 7/s in 10 s");
    let limited = pace.limited(CLASS, at(10_000)).unwrap();
    assert_eq!(limited.what, What::Calls(7_000));
    assert!(
        limited
            .words("a")
            .starts_with("limited by a: 7/s since 03:04 UTC")
    );
}

#[test]
fn rests_after_repeated_faults_and_is_probed_by_one_recipient() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds::default());
    let ask = ask(&bounds, CLASS, TO);
    let permits: Vec<_> = (0..20).map(|_| pace.open(ask, at(0)).unwrap()).collect();
    assert_eq!(permits[0].most, usize::MAX);
    for permit in permits {
        close(&pace, &bounds, permit, &[fault()], at(10));
    }
    let rest = blocked(pace.open(ask, at(20)).unwrap_err());
    assert_eq!(
        rest.until,
        at(1010),
        "one rest, however many failed together"
    );
    assert!(rest.why.contains("connect_failed"), "{}", rest.why);
    assert_eq!(pace.health.factor(at(20)), 0);
    assert_eq!(pace.health.factor(at(1010)), 1000, "so that it is tried");
    let probe = pace.open(ask, at(1010)).unwrap();
    assert_eq!(probe.most, 1);
    assert_eq!(pace.health.factor(at(1011)), 0, "one at a time");
    assert!(pace.open(ask, at(1011)).is_err());
    pace.abandon(&bounds, probe, &[]);
    let probe = pace.open(ask, at(1012)).unwrap();
    close(&pace, &bounds, probe, &[accepted()], at(1020));
    pace.open(ask, at(1021)).unwrap();
    pace.open(ask, at(1021)).unwrap();
}

#[test]
fn a_bad_recipient_is_no_fault_of_the_account() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds::default());
    for _ in 0..100 {
        let permit = pace.open(ask(&bounds, CLASS, TO), at(0)).unwrap();
        let verdict = Verdict::BadRecipient(Cause::new("x", "y"));
        close(&pace, &bounds, permit, &[verdict], at(0));
    }
    assert!(pace.resting(at(0)).is_none());
}

#[test]
fn too_fast_lowers_the_rate_and_a_stated_pause_is_kept() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds {
        per_second: Some(100),
        ..Bounds::default()
    });
    let ask = ask(&bounds, CLASS, TO);
    let mut permits = Vec::new();
    for millis in 0..1000 {
        if let Ok(permit) = pace.open(ask, at(millis)) {
            pace.depart(&bounds, permit, 1, at(millis));
            permits.push(permit);
        }
    }
    for permit in permits {
        close(&pace, &bounds, permit, &[throttled(None)], at(1000));
    }
    let view = pace.view(&bounds, at(1000));
    let lowered = view.lowered.unwrap();
    assert!((50_000..=66_000).contains(&lowered.rate), "{lowered:?}");
    assert_eq!(lowered.since, at(1000));
    assert!(pace.resting(at(1001)).is_none(), "slower, not stopped");
    assert!(
        pace.settle(&bounds, at(31_000)).is_none(),
        "it has climbed back"
    );

    let permit = pace.open(ask, at(32_000)).unwrap();
    let pause = Some(Duration::from_secs(7));
    close(&pace, &bounds, permit, &[throttled(pause)], at(32_000));
    assert_eq!(
        blocked(pace.open(ask, at(33_000)).unwrap_err()).until,
        at(39_000)
    );
    pace.open(ask, at(39_000)).unwrap();
}

#[test]
fn a_number_waits_until_the_rule_opens_and_a_refused_message_does_not_count() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds {
        per_number: vec![NumberRule {
            class: Some(Class::Verification),
            count: 1,
            window: Duration::from_secs(60),
        }],
        recipients_per_day: Some(2),
        ..Bounds::default()
    });
    let code = ask(&bounds, Class::Verification, TO);
    let items = [item(TO, Class::Verification)];
    let end = |permit, verdict: Verdict| {
        let ended = Ended {
            items: &items,
            verdicts: &[verdict],
            took: None,
            receipts: false,
            judged: true,
        };
        pace.close(&bounds, permit, &ended, at(10));
    };
    let first = pace.open(code, at(0)).unwrap();
    assert!(
        pace.number_limit(code, at(5)).is_some(),
        "reserved while under way"
    );
    end(first, fault());
    assert!(pace.number_limit(code, at(20)).is_none(), "released");
    end(
        pace.open(code, at(20)).unwrap(),
        Verdict::Unknown(Cause::new("timed_out", "")),
    );
    let full = pace.number_limit(code, at(30)).unwrap();
    assert!(full.until > at(60_000) && full.until < at(66_000));
    assert!(
        full.why
            .starts_with("a sends one number at most 1 verification in 60 s")
    );
    assert!(matches!(pace.open(code, at(30)), Err(Refused::Number(_))));
    pace.open(ask(&bounds, Class::Marketing, TO), at(30))
        .unwrap();
    let day = blocked(
        pace.open(ask(&bounds, CLASS, "+8613711112201"), at(40))
            .unwrap_err(),
    );
    assert!(day.why.contains("2 recipients a day"), "{}", day.why);
    assert_eq!(pace.view(&bounds, at(40)).today, 2);
}

#[test]
fn a_number_counts_from_the_moment_its_call_is_booked() {
    let pace = Pace::default();
    let bounds = Arc::new(Bounds {
        per_second: Some(1),
        per_number: vec![NumberRule {
            class: None,
            count: 1,
            window: Duration::from_secs(3),
        }],
        ..Bounds::default()
    });
    let ahead = Duration::from_secs(1);
    let booked = |to, now| {
        let ask = Ask {
            ahead,
            ..ask(&bounds, CLASS, to)
        };
        pace.open(ask, now)
    };
    booked("+8613711112201", at(0)).unwrap();
    let permit = booked(TO, at(0)).unwrap();
    assert!(permit.leaves_at >= at(1_000));
    for millis in [1, 900, 1_100, 2_900, 4_019] {
        let full = pace.number_limit(ask(&bounds, CLASS, TO), at(millis));
        assert!(full.is_some(), "{millis}");
    }
    pace.abandon(&bounds, permit, &[item(TO, CLASS)]);
    booked(TO, at(4_020)).unwrap();
}

#[test]
fn an_operators_word_wins() {
    use austin_ports::catalog::{Steer, SteerMode};
    let pace = Pace::default();
    let bounds = Arc::new(Bounds::default());
    let ask = ask(&bounds, CLASS, TO);
    let mut steer = Steer {
        mode: SteerMode::Closed,
        until: Some(at(1000)),
        reason: Some("maintenance".into()),
        author: "app/ops".into(),
        at: at(0),
    };
    pace.health.steer(Some(&steer));
    assert_eq!(pace.health.factor(at(0)), 0);
    let shut = blocked(pace.open(ask, at(0)).unwrap_err());
    assert!(shut.why.contains("app/ops") && shut.why.contains("maintenance"));
    assert_eq!(pace.health.factor(at(1000)), 1000, "until then only");
    for _ in 0..9 {
        let permit = pace.open(ask, at(1000)).unwrap();
        close(&pace, &bounds, permit, &[fault()], at(1000));
        if pace.health.factor(at(1000)) == 0 {
            break;
        }
    }
    assert_eq!(pace.health.factor(at(1001)), 0, "it rests");
    steer.mode = SteerMode::Open;
    steer.until = None;
    pace.health.steer(Some(&steer));
    assert_eq!(pace.health.factor(at(1001)), 1000);
    for _ in 0..9 {
        let permit = pace.open(ask, at(1001)).unwrap();
        close(&pace, &bounds, permit, &[fault()], at(1001));
    }
}

/// What may happen at an account.
#[derive(Clone, Debug)]
enum Act {
    Pass(i64),
    Open(u8, u8),
    Join(u8, u8),
    Close(usize, u8),
    Abandon(usize),
    Rates(Option<u32>, Option<u32>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1i64..400).prop_map(Act::Pass),
        6 => (0u8..4, 0u8..3).prop_map(|(to, class)| Act::Open(to, class)),
        3 => (0u8..4, 0u8..3).prop_map(|(to, class)| Act::Join(to, class)),
        5 => (0usize..9, 0u8..8).prop_map(|(which, what)| Act::Close(which, what)),
        1 => (0usize..9).prop_map(Act::Abandon),
        1 => (proptest::option::of(1u32..60), proptest::option::of(1u32..60))
            .prop_map(|(calls, recipients)| Act::Rates(calls, recipients)),
    ]
}

/// A call of the model.
struct Call {
    permit: Permit,
    /// Whether the rates were the same when it was given.
    same_rates: bool,
    items: Vec<WorkItem>,
}

/// What went, as a vendor would count it.
#[derive(Default)]
struct Seen {
    /// When they left, since the rates were changed.
    calls: Vec<i64>,
    recipients: Vec<(i64, String, Class)>,
}

const LIMITS: (u16, u64, u32, u64) = (3, 40, 2, 3);

fn rule() -> NumberRule {
    NumberRule {
        class: Some(Class::Verification),
        count: LIMITS.2,
        window: Duration::from_secs(LIMITS.3),
    }
}

proptest! {
    /// Over any sequence of verdicts, faults and limit changes, what an account is given stays
    /// within its rates, its concurrency, its day and the rules about one number.
    #[test]
    fn an_account_is_never_given_more_than_its_limits(
        acts in proptest::collection::vec(act(), 1..250),
    ) {
        let pace = Pace::default();
        let mut bounds = Arc::new(Bounds {
            per_second: Some(20),
            recipients_per_second: Some(30),
            recipients_per_day: Some(LIMITS.1),
            concurrency: Some(LIMITS.0),
            per_number: vec![rule()],
        });
        let mut now = 0;
        let mut open: Vec<Call> = Vec::new();
        let mut seen = Seen::default();
        let number = |to: u8| format!("+861371111220{to}");
        for act in acts {
            match act {
                Act::Pass(millis) => now += millis,
                Act::Open(to, class) => {
                    let (to, class) = (number(to), Class::ALL[usize::from(class)]);
                    let ahead = Duration::from_millis(now.unsigned_abs() % 3 * 150);
                    let ask = Ask { ahead, ..ask(&bounds, class, &to) };
                    if let Ok(permit) = pace.open(ask, at(now)) {
                        prop_assert!(permit.leaves_at <= at(now + 20).plus(ahead));
                        open.push(Call { permit, same_rates: true, items: vec![item(&to, class)] });
                    }
                }
                Act::Join(to, class) => {
                    let (to, class) = (number(to), Class::ALL[usize::from(class)]);
                    let Some(call) = open.last_mut().filter(|call| {
                        call.permit.at == at(now) && call.items.len() < call.permit.most
                    }) else {
                        continue;
                    };
                    if pace.join(ask(&bounds, class, &to), &mut call.permit, at(now)) == Ok(true) {
                        call.items.push(item(&to, class));
                    }
                }
                Act::Close(which, what) if !open.is_empty() => {
                    let call = open.remove(which % open.len());
                    let ready = call.permit.leaves_at.max(at(now));
                    let left = pace.depart(&bounds, call.permit, call.items.len(), ready);
                    if call.same_rates {
                        seen.calls.push(left.millis() - NOW.millis());
                    }
                    let verdict = match what {
                        0 => fault(),
                        1 => Verdict::Unknown(Cause::new("cut", "")),
                        2 => throttled(None),
                        3 => Verdict::Misconfigured(Cause::new("balance", "")),
                        _ => accepted(),
                    };
                    let verdicts = vec![verdict.clone(); call.items.len()];
                    if matches!(verdict, Verdict::Accepted(_) | Verdict::Unknown(_)) {
                        let began = call.permit.leaves_at.millis() - NOW.millis();
                        let items = call.items.iter();
                        seen.recipients.extend(
                            items.map(|item| (began, item.to.clone(), item.message.lane.class)),
                        );
                    }
                    let ended = Ended {
                        items: &call.items,
                        verdicts: &verdicts,
                        took: None,
                        receipts: false,
                        judged: true,
                    };
                    pace.close(&bounds, call.permit, &ended, at(now));
                }
                Act::Abandon(which) if !open.is_empty() => {
                    let call = open.remove(which % open.len());
                    pace.abandon(&bounds, call.permit, &call.items);
                }
                Act::Close(..) | Act::Abandon(_) => {}
                Act::Rates(calls, recipients) => {
                    bounds = Arc::new(Bounds {
                        per_second: calls,
                        recipients_per_second: recipients,
                        ..Bounds::clone(&bounds)
                    });
                    seen.calls.clear();
                    open.iter_mut().for_each(|call| call.same_rates = false);
                }
            }
            prop_assert!(open.len() <= usize::from(LIMITS.0), "{} calls at a time", open.len());
            if let (Some(most), Some(last)) = (bounds.per_second, seen.calls.last()) {
                for (index, first) in seen.calls.iter().rev().enumerate().skip(1) {
                    let seconds = (last - first + 76) as f64 / 1000.0;
                    let ideal = f64::from(most) * 1.02 * seconds;
                    prop_assert!(index as f64 <= ideal + 0.01, "{index} more in {seconds} s at {most}/s");
                }
            }
        }
        prop_assert!(seen.recipients.len() as u64 <= LIMITS.1);
        for (at, to, class) in &seen.recipients {
            let window = *at - i64::try_from(LIMITS.3).unwrap() * 1000;
            let same = seen.recipients.iter().filter(|(other, number, kind)| {
                *class == Class::Verification && kind == class && number == to
                    && *other > window && other <= at
            });
            prop_assert!(same.count() <= LIMITS.2 as usize, "too many to {to}");
        }
    }
}
