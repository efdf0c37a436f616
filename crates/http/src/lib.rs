//! The HTTP edge: JSON in, JSON out, problems explained field by field.
//!
//! The only crate that knows axum. It authenticates, parses, calls one engine method and writes
//! the answer; it decides nothing about deliveries. The one invariant: every answer carries a
//! request id, and every refusal is an RFC 9457 problem with a code of the closed catalogue.

mod access;
mod app;
mod body;
mod cursor;
mod docs;
mod evidence_mask;
mod faults;
mod instant;
mod json;
mod metrics;
mod once;
mod openapi;
mod options;
mod problem;
mod query;
mod reason;
mod request_id;
mod resources;
mod router;
mod server;
mod service;

pub use openapi::openapi;
pub use options::{InvalidOptions, Options};
pub use resources::templates::offline::normal as normal_template;
pub use server::Server;
