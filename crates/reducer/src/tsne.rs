//! t-SNE: a two-dimensional map that keeps the near neighbours of each point near.

mod affinity;
mod gradient;
mod grid;
mod kl;

pub use kl::kl_divergence;

use linfa::dataset::Records;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, Float, ParamGuard};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use stratoscope_numerics::generator;

use crate::checks::finite_f64;
use crate::error::{ReducerError, Result};
use crate::pca::Pca;
use affinity::Affinities;
use gradient::{Forces, MAX_EXACT};

/// The number of epochs and their momentum.
struct Schedule {
    /// The number of epochs, where the settings give none.
    epochs: usize,
    /// The number of first epochs with exaggerated attraction.
    early: usize,
    /// The momentum after the early epochs; before, it is [`MOMENTUM`].
    late_momentum: f64,
}

/// Up to [`MAX_EXACT`] points: as in the code of van der Maaten and in scikit-learn.
const THOROUGH: Schedule = Schedule { epochs: 1000, early: 250, late_momentum: MOMENTUM };
/// Above [`MAX_EXACT`] points, where an epoch costs more. On 10,000 hidden states of 50 dimensions
/// the exact divergence is 1.26, as with [`THOROUGH`]; with a momentum of 0.9 it is 1.30.
const SWIFT: Schedule = Schedule { epochs: 500, early: 150, late_momentum: 0.95 };

/// The factor of attraction in the early epochs.
const EXAGGERATION: f64 = 12.0;
/// The standard deviation of the first axis of the start (Kobak & Berens 2019).
const START_SPREAD: f64 = 1e-4;
/// Noise of the start, as a share of its spread: lets points leave a line or a single spot.
const START_NOISE: f64 = 0.01;
/// The smallest gain of a coordinate (Jacobs 1988, as in the code of van der Maaten).
const MIN_GAIN: f64 = 0.01;

/// A t-SNE map and its effective settings.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tsne {
    /// The map, `[n, 2]`, with mean 0, in an arbitrary unit.
    pub embedding: Array2<f64>,
    /// The perplexity: the requested one, or (n − 1) / 3 where that is smaller.
    pub perplexity: f64,
}

impl Tsne {
    /// The default settings: perplexity 30, seed 0, and 1,000 epochs for up to 2,000 points, 500
    /// for more.
    pub fn params() -> TsneParams {
        TsneParams(TsneValidParams { perplexity: 30.0, epochs: None, seed: 0 })
    }
}

/// Unchecked settings of [`Tsne`].
#[derive(Debug, Clone, PartialEq)]
pub struct TsneParams(TsneValidParams);

/// Checked settings of [`Tsne`].
#[derive(Debug, Clone, PartialEq)]
pub struct TsneValidParams {
    perplexity: f64,
    epochs: Option<usize>,
    seed: u64,
}

impl TsneParams {
    /// The effective number of neighbours of a point; at least 1. Reduced to (n − 1) / 3.
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.0.perplexity = perplexity;
        self
    }

    /// The number of gradient steps; at least 1. Attraction is exaggerated in the first 250 (150 for
    /// more than 2,000 points).
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.0.epochs = Some(epochs);
        self
    }

    /// The seed of the noise of the start.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl ParamGuard for TsneParams {
    type Checked = TsneValidParams;
    type Error = ReducerError;

    fn check_ref(&self) -> Result<&TsneValidParams> {
        let perplexity = self.0.perplexity;
        if !(perplexity.is_finite() && perplexity >= 1.0) {
            return Err(ReducerError::Setting {
                name: "perplexity",
                value: perplexity,
                expected: "a finite number, at least 1",
            });
        }
        if self.0.epochs == Some(0) {
            return Err(ReducerError::Setting {
                name: "epochs",
                value: 0.0,
                expected: "at least 1",
            });
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<TsneValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl<F: Float> Transformer<ArrayView2<'_, F>, Result<Tsne>> for TsneValidParams {
    /// [`TsneValidParams::embed`] without a progress callback.
    fn transform(&self, x: ArrayView2<'_, F>) -> Result<Tsne> {
        self.embed(x, |_, _| ())
    }
}

impl TsneValidParams {
    /// Maps the rows of `x` `[n, d]` to the plane. `progress(done, total)` is called after each step:
    /// one step for every 1,024 points whose neighbours were found, then one for every epoch.
    ///
    /// Van der Maaten & Hinton 2008, started from PCA (Kobak & Berens 2019). Repulsion is exact for
    /// up to 2,000 points and interpolated on a grid (Linderman et al. 2019) for more; attraction is
    /// over all pairs for up to 1,000 points and over the 3 × perplexity nearest neighbours for more.
    /// The same input and seed give the same bytes on any number of threads. Equal rows stay
    /// together up to the noise of the start.
    ///
    /// # Errors
    /// Fewer than 4 rows, empty or non-finite input.
    pub fn embed<F: Float>(
        &self,
        x: ArrayView2<F>,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Tsne> {
        let x = finite_f64(x)?;
        let n = x.nrows();
        if n < 4 {
            return Err(ReducerError::TooFewRows { method: "t-SNE", needed: 4, found: n });
        }
        let perplexity = self.perplexity.min((n - 1) as f64 / 3.0);
        let mut map = self.start(&x)?;
        let schedule = if n <= MAX_EXACT { THOROUGH } else { SWIFT };
        let epochs = self.epochs.unwrap_or(schedule.epochs);
        let steps = Affinities::parts(n) + epochs;
        let mut done = 0;
        let mut step = || {
            done += 1;
            progress(done, steps);
        };
        let affinities = Affinities::new(x, perplexity, &mut step);
        descend(&mut map, &affinities, &schedule, epochs, &mut step);
        let embedding = Array2::from_shape_fn((n, 2), |(i, axis)| map[i][axis]);
        Ok(Tsne { embedding, perplexity })
    }

    /// The first two principal components, scaled down, with noise.
    fn start(&self, x: &Array2<f64>) -> Result<Vec<[f64; 2]>> {
        let dataset = DatasetBase::from(x.view());
        let pca = Pca::params(2).fit(&dataset)?;
        let scores = pca.transform(dataset.records())?;
        let spread = pca.explained_variance().first().map_or(0.0, |v| v.sqrt());
        let mut rng = generator(self.seed);
        let points = (0..dataset.nsamples()).map(|i| {
            [0, 1].map(|axis| {
                let score = scores.get((i, axis)).copied().unwrap_or(0.0);
                let scaled = if spread > 0.0 { score / spread } else { 0.0 };
                START_SPREAD * (scaled + START_NOISE * rng.gen_range(-1.0..1.0))
            })
        });
        Ok(points.collect())
    }
}

/// Gradient descent with momentum and a gain per coordinate. `step_done` is called after each epoch.
fn descend(
    map: &mut [[f64; 2]],
    affinities: &Affinities,
    schedule: &Schedule,
    epochs: usize,
    step_done: &mut dyn FnMut(),
) {
    let n = map.len();
    let mut velocity = vec![[0.0f64; 2]; n];
    let mut gains = vec![[1.0f64; 2]; n];
    let mut forces = Forces::new(affinities, n);
    for epoch in 0..epochs {
        let early = epoch < schedule.early;
        let exaggeration = if early { EXAGGERATION } else { 1.0 };
        let momentum = if early { MOMENTUM } else { schedule.late_momentum };
        // The largest rate that does not diverge (Linderman & Steinerberger 2019; openTSNE).
        let learning_rate = n as f64 / exaggeration;
        let gradient = forces.gradient(map, exaggeration);
        for (((point, speed), gain), slope) in
            map.iter_mut().zip(&mut velocity).zip(&mut gains).zip(gradient)
        {
            for axis in 0..2 {
                let opposed = slope[axis] * speed[axis] < 0.0;
                let next = if opposed { gain[axis] + 0.2 } else { gain[axis] * 0.8 };
                gain[axis] = next.max(MIN_GAIN);
                speed[axis] = momentum * speed[axis] - learning_rate * gain[axis] * slope[axis];
            }
            // A longer step would move a point out of the map (as in openTSNE).
            let length = (speed[0] * speed[0] + speed[1] * speed[1]).sqrt();
            let shrink = if length > MAX_STEP { MAX_STEP / length } else { 1.0 };
            for axis in 0..2 {
                speed[axis] *= shrink;
                point[axis] += speed[axis];
            }
        }
        centre(map);
        step_done();
    }
}

/// The longest step of a point in one epoch, in the unit of the map.
const MAX_STEP: f64 = 5.0;
/// The share of the last step that is added to the next one.
const MOMENTUM: f64 = 0.8;

/// Shifts the map to mean 0.
fn centre(map: &mut [[f64; 2]]) {
    let n = map.len() as f64;
    for axis in 0..2 {
        let mean = map.iter().map(|point| point[axis]).sum::<f64>() / n;
        map.iter_mut().for_each(|point| point[axis] -= mean);
    }
}
