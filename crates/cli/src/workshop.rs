//! What uploaded adapters are made with: definitions and scripts of `austin-script`, whose
//! workers are this program once more (`austin script-worker`).

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use austin_adapter_api::{LoadFault, Speaker};
use austin_engine::Workshop;
use austin_engine::adapters::{Examination, Examiner, ExampleFailure};
use austin_ports::BoxFuture;
use austin_script::worker::{self, Limits};
use austin_script::{Examples, Options, ScriptLoader, WorkerCommand, Workers, check};
use clap::Args;
use serde_json::Value;

use crate::exit::Failure;

/// The subcommand by which this program starts itself as a worker.
const WORKER: &str = "script-worker";

/// Run scripts for a server that started this process; not for people
#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    /// Limits, as the server states them
    limits: Vec<String>,
}

/// Serves a server's calls until it goes away. Needs no runtime.
///
/// # Errors
/// When the limits cannot be read, or the pipes to the server broke.
pub(crate) fn serve(args: &WorkerArgs) -> Result<(), Failure> {
    let limits = Limits::parse(&args.limits).map_err(Failure::usage)?;
    worker::run(io::stdin(), io::stdout(), limits)
        .map_err(|error| Failure::failed(format!("a script worker ended: {error}")))
}

/// The workshop of this program.
///
/// # Errors
/// When this program cannot tell where it is.
pub(crate) fn workshop(options: &Options) -> Result<Workshop, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("cannot tell where this program is: {error}")))?;
    let command = WorkerCommand {
        program,
        arguments: vec![OsString::from(WORKER)],
    };
    let workers = Workers::new(command, options.clone());
    Ok(Workshop {
        loader: Arc::new(ScriptLoader::new(workers)),
        examiner: Arc::new(Recorded),
    })
}

/// Runs recorded examples.
struct Recorded;

impl Examiner for Recorded {
    fn faults(&self, examples: &Value) -> Vec<LoadFault> {
        Examples::read(examples).err().into_iter().collect()
    }

    fn examine<'a>(
        &'a self,
        speaker: &'a Speaker,
        examples: &'a Value,
    ) -> BoxFuture<'a, Examination> {
        Box::pin(async move {
            let Ok(examples) = Examples::read(examples) else {
                // Refused at the upload; nothing can be said of it.
                return Examination::default();
            };
            let report = check(speaker, &examples).await;
            let mut names: Vec<&str> = report
                .mismatches
                .iter()
                .map(|mismatch| mismatch.example.as_str())
                .collect();
            names.dedup();
            Examination {
                examples: report.passed + names.len(),
                failures: report
                    .mismatches
                    .iter()
                    .map(|mismatch| ExampleFailure {
                        example: mismatch.example.clone(),
                        pointer: mismatch.pointer.clone(),
                        detail: differs(&mismatch.detail, &mismatch.expected, &mismatch.actual),
                    })
                    .collect(),
            }
        })
    }
}

/// The sentence, with what was expected and what came where that says more.
fn differs(detail: &str, expected: &Value, actual: &Value) -> String {
    if expected.is_null() && actual.is_null() {
        return detail.to_owned();
    }
    let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
    format!(
        "{detail}; recorded {}, came {}",
        short(expected),
        short(actual)
    )
}
