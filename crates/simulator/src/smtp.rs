//! A small mail sink (RFC 5321) for demonstrations and fault tests.
//!
//! Invariant: a mail is in the mailbox and in the ledger before it is answered 250; it is no MTA
//! and never passes anything on.

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Tally;
use crate::behaviour::CountBy;
use crate::clock::{Clock, rfc3339};
use crate::ledger::{Accepted, Ledger, Mode};
use crate::rules::{Condition, Match, Seen};
use crate::secret::Secret;
use crate::span::Span;
use crate::vendor::Vendor;

mod session;

/// How the mail sink behaves. The default takes everything from anyone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpRules {
    /// When set, only senders who prove it (AUTH PLAIN) may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<SmtpAuth>,
    /// Tried in order at each stage; the first that fires decides (delays go on).
    pub rules: Vec<SmtpRule>,
}

/// A user of the mail sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpAuth {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// One rule of the mail sink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpRule {
    /// `to` is the recipient, `text_contains` looks into the raw mail (stage `end` only),
    /// `reference` at its Message-ID (stage `end` only).
    #[serde(default, rename = "match")]
    pub when: Match,
    /// When it is tried.
    pub at: SmtpStage,
    /// What happens.
    #[serde(rename = "do")]
    pub action: SmtpAction,
}

/// A point in an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpStage {
    /// In place of the answer to RCPT.
    Rcpt,
    /// In place of the answer to DATA.
    Data,
    /// In place of the answer to the final dot.
    End,
}

/// What the mail sink does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SmtpAction {
    /// Answers with a code of 400 to 599.
    Reply(SmtpReply),
    /// Closes the connection without an answer, keeping nothing.
    Close,
    /// At `end`: keeps the mail, then closes without the final answer.
    KeepAndClose,
    /// Waits, then goes on.
    DelayMs(Span),
}

/// An answer of the mail sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpReply {
    /// 400 to 599.
    pub code: u16,
    /// One line for people.
    pub text: String,
}

/// The rules in force with their counters.
#[derive(Debug)]
struct InForce {
    rules: SmtpRules,
    conditions: Vec<Condition>,
    set_ms: i64,
}

/// Mails kept and the rules of the sink.
#[derive(Debug)]
pub(crate) struct Mailbox {
    most: usize,
    seed: u64,
    clock: Clock,
    ledger: Arc<Ledger>,
    tally: Arc<Tally>,
    in_force: ArcSwap<InForce>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    mails: VecDeque<Mail>,
}

#[derive(Debug, Clone)]
struct Mail {
    number: u64,
    at_ms: i64,
    envelope: Envelope,
    raw: Bytes,
}

/// Sender and recipients of a mail under way.
#[derive(Debug, Clone, Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

/// A kept mail as listed.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    number: u64,
    at: String,
    from: String,
    to: Vec<String>,
    subject: String,
    bytes: usize,
}

/// What the rules say at a stage.
#[derive(Debug, Default, PartialEq, Eq)]
struct Say {
    delay_ms: u64,
    action: Option<SmtpAction>,
}

impl SmtpRules {
    fn check(&self) -> Result<(), String> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.check()
                .map_err(|why| format!("rules[{index}]: {why}"))?;
        }
        Ok(())
    }
}

impl SmtpRule {
    fn check(&self) -> Result<(), String> {
        self.when.check()?;
        match &self.action {
            SmtpAction::Reply(reply) if !(400..=599).contains(&reply.code) => {
                Err(format!("reply.code {} is not in 400..=599", reply.code))
            }
            SmtpAction::Reply(reply) if reply.text.contains(['\r', '\n']) => {
                Err("reply.text must be one line".into())
            }
            SmtpAction::KeepAndClose if self.at != SmtpStage::End => {
                Err("keep_and_close is for the stage `end`".into())
            }
            _ if self.at != SmtpStage::End
                && (self.when.text_contains.is_some() || self.when.reference.is_some()) =>
            {
                Err("text_contains and reference are known at the stage `end` only".into())
            }
            _ => Ok(()),
        }
    }
}

impl Mailbox {
    pub(crate) fn new(
        most: usize,
        seed: u64,
        clock: Clock,
        ledger: Arc<Ledger>,
        tally: Arc<Tally>,
    ) -> Self {
        let in_force = InForce {
            rules: SmtpRules::default(),
            conditions: Vec::new(),
            set_ms: clock.now_ms(),
        };
        Self {
            most,
            seed,
            clock,
            ledger,
            tally,
            in_force: ArcSwap::from_pointee(in_force),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn rules(&self) -> Arc<SmtpRules> {
        Arc::new(self.in_force.load().rules.clone())
    }

    pub(crate) fn set_rules(&self, rules: SmtpRules) -> Result<(), String> {
        rules.check()?;
        let conditions = (0_u64..).zip(&rules.rules);
        let conditions = conditions.map(|(index, _)| Condition::new(SMTP_STREAM + index));
        self.in_force.store(Arc::new(InForce {
            conditions: conditions.collect(),
            rules,
            set_ms: self.clock.now_ms(),
        }));
        Ok(())
    }

    pub(crate) fn count(&self) -> usize {
        self.kept.lock().mails.len()
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().mails.clear();
    }

    /// The newest mails, newest first.
    pub(crate) fn list(&self, limit: usize) -> Vec<Listed> {
        let kept = self.kept.lock();
        let newest = kept.mails.iter().rev().take(limit);
        newest
            .map(|mail| Listed {
                number: mail.number,
                at: rfc3339(mail.at_ms),
                from: mail.envelope.from.clone(),
                to: mail.envelope.to.clone(),
                subject: header(&mail.raw, "subject").unwrap_or_default(),
                bytes: mail.raw.len(),
            })
            .collect()
    }

    /// A mail as it came.
    pub(crate) fn raw(&self, number: u64) -> Option<Bytes> {
        let kept = self.kept.lock();
        let mail = kept.mails.iter().find(|mail| mail.number == number)?;
        Some(mail.raw.clone())
    }

    /// Keeps a mail and writes it into the ledger, once per recipient.
    fn keep(&self, envelope: Envelope, raw: Bytes) -> u64 {
        let at_ms = self.clock.now_ms();
        let reference = header(&raw, "message-id").unwrap_or_default();
        let text = String::from_utf8_lossy(&raw);
        for to in &envelope.to {
            self.ledger.record(&Accepted {
                behaviour: &self.tally.name,
                vendor: Vendor::Smtp,
                reference: &reference,
                shared: envelope.to.len() > 1,
                to,
                text: &text,
                at_ms,
                count_by: CountBy::Reference,
            });
        }
        self.tally.called(at_ms, envelope.to.len());
        if self.ledger.mode() != Mode::Off {
            self.tally.accepted(at_ms, envelope.to.len() as u64);
        }
        let mut kept = self.kept.lock();
        kept.next += 1;
        let number = kept.next;
        if kept.mails.len() >= self.most {
            kept.mails.pop_front();
        }
        kept.mails.push_back(Mail {
            number,
            at_ms,
            envelope,
            raw,
        });
        number
    }

    /// What the rules say at `stage` about a mail to `to`.
    fn say(&self, stage: SmtpStage, to: &[String], raw: &[u8]) -> Say {
        let in_force = self.in_force.load();
        let elapsed = u64::try_from(self.clock.now_ms() - in_force.set_ms).unwrap_or(0);
        let reference = header(raw, "message-id").unwrap_or_default();
        let text = String::from_utf8_lossy(raw);
        let mut say = Say::default();
        let rules = in_force.rules.rules.iter().zip(&in_force.conditions);
        for (rule, condition) in rules.filter(|(rule, _)| rule.at == stage) {
            let seen = to.iter().map(|to| Seen {
                to,
                reference: &reference,
                text: &text,
            });
            if !condition.holds(&rule.when, seen, elapsed, self.seed) {
                continue;
            }
            if let SmtpAction::DelayMs(span) = &rule.action {
                say.delay_ms += span.at(crate::span::roll(self.seed, 0, condition.fired()));
            } else {
                say.action = Some(rule.action.clone());
                break;
            }
        }
        say
    }

    fn auth(&self) -> Option<SmtpAuth> {
        self.in_force.load().rules.auth.clone()
    }
}

/// Serves the mail sink until stopped.
pub(crate) async fn serve(listener: TcpListener, mailbox: Arc<Mailbox>, stop: CancellationToken) {
    let sessions = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(SESSIONS_MOST));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        let (mailbox, stop) = (Arc::clone(&mailbox), stop.clone());
        sessions.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                ended = session::run(stream, &mailbox) => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "mail session ended early");
                    }
                }
            }
            drop(slot);
        });
    }
    sessions.close();
    sessions.wait().await;
}

/// The value of a header field, unfolded.
fn header(raw: &[u8], name: &str) -> Option<String> {
    let head = raw.windows(4).position(|window| window == b"\r\n\r\n");
    let head = String::from_utf8_lossy(&raw[..head.unwrap_or(raw.len())]).into_owned();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

const SESSIONS_MOST: usize = 1_000;
const SMTP_STREAM: u64 = 1 << 32;
