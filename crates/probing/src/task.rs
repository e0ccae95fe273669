//! The task of a probe: rows, labels and splits, and what all probes of a task share.

use crate::error::{ProbingError, Result};
use crate::fit::{Outputs, Problem, Strength, places, seen};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The split of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Probes are fitted to these rows.
    Train,
    /// Strengths and layers are chosen on these rows.
    Dev,
    /// Scores are computed on these rows; nothing is chosen on them.
    Test,
}

/// The rows of a task (words of a corpus, or texts) and their labels. All lists are `[rows]`, in the
/// order of the rows of every layer. Labels, types, lemmas and clusters are any numbers; equal numbers
/// mean the same label, type, lemma or cluster.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Task {
    /// The class of each row. Ties between classes go to the smaller number.
    pub labels: Vec<usize>,
    /// The type, for example the word form: the key of the lookup, and the unit that the control task
    /// gives one random label.
    pub types: Vec<usize>,
    /// The lemma: a row is unseen where its lemma does not occur in training.
    pub lemmas: Vec<usize>,
    /// The cluster, for example the sentence: the unit of the bootstrap and of held-out rows.
    pub clusters: Vec<usize>,
    /// The split of each row.
    pub splits: Vec<Split>,
}

/// The numbers of rows and classes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Training rows.
    pub train: usize,
    /// Development rows; 0 where a part of the training rows is held out instead.
    pub dev: usize,
    /// Test rows.
    pub test: usize,
    /// Test rows whose lemma does not occur in training.
    pub unseen_lemmas: usize,
    /// Clusters (sentences) among the test rows: the n of the intervals.
    pub test_clusters: usize,
    /// Classes in training.
    pub classes: usize,
}

/// A prepared task, for the probes of all layers.
///
/// Every method that takes vectors runs on the calling thread alone, except
/// [`mixes`](Self::mixes): layers can be run in parallel with the same results.
pub struct Prober {
    pub(crate) task: Task,
    pub(crate) strength: Strength,
    pub(crate) seed: u64,
    /// The label of every dense class, ascending.
    pub(crate) names: Vec<usize>,
    /// `[rows]`: the dense class of each row.
    pub(crate) labels: Vec<usize>,
    /// The rows of each split.
    pub(crate) train: Vec<usize>,
    pub(crate) dev: Vec<usize>,
    pub(crate) test: Vec<usize>,
    /// `[test]`: the cluster of each test row, dense.
    pub(crate) clusters: Vec<usize>,
    /// The number of clusters among the test rows.
    pub(crate) n_clusters: usize,
    /// `[test]`: whether the lemma of the row does not occur in training.
    pub(crate) unseen: Vec<bool>,
}

impl Prober {
    /// Prepares a task. `seed` is that of the bootstrap, of held-out clusters, of the labels of the
    /// control task and of the order of an online code.
    ///
    /// # Errors
    /// Lists of different lengths, fewer than two classes in training, a strength that is not above 0
    /// and finite.
    pub fn new(task: Task, strength: Strength, seed: u64) -> Result<Self> {
        let rows = task.labels.len();
        for (what, found) in [
            ("types", task.types.len()),
            ("lemmas", task.lemmas.len()),
            ("clusters", task.clusters.len()),
            ("splits", task.splits.len()),
        ] {
            if found != rows {
                return Err(ProbingError::Length { what, expected: rows, found });
            }
        }
        if let Strength::Fixed(value) = strength
            && !(value > 0.0 && value.is_finite())
        {
            let expected = "a number above 0";
            return Err(ProbingError::Setting { name: "strength", value, expected });
        }
        let of = |split: Split| -> Vec<usize> {
            (0..rows).filter(|&row| task.splits[row] == split).collect()
        };
        let (train, dev, test) = (of(Split::Train), of(Split::Dev), of(Split::Test));
        let everything: Vec<usize> = (0..rows).collect();
        let names = seen(&task.labels, &everything);
        let labels = places(&names, &task.labels, &everything);
        let classes = seen(&labels, &train).len();
        if classes < 2 {
            let needed = "at least two classes among its training rows";
            return Err(ProbingError::Task { needed, found: classes });
        }
        let of_test = seen(&task.clusters, &test);
        let clusters = places(&of_test, &task.clusters, &test);
        let known: BTreeSet<usize> = train.iter().map(|&r| task.lemmas[r]).collect();
        let unseen = test.iter().map(|&r| !known.contains(&task.lemmas[r])).collect();
        let n_clusters = of_test.len();
        Ok(Self {
            task,
            strength,
            seed,
            names,
            labels,
            train,
            dev,
            test,
            clusters,
            n_clusters,
            unseen,
        })
    }

    /// The numbers of rows and classes.
    pub fn counts(&self) -> Counts {
        Counts {
            train: self.train.len(),
            dev: self.dev.len(),
            test: self.test.len(),
            unseen_lemmas: self.unseen.iter().filter(|&&unseen| unseen).count(),
            test_clusters: self.n_clusters,
            classes: seen(&self.labels, &self.train).len(),
        }
    }

    /// The fit of a probe of the labels to vectors `[rows, d_model]`.
    pub(crate) fn problem<'a, 'v: 'a>(
        &'a self,
        vectors: ArrayView2<'v, f32>,
    ) -> Result<Problem<'a>> {
        self.check(vectors.nrows())?;
        Ok(Problem {
            vectors: vectors.reborrow(),
            labels: &self.labels,
            clusters: &self.task.clusters,
            strength: self.strength,
            seed: self.seed,
            outputs: Outputs::Seen,
        })
    }

    /// # Errors
    /// A number of vectors that is not that of the rows.
    pub(crate) fn check(&self, found: usize) -> Result<()> {
        let expected = self.labels.len();
        if found != expected {
            return Err(ProbingError::Length { what: "vectors", expected, found });
        }
        Ok(())
    }

    /// # Errors
    /// No test rows.
    pub(crate) fn check_test(&self) -> Result<()> {
        if self.test.is_empty() {
            return Err(ProbingError::Task { needed: "at least one test row", found: 0 });
        }
        Ok(())
    }
}
