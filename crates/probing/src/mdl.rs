//! Minimum description length: how many bits the labels cost, given the vectors.

use crate::{Prober, Result, Scored};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The online code of the training labels (Voita & Titov 2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mdl {
    /// L, in bits: log2 K for each row of the first block, −log2 p(label) for every other, p from a
    /// probe fitted to the blocks before its own.
    pub codelength: f64,
    /// N log2 K, in bits: the code that knows nothing.
    pub uniform: f64,
    /// N log2 K / L. Its interval draws sentences with the probes and the order held fixed: it
    /// covers which sentences are coded, not another order or other training rows.
    pub compression: Scored,
    /// The same for a code that knows the labels' frequencies in the blocks before and no vectors:
    /// what compression is to be held against.
    pub compression_by_frequency: f64,
    /// Rows, N.
    pub rows: usize,
    /// Classes, K.
    pub classes: usize,
    /// The blocks, in their order.
    pub blocks: Vec<Block>,
}

/// One block of an online code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its rows.
    pub rows: usize,
    /// What they cost, in bits.
    pub bits: f64,
    /// The `C` of the probe that coded it; None for the first.
    pub strength: Option<f64>,
}

impl Prober {
    /// Codes the labels of the training rows of one layer, `[rows, d_model]`.
    ///
    /// # Errors
    /// Another number of rows than the task has, an entry that is not finite.
    pub fn mdl(&self, vectors: ArrayView2<'_, f32>) -> Result<Mdl> {
        let _ = vectors;
        todo!()
    }
}
