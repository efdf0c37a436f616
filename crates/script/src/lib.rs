#![doc = include_str!("../README.md")]

mod check;
mod decimal;
mod declarative;
mod definition;
mod digest;
mod exact_json;
mod form;
mod frames;
mod instant;
mod load;
mod node;
mod phone;
mod reading;
mod scripted;
mod shape;
mod shipped;
pub mod worker;
mod workers;
mod xml;

pub use check::{Examples, Mismatch, Report, check};
pub use load::ScriptLoader;
pub use shipped::{Shipped, shipped};
pub use workers::{Options, WorkerCommand, Workers};

/// The typed definitions that authors of scripts work with (`adapter.d.ts`).
pub const TYPES: &str = include_str!("../adapter.d.ts");
