//! The learning curve: what more training rows would bring.

use crate::{Prober, Result, Scored};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// The probe fitted to a share of the training clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Clusters that it was fitted to.
    pub clusters: usize,
    /// Rows that it was fitted to.
    pub rows: usize,
    /// Accuracy on the test rows.
    pub accuracy: Scored,
}

impl Prober {
    /// The accuracy of a layer `[rows, d_model]` with 1/32, 1/16, … 1 of the training clusters, each
    /// share holding the smaller ones. A share with fewer than two classes is left out.
    ///
    /// # Errors
    /// As [`linear`](Self::linear).
    pub fn learning_curve(&self, vectors: ArrayView2<'_, f32>) -> Result<Vec<CurvePoint>> {
        let _ = vectors;
        todo!()
    }
}
