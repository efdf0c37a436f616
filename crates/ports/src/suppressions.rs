//! Who must not be messaged.
//!
//! Contract, checked by the conformance suite:
//! - A call that returned `Ok` is durable, and [`Suppressions::check_but`] goes by it from then on.
//! - There is at most one entry in force for an address, a channel (or all) and a reason: putting
//!   the same again changes that one, or nothing.
//! - An entry is never removed. It ends by being lifted, or by its time; after that the same can
//!   be put anew, under a new id.
//! - Addresses are given in the spelling of [`austin_domain::suppression::canonical`]; only
//!   `check` takes any canonical address.

pub mod import;

use std::fmt;

use austin_domain::suppression::{Reason, Reasons, Source};
use austin_domain::{Channel, DeliveryId, SuppressionId, Timestamp, mask};
use secrecy::SecretSlice;

pub use import::{
    ImportBatch, ImportRow, ImportState, ImportTally, Imports, NewImport, RowFault, Spool,
};

use crate::BoxFuture;

/// Result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// The store failed; nothing of the call took effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of suppressions failed: {0}")]
pub struct Error(pub String);

/// Who must not be messaged.
pub trait Suppressions: Imports + Send + Sync {
    /// The entry that keeps `address` from being messaged over `channel`, but for entries whose
    /// reason is in `exempt`. In memory: called for every delivery.
    fn check_but(
        &self,
        channel: Channel,
        address: &str,
        exempt: Reasons,
        now: Timestamp,
    ) -> Option<Suppressed>;

    /// The entry that keeps `address` from being messaged over `channel`.
    fn check(&self, channel: Channel, address: &str, now: Timestamp) -> Option<Suppressed> {
        self.check_but(channel, address, Reasons::NONE, now)
    }

    /// Puts entries in force, all or none; one answer for each, in order.
    fn put(&self, entries: Vec<NewSuppression>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Put>>>;

    /// Ends an entry: as it stands then, and whether this call ended it. `None`: no such entry.
    fn lift(
        &self,
        id: SuppressionId,
        lift: Lift,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<(Suppression, bool)>>>;

    /// An entry, in force or not.
    fn get(&self, id: SuppressionId) -> BoxFuture<'_, Result<Option<Suppression>>>;

    /// Entries that fit, newest first.
    fn list(&self, filter: Filter, now: Timestamp) -> BoxFuture<'_, Result<Page>>;

    /// All that happened to the address of an entry, over all its entries, oldest first.
    fn history(&self, id: SuppressionId) -> BoxFuture<'_, Result<Vec<Event>>>;

    /// How often in a row these addresses were found bad.
    fn strikes(
        &self,
        addresses: Vec<(Channel, String)>,
    ) -> BoxFuture<'_, Result<Vec<Option<Strikes>>>>;

    /// Counts that addresses were found bad; how often in a row each was. Counting the delivery of
    /// the last time again changes nothing. Lifting a [`Reason::Blocked`] forgets the count.
    fn strike(&self, strikes: Vec<Strike>) -> BoxFuture<'_, Result<Vec<u32>>>;

    /// The keys that unsubscribe links are signed with, newest first; at least one.
    fn link_keys(&self) -> &[LinkKey];

    /// How many entries `check` knows, and what they cost.
    fn size(&self) -> Size;
}

/// Why an address must not be messaged, as far as it is known in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// The entry.
    pub id: SuppressionId,
    /// Its reason.
    pub reason: Reason,
    /// The channel it is for; `None`: all.
    pub channel: Option<Channel>,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// The delivery that made it come about.
    pub cause: Option<DeliveryId>,
}

/// An entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Its id.
    pub id: SuppressionId,
    /// The channel it is for; `None`: all.
    pub channel: Option<Channel>,
    /// The address.
    pub to: String,
    /// Why.
    pub reason: Reason,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// How it came about.
    pub source: Source,
    /// The delivery that made it come about.
    pub cause: Option<DeliveryId>,
    /// For people.
    pub note: Option<String>,
    /// Who.
    pub author: String,
    /// When it was put in force.
    pub created_at: Timestamp,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

impl Suppression {
    /// Whether it is in force.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.lifted_at.is_none() && self.until.is_none_or(|until| until > now)
    }
}

/// Shows no address.
impl fmt::Debug for Suppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppression")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("to", &mask::address(&self.to))
            .field("reason", &self.reason)
            .field("source", &self.source)
            .field("until", &self.until)
            .field("lifted_at", &self.lifted_at)
            .finish_non_exhaustive()
    }
}

/// An entry to be put in force.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSuppression {
    /// The channel it is for; `None`: all.
    pub channel: Option<Channel>,
    /// The address.
    pub to: String,
    /// Why.
    pub reason: Reason,
    /// When it ends by itself, in whole seconds; later than now.
    pub until: Option<Timestamp>,
    /// How it comes about. Where one is in force, [`Source::decides`] says whether `until`, and a
    /// `note` that is given, replace those; else it only ever lasts longer.
    pub source: Source,
    /// The delivery that makes it come about.
    pub cause: Option<DeliveryId>,
    /// For people.
    pub note: Option<String>,
    /// Who.
    pub author: String,
}

/// Shows no address.
impl fmt::Debug for NewSuppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSuppression")
            .field("channel", &self.channel)
            .field("to", &mask::address(&self.to))
            .field("reason", &self.reason)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What putting an entry came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// The entry.
    pub id: SuppressionId,
    /// What happened.
    pub fate: Fate,
}

/// What putting an entry did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Created,
    /// One was in force and is changed.
    Changed,
    /// One was in force that says the same.
    Unchanged,
}

/// The end of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lift {
    /// Who.
    pub author: String,
    /// By which way.
    pub source: Source,
    /// Why, for people.
    pub why: Option<String>,
}

/// Which entries are wanted; every given field must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those for this channel, or for all (`Some(None)`).
    pub channel: Option<Option<Channel>>,
    /// The address.
    pub to: Option<String>,
    /// The reason.
    pub reason: Option<Reason>,
    /// The source.
    pub source: Option<Source>,
    /// In force, or no longer.
    pub active: Option<bool>,
    /// Only ids below this: where the last page stopped.
    pub before: Option<SuppressionId>,
    /// Most entries wanted.
    pub limit: usize,
}

/// One page of entries.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries, newest first. May be fewer than asked for, even none, while `next` is set: a
    /// search stops after a bounded amount of work.
    pub items: Vec<Suppression>,
    /// Give this as `before` for the next page; `None` at the end.
    pub next: Option<SuppressionId>,
}

/// Something that happened to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The entry.
    pub id: SuppressionId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub step: EventStep,
    /// Who.
    pub author: String,
    /// By which way.
    pub source: Source,
    /// When the entry ended by itself, after this.
    pub until: Option<Timestamp>,
    /// Its note after this; why it was lifted.
    pub note: Option<String>,
    /// The delivery that was the cause.
    pub cause: Option<DeliveryId>,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStep {
    /// Put in force.
    Created,
    /// Given another end or note.
    Changed,
    /// Ended.
    Lifted,
}

impl EventStep {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Lifted => "lifted",
        }
    }
}

/// How often in a row an address was found bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strikes {
    /// How often.
    pub count: u32,
    /// The delivery of the last time.
    pub last: DeliveryId,
}

/// An address was found bad.
#[derive(Clone, PartialEq, Eq)]
pub struct Strike {
    /// The channel.
    pub channel: Channel,
    /// The address.
    pub to: String,
    /// The delivery that found out.
    pub delivery: DeliveryId,
    /// Something reached the person since the last time: this is the first in a row.
    pub first: bool,
}

/// Shows no address.
impl fmt::Debug for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strike")
            .field("delivery", &self.delivery)
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}

/// A key that unsubscribe links are signed with.
#[derive(Clone, Debug)]
pub struct LinkKey {
    /// Named in each link.
    pub version: u8,
    /// 32 bytes.
    pub secret: SecretSlice<u8>,
}

/// What `check` goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Entries.
    pub entries: u64,
    /// Bytes of memory.
    pub bytes: u64,
}
