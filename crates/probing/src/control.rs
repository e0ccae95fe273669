//! The control task: random labels that a probe can only memorise.

use crate::error::{ProbingError, Result};
use crate::fit::{Draw, Problem, generator};
use crate::linear_probe::LinearProbe;
use crate::score::{ByCluster, bootstrap};
use crate::task::Prober;
use ndarray::ArrayView2;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use stratoscope_numerics::Estimate;

/// The control task of one layer (Hewitt & Liang 2019): every type has one random label, drawn from
/// the label distribution of the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The accuracy of a probe fitted to the random labels.
    pub accuracy: Estimate,
    /// The accuracy of the probe minus that of the control probe: the part that is not due to
    /// memorised types. Both have the same resamples.
    pub selectivity: Estimate,
    /// The `C` of the control probe, chosen as for the probe; none for a probe with a hidden layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,
}

impl Prober {
    /// Runs the control task on a layer `[rows, d_model]`, of which `probe` is the
    /// [linear probe](Self::linear).
    ///
    /// # Errors
    /// As [`linear`](Self::linear); fewer than two classes are drawn; a probe of a different width.
    pub fn control(&self, vectors: ArrayView2<'_, f32>, probe: &LinearProbe) -> Result<Control> {
        self.check_test()?;
        let labels = self.control_labels();
        let problem = Problem { labels: &labels, ..self.problem(vectors)? };
        let fitted = problem.fit(&self.train, &self.dev)?;
        let control = fitted.probe.predicted(vectors, &self.test)?;
        let own = self.correct_names(&probe.predicted(vectors, &self.test)?);
        self.selectivity(&own, &labels, &control, Some(fitted.strength))
    }

    /// The accuracy of control predictions of the test rows, for the control `labels` of all rows, and the
    /// distance of the probe's own correct predictions from it.
    pub(crate) fn selectivity(
        &self,
        own: &ByCluster,
        labels: &[usize],
        control: &[usize],
        strength: Option<f64>,
    ) -> Result<Control> {
        let hits = self.test.iter().zip(control).map(|(&row, &class)| labels[row] == class);
        let hits = hits.map(|hit| f64::from(u8::from(hit)));
        let control = ByCluster::new(self.n_clusters, &self.clusters, hits);
        let all = self.all();
        let [accuracy, selectivity] = bootstrap(self.n_clusters, self.seed, |counts| {
            let control = control.over(&all, counts);
            [control, own.over(&all, counts).zip(control).map(|(own, control)| own - control)]
        });
        match (accuracy, selectivity) {
            (Some(accuracy), Some(selectivity)) => Ok(Control { accuracy, selectivity, strength }),
            _ => Err(ProbingError::Task { needed: "at least one test row", found: 0 }),
        }
    }

    /// `[rows]`: the random dense class of the type of each row.
    pub(crate) fn control_labels(&self) -> Vec<usize> {
        let mut rng = generator(self.seed, Draw::Control);
        let types: BTreeSet<usize> = self.task.types.iter().copied().collect();
        // The label of a random training row follows the label distribution.
        let draw = |_: &usize| self.labels[self.train[rng.gen_range(0..self.train.len())]];
        let drawn: BTreeMap<usize, usize> =
            types.iter().copied().zip(types.iter().map(draw).collect::<Vec<_>>()).collect();
        self.task.types.iter().map(|kind| drawn[kind]).collect()
    }
}
