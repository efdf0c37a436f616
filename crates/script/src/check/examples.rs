//! The form of recorded examples.

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::{
    Account, Batch, Context, Fault, FaultKind, HttpReply, Inbound, Item, LoadFault, Phase,
    Question, Reply, State, Subject,
};
use austin_domain::template::VendorTemplate;
use austin_domain::{AccountId, Class, Content, Timestamp, Vars};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::form;

/// Recorded examples of one adapter. See `docs/adapters/examples.md`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    account: AccountForm,
    #[serde(default)]
    context: ContextForm,
    pub(super) examples: Vec<Case>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AccountForm {
    settings: BTreeMap<String, Value>,
    secrets: BTreeMap<String, Hidden>,
}

/// Text that `Debug` does not show.
#[derive(Clone, Debug)]
struct Hidden(SecretString);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ContextForm {
    now: String,
    nonce: String,
}

impl Default for ContextForm {
    fn default() -> Self {
        Self {
            now: "2026-01-02T03:04:05Z".into(),
            nonce: "000102030405060708090a0b0c0d0e0f".into(),
        }
    }
}

/// One example.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    /// Instead of the file's.
    account: Option<AccountForm>,
    /// Instead of the file's.
    context: Option<ContextForm>,
    #[serde(flatten)]
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Kind {
    Send {
        send: SendForm,
        steps: Vec<Turn>,
    },
    Ask {
        ask: AskForm,
        steps: Vec<Turn>,
    },
    Receipts {
        receipts: InboundForm,
        expect: Value,
    },
}

/// What must come out, and what the vendor answers to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) expect: Value,
    pub(super) reply: Option<ReplyForm>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SendForm {
    #[serde(default = "notification")]
    class: Class,
    #[serde(default = "example")]
    template: String,
    vendor_template: Option<TemplateForm>,
    items: Vec<ItemForm>,
}

fn notification() -> Class {
    Class::Notification
}

fn example() -> String {
    "example".into()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TemplateForm {
    template_id: Option<String>,
    sign: Option<String>,
    params: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemForm {
    to: String,
    reference: Option<String>,
    #[serde(default)]
    vars: Vars,
    text: Option<String>,
    subject: Option<String>,
    html: Option<String>,
    payload: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum AskForm {
    Token {
        name: String,
    },
    Pull {
        #[serde(default)]
        cursor: Value,
    },
    Query(SubjectForm),
    Recall(SubjectForm),
    Balance,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectForm {
    reference: String,
    to: String,
    vendor_id: Option<String>,
    sent_at: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct InboundForm {
    method: Option<String>,
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    form: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReplyForm {
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    token: Option<Hidden>,
    fault: Option<FaultForm>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultForm {
    NotSent,
    MaybeSent,
}

impl Examples {
    /// Reads examples.
    ///
    /// # Errors
    /// What is wrong with their form, below `/examples`.
    pub fn read(value: &Value) -> Result<Self, LoadFault> {
        let fault = |pointer: &str, code, detail: String| LoadFault {
            pointer: format!("/examples{pointer}"),
            code,
            detail,
        };
        let read =
            Self::deserialize(value).map_err(|error| fault("", "malformed", error.to_string()))?;
        if read.examples.is_empty() {
            return Err(fault("/examples", "empty", "must hold at least one".into()));
        }
        for (index, case) in read.examples.iter().enumerate() {
            let place = format!("/examples/{index}");
            let context = case.context.as_ref().unwrap_or(&read.context);
            context.context().ok_or_else(|| {
                let detail = "now must be an RFC 3339 instant, nonce 32 hexadecimal digits";
                fault(&format!("{place}/context"), "malformed", detail.into())
            })?;
            if let Kind::Send { send, .. } = &case.kind
                && send.items.is_empty()
            {
                let detail = "must hold at least one item".into();
                return Err(fault(&format!("{place}/send/items"), "empty", detail));
            }
            if let Kind::Ask {
                ask: AskForm::Query(subject) | AskForm::Recall(subject),
                ..
            } = &case.kind
                && subject.sent_at.parse::<Timestamp>().is_err()
            {
                let detail = "must be an RFC 3339 instant".into();
                return Err(fault(&format!("{place}/ask/sent_at"), "malformed", detail));
            }
        }
        Ok(read)
    }

    /// The account of an example.
    pub(super) fn account(&self, case: &Case) -> Account {
        let form = case.account.as_ref().unwrap_or(&self.account);
        Account {
            id: AccountId::from_u64(1),
            key: "example".into(),
            settings: form.settings.clone(),
            secrets: form
                .secrets
                .iter()
                .map(|(name, hidden)| (name.clone(), hidden.0.clone()))
                .collect(),
        }
    }

    /// The context of an example.
    pub(super) fn context(&self, case: &Case) -> Context {
        let form = case.context.as_ref().unwrap_or(&self.context);
        form.context().unwrap_or(Context {
            now: Timestamp::default(),
            nonce: 0,
        })
    }
}

impl ContextForm {
    fn context(&self) -> Option<Context> {
        Some(Context {
            now: self.now.parse().ok()?,
            nonce: u128::from_str_radix(&self.nonce, 16).ok()?,
        })
    }
}

impl SendForm {
    pub(super) fn batch(&self) -> Batch {
        Batch {
            class: self.class,
            template: self.template.clone(),
            vendor_template: self.vendor_template.as_ref().map(|form| VendorTemplate {
                template_id: form.template_id.clone(),
                sign: form.sign.clone(),
                params: form.params.clone(),
            }),
            attachments: Arc::default(),
            items: self
                .items
                .iter()
                .enumerate()
                .map(|(index, form)| form.item(index))
                .collect(),
        }
    }
}

impl ItemForm {
    fn item(&self, index: usize) -> Item {
        let content = if let Some(body) = &self.payload {
            Content::Payload { body: body.clone() }
        } else if let Some(subject) = &self.subject {
            Content::Email {
                subject: subject.clone(),
                html: self.html.clone(),
                text: self.text.clone(),
            }
        } else {
            Content::Text {
                text: self.text.clone().unwrap_or_default(),
            }
        };
        Item {
            reference: self
                .reference
                .clone()
                .unwrap_or_else(|| format!("dlv_{}", index + 1)),
            to: self.to.clone(),
            vars: Arc::new(self.vars.clone()),
            content: Arc::new(content),
            unsubscribe: None,
        }
    }
}

impl AskForm {
    pub(super) fn question(&self) -> Question {
        match self {
            Self::Token { name } => Question::Token { name: name.clone() },
            Self::Pull { cursor } => Question::Pull {
                cursor: State(cursor.clone()),
            },
            Self::Query(form) => Question::Query(form.subject()),
            Self::Recall(form) => Question::Recall(form.subject()),
            Self::Balance => Question::Balance,
        }
    }
}

impl SubjectForm {
    fn subject(&self) -> Subject {
        Subject {
            reference: self.reference.clone(),
            to: self.to.clone(),
            vendor_id: self.vendor_id.clone(),
            sent_at: self.sent_at.parse().unwrap_or_default(),
        }
    }
}

impl InboundForm {
    pub(super) fn inbound(&self) -> Result<Inbound, String> {
        let method = self.method.as_deref().unwrap_or("POST");
        Ok(Inbound {
            method: Method::from_bytes(method.as_bytes())
                .map_err(|_| "method is not an HTTP method".to_owned())?,
            url: self.url.clone(),
            headers: headers(&self.headers)?,
            body: match &self.form {
                Some(pairs) => form::build(
                    pairs
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str())),
                )
                .into(),
                None => body(self.body.as_ref(), self.json.as_ref()),
            },
        })
    }
}

impl ReplyForm {
    pub(super) fn reply(&self) -> Result<Reply, String> {
        if let Some(token) = &self.token {
            return Ok(Reply::Token(token.0.clone()));
        }
        if let Some(fault) = &self.fault {
            return Ok(Reply::Fault(match fault {
                FaultForm::NotSent => Fault {
                    phase: Phase::NotSent,
                    kind: FaultKind::Connect,
                    detail: "no connection".into(),
                },
                FaultForm::MaybeSent => Fault {
                    phase: Phase::MaybeSent,
                    kind: FaultKind::TimedOut,
                    detail: "no answer".into(),
                },
            }));
        }
        Ok(Reply::Http(HttpReply {
            status: StatusCode::from_u16(self.status.unwrap_or(200))
                .map_err(|_| "status is not an HTTP status".to_owned())?,
            headers: headers(&self.headers)?,
            body: body(self.body.as_ref(), self.json.as_ref()),
        }))
    }
}

fn body(text: Option<&String>, json: Option<&Value>) -> Bytes {
    match (text, json) {
        (Some(text), _) => text.clone().into(),
        (None, Some(json)) => json.to_string().into(),
        (None, None) => Bytes::new(),
    }
}

fn headers(form: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in form {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name} is not a header name"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of {name} is not a header value"))?;
        headers.insert(header, value);
    }
    Ok(headers)
}
