//! What the journal records: operations that give the same result whenever they are applied.
//!
//! Invariant: an operation holds everything that was decided when it was first carried out (ids,
//! times, segment, sealed bytes, the delivery a receipt belongs to); applying it reads nothing but
//! the rows it concerns. The encoding is postcard in field order: variants are only ever added at
//! the end; a field changes under a new frame version, and the old shape stays readable.

mod v1;

use austin_domain::{
    AccountId, AppId, DeliveryId, Lane, MessageId, Reason, State, TemplateId, Timestamp,
};
use austin_ports::ledger::{AttemptStart, CallRecord, Change, NewReceipt, Settlement};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::journal::frame::Frame;

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// Messages became durable.
    Accept(Accept),
    /// Attempts began.
    Begin {
        /// When.
        now: Timestamp,
        /// Which.
        starts: Vec<AttemptStart>,
    },
    /// Attempts were recorded.
    Settle {
        /// When.
        now: Timestamp,
        /// The vendor calls.
        calls: Vec<CallRecord>,
        /// What they came to.
        settlements: Vec<Settlement>,
    },
    /// Deliveries moved.
    Change {
        /// When.
        now: Timestamp,
        /// Which.
        changes: Vec<Change>,
    },
    /// Receipts of known attempts.
    Receive {
        /// When.
        now: Timestamp,
        /// Each with its delivery.
        receipts: Vec<(DeliveryId, NewReceipt)>,
    },
    /// A receipt without an attempt.
    Park {
        /// When.
        now: Timestamp,
        /// Its number among the parked.
        id: u64,
        /// What it said.
        receipt: NewReceipt,
    },
    /// A parked receipt found its delivery.
    Unpark {
        /// When.
        now: Timestamp,
        /// Its number among the parked.
        id: u64,
        /// When it reached us.
        received_at: Timestamp,
        /// Its delivery.
        delivery: DeliveryId,
        /// What it said.
        receipt: NewReceipt,
    },
    /// Segments were given up by retention.
    Retire {
        /// Their numbers.
        segments: Vec<u32>,
        /// A new last segment and its floor, where the last one is given up.
        successor: Option<(u32, u64)>,
    },
    /// A request was marked.
    Remember(Remember),
    /// Secret values that were kept for another attempt were wiped.
    Wipe {
        /// Whose.
        deliveries: Vec<DeliveryId>,
    },
}

/// A marked request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remember {
    /// The segment of its messages.
    pub(crate) segment: u32,
    /// When.
    pub(crate) now: Timestamp,
    /// Whose.
    pub(crate) app: AppId,
    /// The caller's key.
    pub(crate) key: String,
    /// Digest of what was asked.
    pub(crate) request: [u8; 32],
    /// What is answered but for the ids.
    pub(crate) answer: Bytes,
    /// Its messages: at least one.
    pub(crate) messages: Vec<MessageId>,
}

/// Messages with their ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accept {
    /// The segment they are in.
    pub(crate) segment: u32,
    /// When.
    pub(crate) now: Timestamp,
    /// The messages.
    pub(crate) messages: Vec<Message>,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) app: AppId,
    pub(crate) template: TemplateId,
    pub(crate) version: u32,
    pub(crate) lane: Lane,
    pub(crate) request_id: String,
    pub(crate) reference: Option<String>,
    /// [`austin_domain::Vars`], encoded.
    pub(crate) vars: Bytes,
    /// A list of [`austin_ports::ledger::AttachmentRef`], encoded; `None` for none.
    pub(crate) attachments: Option<Bytes>,
    pub(crate) account: Option<AccountId>,
    pub(crate) expires_at: Timestamp,
    pub(crate) deliveries: Vec<Delivery>,
}

/// A delivery as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) to: String,
    /// [`austin_domain::Vars`], encoded.
    pub(crate) vars: Option<Bytes>,
    /// The secret ones of the variables, encoded and sealed for the delivery's id.
    pub(crate) secret: Option<Bytes>,
    pub(crate) reference: Option<String>,
    pub(crate) state: State,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
    /// [`austin_ports::ledger::Facts`], encoded.
    pub(crate) facts: Option<Bytes>,
}

/// Bytes, encoded as such (serde would take a `Vec<u8>` for a list of numbers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

/// `value` in the store's compact encoding.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    encode_into(value, &mut out);
    out
}

/// Appends `value` in the store's compact encoding.
#[expect(
    clippy::expect_used,
    reason = "postcard fails on lists of unknown length only, and none is stored"
)]
pub(crate) fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let taken = std::mem::take(out);
    *out = postcard::to_extend(value, taken).expect("stored values have lengths");
}

/// Reads the operations of a frame one after the other until its payload ends.
///
/// # Errors
/// What postcard says of bytes that are no operation.
pub(crate) fn decode_all(frame: &Frame<'_>) -> Result<Vec<Op>, postcard::Error> {
    if frame.version == v1::VERSION {
        let ops = decode_each::<v1::Op>(frame.payload)?;
        return Ok(ops.into_iter().map(Op::from).collect());
    }
    decode_each(frame.payload)
}

fn decode_each<T: serde::de::DeserializeOwned>(
    mut payload: &[u8],
) -> Result<Vec<T>, postcard::Error> {
    let mut ops = Vec::new();
    while !payload.is_empty() {
        let (op, rest) = postcard::take_from_bytes(payload)?;
        ops.push(op);
        payload = rest;
    }
    Ok(ops)
}
