//! What is written down of a call: enough to settle a dispute, nothing secret, bounded.

mod redact;

use std::fmt::Write;

use austin_adapter_api::call::HttpRequest;
use austin_adapter_api::sign::sha256_hex;
use austin_adapter_api::{
    Call, Fault, Phase, Reply, SmppPart, SmppReply, SmppRequest, SmtpRequest,
};
use http::HeaderMap;

use redact::Redactor;

/// Writes evidence without the secrets it knows.
pub(crate) struct Scribe(Redactor);

impl Scribe {
    /// One that leaves out `secrets`, also where they are percent-encoded or escaped in JSON.
    pub(crate) fn new(secrets: &[String]) -> Self {
        Self(Redactor::new(secrets))
    }

    /// What was asked.
    pub(crate) fn request(&self, call: &Call) -> String {
        match call {
            Call::Http(request) => self.http(request),
            Call::Smtp(request) => self.smtp(request),
            Call::Smpp(request) => self.smpp(request),
        }
    }

    /// What was answered.
    pub(crate) fn answer(&self, reply: &Reply) -> String {
        let mut head = String::with_capacity(128);
        let body = match reply {
            Reply::Http(reply) => {
                let _ = writeln!(head, "{}", reply.status);
                write_headers(&mut head, &reply.headers, ANSWER_HEADERS);
                &*reply.body
            }
            Reply::Smtp(reply) => {
                let _ = write!(head, "{} ({})", reply.code, reply.stage);
                for line in &reply.text {
                    let _ = write!(head, "\n{line}");
                }
                &[]
            }
            Reply::Smpp(reply) => {
                write_smpp(&mut head, reply);
                &[]
            }
            // Tokens come from the host itself, never over the wire.
            Reply::Token(_) => &[],
            Reply::Fault(fault) => {
                write_fault(&mut head, fault);
                &[]
            }
        };
        self.0.text(&head, body, ANSWER_BYTES)
    }

    fn http(&self, request: &HttpRequest) -> String {
        let mut head = String::with_capacity(request.url.len() + 64);
        let _ = write!(head, "{} ", request.method);
        write_url(&mut head, &request.url);
        head.push('\n');
        write_headers(&mut head, &request.headers, REQUEST_HEADERS);
        self.0.text(&head, &request.body, REQUEST_BYTES)
    }

    /// The envelope and a digest. The message itself may hold secret values in encodings that
    /// cannot be searched (encoded words, base64 parts), so nothing of it is shown.
    fn smtp(&self, request: &SmtpRequest) -> String {
        let head = format!(
            "SMTP {}:{} ({:?})\nMAIL FROM:<{}>\nRCPT TO:<{}>\nmessage: {} bytes, sha256 {}",
            request.host,
            request.port,
            request.tls,
            request.from,
            request.to,
            request.message.len(),
            sha256_hex(&request.message),
        );
        self.0.text(&head, &[], REQUEST_BYTES)
    }
}

impl Scribe {
    /// Both parties and what each part is, with a digest. The content may hold secret values in
    /// encodings that cannot be searched, so nothing of it is shown.
    fn smpp(&self, request: &SmppRequest) -> String {
        let bind = &request.bind;
        let mut head = format!(
            "SMPP {}:{} as {} ({:?})",
            bind.host, bind.port, bind.system_id, bind.mode
        );
        for (number, part) in (1..).zip(&request.parts) {
            if number == 1 {
                let (from, to) = (&part.source, &part.destination);
                let _ = write!(
                    head,
                    "\nfrom {} ({}/{})\nto {} ({}/{})",
                    from.address, from.ton, from.npi, to.address, to.ton, to.npi
                );
            }
            let payload: usize = part.tlvs.iter().map(|tlv| tlv.value.len()).sum();
            let _ = write!(
                head,
                "\npart {number}: data_coding {:#04x}, esm_class {:#04x}, registered_delivery {}, \
                 {} bytes, {payload} in optional parameters, sha256 {}",
                part.data_coding,
                part.esm_class,
                part.registered_delivery,
                part.short_message.len(),
                sha256_hex(&part.short_message),
            );
        }
        self.0.text(&head, &[], REQUEST_BYTES)
    }
}

fn write_smpp(out: &mut String, reply: &SmppReply) {
    match reply {
        SmppReply::NotBound(status) => {
            let _ = write!(out, "bind refused: command_status {status:#010x}");
        }
        SmppReply::Submitted(parts) => {
            for (number, part) in (1..).zip(parts) {
                let _ = write!(out, "part {number}: ");
                match part {
                    SmppPart::Answered { status, message_id } => {
                        let _ = write!(out, "command_status {status:#010x}, id {message_id}");
                    }
                    SmppPart::Missing(fault) => write_fault(out, fault),
                }
                out.push('\n');
            }
        }
    }
}

fn write_fault(out: &mut String, fault: &Fault) {
    let sent = match fault.phase {
        Phase::NotSent => "not sent",
        Phase::MaybeSent => "maybe sent",
    };
    let kind = fault.kind.as_str();
    let _ = write!(out, "no answer: {kind}, {sent}: {}", fault.detail);
}

/// Writes `url` with the values of secret-looking query parameters masked.
fn write_url(out: &mut String, url: &str) {
    let Some((path, query)) = url.split_once('?') else {
        out.push_str(url);
        return;
    };
    out.push_str(path);
    for (index, pair) in query.split('&').enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if looks_secret(name) => {
                out.push_str(name);
                out.push('=');
                out.push_str(MASK);
            }
            _ => out.push_str(pair),
        }
    }
}

/// Whether a query parameter of this name usually holds a secret or a proof made with one.
fn looks_secret(name: &str) -> bool {
    let contains = |word: &str| {
        name.len() >= word.len()
            && name
                .as_bytes()
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    };
    SECRET_WORDS.iter().any(|word| contains(word))
}

/// Writes those of `headers` that are known to be harmless.
fn write_headers(out: &mut String, headers: &HeaderMap, shown: &[&str]) {
    for (name, value) in headers {
        if shown.contains(&name.as_str())
            && let Ok(value) = value.to_str()
        {
            let _ = writeln!(out, "{name}: {value}");
        }
    }
}

/// Stands for what is not shown.
const MASK: &str = "•••";

/// Most bytes of a request's evidence.
const REQUEST_BYTES: usize = 2 * 1024;

/// Most bytes of an answer's evidence.
const ANSWER_BYTES: usize = 4 * 1024;

const REQUEST_HEADERS: &[&str] = &[
    "content-type",
    "webhook-id",
    "webhook-timestamp",
    "x-acs-action",
    "x-acs-version",
    "x-tc-action",
    "x-tc-region",
    "x-tc-timestamp",
    "x-tc-version",
];

const ANSWER_HEADERS: &[&str] = &[
    "content-type",
    "date",
    "retry-after",
    "x-acs-request-id",
    "x-request-id",
];

const SECRET_WORDS: &[&str] = &[
    "key",
    "token",
    "secret",
    "sign",
    "sig",
    "passw",
    "pwd",
    "auth",
    "credential",
    "ticket",
];

#[cfg(test)]
mod tests;
