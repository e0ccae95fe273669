//! Crossed stimuli, how well they are balanced, and the partition of variance by layer.
//!
#![doc = include_str!("../README.md")]

mod balance;
mod design;
mod error;
mod least_squares;
mod partition;
mod stimuli;
#[cfg(test)]
mod tests;

pub use balance::{Balance, Placement, Told};
pub use design::Design;
pub use error::{Mistake, ProbingError, Result};
pub use partition::{
    Estimate, LEAST_WITHIN, Null, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};
pub use stimuli::{Context, Item, Sense, Stimuli, Word};
