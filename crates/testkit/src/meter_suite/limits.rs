//! What stands in the way of a claim.

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        the_same_content_of_a_template_is_refused,
        a_repeat_is_refused_whatever_it_says,
        other_people_never_meet,
        a_cap_counts_what_it_is_over,
        dedup_looks_at_what_caps_do_not_count,
        a_sliding_window_ends_to_the_millisecond,
        a_calendar_window_begins_and_ends,
        a_place_later_than_the_claim_counts_within_the_window,
        the_first_limit_not_kept_is_named,
        the_latest_delivery_is_named,
        a_cap_of_nothing_refuses_everything,
        no_limit_no_refusal,
    ]
}

async fn the_same_content_of_a_template_is_refused(meter: Backend) {
    let limits = [Limit::Content(minute(at(10)))];
    place(&*meter, claim(at(0), &[]), id(0)).await;
    let one = claim(at(10), &limits);
    assert_eq!(refusal(&*meter, one).await, by(0, id(0)));
    let mut other = one;
    other.content = Some(8);
    assert_eq!(refusal(&*meter, other).await, None);
    other.content = None;
    assert_eq!(refusal(&*meter, other).await, None);
    let mut other = one;
    other.template = TemplateId::from_u64(2);
    assert_eq!(refusal(&*meter, other).await, None);
    // The template is one, whoever owns it now.
    let mut other = one;
    other.team = "parcels";
    assert_eq!(refusal(&*meter, other).await, by(0, id(0)));
}

async fn a_repeat_is_refused_whatever_it_says(meter: Backend) {
    let limits = [Limit::Repeat(minute(at(10)))];
    let mut silent = claim(at(0), &[]);
    silent.content = None;
    place(&*meter, silent, id(0)).await;
    let mut other = claim(at(10), &limits);
    for content in [None, Some(7), Some(8)] {
        other.content = content;
        assert_eq!(refusal(&*meter, other).await, by(0, id(0)));
    }
    other.template = TemplateId::from_u64(2);
    assert_eq!(refusal(&*meter, other).await, None);
}

async fn other_people_never_meet(meter: Backend) {
    let limits = [
        Limit::Content(minute(at(0))),
        Limit::Repeat(minute(at(0))),
        cap(at(0), 1),
    ];
    let people: Vec<String> = (0..5000).map(|n| format!("+861371111{n:04}")).collect();
    let claims: Vec<Claim<'_>> = people
        .iter()
        .map(|to| Claim {
            to,
            ..claim(at(0), &limits)
        })
        .collect();
    for reserved in meter.reserve(&claims).await.unwrap() {
        let _slot = taken(reserved);
    }
    assert_eq!(meter.size().keys, 5000);
    for reserved in meter.reserve(&claims).await.unwrap() {
        assert!(matches!(reserved, Reserved::Refused(_)));
    }
}

async fn a_cap_counts_what_it_is_over(meter: Backend) {
    let old = claim(at(0), &[]);
    place(&*meter, old, id(0)).await;
    let mut uncounted = claim(at(1), &[]);
    uncounted.counts = false;
    place(&*meter, uncounted, id(1)).await;
    // What is changed, and whether channel, class, team and template still agree.
    let table: [(fn(&mut Claim<'_>), [bool; 4]); 5] = [
        (|_| {}, [true, true, true, true]),
        (
            |c| c.lane.channel = Channel::Email,
            [false, true, true, true],
        ),
        (
            |c| c.lane.class = Class::Marketing,
            [true, false, true, true],
        ),
        (|c| c.team = "parcels", [true, true, false, true]),
        (
            |c| c.template = TemplateId::from_u64(2),
            [true, true, true, false],
        ),
    ];
    for (change, agrees) in table {
        let overs = [Over::Channel, Over::Class, Over::Team, Over::Template];
        for (over, agrees) in overs.into_iter().zip(agrees).chain([(Over::All, true)]) {
            for most in [1, 2] {
                let limits = [Limit::Cap {
                    over,
                    window: minute(at(10)),
                    most,
                }];
                let mut new = claim(at(10), &limits);
                change(&mut new);
                let wanted = if agrees && most == 1 {
                    by(0, id(0))
                } else {
                    None
                };
                assert_eq!(refusal(&*meter, new).await, wanted, "{new:?}");
            }
        }
    }
}

async fn dedup_looks_at_what_caps_do_not_count(meter: Backend) {
    let mut held = claim(at(0), &[]);
    held.counts = false;
    place(&*meter, held, id(0)).await;
    for limit in [Limit::Content(minute(at(1))), Limit::Repeat(minute(at(1)))] {
        assert_eq!(refusal(&*meter, claim(at(1), &[limit])).await, by(0, id(0)));
    }
    assert_eq!(refusal(&*meter, claim(at(1), &[cap(at(1), 1)])).await, None);
}

async fn a_sliding_window_ends_to_the_millisecond(meter: Backend) {
    place(&*meter, claim(at(0), &[]), id(0)).await;
    let milli = Duration::from_millis(1);
    let (last, first) = (at(60).minus(milli), at(60));
    let kinds: [fn(Timestamp) -> Limit; 3] = [
        |at| Limit::Content(minute(at)),
        |at| Limit::Repeat(minute(at)),
        |at| cap(at, 1),
    ];
    for limit in kinds {
        assert_eq!(
            refusal(&*meter, claim(last, &[limit(last)])).await,
            by(0, id(0))
        );
        assert_eq!(refusal(&*meter, claim(first, &[limit(first)])).await, None);
    }
}

async fn a_calendar_window_begins_and_ends(meter: Backend) {
    let milli = Duration::from_millis(1);
    for (n, moment) in [at(0).minus(milli), at(0), at(100).minus(milli), at(100)]
        .into_iter()
        .enumerate()
    {
        place(&*meter, claim(moment, &[]), id(n as i64)).await;
    }
    let of = |since, until, most| Limit::Cap {
        over: Over::All,
        window: Window::between(since, until),
        most,
    };
    let check = async |limit| refusal(&*meter, claim(at(50), &[limit])).await;
    assert_eq!(check(of(at(0), at(100), 2)).await, by(0, id(2)));
    assert_eq!(check(of(at(0), at(100), 3)).await, None);
    assert_eq!(check(of(at(0), at(101), 3)).await, by(0, id(3)));
    assert_eq!(check(of(at(200), at(300), 1)).await, None);
}

async fn a_place_later_than_the_claim_counts_within_the_window(meter: Backend) {
    place(&*meter, claim(at(30), &[]), id(30)).await;
    let check = async |moment, limit| refusal(&*meter, claim(moment, &[limit])).await;
    assert_eq!(check(at(0), cap(at(0), 1)).await, by(0, id(30)));
    assert_eq!(check(at(-29), cap(at(-29), 1)).await, by(0, id(30)));
    assert_eq!(check(at(-30), cap(at(-30), 1)).await, None);
    assert_eq!(
        check(at(0), Limit::Repeat(minute(at(0)))).await,
        by(0, id(30))
    );
}

async fn the_first_limit_not_kept_is_named(meter: Backend) {
    place(&*meter, claim(at(0), &[]), id(0)).await;
    let limits = [
        cap(at(1), 2),
        Limit::Content(minute(at(1))),
        Limit::Repeat(minute(at(1))),
        cap(at(1), 1),
    ];
    assert_eq!(refusal(&*meter, claim(at(1), &limits)).await, by(1, id(0)));
    let mut other = claim(at(1), &limits);
    other.content = Some(8);
    assert_eq!(refusal(&*meter, other).await, by(2, id(0)));
    other.template = TemplateId::from_u64(2);
    assert_eq!(refusal(&*meter, other).await, by(3, id(0)));
}

async fn the_latest_delivery_is_named(meter: Backend) {
    for second in [0, 20, 10] {
        place(&*meter, claim(at(second), &[]), id(second)).await;
    }
    assert_eq!(
        refusal(&*meter, claim(at(30), &[cap(at(30), 2)])).await,
        by(0, id(20))
    );
    assert_eq!(
        refusal(&*meter, claim(at(70), &[cap(at(70), 1)])).await,
        by(0, id(20))
    );
    assert_eq!(
        refusal(&*meter, claim(at(70), &[cap(at(70), 2)])).await,
        None
    );
}

async fn a_cap_of_nothing_refuses_everything(meter: Backend) {
    let nothing = Some(Refusal {
        limit: 0,
        holder: None,
    });
    let limits = [cap(at(0), 0)];
    assert_eq!(refusal(&*meter, claim(at(0), &limits)).await, nothing);
}

async fn no_limit_no_refusal(meter: Backend) {
    for second in 0..20 {
        place(&*meter, claim(at(0), &[]), id(second)).await;
    }
    assert_eq!(meter.size().keys, 20);
    assert!(meter.size().bytes > 0);
}
