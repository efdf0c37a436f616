use std::collections::BTreeSet;
use std::sync::Arc;

use austin_domain::{AppId, Channel, Class, Lane, MessageId, State, TemplateId, Vars};
use austin_ports::ledger::MessageHead;
use proptest::prelude::*;

use super::*;

fn item(id: u64) -> WorkItem {
    WorkItem {
        id: DeliveryId::from_u64(id),
        message: Arc::new(MessageHead {
            id: MessageId::from_u64(id - 1),
            app: AppId::from_u64(1),
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
    Take(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1u64..6).prop_map(Act::Accept),
        Just(Act::OfferOldest),
        Just(Act::OfferNewest),
        Just(Act::StartRead),
        Just(Act::EndRead),
        (1usize..8).prop_map(Act::Take),
    ]
}

#[derive(Default)]
struct World {
    next: u64,
    /// Durable and waiting.
    durable: BTreeSet<u64>,
    /// Durable, its offer still on the way.
    unoffered: Vec<Vec<u64>>,
    read: Option<(DeliveryId, usize, Vec<WorkItem>)>,
    sent: BTreeSet<u64>,
}

impl World {
    fn start_read(&mut self, queue: &mut Queue) {
        if self.read.is_some() {
            return;
        }
        if let Some(Refill::After(after, asked)) = queue.wants(4) {
            let found: Vec<_> = self
                .durable
                .range(after.as_u64() + 1..)
                .take(asked)
                .copied()
                .collect();
            self.read = Some((after, asked, found.into_iter().map(item).collect()));
        }
    }

    fn end_read(&mut self, queue: &mut Queue) {
        if let Some((after, asked, items)) = self.read.take() {
            queue.refilled(after, asked, items);
        }
    }

    /// The guard of `begin`: only a delivery that still waits is sent.
    fn take(&mut self, queue: &mut Queue, most: usize) {
        for item in queue.take(most) {
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
    }

    #[test]
    fn memory_is_bounded_by_capacity_and_one_read(offers in proptest::collection::vec(1u64..50, 1..40)) {
        let mut queue = Queue::new(20);
        let mut next = 10;
        for count in offers {
            queue.offer((next..next + count).map(item).collect());
            next += count + 1;
            prop_assert!(queue.ready.len() <= 20);
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
