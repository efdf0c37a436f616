//! A simulator on a fixed port: `cargo run --release --example vendor -- 127.0.0.1:9090 [off|counts|full]`.

use austin_simulator::{LedgerMode, Options, Simulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments
        .next()
        .ok_or("the address to listen on is missing")?;
    let ledger = match arguments.next().as_deref() {
        None | Some("full") => LedgerMode::Full,
        Some("counts") => LedgerMode::Counts,
        Some("off") => LedgerMode::Off,
        Some(other) => return Err(format!("`{other}` is not off, counts or full").into()),
    };
    let handle = Simulator::start(Options {
        listen: listen.parse()?,
        ledger,
        ..Options::default()
    })
    .await?;
    tokio::signal::ctrl_c().await?;
    handle.shutdown().await;
    Ok(())
}
