//! A million deliveries wait and one of two vendors is dead: what the living one is given, beside
//! what it is given when it is alone.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::setup::{Austin, TEMPLATE, this};
use super::{Plan, say};
use crate::client::{SendRequest, Until, load};
use crate::report::Figure;

const SCENARIO: &str = "failover-storm";
const WAITING: u64 = 1_000_000;

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let alone = drain(plan, false).await?;
    say(&format!("  alone: {alone:.0} deliveries/s"));
    let storm = drain(plan, true).await?;
    say(&format!("  beside a dead one: {storm:.0} deliveries/s"));
    Ok(vec![
        Figure::new(
            SCENARIO,
            "1 million waiting, one vendor",
            alone,
            "deliveries/s",
            "floor",
        ),
        Figure::new(
            SCENARIO,
            "1 million waiting, half its route dead",
            storm,
            "deliveries/s",
            "",
        ),
        Figure::new(
            SCENARIO,
            "of the healthy rate",
            storm / alone * 100.0,
            "%",
            "goal ≥ 80",
        ),
    ])
}

/// Deliveries a second of a million that wait, through one vendor, or two of which one is dead.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn drain(plan: &Plan, beside_a_dead_one: bool) -> Result<f64> {
    let austin = Austin::start(&plan.austin).await?;
    let request = SendRequest::new(&austin.key, TEMPLATE, 100);
    let requests = Until::Requests(WAITING / 100);
    load(austin.server.addr, 16, &request, requests).await?;
    let sink = this("sink").await?;
    let mut accounts = vec![("well", sink.addr, 1)];
    if beside_a_dead_one {
        // Bound and closed again: connections are refused.
        let gone = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        accounts.push(("dead", gone, 1));
    }
    for (key, addr, recipients) in &accounts {
        austin.account(key, *addr, *recipients).await?;
    }
    let start = Instant::now();
    let keys: Vec<&str> = accounts.iter().map(|(key, ..)| *key).collect();
    austin.route(&keys).await?;
    austin.drained(Duration::from_secs(900)).await?;
    let rate = WAITING as f64 / start.elapsed().as_secs_f64();
    austin.server.kill().await?;
    Ok(rate)
}
