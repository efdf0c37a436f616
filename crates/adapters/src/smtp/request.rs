//! The transaction: server, envelope, message.

use std::time::Duration;

use austin_adapter_api::{Account, Item, SmtpRequest, TlsMode};
use austin_domain::Verdict;
use austin_domain::verdict::Cause;
use lettre::Address;

use crate::mail;
use crate::post::{secret, setting};
use crate::rounds::Job;

/// Stands for the delivery's reference in `return_path`.
pub(super) const PLACE: &str = "{delivery}";
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
    let to = mail::recipient(item)?;
    Ok(SmtpRequest {
        host: setting(account, "host")?.to_owned(),
        port,
        tls,
        credentials,
        hello: account.text("hello").map(str::to_owned),
        from: return_path(account, item)?.to_string(),
        to: to.to_string(),
        message: mail::build(job, item)?.into(),
        deadline: DEADLINE,
    })
}

/// Whom the envelope names as sender, where bounces go: `return_path` with the delivery's
/// reference in it, else `from`.
fn return_path(account: &Account, item: &Item) -> Result<Address, Verdict> {
    let Some(pattern) = account.text("return_path") else {
        return mail::sender(account);
    };
    if pattern.contains(PLACE) && !mail::is_reference(&item.reference) {
        let detail = "the reference cannot be part of return_path";
        return Err(Verdict::Elsewhere(Cause::new("bad_reference", detail)));
    }
    mail::own_address("return_path", &pattern.replace(PLACE, &item.reference))
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
