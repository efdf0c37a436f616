//! What an operator can set about the way out.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Limits and permissions of all outgoing connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most time to get a connection: name look-up, TCP and TLS together. Default 3 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default 30 s: servers commonly close theirs after
    /// 60 s or more, and a connection should be given up before the other side does it.
    pub idle_timeout: Duration,
    /// Most unused HTTP connections kept per host. Default 256.
    pub http_idle_per_host: usize,
    /// Most HTTP calls at a time per host; the others wait within their deadline. Default 512.
    pub http_per_host: usize,
    /// Most SMTP transactions at a time, and connections kept, per server and login. Default 32.
    pub smtp_per_host: usize,
    /// Total time for fetching one attachment. Default 30 s.
    pub fetch_timeout: Duration,
    /// Lets calls reach any address, also private and loopback ones. Default false.
    pub allow_private_targets: bool,
    /// Networks that may be reached although they are not public. Default none.
    pub allowed_networks: Vec<IpNet>,
    /// PEM file with certificate authorities trusted besides the operating system's.
    pub extra_ca: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(30),
            http_idle_per_host: 256,
            http_per_host: 512,
            smtp_per_host: 32,
            fetch_timeout: Duration::from_secs(30),
            allow_private_targets: false,
            allowed_networks: Vec::new(),
            extra_ca: None,
        }
    }
}
