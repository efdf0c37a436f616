//! From a host to an established connection: look up, vet, connect, secure.
//!
//! The address that was vetted is the address that is connected to: a name is never looked up a
//! second time, so an answer that changes in between reaches nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use austin_adapter_api::{Fault, FaultKind};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use crate::fault::{explain, not_sent};
use crate::guard::Guard;
use crate::resolve::Resolve;
use crate::stream::Stream;
use crate::target::Host;

/// Opens connections.
pub(crate) struct Dialer {
    guard: Guard,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    limit: Duration,
}

impl Dialer {
    /// A dialer that gives each connection at most `limit` to be established.
    pub(crate) fn new(
        guard: Guard,
        resolver: Arc<dyn Resolve>,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Self {
        Self {
            guard,
            resolver,
            tls: tls.into(),
            limit,
        }
    }

    /// The guard that every address passes.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// A connection in clear text.
    pub(crate) async fn clear(&self, host: &Host, port: u16) -> Result<TcpStream, Fault> {
        self.tcp(host, port, Instant::now() + self.limit).await
    }

    /// A connection over TLS.
    pub(crate) async fn secure(&self, host: &Host, port: u16) -> Result<Stream, Fault> {
        let until = Instant::now() + self.limit;
        let tcp = self.tcp(host, port, until).await?;
        self.handshake(host, tcp, until).await
    }

    /// Turns a clear connection into one over TLS (STARTTLS).
    pub(crate) async fn upgrade(&self, host: &Host, tcp: TcpStream) -> Result<Stream, Fault> {
        self.handshake(host, tcp, Instant::now() + self.limit).await
    }

    async fn tcp(&self, host: &Host, port: u16, until: Instant) -> Result<TcpStream, Fault> {
        let addresses = self.vetted(host, until).await?;
        let tcp = match timeout_at(until, race(&addresses, port)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => {
                let detail = format!("cannot connect to {host} port {port}: {error}");
                return Err(not_sent(FaultKind::Connect, detail));
            }
            Err(_) => {
                let detail = format!("no connection to {host} port {port} within the limit");
                return Err(not_sent(FaultKind::Connect, detail));
            }
        };
        // Requests are written whole; waiting to fill packets only delays them.
        let _ = tcp.set_nodelay(true);
        Ok(tcp)
    }

    /// The addresses of `host` that may be reached, at least one.
    async fn vetted(&self, host: &Host, until: Instant) -> Result<Vec<IpAddr>, Fault> {
        let found = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => match timeout_at(until, self.resolver.resolve(name)).await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => {
                    let detail = format!("cannot resolve {name}: {error}");
                    return Err(not_sent(FaultKind::Dns, detail));
                }
                Err(_) => {
                    let detail = format!("{name} did not resolve within the limit");
                    return Err(not_sent(FaultKind::Dns, detail));
                }
            },
        };
        let mut refusal = None;
        let mut passed = Vec::with_capacity(found.len());
        for address in found {
            match self.guard.vet(address) {
                Ok(()) => passed.push(address),
                Err(what) => refusal = Some((address, what)),
            }
        }
        match refusal {
            _ if !passed.is_empty() => Ok(passed),
            Some((address, what)) => {
                let detail = format!("{host} leads to {address}, which is not public ({what})");
                Err(not_sent(FaultKind::Forbidden, detail))
            }
            None => Err(not_sent(FaultKind::Dns, format!("{host} has no address"))),
        }
    }

    async fn handshake(
        &self,
        host: &Host,
        tcp: TcpStream,
        until: Instant,
    ) -> Result<Stream, Fault> {
        let name = match host {
            Host::Address(address) => ServerName::IpAddress((*address).into()),
            Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| {
                not_sent(
                    FaultKind::Invalid,
                    format!("{name} is not a valid TLS server name"),
                )
            })?,
        };
        match timeout_at(until, self.tls.connect(name, tcp)).await {
            Ok(Ok(tls)) => Ok(Stream::Tls(Box::new(tls))),
            Ok(Err(error)) => {
                let detail = format!("TLS with {host} failed: {}", explain(&error));
                Err(not_sent(FaultKind::Tls, detail))
            }
            Err(_) => {
                let detail = format!("TLS with {host} was not ready within the limit");
                Err(not_sent(FaultKind::Tls, detail))
            }
        }
    }
}

/// Connects to the first address that answers. Each gets a head start before the next is tried
/// as well (RFC 8305), so that one dead address family costs little.
async fn race(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last = io::Error::other("no address");
    loop {
        let next = waiting.next();
        let has_next = next.is_some();
        trying.extend(next.map(|address| TcpStream::connect(SocketAddr::new(address, port))));
        tokio::select! {
            ended = trying.next() => match ended {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = sleep(HEAD_START), if has_next => {}
        }
    }
}

/// The addresses with the families taking turns, the resolver's first choice first.
fn alternate(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(addresses.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let before = ordered.len();
        ordered.extend(first.next());
        ordered.extend(second.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

/// RFC 8305 section 5 recommends 250 ms.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        let given: Vec<IpAddr> = ["2400::1", "2400::2", "1.1.1.1", "2400::3"]
            .map(parse)
            .to_vec();
        let wanted: Vec<IpAddr> = ["2400::1", "1.1.1.1", "2400::2", "2400::3"]
            .map(parse)
            .to_vec();
        assert_eq!(alternate(&given), wanted);
        assert!(alternate(&[]).is_empty());
    }
}
