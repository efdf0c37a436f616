//! What the tests of scripts share: a pool of real worker processes, accounts, batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{
    Account, Batch, Context, HttpReply, HttpRequest, Item, LoadFault, Loader, Reply, Source,
    Speaker, State, Step,
};
use austin_domain::{AccountId, Class, Content, Timestamp, Verdict};
use austin_script::{Options, ScriptLoader, WorkerCommand, Workers};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

pub(crate) fn workers(options: Options) -> Workers {
    let command = WorkerCommand {
        program: env!("CARGO_BIN_EXE_script-worker-for-tests").into(),
        arguments: Vec::new(),
    };
    Workers::new(command, options)
}

/// Limits with room for a busy machine; what is tested is that they hold, not how tight they are.
pub(crate) fn options() -> Options {
    Options {
        hard_deadline: Duration::from_secs(3),
        ..Options::default()
    }
}

pub(crate) fn definition() -> Value {
    json!({
        "descriptor": {
            "title": "Acme SMS",
            "channels": ["sms"],
            "documentation": "https://acme.example/docs",
            "settings": [{"name": "endpoint", "kind": "url", "default": "https://api.acme.example", "help": "Another base URL."}],
            "secrets": [{"name": "key", "required": true, "help": "The key."}],
            "batching": {"max_recipients": 100},
            "capabilities": {"receipts": true, "balance": true}
        },
        "hosts": ["api.acme.example"]
    })
}

pub(crate) fn source(name: &str, script: &str) -> Source {
    Source {
        name: name.into(),
        version: 1,
        definition: definition(),
        script: Some(script.into()),
    }
}

/// A script whose `start` has this body and whose other functions are there.
pub(crate) fn with_start(body: &str) -> String {
    format!(
        "export function start(account, batch, context) {{ {body} }}
         export function resume(account, batch, state, reply, context) {{ return {{all: host.verdict(reply)}}; }}
         export function receipts(account, request, context) {{ return {{receipts: []}}; }}
         export function ask(account, question, context) {{ return {{done: {{answer: 'unsupported'}}}}; }}
         export function answer(account, question, state, reply, context) {{ return {{done: {{answer: 'unsupported'}}}}; }}"
    )
}

/// A well-behaved neighbour: its answer depends on its input.
pub(crate) fn neighbour() -> String {
    with_start(
        "return {call: {method: 'POST', url: host.endpoint(account, 'https://api.acme.example') + '/send',
                 headers: {'x-sign': host.hmac('sha256', account.secrets.key, batch.items[0].to)},
                 body: JSON.stringify({to: batch.items.map(item => item.to), text: batch.items[0].text})}};",
    )
}

pub(crate) async fn load(
    workers: &Workers,
    name: &str,
    script: &str,
) -> Result<Speaker, Vec<LoadFault>> {
    ScriptLoader::new(workers.clone())
        .load(&source(name, script))
        .await
}

pub(crate) fn account() -> Account {
    Account {
        id: AccountId::from_u64(7),
        key: "acme-1".into(),
        settings: BTreeMap::new(),
        secrets: BTreeMap::from([("key".into(), "k3y".into())]),
    }
}

pub(crate) fn batch(count: usize) -> Batch {
    Batch {
        class: Class::Notification,
        template: "order-shipped".into(),
        vendor_template: None,
        attachments: Arc::default(),
        items: (0..count)
            .map(|index| Item {
                reference: format!("dlv_{index}"),
                to: format!("+86137111122{index:02}"),
                vars: Arc::default(),
                content: Arc::new(Content::Text {
                    text: "您的订单A1已发货".into(),
                }),
                unsubscribe: None,
            })
            .collect(),
    }
}

pub(crate) fn context() -> Context {
    Context {
        now: Timestamp::from_millis(1_767_323_045_007),
        nonce: 0x42,
    }
}

pub(crate) fn request(step: Step) -> (HttpRequest, State) {
    match step {
        Step::Call {
            call: austin_adapter_api::Call::Http(request),
            state,
        } => (request, state),
        other => panic!("not a call: {other:?}"),
    }
}

pub(crate) fn verdicts(step: Step) -> Vec<Verdict> {
    match step {
        Step::Done(verdicts) => verdicts,
        other => panic!("not done: {other:?}"),
    }
}

/// Code of the only verdict's cause, and the verdict's word.
pub(crate) fn word_and_code(step: Step) -> (String, String) {
    let verdicts = verdicts(step);
    let first = verdicts.first().unwrap();
    assert!(verdicts.iter().all(|verdict| verdict == first));
    let code = first
        .cause()
        .map_or(String::new(), |cause| cause.code.clone());
    (first.as_str().to_owned(), code)
}

pub(crate) fn answered(status: u16, body: &str) -> Reply {
    Reply::Http(HttpReply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_owned().into(),
    })
}
