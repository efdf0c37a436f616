//! The transaction: server, envelope, message.

use std::time::Duration;

use austin_adapter_api::{SmtpRequest, TlsMode};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;

use super::message;
use crate::post::{secret, setting};
use crate::rounds::Job;

/// Attachments take their time.
const DEADLINE: Duration = Duration::from_secs(60);

/// The transaction of one recipient.
pub(super) fn send(job: &Job<'_>, round: &[usize]) -> Result<SmtpRequest, Verdict> {
    let Some(item) = job.items(round).next() else {
        return Err(Verdict::Unknown(Cause::new(
            "empty_round",
            "a call without recipients",
        )));
    };
    let account = job.account;
    let tls = tls(account.text("tls").unwrap_or("starttls"))?;
    let port = match account.integer("port") {
        Some(port) => u16::try_from(port)
            .map_err(|_| misconfigured("bad_port", "port is not from 1 to 65535"))?,
        None => default_port(tls),
    };
    let credentials = match account.text("username") {
        Some(user) => Some((
            user.to_owned(),
            secret(account, "password")?.to_owned().into(),
        )),
        None => None,
    };
    let envelope = message::envelope(account, item)?;
    Ok(SmtpRequest {
        host: setting(account, "host")?.to_owned(),
        port,
        tls,
        credentials,
        hello: account.text("hello").map(str::to_owned),
        from: envelope.0.to_string(),
        to: envelope.1.to_string(),
        message: message::build(job, item)?.into(),
        deadline: DEADLINE,
    })
}

fn tls(word: &str) -> Result<TlsMode, Verdict> {
    match word {
        "implicit" => Ok(TlsMode::Implicit),
        "starttls" => Ok(TlsMode::StartTls),
        "opportunistic" => Ok(TlsMode::Opportunistic),
        "none" => Ok(TlsMode::None),
        _ => Err(misconfigured(
            "bad_tls",
            "tls is none of implicit, starttls, opportunistic, none",
        )),
    }
}

const fn default_port(tls: TlsMode) -> u16 {
    match tls {
        TlsMode::Implicit => 465,
        TlsMode::StartTls => 587,
        TlsMode::Opportunistic | TlsMode::None => 25,
    }
}

fn misconfigured(code: &str, detail: &str) -> Verdict {
    Verdict::Misconfigured(Cause::new(code, detail))
}
