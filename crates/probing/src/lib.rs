//! What a layer knows: crossed stimuli with the partition of variance, and linear and structural
//! probes with their controls.
//!
#![doc = include_str!("../README.md")]

mod balance;
pub mod context;
mod control;
mod curve;
mod design;
mod error;
mod fit;
mod lbfgs;
mod least_squares;
mod linear;
mod linear_probe;
mod logistic;
mod mdl;
mod mix;
mod mix_fit;
mod mlp;
mod partition;
mod score;
mod standardise;
mod stimuli;
mod structural;
mod task;

/// The reference bank, a CoNLL-U file: words in context with trees and supersenses. `bank/README.md`
/// describes it.
pub const BANK: &str = include_str!("../bank/bank.conllu");

pub use balance::{Balance, Placement, Predictability};
pub use control::Control;
pub use curve::CurvePoint;
pub use design::Design;
pub use error::{Mistake, ProbingError, Result, TreeMistake};
pub use fit::{STRENGTHS, Strength};
pub use linear::{Baselines, LayerScores, Scores};
pub use linear_probe::LinearProbe;
pub use mdl::{Block, Mdl};
pub use mix::Mixes;
pub use mix_fit::Mix;
pub use mlp::{MLP_HIDDEN, MlpOptions, MlpScores};
pub use partition::{MIN_WITHIN_WORD, Null, PERMUTATIONS, Partition, Partitioner, standardised};
pub use stimuli::{Context, Item, Sense, Stimuli, Word};
pub use stratoscope_numerics::{Estimate, RESAMPLES};
pub use structural::{
    ParsedSentence, STRUCTURAL_RANK, Structural, StructuralFit, StructuralLayer, StructuralOptions,
    StructuralProbe, StructuralProgress, StructuralSample, StructuralScores, StructuralStep,
    StructuralTarget, Treebank, Trees, structural,
};
pub use task::{Counts, Prober, Split, Task};
