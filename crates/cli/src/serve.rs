//! `austin serve`: the server, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::exit::Failure;
use crate::node::Node;
use crate::{logging, print, settings, signals};

const EXAMPLES: &str = "\
The first start on an empty directory prints one admin key on stdout, this once. When the server is
ready it prints `listening on http://ADDRESS`. Logs go to stderr. SIGTERM and SIGINT stop it
gracefully; a second one at once. docs/configuration.md lists every setting.

Examples:
  austin serve --data /var/lib/austin
  austin serve --data ./data --listen 0.0.0.0:7070 --config austin.toml
  AUSTIN_LOG__FORMAT=json austin serve --data ./data";

/// Run the server on an embedded store
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// The data directory; made when it does not exist
    #[arg(long, env = "AUSTIN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where the API listens [default: 127.0.0.1:7070]; port 0 takes a free one and says which
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Configuration file (TOML)
    #[arg(long, env = "AUSTIN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs `austin serve`.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut settings = settings::load(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        settings.http.listen = listen;
    }
    logging::start(&settings.log)?;
    let stop = signals::stop_on_signal()?;
    let node = Node::start(&args.data, &settings).await?;
    if let Some(key) = &node.first_key {
        print::line(&format!("admin key (shown only this once): {key}"));
    }
    print::line(&format!("listening on http://{}", node.address));
    stop.cancelled().await;
    node.stop().await;
    Ok(())
}
