//! Minimum description length: the code length of the labels, given the vectors.

use crate::error::{ProbingError, Result};
use crate::fit::{Draw, Outputs, Problem, generator, places, seen, shuffled};
use crate::score::{ByCluster, bootstrap};
use crate::task::Prober;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use stratoscope_numerics::Estimate;

/// The online code of the training labels (Voita & Titov 2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mdl {
    /// L, in bits: log2 K for each row of the first block, −log2 p(label) for every other row, where p
    /// is from a probe fitted to the blocks before.
    pub codelength: f64,
    /// N log2 K, in bits: the uniform code.
    pub uniform: f64,
    /// The compression N log2 K / L. The interval resamples clusters with fixed probes and order: it
    /// does not cover another order or other training rows.
    pub compression: Estimate,
    /// The compression of a code that uses the label frequencies in the blocks before, without vectors:
    /// the baseline of `compression`.
    pub compression_by_frequency: f64,
    /// The number of rows, N.
    pub rows: usize,
    /// The number of classes, K.
    pub classes: usize,
    /// The blocks, in the order of the code.
    pub blocks: Vec<Block>,
}

/// One block of an online code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// The number of rows.
    pub rows: usize,
    /// The code length of the rows, in bits.
    pub bits: f64,
    /// The `C` of the probe behind the code; None for the first block.
    pub strength: Option<f64>,
}

/// Fits a probe to the rows before a block, and gives log p of all classes for the rows of the block.
type Fit<'f> =
    dyn FnMut(Problem<'_>, &[usize], &[usize]) -> Result<(Array2<f64>, Option<f64>)> + 'f;

/// The ends of the blocks, as shares of the rows (Voita & Titov 2020).
const CUTS: [f64; 11] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0];

impl Prober {
    /// Encodes the labels of the training rows of one layer, `[rows, d_model]`, in blocks that end
    /// after 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25, 50 and 100 % of the rows. Clusters are in a
    /// seeded order, and a block ends with the cluster that reaches its share.
    ///
    /// All K classes of the training rows have outputs from the start, the intercept is penalised like
    /// the weights, and vectors are standardised by the rows before the block. A strength is chosen on
    /// a tenth of the clusters before the block; for fewer than ten clusters it is the strongest
    /// penalty.
    ///
    /// # Errors
    /// A different number of rows than the task, an entry that is not finite.
    pub fn mdl(&self, vectors: ArrayView2<'_, f32>) -> Result<Mdl> {
        self.online_code(vectors, &mut |problem, before, coded| {
            let fitted = problem.fit(before, &[])?;
            Ok((fitted.probe.log_probabilities(vectors, coded)?, Some(fitted.strength)))
        })
    }

    /// The online code of a probe. `fit` gets the problem, the rows before a block and the rows of the
    /// block; it gives log p of all classes for the block, `[coded, classes]`, and the strength.
    pub(crate) fn online_code(
        &self,
        vectors: ArrayView2<'_, f32>,
        fit: &mut Fit<'_>,
    ) -> Result<Mdl> {
        let classes = seen(&self.labels, &self.train);
        let problem = Problem { outputs: Outputs::All(&classes), ..self.problem(vectors)? };
        let (order, cuts) = self.code_order();
        let bits_of_one = (classes.len() as f64).log2();
        let mut bits = vec![bits_of_one; order.len()];
        let mut blocks = Vec::new();
        let mut start = 0;
        for end in cuts {
            let coded = &order[start..end];
            let mut strength = None;
            if start > 0 {
                let (logs, of) = fit(problem, &order[..start], coded)?;
                strength = of;
                let own = places(&classes, &self.labels, coded);
                for ((bits, log), own) in
                    bits[start..end].iter_mut().zip(logs.outer_iter()).zip(own)
                {
                    *bits = -log[own] / LN_2;
                }
            }
            let bits = bits[start..end].iter().sum();
            blocks.push(Block { rows: end - start, bits, strength });
            start = end;
        }
        let clusters: Vec<usize> = order.iter().map(|&r| self.task.clusters[r]).collect();
        let distinct = seen(&clusters, &(0..clusters.len()).collect::<Vec<_>>());
        let dense: Vec<usize> =
            clusters.iter().map(|c| distinct.binary_search(c).unwrap_or(0)).collect();
        let n = distinct.len();
        let cost = ByCluster::new(n, &dense, bits.iter().copied());
        let uniform = ByCluster::new(n, &dense, bits.iter().map(|_| bits_of_one));
        let [compression] = bootstrap(n, self.seed, |counts| [uniform.over(&cost, counts)]);
        let nothing = ProbingError::Task { needed: "labels with a positive code length", found: 0 };
        let codelength = bits.iter().sum();
        let uniform = bits_of_one * order.len() as f64;
        Ok(Mdl {
            codelength,
            uniform,
            compression: compression.ok_or(nothing)?,
            compression_by_frequency: uniform / self.by_frequency(&classes, &order, &blocks),
            rows: order.len(),
            classes: classes.len(),
            blocks,
        })
    }

    /// The training rows in the order of the code, cluster by cluster, and the ends of the blocks.
    fn code_order(&self) -> (Vec<usize>, Vec<usize>) {
        let clusters = &self.task.clusters;
        let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        self.train.iter().for_each(|&r| rows_of.entry(clusters[r]).or_default().push(r));
        let mut order = Vec::with_capacity(self.train.len());
        let mut ends = Vec::with_capacity(rows_of.len());
        for cluster in shuffled(clusters, &self.train, &mut generator(self.seed, Draw::Code)) {
            order.extend(rows_of.remove(&cluster).unwrap_or_default());
            ends.push(order.len());
        }
        let reached = |share: f64| {
            let target = (share * order.len() as f64).ceil() as usize;
            ends[ends.partition_point(|&end| end < target).min(ends.len() - 1)]
        };
        let mut cuts: Vec<usize> = CUTS.into_iter().map(reached).collect();
        cuts.dedup();
        (order, cuts)
    }

    /// The code length of the blocks by label frequencies: p = (count + 1) / (rows + K).
    fn by_frequency(&self, classes: &[usize], order: &[usize], blocks: &[Block]) -> f64 {
        let k = classes.len() as f64;
        let mut counts = vec![1.0; classes.len()];
        let own = places(classes, &self.labels, order);
        let (mut start, mut bits) = (0, 0.0);
        for block in blocks {
            let coded = &own[start..start + block.rows];
            let all = start as f64 + k;
            bits += coded.iter().map(|&c| -f64::log2(counts[c] / all)).sum::<f64>();
            coded.iter().for_each(|&c| counts[c] += 1.0);
            start += block.rows;
        }
        bits
    }
}
