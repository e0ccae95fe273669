//! What each layer adds to a scalar mix of the layers before.

use crate::error::{ProbingError, Result};
use crate::fit::{STRENGTHS, Strength, hold_out};
use crate::mix_fit::{Data, Fitted, Mix};
use crate::score::{ByCluster, Samples, resample};
use crate::task::Prober;
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};
use stratoscope_numerics::Estimate;

/// The gain of each layer over a mix of the layers before (Tenney et al. 2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixes {
    /// The mix of all layers.
    pub mix: Mix,
    /// The accuracy of the mix of layers 0..=l, for every l.
    pub accuracies: Vec<Estimate>,
    /// Δ_l, the accuracy of layers 0..=l minus that of 0..=l−1, from l = 1 on.
    pub differences: Vec<Estimate>,
    /// Σ Δ_l: the accuracy of all layers minus that of layer 0 alone.
    pub total: Estimate,
    /// The expected layer Σ l Δ_l / Σ Δ_l, negative Δ included. None unless the low end of `total` is
    /// above 0, because it would be a ratio of noise. Resamples whose total is not above 0 are left out
    /// of the interval.
    pub expected_layer: Option<Estimate>,
    /// The `C` of all mixes, chosen with the mix of all layers.
    pub strength: f64,
}

impl Prober {
    /// Fits the mixes of layers 0..=l for every l, in parallel. `layers` are
    /// `[layers, rows, d_model]`, at least two; the training rows are copied. `progress(done, total)`
    /// is called after each fit.
    ///
    /// # Errors
    /// As [`linear`](Self::linear); fewer than two layers.
    pub fn mixes(
        &self,
        layers: ArrayView3<'_, f32>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Mixes> {
        self.check_test()?;
        self.check(layers.len_of(Axis(1)))?;
        let n = layers.len_of(Axis(0));
        if n < 2 {
            return Err(ProbingError::Task { needed: "at least two layers to mix", found: n });
        }
        let strength = self.mix_strength(layers)?;
        progress(1, n + 1);
        let data = Data::new(layers, &self.labels, &self.train)?;
        let done = AtomicUsize::new(1);
        let fits = (1..=n)
            .into_par_iter()
            .map(|depth| {
                let fitted = data.fit(depth, strength, None);
                let predicted = fitted.predicted(&data, layers, &self.test)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, n + 1);
                Ok((self.correct(&predicted), fitted))
            })
            .collect::<Result<Vec<_>>>()?;
        let (correct, fitted): (Vec<ByCluster>, Vec<Fitted>) = fits.into_iter().unzip();
        let mix = fitted.last().map(Fitted::mix).unwrap_or_default();
        let scores = self.by_depth(&correct);
        let found = correct.len();
        scores
            .map(|(accuracies, differences, total, expected)| {
                let expected_layer = expected.filter(|_| total.low().is_some_and(|low| low > 0.0));
                Mixes { mix, accuracies, differences, total, expected_layer, strength }
            })
            .ok_or(ProbingError::Task { needed: "at least one test row", found })
    }

    /// The `C` of all mixes, chosen with all layers as for the linear probe.
    fn mix_strength(&self, layers: ArrayView3<'_, f32>) -> Result<f64> {
        if let Strength::Fixed(strength) = self.strength {
            return Ok(strength);
        }
        let (train, held) = match self.dev.as_slice() {
            [] => hold_out(&self.task.clusters, &self.train, self.seed),
            dev => (self.train.clone(), dev.to_vec()),
        };
        if held.is_empty() {
            let needed = "at least two training clusters, of which one is held out";
            return Err(ProbingError::Task { needed, found: 1 });
        }
        let data = Data::new(layers, &self.labels, &train)?;
        let mut best: Option<(f64, f64)> = None;
        let mut last: Option<Fitted> = None;
        for strength in STRENGTHS {
            let fitted = data.fit(layers.len_of(Axis(0)), strength, last.as_ref());
            let logs = fitted.log_probabilities(&data, layers, &held)?;
            let mut loss = 0.0;
            for (log, &row) in logs.outer_iter().zip(&held) {
                if let Ok(own) = data.classes.binary_search(&self.labels[row]) {
                    loss -= log[own];
                }
            }
            match best {
                Some((lowest, _)) if loss >= lowest => break,
                _ => best = Some((loss, strength)),
            }
            last = Some(fitted);
        }
        Ok(best.map_or(STRENGTHS[0], |(_, strength)| strength))
    }

    /// Accuracies, differences, total and expected layer from the correct predictions of each mix.
    fn by_depth(&self, correct: &[ByCluster]) -> Option<ByDepth> {
        let all = self.all();
        let n = correct.len();
        let mut accuracies = vec![Samples::new(); n];
        let mut differences = vec![Samples::new(); n.saturating_sub(1)];
        let (mut total, mut expected) = (Samples::new(), Samples::new());
        resample(self.n_clusters, self.seed, |counts| {
            let scores: Vec<f64> = correct.iter().filter_map(|r| r.over(&all, counts)).collect();
            if scores.len() == n {
                let deltas: Vec<f64> = scores.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let sum: f64 = deltas.iter().sum();
                let weighted: f64 = deltas.iter().zip(1u32..).map(|(d, l)| d * f64::from(l)).sum();
                let each = |to: &mut [Samples], from: &[f64]| {
                    to.iter_mut().zip(from).for_each(|(to, &from)| to.push(Some(from)));
                };
                each(&mut accuracies, &scores);
                each(&mut differences, &deltas);
                total.push(Some(sum));
                expected.push((sum > 0.0).then(|| weighted / sum));
            }
        });
        let clusters = self.n_clusters;
        let each = |samples: Vec<Samples>| -> Option<Vec<Estimate>> {
            samples.into_iter().map(|samples| samples.estimate(clusters)).collect()
        };
        let (total, expected) = (total.estimate(clusters)?, expected.estimate(clusters));
        Some((each(accuracies)?, each(differences)?, total, expected))
    }
}

type ByDepth = (Vec<Estimate>, Vec<Estimate>, Estimate, Option<Estimate>);
