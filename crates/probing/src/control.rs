//! The control task: labels that only memory can tell.

use crate::fit::{Draw, Problem, generator};
use crate::score::{ByCluster, bootstrap};
use crate::{LinearProbe, Prober, ProbingError, Result, Scored};
use ndarray::ArrayView2;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Runs the control task on a layer `[rows, d_model]`, of which `probe` is the
    /// [linear probe](Self::linear).
    ///
    /// # Errors
    /// As [`linear`](Self::linear); fewer than two classes drawn; a probe of another width.
    pub fn control(&self, vectors: ArrayView2<'_, f32>, probe: &LinearProbe) -> Result<Control> {
        self.check_test()?;
        let labels = self.control_labels();
        let problem = Problem { labels: &labels, ..self.problem(vectors)? };
        let fitted = problem.fit(&self.train, &self.dev)?;
        let told = fitted.probe.told(vectors, &self.test)?;
        let hits = self.test.iter().zip(&told).map(|(&row, &told)| labels[row] == told);
        let hits = hits.map(|hit| f64::from(u8::from(hit)));
        let control = ByCluster::new(self.n_clusters, &self.clusters, hits);
        let told = probe.told(vectors, &self.test)?;
        let hits = self.test.iter().zip(&told).map(|(&row, &told)| self.task.labels[row] == told);
        let hits = hits.map(|hit| f64::from(u8::from(hit)));
        let right = ByCluster::new(self.n_clusters, &self.clusters, hits);
        let all = self.all();
        let [accuracy, selectivity] = bootstrap(self.n_clusters, self.seed, |counts| {
            let control = control.over(&all, counts);
            [control, right.over(&all, counts).zip(control).map(|(own, control)| own - control)]
        });
        match (accuracy, selectivity) {
            (Some(accuracy), Some(selectivity)) => {
                Ok(Control { accuracy, selectivity, strength: fitted.strength })
            }
            _ => Err(ProbingError::Task { needed: "a test row or more", found: 0 }),
        }
    }

    /// `[rows]`: the random dense class of each row's type.
    fn control_labels(&self) -> Vec<usize> {
        let mut rng = generator(self.seed, Draw::Control);
        let types: BTreeSet<usize> = self.task.types.iter().copied().collect();
        // The label of a random training row: drawn from the labels as they are distributed.
        let draw = |_: &usize| self.labels[self.train[rng.gen_range(0..self.train.len())]];
        let drawn: BTreeMap<usize, usize> =
            types.iter().copied().zip(types.iter().map(draw).collect::<Vec<_>>()).collect();
        self.task.types.iter().map(|kind| drawn[kind]).collect()
    }
}
