//! One transaction: MAIL, RCPT, DATA, the message.

use austin_adapter_api::{FaultKind, Phase, SmtpReply, SmtpRequest};

use super::Stop;
use super::message::{END, encode};
use super::session::{Session, expect};
use crate::fault::not_sent;

/// How far a transaction has come, readable after its future was dropped at the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    end_may_have_left: bool,
}

impl Progress {
    /// Whether the end of the message may have reached the server.
    pub(super) fn may_have_been_accepted(self) -> bool {
        self.end_may_have_left
    }
}

/// The end of a transaction.
pub(super) enum Ended {
    /// The server had its say, and the session can be used again.
    Fully(Result<SmtpReply, Stop>),
    /// The session is over.
    Closed(Stop),
}

/// Runs one transaction in `session`.
pub(super) async fn run(
    session: &mut Session,
    request: &SmtpRequest,
    progress: &mut Progress,
) -> Ended {
    let mail = match mail_command(session, request) {
        Ok(mail) => mail,
        Err(stop) => return Ended::Fully(Err(stop)),
    };
    match talk(session, &mail, request, progress).await {
        Ok(reply) => {
            session.needs_reset = false;
            Ended::Fully(Ok(reply))
        }
        // 421: the server is closing the connection (RFC 5321 section 3.8).
        Err(Stop::Replied(reply)) if reply.code != 421 => {
            session.needs_reset = reply.stage != "message";
            Ended::Fully(Err(Stop::Replied(reply)))
        }
        Err(Stop::Replied(reply)) => Ended::Closed(Stop::Replied(reply)),
        Err(Stop::Fault(mut fault)) => {
            if progress.end_may_have_left {
                fault.phase = Phase::MaybeSent;
            }
            Ended::Closed(fault.into())
        }
    }
}

async fn talk(
    session: &mut Session,
    mail: &str,
    request: &SmtpRequest,
    progress: &mut Progress,
) -> Result<SmtpReply, Stop> {
    let rcpt = format!("RCPT TO:<{}>\r\n", request.to);
    if session.needs_reset {
        let reply = session.command("RSET\r\n", "mail").await?;
        expect(2, reply)?;
        session.needs_reset = false;
    }
    if session.offers().pipelining {
        session.write(format!("{mail}{rcpt}").as_bytes()).await?;
        let mail_reply = session.reply("mail").await?;
        let rcpt_reply = session.reply("rcpt").await?;
        expect(2, mail_reply)?;
        expect(2, rcpt_reply)?;
    } else {
        let reply = session.command(mail, "mail").await?;
        expect(2, reply)?;
        let reply = session.command(&rcpt, "rcpt").await?;
        expect(2, reply)?;
    }
    let reply = session.command("DATA\r\n", "data").await?;
    expect(3, reply)?;

    // Until its last part is written the server cannot take the message for complete.
    let mut content = encode(&request.message);
    let last = content.split_off(content.len().saturating_sub(LAST_PART_BYTES));
    session.write(&content).await?;
    progress.end_may_have_left = true;
    session.write(&[&last, END].concat()).await?;
    let reply = session.reply("message").await?;
    expect(2, reply)
}

/// The MAIL command with the extensions that the message needs.
fn mail_command(session: &Session, request: &SmtpRequest) -> Result<String, Stop> {
    let offers = session.offers();
    let mut line = format!("MAIL FROM:<{}>", request.from);
    if offers.size {
        line.push_str(&format!(" SIZE={}", request.message.len()));
    }
    if !request.message.is_ascii() {
        if !offers.eight_bit {
            return Err(unable(
                "the message is not ASCII and the server lacks 8BITMIME",
            ));
        }
        line.push_str(" BODY=8BITMIME");
    }
    if !(request.from.is_ascii() && request.to.is_ascii()) {
        if !offers.utf8 {
            return Err(unable(
                "an address is not ASCII and the server lacks SMTPUTF8",
            ));
        }
        line.push_str(" SMTPUTF8");
    }
    line.push_str("\r\n");
    Ok(line)
}

/// Another server may well be able: so not the request's fault.
fn unable(detail: &str) -> Stop {
    not_sent(FaultKind::Protocol, detail).into()
}

/// Messages up to this size are written in one go.
const LAST_PART_BYTES: usize = 16 * 1024;
