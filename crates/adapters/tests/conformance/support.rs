//! Accounts, batches, and short ways to drive an adapter.

use std::collections::BTreeMap;
use std::sync::Arc;

use austin_adapter_api::{
    Account, Adapter, Batch, Call, Context, HttpReply, HttpRequest, Inbound, Item, Receipts,
    Refused, Reply, SmppRequest, SmtpRequest, State, Step,
};
use austin_domain::template::VendorTemplate;
use austin_domain::{AccountId, Class, Content, Timestamp, Verdict};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

pub(crate) const MAINLAND: [&str; 3] = ["+8613711112222", "+8613711112223", "+8613711112224"];
pub(crate) const ABROAD: &str = "+14155550100";

pub(crate) fn adapter(name: &str) -> Arc<dyn Adapter> {
    austin_adapters::find(name).unwrap()
}

/// 2026-01-02T03:04:05Z, and a nonce that shows in requests.
pub(crate) fn context() -> Context {
    Context {
        now: Timestamp::from_seconds(1_767_323_045),
        nonce: 0xab,
    }
}

pub(crate) fn account(settings: Value, secrets: &[(&str, &str)]) -> Account {
    Account {
        id: AccountId::from_u64(1),
        key: "acme-1".into(),
        settings: serde_json::from_value(settings).unwrap(),
        secrets: secrets
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).into()))
            .collect(),
    }
}

pub(crate) fn text(text: &str) -> Content {
    Content::Text { text: text.into() }
}

/// One item per address, `dlv_1`, `dlv_2`, …, all with the same content and variables.
pub(crate) fn batch(to: &[&str], vars: &[(&str, &str)], content: Content) -> Batch {
    let content = Arc::new(content);
    let vars: BTreeMap<String, String> = vars
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let vars = Arc::new(vars);
    let item = |(index, to): (usize, &&str)| Item {
        reference: format!("dlv_{}", index + 1),
        to: (*to).to_owned(),
        vars: vars.clone(),
        content: content.clone(),
        unsubscribe: None,
    };
    Batch {
        class: Class::Verification,
        template: "login-code".into(),
        vendor_template: None,
        attachments: [].into(),
        items: to.iter().enumerate().map(item).collect(),
    }
}

pub(crate) fn vendor_template(
    id: &str,
    sign: Option<&str>,
    params: Option<&[&str]>,
) -> VendorTemplate {
    VendorTemplate {
        template_id: Some(id.into()),
        sign: sign.map(str::to_owned),
        params: params.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
    }
}

pub(crate) fn http(status: u16, body: impl Into<bytes::Bytes>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap();
    Reply::Http(HttpReply {
        status,
        headers: HeaderMap::new(),
        body: body.into(),
    })
}

pub(crate) fn http_with(
    status: u16,
    header: (&'static str, &'static str),
    body: &'static str,
) -> Reply {
    let status = StatusCode::from_u16(status).unwrap();
    let headers = HeaderMap::from_iter([(
        http::HeaderName::from_static(header.0),
        HeaderValue::from_static(header.1),
    )]);
    Reply::Http(HttpReply {
        status,
        headers,
        body: body.into(),
    })
}

/// A case: one adapter with an account and a batch.
pub(crate) struct Case {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) account: Account,
    pub(crate) batch: Batch,
}

impl Case {
    pub(crate) fn new(name: &str, account: Account, batch: Batch) -> Self {
        Self {
            adapter: adapter(name),
            account,
            batch,
        }
    }

    pub(crate) fn start(&self) -> Step {
        self.adapter.start(&self.account, &self.batch, &context())
    }

    pub(crate) fn resume(&self, state: State, reply: Reply) -> Step {
        self.adapter
            .resume(&self.account, &self.batch, state, reply, &context())
    }

    /// The first call; panics when there is none.
    pub(crate) fn call(&self) -> (Call, State) {
        match self.start() {
            Step::Call { call, state } => (call, state),
            Step::Token { want, .. } => panic!("no call but {want:?}"),
            Step::Done(verdicts) => panic!("no call but {verdicts:?}"),
        }
    }

    pub(crate) fn request(&self) -> HttpRequest {
        as_http(self.call().0)
    }

    pub(crate) fn smtp(&self) -> SmtpRequest {
        match self.call().0 {
            Call::Smtp(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn smpp(&self) -> SmppRequest {
        match self.call().0 {
            Call::Smpp(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    /// Verdicts reached without any call.
    pub(crate) fn refused(&self) -> Vec<Verdict> {
        match self.start() {
            Step::Done(verdicts) => verdicts,
            Step::Token { want, .. } => panic!("{want:?}"),
            Step::Call { call, .. } => panic!("{call:?}"),
        }
    }

    /// The verdicts when every call is answered by `reply`, and the number of calls.
    pub(crate) fn drive(&self, mut reply: impl FnMut(Call) -> Reply) -> (Vec<Verdict>, usize) {
        let mut calls = 0;
        let mut step = self.start();
        loop {
            match step {
                Step::Done(verdicts) => return (verdicts, calls),
                Step::Call { call, state } => {
                    calls += 1;
                    assert!(calls < 100, "never ends");
                    step = self.resume(state, reply(call));
                }
                Step::Token { state, .. } => {
                    calls += 1;
                    assert!(calls < 100, "never ends");
                    step = self.resume(state, Reply::Token("token of the host".into()));
                }
            }
        }
    }

    /// The verdicts when every call is answered by this JSON.
    pub(crate) fn answered(&self, status: u16, body: &Value) -> Vec<Verdict> {
        self.drive(|_| http(status, body.to_string())).0
    }

    pub(crate) fn receipts(&self, body: &[u8]) -> Result<Receipts, Refused> {
        self.receipts_with(HeaderMap::new(), body)
    }

    pub(crate) fn receipts_with(
        &self,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<Receipts, Refused> {
        self.receipts_at(
            "https://push.example/v1/receipts/acme-1/token",
            headers,
            body,
        )
    }

    /// Receipts posted to this URL.
    pub(crate) fn receipts_at(
        &self,
        url: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<Receipts, Refused> {
        let body = bytes::Bytes::copy_from_slice(body);
        let url = url.to_owned();
        let inbound = Inbound {
            method: Method::POST,
            url,
            headers,
            body,
        };
        self.adapter.receipts(&self.account, &inbound, &context())
    }
}

pub(crate) fn as_http(call: Call) -> HttpRequest {
    match call {
        Call::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

/// Every byte that the host is asked to send.
pub(crate) fn wire(request: &HttpRequest) -> String {
    let mut headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let body = std::str::from_utf8(&request.body).unwrap();
    format!(
        "{} {}\n{}\n\n{body}",
        request.method,
        request.url,
        headers.join("\n")
    )
}

pub(crate) fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(Verdict::as_str).collect()
}

/// The verdict's word and its cause's code.
pub(crate) fn word_and_code(verdict: &Verdict) -> (&'static str, &str) {
    (
        verdict.as_str(),
        verdict.cause().map_or("", |cause| cause.code.as_str()),
    )
}
