//! The engine's settings.

use std::time::Duration;

use austin_domain::zone::Zone;

/// The engine's settings. Every one has a default that suits one small machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Region of phones written without `+` (ISO 3166, e.g. `CN`); `None` refuses them.
    pub default_region: Option<String>,
    /// Time zone of people whose own is neither given nor told by their number.
    pub default_zone: Zone,
    /// Key of the digests by which the same words are known again; the same after a restart, and
    /// secret.
    pub content_key: [u8; 32],
    /// Most recipients of one message.
    pub max_recipients: usize,
    /// Most deliveries a lane may have waiting before new ones are refused with 429.
    pub max_lane_backlog: u64,
    /// Deliveries of a lane kept in memory; more wait on disk.
    pub lane_memory: usize,
    /// Vendor calls of a lane at a time.
    pub lane_calls: usize,
    /// How long an attempt may take before it counts as lost.
    pub lease: Duration,
    /// How long stopping may take before calls in flight are abandoned.
    pub stop_within: Duration,
    /// Most bytes of one attachment.
    pub max_attachment_bytes: usize,
    /// How long after an unknown outcome the vendor is asked first; the pauses then double.
    pub inquiry_wait: Duration,
    /// How long a vendor is asked what became of a delivery before its outcome stays unknown.
    pub inquiry_for: Duration,
    /// Deliveries that vendors are asked about at a time.
    pub inquiries: usize,
    /// How long a receipt may take before it counts as missing.
    pub receipt_deadline: Duration,
    /// How long settled deliveries are kept; `None` keeps them for ever.
    pub retain_for: Option<Duration>,
    /// The URL under which the world reaches us, for unsubscribe links; `None`: mails carry none.
    pub public_url: Option<String>,
    /// How often in a row an address may be found bad before it is blocked; 0 blocks none.
    pub block_after: u32,
    /// Most bytes of a file of suppressions.
    pub max_import_bytes: u64,
    /// How long requests with an idempotency key are remembered; the ledger is set to the same.
    pub remember_for: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_region: Some("CN".into()),
            default_zone: Zone::named("Asia/Shanghai").unwrap_or_else(|_| Zone::utc()),
            content_key: [0; 32],
            max_recipients: 1_000,
            max_lane_backlog: 5_000_000,
            lane_memory: 20_000,
            lane_calls: 256,
            lease: Duration::from_secs(60),
            stop_within: Duration::from_secs(20),
            max_attachment_bytes: 10 * 1024 * 1024,
            inquiry_wait: Duration::from_secs(2),
            inquiry_for: Duration::from_secs(30),
            inquiries: 1_000,
            receipt_deadline: Duration::from_secs(72 * 3600),
            retain_for: None,
            public_url: None,
            block_after: 3,
            max_import_bytes: 1 << 30,
            remember_for: Duration::from_secs(24 * 3600),
        }
    }
}
