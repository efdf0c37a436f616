//! From a source to a speaker.

use std::sync::Arc;

use austin_adapter_api::hosted::BoxFuture;
use austin_adapter_api::{LoadFault, Loader, Source, Speaker};

use crate::declarative::Declarative;
use crate::definition::{self, Kind};
use crate::frames::{FailureKind, Function};
use crate::node::{Faults, Node};
use crate::scripted::Scripted;
use crate::workers::Workers;

/// Longest script, in bytes.
const MAX_SCRIPT: usize = 512 * 1024;

/// Loads declarative definitions and scripts.
#[derive(Clone, Debug)]
pub struct ScriptLoader {
    workers: Workers,
}

impl ScriptLoader {
    /// A loader whose scripts run in `workers`.
    pub fn new(workers: Workers) -> Self {
        Self { workers }
    }

    async fn script(&self, source: &Source, script: &str) -> Result<Speaker, Vec<LoadFault>> {
        let head = {
            let faults = Faults::default();
            let root = Node::root(&source.definition, "/definition", &faults);
            // Everything else of a definition belongs to declarative adapters.
            let _ = root.object(&["descriptor", "hosts"]);
            let head = definition::head(&source.name, Kind::Script, &root);
            if script.len() > MAX_SCRIPT {
                let detail = format!("must be at most {MAX_SCRIPT} bytes");
                faults.add("/script", "too_long", detail);
            }
            match head {
                Some(head) if faults.is_empty() => head,
                _ => return Err(faults.take()),
            }
        };
        let version = self.workers.version(&source.name, source.version, script);
        let exported = self.workers.load(&version).await.map_err(|failure| {
            let code = match failure.kind {
                FailureKind::Syntax => "syntax",
                kind => kind.code(),
            };
            vec![fault("/script", code, failure.detail)]
        })?;
        let faults = missing(&exported, &head.descriptor.capabilities);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Speaker::Elsewhere(Arc::new(Scripted::new(
            head,
            self.workers.clone(),
            version,
        ))))
    }
}

/// Functions that the contract or the capabilities ask for and the script does not export.
fn missing(exported: &[String], capabilities: &austin_adapter_api::Capabilities) -> Vec<LoadFault> {
    let asks =
        capabilities.recall || capabilities.query || capabilities.pull || capabilities.balance;
    Function::CALLED
        .iter()
        .filter(|function| match function {
            Function::Load => false,
            Function::Start | Function::Resume => true,
            Function::Receipts => capabilities.receipts,
            Function::Ask | Function::Answer => asks,
        })
        .filter(|function| !exported.iter().any(|name| name == function.name()))
        .map(|function| {
            let name = function.name();
            fault(
                "/script",
                "function_missing",
                format!("must export a function {name}: the contract or a capability needs it"),
            )
        })
        .collect()
}

fn fault(pointer: &str, code: &'static str, detail: impl Into<String>) -> LoadFault {
    LoadFault {
        pointer: pointer.into(),
        code,
        detail: detail.into(),
    }
}

impl Loader for ScriptLoader {
    fn load<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Speaker, Vec<LoadFault>>> {
        Box::pin(async move {
            match &source.script {
                Some(script) => self.script(source, script).await,
                None => Declarative::load(&source.name, &source.definition)
                    .map(|adapter| Speaker::Here(Arc::new(adapter))),
            }
        })
    }
}
