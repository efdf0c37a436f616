//! Durable accept: 202 only after the fsync. The lane has no route, so that accepting is all that
//! happens.

use std::time::Duration;

use anyhow::Result;

use super::setup::{Austin, TEMPLATE, this};
use super::{Plan, say};
use crate::client::{Load, SendRequest, Until, load};
use crate::process::Meter;
use crate::report::Figure;

const CONNECTIONS: usize = 64;

pub(crate) async fn run(
    plan: &Plan,
    scenario: &'static str,
    recipients: usize,
) -> Result<Vec<Figure>> {
    let time = Until::Elapsed(Duration::from_secs(plan.seconds));
    let warm = Until::Elapsed(Duration::from_secs(1));
    let austin = Austin::start(&plan.austin).await?;
    let request = SendRequest::new(&austin.key, TEMPLATE, recipients);

    let floor = this("floor").await?;
    load(floor.addr, CONNECTIONS, &request, warm).await?;
    let constant = load(floor.addr, CONNECTIONS, &request, time).await?;
    floor.kill().await?;
    say(&format!(
        "  constant: {:.0} requests/s",
        constant.per_second()
    ));

    load(austin.server.addr, CONNECTIONS, &request, warm).await?;
    let meter = Meter::start(&austin.server)?;
    let accepted = load(austin.server.addr, CONNECTIONS, &request, time).await?;
    let (cpu, _) = meter.stop(&austin.server)?;
    say(&format!(
        "  austin:   {:.0} requests/s",
        accepted.per_second()
    ));
    Ok(figures(scenario, recipients, &constant, &accepted, cpu))
}

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn figures(
    scenario: &'static str,
    recipients: usize,
    constant: &Load,
    accepted: &Load,
    cpu: Duration,
) -> Vec<Figure> {
    let deliveries = accepted.requests as f64 * recipients as f64;
    let (of_floor, rate) = if recipients > 1 {
        ("", "goal ≥ 200,000")
    } else {
        ("goal ≥ 60", "")
    };
    let ratio = accepted.per_second() / constant.per_second() * 100.0;
    let figure = |what, value, unit, note| Figure::new(scenario, what, value, unit, note);
    vec![
        figure(
            "constant answer",
            constant.per_second(),
            "requests/s",
            "floor",
        ),
        figure(
            "durable accept",
            accepted.per_second(),
            "requests/s",
            "64 connections",
        ),
        figure(
            "durable accept",
            deliveries / accepted.elapsed.as_secs_f64(),
            "deliveries/s",
            rate,
        ),
        figure("of the floor", ratio, "%", of_floor),
        figure("latency p50", accepted.percentile_ms(50.0), "ms", ""),
        figure(
            "latency p99",
            accepted.percentile_ms(99.0),
            "ms",
            "goal ≤ 25",
        ),
        figure(
            "processor time",
            cpu.as_secs_f64() / deliveries * 1e6,
            "s per million deliveries",
            "austin's process",
        ),
    ]
}
