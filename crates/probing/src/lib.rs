//! Crossed stimuli, how well they are balanced, the partition of variance by layer, and the plane of
//! role and sense.
//!
#![doc = include_str!("../README.md")]

mod balance;
mod design;
mod error;
mod least_squares;
mod partition;
mod plane;
mod stimuli;
#[cfg(test)]
mod tests;

pub use balance::{Balance, Placement, Told};
pub use design::Design;
pub use error::{Mistake, ProbingError, Result};
pub use partition::{
    Estimate, LEAST_WITHIN, Null, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};
pub use plane::{
    AtChance, HeldOut, Place, RANDOM_SUBSPACES, SHRINKAGE, Separated, Separation, Separator,
    Subspaces,
};
pub use stimuli::{Context, Item, Sense, Stimuli, Word};
