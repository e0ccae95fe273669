//! The scalar mix of layers, and at which layer what a label needs appears.

use crate::fit::hold_out;
use crate::mix_fit::{Data, Fitted};
use crate::score::{ByCluster, Values, resample};
use crate::{Prober, ProbingError, Result, STRENGTHS, Scored, Strength};
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A scalar mix (Peters et al. 2018; Tenney et al. 2019): h = γ Σ_l s_l h_l with s = softmax(a), each
/// layer standardised first, fitted together with a linear probe on h.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// s, one weight a layer; they sum to 1.
    pub weights: Vec<f64>,
    /// γ, which makes the mean variance of h's dimensions 1, as that of each layer is.
    pub gamma: f64,
    /// Σ_l l s_l.
    pub centre_of_gravity: f64,
    /// K(s) = KL(s ‖ uniform), in bits: 0 for all layers alike, log2 of their number for one alone.
    pub kl_bits: f64,
}

/// What each further layer adds to a mix of those before (Tenney et al. 2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixes {
    /// The mix of all layers.
    pub mix: Mix,
    /// The accuracy of the mix of layers 0..=l, for every l.
    pub accuracies: Vec<Scored>,
    /// Δ_l, the accuracy of layers 0..=l minus that of 0..=l−1, from l = 1 on.
    pub differences: Vec<Scored>,
    /// Σ Δ_l: the accuracy of all layers minus that of layer 0 alone.
    pub total: Scored,
    /// Σ l Δ_l / Σ Δ_l, negative Δ kept. None unless the low end of `total` is above 0: otherwise it
    /// is one noise over another. Resamples whose total is not above 0 are left out of its interval.
    pub expected_layer: Option<Scored>,
    /// The `C` of all mixes, chosen on the mix of all layers.
    pub strength: f64,
}

impl Prober {
    /// Fits the mixes of layers 0..=l for every l, side by side on rayon's threads. `layers` are
    /// `[layers, rows, d_model]`, two or more; the training rows are copied. `progress` is told how
    /// many of the fits are done, and of how many.
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
            return Err(ProbingError::Task { needed: "two layers or more to mix", found: n });
        }
        let strength = self.mix_strength(layers)?;
        progress(1, n + 1);
        let data = Data::new(layers, &self.labels, &self.train)?;
        let done = AtomicUsize::new(1);
        let fits = (1..=n)
            .into_par_iter()
            .map(|depth| {
                let fitted = data.fit(depth, strength, None);
                let told = fitted.told(&data, layers, &self.test)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, n + 1);
                Ok((self.right(&told), fitted))
            })
            .collect::<Result<Vec<_>>>()?;
        let (right, fitted): (Vec<ByCluster>, Vec<Fitted>) = fits.into_iter().unzip();
        let mix = fitted.last().map(Fitted::mix).unwrap_or_default();
        let scores = self.by_depth(&right);
        let found = right.len();
        scores
            .map(|(accuracies, differences, total, expected)| {
                let expected_layer = expected.filter(|_| total.low > 0.0);
                Mixes { mix, accuracies, differences, total, expected_layer, strength }
            })
            .ok_or(ProbingError::Task { needed: "a test row or more", found })
    }

    /// The `C` of all mixes: chosen with all layers, as for the linear probe.
    fn mix_strength(&self, layers: ArrayView3<'_, f32>) -> Result<f64> {
        if let Strength::Fixed(strength) = self.strength {
            return Ok(strength);
        }
        let (train, held) = match self.dev.as_slice() {
            [] => hold_out(&self.task.clusters, &self.train, self.seed),
            dev => (self.train.clone(), dev.to_vec()),
        };
        if held.is_empty() {
            let needed = "two training clusters, one of them to be held out";
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

    /// Accuracies, differences, total and expected layer from what each mix told right.
    fn by_depth(&self, right: &[ByCluster]) -> Option<ByDepth> {
        let all = self.all();
        let n = right.len();
        let nothing = || Values(None, Vec::new());
        let mut accuracies: Vec<Values> = (0..n).map(|_| nothing()).collect();
        let mut differences: Vec<Values> = (1..n).map(|_| nothing()).collect();
        let (mut total, mut expected) = (nothing(), nothing());
        let mut whole = true;
        resample(self.n_clusters, self.seed, |counts| {
            let scores: Vec<f64> = right.iter().filter_map(|r| r.over(&all, counts)).collect();
            if scores.len() == n {
                let deltas: Vec<f64> = scores.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let sum: f64 = deltas.iter().sum();
                let weighted: f64 = deltas.iter().zip(1u32..).map(|(d, l)| d * f64::from(l)).sum();
                let each = |to: &mut [Values], from: &[f64]| {
                    to.iter_mut().zip(from).for_each(|(to, &from)| to.push(whole, Some(from)));
                };
                each(&mut accuracies, &scores);
                each(&mut differences, &deltas);
                total.push(whole, Some(sum));
                expected.push(whole, (sum > 0.0).then(|| weighted / sum));
            }
            whole = false;
        });
        let each = |values: Vec<Values>| -> Option<Vec<Scored>> {
            values.into_iter().map(Values::scored).collect()
        };
        Some((each(accuracies)?, each(differences)?, total.scored()?, expected.scored()))
    }
}

type ByDepth = (Vec<Scored>, Vec<Scored>, Scored, Option<Scored>);
