//! The command line: which commands there are. Each command's own flags stand in its module.

use clap::{Args, Parser, Subcommand};

use crate::{
    adapter, bench, deliveries, demo, doctor, key, reference, send, serve, simulator, suppression,
    template, workshop,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong command line or configuration
  3  the server refused, or cannot be reached
  4  the data directory is in use by another process";

/// Sends messages by SMS, e-mail, push and webhooks, and keeps evidence of each.
#[derive(Debug, Parser)]
#[command(name = "austin", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server on an embedded store
    Serve(serve::ServeArgs),
    /// Run a server with a simulated vendor and send a first SMS and e-mail
    Demo(demo::DemoArgs),
    /// Run a vendor that can be told to misbehave
    Simulator(simulator::SimulatorArgs),
    /// Send a template to one person or to a file of people
    Send(send::SendArgs),
    /// List deliveries, or show one with its timeline
    Deliveries(deliveries::DeliveriesArgs),
    /// Teach austin a vendor: check, upload, try, roll back
    Adapter(adapter::AdapterArgs),
    /// Keep templates as files: pull, check, push
    Template(template::TemplateArgs),
    /// Keep people from being messaged: add, import, list, lift
    Suppression(suppression::SuppressionArgs),
    /// Make API keys
    Key(key::KeyArgs),
    /// Examine a data directory and say what is wrong with it
    Doctor(doctor::DoctorArgs),
    /// Load a running server and measure it
    Bench(bench::BenchArgs),
    /// Print the API description (OpenAPI 3.1)
    Openapi,
    /// Explain and check the configuration
    Config(reference::ConfigArgs),
    #[command(hide = true)]
    ScriptWorker(workshop::WorkerArgs),
}

/// Where the server is and who asks.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// Base URL of the server
    #[arg(long, env = "AUSTIN_URL", default_value = "http://127.0.0.1:7070")]
    pub(crate) url: String,
    /// API key
    #[arg(long, env = "AUSTIN_KEY", hide_env_values = true)]
    pub(crate) key: String,
}
