//! `austin adapter check`: loads a folder and runs its examples, without a server.

use austin_adapter_api::Source;
use serde_json::json;

use super::folder::Folder;
use crate::exit::Failure;
use crate::{print, settings, workshop};

/// Checks a folder; says what is wrong, one thing a line.
///
/// # Errors
/// When anything is.
pub(super) async fn check(folder: &Folder, as_json: bool) -> Result<(), Failure> {
    let workshop = workshop::workshop(&settings::Settings::default().script)?;
    let source = Source {
        name: folder.name.clone(),
        version: 1,
        definition: folder.definition.clone(),
        script: folder.script.clone(),
    };
    let mut faults = workshop.examiner.faults(&folder.examples);
    let speaker = match workshop.loader.load(&source).await {
        Ok(speaker) => Some(speaker),
        Err(more) => {
            faults.extend(more);
            None
        }
    };
    let Some(speaker) = speaker.filter(|_| faults.is_empty()) else {
        if as_json {
            let faults: Vec<_> = faults
                .iter()
                .map(|f| json!({"pointer": f.pointer, "code": f.code, "detail": f.detail}))
                .collect();
            print::line(&json!({"passed": false, "faults": faults}).to_string());
        } else {
            for fault in &faults {
                print::line(&format!("{fault}"));
            }
        }
        return Err(Failure::told());
    };
    let examined = workshop.examiner.examine(&speaker, &folder.examples).await;
    let passed = examined.failures.is_empty();
    if as_json {
        let failures: Vec<_> = examined
            .failures
            .iter()
            .map(|f| json!({"example": f.example, "pointer": f.pointer, "detail": f.detail}))
            .collect();
        let report = json!({"passed": passed, "examples": examined.examples, "failures": failures});
        print::line(&report.to_string());
    } else {
        for failure in &examined.failures {
            print::line(&format!(
                "{}\n  at {}\n  {}",
                failure.example, failure.pointer, failure.detail
            ));
        }
        let good = if passed { "all" } else { "not all" };
        print::line(&format!(
            "{}: {} examples, {good} as recorded",
            folder.name, examined.examples
        ));
    }
    if passed { Ok(()) } else { Err(Failure::told()) }
}
