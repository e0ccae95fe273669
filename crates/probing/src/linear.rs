//! The linear probe of a layer and its baselines.

use crate::error::{ProbingError, Result};
use crate::fit::hold_out;
use crate::linear_probe::LinearProbe;
use crate::score::{ByCluster, bootstrap};
use crate::task::Prober;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use stratoscope_numerics::Estimate;

/// Scores on the test rows, with intervals over clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The share of test rows that are predicted correctly. A class without training rows is never
    /// predicted.
    pub accuracy: Estimate,
    /// F1, averaged over the classes that occur in the test labels or predictions, as
    /// `f1_score(average="macro")` of scikit-learn does.
    pub macro_f1: Estimate,
    /// Accuracy on the test rows whose lemma does not occur in training; None where there are none.
    pub unseen_lemma_accuracy: Option<Estimate>,
}

/// Baselines that need no vectors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The most frequent class of training.
    pub majority: Scores,
    /// The most frequent class of the type of the row in training; the majority class for a type
    /// without training rows. Of equally frequent classes, the smallest number.
    pub lookup: Scores,
}

/// The linear probe of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerScores {
    /// The scores on the test rows.
    #[serde(flatten)]
    pub scores: Scores,
    /// (accuracy − lookup accuracy) / (1 − lookup accuracy): the share of the lookup errors that the
    /// probe avoids. None where the lookup makes no error.
    pub gain_over_lookup: Option<Estimate>,
    /// The `C` of the fit.
    pub strength: f64,
    /// Accuracy on held-out rows with this `C`, for the comparison of layers; None where there are
    /// none ([`Strength::Fixed`](crate::Strength::Fixed) without rows of
    /// [`Split::Dev`](crate::Split::Dev)).
    pub held_out_accuracy: Option<f64>,
    /// Whether the fit converged within its iterations.
    pub converged: bool,
}

impl Prober {
    /// The baselines on the test rows.
    ///
    /// # Errors
    /// No test rows.
    pub fn baselines(&self) -> Result<Baselines> {
        let mut counts = vec![0usize; self.names.len()];
        self.train.iter().for_each(|&row| counts[self.labels[row]] += 1);
        let majority = vec![most(counts.iter().copied().enumerate()); self.test.len()];
        Ok(Baselines { majority: self.score(&majority)?, lookup: self.score(&self.looked_up())? })
    }

    /// Fits the probe to the training rows of one layer, `[rows, d_model]` with the rows of the task,
    /// and scores it on the test rows.
    ///
    /// # Errors
    /// A different number of rows than the task, an entry that is not finite, no test rows, no
    /// held-out rows to choose a strength on.
    pub fn linear(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, LayerScores)> {
        self.check_test()?;
        let fitted = self.problem(vectors)?.fit(&self.train, &self.dev)?;
        let predicted = fitted.probe.predicted(vectors, &self.test)?;
        let (right, lookup) = (self.correct(&predicted), self.correct(&self.looked_up()));
        let wrong = self.count(&self.looked_up(), false);
        let [gain] = bootstrap(self.n_clusters, self.seed, |counts| {
            let open = wrong.sum(counts);
            [(open > 0.0).then(|| (right.sum(counts) - lookup.sum(counts)) / open)]
        });
        let scores = LayerScores {
            scores: self.score(&predicted)?,
            gain_over_lookup: gain,
            strength: fitted.strength,
            held_out_accuracy: fitted.held_out_accuracy,
            converged: fitted.converged,
        };
        Ok((fitted.probe.with_names(&self.names), scores))
    }

    /// Fits the probe without scoring it, and returns it with its `C`. No test rows are needed.
    ///
    /// # Errors
    /// As [`linear`](Self::linear), except for the test rows.
    pub fn fit(&self, vectors: ArrayView2<'_, f32>) -> Result<(LinearProbe, f64)> {
        let fitted = self.problem(vectors)?.fit(&self.train, &self.dev)?;
        Ok((fitted.probe.with_names(&self.names), fitted.strength))
    }

    /// Accuracy on held-out rows, for the choice of a layer: the rows of
    /// [`Split::Dev`](crate::Split::Dev), or else a seeded tenth of the training clusters, with a
    /// probe fitted to the others.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); a single training cluster.
    pub fn held_out_accuracy(&self, vectors: ArrayView2<'_, f32>) -> Result<f64> {
        let (rest, held) = match self.dev.as_slice() {
            [] => hold_out(&self.task.clusters, &self.train, self.seed),
            dev => (self.train.clone(), dev.to_vec()),
        };
        let nothing = ProbingError::Task { needed: "a cluster to hold out", found: 0 };
        self.problem(vectors)?.fit(&rest, &held)?.held_out_accuracy.ok_or(nothing)
    }

    /// `[test]`: the class that the lookup of the type in the training rows predicts.
    fn looked_up(&self) -> Vec<usize> {
        let mut majority: BTreeMap<usize, usize> = BTreeMap::new();
        let mut by_type: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
        for &row in &self.train {
            let label = self.labels[row];
            *majority.entry(label).or_default() += 1;
            *by_type.entry(self.task.types[row]).or_default().entry(label).or_default() += 1;
        }
        let lookup = |row: &usize| {
            let counts = by_type.get(&self.task.types[*row]).unwrap_or(&majority);
            most(counts.iter().map(|(&label, &count)| (label, count)))
        };
        self.test.iter().map(lookup).collect()
    }

    /// `[clusters]`: the number of correct predictions.
    pub(crate) fn correct(&self, predicted: &[usize]) -> ByCluster {
        self.count(predicted, true)
    }

    /// `[clusters]`: the number of correct predictions of a probe that gives labels in place of dense
    /// classes.
    pub(crate) fn correct_names(&self, predicted: &[usize]) -> ByCluster {
        let hit = |(&row, &predicted): (&usize, &usize)| {
            f64::from(u8::from(self.task.labels[row] == predicted))
        };
        ByCluster::new(self.n_clusters, &self.clusters, self.test.iter().zip(predicted).map(hit))
    }

    /// `[clusters]`: the number of predictions that are correct, or wrong.
    fn count(&self, predicted: &[usize], correct: bool) -> ByCluster {
        let hit = |(&row, &predicted): (&usize, &usize)| {
            f64::from(u8::from((self.labels[row] == predicted) == correct))
        };
        ByCluster::new(self.n_clusters, &self.clusters, self.test.iter().zip(predicted).map(hit))
    }

    /// The scores of predictions of the test rows, as dense classes `[test]`.
    pub(crate) fn score(&self, predicted: &[usize]) -> Result<Scores> {
        self.check_test()?;
        let (right, all) = (self.correct(predicted), self.all());
        let only = |chosen: &dyn Fn(usize) -> bool| {
            let values = (0..self.test.len()).map(|i| f64::from(u8::from(chosen(i))));
            ByCluster::new(self.n_clusters, &self.clusters, values)
        };
        let truth: Vec<usize> = self.test.iter().map(|&row| self.labels[row]).collect();
        let unseen = only(&|i| self.unseen[i]);
        let unseen_right = only(&|i| self.unseen[i] && truth[i] == predicted[i]);
        let mut tally = Tally::new(self.names.len());
        let [accuracy, macro_f1, unseen_lemma_accuracy] =
            bootstrap(self.n_clusters, self.seed, |counts| {
                let weights = self.clusters.iter().map(|&cluster| u64::from(counts[cluster]));
                let macro_f1 = tally.macro_f1(&truth, predicted, weights);
                [right.over(&all, counts), macro_f1, unseen_right.over(&unseen, counts)]
            });
        match (accuracy, macro_f1) {
            (Some(accuracy), Some(macro_f1)) => {
                Ok(Scores { accuracy, macro_f1, unseen_lemma_accuracy })
            }
            _ => Err(ProbingError::Task { needed: "at least one test row", found: 0 }),
        }
    }

    /// `[clusters]`: the number of test rows.
    pub(crate) fn all(&self) -> ByCluster {
        ByCluster::new(self.n_clusters, &self.clusters, self.test.iter().map(|_| 1.0))
    }
}

/// The class with the highest count; of equal counts, the first.
fn most(counts: impl Iterator<Item = (usize, usize)>) -> usize {
    let mut best = (0, 0);
    for (class, count) in counts {
        if count > best.1 {
            best = (class, count);
        }
    }
    best.0
}

/// Counts by class: rows of the class, rows predicted as the class, and rows of both.
struct Tally(Vec<[u64; 3]>);

impl Tally {
    fn new(classes: usize) -> Self {
        Self(vec![[0; 3]; classes])
    }

    /// F1 = 2 both / (truth + predicted), averaged over the classes with a row of either.
    fn macro_f1(
        &mut self,
        truth: &[usize],
        predicted: &[usize],
        weights: impl Iterator<Item = u64>,
    ) -> Option<f64> {
        self.0.fill([0; 3]);
        for ((&truth, &predicted), weight) in truth.iter().zip(predicted).zip(weights) {
            self.0[truth][0] += weight;
            self.0[predicted][1] += weight;
            if truth == predicted {
                self.0[truth][2] += weight;
            }
        }
        let (mut sum, mut n) = (0.0, 0.0);
        for &[truth, predicted, both] in &self.0 {
            if truth + predicted > 0 {
                sum += 2.0 * both as f64 / (truth + predicted) as f64;
                n += 1.0;
            }
        }
        (n > 0.0).then(|| sum / n)
    }
}
