//! `austin key new`: an API key made on this machine, while no server runs.

use std::path::PathBuf;

use austin_engine::{Caller, RefusalCode};
use austin_ports::catalog::Role;
use clap::{Args, Subcommand, ValueEnum};

use crate::exit::Failure;
use crate::{composition, node, print};

/// Make API keys
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Make a key and print it, alone, on stdout
    New(NewArgs),
}

const EXAMPLES: &str = "\
It opens the data directory itself, so no server may run on it. With a server running, ask the
server: POST /v1/apps/{name}/keys {\"role\":\"sender\"}.

Example:
  export AUSTIN_KEY=$(austin key new --data /var/lib/austin --app shop --role sender)";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
struct NewArgs {
    /// The data directory
    #[arg(long, env = "AUSTIN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The app it is for; made when there is none of that name
    #[arg(long)]
    app: String,
    /// The team of the app, where it is made
    #[arg(long, default_value = "default")]
    team: String,
    /// What it may do
    #[arg(long, value_enum)]
    role: RoleName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Everything
    Admin,
    /// Send messages, and read what its own app sent
    Sender,
    /// Read everything, change nothing
    Reader,
}

/// Runs `austin key`.
///
/// # Errors
/// When a server has the directory, or the name cannot be one.
pub(crate) async fn run(args: KeyArgs) -> Result<(), Failure> {
    let What::New(args) = args.what;
    let data = args.data.clone();
    let store = tokio::task::spawn_blocking(move || composition::open(&data))
        .await
        .map_err(|error| Failure::failed(format!("opening the store broke off: {error}")))?
        .map_err(|failure| match failure.is_locked() {
            true => Failure::locked(format!(
                "{}\nwhile a server runs, let it make the key: POST /v1/apps/{}/keys",
                failure.message(),
                args.app
            )),
            false => failure,
        })?;
    let adapters = composition::adapters();
    let registrar = node::registrar(&store, &adapters);
    let caller = Caller::local();
    match registrar.create_app(&caller, &args.app, &args.team).await {
        Ok(_) => {}
        Err(refusal) if refusal.code == RefusalCode::Exists => {}
        Err(refusal) => return Err(Failure::usage(refusal.detail)),
    }
    let role = match args.role {
        RoleName::Admin => Role::Admin,
        RoleName::Sender => Role::Sender,
        RoleName::Reader => Role::Reader,
    };
    let key = registrar
        .create_key(&caller, &args.app, role)
        .await
        .map_err(|refusal| Failure::failed(refusal.detail))?;
    print::line(&key.text);
    Ok(())
}
