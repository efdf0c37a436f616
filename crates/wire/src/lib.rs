//! The only crate that opens connections to vendors.
//!
//! It carries out the [`Call`] values of adapters over HTTP/1.1, SMTP and SMPP and fetches attachments,
//! behind the port [`Wire`]. Everything that leaves goes through one guard (which addresses may
//! be reached), one dialer (address vetted, then pinned to the connection), bounded pools of kept
//! connections, and a deadline.
//!
//! The invariant: a fault says [`Phase::NotSent`] only when no byte that the vendor could act on
//! has left. Whatever is in doubt is [`Phase::MaybeSent`].
//!
//! [`Wire`]: austin_ports::Wire
//! [`Call`]: austin_adapter_api::Call
//! [`Phase::NotSent`]: austin_adapter_api::Phase::NotSent
//! [`Phase::MaybeSent`]: austin_adapter_api::Phase::MaybeSent

mod client;
mod dial;
mod evidence;
mod fault;
mod fetch;
pub mod guard;
mod http;
mod metrics;
mod options;
mod pool;
mod resolve;
pub mod smpp;
mod smtp;
mod stream;
mod target;
mod tls;

pub use client::Client;
pub use guard::Guard;
pub use options::Options;
pub use resolve::{Resolve, Resolved, System};
pub use tls::Error;

#[cfg(test)]
mod testing;
