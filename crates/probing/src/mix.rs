//! The scalar mix of layers, and at which layer what a label needs appears.

use crate::{Prober, Result, Scored};
use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

/// A scalar mix (Peters et al. 2018; Tenney et al. 2019): h = γ Σ_l s_l h_l with s = softmax(a), each
/// layer standardised first, fitted together with a linear probe on h.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// s, one weight a layer; they sum to 1.
    pub weights: Vec<f64>,
    /// γ, which makes the mean variance of h's dimensions 1, as that of each layer is.
    pub gamma: f64,
    /// Σ_l l s_l.
    pub centre_of_gravity: f64,
    /// K(s) = KL(s ‖ uniform), in bits: 0 for all layers alike, log2 of their number for one alone.
    pub kl_bits: f64,
}

/// What each further layer adds to a mix of those before (Tenney et al. 2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixes {
    /// The mix of all layers.
    pub mix: Mix,
    /// The accuracy of the mix of layers 0..=l, for every l.
    pub accuracies: Vec<Scored>,
    /// Δ_l, the accuracy of layers 0..=l minus that of 0..=l−1, from l = 1 on.
    pub differences: Vec<Scored>,
    /// Σ Δ_l: the accuracy of all layers minus that of layer 0 alone.
    pub total: Scored,
    /// Σ l Δ_l / Σ Δ_l, negative Δ kept. None unless the low end of `total` is above 0: otherwise it
    /// is one noise over another. Resamples whose total is not above 0 are left out of its interval.
    pub expected_layer: Option<Scored>,
    /// The `C` of all mixes, chosen on the mix of all layers.
    pub strength: f64,
}

impl Prober {
    /// Fits the mixes of layers 0..=l for every l, side by side on rayon's threads. `layers` are
    /// `[layers, rows, d_model]`, two or more; `progress` is told how many of the fits are done, and
    /// of how many.
    ///
    /// # Errors
    /// As [`linear`](Self::linear); fewer than two layers.
    pub fn mixes(
        &self,
        layers: ArrayView3<'_, f32>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Mixes> {
        let _ = (layers, progress);
        todo!()
    }
}
