//! Who was sent what lately: the places that dedup, repeat guards and caps are judged by.
//!
//! A **place** is one delivery in the list of one person. [`Meter::reserve`] checks all limits of a
//! delivery and takes its place in one step; the place is *pending* until the ledger has given the
//! delivery an id ([`Meter::bind`]) or has not taken it ([`Meter::give_back`]). Contract, checked
//! by the conformance suite:
//! - Check and place are one step for everybody: of any number of claims at the same time, exactly
//!   as many are taken as the limits allow.
//! - What is refused names the limit and the place that stands in the way; a pending one can be
//!   awaited ([`Meter::settled`]) and the claim made again.
//! - A delivery has at most one place and never meets itself.
//! - Limits are exact to the millisecond. Contents are compared by at least 40 bits of their
//!   digest, and only among deliveries of one template to one person; people by at least 64 bits
//!   of a keyed hash of their address.
//! - It is memory: after a start it is empty, and filled from
//!   [`Ledger::counted`](crate::Ledger::counted) with [`Meter::restore`].

use std::time::Duration;

use austin_domain::{DeliveryId, Lane, TemplateId, Timestamp};

use crate::BoxFuture;

/// Result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the meter did not do what was asked. What of the call took effect is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be reached.
    #[error("limits cannot be checked now: {0}")]
    Unavailable(String),
}

/// A delivery as far as limits are concerned, and the limits it must keep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The person: a canonical address.
    pub to: &'a str,
    /// When it counts: for a claim, now.
    pub at: Timestamp,
    /// Its template.
    pub template: TemplateId,
    /// Its channel and class.
    pub lane: Lane,
    /// The team of its template.
    pub team: &'a str,
    /// Digest of what it says, where that is compared; see [`Limit::Content`].
    pub content: Option<u64>,
    /// Whether caps count it from `at` on. Not for what is scheduled or held: that counts once it
    /// goes out ([`Meter::promote`]).
    pub counts: bool,
    /// What it must keep. [`Meter::restore`] does not look at them.
    pub limits: &'a [Limit],
}

/// Without address and digest.
impl std::fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("at", &self.at)
            .field("template", &self.template)
            .field("lane", &self.lane)
            .field("team", &self.team)
            .field("counts", &self.counts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One thing a delivery must keep. All are about other places of the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No other of the same template and content in this window, whether caps count it or not.
    /// Never stands in the way of a claim without content.
    Content(Window),
    /// No other of the same template in this window, whether caps count it or not.
    Repeat(Window),
    /// Fewer than `most` others that caps count in this window.
    Cap {
        /// Which others.
        over: Over,
        /// When.
        window: Window,
        /// How many there may be, this one included. 0 refuses everything.
        most: u32,
    },
}

/// Which places a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// Every one.
    All,
    /// Those of the claim's channel.
    Channel,
    /// Those of the claim's class.
    Class,
    /// Those of the claim's team.
    Team,
    /// Those of the claim's template.
    Template,
}

/// A stretch of time: `since` belongs to it, `until` does not.
///
/// Places may be later than the claim: threads read the clock before they take their turn, and
/// clocks are set back. They count like earlier ones as long as they are in the window, so a cap
/// is never passed by a race between two readings of the clock; what a clock gone wrong has put
/// into a far future does not block anybody until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Window {
    /// Everything less than `length` away from `at`, before or after: what shares any stretch of
    /// that length with `at`. What lies exactly `length` back is out. With places on both sides
    /// this refuses rather than allows, since not all of them need share one stretch.
    pub fn sliding(at: Timestamp, length: Duration) -> Self {
        Self {
            since: at.minus(length).plus(Duration::from_millis(1)),
            until: at.plus(length),
        }
    }

    /// A calendar window: from its first instant to that of the next.
    pub const fn between(since: Timestamp, until: Timestamp) -> Self {
        Self { since, until }
    }

    /// Whether `at` belongs to it.
    pub fn holds(self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }
}

/// What became of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It keeps all limits and has its place.
    Taken(Slot),
    /// It does not; nothing was taken.
    Refused(Refusal),
}

/// Why a claim has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first of the claim's limits that it does not keep: an index.
    pub limit: usize,
    /// What stands in the way: the latest delivery the limit counts, where deliveries alone are
    /// enough of them; else the first pending place it counts. `None` for a cap of 0.
    pub holder: Option<Holder>,
}

/// What has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A delivery.
    Delivery(DeliveryId),
    /// A claim that is not settled yet: see [`Meter::settled`].
    Pending(Token),
}

/// Names a pending place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

impl Token {
    /// The backend's own number.
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw)
    }

    /// The backend's own number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A pending place, held by whoever claimed it. It must be bound or given back, also when its
/// holder is cancelled: until then it stands in the way of others, at the longest until the meter
/// forgets it ([`Meter::forget`]).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "bind it or give it back"]
pub struct Slot(Token);

impl Slot {
    /// The place a backend gave this token.
    pub const fn new(token: Token) -> Self {
        Self(token)
    }

    /// What others see of it. Who finds it as the holder that refused another claim of the same
    /// call must not wait for it before binding.
    pub const fn token(&self) -> Token {
        self.0
    }
}

/// What a place is of; see [`Meter::forget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic<'a> {
    /// Template.
    pub template: TemplateId,
    /// Channel and class.
    pub lane: Lane,
    /// Team.
    pub team: &'a str,
    /// Whether caps count it.
    pub counts: bool,
}

/// How large the meter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Places.
    pub keys: u64,
    /// Memory they take in this process.
    pub bytes: u64,
}

/// From when on places matter, by what they are of.
pub type Keep<'a> = &'a (dyn Fn(Traffic<'_>) -> Timestamp + Send + Sync);

/// The places of everybody.
pub trait Meter: Send + Sync {
    /// Claims places, in order: each claim meets those before it. A claim keeps all its limits and
    /// is taken, or nothing of it is.
    fn reserve<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Reserved>>>;

    /// What [`Meter::reserve`] would refuse if each claim came alone; takes nothing.
    fn check<'a>(&'a self, claims: &'a [Claim<'a>]) -> BoxFuture<'a, Result<Vec<Option<Refusal>>>>;

    /// Gives taken places to the deliveries they became. Before these can go out or end, so that
    /// [`Meter::promote`] and [`Meter::release`] find them.
    fn bind(&self, bound: Vec<(Slot, DeliveryId)>) -> BoxFuture<'_, Result<()>>;

    /// Frees taken places: no delivery came of them.
    fn give_back(&self, slots: Vec<Slot>) -> BoxFuture<'_, Result<()>>;

    /// Ends when a pending place is settled, with the delivery where it was bound. `None` when it
    /// was given back or forgotten, or is settled already: claim again to know.
    fn settled(&self, token: Token) -> BoxFuture<'_, Result<Option<DeliveryId>>>;

    /// A scheduled or held delivery goes out: where it keeps the claim's limits (its own place
    /// does not count), its place becomes what the claim says, with the claim's time. A delivery
    /// without a place gets one. On a refusal its place stays as it was.
    fn promote<'a>(
        &'a self,
        promotions: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<Vec<std::result::Result<(), Refusal>>>>;

    /// Frees the places of deliveries (with the person each was for) that ended without reaching
    /// the person. Those without a place are passed over.
    fn release<'a>(&'a self, ended: &'a [(&'a str, DeliveryId)]) -> BoxFuture<'a, Result<()>>;

    /// Gives places to deliveries the ledger knows. A delivery that has a place keeps it as it is,
    /// so that doing this twice, or while new ones come in, counts nothing twice.
    fn restore<'a>(
        &'a self,
        deliveries: &'a [(DeliveryId, Claim<'a>)],
    ) -> BoxFuture<'a, Result<()>>;

    /// Drops the places before the time `keep` gives for what they are of; how many. Pending ones
    /// too, which settles them. To be called from time to time: nothing else makes room.
    fn forget<'a>(&'a self, keep: Keep<'a>) -> BoxFuture<'a, Result<u64>>;

    /// How large it is now.
    fn size(&self) -> Size;
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_767_323_045);

    #[test]
    fn a_sliding_window_is_open_at_both_ends() {
        let window = Window::sliding(AT, Duration::from_secs(60));
        let seconds = |n: i64| Timestamp::from_millis(AT.millis() + n * 1000);
        let milli = Duration::from_millis(1);
        assert!(!window.holds(seconds(-60)) && window.holds(seconds(-60).plus(milli)));
        assert!(!window.holds(seconds(60)) && window.holds(seconds(60).minus(milli)));
        let nothing = Window::sliding(AT, Duration::ZERO);
        assert!(!nothing.holds(AT));
    }

    #[test]
    fn debug_shows_no_address() {
        let claim = Claim {
            to: "+8613711112200",
            at: AT,
            template: TemplateId::from_u64(1),
            lane: Lane::all().next().unwrap(),
            team: "shop",
            content: Some(77_777),
            counts: true,
            limits: &[],
        };
        let shown = format!("{claim:?}");
        assert!(!shown.contains("13711112200") && !shown.contains("77777"));
    }
}
