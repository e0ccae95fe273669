//! The learning curve: accuracy by the number of training rows.

use crate::error::{ProbingError, Result};
use crate::fit::{Draw, generator, shuffled};
use crate::score::bootstrap;
use crate::task::Prober;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use stratoscope_numerics::Estimate;

/// A probe that is fitted to a share of the training clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The number of training clusters.
    pub clusters: usize,
    /// The number of training rows.
    pub rows: usize,
    /// The accuracy on the test rows.
    pub accuracy: Estimate,
}

/// The number of times that the training clusters are halved.
const HALVINGS: u32 = 5;

impl Prober {
    /// The accuracy of a layer `[rows, d_model]` with 1/32, 1/16, … 1 of the training clusters, in a
    /// seeded order: each share contains the smaller ones. A share without a fit, such as one with a
    /// single class, is left out.
    ///
    /// # Errors
    /// As [`linear`](Self::linear).
    pub fn learning_curve(&self, vectors: ArrayView2<'_, f32>) -> Result<Vec<CurvePoint>> {
        self.check_test()?;
        let problem = self.problem(vectors)?;
        let clusters = &self.task.clusters;
        let order = shuffled(clusters, &self.train, &mut generator(self.seed, Draw::Curve));
        let mut sizes: Vec<usize> =
            (0..=HALVINGS).rev().map(|h| order.len().div_ceil(1 << h)).collect();
        sizes.dedup();
        let mut points = Vec::new();
        for size in sizes {
            let chosen: BTreeSet<usize> = order[..size].iter().copied().collect();
            let rows: Vec<usize> =
                self.train.iter().copied().filter(|&r| chosen.contains(&clusters[r])).collect();
            let fitted = match problem.fit(&rows, &self.dev) {
                Err(ProbingError::Task { .. }) if size < order.len() => continue,
                fitted => fitted?,
            };
            let correct = self.correct(&fitted.probe.predicted(vectors, &self.test)?);
            let all = self.all();
            let [accuracy] =
                bootstrap(self.n_clusters, self.seed, |counts| [correct.over(&all, counts)]);
            points.extend(accuracy.map(|accuracy| CurvePoint {
                clusters: size,
                rows: rows.len(),
                accuracy,
            }));
        }
        Ok(points)
    }
}
