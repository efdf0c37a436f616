//! `austin doctor`: examines a data directory without changing it, also while austin runs.

use std::path::PathBuf;

use austin_store_local::{Finding, Severity};
use clap::Args;
use serde_json::json;

use crate::exit::Failure;
use crate::{composition, print, settings};

const EXAMPLES: &str = "\
Exit code 1 when something is broken; notes and warnings end with 0.

Examples:
  austin doctor --data /var/lib/austin
  austin doctor --data /var/lib/austin --json";

/// Examine a data directory and say what is wrong with it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// The data directory
    #[arg(long, env = "AUSTIN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Configuration file to check as well
    #[arg(long, env = "AUSTIN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: one finding a line
    #[arg(long)]
    json: bool,
}

/// Runs `austin doctor`.
///
/// # Errors
/// When something is broken; the findings have been printed.
pub(crate) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let mut findings = Vec::new();
    match settings::load(args.config.as_deref()) {
        Ok(_) => findings.push(Finding::note("configuration", "it can be read")),
        Err(failure) => findings.push(Finding::fault(
            "configuration",
            failure.message(),
            "docs/configuration.md lists every setting",
        )),
    }
    let dir = args.data.clone();
    let found = tokio::task::spawn_blocking(move || composition::examine(&dir))
        .await
        .map_err(|error| Failure::failed(format!("the examination broke off: {error}")))?;
    findings.extend(found);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report(&findings, args.json)
}

fn report(findings: &[Finding], as_json: bool) -> Result<(), Failure> {
    for finding in findings {
        if as_json {
            print::line(
                &json!({
                    "severity": finding.severity.as_str(),
                    "subject": finding.subject,
                    "detail": finding.detail,
                    "advice": finding.advice,
                })
                .to_string(),
            );
        } else {
            print::line(&finding.to_string());
        }
    }
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
    if !as_json {
        print::line(&format!("{faults} faults, {warnings} warnings"));
    }
    if faults > 0 {
        Err(Failure::told())
    } else {
        Ok(())
    }
}
