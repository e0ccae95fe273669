//! Fits a linear probe: standardises the rows, and takes a given strength or chooses one on held-out
//! rows.

use crate::error::{ProbingError, Result};
use crate::linear_probe::{LinearProbe, largest};
use crate::logistic::{self, Intercept, Weights};
use crate::standardise::Standardiser;
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use stratoscope_numerics::Generator;

/// The candidates of [`Strength::Chosen`], from the strongest penalty to the weakest.
pub const STRENGTHS: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 1e1];

/// The strength of the regularisation: the `C` of scikit-learn, the weight of the loss relative to
/// ½‖W‖². A smaller `C` is a stronger penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strength {
    /// This `C`, above 0.
    Fixed(f64),
    /// The `C` of [`STRENGTHS`](crate::STRENGTHS) with the lowest loss on held-out rows: those of
    /// [`Split::Dev`](crate::Split::Dev) where there are any, or else a seeded tenth of the training
    /// clusters, which the final fit includes again.
    Chosen,
}

/// The uses of a seed; each has an independent stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draw {
    Resamples,
    HeldOut,
    Control,
    Code,
    Curve,
    Mlp,
}

/// The generator of one use of a seed.
pub(crate) fn generator(seed: u64, draw: Draw) -> Generator {
    let mut rng = stratoscope_numerics::generator(seed);
    (0..draw as usize).for_each(|_| rng.jump());
    rng
}

/// The distinct clusters of some rows in random order.
pub(crate) fn shuffled(clusters: &[usize], rows: &[usize], rng: &mut Generator) -> Vec<usize> {
    let distinct: BTreeSet<usize> = rows.iter().map(|&r| clusters[r]).collect();
    let mut order: Vec<usize> = distinct.into_iter().collect();
    order.shuffle(rng);
    order
}

/// Splits rows in two: a seeded tenth of the clusters (at least one) is the second part. The second
/// part is empty where there are fewer than two clusters.
pub(crate) fn hold_out(clusters: &[usize], rows: &[usize], seed: u64) -> (Vec<usize>, Vec<usize>) {
    let order = shuffled(clusters, rows, &mut generator(seed, Draw::HeldOut));
    let held = if order.len() < 2 { 0 } else { order.len().div_ceil(10) };
    let held: BTreeSet<usize> = order.into_iter().take(held).collect();
    rows.iter().partition(|&&r| !held.contains(&clusters[r]))
}

/// The data and settings of a fit. Lists are `[rows]`; the vectors are `[rows, d_model]`.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) vectors: ArrayView2<'a, f32>,
    /// The dense class of each row.
    pub(crate) labels: &'a [usize],
    pub(crate) clusters: &'a [usize],
    pub(crate) strength: Strength,
    pub(crate) seed: u64,
    pub(crate) outputs: Outputs<'a>,
}

/// The classes that a probe has outputs for.
#[derive(Clone, Copy)]
pub(crate) enum Outputs<'a> {
    /// The classes of the training rows, with an intercept without penalty.
    Seen,
    /// These classes, with a penalised intercept: a class without rows is unlikely, not impossible.
    All(&'a [usize]),
}

/// A fitted probe with dense classes.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) probe: LinearProbe,
    pub(crate) strength: f64,
    pub(crate) held_out_accuracy: Option<f64>,
    pub(crate) converged: bool,
}

impl Problem<'_> {
    /// Fits the rows `train`. For the choice of a strength, a part of `train` is held out where `dev` is
    /// empty.
    pub(crate) fn fit(&self, train: &[usize], dev: &[usize]) -> Result<Fitted> {
        let prepared = self.prepare(train)?;
        match (self.strength, dev) {
            (Strength::Fixed(strength), dev) => {
                let fitted = prepared.fit(strength, None);
                let mut fitted = prepared.finish(&fitted, strength)?;
                if !dev.is_empty() {
                    fitted.held_out_accuracy = Some(self.held_out(&fitted.probe, dev)?.accuracy);
                }
                Ok(fitted)
            }
            (Strength::Chosen, []) => {
                let (rest, held) = hold_out(self.clusters, train, self.seed);
                // Fewer than ten clusters are too few to choose a strength.
                let few = seen(self.clusters, train).len() < 10;
                if held.is_empty() && matches!(self.outputs, Outputs::Seen) {
                    let needed = "at least two training clusters, of which one is held out";
                    return Err(ProbingError::Task { needed, found: 1 });
                }
                if held.is_empty() || (few && matches!(self.outputs, Outputs::All(_))) {
                    let fitted = prepared.fit(STRENGTHS[0], None);
                    return prepared.finish(&fitted, STRENGTHS[0]);
                }
                let chosen = self.choose(&self.prepare(&rest)?, &held)?;
                let fitted = prepared.fit(chosen.strength, None);
                let held_out_accuracy = chosen.held_out_accuracy;
                let fitted = prepared.finish(&fitted, chosen.strength)?;
                Ok(Fitted { held_out_accuracy, ..fitted })
            }
            (Strength::Chosen, dev) => self.choose(&prepared, dev),
        }
    }

    /// Fits with weaker and weaker penalties, each fit started from the one before, until the loss on
    /// held-out rows rises.
    fn choose(&self, prepared: &Prepared, held: &[usize]) -> Result<Fitted> {
        let mut best: Option<(f64, Fitted)> = None;
        let mut last: Option<Weights> = None;
        for strength in STRENGTHS {
            let weights = prepared.fit(strength, last.as_ref());
            let mut fitted = prepared.finish(&weights, strength)?;
            let HeldOut { loss, accuracy } = self.held_out(&fitted.probe, held)?;
            fitted.held_out_accuracy = Some(accuracy);
            match &best {
                Some((lowest, _)) if loss >= *lowest => break,
                _ => best = Some((loss, fitted)),
            }
            last = Some(weights);
        }
        let nothing = ProbingError::Task { needed: "at least one strength", found: 0 };
        best.map(|(_, fitted)| fitted).ok_or(nothing)
    }

    /// The loss on the held-out rows whose class the probe has, and the accuracy on all held-out rows.
    fn held_out(&self, probe: &LinearProbe, rows: &[usize]) -> Result<HeldOut> {
        let logs = probe.log_probabilities(self.vectors, rows)?;
        let (mut loss, mut correct) = (0.0, 0);
        for (log, &row) in logs.outer_iter().zip(rows) {
            if let Ok(own) = probe.classes().binary_search(&self.labels[row]) {
                loss -= log[own];
                correct += usize::from(largest(log) == own);
            }
        }
        Ok(HeldOut { loss, accuracy: correct as f64 / rows.len().max(1) as f64 })
    }

    /// Standardises the training rows.
    pub(crate) fn prepare(&self, train: &[usize]) -> Result<Prepared> {
        let classes = match self.outputs {
            Outputs::All(all) => all.to_vec(),
            Outputs::Seen => seen(self.labels, train),
        };
        if classes.len() < 2 {
            let needed = "at least two classes among its training rows";
            return Err(ProbingError::Task { needed, found: classes.len() });
        }
        let standardiser = Standardiser::new(self.vectors, train)?;
        let x = standardiser.apply(self.vectors, train)?;
        let y = places(&classes, self.labels, train);
        let intercept = match self.outputs {
            Outputs::All(_) => Intercept::Penalised,
            Outputs::Seen => Intercept::Free,
        };
        Ok(Prepared { standardiser, x, y, classes, intercept })
    }
}

struct HeldOut {
    loss: f64,
    accuracy: f64,
}

/// Standardised training rows.
pub(crate) struct Prepared {
    standardiser: Standardiser,
    x: Array2<f32>,
    y: Vec<usize>,
    classes: Vec<usize>,
    intercept: Intercept,
}

impl Prepared {
    fn fit(&self, strength: f64, start: Option<&Weights>) -> Weights {
        let (x, classes) = (self.x.view(), self.classes.len());
        logistic::fit(x, &self.y, classes, strength, self.intercept, start)
    }

    fn finish(&self, weights: &Weights, strength: f64) -> Result<Fitted> {
        let probe = LinearProbe::new(
            self.classes.clone(),
            weights.weights.mapv(|w| w as f32),
            weights.intercept.mapv(|b| b as f32),
            self.standardiser.mean.clone(),
            self.standardiser.sd.clone(),
        )?;
        let converged = weights.converged;
        Ok(Fitted { probe, strength, held_out_accuracy: None, converged })
    }
}

/// The distinct classes of some rows, ascending.
pub(crate) fn seen(labels: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&r| labels[r]).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The index of the class of each row in `classes`, which contain it.
pub(crate) fn places(classes: &[usize], labels: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&r| classes.binary_search(&labels[r]).unwrap_or(0)).collect()
}
