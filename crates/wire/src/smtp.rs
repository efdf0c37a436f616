//! SMTP transactions (RFC 5321) over kept sessions.
//!
//! Spoken here command by command rather than by a mail library, because three things must be
//! known that libraries hide: which command a reply answered, whether the end of the message has
//! left (before it, a server must not deliver anything: RFC 5321 section 4.1.1.4), and that the
//! connection goes to the address that was vetted. Replies are bounded, and read even where their
//! text is not UTF-8.
//!
//! A transaction that fails on a kept session before its content was sent is tried once more on a
//! fresh one; servers close sessions when they please.

mod message;
mod reply;
mod session;
mod transaction;

use std::time::Duration;

use austin_adapter_api::sign::sha256_hex;
use austin_adapter_api::{Fault, FaultKind, SmtpReply, SmtpRequest, TlsMode};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use crate::fault::{maybe_sent, not_sent};
use crate::http::Means;
use crate::options::Options;
use crate::pool::{Limits, Pool, Shelf};
use crate::target::Host;

use session::Session;
use transaction::{Ended, Progress};

/// Makes SMTP transactions.
pub(crate) struct Smtp {
    pool: Pool<Login, Session>,
}

/// Whose sessions a transaction may use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Login {
    host: Host,
    port: u16,
    tls: TlsMode,
    hello: Option<String>,
    /// Digest of user and password: a session is never lent to someone with another password.
    credentials: Option<String>,
}

/// Why a step of a transaction is its last.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server's word, which the caller gets as it is.
    Replied(SmtpReply),
    /// No word.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Smtp {
    /// No sessions yet.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            pool: Pool::new(Limits {
                calls: options.smtp_per_host,
                idle: options.smtp_per_host,
                idle_for: options.idle_timeout,
            }),
        }
    }

    /// Closes sessions unused for too long, saying goodbye to the server.
    pub(crate) fn sweep(&self, now: Instant) {
        for mut session in self.pool.sweep(now) {
            session.say_goodbye();
        }
    }

    /// Carries `request` out.
    pub(crate) async fn call(
        &self,
        request: &SmtpRequest,
        means: Means<'_>,
    ) -> Result<SmtpReply, Fault> {
        let login = check(request).map_err(|what| not_sent(FaultKind::Invalid, what))?;
        let shelf = self.pool.shelf(login.clone());
        let mut progress = Progress::default();
        let until = Instant::now() + request.deadline.min(MAX_DEADLINE);
        let run = run(&shelf, &login.host, request, means, &mut progress);
        let ended = timeout_at(until, run).await;
        match ended {
            Ok(Ok(reply) | Err(Stop::Replied(reply))) => Ok(reply),
            Ok(Err(Stop::Fault(fault))) => Err(fault),
            Err(_) => Err(progress.timed_out()),
        }
    }
}

async fn run(
    shelf: &Shelf<Session>,
    host: &Host,
    request: &SmtpRequest,
    means: Means<'_>,
    progress: &mut Progress,
) -> Result<SmtpReply, Stop> {
    let _slot = shelf.slot().await;
    while let Some(mut kept) = shelf.take(Instant::now()) {
        if !kept.is_alive() {
            continue;
        }
        match transaction::run(&mut kept, request, progress).await {
            Ended::Fully(reply) => {
                shelf.put(kept, Instant::now());
                return reply;
            }
            Ended::Closed(_) if !progress.may_have_been_accepted() => break,
            Ended::Closed(stop) => return Err(stop),
        }
    }
    let mut fresh = session::open(host, request, means).await?;
    match transaction::run(&mut fresh, request, progress).await {
        Ended::Fully(reply) => {
            shelf.put(fresh, Instant::now());
            reply
        }
        Ended::Closed(stop) => Err(stop),
    }
}

/// What the request says of its server, when every text in it can stand in a command.
fn check(request: &SmtpRequest) -> Result<Login, &'static str> {
    let path_ok = |path: &str| {
        let is_safe = |letter: char| !letter.is_control() && !" <>".contains(letter);
        path.len() <= MAX_PATH_BYTES && path.chars().all(is_safe)
    };
    if !path_ok(&request.from) {
        return Err("the sender is not an e-mail address");
    }
    if request.to.is_empty() || !path_ok(&request.to) {
        return Err("the recipient is not an e-mail address");
    }
    let hello_ok = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    if request.hello.as_deref().is_some_and(|name| !hello_ok(name)) {
        return Err("the name for EHLO is not a host name");
    }
    if request.port == 0 {
        return Err("the port is no port");
    }
    if let Some((user, password)) = &request.credentials
        && (user.contains('\0') || password.expose_secret().contains('\0'))
    {
        return Err("user or password holds a zero byte");
    }
    let bare_v6 = request.host.contains(':') && !request.host.starts_with('[');
    let host = if bare_v6 {
        Host::parse(&format!("[{}]", request.host))?
    } else {
        Host::parse(&request.host)?
    };
    Ok(Login {
        host,
        port: request.port,
        tls: request.tls,
        hello: request.hello.clone(),
        credentials: request.credentials.as_ref().map(|(user, password)| {
            sha256_hex(format!("{user}\0{}", password.expose_secret()).as_bytes())
        }),
    })
}

impl Progress {
    fn timed_out(&self) -> Fault {
        let detail = "the deadline passed before the server had answered";
        if self.may_have_been_accepted() {
            maybe_sent(FaultKind::TimedOut, detail)
        } else {
            not_sent(FaultKind::TimedOut, detail)
        }
    }
}

/// Longest address in a command; RFC 5321 allows 256 bytes, SMTPUTF8 and reality more.
const MAX_PATH_BYTES: usize = 512;

/// No transaction takes longer, whatever its request says.
const MAX_DEADLINE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
