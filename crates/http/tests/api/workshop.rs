//! Uploaded adapters for tests: the simulator's, by another name. A definition may say what is
//! wrong with it (`fault`) and how many recipients a call takes (`most`); examples are a list of
//! words, of which `bad` ones fail.

use std::sync::Arc;

use austin_adapter_api::{
    Account, Adapter, Batch, Context, Descriptor, Field, FieldKind, LoadFault, Loader, Reply,
    Source, Speaker, State, Step,
};
use austin_adapters::simulator::Simulator;
use austin_engine::Workshop;
use austin_engine::adapters::{Examination, Examiner, ExampleFailure};
use austin_ports::BoxFuture;
use serde_json::Value;

pub(crate) fn workshop() -> Workshop {
    Workshop {
        loader: Arc::new(Renaming),
        examiner: Arc::new(Words),
    }
}

struct Renamed {
    descriptor: Descriptor,
    simulator: Simulator,
}

impl Adapter for Renamed {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn start(&self, account: &Account, batch: &Batch, context: &Context) -> Step {
        self.simulator.start(account, batch, context)
    }

    fn resume(
        &self,
        account: &Account,
        batch: &Batch,
        state: State,
        reply: Reply,
        context: &Context,
    ) -> Step {
        self.simulator.resume(account, batch, state, reply, context)
    }
}

struct Renaming;

impl Loader for Renaming {
    fn load<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Speaker, Vec<LoadFault>>> {
        Box::pin(async move {
            if let Some(detail) = source.definition["fault"].as_str() {
                return Err(vec![LoadFault {
                    pointer: "/definition/fault".into(),
                    code: "invalid",
                    detail: detail.into(),
                }]);
            }
            let simulator = Simulator::default();
            let mut descriptor = simulator.descriptor().clone();
            descriptor.name.clone_from(&source.name);
            if let Some(name) = source.definition["asks"].as_str() {
                descriptor.settings.push(Field {
                    name: name.into(),
                    kind: FieldKind::Text,
                    required: true,
                    default: None,
                    help: "asked for".into(),
                });
            }
            Ok(Speaker::Here(Arc::new(Renamed {
                descriptor,
                simulator,
            })))
        })
    }
}

struct Words;

impl Examiner for Words {
    fn faults(&self, examples: &Value) -> Vec<LoadFault> {
        match examples.as_array() {
            Some(_) => Vec::new(),
            None => vec![LoadFault {
                pointer: "/examples".into(),
                code: "wrong_type",
                detail: "must be an array".into(),
            }],
        }
    }

    fn examine<'a>(&'a self, _: &'a Speaker, examples: &'a Value) -> BoxFuture<'a, Examination> {
        let words: Vec<&str> = examples
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let failures = words.iter().filter(|word| **word == "bad");
        let found = Examination {
            examples: words.len(),
            failures: failures
                .map(|word| ExampleFailure {
                    example: (*word).to_owned(),
                    pointer: "/expect".into(),
                    detail: "is bad".into(),
                })
                .collect(),
        };
        Box::pin(async move { found })
    }
}
