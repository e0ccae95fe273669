//! Crossed stimuli, how well they are balanced, and the partition of variance by layer.
//!
#![doc = include_str!("../README.md")]

mod balance;
mod design;
mod error;
mod least_squares;
mod partition;
mod score;
mod stimuli;
mod structural;
#[cfg(test)]
mod tests;

pub use balance::{Balance, Placement, Told};
pub use design::Design;
pub use error::{Mistake, ProbingError, Result};
pub use partition::{
    Estimate, LEAST_WITHIN, Null, PERMUTATIONS, Partition, Partitioner, RESAMPLES, standardised,
};
pub use score::Scored;
pub use stimuli::{Context, Item, Sense, Stimuli, Word};
pub use structural::{
    ParsedSentence, STRUCTURAL_RANK, Structural, StructuralFit, StructuralLayer, StructuralOptions,
    StructuralProbe, StructuralProgress, StructuralSample, StructuralScores, StructuralStep,
    StructuralTarget, TreeMistake, Treebank, Trees, structural,
};
