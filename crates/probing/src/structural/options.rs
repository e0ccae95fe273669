//! The settings and the progress of structural probes.

use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// The target of a structural probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StructuralTarget {
    /// The length of the path between two words.
    Distance,
    /// The length of the path from a word to the root.
    Depth,
}

/// The settings of a structural probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StructuralOptions {
    /// The number of rows of B, at most d_model.
    pub rank: usize,
    /// The seed of the initial B, the order of sentences, the held-out sentences and the intervals.
    pub seed: u64,
}

/// The default rank. For all-MiniLM-L6-v2 at layer 3 on the English Web Treebank, the UUAS is .720 with
/// rank 32, .730 with 128 and .730 with 384; Hewitt & Manning found no gain beyond 64 or 128 either.
pub const STRUCTURAL_RANK: usize = 128;

impl Default for StructuralOptions {
    fn default() -> Self {
        Self { rank: STRUCTURAL_RANK, seed: 0 }
    }
}

/// The progress of one fit; several fits run in parallel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StructuralStep {
    /// The index of the layer in the input.
    pub layer: usize,
    /// The target of the probe.
    pub target: StructuralTarget,
    /// The number of passes over the training sentences so far.
    pub epochs: usize,
    /// The loss on the held-out tenth of the training sentences.
    pub held_out_loss: f64,
    /// Whether the fit is done.
    pub done: bool,
}

/// A callback for every step of every fit, from any thread; it can stop all fits.
pub type StructuralProgress<'a> = &'a (dyn Fn(StructuralStep) -> ControlFlow<()> + Sync);
