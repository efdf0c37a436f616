//! A message centre that speaks SMPP 3.4 and can be told to misbehave.
//!
//! Invariants: a message is in the ledger before its last part is answered with an id; a receipt is
//! sent again until the other side takes it, over whatever session it then has. It knows no
//! reference of the caller's, so the ledger counts by recipient and text.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Tally;
use crate::behaviour::CountBy;
use crate::clock::Clock;
use crate::ledger::{Accepted, Ledger, Mark, Mode};
use crate::rules::{Condition, Match, Seen, check_share};
use crate::secret::Secret;
use crate::span::{Span, roll};
use crate::vendor::Vendor;

mod pdu;
mod receipt;
mod session;

/// How the centre behaves. The default takes everything from anyone and sends no receipts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmppRules {
    /// When set, only this system may bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<SmppAuth>,
    /// Tried in order; the first that fires decides (delays go on).
    pub rules: Vec<SmppRule>,
    /// Most submits taken in one second; the others are throttled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// How message ids are written.
    pub ids: SmppIds,
    /// Later words about accepted messages; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<SmppReceipts>,
}

/// A system that may bind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppAuth {
    /// Its system id.
    pub system_id: String,
    /// Its password.
    pub password: Secret,
}

/// How message ids are written: in answers, and in the text of receipts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmppIds {
    /// Decimal in both.
    #[default]
    Decimal,
    /// Hexadecimal in both.
    Hex,
    /// Hexadecimal, and decimal with leading zeros.
    HexThenDecimal,
    /// Decimal, and hexadecimal in capitals with leading zeros.
    DecimalThenHex,
}

/// One rule of the centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppRule {
    /// `to` is the recipient with its `+`, `text_contains` looks into the part's text. At `bind`,
    /// `to` is the system id.
    #[serde(default, rename = "match")]
    pub when: Match,
    /// When it is tried.
    #[serde(default)]
    pub at: SmppStage,
    /// What happens.
    #[serde(rename = "do")]
    pub action: SmppAction,
}

/// A point in a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmppStage {
    /// In place of the answer to a bind.
    Bind,
    /// In place of the answer to a submit.
    #[default]
    Submit,
}

/// What the centre does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmppAction {
    /// Answers with this `command_status`, keeping nothing.
    Status(u32),
    /// Never answers and keeps nothing.
    Drop,
    /// Keeps the message and never answers.
    KeepAndDrop,
    /// Closes the connection, keeping nothing.
    Close,
    /// Keeps the message, then closes without an answer.
    KeepAndClose,
    /// Keeps nothing, and neither reads nor writes any more.
    Hang,
    /// Answers with bytes that are no SMPP.
    Garbage,
    /// Answers later than others that came after it.
    DelayMs(Span),
}

/// Receipts of the centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmppReceipts {
    /// Time from acceptance to the receipt.
    pub delay_ms: Span,
    /// Sent before the submit is answered; `delay_ms` does not apply.
    pub early: bool,
    /// A share that says "undelivered".
    pub fail: f64,
    /// A share that never comes.
    pub lose: f64,
    /// A share that comes twice.
    pub duplicate: f64,
    /// How they are written.
    pub form: SmppForm,
}

/// How receipts are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmppForm {
    /// As text alone.
    #[default]
    Text,
    /// As optional parameters alone.
    Parameters,
    /// As both.
    Both,
}

impl Default for SmppReceipts {
    fn default() -> Self {
        Self {
            delay_ms: Span::fixed(0),
            early: false,
            fail: 0.0,
            lose: 0.0,
            duplicate: 0.0,
            form: SmppForm::Text,
        }
    }
}

/// The rules in force with their counters.
#[derive(Debug)]
struct InForce {
    rules: SmppRules,
    conditions: Vec<Condition>,
    set_ms: i64,
}

/// The centre behind all sessions.
#[derive(Debug)]
pub(crate) struct Centre {
    seed: u64,
    clock: Clock,
    ledger: Arc<Ledger>,
    tally: Arc<Tally>,
    in_force: ArcSwap<InForce>,
    next_id: AtomicU64,
    second: Mutex<(i64, u64)>,
    pieces: Mutex<HashMap<Whole, BTreeMap<u8, String>>>,
    due: Mutex<VecDeque<(Instant, Receipt)>>,
    bell: Notify,
    counters: Counters,
}

/// What the parts of one message have in common.
type Whole = (String, String, u16, u8);

#[derive(Debug, Default)]
struct Counters {
    sessions: AtomicU64,
    promised: AtomicU64,
    lost: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
}

/// The counters as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SmppProgress {
    /// Sessions bound so far.
    pub sessions: u64,
    /// Receipts promised.
    pub promised: u64,
    /// Receipts that never come, as told.
    pub lost: u64,
    /// Receipts taken by the other side.
    pub acknowledged: u64,
    /// Receipts that the other side wanted again.
    pub refused: u64,
}

/// A later word about one part.
#[derive(Debug, Clone)]
struct Receipt {
    system_id: String,
    id: u64,
    from: String,
    to: String,
    delivered: bool,
    accepted_ms: i64,
    mark: Option<Mark>,
    form: SmppForm,
    ids: SmppIds,
}

/// What the rules say at a stage.
#[derive(Debug, Default)]
struct Say {
    delay_ms: u64,
    action: Option<SmppAction>,
}

impl SmppRules {
    fn check(&self) -> Result<(), String> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.when
                .check()
                .map_err(|why| format!("rules[{index}]: {why}"))?;
        }
        if let Some(receipts) = &self.receipts {
            check_share("receipts.fail", receipts.fail)?;
            check_share("receipts.lose", receipts.lose)?;
            check_share("receipts.duplicate", receipts.duplicate)?;
        }
        Ok(())
    }
}

impl SmppIds {
    fn answer(self, id: u64) -> String {
        match self {
            Self::Decimal | Self::DecimalThenHex => id.to_string(),
            Self::Hex | Self::HexThenDecimal => format!("{id:x}"),
        }
    }

    fn receipt(self, id: u64) -> String {
        match self {
            Self::Decimal => id.to_string(),
            Self::Hex => format!("{id:x}"),
            Self::HexThenDecimal => format!("{id:020}"),
            Self::DecimalThenHex => format!("{id:016X}"),
        }
    }
}

impl Centre {
    pub(crate) fn new(seed: u64, clock: Clock, ledger: Arc<Ledger>, tally: Arc<Tally>) -> Self {
        let now = clock.now_ms();
        let in_force = InForce {
            rules: SmppRules::default(),
            conditions: Vec::new(),
            set_ms: now,
        };
        Self {
            seed,
            ledger,
            tally,
            in_force: ArcSwap::from_pointee(in_force),
            // Never given twice, also not after a restart; hexadecimal ids have letters.
            next_id: AtomicU64::new((u64::try_from(now).unwrap_or(0) << 20) | 0xa_0000),
            clock,
            second: Mutex::default(),
            pieces: Mutex::default(),
            due: Mutex::default(),
            bell: Notify::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn rules(&self) -> SmppRules {
        self.in_force.load().rules.clone()
    }

    pub(crate) fn set_rules(&self, rules: SmppRules) -> Result<(), String> {
        rules.check()?;
        let conditions = (0_u64..).zip(&rules.rules);
        let conditions = conditions.map(|(index, _)| Condition::new(SMPP_STREAM + index));
        self.in_force.store(Arc::new(InForce {
            conditions: conditions.collect(),
            rules,
            set_ms: self.clock.now_ms(),
        }));
        Ok(())
    }

    pub(crate) fn progress(&self) -> SmppProgress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        SmppProgress {
            sessions: get(&counters.sessions),
            promised: get(&counters.promised),
            lost: get(&counters.lost),
            acknowledged: get(&counters.acknowledged),
            refused: get(&counters.refused),
        }
    }

    /// What the rules say.
    fn say(&self, stage: SmppStage, to: &str, text: &str) -> Say {
        let in_force = self.in_force.load();
        let elapsed = u64::try_from(self.clock.now_ms() - in_force.set_ms).unwrap_or(0);
        let mut say = Say::default();
        let rules = in_force.rules.rules.iter().zip(&in_force.conditions);
        for (rule, condition) in rules.filter(|(rule, _)| rule.at == stage) {
            let seen = Seen {
                to,
                reference: "",
                text,
            };
            if !condition.holds(&rule.when, std::iter::once(seen), elapsed, self.seed) {
                continue;
            }
            match &rule.action {
                SmppAction::DelayMs(span) => {
                    say.delay_ms += span.at(roll(self.seed, 0, condition.fired()));
                }
                action => {
                    say.action = Some(*action);
                    break;
                }
            }
        }
        say
    }

    /// Whether this second has room for one more submit.
    fn has_room(&self) -> bool {
        let Some(most) = self.in_force.load().rules.per_second else {
            return true;
        };
        let second = self.clock.now_ms() / 1_000;
        let mut counted = self.second.lock();
        if counted.0 != second {
            *counted = (second, 0);
        }
        counted.1 += 1;
        counted.1 <= most
    }

    /// Keeps a part; its message is in the ledger once all of its parts are here. The id, and the
    /// receipts that are due for it at once.
    fn keep(&self, system_id: &str, part: &pdu::Submit) -> (u64, Vec<Receipt>) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let now_ms = self.clock.now_ms();
        let (from, to) = (part.source.clone(), part.to());
        let text = match part.place {
            None => Some(part.text.clone()),
            Some((reference, total, number)) => {
                let mut pieces = self.pieces.lock();
                let whole = (from.clone(), to.clone(), reference, total);
                let pieces_here = pieces.entry(whole.clone()).or_default();
                pieces_here.insert(number, part.text.clone());
                (pieces_here.len() >= usize::from(total))
                    .then(|| pieces.remove(&whole))
                    .flatten()
                    .map(|pieces| pieces.into_values().collect())
            }
        };
        let mark = text.map(|text| {
            self.tally.called(now_ms, 1);
            if self.ledger.mode() != Mode::Off {
                self.tally.accepted(now_ms, 1);
            }
            self.ledger.record(&Accepted {
                behaviour: &self.tally.name,
                vendor: Vendor::Smpp,
                reference: "",
                shared: false,
                to: &to,
                text: &text,
                at_ms: now_ms,
                count_by: CountBy::Content,
            })
        });
        let receipt = Receipt {
            system_id: system_id.to_owned(),
            id,
            from,
            to: part.destination.clone(),
            delivered: true,
            accepted_ms: now_ms,
            mark,
            form: SmppForm::Text,
            ids: self.in_force.load().rules.ids,
        };
        (id, self.promise(receipt, part.registered))
    }

    /// Promises the receipts of a part; those that go out before its answer are given back.
    fn promise(&self, mut receipt: Receipt, registered: u8) -> Vec<Receipt> {
        let in_force = self.in_force.load();
        let Some(plan) = &in_force.rules.receipts else {
            return Vec::new();
        };
        let draw = |stream| roll(self.seed, SMPP_STREAM + stream, receipt.id);
        receipt.delivered = draw(FAIL) >= plan.fail;
        receipt.form = plan.form;
        // 1 asks for any outcome, 2 for failures.
        if registered & 3 == 0 || (registered & 3 == 2 && receipt.delivered) {
            return Vec::new();
        }
        self.counters.promised.fetch_add(1, Ordering::Relaxed);
        if draw(LOSE) < plan.lose {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let count = if draw(DUPLICATE) < plan.duplicate {
            2
        } else {
            1
        };
        let receipts = vec![receipt.clone(); count];
        if plan.early {
            return receipts;
        }
        let delay = Duration::from_millis(plan.delay_ms.at(draw(DELAY)));
        for receipt in receipts {
            self.schedule(delay, receipt);
        }
        Vec::new()
    }

    fn schedule(&self, delay: Duration, receipt: Receipt) {
        let at = Instant::now() + delay;
        self.due.lock().push_back((at, receipt));
        self.bell.notify_waiters();
    }

    /// A receipt that is due for this system.
    fn take_due(&self, system_id: &str) -> Option<Receipt> {
        let now = Instant::now();
        let mut due = self.due.lock();
        let is_due =
            |(at, receipt): &(Instant, Receipt)| *at <= now && receipt.system_id == system_id;
        let place = due.iter().position(is_due)?;
        due.remove(place).map(|(_, receipt)| receipt)
    }
}

/// Serves the centre until stopped.
pub(crate) async fn serve(listener: TcpListener, centre: Arc<Centre>, stop: CancellationToken) {
    let sessions = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(SESSIONS_MOST));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            break;
        };
        let (centre, stop) = (Arc::clone(&centre), stop.clone());
        sessions.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = session::run(stream, centre) => {}
            }
            drop(slot);
        });
    }
    sessions.close();
    sessions.wait().await;
}

const SESSIONS_MOST: usize = 1_000;
const SMPP_STREAM: u64 = 1 << 33;
const FAIL: u64 = 101;
const LOSE: u64 = 102;
const DUPLICATE: u64 = 103;
const DELAY: u64 = 104;
