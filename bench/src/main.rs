//! `make bench`: each figure beside its floor, measured in the same run on the same machine.
//!
//! The product runs as its own release process on real files; the vendor side and the floors are
//! processes of this binary; the load comes from this process. Ratios are what counts: the
//! machine is shared by all of them.

mod client;
mod floor;
mod process;
mod report;
mod scenario;
mod sink;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures austin beside its floors.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs scenarios and prints a table.
    Run {
        /// The austin binary (release).
        #[arg(long)]
        austin: PathBuf,
        /// Scenarios to run; all by default.
        #[arg(long, value_enum)]
        only: Vec<scenario::Name>,
        /// Seconds of load per figure.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Rows of the growth scenario.
        #[arg(long, default_value_t = 20_000_000)]
        rows: u64,
        /// Also write the figures as JSON to this file.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// A vendor that takes everything at once.
    Sink {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// The HTTP stack of the product answering a constant.
    Floor {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Sink { listen } => sink::serve(listen).await,
            Command::Floor { listen } => floor::serve(listen).await,
            Command::Run {
                austin,
                only,
                seconds,
                rows,
                json,
            } => {
                let plan = scenario::Plan {
                    austin,
                    seconds,
                    rows,
                };
                let figures = scenario::run(&plan, &only).await?;
                report::print(&figures);
                if let Some(path) = json {
                    std::fs::write(path, report::json(&figures))?;
                }
                Ok(())
            }
        }
    })
}
