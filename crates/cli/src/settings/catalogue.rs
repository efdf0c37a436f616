//! Every setting: its path, what it takes, what it means, and how it is put in force.

use std::ops::RangeInclusive;
use std::time::Duration;

use austin_domain::zone::Zone;

use crate::settings::given::Given;
use crate::settings::{Durability, LogFormat, Settings, shown};

/// One setting.
pub(crate) struct Key {
    /// `section.name`, as in the file.
    pub(crate) path: &'static str,
    /// What it takes, for people.
    pub(crate) takes: &'static str,
    /// What it means, one or two sentences.
    pub(crate) about: &'static str,
    /// Checks a value and puts it in force.
    pub(crate) set: fn(&mut Settings, &Given<'_>) -> Result<(), String>,
    /// The value in force.
    pub(crate) get: fn(&Settings) -> String,
}

impl Key {
    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("AUSTIN_{}", self.path.to_uppercase().replace('.', "__"))
    }
}

/// The setting at this path.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

const TENTH: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const CENTURY: Duration = Duration::from_secs(36_500 * 86_400);
const MIB: u64 = 1024 * 1024;

const fn from_a_second_to(most: Duration) -> RangeInclusive<Duration> {
    SECOND..=most
}

/// All settings, in the order of the reference.
pub(crate) const KEYS: &[Key] = &[
    Key {
        path: "http.listen",
        takes: "address",
        about: "Where the API listens. Port 0 takes a free one and says which.",
        set: |to, given| given.address().map(|value| to.http.listen = value),
        get: |of| of.http.listen.to_string(),
    },
    Key {
        path: "http.max_body_bytes",
        takes: "size",
        about: "Largest request body; a larger one is refused with the limit named.",
        set: |to, given| {
            given
                .bytes(1024..=1024 * MIB)
                .map(|value| to.http.max_body_bytes = value)
        },
        get: |of| of.http.max_body_bytes.to_string(),
    },
    Key {
        path: "http.max_header_bytes",
        takes: "size",
        about: "Most bytes of a request's first line and headers.",
        set: |to, given| {
            given
                .bytes(8 * 1024..=MIB)
                .map(|value| to.http.max_header_bytes = value)
        },
        get: |of| of.http.max_header_bytes.to_string(),
    },
    Key {
        path: "http.max_batch",
        takes: "number",
        about: "Most messages of one batch.",
        set: |to, given| given.size(1..=1_000).map(|value| to.http.max_batch = value),
        get: |of| of.http.max_batch.to_string(),
    },
    Key {
        path: "http.max_connections",
        takes: "number",
        about: "Most connections at a time; further ones wait to be accepted.",
        set: |to, given| {
            given
                .size(1..=1_000_000)
                .map(|value| to.http.max_connections = value)
        },
        get: |of| of.http.max_connections.to_string(),
    },
    Key {
        path: "http.header_timeout",
        takes: "duration",
        about: "How long a client may take to send its headers.",
        set: |to, given| {
            given
                .duration(TENTH..=MINUTE)
                .map(|value| to.http.header_timeout = value)
        },
        get: |of| shown(of.http.header_timeout),
    },
    Key {
        path: "http.body_timeout",
        takes: "duration",
        about: "How long a client may take to send its body.",
        set: |to, given| {
            given
                .duration(from_a_second_to(Duration::from_secs(3_600)))
                .map(|value| to.http.body_timeout = value)
        },
        get: |of| shown(of.http.body_timeout),
    },
    Key {
        path: "http.stop_within",
        takes: "duration",
        about: "How long requests in flight may take to finish when stopping.",
        set: |to, given| {
            given
                .duration(Duration::ZERO..=Duration::from_secs(600))
                .map(|value| to.http.stop_within = value)
        },
        get: |of| shown(of.http.stop_within),
    },
    Key {
        path: "http.public_url",
        takes: "URL",
        about: "The URL under which the world reaches the API; vendors' receipt signatures cover \
                it. By default the request's `Host` is taken. Unsubscribe links of marketing mails \
                begin with it; without it they carry none. Mailbox providers want https.",
        set: |to, given| {
            given.text().map(|value| {
                to.engine.public_url = Some(value.clone());
                to.http.public_url = Some(value);
            })
        },
        get: |of| of.http.public_url.clone().unwrap_or_default(),
    },
    Key {
        path: "http.open_metrics",
        takes: "`true` or `false`",
        about: "Opens `/metrics` to everybody. Else it is open to this machine only, and to keys \
                that may read.",
        set: |to, given| given.boolean().map(|value| to.http.open_metrics = value),
        get: |of| of.http.open_metrics.to_string(),
    },
    Key {
        path: "log.level",
        takes: "text",
        about: "`error`, `warn`, `info`, `debug` or `trace`, also per module: \
                `info,austin_wire=debug`.",
        set: |to, given| given.text().map(|value| to.log.level = value),
        get: |of| of.log.level.clone(),
    },
    Key {
        path: "log.format",
        takes: "`text` or `json`",
        about: "Log lines for people or for machines. Logs go to stderr.",
        set: |to, given| {
            given
                .choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])
                .map(|value| to.log.format = value)
        },
        get: |of| {
            match of.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }
            .into()
        },
    },
    Key {
        path: "store.durability",
        takes: "`full` or `normal`",
        about: "What an accepted message survives: `full` also power loss, `normal` the end of \
                the process (`kill -9`) only.",
        set: |to, given| {
            given
                .choice(&[("full", Durability::Full), ("normal", Durability::Normal)])
                .map(|value| to.store.durability = value)
        },
        get: |of| {
            match of.store.durability {
                Durability::Full => "full",
                Durability::Normal => "normal",
            }
            .into()
        },
    },
    Key {
        path: "store.segment_deliveries",
        takes: "number",
        about: "Deliveries in one ledger file before the next one is begun. Retention removes \
                whole files.",
        set: |to, given| {
            given
                .number(1_000..=100_000_000)
                .map(|value| to.store.segment_deliveries = value)
        },
        get: |of| of.store.segment_deliveries.to_string(),
    },
    Key {
        path: "store.low_water_bytes",
        takes: "size",
        about: "New work is refused when less than this is free on the file system; what was \
                accepted goes on.",
        set: |to, given| {
            given
                .bytes(16 * MIB..=1024 * 1024 * MIB)
                .map(|value| to.store.low_water_bytes = value as u64)
        },
        get: |of| of.store.low_water_bytes.to_string(),
    },
    Key {
        path: "engine.default_region",
        takes: "text or `none`",
        about: "Region (ISO 3166) of phone numbers written without `+`; `none` refuses them.",
        set: |to, given| {
            let text = given.text()?;
            let two_letters = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
            to.engine.default_region = match text.as_str() {
                "none" => None,
                _ if two_letters => Some(text),
                _ => return Err("expected two capital letters such as CN, or none".into()),
            };
            Ok(())
        },
        get: |of| {
            of.engine
                .default_region
                .clone()
                .unwrap_or_else(|| "none".into())
        },
    },
    Key {
        path: "engine.default_time_zone",
        takes: "IANA time zone",
        about: "Where people are whose time zone is neither given nor told by their number: quiet \
                hours and calendar caps go by it.",
        set: |to, given| {
            let zone = given.text()?.parse::<Zone>();
            to.engine.default_zone = zone.map_err(|error| error.to_string())?;
            Ok(())
        },
        get: |of| of.engine.default_zone.name().to_owned(),
    },
    Key {
        path: "engine.max_recipients",
        takes: "number",
        about: "Most recipients of one message.",
        set: |to, given| {
            given
                .size(1..=1_000)
                .map(|value| to.engine.max_recipients = value)
        },
        get: |of| of.engine.max_recipients.to_string(),
    },
    Key {
        path: "engine.max_lane_backlog",
        takes: "number",
        about: "Most deliveries that may wait in one lane; above it new ones are refused with 429.",
        set: |to, given| {
            given
                .number(1..=1_000_000_000)
                .map(|value| to.engine.max_lane_backlog = value)
        },
        get: |of| of.engine.max_lane_backlog.to_string(),
    },
    Key {
        path: "engine.lane_memory",
        takes: "number",
        about: "Waiting deliveries of a lane kept in memory; more wait on disk.",
        set: |to, given| {
            given
                .size(100..=10_000_000)
                .map(|value| to.engine.lane_memory = value)
        },
        get: |of| of.engine.lane_memory.to_string(),
    },
    Key {
        path: "engine.lane_calls",
        takes: "number",
        about: "Vendor calls of a lane at a time.",
        set: |to, given| {
            given
                .size(1..=10_000)
                .map(|value| to.engine.lane_calls = value)
        },
        get: |of| of.engine.lane_calls.to_string(),
    },
    Key {
        path: "engine.lease",
        takes: "duration",
        about: "How long an attempt may take before it counts as lost.",
        set: |to, given| {
            given
                .duration(from_a_second_to(Duration::from_secs(3_600)))
                .map(|value| to.engine.lease = value)
        },
        get: |of| shown(of.engine.lease),
    },
    Key {
        path: "engine.stop_within",
        takes: "duration",
        about: "How long stopping waits for vendor calls in flight.",
        set: |to, given| {
            given
                .duration(Duration::ZERO..=Duration::from_secs(600))
                .map(|value| to.engine.stop_within = value)
        },
        get: |of| shown(of.engine.stop_within),
    },
    Key {
        path: "engine.max_attachment_bytes",
        takes: "size",
        about: "Largest attachment.",
        set: |to, given| {
            given
                .bytes(1..=100 * MIB)
                .map(|value| to.engine.max_attachment_bytes = value)
        },
        get: |of| of.engine.max_attachment_bytes.to_string(),
    },
    Key {
        path: "engine.inquiry_wait",
        takes: "duration",
        about: "How long after an unknown outcome the vendor is asked what became of it, where it \
                can be asked; the pauses then double.",
        set: |to, given| {
            given
                .duration(TENTH..=MINUTE)
                .map(|value| to.engine.inquiry_wait = value)
        },
        get: |of| shown(of.engine.inquiry_wait),
    },
    Key {
        path: "engine.inquiry_for",
        takes: "duration",
        about: "How long a vendor is asked before the outcome stays unknown.",
        set: |to, given| {
            given
                .duration(from_a_second_to(Duration::from_secs(3_600)))
                .map(|value| to.engine.inquiry_for = value)
        },
        get: |of| shown(of.engine.inquiry_for),
    },
    Key {
        path: "engine.inquiries",
        takes: "number",
        about: "Deliveries that vendors are asked about at a time.",
        set: |to, given| {
            given
                .size(1..=100_000)
                .map(|value| to.engine.inquiries = value)
        },
        get: |of| of.engine.inquiries.to_string(),
    },
    Key {
        path: "engine.receipt_deadline",
        takes: "duration",
        about: "How long a receipt may take before it counts as missing, unless the account says \
                otherwise (`limits.receipt_deadline`).",
        set: |to, given| {
            given
                .duration(MINUTE..=Duration::from_secs(30 * 86_400))
                .map(|value| to.engine.receipt_deadline = value)
        },
        get: |of| shown(of.engine.receipt_deadline),
    },
    Key {
        path: "engine.retain_for",
        takes: "duration or `forever`",
        about: "How long settled deliveries are kept. Whole ledger files are removed.",
        set: |to, given| {
            to.engine.retain_for = match given.text()?.as_str() {
                "forever" => None,
                _ => Some(given.duration(DAY..=CENTURY)?),
            };
            Ok(())
        },
        get: |of| of.engine.retain_for.map_or_else(|| "forever".into(), shown),
    },
    Key {
        path: "engine.remember_for",
        takes: "duration",
        about: "How long a request with an `Idempotency-Key` is remembered. About 20 bytes of memory each.",
        set: |to, given| {
            given
                .duration(MINUTE..=Duration::from_secs(30 * 86_400))
                .map(|value| to.engine.remember_for = value)
        },
        get: |of| shown(of.engine.remember_for),
    },
    Key {
        path: "wire.connect_timeout",
        takes: "duration",
        about: "Most time to get a connection to a vendor: name look-up, TCP and TLS together.",
        set: |to, given| {
            given
                .duration(TENTH..=MINUTE)
                .map(|value| to.wire.connect_timeout = value)
        },
        get: |of| shown(of.wire.connect_timeout),
    },
    Key {
        path: "wire.idle_timeout",
        takes: "duration",
        about: "How long an unused connection to a vendor is kept.",
        set: |to, given| {
            given
                .duration(from_a_second_to(Duration::from_secs(3_600)))
                .map(|value| to.wire.idle_timeout = value)
        },
        get: |of| shown(of.wire.idle_timeout),
    },
    Key {
        path: "wire.http_idle_per_host",
        takes: "number",
        about: "Most unused HTTP connections kept per host.",
        set: |to, given| {
            given
                .size(0..=65_536)
                .map(|value| to.wire.http_idle_per_host = value)
        },
        get: |of| of.wire.http_idle_per_host.to_string(),
    },
    Key {
        path: "wire.http_per_host",
        takes: "number",
        about: "Most HTTP calls at a time per host; the others wait within their deadline.",
        set: |to, given| {
            given
                .size(1..=65_536)
                .map(|value| to.wire.http_per_host = value)
        },
        get: |of| of.wire.http_per_host.to_string(),
    },
    Key {
        path: "wire.smtp_per_host",
        takes: "number",
        about: "Most SMTP transactions at a time, and connections kept, per server and login.",
        set: |to, given| {
            given
                .size(1..=10_000)
                .map(|value| to.wire.smtp_per_host = value)
        },
        get: |of| of.wire.smtp_per_host.to_string(),
    },
    Key {
        path: "wire.fetch_timeout",
        takes: "duration",
        about: "Total time for fetching one attachment.",
        set: |to, given| {
            given
                .duration(from_a_second_to(Duration::from_secs(600)))
                .map(|value| to.wire.fetch_timeout = value)
        },
        get: |of| shown(of.wire.fetch_timeout),
    },
    Key {
        path: "wire.allow_private_targets",
        takes: "`true` or `false`",
        about: "Lets vendor calls and attachments reach any address, also private and loopback \
                ones. For tests and demos.",
        set: |to, given| {
            given
                .boolean()
                .map(|value| to.wire.allow_private_targets = value)
        },
        get: |of| of.wire.allow_private_targets.to_string(),
    },
    Key {
        path: "wire.allowed_networks",
        takes: "list of networks",
        about: "Networks that may be reached although they are not public, such as `10.1.0.0/16`.",
        set: |to, given| {
            let networks = given.list()?;
            to.wire.allowed_networks = networks
                .iter()
                .map(|text| {
                    text.parse()
                        .map_err(|_| format!("{text:?} is not a network such as 10.1.0.0/16"))
                })
                .collect::<Result<_, _>>()?;
            Ok(())
        },
        get: |of| {
            let networks: Vec<_> = of
                .wire
                .allowed_networks
                .iter()
                .map(ToString::to_string)
                .collect();
            networks.join(",")
        },
    },
    Key {
        path: "wire.extra_ca",
        takes: "path",
        about: "PEM file with certificate authorities trusted besides the operating system's.",
        set: |to, given| {
            given
                .text()
                .map(|value| to.wire.extra_ca = Some(value.into()))
        },
        get: |of| {
            of.wire
                .extra_ca
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default()
        },
    },
    Key {
        path: "script.workers",
        takes: "number",
        about: "Processes that run uploaded scripts; one more is started for scripts that \
                misbehave.",
        set: |to, given| given.size(1..=64).map(|value| to.script.workers = value),
        get: |of| of.script.workers.to_string(),
    },
    Key {
        path: "script.call_time",
        takes: "duration",
        about: "Processor time one call of a script may take.",
        set: |to, given| {
            given
                .duration(Duration::from_millis(1)..=MINUTE)
                .map(|value| to.script.limits.time = value)
        },
        get: |of| shown(of.script.limits.time),
    },
    Key {
        path: "script.heap_bytes",
        takes: "size",
        about: "Memory a script may take.",
        set: |to, given| {
            given
                .bytes(MIB..=512 * MIB)
                .map(|value| to.script.limits.heap_bytes = value)
        },
        get: |of| of.script.limits.heap_bytes.to_string(),
    },
    Key {
        path: "script.hard_deadline",
        takes: "duration",
        about: "How long a worker may be busy with one call before it is killed.",
        set: |to, given| {
            given
                .duration(TENTH..=MINUTE)
                .map(|value| to.script.hard_deadline = value)
        },
        get: |of| shown(of.script.hard_deadline),
    },
    Key {
        path: "script.strikes",
        takes: "number",
        about: "Limits hit or workers taken down within ten minutes after which a version is not \
                called any more.",
        set: |to, given| given.size(1..=1_000).map(|value| to.script.strikes = value),
        get: |of| of.script.strikes.to_string(),
    },
    Key {
        path: "suppression.block_after",
        takes: "number",
        about: "How often in a row an address may be found bad by a vendor, with nothing delivered \
                in between, before it is suppressed as `blocked`; 0 blocks none.",
        set: |to, given| {
            given
                .size(0..=1_000)
                .map(|value| to.engine.block_after = u32::try_from(value).unwrap_or(u32::MAX))
        },
        get: |of| of.engine.block_after.to_string(),
    },
    Key {
        path: "suppression.max_import_bytes",
        takes: "size",
        about: "Largest file of suppressions that is taken; a larger one is refused with the limit \
                named.",
        set: |to, given| {
            given
                .bytes(1024..=64 * 1024 * MIB)
                .map(|value| to.engine.max_import_bytes = value as u64)
        },
        get: |of| of.engine.max_import_bytes.to_string(),
    },
    Key {
        path: "mailboxes.directory",
        takes: "absolute path",
        about: "Directory with a Maildir for each account whose bounce mails are read, named by the account's key; see bounces.md.",
        set: |to, given| {
            let path = std::path::PathBuf::from(given.text()?);
            if !path.is_absolute() {
                return Err("expected an absolute path".into());
            }
            to.mailboxes.directory = Some(path);
            Ok(())
        },
        get: |of| {
            of.mailboxes
                .directory
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default()
        },
    },
    Key {
        path: "mailboxes.max_mail_bytes",
        takes: "size",
        about: "Largest mail that is read from a mailbox; a larger one is set aside.",
        set: |to, given| {
            given
                .bytes(64 * 1024..=256 * MIB)
                .map(|value| to.mailboxes.most_bytes = value)
        },
        get: |of| of.mailboxes.most_bytes.to_string(),
    },
];
