//! The adapters that come with the product, and the worked examples, against their recordings.

use std::path::Path;

use crate::support::*;
use austin_adapter_api::{Loader, Source};
use austin_script::{Examples, ScriptLoader, check, shipped};
use serde_json::Value;

async fn holds(source: &Source, examples: &Value) {
    let loader = ScriptLoader::new(workers(options()));
    let speaker = match loader.load(source).await {
        Ok(speaker) => speaker,
        Err(faults) => panic!("{}: {faults:#?}", source.name),
    };
    let examples = Examples::read(examples).unwrap();
    let report = check(&speaker, &examples).await;
    assert!(
        report.is_good(),
        "{}: {:#?}",
        source.name,
        report.mismatches
    );
    assert!(report.passed > 1, "{}", source.name);
}

#[tokio::test]
async fn shipped_adapters_do_what_is_recorded() {
    let all = shipped();
    assert_eq!(all.len(), 3);
    for adapter in all {
        holds(&adapter.source, &adapter.examples).await;
    }
}

#[tokio::test]
async fn worked_examples_do_what_is_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/adapters");
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        let Some(definition) = read(&folder.join("definition.json")) else {
            continue;
        };
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let source = Source {
            name: name.clone(),
            version: 1,
            definition: serde_json::from_str(&definition).unwrap(),
            script: read(&folder.join("script.js")),
        };
        let examples = read(&folder.join("examples.json")).unwrap();
        holds(&source, &serde_json::from_str(&examples).unwrap()).await;
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["acme-form", "acme-token", "acme-xml"]);
}

#[tokio::test]
async fn a_wrong_recording_is_told_apart() {
    let adapter = shipped().into_iter().next().unwrap();
    let mut examples = adapter.examples;
    *examples
        .pointer_mut("/examples/0/steps/0/expect/call/json/sign")
        .unwrap() = "0000".into();
    *examples
        .pointer_mut("/examples/2/steps/1/expect/done/0/verdict")
        .unwrap() = "accepted".into();
    let loader = ScriptLoader::new(workers(options()));
    let speaker = loader.load(&adapter.source).await.unwrap();
    let report = check(&speaker, &Examples::read(&examples).unwrap()).await;
    let places: Vec<_> = report
        .mismatches
        .iter()
        .map(|found| found.pointer.as_str())
        .collect();
    assert_eq!(
        places,
        [
            "/steps/0/expect/call/json/sign",
            "/steps/1/expect/done/0/verdict"
        ]
    );
    assert_eq!(report.passed, 1);
    let malformed = serde_json::json!({"account": {}, "examples": [{"name": "x"}]});
    assert_eq!(Examples::read(&malformed).unwrap_err().code, "malformed");
}
