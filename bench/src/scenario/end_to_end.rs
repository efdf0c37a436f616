//! Accept → policies → render → route → vendor call → durable outcome, beside the raw rate of our
//! own HTTP client to the same vendor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use austin_adapter_api::{Call, HttpRequest, Reply};
use austin_ports::Wire;
use austin_ports::wire::Outgoing;
use bytes::Bytes;
use prometheus_client::registry::Registry;

use super::setup::{Austin, TEMPLATE, this};
use super::{Plan, say};
use crate::client::{SendRequest, Until, load};
use crate::process::{Meter, Server};
use crate::report::Figure;

const CONNECTIONS: usize = 64;
const CALLS: usize = 64;
/// Deliveries of one figure at most: below the backlog a lane takes.
const MOST: u64 = 2_000_000;

pub(crate) async fn run(
    plan: &Plan,
    scenario: &'static str,
    per_call: usize,
) -> Result<Vec<Figure>> {
    let sink = this("sink").await?;
    let raw = raw_rate(&sink, Duration::from_secs(plan.seconds), per_call).await?;
    say(&format!("  raw client: {raw:.0} deliveries/s"));
    let mut figures = vec![Figure::new(
        scenario,
        "raw client to the vendor",
        raw,
        "deliveries/s",
        "floor",
    )];
    figures.extend(measure(plan, scenario, &sink, (per_call, 100), raw).await?);
    if per_call == 1 {
        figures.extend(measure(plan, scenario, &sink, (per_call, 1), raw).await?);
    }
    Ok(figures)
}

/// Sends for about the planned time at half the floor and waits until nothing is open.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates for people"
)]
async fn measure(
    plan: &Plan,
    scenario: &'static str,
    sink: &Server,
    (per_call, per_request): (usize, usize),
    raw: f64,
) -> Result<Vec<Figure>> {
    let austin = Austin::start(&plan.austin).await?;
    austin.route_to(sink, per_call).await?;
    let request = SendRequest::new(&austin.key, TEMPLATE, per_request);
    load(
        austin.server.addr,
        CONNECTIONS,
        &request,
        Until::Requests(200),
    )
    .await?;
    austin.drained(Duration::from_secs(60)).await?;

    let wanted = ((raw * plan.seconds as f64 / 2.0) as u64).min(MOST);
    let requests = (wanted / per_request as u64).max(CONNECTIONS as u64);
    let meter = Meter::start(&austin.server)?;
    let accepted = load(
        austin.server.addr,
        CONNECTIONS,
        &request,
        Until::Requests(requests),
    )
    .await?;
    austin.drained(Duration::from_secs(600)).await?;
    let (cpu, elapsed) = meter.stop(&austin.server)?;
    let memory = austin.server.usage()?.resident_bytes as f64 / 1e6;
    austin.server.kill().await?;

    let deliveries = (accepted.requests * per_request as u64) as f64;
    let rate = deliveries / elapsed.as_secs_f64();
    say(&format!(
        "  austin, {per_request} a request: {rate:.0} deliveries/s"
    ));
    let (goal, cost) = match (per_call, per_request) {
        (1, 100) => ("goal ≥ 50 % of the floor", "goal ≤ 45"),
        (1, _) => ("", "goal ≤ 65"),
        _ => ("goal ≥ 50,000", ""),
    };
    let figure = |what: &str, value, unit, note| {
        Figure::new(
            scenario,
            format!("{what}, {per_request} recipients a request"),
            value,
            unit,
            note,
        )
    };
    Ok(vec![
        figure("durable outcome", rate, "deliveries/s", goal),
        figure("of the floor", rate / raw * 100.0, "%", ""),
        figure(
            "processor time",
            cpu.as_secs_f64() / deliveries * 1e6,
            "s per million deliveries",
            cost,
        ),
        figure("memory", memory, "MB", ""),
    ])
}

/// Deliveries a second of our client alone, one task per connection, answers read whole.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
async fn raw_rate(sink: &Server, time: Duration, recipients: usize) -> Result<f64> {
    let options = austin_wire::Options {
        allow_private_targets: true,
        ..Default::default()
    };
    let wire: Arc<dyn Wire> = Arc::new(austin_wire::Client::new(
        &options,
        &mut Registry::default(),
    )?);
    let message = r#"{"reference":"dlv_0000000000000","to":"+8613800000000","text":"您的订单A1已发货,请留意查收。"}"#;
    let body = format!(
        "{{\"account\":\"sink\",\"class\":\"notification\",\"messages\":[{}]}}",
        vec![message; recipients].join(",")
    );
    let body = Bytes::from(body);
    let url = format!("http://{}/sim/send", sink.addr);
    let calls = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let (wire, body, url, calls) = (
            Arc::clone(&wire),
            body.clone(),
            url.clone(),
            Arc::clone(&calls),
        );
        tasks.spawn(async move {
            while start.elapsed() < time {
                let mut request = HttpRequest::new(http::Method::POST, url.as_str(), body.clone());
                request.headers.insert(
                    http::header::CONTENT_TYPE,
                    http::HeaderValue::from_static("application/json"),
                );
                let outgoing = Outgoing {
                    account: Arc::from("sink"),
                    call: Call::Http(request),
                    redact: Arc::from([]),
                };
                match wire.call(outgoing).await.reply {
                    Reply::Http(reply) if reply.status.is_success() => {
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                    other => bail!("the vendor side failed: {other:?}"),
                }
            }
            Ok(())
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.context("a raw call died")??;
    }
    let made = calls.load(Ordering::Relaxed) as f64 * recipients as f64;
    Ok(made / start.elapsed().as_secs_f64())
}
