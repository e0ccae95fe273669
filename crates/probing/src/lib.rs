//! What a layer knows: crossed stimuli with the partition of variance, and linear and structural
//! probes with their controls.
//!
#![doc = include_str!("../README.md")]

mod balance;
mod control;
mod curve;
mod design;
mod error;
mod fit;
mod lbfgs;
mod least_squares;
mod linear;
mod logistic;
mod mdl;
mod mix;
mod mix_fit;
mod partition;
mod product;
mod score;
mod standardise;
mod stimuli;
mod structural;
mod task;
#[cfg(test)]
mod tests;

pub use balance::{Balance, Placement, Told};
pub use control::Control;
pub use curve::CurvePoint;
pub use design::Design;
pub use error::{Mistake, ProbingError, Result};
pub use linear::{Baselines, LayerScores, LinearProbe, Scores};
pub use mdl::{Block, Mdl};
pub use mix::{Mix, Mixes};
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
pub use task::{Counts, Part, Prober, STRENGTHS, Strength, Task};
