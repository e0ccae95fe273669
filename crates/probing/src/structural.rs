//! The structural probe (Hewitt & Manning 2019): a linear map of the vectors of a layer after which
//! squared distances and squared lengths are those of the dependency tree of the sentence.
//!
//! - distance: d_B(i, j) = ‖B (h_i − h_j)‖² for the length of the path between words i and j, in edges.
//!   The loss is the mean over sentences of Σ_ij |d_tree(i, j) − d_B(i, j)| / |s|², over ordered pairs.
//! - depth: ‖B h_i‖² for the number of edges between word i and the root. The loss is the mean over
//!   sentences of Σ_i |depth(i) − ‖B h_i‖²| / |s|.

mod fit;
mod objective;
mod options;
mod scores;
#[cfg(test)]
mod tests;
mod trees;

pub use fit::{StructuralFit, StructuralProbe};
pub use options::{
    STRUCTURAL_RANK, StructuralOptions, StructuralProgress, StructuralStep, StructuralTarget,
};
pub use scores::{StructuralSample, StructuralScores};
pub use trees::{ParsedSentence, Trees};

use crate::error::{ProbingError, Result};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The vectors of words by layer, with the trees of their sentences.
#[derive(Debug, Clone, Copy)]
pub struct Treebank<'a> {
    /// The sentences.
    pub trees: &'a Trees,
    /// The vectors of each layer, `[rows, d_model]`, to whose rows the trees refer.
    pub layers: &'a [ArrayView2<'a, f32>],
}

/// The structural probes of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructuralLayer {
    /// The scores on the test sentences.
    #[serde(flatten)]
    pub scores: StructuralScores,
    /// The fit of the probe behind UUAS and DSpr.
    pub distance: StructuralFit,
    /// The fit of the probe behind NSpr and root accuracy.
    pub depth: StructuralFit,
}

/// The structural probes of some layers, with the chain baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Structural {
    /// The layers, in the order of the input.
    pub layers: Vec<StructuralLayer>,
    /// The chain baseline: |i − j| for distances, the position in the sentence for depths.
    pub chain: StructuralScores,
    /// The numbers of test sentences and edges behind the scores.
    pub sample: StructuralSample,
}

/// Fits a distance and a depth probe to every layer of `train` and scores them on `test`, on which
/// nothing is chosen. Fits run in parallel, each on one thread: the same seed gives the same bytes on
/// any number of threads.
///
/// # Errors
/// Different numbers of layers or dimensions in `train` and `test`, trees that refer to rows that do
/// not exist, a value that is not finite, a rank of 0, fewer than two training sentences, or a
/// `progress` that stops the fit.
pub fn structural(
    train: Treebank<'_>,
    test: Treebank<'_>,
    options: &StructuralOptions,
    progress: StructuralProgress<'_>,
) -> Result<Structural> {
    let (expected, found) = (train.layers.len(), test.layers.len());
    if expected != found {
        return Err(ProbingError::Length { what: "layers to test on", expected, found });
    }
    let fits: Vec<_> = (0..expected)
        .flat_map(|layer| [(layer, StructuralTarget::Distance), (layer, StructuralTarget::Depth)])
        .collect();
    let one = |&(layer, target): &(usize, StructuralTarget)| {
        let probe = StructuralProbe::fit(
            train.layers[layer],
            train.trees,
            target,
            layer,
            options,
            progress,
        )?;
        let parts = probe.scored(test.layers[layer], test.trees)?;
        Ok((probe.summary(), parts))
    };
    let mut done = fits.par_iter().map(one).collect::<Result<Vec<_>>>()?.into_iter();
    let mut layers = Vec::with_capacity(expected);
    while let (Some((distance, of_distance)), Some((depth, of_depth))) = (done.next(), done.next())
    {
        let scores = StructuralScores::of(&of_distance, &of_depth, options.seed);
        layers.push(StructuralLayer { scores, distance, depth });
    }
    let (chain, sample) = scores::chain(test.trees, options.seed);
    Ok(Structural { layers, chain, sample })
}
