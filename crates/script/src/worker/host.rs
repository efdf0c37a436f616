//! What scripts are offered as `host`: digests, encodings, forms, XML, times. All pure, save
//! that ECDSA signatures differ each time.

use std::collections::BTreeMap;

use austin_adapter_api::sign::percent_encode;
use austin_adapter_api::{Fault, FaultKind, HttpReply, Phase, Reply};
use austin_domain::Timestamp;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rquickjs::function::{Func, Opt};
use rquickjs::{Array, Ctx, Exception, Object, Result, Value};

use super::data::{Data, algorithm, encode};
use crate::digest;
use crate::shape::VerdictSaid;
use crate::{exact_json, form, instant, phone, reading, xml};

/// Most bytes of text that one helper takes: none of them can be interrupted.
const MAX_TEXT: usize = 8 * 1024 * 1024;

/// Puts `host` into the global object.
pub(super) fn install(ctx: &Ctx<'_>) -> Result<()> {
    let host = Object::new(ctx.clone())?;
    digests(&host)?;
    texts(&host)?;
    host.set("form", forms(ctx)?)?;
    host.set("xml", xmls(ctx)?)?;
    host.set("time", times(ctx)?)?;
    host.set("endpoint", Func::from(endpoint))?;
    host.set("verdict", Func::from(verdict))?;
    ctx.globals().set("host", host)
}

type Wish = Opt<Option<String>>;

fn digests(host: &Object<'_>) -> Result<()> {
    host.set(
        "digest",
        Func::from(|ctx: Ctx<'_>, name: String, data: Data, wish: Wish| {
            let digest = algorithm(&ctx, &name)?.digest(&data.0);
            encode(&ctx, &wish, &digest)
        }),
    )?;
    for (name, algorithm) in [
        ("md5", digest::Algorithm::Md5),
        ("sha1", digest::Algorithm::Sha1),
        ("sha256", digest::Algorithm::Sha256),
        ("sha512", digest::Algorithm::Sha512),
        ("sm3", digest::Algorithm::Sm3),
    ] {
        host.set(
            name,
            Func::from(move |ctx: Ctx<'_>, data: Data, wish: Wish| {
                encode(&ctx, &wish, &algorithm.digest(&data.0))
            }),
        )?;
    }
    host.set(
        "hmac",
        Func::from(
            |ctx: Ctx<'_>, name: String, key: Data, data: Data, wish: Wish| {
                let tag = algorithm(&ctx, &name)?.hmac(&key.0, &data.0);
                encode(&ctx, &wish, &tag)
            },
        ),
    )?;
    host.set(
        "sign",
        Func::from(
            |ctx: Ctx<'_>, name: String, key: String, data: Data, wish: Wish| {
                let signature = digest::sign(&name, &key, &data.0)
                    .map_err(|detail| Exception::throw_message(&ctx, &detail))?;
                let wish = Opt(Some(wish.0.flatten().or_else(|| Some("base64".into()))));
                encode(&ctx, &wish, &signature)
            },
        ),
    )?;
    host.set(
        "equal",
        Func::from(|one: String, other: String| {
            aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes())
                .is_ok()
        }),
    )
}

fn texts(host: &Object<'_>) -> Result<()> {
    host.set(
        "encode",
        Func::from(|ctx: Ctx<'_>, data: Data, wish: Wish| encode(&ctx, &wish, &data.0)),
    )?;
    host.set(
        "decode",
        Func::from(|ctx: Ctx<'_>, data: Data| {
            String::from_utf8(data.0)
                .map_err(|_| Exception::throw_type(&ctx, "the bytes are no UTF-8 text"))
        }),
    )?;
    host.set(
        "urlEncode",
        Func::from(|text: String| percent_encode(&text)),
    )?;
    host.set(
        "national",
        Func::from(|to: String| phone::national(&to).to_owned()),
    )?;
    host.set("parseJson", Func::from(parse_json))
}

fn parse_json<'js>(ctx: Ctx<'js>, json: String) -> Result<Value<'js>> {
    bounded(&ctx, &json)?;
    ctx.json_parse(exact_json::keep_large_numbers(&json))
}

fn bounded(ctx: &Ctx<'_>, text: &str) -> Result<()> {
    if text.len() > MAX_TEXT {
        return Err(Exception::throw_range(
            ctx,
            &format!("the text has more than {MAX_TEXT} bytes"),
        ));
    }
    Ok(())
}

fn forms<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let forms = Object::new(ctx.clone())?;
    forms.set("build", Func::from(build_form))?;
    forms.set(
        "parse",
        Func::from(|ctx: Ctx<'_>, text: String| {
            bounded(&ctx, &text)?;
            Ok::<BTreeMap<String, String>, rquickjs::Error>(
                form::parse(&text).into_iter().collect(),
            )
        }),
    )?;
    Ok(forms)
}

fn build_form<'js>(ctx: Ctx<'js>, pairs: Value<'js>) -> Result<String> {
    let wrong = || {
        Exception::throw_type(
            &ctx,
            "a form is made of an object, or a list of [name, value], with text as values",
        )
    };
    let pairs: Vec<(String, String)> = if let Some(list) = pairs.as_array() {
        list.iter::<Array<'js>>()
            .map(|pair| {
                let pair = pair.map_err(|_| wrong())?;
                Ok((
                    pair.get(0).map_err(|_| wrong())?,
                    pair.get(1).map_err(|_| wrong())?,
                ))
            })
            .collect::<Result<_>>()?
    } else {
        let object = pairs.as_object().ok_or_else(wrong)?;
        object
            .props::<String, String>()
            .collect::<Result<_>>()
            .map_err(|_| wrong())?
    };
    Ok(form::build(
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

fn xmls<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let xmls = Object::new(ctx.clone())?;
    xmls.set("escape", Func::from(|text: String| xml::escape(&text)))?;
    xmls.set("parse", Func::from(parse_xml))?;
    Ok(xmls)
}

fn parse_xml<'js>(ctx: Ctx<'js>, text: String) -> Result<Value<'js>> {
    bounded(&ctx, &text)?;
    let root = xml::parse(&text)
        .map_err(|detail| Exception::throw_syntax(&ctx, &format!("XML: {detail}")))?;
    let json = serde_json::to_string(&root)
        .map_err(|error| Exception::throw_message(&ctx, &error.to_string()))?;
    ctx.json_parse(json)
}

fn times<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let times = Object::new(ctx.clone())?;
    times.set(
        "format",
        Func::from(|ctx: Ctx<'_>, millis: f64, pattern: String, zone: Wish| {
            #[expect(clippy::cast_possible_truncation, reason = "saturates; jiff clamps")]
            let at = Timestamp::from_millis(millis as i64);
            instant::format(at, &pattern, offset(&ctx, &zone)?)
                .map_err(|detail| Exception::throw_range(&ctx, &detail))
        }),
    )?;
    times.set(
        "parse",
        Func::from(|ctx: Ctx<'_>, text: String, pattern: String, zone: Wish| {
            let at = instant::parse(&text, &pattern, offset(&ctx, &zone)?)
                .map_err(|detail| Exception::throw_range(&ctx, &detail))?;
            #[expect(clippy::cast_precision_loss, reason = "instants are below 2^53 ms")]
            Ok::<f64, rquickjs::Error>(at.millis() as f64)
        }),
    )?;
    Ok(times)
}

fn offset(ctx: &Ctx<'_>, zone: &Wish) -> Result<jiff::tz::Offset> {
    let text = zone.0.as_ref().and_then(Option::as_deref).unwrap_or("");
    instant::offset(text)
        .ok_or_else(|| Exception::throw_range(ctx, "the offset must be such as +08:00"))
}

fn endpoint(account: Object<'_>, standard: String) -> Result<String> {
    let settings: Option<Object<'_>> = account.get("settings")?;
    let own: Option<String> = match settings {
        Some(settings) => settings.get("endpoint")?,
        None => None,
    };
    let base = own.filter(|own| !own.is_empty()).unwrap_or(standard);
    Ok(base.trim_end_matches('/').to_owned())
}

/// The usual verdict, from the reply as the script was given it. A `Retry-After` date counts
/// from the instant of the answer's own `Date`.
fn verdict<'js>(ctx: Ctx<'js>, reply: Object<'js>) -> Result<Value<'js>> {
    let kind: String = reply.get("kind")?;
    let (reply, now) = match kind.as_str() {
        "fault" => (fault(&reply)?, Timestamp::default()),
        _ => http(&reply)?,
    };
    let said = VerdictSaid::of(&reading::usual(&reply, now));
    let json = serde_json::to_string(&said)
        .map_err(|error| Exception::throw_message(&ctx, &error.to_string()))?;
    ctx.json_parse(json)
}

fn http(reply: &Object<'_>) -> Result<(Reply, Timestamp)> {
    let status: u16 = reply.get("status")?;
    let given: Object<'_> = reply.get("headers")?;
    let mut headers = HeaderMap::new();
    let mut now = Timestamp::default();
    for name in [header::RETRY_AFTER, header::DATE] {
        let Some(text) = given.get::<_, Option<String>>(name.as_str())? else {
            continue;
        };
        if name == header::DATE {
            let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.as_bytes());
            now = parsed.map_or(now, Timestamp::from);
        }
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    let reply = HttpReply {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        headers,
        body: bytes::Bytes::new(),
    };
    Ok((Reply::Http(reply), now))
}

fn fault(reply: &Object<'_>) -> Result<Reply> {
    const KINDS: [FaultKind; 9] = [
        FaultKind::Invalid,
        FaultKind::Forbidden,
        FaultKind::Dns,
        FaultKind::Connect,
        FaultKind::Tls,
        FaultKind::TimedOut,
        FaultKind::Cut,
        FaultKind::TooLarge,
        FaultKind::Protocol,
    ];
    let code: String = reply.get("code")?;
    let phase: String = reply.get("phase")?;
    Ok(Reply::Fault(Fault {
        phase: match phase.as_str() {
            "not_sent" => Phase::NotSent,
            _ => Phase::MaybeSent,
        },
        kind: KINDS
            .into_iter()
            .find(|kind| kind.as_str() == code)
            .unwrap_or(FaultKind::Protocol),
        detail: reply.get("detail")?,
    }))
}
