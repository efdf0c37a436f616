//! `austin simulator`: a vendor that can be told to misbehave, as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use austin_simulator::{Behaviour, LedgerMode, Options, Simulator};
use clap::{Args, ValueEnum};

use crate::exit::Failure;
use crate::settings::{Log, LogFormat};
use crate::{logging, print, signals};

const EXAMPLES: &str = "\
It speaks a protocol of its own at /sim/send and imitates tencent-sms (/tencent), aliyun-sms
(/aliyun) and yunpian-sms (/yunpian). Behaviours are set at /control/behaviours/{name} or from
files, and apply to calls below /a/{name}/.

Examples:
  austin simulator --listen 127.0.0.1:7071 --smtp 127.0.0.1:2525
  austin simulator --behaviour slow=slow.json
  curl -X PUT 127.0.0.1:7071/control/behaviours/default \\
       -d '{\"rules\":[{\"match\":{\"every\":10},\"do\":{\"hang\":{}}}]}'
  curl 127.0.0.1:7071/control/ledger/summary";

/// Run a vendor that can be told to misbehave
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SimulatorArgs {
    /// Where HTTP is served; port 0 takes a free one and says which
    #[arg(long, default_value = "127.0.0.1:7071")]
    listen: SocketAddr,
    /// Where a mail sink listens; none by default
    #[arg(long)]
    smtp: Option<SocketAddr>,
    /// Where an SMPP centre listens; none by default
    #[arg(long)]
    smpp: Option<SocketAddr>,
    /// How much is remembered of what was accepted
    #[arg(long, value_enum, default_value_t = Ledger::Full)]
    ledger: Ledger,
    /// Seed of every draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A behaviour in force from the start; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = crate::send::variable)]
    behaviour: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ledger {
    Off,
    Counts,
    Full,
}

/// Runs `austin simulator` until it is told to stop.
///
/// # Errors
/// When a behaviour is wrong or an address is taken.
pub(crate) async fn run(args: SimulatorArgs) -> Result<(), Failure> {
    logging::start(&Log {
        level: "info".into(),
        format: LogFormat::Text,
    })?;
    let stop = signals::stop_on_signal()?;
    let options = Options {
        listen: args.listen,
        smtp: args.smtp,
        smpp: args.smpp,
        ledger: match args.ledger {
            Ledger::Off => LedgerMode::Off,
            Ledger::Counts => LedgerMode::Counts,
            Ledger::Full => LedgerMode::Full,
        },
        seed: args.seed,
        behaviours: args
            .behaviour
            .iter()
            .map(|(name, file)| Ok((name.clone(), read(file.into())?)))
            .collect::<Result<_, Failure>>()?,
        ..Options::default()
    };
    let simulator = Simulator::start(options)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(smtp) = simulator.smtp_addr {
        print::line(&format!("mail sink on smtp://{smtp}"));
    }
    if let Some(smpp) = simulator.smpp_addr {
        print::line(&format!("SMPP centre on smpp://{smpp}"));
    }
    print::line(&format!("listening on http://{}", simulator.addr));
    stop.cancelled().await;
    simulator.shutdown().await;
    Ok(())
}

fn read(path: PathBuf) -> Result<Behaviour, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
