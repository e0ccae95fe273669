//! The control task: labels that only memory can tell.

use crate::{Prober, Result, Scored};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The control task of one layer (Hewitt & Liang 2019): every type has one random label, drawn from
/// the labels of the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The accuracy of a probe that is fitted to the random labels.
    pub accuracy: Scored,
    /// The accuracy of the probe minus that: what is not due to memorising types. The resamples are
    /// the same for both.
    pub selectivity: Scored,
    /// The `C` of the control probe, chosen in the way of the probe's.
    pub strength: f64,
}

impl Prober {
    /// Runs the control task on a layer `[rows, d_model]`.
    ///
    /// # Errors
    /// As [`linear`](Self::linear); fewer than two classes drawn.
    pub fn control(&self, vectors: ArrayView2<'_, f32>) -> Result<Control> {
        let _ = vectors;
        todo!()
    }
}
