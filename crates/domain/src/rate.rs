//! How fast, how many, how often: the arithmetic of limits. Pure; `now` is an argument.
//!
//! Rates are in thousandths a second, so that a lowered rate may be a broken number and two equal
//! rates are equal.

pub mod aimd;
pub mod day;
pub mod fair;
pub mod gcra;
pub mod number;
pub mod timetable;

pub use aimd::Aimd;
pub use day::Day;
pub use fair::Fair;
pub use gcra::Gcra;
pub use number::Numbers;
pub use timetable::{Gate, Timetable};

/// A rate in thousandths a second.
pub type MilliRate = u64;

/// `per_second` as a [`MilliRate`].
pub const fn milli(per_second: u32) -> MilliRate {
    // Lossless: `From` is not const.
    per_second as u64 * 1000
}
