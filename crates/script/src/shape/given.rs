//! What a script is given.

use std::collections::BTreeMap;

use austin_adapter_api::{Account, Batch, Context, Inbound, Phase, Question, Reply, Subject};
use austin_domain::{Content, Vars};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use crate::form;

/// An account with its secrets, exposed for signing.
#[derive(Serialize)]
pub(crate) struct AccountGiven<'a> {
    key: &'a str,
    settings: &'a BTreeMap<String, Value>,
    secrets: BTreeMap<&'a str, &'a str>,
}

impl<'a> AccountGiven<'a> {
    pub(crate) fn of(account: &'a Account) -> Self {
        Self {
            key: &account.key,
            settings: &account.settings,
            secrets: account
                .secrets
                .iter()
                .map(|(name, secret)| (name.as_str(), secret.expose_secret()))
                .collect(),
        }
    }
}

/// A batch.
#[derive(Serialize)]
pub(crate) struct BatchGiven<'a> {
    class: &'static str,
    template: &'a str,
    vendor_template: Option<TemplateGiven<'a>>,
    items: Vec<ItemGiven<'a>>,
}

#[derive(Serialize)]
struct TemplateGiven<'a> {
    template_id: &'a Option<String>,
    sign: &'a Option<String>,
    params: &'a Option<Vec<String>>,
}

#[derive(Serialize)]
struct ItemGiven<'a> {
    reference: &'a str,
    to: &'a str,
    vars: &'a Vars,
    #[serde(flatten)]
    content: ContentGiven<'a>,
}

/// One set of fields for every kind of content, so that scripts need not look.
#[derive(Default, Serialize)]
struct ContentGiven<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
}

impl<'a> BatchGiven<'a> {
    pub(crate) fn of(batch: &'a Batch) -> Self {
        Self {
            class: batch.class.as_str(),
            template: &batch.template,
            vendor_template: batch.vendor_template.as_ref().map(|known| TemplateGiven {
                template_id: &known.template_id,
                sign: &known.sign,
                params: &known.params,
            }),
            items: batch
                .items
                .iter()
                .map(|item| ItemGiven {
                    reference: &item.reference,
                    to: &item.to,
                    vars: &item.vars,
                    content: match &*item.content {
                        Content::Text { text } => ContentGiven {
                            text: Some(text),
                            ..ContentGiven::default()
                        },
                        Content::Email {
                            subject,
                            html,
                            text,
                        } => ContentGiven {
                            subject: Some(subject),
                            html: html.as_deref(),
                            text: text.as_deref(),
                            payload: None,
                        },
                        Content::Payload { body } => ContentGiven {
                            payload: Some(body),
                            ..ContentGiven::default()
                        },
                    },
                })
                .collect(),
        }
    }
}

/// Time and randomness.
#[derive(Serialize)]
pub(crate) struct ContextGiven {
    now: i64,
    now_text: String,
    nonce: String,
}

impl ContextGiven {
    pub(crate) fn of(context: &Context) -> Self {
        Self {
            now: context.now.millis(),
            now_text: context.now.to_string(),
            nonce: format!("{:032x}", context.nonce),
        }
    }
}

/// A reply.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ReplyGiven<'a> {
    Http {
        status: u16,
        headers: BTreeMap<&'a str, String>,
        body: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        body_base64: Option<String>,
    },
    Token {
        token: &'a str,
    },
    Fault {
        phase: &'static str,
        code: &'static str,
        detail: &'a str,
    },
}

impl<'a> ReplyGiven<'a> {
    /// `None` for what answers no HTTP call: these adapters make no other.
    pub(crate) fn of(reply: &'a Reply) -> Option<Self> {
        Some(match reply {
            Reply::Http(reply) => {
                let (body, body_base64) = words(&reply.body);
                Self::Http {
                    status: reply.status.as_u16(),
                    headers: headers(&reply.headers),
                    body,
                    body_base64,
                }
            }
            Reply::Token(token) => Self::Token {
                token: token.expose_secret(),
            },
            Reply::Fault(fault) => Self::Fault {
                phase: match fault.phase {
                    Phase::NotSent => "not_sent",
                    Phase::MaybeSent => "maybe_sent",
                },
                code: fault.kind.as_str(),
                detail: &fault.detail,
            },
            Reply::Smtp(_) | Reply::Smpp(_) => return None,
        })
    }
}

/// UTF-8 text as it is, anything else as Base64 beside empty text.
fn words(body: &[u8]) -> (&str, Option<String>) {
    match std::str::from_utf8(body) {
        Ok(text) => (text, None),
        Err(_) => ("", Some(STANDARD.encode(body))),
    }
}

/// Headers by lower-case name; several of one name joined as RFC 9110 5.2 says.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut given = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        given
            .entry(name.as_str())
            .and_modify(|text: &mut String| {
                text.push_str(", ");
                text.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    given
}

/// A request that a vendor made to us.
#[derive(Serialize)]
pub(crate) struct InboundGiven<'a> {
    method: &'a str,
    url: &'a str,
    query: BTreeMap<String, String>,
    headers: BTreeMap<&'a str, String>,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl<'a> InboundGiven<'a> {
    pub(crate) fn of(request: &'a Inbound) -> Self {
        let (body, body_base64) = words(&request.body);
        Self {
            method: request.method.as_str(),
            url: &request.url,
            query: form::parse(query(&request.url)).into_iter().collect(),
            headers: headers(&request.headers),
            body,
            body_base64,
        }
    }
}

/// The query of a URL, without `?`.
pub(crate) fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').map_or("", |(_, query)| query)
}

/// A question.
#[derive(Serialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum QuestionGiven<'a> {
    Token { name: &'a str },
    Pull { cursor: &'a Value },
    Query(SubjectGiven<'a>),
    Recall(SubjectGiven<'a>),
    Balance,
}

#[derive(Serialize)]
pub(crate) struct SubjectGiven<'a> {
    reference: &'a str,
    to: &'a str,
    vendor_id: &'a Option<String>,
    sent_at: i64,
}

impl<'a> QuestionGiven<'a> {
    pub(crate) fn of(question: &'a Question) -> Self {
        match question {
            Question::Token { name } => Self::Token { name },
            Question::Pull { cursor } => Self::Pull { cursor: &cursor.0 },
            Question::Query(subject) => Self::Query(SubjectGiven::of(subject)),
            Question::Recall(subject) => Self::Recall(SubjectGiven::of(subject)),
            Question::Balance => Self::Balance,
        }
    }
}

impl<'a> SubjectGiven<'a> {
    fn of(subject: &'a Subject) -> Self {
        Self {
            reference: &subject.reference,
            to: &subject.to,
            vendor_id: &subject.vendor_id,
            sent_at: subject.sent_at.millis(),
        }
    }
}
