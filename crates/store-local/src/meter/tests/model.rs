//! Random work on the embedded meter and on the plain model side by side: claims that are bound,
//! given back or left pending, deliveries that are retried, go out, fail and come back, crashes
//! with a rebuild from what a ledger would know, and time. Both must answer the same.

use std::collections::BTreeMap;
use std::time::Duration;

use austin_domain::{Channel, Class, Lane, TemplateId, Timestamp};
use austin_ports::meter::{Holder, Limit, Over, Window};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Claims of one call.
    Claim(Vec<Wish>),
    /// The pending place of this number becomes a delivery, this many milliseconds later.
    Bind(usize, i64),
    GiveBack(usize),
    /// A delivery goes out, under these limits.
    Promote(usize, Vec<Rule>),
    /// It ended without reaching the person.
    Release(usize),
    /// The process dies and is built anew from the ledger, read in this order, twice or once.
    Crash(bool, bool),
    /// Milliseconds, mostly forward.
    Pass(i64),
    /// Of a template and the others, counted and not.
    Forget([i64; 2]),
}

#[derive(Clone, Debug)]
struct Wish {
    person: u8,
    template: u64,
    marketing: bool,
    team: bool,
    content: Option<u64>,
    counts: bool,
    rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Content(i64),
    Repeat(i64),
    Sliding(Over, u32, i64),
    Calendar(Over, u32, i64),
}

impl Rule {
    fn at(self, now: Timestamp) -> Limit {
        let sliding =
            |millis: i64| Window::sliding(now, Duration::from_millis(millis.unsigned_abs()));
        match self {
            Self::Content(millis) => Limit::Content(sliding(millis)),
            Self::Repeat(millis) => Limit::Repeat(sliding(millis)),
            Self::Sliding(over, most, millis) => Limit::Cap {
                over,
                window: sliding(millis),
                most,
            },
            Self::Calendar(over, most, millis) => {
                let begin = now.millis() - now.millis().rem_euclid(millis);
                let end = Timestamp::from_millis(begin + millis);
                Limit::Cap {
                    over,
                    window: Window::between(Timestamp::from_millis(begin), end),
                    most,
                }
            }
        }
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    let over = || {
        proptest::sample::select(vec![
            Over::All,
            Over::Channel,
            Over::Class,
            Over::Team,
            Over::Template,
        ])
    };
    prop_oneof![
        (1i64..6000).prop_map(Rule::Content),
        (1i64..6000).prop_map(Rule::Repeat),
        (over(), 0u32..4, 1i64..9000).prop_map(|(o, n, w)| Rule::Sliding(o, n, w)),
        (over(), 1u32..4, 1i64..9000).prop_map(|(o, n, w)| Rule::Calendar(o, n, w)),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    (
        0u8..3,
        1u64..4,
        any::<[bool; 2]>(),
        proptest::option::weighted(0.8, 0u64..3),
        proptest::bool::weighted(0.8),
        proptest::collection::vec(rule(), 0..4),
    )
        .prop_map(
            |(person, template, [marketing, team], content, counts, rules)| Wish {
                person,
                template,
                marketing,
                team,
                content,
                counts,
                rules,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let rules = proptest::collection::vec(rule(), 0..3);
    prop_oneof![
        8 => proptest::collection::vec(wish(), 1..4).prop_map(Step::Claim),
        6 => (0usize..4, -2000i64..700).prop_map(|(slot, late)| Step::Bind(slot, late)),
        2 => (0usize..4).prop_map(Step::GiveBack),
        3 => (0usize..12, rules).prop_map(|(id, rules)| Step::Promote(id, rules)),
        2 => (0usize..12).prop_map(Step::Release),
        1 => any::<[bool; 2]>().prop_map(|[back, twice]| Step::Crash(back, twice)),
        3 => (-500i64..5000).prop_map(Step::Pass),
        1 => any::<[u16; 2]>()
            .prop_map(|ago| Step::Forget(ago.map(|ago| i64::from(ago) / 6))),
    ]
}

/// What a ledger would know of a delivery.
#[derive(Clone, Debug)]
struct Known {
    to: String,
    wish: Wish,
    at: Timestamp,
    counts: bool,
}

impl Known {
    fn claim<'a>(&'a self, limits: &'a [Limit]) -> Claim<'a> {
        Claim {
            to: &self.to,
            at: self.at,
            template: TemplateId::from_u64(self.wish.template),
            lane: Lane {
                channel: [Channel::Sms, Channel::Email][usize::from(self.wish.template == 3)],
                class: [Class::Notification, Class::Marketing][usize::from(self.wish.marketing)],
            },
            team: ["shop", "parcels"][usize::from(self.wish.team)],
            content: self.wish.content,
            counts: self.counts,
            limits,
        }
    }
}

/// A pending place, on both sides.
struct Pair {
    known: Known,
    real: Slot,
    plain: Slot,
}

struct World {
    real: LocalMeter,
    plain: MemoryMeter,
    now: Timestamp,
    pending: Vec<Pair>,
    ledger: BTreeMap<DeliveryId, Known>,
    numbers: u64,
}

/// A refusal with the pending place as its number among those pending.
type Seen = (
    usize,
    Option<std::result::Result<DeliveryId, Option<usize>>>,
);

impl World {
    fn new() -> Self {
        Self {
            real: fresh(0),
            plain: MemoryMeter::default(),
            now: at(0),
            pending: Vec::new(),
            ledger: BTreeMap::new(),
            numbers: 0,
        }
    }

    fn seen(&self, refusal: Refusal, of: impl Fn(&Pair) -> &Slot) -> Seen {
        let holder = refusal.holder.map(|holder| match holder {
            Holder::Delivery(id) => Ok(id),
            Holder::Pending(token) => Err(self
                .pending
                .iter()
                .position(|pair| of(pair).token() == token)),
        });
        (refusal.limit, holder)
    }

    #[track_caller]
    fn same(&self, real: Refusal, plain: Refusal) {
        assert_eq!(
            self.seen(real, |pair| &pair.real),
            self.seen(plain, |pair| &pair.plain)
        );
    }

    async fn claim(&mut self, wishes: &[Wish]) {
        let known: Vec<Known> = wishes
            .iter()
            .map(|wish| Known {
                to: format!("+861371111220{}", wish.person),
                wish: wish.clone(),
                at: self.now,
                counts: wish.counts,
            })
            .collect();
        let limits: Vec<Vec<Limit>> = wishes
            .iter()
            .map(|wish| wish.rules.iter().map(|rule| rule.at(self.now)).collect())
            .collect();
        let claims: Vec<Claim<'_>> = known
            .iter()
            .zip(&limits)
            .map(|(known, limits)| known.claim(limits))
            .collect();
        let checked = [
            self.real.check(&claims).await.unwrap(),
            self.plain.check(&claims).await.unwrap(),
        ];
        for (real, plain) in checked[0].iter().zip(&checked[1]) {
            assert_eq!(real.is_some(), plain.is_some());
            if let (Some(real), Some(plain)) = (real, plain) {
                self.same(*real, *plain);
            }
        }
        let real = self.real.reserve(&claims).await.unwrap();
        let plain = self.plain.reserve(&claims).await.unwrap();
        for ((real, plain), known) in real.into_iter().zip(plain).zip(&known) {
            match (real, plain) {
                (Reserved::Taken(real), Reserved::Taken(plain)) => self.pending.push(Pair {
                    known: known.clone(),
                    real,
                    plain,
                }),
                (Reserved::Refused(real), Reserved::Refused(plain)) => self.same(real, plain),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn bind(&mut self, slot: usize, late: i64) {
        if slot >= self.pending.len() {
            return;
        }
        let pair = self.pending.remove(slot);
        self.numbers += 1;
        let millis = pair.known.at.millis() + late;
        let first = DeliveryId::first_at(Timestamp::from_millis(millis));
        let id = DeliveryId::from_u64(first.as_u64() + self.numbers);
        self.real.bind(vec![(pair.real, id)]).await.unwrap();
        self.plain.bind(vec![(pair.plain, id)]).await.unwrap();
        self.ledger.insert(id, pair.known);
    }

    async fn give_back(&mut self, slot: usize) {
        if slot < self.pending.len() {
            let pair = self.pending.remove(slot);
            self.real.give_back(vec![pair.real]).await.unwrap();
            self.plain.give_back(vec![pair.plain]).await.unwrap();
        }
    }

    fn nth(&self, number: usize) -> Option<(DeliveryId, Known)> {
        let (id, known) = self.ledger.iter().rev().nth(number)?;
        Some((*id, known.clone()))
    }

    async fn promote(&mut self, number: usize, rules: &[Rule]) {
        let Some((id, mut known)) = self.nth(number) else {
            return;
        };
        (known.at, known.counts) = (self.now, true);
        let limits: Vec<Limit> = rules.iter().map(|rule| rule.at(self.now)).collect();
        let promotion = [(id, known.claim(&limits))];
        let real = self.real.promote(&promotion).await.unwrap().remove(0);
        let plain = self.plain.promote(&promotion).await.unwrap().remove(0);
        match (real, plain) {
            (Ok(()), Ok(())) => {
                self.ledger.insert(id, known);
            }
            (Err(real), Err(plain)) => self.same(real, plain),
            other => panic!("{other:?}"),
        }
    }

    async fn release(&mut self, number: usize) {
        if let Some((id, known)) = self.nth(number) {
            let ended = [(known.to.as_str(), id)];
            self.real.release(&ended).await.unwrap();
            self.plain.release(&ended).await.unwrap();
            self.ledger.remove(&id);
        }
    }

    /// The plain side keeps its list; what it holds must be what the ledger brings back.
    async fn crash(&mut self, backwards: bool, twice: bool) {
        self.real = fresh(0);
        for pair in std::mem::take(&mut self.pending) {
            self.plain.give_back(vec![pair.plain]).await.unwrap();
        }
        let mut rows: Vec<_> = self
            .ledger
            .iter()
            .map(|(id, known)| (*id, known.claim(&[])))
            .collect();
        if backwards {
            rows.reverse();
        }
        for _ in 0..=usize::from(twice) {
            self.real.restore(&rows).await.unwrap();
        }
        self.plain.restore(&rows).await.unwrap();
    }

    async fn forget(&mut self, ago: [i64; 2]) {
        let before = ago.map(|ago| Timestamp::from_millis(self.now.millis() - ago));
        let keep = move |traffic: Traffic<'_>| {
            let first = traffic.template == TemplateId::from_u64(1);
            before[usize::from(first != traffic.counts)]
        };
        let real = self.real.forget(&keep).await.unwrap();
        assert_eq!(self.plain.forget(&keep).await, Ok(real));
        self.ledger.retain(|_, known| {
            let claim = known.claim(&[]);
            known.at
                >= keep(Traffic {
                    template: claim.template,
                    lane: claim.lane,
                    team: claim.team,
                    counts: claim.counts,
                })
        });
    }

    async fn act(&mut self, step: &Step) {
        match step {
            Step::Claim(wishes) => self.claim(wishes).await,
            Step::Bind(slot, late) => self.bind(*slot, *late).await,
            Step::GiveBack(slot) => self.give_back(*slot).await,
            Step::Promote(number, rules) => self.promote(*number, rules).await,
            Step::Release(number) => self.release(*number).await,
            Step::Crash(backwards, twice) => self.crash(*backwards, *twice).await,
            Step::Pass(millis) => {
                self.now = Timestamp::from_millis(self.now.millis() + millis);
            }
            Step::Forget(ago) => self.forget(*ago).await,
        }
        assert_eq!(self.real.size().keys, self.plain.size().keys);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_as_the_plain_model_does(steps in proptest::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in &steps {
                world.act(step).await;
            }
        });
    }
}
