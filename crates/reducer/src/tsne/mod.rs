//! t-SNE: a map of the data that keeps each point's near neighbours near.

mod affinity;
mod gradient;
mod grid;
mod kl;

pub use kl::kl_divergence;

use linfa::dataset::Records;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, Float, ParamGuard};
use ndarray::{Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

use crate::checks::finite_f64;
use crate::error::{ReducerError, Result};
use crate::pca::Pca;
use affinity::Affinities;
use gradient::{EXACT, Forces};

/// How many epochs there are and how far a step is taken again.
struct Schedule {
    /// All epochs, where no number is asked for.
    epochs: usize,
    /// Of these, the first ones with exaggerated attraction.
    early: usize,
    /// The share of the last step that is taken again after these; before, [`MOMENTUM`].
    late_momentum: f64,
}

/// Up to [`EXACT`] points: the early epochs of van der Maaten's own code and scikit-learn.
const THOROUGH: Schedule = Schedule { epochs: 1000, early: 250, late_momentum: MOMENTUM };
/// Above, where an epoch costs more. On 10,000 hidden states of 50 dimensions its exact
/// divergence is 1.26, as that of [`THOROUGH`]; a momentum of 0.9 leaves 1.30.
const SWIFT: Schedule = Schedule { epochs: 500, early: 150, late_momentum: 0.95 };

/// How much attraction is exaggerated in these epochs.
const EXAGGERATION: f64 = 12.0;
/// The spread of the start: the standard deviation of its first axis (Kobak & Berens 2019).
const START_SPREAD: f64 = 1e-4;
/// Noise on the start, as a share of its spread: lets points leave a line or a single spot.
const START_NOISE: f64 = 0.01;
/// The smallest gain of a coordinate (Jacobs 1988, as in van der Maaten's code).
const SMALLEST_GAIN: f64 = 0.01;

/// A t-SNE map and the settings that it was really made with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tsne {
    /// The map, `[n, 2]`, with mean 0. Its unit has no meaning.
    pub embedding: Array2<f64>,
    /// The perplexity used: the one asked for, or (n − 1) / 3 where that is smaller.
    pub perplexity: f64,
}

impl Tsne {
    /// Settings at their defaults: perplexity 30, seed 0, and 1,000 epochs up to 2,000
    /// points, 500 above.
    pub fn params() -> TsneParams {
        TsneParams(TsneValidParams { perplexity: 30.0, epochs: None, seed: 0 })
    }
}

/// Settings of [`Tsne`], not yet checked.
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
    /// The effective number of neighbours of a point; at least 1. Cut to (n − 1) / 3.
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.0.perplexity = perplexity;
        self
    }

    /// Steps of gradient descent; at least 1. The first 250 of them (above 2,000 points 150) have
    /// exaggerated attraction.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.0.epochs = Some(epochs);
        self
    }

    /// The seed of the noise on the start.
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
    /// Maps the rows of `x` `[n, d]` to the plane. `progress` hears the steps done and their
    /// number, after each: one for every 1,024 points whose neighbours were found, then one for
    /// every epoch.
    ///
    /// Van der Maaten & Hinton 2008, started from PCA (Kobak & Berens 2019). Repulsion is exact
    /// up to 2,000 points and interpolated on a grid (Linderman et al. 2019) above; attraction is
    /// over all points up to 1,000 and over the 3 × perplexity nearest above. The same input and
    /// seed give the same bytes on any number of threads. Rows that are equal stay together
    /// up to the noise of the start.
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
        let schedule = if n <= EXACT { THOROUGH } else { SWIFT };
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

    /// The first two principal components, small, with a little noise.
    fn start(&self, x: &Array2<f64>) -> Result<Vec<[f64; 2]>> {
        let dataset = DatasetBase::from(x.view());
        let pca = Pca::params(2).fit(&dataset)?;
        let scores = pca.transform(dataset.records())?;
        let spread = pca.explained_variance().first().map_or(0.0, |v| v.sqrt());
        let mut rng = Xoshiro256Plus::seed_from_u64(self.seed);
        let points = (0..dataset.nsamples()).map(|i| {
            [0, 1].map(|axis| {
                let score = scores.get((i, axis)).copied().unwrap_or(0.0);
                let placed = if spread > 0.0 { score / spread } else { 0.0 };
                START_SPREAD * (placed + START_NOISE * rng.gen_range(-1.0..1.0))
            })
        });
        Ok(points.collect())
    }
}

/// Gradient descent with momentum and per-coordinate gains.
fn descend(
    map: &mut [[f64; 2]],
    affinities: &Affinities,
    schedule: &Schedule,
    epochs: usize,
    heard: &mut dyn FnMut(),
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
                gain[axis] = next.max(SMALLEST_GAIN);
                speed[axis] = momentum * speed[axis] - learning_rate * gain[axis] * slope[axis];
            }
            // A step longer than this would throw a point out of the map (as in openTSNE).
            let length = (speed[0] * speed[0] + speed[1] * speed[1]).sqrt();
            let shrink = if length > LONGEST_STEP { LONGEST_STEP / length } else { 1.0 };
            for axis in 0..2 {
                speed[axis] *= shrink;
                point[axis] += speed[axis];
            }
        }
        centre(map);
        heard();
    }
}

/// The longest step of a point in one epoch, in units of the map.
const LONGEST_STEP: f64 = 5.0;
/// The share of the last step that is taken again.
const MOMENTUM: f64 = 0.8;

/// Shifts the map to mean 0.
fn centre(map: &mut [[f64; 2]]) {
    let n = map.len() as f64;
    for axis in 0..2 {
        let mean = map.iter().map(|point| point[axis]).sum::<f64>() / n;
        map.iter_mut().for_each(|point| point[axis] -= mean);
    }
}
