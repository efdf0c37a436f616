//! How a simulator is started.

use std::net::{Ipv4Addr, SocketAddr};

use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::ledger;

/// Settings of a simulator. The default listens on a free loopback port, keeps a full ledger,
/// runs no mail sink, and accepts everything.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where the mail sink listens; none by default.
    pub smtp: Option<SocketAddr>,
    /// Where the SMPP centre listens; none by default.
    pub smpp: Option<SocketAddr>,
    /// How much is remembered of accepted messages.
    pub ledger: ledger::Mode,
    /// In full mode, of how many newest messages all particulars are kept (about 250 bytes each).
    pub ledger_details: usize,
    /// How many mails are kept.
    pub mails: usize,
    /// Seed of every draw.
    pub seed: u64,
    /// Behaviours in force from the start; `default` may be among them.
    pub behaviours: Vec<(String, Behaviour)>,
    /// Largest request body, bytes.
    pub body_bytes: usize,
    /// Receipts that may wait per behaviour; more are lost and counted as `overflowed`.
    pub receipts_waiting: usize,
    /// Source of the date.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            smtp: None,
            smpp: None,
            ledger: ledger::Mode::Full,
            ledger_details: 100_000,
            mails: 1_000,
            seed: 1,
            behaviours: Vec::new(),
            body_bytes: 16 << 20,
            receipts_waiting: 1_000_000,
            clock: Clock::system(),
        }
    }
}
