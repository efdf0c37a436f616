//! Names to addresses, as a seam so that tests can lie.

use std::io;
use std::net::IpAddr;

use austin_ports::BoxFuture;

/// The addresses of a name, in order of preference.
pub type Resolved = io::Result<Vec<IpAddr>>;

/// Looks names up. The caller vets every address it gets.
pub trait Resolve: Send + Sync {
    /// All addresses of `name`.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Resolved>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Resolved> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
