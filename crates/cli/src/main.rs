//! The `austin` program: reads the command line, composes the parts, and gives every way to end
//! an exit code. The only crate that knows which backend is used (`composition`).

mod adapter;
mod api;
mod args;
mod bench;
mod composition;
mod deliveries;
mod demo;
mod doctor;
mod exit;
mod key;
mod logging;
mod node;
mod openapi;
mod print;
mod reference;
mod send;
mod serve;
mod settings;
mod signals;
mod simulator;
mod suppression;
mod template;
mod workshop;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::exit::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message().is_empty() {
                print::error(&format!("austin: {}", failure.message()));
            }
            failure.code()
        }
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    if let Command::ScriptWorker(args) = &cli.command {
        // Before anything else of a server exists in this process.
        return workshop::serve(args);
    }
    // One TLS provider in the whole process; rustls refuses to guess between several.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return Err(Failure::failed("another TLS provider is installed already"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the runtime: {error}")))?;
    let result = runtime.block_on(run(cli.command));
    // Whatever still runs (a look-up in a blocking thread) must not delay the exit.
    runtime.shutdown_background();
    result
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => Box::pin(serve::run(args)).await,
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Simulator(args) => simulator::run(args).await,
        Command::Send(args) => send::run(args).await,
        Command::Deliveries(args) => deliveries::run(args).await,
        Command::Adapter(args) => Box::pin(adapter::run(args)).await,
        Command::Template(args) => Box::pin(template::run(args)).await,
        Command::ScriptWorker(args) => workshop::serve(&args),
        Command::Suppression(args) => Box::pin(suppression::run(args)).await,
        Command::Key(args) => key::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Openapi => {
            openapi::run();
            Ok(())
        }
        Command::Config(args) => reference::run(args),
    }
}
