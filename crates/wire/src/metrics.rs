//! Figures on vendor calls. Handles are made once per account and kept: counting a call looks
//! no label up.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use austin_adapter_api::{FaultKind, Reply, SmppPart, SmppReply};
use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// All figures of this crate.
pub(crate) struct Metrics {
    calls: Family<CallLabels, Counter>,
    seconds: Family<AccountLabels, Histogram>,
    accounts: RwLock<HashMap<Arc<str>, Arc<Account>>>,
    http_open: Gauge,
    smtp_open: Gauge,
    smpp_open: Gauge,
}

/// The figures of one account.
pub(crate) struct Account {
    key: Arc<str>,
    seconds: Histogram,
    outcomes: [OnceLock<Counter>; OUTCOMES.len()],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    account: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OpenLabels {
    protocol: &'static str,
}

impl Metrics {
    /// Registers the figures.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let calls = Family::default();
        registry.register(
            "austin_vendor_calls",
            "Calls to vendors by account and outcome",
            calls.clone(),
        );
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let seconds = Family::new_with_constructor(histogram);
        registry.register(
            "austin_vendor_call_seconds",
            "Time of a vendor call from waiting for a connection to the last byte",
            seconds.clone(),
        );
        let open = Family::<OpenLabels, Gauge>::default();
        registry.register(
            "austin_vendor_connections_open",
            "Connections to vendors, used and unused",
            open.clone(),
        );
        let gauge = |protocol| open.get_or_create_owned(&OpenLabels { protocol });
        Self {
            calls,
            seconds,
            accounts: RwLock::default(),
            http_open: gauge("http"),
            smtp_open: gauge("smtp"),
            smpp_open: gauge("smpp"),
        }
    }

    /// Counts one call of `account`.
    pub(crate) fn count(&self, account: &Arc<str>, reply: &Reply, took: Duration) {
        let handles = self.account(account);
        handles.seconds.observe(took.as_secs_f64());
        let index = outcome(reply);
        let counter = handles.outcomes[index].get_or_init(|| {
            self.calls.get_or_create_owned(&CallLabels {
                account: handles.key.to_string(),
                outcome: OUTCOMES[index],
            })
        });
        counter.inc();
    }

    /// Counts an HTTP connection for as long as the value lives.
    pub(crate) fn http_connection(&self) -> Open {
        Open::new(&self.http_open)
    }

    /// Counts an SMTP connection for as long as the value lives.
    pub(crate) fn smtp_connection(&self) -> Open {
        Open::new(&self.smtp_open)
    }

    /// Counts an SMPP connection for as long as the value lives.
    pub(crate) fn smpp_connection(&self) -> Open {
        Open::new(&self.smpp_open)
    }

    fn account(&self, key: &Arc<str>) -> Arc<Account> {
        if let Some(found) = self.accounts.read().get(key) {
            return Arc::clone(found);
        }
        let mut accounts = self.accounts.write();
        let key = if accounts.len() < MAX_ACCOUNTS {
            Arc::clone(key)
        } else {
            Arc::from("other")
        };
        let entry = accounts.entry(Arc::clone(&key)).or_insert_with(|| {
            let labels = AccountLabels {
                account: key.to_string(),
            };
            Arc::new(Account {
                seconds: self.seconds.get_or_create_owned(&labels),
                key,
                outcomes: Default::default(),
            })
        });
        Arc::clone(entry)
    }
}

/// One open connection.
pub(crate) struct Open(Gauge);

impl Open {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Where the outcome of `reply` stands in [`OUTCOMES`].
fn outcome(reply: &Reply) -> usize {
    match reply {
        Reply::Http(http) => usize::from(http.status.as_u16() / 100).clamp(1, 6) - 1,
        Reply::Smtp(smtp) => 4 + usize::from(smtp.code / 100).clamp(2, 5),
        Reply::Smpp(SmppReply::NotBound(_)) => 21,
        Reply::Smpp(SmppReply::Submitted(parts)) => {
            let is_accepted =
                |part: &SmppPart| matches!(part, SmppPart::Answered { status: 0, .. });
            if parts.iter().all(is_accepted) {
                19
            } else {
                20
            }
        }
        // Tokens come from the host itself, never over the wire.
        Reply::Token(_) => 18,
        Reply::Fault(fault) => match fault.kind {
            FaultKind::Invalid => 10,
            FaultKind::Forbidden => 11,
            FaultKind::Dns => 12,
            FaultKind::Connect => 13,
            FaultKind::Tls => 14,
            FaultKind::TimedOut => 15,
            FaultKind::Cut => 16,
            FaultKind::TooLarge => 17,
            FaultKind::Protocol => 18,
        },
    }
}

/// Values of the label `outcome`.
const OUTCOMES: [&str; 22] = [
    "http_1xx",
    "http_2xx",
    "http_3xx",
    "http_4xx",
    "http_5xx",
    "http_other",
    "smtp_2xx",
    "smtp_3xx",
    "smtp_4xx",
    "smtp_5xx",
    FaultKind::Invalid.as_str(),
    FaultKind::Forbidden.as_str(),
    FaultKind::Dns.as_str(),
    FaultKind::Connect.as_str(),
    FaultKind::Tls.as_str(),
    FaultKind::TimedOut.as_str(),
    FaultKind::Cut.as_str(),
    FaultKind::TooLarge.as_str(),
    FaultKind::Protocol.as_str(),
    "smpp_accepted",
    "smpp_refused",
    "smpp_not_bound",
];

/// Accounts with figures of their own; later ones share the label `other`.
const MAX_ACCOUNTS: usize = 1_000;

/// Upper bounds of the buckets: from a vendor next door to one that hangs.
const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

#[cfg(test)]
mod tests {
    use austin_adapter_api::{HttpReply, SmtpReply};
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::fault::not_sent;

    fn http(status: u16) -> Reply {
        Reply::Http(HttpReply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        })
    }

    fn smtp(code: u16) -> Reply {
        Reply::Smtp(SmtpReply {
            code,
            text: Vec::new(),
            stage: "message",
        })
    }

    fn smpp(statuses: &[u32]) -> Reply {
        let answered = |status: &u32| SmppPart::Answered {
            status: *status,
            message_id: String::new(),
        };
        Reply::Smpp(SmppReply::Submitted(
            statuses.iter().map(answered).collect(),
        ))
    }

    #[test]
    fn every_reply_has_its_outcome() {
        for (reply, wanted) in [
            (http(101), "http_1xx"),
            (http(200), "http_2xx"),
            (http(503), "http_5xx"),
            (http(999), "http_other"),
            (smtp(250), "smtp_2xx"),
            (smtp(451), "smtp_4xx"),
            (smtp(550), "smtp_5xx"),
            (smpp(&[0, 0]), "smpp_accepted"),
            (smpp(&[0, 0x58]), "smpp_refused"),
            (Reply::Smpp(SmppReply::NotBound(14)), "smpp_not_bound"),
        ] {
            assert_eq!(OUTCOMES[outcome(&reply)], wanted);
        }
        for kind in [
            FaultKind::Invalid,
            FaultKind::Forbidden,
            FaultKind::Dns,
            FaultKind::Connect,
            FaultKind::Tls,
            FaultKind::TimedOut,
            FaultKind::Cut,
            FaultKind::TooLarge,
            FaultKind::Protocol,
        ] {
            let reply = Reply::Fault(not_sent(kind, ""));
            assert_eq!(OUTCOMES[outcome(&reply)], kind.as_str());
        }
    }

    #[test]
    fn the_accounts_are_bounded_and_connections_counted() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        for number in 0..MAX_ACCOUNTS + 5 {
            let key = Arc::from(format!("account-{number}"));
            metrics.count(&key, &http(200), Duration::from_millis(3));
        }
        let open = metrics.http_connection();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(
            text.contains(r#"austin_vendor_calls_total{account="other",outcome="http_2xx"} 5"#)
        );
        assert!(text.contains(r#"austin_vendor_connections_open{protocol="http"} 1"#));
        drop(open);
        assert_eq!(metrics.http_open.get(), 0);
    }
}
