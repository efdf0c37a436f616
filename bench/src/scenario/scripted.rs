//! The same vendor spoken to by the built-in adapter and by a script: what the script costs, its
//! worker processes included.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::setup::{Austin, TEMPLATE, this};
use super::{Plan, say};
use crate::client::{SendRequest, Until, load};
use crate::process::{Meter, Server};
use crate::report::Figure;

const SCENARIO: &str = "scripted";
const DELIVERIES: u64 = 100_000;
const ADAPTER: &str = "bench-sms";

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let sink = this("sink").await?;
    let mut figures = Vec::new();
    for per_call in [1, 100] {
        let built_in = measure(plan, &sink, "simulator", per_call).await?;
        let scripted = measure(plan, &sink, ADAPTER, per_call).await?;
        say(&format!(
            "  {per_call} a call: built in {built_in:.1}, scripted {scripted:.1} s per million"
        ));
        let figure = |what: &str, value, unit, note| {
            Figure::new(
                SCENARIO,
                format!("{what}, {per_call} recipients a call"),
                value,
                unit,
                note,
            )
        };
        let unit = "s per million deliveries";
        figures.push(figure("built in", built_in, unit, "floor"));
        figures.push(figure("scripted, workers included", scripted, unit, ""));
        let ratio = scripted / built_in;
        figures.push(figure("scripted / built in", ratio, "x", "goal ≤ 2"));
    }
    Ok(figures)
}

/// Processor seconds per million deliveries, from request to durable outcome.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn measure(plan: &Plan, sink: &Server, adapter: &str, per_call: usize) -> Result<f64> {
    let austin = Austin::start(&plan.austin).await?;
    if adapter == ADAPTER {
        upload(&austin).await?;
    }
    austin
        .account_of(adapter, "sink", sink.addr, per_call)
        .await?;
    austin.route(&["sink"]).await?;
    let request = SendRequest::new(&austin.key, TEMPLATE, 100);
    let warm = Until::Requests(50);
    load(austin.server.addr, 16, &request, warm).await?;
    austin.drained(Duration::from_secs(60)).await?;
    let meter = Meter::start(&austin.server)?;
    let requests = Until::Requests(DELIVERIES / 100);
    let sent = load(austin.server.addr, 16, &request, requests).await?;
    austin.drained(Duration::from_secs(600)).await?;
    let (cpu, _) = meter.stop(&austin.server)?;
    austin.server.kill().await?;
    Ok(cpu.as_secs_f64() / (sent.requests * 100) as f64 * 1e6)
}

/// Uploads the script, checks it and puts it on air.
async fn upload(austin: &Austin) -> Result<()> {
    let definition: Value = serde_json::from_str(include_str!("../../adapter/definition.json"))?;
    let examples: Value = serde_json::from_str(include_str!("../../adapter/examples.json"))?;
    let body = json!({
        "definition": definition,
        "script": include_str!("../../adapter/script.js"),
        "examples": examples,
    });
    let mut connection = austin.connect().await?;
    let path = format!("/v1/adapters/{ADAPTER}");
    let made = connection
        .call("PUT", &path, &austin.key, Some(&body))
        .await?;
    let version = made["version"].as_u64().context("no version")?;
    for (step, body) in [
        ("check", json!({ "version": version })),
        (
            "activate",
            json!({ "version": version, "reason": "benchmark" }),
        ),
    ] {
        let path = format!("{path}/{step}");
        connection
            .call("POST", &path, &austin.key, Some(&body))
            .await?;
    }
    Ok(())
}
