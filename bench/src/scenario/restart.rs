//! Memory idle and with a million deliveries waiting, then `kill -9` and a start.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::setup::{Austin, TEMPLATE, serve, this};
use super::{Plan, say};
use crate::client::{Connection, SendRequest, Until, load};
use crate::report::Figure;

const SCENARIO: &str = "restart";
const WAITING: u64 = 1_000_000;

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let austin = Austin::start(&plan.austin).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = austin.server.usage()?.resident_bytes;

    // No route: everything waits.
    let request = SendRequest::new(&austin.key, TEMPLATE, 100);
    load(
        austin.server.addr,
        16,
        &request,
        Until::Requests(WAITING / 100),
    )
    .await?;
    let loaded = austin.server.usage()?.resident_bytes;
    say(&format!("  waiting: {}", austin.open().await?));

    let Austin { server, key, data } = austin;
    server.kill().await?;
    let start = Instant::now();
    let server = serve(&plan.austin, data.path()).await?;
    ready(&server).await?;
    let ready_after = start.elapsed();
    let austin = Austin { server, key, data };
    let open = austin.open().await?;
    if open != WAITING {
        bail!("{open} of {WAITING} deliveries are open after the restart");
    }

    let sink = this("sink").await?;
    let start = Instant::now();
    austin.route_to(&sink, 1).await?;
    austin.drained(Duration::from_secs(600)).await?;
    let drained = WAITING as f64 / start.elapsed().as_secs_f64();
    let draining = austin.server.usage()?.resident_bytes;
    Ok(vec![
        Figure::new(SCENARIO, "memory, idle", megabytes(idle), "MB", "goal ≤ 60"),
        Figure::new(
            SCENARIO,
            "memory, 1 million waiting",
            megabytes(loaded),
            "MB",
            "goal ≤ 400",
        ),
        Figure::new(
            SCENARIO,
            "memory, after draining them",
            megabytes(draining),
            "MB",
            "goal ≤ 400",
        ),
        Figure::new(
            SCENARIO,
            "ready after kill -9 with 1 million open",
            ready_after.as_secs_f64(),
            "s",
            "goal ≤ 5; the process start included",
        ),
        Figure::new(
            SCENARIO,
            "drained, one recipient a call",
            drained,
            "deliveries/s",
            "goal ≥ 20,000",
        ),
    ])
}

async fn ready(server: &crate::process::Server) -> Result<()> {
    let mut connection = Connection::open(server.addr).await?;
    for _ in 0..6000 {
        if connection.call("GET", "/readyz", "", None).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        connection = Connection::open(server.addr).await?;
    }
    bail!("not ready after 60 s")
}
