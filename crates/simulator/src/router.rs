//! Which part of the simulator a request is for, decided without allocating.
//!
//! Invariant: every path leads to exactly one place; what leads nowhere is named in the answer.

use http::Method;
use http::request::Parts;

use crate::vendor::Vendor;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// A send call of a vendor protocol.
    Send(Vendor),
    /// What the vendor knows of a reference.
    Query,
    /// A question of the own protocol.
    Question(&'a str),
    /// The webhook sink of that name.
    Hook(&'a str),
    /// Below `/control`.
    Control(&'a str),
    Live,
    Overview,
    Nowhere,
}

/// A routed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Routed<'a> {
    /// The behaviour named by `/a/{name}`.
    pub(crate) behaviour: Option<&'a str>,
    pub(crate) place: Place<'a>,
    /// The path without prefixes.
    pub(crate) path: &'a str,
}

/// Routes a request.
pub(crate) fn route(parts: &Parts) -> Routed<'_> {
    let path = parts.uri.path();
    if path == "/sim/send" {
        return Routed {
            behaviour: None,
            place: Place::Send(Vendor::Own),
            path,
        };
    }
    let (behaviour, path) = match path.strip_prefix("/a/") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            (Some(name), rest)
        }
        None => (None, path),
    };
    let (place, path) = place(parts, path);
    Routed {
        behaviour,
        place,
        path,
    }
}

fn place<'a>(parts: &Parts, path: &'a str) -> (Place<'a>, &'a str) {
    if let Some(rest) = below(path, "/tencent") {
        return (Place::Send(Vendor::Tencent), rest);
    }
    if let Some(rest) = below(path, "/aliyun") {
        return (Place::Send(Vendor::Aliyun), rest);
    }
    if let Some(rest) = below(path, "/volcengine") {
        return (Place::Send(Vendor::Volcengine), rest);
    }
    if let Some(rest) = below(path, "/sns") {
        return (Place::Send(Vendor::AwsSns), rest);
    }
    let bare = below(path, "/yunpian").unwrap_or(path);
    if bare.starts_with("/v2/sms/") {
        return (Place::Send(Vendor::Yunpian), bare);
    }
    let bare = below(path, "/twilio").unwrap_or(path);
    if bare.starts_with("/2010-04-01/") {
        return (Place::Send(Vendor::Twilio), bare);
    }
    let bare = below(path, "/sendgrid").unwrap_or(path);
    if bare.starts_with("/v3/") {
        return (Place::Send(Vendor::Sendgrid), bare);
    }
    let bare = below(path, "/ses").unwrap_or(path);
    if bare.starts_with("/v2/email/") {
        return (Place::Send(Vendor::AwsSes), bare);
    }
    if let Some(rest) = below(path, "/control") {
        return (Place::Control(rest), rest);
    }
    let place = match path {
        "/sim/send" => Place::Send(Vendor::Own),
        "/sim/query" => Place::Query,
        "/sim/token" | "/sim/receipts" | "/sim/recall" | "/sim/balance" => {
            Place::Question(&path["/sim".len()..])
        }
        "/livez" => Place::Live,
        "/" | "" => root(parts),
        _ => match path.strip_prefix("/hook/") {
            Some(name) if !name.is_empty() => Place::Hook(name),
            _ => Place::Nowhere,
        },
    };
    (place, path)
}

/// The root belongs to the vendor whose headers are there.
fn root(parts: &Parts) -> Place<'static> {
    if parts.headers.contains_key("x-tc-action") {
        Place::Send(Vendor::Tencent)
    } else if parts.headers.contains_key("x-acs-action") {
        Place::Send(Vendor::Aliyun)
    } else if parts.headers.contains_key("x-content-sha256") {
        Place::Send(Vendor::Volcengine)
    } else if parts.headers.contains_key("x-amz-date") {
        Place::Send(Vendor::AwsSns)
    } else if parts.method == Method::GET {
        Place::Overview
    } else {
        Place::Nowhere
    }
}

fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn routed(method: &str, path: &str, header: &str) -> String {
        let mut request = Request::builder().method(method).uri(path);
        if !header.is_empty() {
            request = request.header(header, "SendSms");
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let r = route(&parts);
        format!("{:?} {:?} {}", r.behaviour, r.place, r.path)
    }

    #[test]
    fn every_path_has_its_place() {
        let cases = [
            ("POST", "/sim/send", "", "None Send(Own) /sim/send"),
            (
                "POST",
                "/a/x/sim/send",
                "",
                "Some(\"x\") Send(Own) /sim/send",
            ),
            ("GET", "/sim/query?reference=1", "", "None Query /sim/query"),
            ("POST", "/", "x-tc-action", "None Send(Tencent) /"),
            ("POST", "/a/x", "x-acs-action", "Some(\"x\") Send(Aliyun) "),
            ("POST", "/tencent", "", "None Send(Tencent) "),
            ("POST", "/a/x/aliyun/", "", "Some(\"x\") Send(Aliyun) /"),
            (
                "POST",
                "/yunpian/v2/sms/single_send.json",
                "",
                "None Send(Yunpian) /v2/sms/single_send.json",
            ),
            (
                "POST",
                "/v2/sms/multi_send.json",
                "",
                "None Send(Yunpian) /v2/sms/multi_send.json",
            ),
            ("POST", "/volcengine/", "", "None Send(Volcengine) /"),
            ("POST", "/", "x-content-sha256", "None Send(Volcengine) /"),
            ("POST", "/a/x/sns/", "", "Some(\"x\") Send(AwsSns) /"),
            ("POST", "/", "x-amz-date", "None Send(AwsSns) /"),
            (
                "POST",
                "/twilio/2010-04-01/Accounts/AC1/Messages.json",
                "",
                "None Send(Twilio) /2010-04-01/Accounts/AC1/Messages.json",
            ),
            (
                "GET",
                "/2010-04-01/Accounts/AC1/Messages/SM1.json",
                "",
                "None Send(Twilio) /2010-04-01/Accounts/AC1/Messages/SM1.json",
            ),
            ("POST", "/hook/x", "", "None Hook(\"x\") /hook/x"),
            ("POST", "/hook/", "", "None Nowhere /hook/"),
            (
                "GET",
                "/control/ledger",
                "",
                "None Control(\"/ledger\") /ledger",
            ),
            ("GET", "/controls", "", "None Nowhere /controls"),
            ("GET", "/", "", "None Overview /"),
            ("POST", "/", "", "None Nowhere /"),
            ("GET", "/livez", "", "None Live /livez"),
        ];
        for (method, path, header, want) in cases {
            assert_eq!(routed(method, path, header), want, "{method} {path}");
        }
    }

    #[test]
    fn vendors_of_mail_have_paths_of_their_own() {
        for (path, want) in [
            (
                "/a/x/sendgrid/v3/mail/send",
                "Some(\"x\") Send(Sendgrid) /v3/mail/send",
            ),
            ("/v3/mail/send", "None Send(Sendgrid) /v3/mail/send"),
            (
                "/ses/v2/email/outbound-emails",
                "None Send(AwsSes) /v2/email/outbound-emails",
            ),
            ("/sendgrid/v2/mail", "None Nowhere /sendgrid/v2/mail"),
        ] {
            assert_eq!(routed("POST", path, ""), want);
        }
    }
}
