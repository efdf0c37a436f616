use std::collections::BTreeSet;
use std::sync::Arc;

use austin_domain::{AppId, Channel, Class, Lane, MessageId, State, TemplateId, Vars};
use austin_ports::ledger::MessageHead;
use proptest::prelude::*;

use super::*;

fn item(id: u64) -> WorkItem {
    // Messages of several apps, mixed.
    item_of(id, 1 + id / 7 % 3)
}

fn item_of(id: u64, app: u64) -> WorkItem {
    WorkItem {
        id: DeliveryId::from_u64(id),
        message: Arc::new(MessageHead {
            id: MessageId::from_u64(id - 1),
            app: AppId::from_u64(app),
            template: TemplateId::from_u64(1),
            version: 1,
            lane: Lane {
                channel: Channel::Sms,
                class: Class::Marketing,
            },
            request_id: String::new(),
            reference: None,
            attachments: Vec::new(),
            account: None,
            accepted_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(i64::MAX),
            recipients: 1,
        }),
        to: String::new(),
        vars: Arc::new(Vars::new()),
        secret_names: Arc::from([]),
        state: State::Accepted,
        attempts: 0,
        last_account: None,
        spent: Arc::from([]),
        facts: None,
        released: false,
        moves: false,
    }
}

/// What may happen around a lane whose ledger is a plain ordered set.
#[derive(Clone, Debug)]
enum Act {
    Accept(u64),
    OfferOldest,
    OfferNewest,
    StartRead,
    EndRead,
    FailRead,
    Take(usize),
    TakeAndPutBack(usize, usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1u64..6).prop_map(Act::Accept),
        Just(Act::OfferOldest),
        Just(Act::OfferNewest),
        Just(Act::StartRead),
        Just(Act::EndRead),
        Just(Act::FailRead),
        (1usize..8).prop_map(Act::Take),
        (1usize..8, 0usize..8).prop_map(|(most, keep)| Act::TakeAndPutBack(most, keep)),
    ]
}

#[derive(Default)]
struct World {
    next: u64,
    /// Durable and waiting.
    durable: BTreeSet<u64>,
    /// Durable, its offer still on the way.
    unoffered: Vec<Vec<u64>>,
    read: Option<(Refill, Vec<WorkItem>)>,
    sent: BTreeSet<u64>,
}

impl World {
    fn start_read(&mut self, queue: &mut Queue) {
        if self.read.is_some() {
            return;
        }
        let Some(refill) = queue.wants(4) else { return };
        let found: Vec<u64> = match &refill {
            Refill::After(after, asked) => self
                .durable
                .range(after.as_u64() + 1..)
                .take(*asked)
                .copied()
                .collect(),
            Refill::Listed(_, ids) | Refill::Due(ids) => ids
                .iter()
                .map(|id| id.as_u64())
                .filter(|id| self.durable.contains(id))
                .collect(),
        };
        self.read = Some((refill, found.into_iter().map(item).collect()));
    }

    fn end_read(&mut self, queue: &mut Queue) {
        match self.read.take() {
            Some((Refill::After(after, asked), items)) => queue.refilled(after, asked, items),
            Some((Refill::Listed(app, _), items)) => queue.refilled_listed(app, items),
            Some((Refill::Due(_), items)) => queue.refilled_due(items),
            None => {}
        }
    }

    fn fail_read(&mut self, queue: &mut Queue) {
        if let Some((refill, _)) = self.read.take() {
            queue.refill_failed(refill);
        }
    }

    /// The guard of `begin`: only a delivery that still waits is sent.
    fn take(&mut self, queue: &mut Queue, most: usize) {
        let taken = queue.take(most);
        self.begin(taken);
    }

    fn begin(&mut self, taken: Vec<WorkItem>) {
        for item in taken {
            if self.durable.remove(&item.id.as_u64()) {
                assert!(self.sent.insert(item.id.as_u64()), "sent twice");
            }
        }
    }

    fn offer(&mut self, queue: &mut Queue, index: usize) {
        if index < self.unoffered.len() {
            let ids = self.unoffered.remove(index);
            queue.offer(ids.into_iter().map(item).collect());
        }
    }
}

proptest! {
    /// Whatever overtakes whatever, every durable delivery is sent once in the end.
    #[test]
    fn nothing_is_stranded(acts in proptest::collection::vec(act(), 1..120), capacity in 2usize..12) {
        let mut queue = Queue::new(capacity);
        let mut world = World { next: 10, ..World::default() };
        for act in acts {
            match act {
                Act::Accept(count) => {
                    let ids: Vec<u64> = (world.next..world.next + count).collect();
                    world.next += count + 1;
                    world.durable.extend(&ids);
                    world.unoffered.push(ids);
                }
                Act::OfferOldest => world.offer(&mut queue, 0),
                Act::OfferNewest => {
                    let newest = world.unoffered.len().saturating_sub(1);
                    world.offer(&mut queue, newest);
                }
                Act::StartRead => world.start_read(&mut queue),
                Act::EndRead => world.end_read(&mut queue),
                Act::FailRead => world.fail_read(&mut queue),
                Act::TakeAndPutBack(most, keep) => {
                    let mut taken = queue.take(most);
                    let rest = taken.split_off(keep.min(taken.len()));
                    queue.put_back(rest);
                    world.begin(taken);
                }
                Act::Take(most) => world.take(&mut queue, most),
            }
        }
        while !world.unoffered.is_empty() {
            world.offer(&mut queue, 0);
        }
        for _ in 0..1000 {
            world.end_read(&mut queue);
            world.take(&mut queue, 100);
            world.start_read(&mut queue);
        }
        prop_assert!(world.durable.is_empty(), "stranded: {:?}", world.durable);
        prop_assert!(queue.spill.is_none());
        prop_assert_eq!(queue.waiting(), 0);
        prop_assert!(queue.turns.is_empty());
    }

    #[test]
    fn memory_is_bounded_by_capacity_and_one_read(offers in proptest::collection::vec(1u64..50, 1..40)) {
        let mut queue = Queue::new(20);
        let mut next = 10;
        for count in offers {
            queue.offer((next..next + count).map(item).collect());
            next += count + 1;
            prop_assert!(queue.in_memory <= 30);
            prop_assert!(queue.listed <= 160);
        }
    }
}

#[test]
fn due_deliveries_are_read_before_the_backlog_and_put_back_when_the_read_fails() {
    let mut queue = Queue::new(10);
    queue.offer_backlog(DeliveryId::from_u64(5), DeliveryId::from_u64(9), 3);
    queue.offer_due([DeliveryId::from_u64(1), DeliveryId::from_u64(2)]);
    let refill = queue.wants(10).unwrap();
    assert_eq!(
        refill,
        Refill::Due(vec![DeliveryId::from_u64(1), DeliveryId::from_u64(2)])
    );
    queue.refill_failed(refill);
    assert_eq!(queue.waiting(), 5);
    assert!(matches!(queue.wants(10), Some(Refill::Due(_))));
    assert_eq!(
        queue.wants(10),
        Some(Refill::After(DeliveryId::from_u64(4), 10))
    );
}

fn offer(queue: &mut Queue, ids: std::ops::Range<u64>, app: u64) {
    queue.offer(ids.map(|id| item_of(id, app)).collect());
}

fn apps(items: &[WorkItem]) -> Vec<u64> {
    items.iter().map(|item| item.message.app.as_u64()).collect()
}

#[test]
fn apps_take_turns_and_each_keeps_its_order() {
    let mut queue = Queue::new(1000);
    offer(&mut queue, 10..110, 1);
    offer(&mut queue, 200..203, 2);
    let taken = queue.take(8);
    assert_eq!(apps(&taken), [1, 2, 1, 2, 1, 2, 1, 1]);
    let ids: Vec<u64> = taken.iter().map(|item| item.id.as_u64()).collect();
    assert_eq!(ids, [10, 200, 11, 201, 12, 202, 13, 14]);
}

#[test]
fn turns_are_counted_in_what_goes_out() {
    let mut queue = Queue::new(1000);
    offer(&mut queue, 10..310, 1);
    offer(&mut queue, 400..700, 2);
    let mut sent = Vec::new();
    // One goes out of each hundred that are taken: a lane at its account's limit.
    for _ in 0..100 {
        let mut taken = queue.take(101);
        let rest = taken.split_off(1);
        queue.put_back(rest);
        sent.extend(taken);
    }
    let first = apps(&sent).iter().filter(|app| **app == 1).count();
    assert_eq!(first, 50);
    for app in [1, 2] {
        let own = sent.iter().filter(|item| item.message.app.as_u64() == app);
        assert!(own.map(|item| item.id).is_sorted(), "out of order");
    }
}

#[test]
fn who_was_alone_owes_little_and_who_was_away_has_nothing_saved_up() {
    let mut queue = Queue::new(100_000);
    offer(&mut queue, 10..5_010, 1);
    queue.take(5_000);
    offer(&mut queue, 6_000..7_000, 1);
    offer(&mut queue, 8_000..9_000, 2);
    let taken = apps(&queue.take(400));
    let second = taken.iter().filter(|app| **app == 2).count();
    assert!((200..=240).contains(&second), "{second} of 400");
}

#[test]
fn ten_of_one_app_pass_the_million_of_another_that_waits_on_disk() {
    let mut queue = Queue::new(1_000);
    offer(&mut queue, 10..1_000_010, 1);
    assert_eq!(
        queue.in_memory, 0,
        "more than fits at once is behind the cursor"
    );
    for id in 0..3_000 {
        offer(&mut queue, 2_000_000 + id..2_000_001 + id, 1);
    }
    offer(&mut queue, 3_000_000..3_000_010, 2);
    assert_eq!(apps(&queue.take(20)), [2; 10]);
    assert_eq!(queue.waiting(), 1_003_000);
}

#[test]
fn what_is_more_than_an_apps_reserve_is_listed_and_comes_in_order() {
    let mut queue = Queue::new(80);
    for id in 10..100 {
        offer(&mut queue, id..id + 1, 1);
    }
    assert!(queue.spill.is_none(), "eighty in memory, ten listed");
    assert_eq!((queue.in_memory, queue.listed), (80, 10));
    for id in 200..230 {
        offer(&mut queue, id..id + 1, 2);
    }
    assert_eq!(
        (queue.in_memory, queue.listed),
        (90, 30),
        "a reserve of ten"
    );
    let mut second = Vec::new();
    for _ in 0..40 {
        let taken = queue.take(4);
        second.extend(
            taken
                .iter()
                .filter(|item| item.message.app.as_u64() == 2)
                .map(|i| i.id),
        );
        if let Some(Refill::Listed(app, ids)) = queue.wants(50) {
            let items = ids
                .iter()
                .map(|id| item_of(id.as_u64(), app.as_u64()))
                .collect();
            queue.refilled_listed(app, items);
        }
    }
    let ids: Vec<u64> = second.iter().map(|id| id.as_u64()).collect();
    assert_eq!(ids, (200..230).collect::<Vec<_>>());
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn after_a_restart_who_has_much_on_disk_keeps_its_order_and_others_pass() {
    let mut queue = Queue::new(80);
    queue.offer_backlog(DeliveryId::from_u64(10), DeliveryId::from_u64(5_000), 4_000);
    let Some(Refill::After(after, asked)) = queue.wants(50) else {
        panic!("the backlog is read");
    };
    queue.refilled(after, asked, (10..60).map(|id| item_of(id, 1)).collect());
    offer(&mut queue, 6_000..6_001, 1);
    offer(&mut queue, 6_001..6_002, 2);
    let taken = queue.take(100);
    let ids: Vec<u64> = taken.iter().map(|item| item.id.as_u64()).collect();
    assert!(ids.contains(&6_001) && !ids.contains(&6_000), "{ids:?}");
}
