//! How a probe is fitted: standardised, with a strength that is given or chosen on held-out rows.

use crate::logistic::{self, Intercept, Weights};
use crate::standardise::Standardiser;
use crate::{LinearProbe, ProbingError, Result, STRENGTHS, Strength};
use ndarray::{Array2, ArrayView2};
use rand::{SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256Plus;
use std::collections::BTreeSet;

/// What a seed is used for: each use has numbers of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draw {
    Resamples,
    HeldOut,
    Control,
    Code,
    Curve,
}

/// The generator behind every seeded choice.
pub(crate) fn generator(seed: u64, draw: Draw) -> Xoshiro256Plus {
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    (0..draw as usize).for_each(|_| rng.jump());
    rng
}

/// The clusters of some rows in a seeded order, each once.
pub(crate) fn shuffled(clusters: &[usize], rows: &[usize], rng: &mut Xoshiro256Plus) -> Vec<usize> {
    let distinct: BTreeSet<usize> = rows.iter().map(|&r| clusters[r]).collect();
    let mut order: Vec<usize> = distinct.into_iter().collect();
    order.shuffle(rng);
    order
}

/// Cuts rows in two: those of other clusters than a seeded tenth, and those of that tenth (of one
/// cluster at least). The second is empty where there are fewer than two clusters.
pub(crate) fn hold_out(clusters: &[usize], rows: &[usize], seed: u64) -> (Vec<usize>, Vec<usize>) {
    let order = shuffled(clusters, rows, &mut generator(seed, Draw::HeldOut));
    let held = if order.len() < 2 { 0 } else { order.len().div_ceil(10) };
    let held: BTreeSet<usize> = order.into_iter().take(held).collect();
    rows.iter().partition(|&&r| !held.contains(&clusters[r]))
}

/// What a probe is fitted to. Lists are `[rows]`, as are the vectors.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) vectors: ArrayView2<'a, f32>,
    /// Dense classes.
    pub(crate) labels: &'a [usize],
    pub(crate) clusters: &'a [usize],
    pub(crate) strength: Strength,
    pub(crate) seed: u64,
    pub(crate) outputs: Outputs<'a>,
}

/// Which classes a probe has outputs for.
#[derive(Clone, Copy)]
pub(crate) enum Outputs<'a> {
    /// Those of the rows that it is fitted to, with a free intercept.
    Seen,
    /// These, with a penalised intercept: a class that no row has is unlikely, not impossible.
    All(&'a [usize]),
}

/// A fitted probe; its classes are dense ones.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) probe: LinearProbe,
    pub(crate) strength: f64,
    pub(crate) held_out_accuracy: Option<f64>,
    pub(crate) converged: bool,
}

impl Problem<'_> {
    /// Fits to the rows `train`. Where a strength is to be chosen and `dev` is empty, a part of
    /// `train` is held out for that.
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
                // A tenth of fewer clusters than ten is none: too little to choose by.
                let few = seen(self.clusters, train).len() < 10;
                if held.is_empty() && matches!(self.outputs, Outputs::Seen) {
                    let needed = "two training clusters, one of them to be held out";
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

    /// Goes from the strongest penalty to the weakest, each fit from the one before, until the loss
    /// on held-out rows rises.
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
        let nothing = ProbingError::Task { needed: "a strength to try", found: 0 };
        best.map(|(_, fitted)| fitted).ok_or(nothing)
    }

    /// The loss on held-out rows (of classes that the probe has), and the accuracy on all of them.
    fn held_out(&self, probe: &LinearProbe, rows: &[usize]) -> Result<HeldOut> {
        let logs = probe.log_probabilities(self.vectors, rows)?;
        let (mut loss, mut right) = (0.0, 0);
        for (log, &row) in logs.outer_iter().zip(rows) {
            if let Ok(own) = probe.classes().binary_search(&self.labels[row]) {
                loss -= log[own];
                right += usize::from(largest(log) == own);
            }
        }
        Ok(HeldOut { loss, accuracy: right as f64 / rows.len().max(1) as f64 })
    }

    /// Standardises the training rows.
    pub(crate) fn prepare(&self, train: &[usize]) -> Result<Prepared> {
        let classes = match self.outputs {
            Outputs::All(all) => all.to_vec(),
            Outputs::Seen => seen(self.labels, train),
        };
        if classes.len() < 2 {
            let needed = "two classes or more among its training rows";
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

/// Training rows as the regression takes them.
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

/// The classes of some rows, rising, each once.
pub(crate) fn seen(labels: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&r| labels[r]).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Where the class of each row stands among `classes`, all of which are there.
pub(crate) fn places(classes: &[usize], labels: &[usize], rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&r| classes.binary_search(&labels[r]).unwrap_or(0)).collect()
}

/// The first of the largest entries.
pub(crate) fn largest(row: ndarray::ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = place;
        }
    }
    best
}
