//! What becomes of a place.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use austin_ports::meter::Traffic;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        a_pending_place_stands_in_the_way_and_is_awaited,
        a_place_given_back_is_free,
        a_place_that_is_not_pending_is_not_awaited,
        deliveries_alone_refuse_without_waiting,
        claims_of_one_call_meet_in_order,
        a_delivery_that_goes_out_does_not_meet_itself,
        what_goes_out_counts_from_then,
        what_may_not_go_out_stays_as_it_was,
        what_goes_out_without_a_place_gets_one,
        a_released_place_is_free,
        restoring_counts_nothing_twice,
        forgetting_looks_at_what_places_are_of,
        forgetting_settles_pending_places,
        long_odd_lives_come_out_as_they_went_in,
    ]
}

fn pending(slot: &Slot) -> Option<Refusal> {
    Some(Refusal {
        limit: 0,
        holder: Some(Holder::Pending(slot.token())),
    })
}

async fn a_pending_place_stands_in_the_way_and_is_awaited(meter: Backend) {
    let limits = [Limit::Content(minute(at(0)))];
    let slot = taken(reserve(&*meter, claim(at(0), &limits)).await);
    assert_eq!(
        refusal(&*meter, claim(at(0), &limits)).await,
        pending(&slot)
    );
    let mut one = pin!(meter.settled(slot.token()));
    let mut two = pin!(meter.settled(slot.token()));
    assert!(is_pending(one.as_mut()));
    assert!(is_pending(two.as_mut()));
    meter.bind(vec![(slot, id(0))]).await.unwrap();
    assert_eq!(one.await, Ok(Some(id(0))));
    assert_eq!(two.await, Ok(Some(id(0))));
    assert_eq!(refusal(&*meter, claim(at(0), &limits)).await, by(0, id(0)));
}

async fn a_place_given_back_is_free(meter: Backend) {
    let limits = [cap(at(0), 1)];
    let slot = taken(reserve(&*meter, claim(at(0), &limits)).await);
    let mut waits = pin!(meter.settled(slot.token()));
    assert!(is_pending(waits.as_mut()));
    meter.give_back(vec![slot]).await.unwrap();
    assert_eq!(waits.await, Ok(None));
    assert_eq!(meter.size().keys, 0);
    assert_eq!(refusal(&*meter, claim(at(0), &limits)).await, None);
}

async fn a_place_that_is_not_pending_is_not_awaited(meter: Backend) {
    let bound = taken(reserve(&*meter, claim(at(0), &[])).await);
    let returned = taken(reserve(&*meter, claim(at(0), &[])).await);
    let tokens = [bound.token(), returned.token()];
    meter.bind(vec![(bound, id(0))]).await.unwrap();
    meter.give_back(vec![returned]).await.unwrap();
    for token in tokens {
        assert_eq!(meter.settled(token).await, Ok(None));
    }
}

/// Looks once, so that it waits from now on.
fn is_pending<T>(future: Pin<&mut impl Future<Output = T>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_pending()
}

async fn deliveries_alone_refuse_without_waiting(meter: Backend) {
    place(&*meter, claim(at(0), &[]), id(0)).await;
    let first = taken(reserve(&*meter, claim(at(1), &[])).await);
    let second = taken(reserve(&*meter, claim(at(2), &[])).await);
    let check = async |most| refusal(&*meter, claim(at(3), &[cap(at(3), most)])).await;
    assert_eq!(check(1).await, by(0, id(0)));
    assert_eq!(check(2).await, pending(&first));
    assert_eq!(check(3).await, pending(&first));
    assert_eq!(check(4).await, None);
    meter.bind(vec![(first, id(1))]).await.unwrap();
    assert_eq!(check(2).await, by(0, id(1)));
    assert_eq!(check(3).await, pending(&second));
    meter.give_back(vec![second]).await.unwrap();
    assert_eq!(check(3).await, None);
}

async fn claims_of_one_call_meet_in_order(meter: Backend) {
    let limits = [cap(at(0), 2)];
    let claims = [claim(at(0), &limits); 3];
    let reserved = meter.reserve(&claims).await.unwrap();
    let [one, two, three] = <[Reserved; 3]>::try_from(reserved).unwrap();
    let (one, _two) = (taken(one), taken(two));
    assert_eq!(Some(three), pending(&one).map(Reserved::Refused));
    // Asked one by one, none of them is taken.
    let checked = meter.check(&claims).await.unwrap();
    assert_eq!(checked, [pending(&one); 3]);
}

async fn a_delivery_that_goes_out_does_not_meet_itself(meter: Backend) {
    let mut held = claim(at(0), &[]);
    held.counts = false;
    place(&*meter, held, id(0)).await;
    let limits = [
        cap(at(9), 1),
        Limit::Content(minute(at(9))),
        Limit::Repeat(minute(at(9))),
    ];
    for _ in 0..2 {
        let promoted = meter.promote(&[(id(0), claim(at(9), &limits))]).await;
        assert_eq!(promoted, Ok(vec![Ok(())]));
    }
    assert_eq!(meter.size().keys, 1);
}

async fn what_goes_out_counts_from_then(meter: Backend) {
    let mut held = claim(at(0), &[]);
    held.counts = false;
    place(&*meter, held, id(0)).await;
    assert_eq!(refusal(&*meter, claim(at(9), &[cap(at(9), 1)])).await, None);
    let promoted = meter.promote(&[(id(0), claim(at(1000), &[]))]).await;
    assert_eq!(promoted, Ok(vec![Ok(())]));
    let check = async |second| refusal(&*meter, claim(at(second), &[cap(at(second), 1)])).await;
    assert_eq!(check(1059).await, by(0, id(0)));
    assert_eq!(check(1060).await, None);
    assert_eq!(check(9).await, None);
}

async fn what_may_not_go_out_stays_as_it_was(meter: Backend) {
    let mut held = claim(at(0), &[]);
    held.counts = false;
    place(&*meter, held, id(0)).await;
    place(&*meter, claim(at(8), &[]), id(8)).await;
    let limits = [cap(at(9), 1)];
    let promoted = meter.promote(&[(id(0), claim(at(9), &limits))]).await;
    assert_eq!(promoted.unwrap(), [Err(by(0, id(8)).unwrap())]);
    assert_eq!(meter.size().keys, 2);
    assert_eq!(
        refusal(&*meter, claim(at(9), &[cap(at(9), 2)])).await,
        None,
        "it does not count"
    );
    meter.release(&[("+8613711112200", id(8))]).await.unwrap();
    let promoted = meter.promote(&[(id(0), claim(at(9), &limits))]).await;
    assert_eq!(promoted, Ok(vec![Ok(())]));
}

async fn what_goes_out_without_a_place_gets_one(meter: Backend) {
    let limits = [cap(at(0), 1)];
    let promotions = [
        (id(0), claim(at(0), &limits)),
        (id(1), claim(at(0), &limits)),
    ];
    let promoted = meter.promote(&promotions).await.unwrap();
    assert_eq!(promoted, [Ok(()), Err(by(0, id(0)).unwrap())]);
    assert_eq!(meter.size().keys, 1);
}

async fn a_released_place_is_free(meter: Backend) {
    place(&*meter, claim(at(0), &[]), id(0)).await;
    let limits = [cap(at(1), 1)];
    let ended = [("+8613711112201", id(0)), ("+8613711112200", id(1))];
    meter.release(&ended).await.unwrap();
    assert_eq!(refusal(&*meter, claim(at(1), &limits)).await, by(0, id(0)));
    let ended = [("+8613711112200", id(0)); 2];
    meter.release(&ended).await.unwrap();
    assert_eq!(refusal(&*meter, claim(at(1), &limits)).await, None);
    assert_eq!(meter.size().keys, 0);
}

async fn restoring_counts_nothing_twice(meter: Backend) {
    place(&*meter, claim(at(5), &[]), id(5)).await;
    let known = [(id(0), claim(at(0), &[])), (id(5), claim(at(900), &[]))];
    for _ in 0..2 {
        meter.restore(&known).await.unwrap();
    }
    assert_eq!(meter.size().keys, 2);
    let check =
        async |second, most| refusal(&*meter, claim(at(second), &[cap(at(second), most)])).await;
    assert_eq!(check(10, 2).await, by(0, id(5)));
    assert_eq!(check(10, 3).await, None);
    assert_eq!(check(900, 1).await, None, "it stays as it was");
}

async fn forgetting_looks_at_what_places_are_of(meter: Backend) {
    let mut other = claim(at(0), &[]);
    other.template = TemplateId::from_u64(2);
    let mut uncounted = claim(at(0), &[]);
    uncounted.counts = false;
    place(&*meter, claim(at(0), &[]), id(0)).await;
    place(&*meter, claim(at(9), &[]), id(1)).await;
    place(&*meter, other, id(2)).await;
    place(&*meter, uncounted, id(3)).await;
    let keep = |traffic: Traffic<'_>| {
        assert_eq!(traffic.team, "shop");
        let second = traffic.template == TemplateId::from_u64(2);
        if second {
            at(0)
        } else if traffic.counts {
            at(9)
        } else {
            at(1)
        }
    };
    assert_eq!(meter.forget(&keep).await, Ok(2));
    assert_eq!(meter.forget(&keep).await, Ok(0));
    assert_eq!(meter.size().keys, 2);
    assert_eq!(
        refusal(&*meter, claim(at(0), &[cap(at(0), 2)])).await,
        by(0, id(1))
    );
    assert_eq!(meter.forget(&|_| at(10)).await, Ok(2));
    assert_eq!(meter.size().keys, 0);
}

async fn forgetting_settles_pending_places(meter: Backend) {
    let slot = taken(reserve(&*meter, claim(at(0), &[])).await);
    let mut waits = pin!(meter.settled(slot.token()));
    assert!(is_pending(waits.as_mut()));
    assert_eq!(meter.forget(&|_| at(1)).await, Ok(1));
    assert_eq!(waits.await, Ok(None));
    meter.bind(vec![(slot, id(0))]).await.unwrap();
    assert_eq!(meter.size().keys, 0);
}

/// Ids and times in every relation, and more kinds than most have.
async fn long_odd_lives_come_out_as_they_went_in(meter: Backend) {
    let people: Vec<String> = (0..200).map(|n| format!("+861371111{n:04}")).collect();
    let lag = |n: usize| [0, 1, -1, 400, 100_000, -100_000, 40_000_000][n % 7];
    let id_of = |n: usize| id(n as i64 * 3 + lag(n));
    for (n, to) in people.iter().enumerate() {
        let mut one = claim(at(n as i64 * 3), &[]);
        (one.to, one.template) = (to, TemplateId::from_u64(n as u64 * 50));
        if n % 2 == 0 {
            place(&*meter, one, id_of(n)).await;
        } else {
            meter.restore(&[(id_of(n), one)]).await.unwrap();
        }
    }
    let mut left = people.len() as u64;
    while left > 0 {
        for (n, to) in people.iter().enumerate().skip(people.len() - left as usize) {
            let moment = at(n as i64 * 3);
            let limits = [Limit::Repeat(minute(moment))];
            let mut again = claim(moment, &limits);
            (again.to, again.template) = (to, TemplateId::from_u64(n as u64 * 50));
            assert_eq!(refusal(&*meter, again).await, by(0, id_of(n)), "{n}");
        }
        let gone = 50.min(left);
        left -= gone;
        let before = at((people.len() as i64 - left as i64) * 3);
        assert_eq!(meter.forget(&|_| before).await, Ok(gone));
        assert_eq!(meter.size().keys, left);
    }
}
