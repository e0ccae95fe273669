//! Minimum description length: how many bits the labels cost, given the vectors.

use crate::fit::{Draw, Outputs, Problem, generator, places, seen, shuffled};
use crate::score::{ByCluster, bootstrap};
use crate::{Prober, ProbingError, Result, Scored};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;

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

/// Where blocks end, as shares of the rows (Voita & Titov 2020).
const CUTS: [f64; 11] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0];

impl Prober {
    /// Codes the labels of the training rows of one layer, `[rows, d_model]`, in blocks that end
    /// after 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25, 50 and 100 % of the rows; clusters are in
    /// a seeded order, and a block ends with the cluster that reaches its share.
    ///
    /// All K classes of the training rows have outputs from the start, the intercept is penalised as
    /// the weights are, and vectors are standardised by the rows before the block. A strength is
    /// chosen on a tenth of the clusters before the block; where there are fewer than ten, it is the
    /// strongest penalty.
    ///
    /// # Errors
    /// Another number of rows than the task has, an entry that is not finite.
    pub fn mdl(&self, vectors: ArrayView2<'_, f32>) -> Result<Mdl> {
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
                let fitted = problem.fit(&order[..start], &[])?;
                let logs = fitted.probe.log_probabilities(vectors, coded)?;
                let own = places(&classes, &self.labels, coded);
                for ((bits, log), own) in
                    bits[start..end].iter_mut().zip(logs.outer_iter()).zip(own)
                {
                    *bits = -log[own] / LN_2;
                }
                strength = Some(fitted.strength);
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
        let nothing = ProbingError::Task { needed: "labels that cost something", found: 0 };
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

    /// The training rows in the order of the code, clusters kept together, and where blocks end.
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

    /// The bits of the same blocks from the labels before them alone: p = (count + 1) / (rows + K).
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
