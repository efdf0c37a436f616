//! Requests that may come again: one of a key runs, the others wait for it and hear the same.
//!
//! Invariant: a request is looked up, carried out and remembered by whoever holds its claim, and
//! at most one holds it. What was sent is remembered in the commit that makes it durable, so a
//! crash leaves both or neither.

use std::sync::Arc;
use std::time::Duration;

use austin_domain::AppId;
use austin_ports::Clock;
use austin_ports::ledger::{Error, Mark, Remembered};
use hashbrown::HashMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::accept::Draft;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::send::{SendAnswer, SendRequest};

/// How a request is known when it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The caller's key; see [`Once::new`].
    key: String,
    /// Digest of what is asked.
    request: [u8; 32],
}

/// What became of a request that may come again.
#[derive(Clone, Debug, PartialEq)]
pub struct OnceAnswer {
    /// One answer per message, in order.
    pub answers: Vec<Result<SendAnswer, Refusal>>,
    /// The HTTP request that was answered first, when it was not this one.
    pub replayed: Option<String>,
}

impl Once {
    /// Checks a caller's key.
    ///
    /// # Errors
    /// [`RefusalCode::InvalidRequest`] where it is not 1 to 255 visible ASCII characters.
    pub fn new(key: &str, request: [u8; 32]) -> Result<Self, Refusal> {
        let fits = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            let detail = format!("must have 1 to {LONGEST} visible ASCII characters");
            let fault = FieldFault::new("/Idempotency-Key", "invalid_key", detail);
            return Err(Refusal::fields(vec![fault]));
        }
        let key = key.to_owned();
        Ok(Self { key, request })
    }

    /// The caller's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Digest of what is asked.
    pub const fn request(&self) -> [u8; 32] {
        self.request
    }

    /// Whether `other` is what was asked with this key.
    ///
    /// # Errors
    /// [`RefusalCode::KeyReused`] where it is not.
    pub fn same(&self, other: &[u8; 32]) -> Result<(), Refusal> {
        if self.request == *other {
            return Ok(());
        }
        let detail = "this Idempotency-Key was used for another request; take a new key for each \
                      new request";
        Err(Refusal::new(RefusalCode::KeyReused, detail))
    }
}

/// The requests that are being carried out.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<Running>>);

type Running = HashMap<(AppId, String), Run>;

#[derive(Debug)]
struct Run {
    request: [u8; 32],
    done: watch::Receiver<()>,
}

/// The right to carry out a request; given back when dropped.
#[derive(Debug)]
pub struct Claim {
    running: Arc<Mutex<Running>>,
    place: (AppId, String),
    /// Dropped last: who waits finds the place free.
    _done: watch::Sender<()>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.running.lock().remove(&self.place);
    }
}

enum Taken {
    Mine(Claim),
    Running(watch::Receiver<()>),
}

impl Claims {
    fn take(&self, app: AppId, once: &Once) -> Result<Taken, Refusal> {
        let mut running = self.0.lock();
        let place = (app, once.key.clone());
        if let Some(run) = running.get(&place) {
            once.same(&run.request)?;
            return Ok(Taken::Running(run.done.clone()));
        }
        let (sender, done) = watch::channel(());
        let request = once.request;
        running.insert(place.clone(), Run { request, done });
        Ok(Taken::Mine(Claim {
            running: Arc::clone(&self.0),
            place,
            _done: sender,
        }))
    }

    /// Waits for the right to carry out a request.
    pub(crate) async fn claim(
        &self,
        app: AppId,
        once: &Once,
        clock: &dyn Clock,
    ) -> Result<Claim, Refusal> {
        let until = clock.now().plus(PATIENCE);
        loop {
            let mut done = match self.take(app, once)? {
                Taken::Mine(claim) => return Ok(claim),
                Taken::Running(done) => done,
            };
            tokio::select! {
                // It only ever ends: nothing is sent.
                _ = done.changed() => {}
                () = clock.sleep_until(until) => return Err(still_running()),
            }
        }
    }
}

fn still_running() -> Refusal {
    let detail = "the first request with this Idempotency-Key is still being carried out; ask \
                  again shortly";
    let mut refusal = Refusal::new(RefusalCode::InProgress, detail);
    refusal.retry_after = Some(Duration::from_secs(1));
    refusal
}

/// What is kept of an answer: everything but the ids, which the commit gives.
#[derive(Deserialize, Serialize)]
struct Kept {
    request_id: String,
    answers: Vec<Result<Draft, Refusal>>,
}

/// The mark that goes with what is accepted.
pub(crate) fn mark(caller: &Caller, once: Once, answers: &[Result<Draft, Refusal>]) -> Mark {
    #[derive(Serialize)]
    struct Keeping<'a> {
        request_id: &'a str,
        answers: &'a [Result<Draft, Refusal>],
    }
    let kept = Keeping {
        request_id: &caller.request_id,
        answers,
    };
    Mark {
        app: caller.app,
        key: once.key,
        request: once.request,
        // Plain data with text as keys always has a JSON form.
        answer: serde_json::to_vec(&kept).unwrap_or_default(),
    }
}

fn replay(once: &Once, found: Remembered) -> Result<OnceAnswer, Refusal> {
    once.same(&found.request)?;
    let unreadable = |error: serde_json::Error| {
        let detail = format!("the stored answer of this request cannot be read: {error}");
        Refusal::new(RefusalCode::Unavailable, detail)
    };
    let kept: Kept = serde_json::from_slice(&found.answer).map_err(unreadable)?;
    let mut ids = found.messages.into_iter();
    let answers = kept.answers.into_iter().map(|answer| {
        let draft = answer?;
        let id = ids.next().ok_or_else(|| {
            Refusal::new(RefusalCode::Unavailable, "the stored answer lacks an id")
        })?;
        Ok(draft.answer(id))
    });
    Ok(OnceAnswer {
        answers: answers.collect(),
        replayed: Some(kept.request_id),
    })
}

impl Engine {
    /// Waits for the right to carry out a request that may come again.
    ///
    /// # Errors
    /// [`RefusalCode::KeyReused`]: its key stands for another request that is being carried out;
    /// [`RefusalCode::InProgress`]: the first one takes long.
    pub async fn claim(&self, app: AppId, once: &Once) -> Result<Claim, Refusal> {
        let shared = self.shared();
        shared.claims.claim(app, once, &*shared.clock).await
    }

    /// [`Engine::send`] for a request that may come again: what was answered to its key is
    /// answered again, and nothing is sent twice. A request of which nothing became durable is
    /// not remembered.
    ///
    /// # Errors
    /// Those of [`Engine::claim`]; a ledger that cannot be asked.
    pub async fn send_once(
        &self,
        caller: &Caller,
        requests: Vec<SendRequest>,
        once: Once,
    ) -> Result<OnceAnswer, Refusal> {
        let _claim = self.claim(caller.app, &once).await?;
        if let Some(found) = self.remembered(caller, &once).await? {
            return replay(&once, found);
        }
        let answers = self.send_marked(caller, requests, Some(once.clone())).await;
        let repeated = answers.iter().any(
            |answer| matches!(answer, Err(refusal) if refusal.code == RefusalCode::InProgress),
        );
        if repeated {
            // Whoever had the claim hung up while its messages became durable.
            if let Some(found) = self.remembered(caller, &once).await? {
                return replay(&once, found);
            }
        }
        Ok(OnceAnswer {
            answers,
            replayed: None,
        })
    }

    async fn remembered(
        &self,
        caller: &Caller,
        once: &Once,
    ) -> Result<Option<Remembered>, Refusal> {
        let shared = self.shared();
        let now = shared.clock.now();
        let found = shared.ledger.remembered(caller.app, &once.key, now).await;
        found.map_err(|error: Error| error.into())
    }
}

const LONGEST: usize = 255;
/// How long a repeated request waits for the first one. A commit takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
