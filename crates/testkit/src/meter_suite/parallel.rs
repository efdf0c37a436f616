//! Many at the same time, on threads of their own.

use std::sync::Barrier;

use tokio::runtime::Builder;

use super::*;
use crate::cases;

pub(super) fn cases() -> Vec<Case<Backend>> {
    cases![
        of_five_hundred_at_once_exactly_five_are_taken,
        of_a_thousand_equal_ones_exactly_one_is_sent,
        places_given_back_are_taken_by_those_who_wait,
    ]
}

/// Runs `act` on this many threads at once, with the number of each.
async fn on_threads<T: Send + 'static>(
    count: usize,
    act: impl AsyncFn(usize) -> T + Send + Sync + Clone + 'static,
) -> Vec<T> {
    let begin = Arc::new(Barrier::new(count));
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let (act, begin) = (act.clone(), Arc::clone(&begin));
            std::thread::spawn(move || {
                let runtime = Builder::new_current_thread().build().unwrap();
                begin.wait();
                runtime.block_on(act(number))
            })
        })
        .collect();
    let join = move || threads.into_iter().map(|thread| thread.join().unwrap());
    tokio::task::spawn_blocking(move || join().collect())
        .await
        .unwrap()
}

async fn of_five_hundred_at_once_exactly_five_are_taken(meter: Backend) {
    let shared = Arc::clone(&meter);
    let slots = on_threads(50, async move |thread| {
        let mut slots = Vec::new();
        for n in 0..10 {
            // Clocks are read before the turn comes.
            let moment = at((thread * 7 + n) as i64 % 20);
            let limits = [cap(moment, 5)];
            if let Reserved::Taken(slot) = reserve(&*shared, claim(moment, &limits)).await {
                slots.push(slot);
            }
        }
        slots
    })
    .await;
    assert_eq!(slots.into_iter().flatten().count(), 5);
    assert_eq!(meter.size().keys, 5);
}

/// Everyone learns the one delivery that was sent.
async fn of_a_thousand_equal_ones_exactly_one_is_sent(meter: Backend) {
    let shared = Arc::clone(&meter);
    let outcomes = on_threads(50, async move |thread| {
        let mut outcomes = Vec::new();
        for n in 0..20 {
            let limits = [Limit::Content(minute(at(0)))];
            loop {
                match reserve(&*shared, claim(at(0), &limits)).await {
                    Reserved::Taken(slot) => {
                        std::thread::yield_now();
                        let id = id((thread * 20 + n) as i64);
                        shared.bind(vec![(slot, id)]).await.unwrap();
                        outcomes.push((true, id));
                    }
                    Reserved::Refused(refusal) => match refusal.holder.unwrap() {
                        Holder::Delivery(id) => outcomes.push((false, id)),
                        Holder::Pending(token) => {
                            shared.settled(token).await.unwrap();
                            continue;
                        }
                    },
                }
                break;
            }
        }
        outcomes
    })
    .await;
    let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(outcomes.len(), 1000);
    let sent: Vec<_> = outcomes.iter().filter(|(taken, _)| *taken).collect();
    assert_eq!(sent.len(), 1);
    assert!(outcomes.iter().all(|(_, id)| *id == sent[0].1));
}

/// Every other accept fails: its place goes to one who waits, until five are sent.
async fn places_given_back_are_taken_by_those_who_wait(meter: Backend) {
    let shared = Arc::clone(&meter);
    let sent = on_threads(40, async move |thread| {
        let limits = [cap(at(0), 5)];
        let mut tries = 0;
        loop {
            match reserve(&*shared, claim(at(0), &limits)).await {
                Reserved::Taken(slot) if tries == 0 && thread % 2 == 0 => {
                    tries += 1;
                    shared.give_back(vec![slot]).await.unwrap();
                }
                Reserved::Taken(slot) => {
                    shared.bind(vec![(slot, id(thread as i64))]).await.unwrap();
                    return true;
                }
                Reserved::Refused(refusal) => match refusal.holder.unwrap() {
                    Holder::Delivery(_) => return false,
                    Holder::Pending(token) => {
                        shared.settled(token).await.unwrap();
                    }
                },
            }
        }
    })
    .await;
    assert_eq!(sent.into_iter().filter(|sent| *sent).count(), 5);
    assert_eq!(meter.size().keys, 5);
}
