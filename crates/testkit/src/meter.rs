//! The meter's contract as one plain list that is read from end to end: the model real backends
//! are compared with, and a stand-in where a test is about the engine.

use std::collections::HashMap;

use austin_domain::{DeliveryId, Lane, TemplateId, Timestamp};
use austin_ports::BoxFuture;
use austin_ports::meter::{
    Claim, Holder, Keep, Limit, Meter, Over, Refusal, Reserved, Result, Size, Slot, Token, Traffic,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A meter in memory.
#[derive(Debug, Default)]
pub struct MemoryMeter(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    places: Vec<Place>,
    tokens: u64,
    waiting: HashMap<Token, Vec<oneshot::Sender<Option<DeliveryId>>>>,
}

#[derive(Clone, Debug)]
struct Place {
    holder: Holder,
    to: String,
    at: Timestamp,
    template: TemplateId,
    lane: Lane,
    team: String,
    content: Option<u64>,
    counts: bool,
}

impl Place {
    fn of(holder: Holder, claim: &Claim<'_>) -> Self {
        Self {
            holder,
            to: claim.to.to_owned(),
            at: claim.at,
            template: claim.template,
            lane: claim.lane,
            team: claim.team.to_owned(),
            content: claim.content,
            counts: claim.counts,
        }
    }

    fn meets(&self, claim: &Claim<'_>, limit: Limit) -> bool {
        let same_template = self.template == claim.template;
        match limit {
            Limit::Content(window) => {
                let same = self.content.is_some() && self.content == claim.content;
                window.holds(self.at) && same_template && same
            }
            Limit::Repeat(window) => window.holds(self.at) && same_template,
            Limit::Cap { over, window, .. } => {
                let counted = match over {
                    Over::All => true,
                    Over::Channel => self.lane.channel == claim.lane.channel,
                    Over::Class => self.lane.class == claim.lane.class,
                    Over::Team => self.team == claim.team,
                    Over::Template => same_template,
                };
                self.counts && window.holds(self.at) && counted
            }
        }
    }
}

impl Inner {
    fn refusal(&self, claim: &Claim<'_>, but: Option<Holder>) -> Option<Refusal> {
        claim.limits.iter().enumerate().find_map(|(index, limit)| {
            let most = match limit {
                Limit::Content(_) | Limit::Repeat(_) => 1,
                Limit::Cap { most, .. } => *most as usize,
            };
            let others = self.places.iter().filter(|place| {
                place.to == claim.to && Some(place.holder) != but && place.meets(claim, *limit)
            });
            let (mut settled, mut pending) = (Vec::new(), Vec::new());
            for place in others {
                match place.holder {
                    Holder::Delivery(id) => settled.push((place.at, id)),
                    Holder::Pending(token) => pending.push((place.at, token)),
                }
            }
            if settled.len() + pending.len() < most {
                return None;
            }
            let holder = if settled.len() >= most || pending.is_empty() {
                settled
                    .into_iter()
                    .max()
                    .map(|(_, id)| Holder::Delivery(id))
            } else {
                pending
                    .into_iter()
                    .min()
                    .map(|(_, token)| Holder::Pending(token))
            };
            Some(Refusal {
                limit: index,
                holder,
            })
        })
    }

    fn reserve(&mut self, claim: &Claim<'_>) -> Reserved {
        if let Some(refusal) = self.refusal(claim, None) {
            return Reserved::Refused(refusal);
        }
        self.tokens += 1;
        let token = Token::from_u64(self.tokens);
        self.places.push(Place::of(Holder::Pending(token), claim));
        Reserved::Taken(Slot::new(token))
    }

    fn settle(&mut self, token: Token, delivery: Option<DeliveryId>) {
        for waiting in self.waiting.remove(&token).unwrap_or_default() {
            let _ = waiting.send(delivery);
        }
    }

    fn bind(&mut self, slot: &Slot, delivery: DeliveryId) {
        let pending = Holder::Pending(slot.token());
        for place in self
            .places
            .iter_mut()
            .filter(|place| place.holder == pending)
        {
            place.holder = Holder::Delivery(delivery);
        }
        self.settle(slot.token(), Some(delivery));
    }

    fn give_back(&mut self, slot: &Slot) {
        let pending = Holder::Pending(slot.token());
        self.places.retain(|place| place.holder != pending);
        self.settle(slot.token(), None);
    }

    fn promote(
        &mut self,
        delivery: DeliveryId,
        claim: &Claim<'_>,
    ) -> std::result::Result<(), Refusal> {
        let holder = Holder::Delivery(delivery);
        if let Some(refusal) = self.refusal(claim, Some(holder)) {
            return Err(refusal);
        }
        self.places
            .retain(|place| place.to != claim.to || place.holder != holder);
        self.places.push(Place::of(holder, claim));
        Ok(())
    }

    fn restore(&mut self, delivery: DeliveryId, claim: &Claim<'_>) {
        let holder = Holder::Delivery(delivery);
        let known = |place: &Place| place.to == claim.to && place.holder == holder;
        if !self.places.iter().any(known) {
            self.places.push(Place::of(holder, claim));
        }
    }

    fn forget(&mut self, keep: Keep<'_>) -> u64 {
        let (mut dropped, mut settled) = (0, Vec::new());
        self.places.retain(|place| {
            let traffic = Traffic {
                template: place.template,
                lane: place.lane,
                team: &place.team,
                counts: place.counts,
            };
            let stays = place.at >= keep(traffic);
            if !stays {
                dropped += 1;
                if let Holder::Pending(token) = place.holder {
                    settled.push(token);
                }
            }
            stays
        });
        for token in settled {
            self.settle(token, None);
        }
        dropped
    }
}

impl MemoryMeter {
    fn with<'a, T: Send + 'a>(
        &'a self,
        act: impl FnOnce(&mut Inner) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move { Ok(act(&mut self.0.lock())) })
    }
}

impl Meter for MemoryMeter {
    fn reserve<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Reserved>>> {
        self.with(move |inner| claims.iter().map(|claim| inner.reserve(claim)).collect())
    }

    fn check<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Option<Refusal>>>> {
        self.with(move |inner| {
            let refused = claims.iter().map(|claim| inner.refusal(claim, None));
            refused.collect()
        })
    }

    fn bind(&self, bound: Vec<(Slot, DeliveryId)>) -> BoxFuture<'_, Result<()>> {
        self.with(move |inner| {
            for (slot, delivery) in &bound {
                inner.bind(slot, *delivery);
            }
        })
    }

    fn give_back(&self, slots: Vec<Slot>) -> BoxFuture<'_, Result<()>> {
        self.with(move |inner| slots.iter().for_each(|slot| inner.give_back(slot)))
    }

    fn settled(&self, token: Token) -> BoxFuture<'_, Result<Option<DeliveryId>>> {
        Box::pin(async move {
            let settled = {
                let mut inner = self.0.lock();
                let pending = Holder::Pending(token);
                if !inner.places.iter().any(|place| place.holder == pending) {
                    return Ok(None);
                }
                let (settle, settled) = oneshot::channel();
                inner.waiting.entry(token).or_default().push(settle);
                settled
            };
            Ok(settled.await.unwrap_or(None))
        })
    }

    fn promote<'a>(
        &'a self,
        promotions: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<Vec<std::result::Result<(), Refusal>>>> {
        self.with(move |inner| {
            let promoted = promotions.iter();
            promoted
                .map(|(id, claim)| inner.promote(*id, claim))
                .collect()
        })
    }

    fn release<'a>(&'a self, ended: &'a [(&'a str, DeliveryId)]) -> BoxFuture<'a, Result<()>> {
        self.with(move |inner| {
            inner.places.retain(|place| {
                let is = |(to, id): &(&str, DeliveryId)| {
                    place.to == *to && place.holder == Holder::Delivery(*id)
                };
                !ended.iter().any(is)
            });
        })
    }

    fn restore<'a>(
        &'a self,
        deliveries: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<()>> {
        self.with(move |inner| {
            for (id, claim) in deliveries {
                inner.restore(*id, claim);
            }
        })
    }

    fn forget<'a>(&'a self, keep: Keep<'a>) -> BoxFuture<'a, Result<u64>> {
        self.with(move |inner| inner.forget(keep))
    }

    fn size(&self) -> Size {
        let inner = self.0.lock();
        Size {
            keys: inner.places.len() as u64,
            bytes: (inner.places.capacity() * size_of::<Place>()) as u64,
        }
    }
}
