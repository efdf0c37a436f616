//! SIGTERM and SIGINT: the first asks for a graceful stop, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// Listens from now on. The token is cancelled by the first signal.
///
/// # Errors
/// When the system allows no signal handler.
pub(crate) fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let cannot = |error| Failure::failed(format!("cannot listen for signals: {error}"));
    let mut term = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let name = first(&mut term, &mut interrupt).await;
        tracing::info!(signal = name, "stopping; a second signal ends at once");
        token.cancel();
        let name = first(&mut term, &mut interrupt).await;
        tracing::warn!(signal = name, "ended without finishing calls in flight");
        // What was accepted is on disk; the next start finds it.
        std::process::exit(1);
    });
    Ok(stop)
}

async fn first(
    term: &mut tokio::signal::unix::Signal,
    interrupt: &mut tokio::signal::unix::Signal,
) -> &'static str {
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
