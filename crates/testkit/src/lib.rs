//! What tests share: a clock moved by hand, seeded randomness, builders, and one conformance
//! suite per store port that every backend runs. Development only.

pub mod builders;
pub mod clock;
pub mod entropy;
pub mod suite;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
