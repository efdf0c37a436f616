//! Access tokens: kept per account, fetched one at a time, renewed before they run out.
//!
//! Invariants: of any number of users that want a token at once, one fetches and all get what it
//! brings, also its failure; a vendor is asked for a token at most once a second after a failure;
//! a value that the vendor called invalid is not handed out again. Values never reach a log.

use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Account, Answer, Question, Token, TokenWant};
use austin_domain::verdict::Cause;
use austin_domain::{AccountId, Timestamp, Verdict};
use austin_ports::BoxFuture;
use hashbrown::HashMap;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::asking::{Desk, Party};

/// A token, or why there is none.
type Fetched = Result<SecretString, Verdict>;
type Flight = watch::Receiver<Option<Fetched>>;

/// All tokens of this process.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<Name, Slot>>);

/// What a token belongs to: changed settings or secrets make it another one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    account: AccountId,
    digest: [u8; 32],
    token: String,
}

#[derive(Default)]
struct Slot {
    held: Option<Held>,
    failed: Option<(Timestamp, Verdict)>,
    flight: Option<Flight>,
}

struct Held {
    value: SecretString,
    renew_at: Timestamp,
    expires_at: Timestamp,
}

/// What a look at the slot says.
enum Look {
    Good(SecretString),
    Failed(Verdict),
    /// Somebody is fetching.
    Flying(Flight),
    /// Fetch it, and wait for it unless there is one that still serves.
    Fetch(watch::Sender<Option<Fetched>>, Result<SecretString, Flight>),
}

impl Desk {
    /// A token of `account`, whose `party` is called where one must be fetched.
    ///
    /// # Errors
    /// What it means for whoever needs it; nothing of theirs was sent.
    pub(crate) async fn token(
        self: &Arc<Self>,
        account: &Account,
        want: &TokenWant,
        party: impl FnOnce() -> Arc<Party>,
    ) -> Fetched {
        let name = Name::of(account, &want.name);
        let look = self.tokens.look(&name, want, self.clock.now());
        let mut flight = match look {
            Look::Good(token) => return Ok(token),
            Look::Failed(verdict) => return Err(verdict),
            Look::Flying(flight) => flight,
            Look::Fetch(landing, meanwhile) => {
                // A task of its own: whoever waits for it may give up.
                tokio::spawn(fetch(Arc::clone(self), party(), name.clone(), landing));
                match meanwhile {
                    Ok(token) => return Ok(token),
                    Err(flight) => flight,
                }
            }
        };
        let fetched = match flight.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone(),
            Err(_) => None,
        };
        let fetched = fetched.unwrap_or_else(|| Err(unavailable("it could not be fetched")));
        match (&fetched, &want.refused) {
            (Ok(token), Some(refused)) if same(token, refused) => {
                let verdict = unavailable("the vendor gives out a token that it calls invalid");
                let now = self.clock.now();
                Err(self.tokens.gives_out_the_same(&name, refused, verdict, now))
            }
            _ => fetched,
        }
    }
}

/// Boxed, because asking for a token may in general ask for tokens.
fn fetch(
    desk: Arc<Desk>,
    party: Arc<Party>,
    name: Name,
    landing: watch::Sender<Option<Fetched>>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let question = Question::Token {
            name: name.token.clone(),
        };
        let asked = desk.ask(&party, &question).await;
        let fetched = match asked.answer {
            Answer::Token(token) if token.value.expose_secret().is_empty() => {
                Err(unavailable("the vendor gave an empty token"))
            }
            Answer::Token(token) => Ok(token),
            Answer::Failed(verdict) => Err(nothing_sent(verdict)),
            Answer::Unsupported
            | Answer::Receipts(_)
            | Answer::Found(_)
            | Answer::Recalled
            | Answer::NotRecalled(_)
            | Answer::Balance(_) => Err(unavailable("the adapter cannot fetch it")),
        };
        if let Err(verdict) = &fetched {
            let cause = verdict.cause().map_or("", |cause| cause.code.as_str());
            tracing::warn!(account = %party.key, token = %name.token, cause, "no token");
        }
        let result = desk.tokens.land(&name, fetched, desk.clock.now());
        landing.send_replace(Some(result));
    })
}

impl Tokens {
    fn look(&self, name: &Name, want: &TokenWant, now: Timestamp) -> Look {
        let mut slots = self.0.lock();
        if !slots.contains_key(name) {
            // An account that was changed needs its former tokens no more.
            slots.retain(|known, slot| {
                let former = (known.account, &known.token) == (name.account, &name.token);
                !former || slot.is_flying()
            });
        }
        let slot = slots.entry(name.clone()).or_default();
        slot.drop_refused(want.refused.as_ref());
        slot.held.take_if(|held| held.expires_at <= now);
        let flying = slot.is_flying();
        let may_fetch = slot
            .failed
            .as_ref()
            .is_none_or(|(at, _)| at.plus(AFTER_FAILURE) <= now);
        if let Some(held) = &slot.held {
            let value = held.value.clone();
            if held.renew_at > now || flying || !may_fetch {
                return Look::Good(value);
            }
            return Look::Fetch(slot.take_off().0, Ok(value));
        }
        match (&slot.flight, &slot.failed) {
            (Some(flight), _) if flying => Look::Flying(flight.clone()),
            (_, Some((_, verdict))) if !may_fetch => Look::Failed(verdict.clone()),
            _ => {
                let (landing, flight) = slot.take_off();
                Look::Fetch(landing, Err(flight))
            }
        }
    }

    /// Keeps what a flight brought.
    fn land(&self, name: &Name, fetched: Result<Token, Verdict>, now: Timestamp) -> Fetched {
        let mut slots = self.0.lock();
        let slot = slots.entry(name.clone()).or_default();
        slot.flight = None;
        match fetched {
            Ok(token) => {
                let life = token.expires_in.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE);
                let early = (life * 4 / 5).max(life.saturating_sub(BEFORE_END));
                slot.failed = None;
                slot.held = Some(Held {
                    value: token.value.clone(),
                    renew_at: now.plus(early),
                    expires_at: now.plus(life),
                });
                Ok(token.value)
            }
            Err(verdict) => {
                slot.failed = Some((now, verdict.clone()));
                Err(verdict)
            }
        }
    }

    /// The vendor gave out again what it had refused: that counts as a failure.
    fn gives_out_the_same(
        &self,
        name: &Name,
        refused: &SecretString,
        verdict: Verdict,
        now: Timestamp,
    ) -> Verdict {
        let mut slots = self.0.lock();
        let slot = slots.entry(name.clone()).or_default();
        slot.drop_refused(Some(refused));
        slot.failed = Some((now, verdict.clone()));
        verdict
    }
}

impl Slot {
    /// Drops what is held, if it still is what the vendor refused.
    fn drop_refused(&mut self, refused: Option<&SecretString>) {
        if let Some(refused) = refused {
            self.held.take_if(|held| same(&held.value, refused));
        }
    }

    /// Whether somebody is fetching; one who died is not.
    fn is_flying(&self) -> bool {
        self.flight
            .as_ref()
            .is_some_and(|flight| flight.has_changed().is_ok())
    }

    fn take_off(&mut self) -> (watch::Sender<Option<Fetched>>, Flight) {
        let (landing, flight) = watch::channel(None);
        self.flight = Some(flight.clone());
        (landing, flight)
    }
}

impl Name {
    fn of(account: &Account, token: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |part: &str| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        };
        for (name, value) in &account.settings {
            add(name);
            add(&value.to_string());
        }
        add("secrets");
        for (name, value) in &account.secrets {
            add(name);
            add(value.expose_secret());
        }
        Self {
            account: account.id,
            digest: *hasher.finalize().as_bytes(),
            token: token.to_owned(),
        }
    }
}

/// A verdict on the fetch as a verdict on what needed the token: nothing of it was sent.
fn nothing_sent(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Misconfigured(_)
        | Verdict::Throttled { .. }
        | Verdict::Later { .. }
        | Verdict::Elsewhere(_) => verdict,
        Verdict::Unknown(cause)
        | Verdict::BadRecipient(cause)
        | Verdict::BadContent(cause)
        | Verdict::NumberRefused { cause, .. } => Verdict::Elsewhere(cause),
        Verdict::Accepted(_) => unavailable("the adapter gave no token"),
    }
}

fn unavailable(detail: &str) -> Verdict {
    Verdict::Elsewhere(Cause::new("token_unavailable", detail))
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// What a vendor that names no life is taken to mean.
const USUAL_LIFE: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(365 * 86_400);
const BEFORE_END: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
