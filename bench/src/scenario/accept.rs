//! Durable accept: 202 only after the fsync. The lane has no route, so that accepting is all that
//! happens.

use std::time::Duration;

use anyhow::Result;

use super::setup::{Austin, TEMPLATE, this};
use super::{Plan, say};
use crate::client::{SendRequest, Until, load};
use crate::process::Meter;
use crate::report::Figure;

const CONNECTIONS: usize = 64;

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
pub(crate) async fn run(
    plan: &Plan,
    scenario: &'static str,
    recipients: usize,
) -> Result<Vec<Figure>> {
    let time = Duration::from_secs(plan.seconds);
    let warm = Until::Elapsed(Duration::from_secs(1));
    let austin = Austin::start(&plan.austin).await?;
    let request = SendRequest::new(&austin.key, TEMPLATE, recipients);

    let floor = this("floor").await?;
    load(floor.addr, CONNECTIONS, &request, warm).await?;
    let constant = load(floor.addr, CONNECTIONS, &request, Until::Elapsed(time)).await?;
    floor.kill().await?;
    say(&format!(
        "  constant: {:.0} requests/s",
        constant.per_second()
    ));

    load(austin.server.addr, CONNECTIONS, &request, warm).await?;
    let meter = Meter::start(&austin.server)?;
    let accepted = load(
        austin.server.addr,
        CONNECTIONS,
        &request,
        Until::Elapsed(time),
    )
    .await?;
    let (cpu, _) = meter.stop(&austin.server)?;
    say(&format!(
        "  austin:   {:.0} requests/s",
        accepted.per_second()
    ));

    let deliveries = accepted.requests as f64 * recipients as f64;
    let ratio = accepted.per_second() / constant.per_second();
    Ok(vec![
        Figure::new(
            scenario,
            "constant answer",
            constant.per_second(),
            "requests/s",
            "floor",
        ),
        Figure::new(
            scenario,
            "durable accept",
            accepted.per_second(),
            "requests/s",
            "64 connections",
        ),
        Figure::new(
            scenario,
            "durable accept",
            deliveries / accepted.elapsed.as_secs_f64(),
            "deliveries/s",
            if recipients > 1 {
                "goal ≥ 200,000"
            } else {
                ""
            },
        ),
        Figure::new(
            scenario,
            "of the floor",
            ratio * 100.0,
            "%",
            if recipients > 1 { "" } else { "goal ≥ 60" },
        ),
        Figure::new(
            scenario,
            "latency p50",
            accepted.percentile_ms(50.0),
            "ms",
            "",
        ),
        Figure::new(
            scenario,
            "latency p99",
            accepted.percentile_ms(99.0),
            "ms",
            "goal ≤ 25",
        ),
        Figure::new(
            scenario,
            "processor time",
            cpu.as_secs_f64() / deliveries * 1e6,
            "s per million deliveries",
            "austin's process",
        ),
    ])
}
