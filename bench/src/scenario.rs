//! The scenarios, one file each.

mod accept;
mod end_to_end;
mod failover;
mod growth;
mod judging;
mod limits;
mod meter;
mod restart;
mod scripted;
mod setup;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::report::Figure;

/// What to run and how long.
pub(crate) struct Plan {
    pub(crate) austin: PathBuf,
    pub(crate) seconds: u64,
    pub(crate) rows: u64,
}

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Durable accept, one recipient a request.
    AcceptOne,
    /// Durable accept, 100 recipients a request.
    AcceptHundred,
    /// Accept to durable outcome, one recipient a vendor call.
    EndToEndOne,
    /// Accept to durable outcome, up to 1,000 recipients a vendor call.
    EndToEndMany,
    /// A script beside the built-in adapter of the same vendor.
    Scripted,
    /// A million waiting and one of two vendors dead.
    FailoverStorm,
    /// Cost per delivery as the ledger grows, then look-ups.
    Growth,
    /// Zones, quiet hours and word lists, without IO.
    Judging,
    /// Choosing an account and keeping its limits, as the dispatcher does, without IO.
    Limits,
    /// Dedup and caps with ten million people in memory, without IO.
    Meter,
    /// Memory idle and with a million waiting, then a kill and a start.
    Restart,
}

/// Runs the scenarios, all when none is named.
pub(crate) async fn run(plan: &Plan, only: &[Name]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for name in Name::value_variants() {
        if !only.is_empty() && !only.contains(name) {
            continue;
        }
        say(&format!("{name:?} …"));
        figures.extend(match name {
            Name::AcceptOne => accept::run(plan, "accept-one", 1).await?,
            Name::AcceptHundred => accept::run(plan, "accept-hundred", 100).await?,
            Name::EndToEndOne => end_to_end::run(plan, "end-to-end-one", 1).await?,
            Name::EndToEndMany => end_to_end::run(plan, "end-to-end-many", 1_000).await?,
            Name::Scripted => scripted::run(plan).await?,
            Name::FailoverStorm => failover::run(plan).await?,
            Name::Growth => growth::run(plan).await?,
            Name::Judging => judging::run()?,
            Name::Limits => limits::run()?,
            Name::Meter => meter::run().await?,
            Name::Restart => restart::run(plan).await?,
        });
    }
    Ok(figures)
}

/// Progress, on standard error.
#[expect(clippy::print_stderr, reason = "progress of long work")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
