//! What an adapter can ask its vendor besides sending: tokens, receipts, outcomes, recalls,
//! balances. Same shape as sending: the adapter gives calls and reads replies, the host does the IO.

use std::fmt;
use std::time::Duration;

use austin_domain::verdict::{Acceptance, Cause};
use austin_domain::{Timestamp, Verdict};
use secrecy::SecretString;

use crate::adapter::State;
use crate::call::Call;
use crate::receipt::{Outcome, Receipt};

/// What an account asks its vendor.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// An access token, by the adapter's own name for it.
    Token {
        /// The name, e.g. `access`.
        name: String,
    },
    /// Receipts that wait at the vendor.
    Pull {
        /// What the last pull left, durable by now; the default the first time.
        cursor: State,
    },
    /// What became of a delivery.
    Query(Subject),
    /// Takes a sent message back.
    Recall(Subject),
    /// What money or quota is left.
    Balance,
}

/// A delivery that a question is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// Our reference (`dlv_…`).
    pub reference: String,
    /// The recipient's canonical address.
    pub to: String,
    /// The vendor's id, where it gave one.
    pub vendor_id: Option<String>,
    /// When it was handed over.
    pub sent_at: Timestamp,
}

/// Shows no address.
impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("reference", &self.reference)
            .field("vendor_id", &self.vendor_id)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

/// What the host does next for a question.
#[derive(Debug)]
pub enum Asking {
    /// Carry out the call and come back with its reply.
    Call {
        /// The call.
        call: Call,
        /// Handed back to [`crate::Adapter::answer`].
        state: State,
    },
    /// Come back with a token ([`crate::Reply::Token`]).
    Token {
        /// Which.
        want: TokenWant,
        /// Handed back.
        state: State,
    },
    /// The answer.
    Done(Answer),
}

/// An answer to a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A token.
    Token(Token),
    /// Receipts.
    Receipts(Pulled),
    /// What the vendor knows of a delivery.
    Found(Found),
    /// The message was taken back.
    Recalled,
    /// The message cannot be taken back any more (too late, already read).
    NotRecalled(Cause),
    /// What is left.
    Balance(Balance),
    /// No answer now; the verdict says why and what it means for the account.
    Failed(Verdict),
    /// The adapter cannot ask this.
    Unsupported,
}

/// An access token. Its `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub value: SecretString,
    /// How long it is good for, by the vendor's word; `None` when it does not say (the host then
    /// keeps it for ten minutes).
    pub expires_in: Option<Duration>,
}

/// Which token an adapter needs.
#[derive(Clone, Debug)]
pub struct TokenWant {
    /// Its name, as in [`Question::Token`].
    pub name: String,
    /// The one the vendor just called invalid: never handed out again.
    pub refused: Option<SecretString>,
}

/// Receipts brought by one pull.
#[derive(Clone, Debug, Default)]
pub struct Pulled {
    /// The receipts.
    pub receipts: Vec<Receipt>,
    /// Where the next pull goes on. Kept only once the receipts are durable.
    pub cursor: State,
    /// Whether more wait: the host then pulls again at once.
    pub more: bool,
}

/// What a vendor knows of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has it.
    Known {
        /// Evidence of its acceptance.
        acceptance: Acceptance,
        /// How it stands, as a receipt would say it; `None` while on its way.
        receipt: Option<Box<Receipt>>,
    },
    /// It certainly never got it: sending it again cannot double anything.
    Absent,
    /// It cannot tell (yet).
    Unclear(Cause),
}

/// What money or quota an account has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// In 10⁻⁴ of the unit.
    pub amount: i64,
    /// ISO 4217 currency, or `messages`.
    pub unit: String,
}

impl Answer {
    /// How a receipt of this answer reads, if there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Found(Found::Known { receipt, .. }) => {
                receipt.as_ref().map(|receipt| receipt.outcome)
            }
            Self::Token(_)
            | Self::Receipts(_)
            | Self::Found(Found::Absent | Found::Unclear(_))
            | Self::Recalled
            | Self::NotRecalled(_)
            | Self::Balance(_)
            | Self::Failed(_)
            | Self::Unsupported => None,
        }
    }
}
