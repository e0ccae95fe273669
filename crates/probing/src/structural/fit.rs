//! The fit of a structural probe: Adam over minibatches of sentences.

use super::options::{StructuralOptions, StructuralProgress, StructuralStep, StructuralTarget};
use super::scores::{SentenceScores, depth_part, distance_part};
use super::trees::{Tree, Trees};
use crate::error::{ProbingError, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip, s};
use rand::{Rng, seq::SliceRandom};
use serde::{Deserialize, Serialize};
use stratoscope_numerics::{generator, product_into};

/// Sentences of one step.
const BATCH: usize = 20;
/// The largest number of passes over the sentences.
const MAX_EPOCHS: usize = 100;
/// The initial learning rate of Adam.
const RATE: f32 = 3e-4;
/// The factor of the learning rate where the held-out loss does not fall.
const DECAY: f32 = 0.3;
/// The fit ends after this many decays.
const MAX_DECAYS: usize = 4;
/// The smallest relative decrease of the held-out loss that counts.
const MIN_GAIN: f64 = 1e-4;
/// One of this many sentences is held out.
const HELD_OUT: usize = 10;

/// The summary of one fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StructuralFit {
    /// The number of rows of B.
    pub rank: usize,
    /// The number of passes over the training sentences.
    pub epochs: usize,
    /// The lowest loss on the held-out tenth of the training sentences, at which B is taken.
    pub held_out_loss: f64,
}

/// A fitted structural probe.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuralProbe {
    target: StructuralTarget,
    /// B, which is applied to vectors times `scale`, `[rank, d_model]`.
    projection: Array2<f32>,
    /// With it the entries of the training vectors have mean square 1, so that one learning rate and one
    /// initialisation fit all models.
    scale: f64,
    epochs: usize,
    held_out_loss: f64,
}

impl StructuralProbe {
    /// Fits a probe to `rows` `[rows, d_model]` by Adam (Kingma & Ba 2015) in minibatches of
    /// sentences. A seeded tenth of the sentences is held out. Where the loss on it does not fall, the
    /// fit returns to the best B with a lower learning rate; after a few times it ends. `layer` is
    /// reported to `progress`.
    ///
    /// # Errors
    /// As [`structural`](super::structural).
    pub fn fit(
        rows: ArrayView2<'_, f32>,
        trees: &Trees,
        target: StructuralTarget,
        layer: usize,
        options: &StructuralOptions,
        progress: StructuralProgress<'_>,
    ) -> Result<Self> {
        check(rows, trees)?;
        if options.rank == 0 {
            let expected = "at least 1";
            return Err(ProbingError::Setting { name: "rank", value: 0.0, expected });
        }
        // A single word has no distance.
        let shortest = if target == StructuralTarget::Distance { 2 } else { 1 };
        let mut sentences: Vec<&Tree> =
            trees.all().iter().filter(|tree| tree.len() >= shortest).collect();
        let count = sentences.len();
        if count < 2 {
            let needed = "at least 2 training sentences";
            return Err(ProbingError::Task { needed, found: count });
        }
        let mut rng = generator(options.seed);
        sentences.shuffle(&mut rng);
        let (held_out, fitted) = sentences.split_at_mut((count / HELD_OUT).max(1));
        let view = View { rows, target, scale: scale(rows, trees) };
        let d_model = rows.ncols();
        let rank = options.rank.min(d_model);
        // With this scale, the initial ‖B h‖² is near 1.
        let reach = (3.0 / (rank * d_model) as f32).sqrt();
        let mut b = Array2::from_shape_simple_fn((rank, d_model), || rng.gen_range(-reach..reach));
        let (mut best, mut lowest) = (b.clone(), view.loss(held_out, &b));
        let (mut adam, mut rate, mut decays) = (Adam::new(&b), RATE, 0);
        let mut epochs = 0;
        loop {
            epochs += 1;
            fitted.shuffle(&mut rng);
            for batch in fitted.chunks(BATCH) {
                let gradient = view.gradient(batch, &b);
                adam.step(&mut b, &gradient, rate);
            }
            let loss = view.loss(held_out, &b);
            let stays = loss >= lowest * (1.0 - MIN_GAIN);
            if loss < lowest {
                (best, lowest) = (b.clone(), loss);
            }
            if stays {
                (b, adam, rate, decays) =
                    (best.clone(), Adam::new(&best), rate * DECAY, decays + 1);
            }
            let done = decays == MAX_DECAYS || epochs == MAX_EPOCHS;
            let step = StructuralStep { layer, target, epochs, held_out_loss: loss, done };
            if progress(step).is_break() {
                return Err(ProbingError::Stopped);
            }
            if done {
                return Ok(Self {
                    target,
                    projection: best,
                    scale: view.scale,
                    epochs,
                    held_out_loss: lowest,
                });
            }
        }
    }

    /// The target of the probe.
    pub fn target(&self) -> StructuralTarget {
        self.target
    }

    /// The summary of the fit.
    pub fn summary(&self) -> StructuralFit {
        let (rank, epochs) = (self.projection.nrows(), self.epochs);
        StructuralFit { rank, epochs, held_out_loss: self.held_out_loss }
    }

    /// B h of every vector `[rows, d_model]`: `[rows, rank]`. Predicted distances are the squared
    /// distances between these, predicted depths their squared lengths.
    ///
    /// # Errors
    /// A width that is not that of the training vectors.
    pub fn project(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let (expected, found) = (self.projection.ncols(), rows.ncols());
        if expected != found {
            return Err(ProbingError::Length { what: "entries of a vector", expected, found });
        }
        let scaled = rows.mapv(|value| (f64::from(value) * self.scale) as f32);
        Ok(projected(scaled.view(), &self.projection))
    }

    /// The contribution of each test sentence to the scores.
    pub(super) fn scored(
        &self,
        rows: ArrayView2<'_, f32>,
        trees: &Trees,
    ) -> Result<Vec<SentenceScores>> {
        check(rows, trees)?;
        let part = |tree: &Tree| {
            let p = self.project(rows.select(Axis(0), &tree.rows).view())?.mapv(f64::from);
            let squared = |row: ArrayView1<'_, f64>| row.dot(&row);
            Ok(match self.target {
                StructuralTarget::Distance => distance_part(tree, |i| {
                    let apart = |other: ArrayView1<'_, f64>| squared((&p.row(i) - &other).view());
                    p.outer_iter().map(apart).collect()
                }),
                StructuralTarget::Depth => {
                    depth_part(tree, &p.outer_iter().map(squared).collect::<Vec<_>>())
                }
            })
        };
        trees.all().iter().map(part).collect()
    }
}

/// The vectors of a fit.
struct View<'a> {
    rows: ArrayView2<'a, f32>,
    target: StructuralTarget,
    scale: f64,
}

impl View<'_> {
    /// The scaled vectors of some sentences, concatenated, `[words, d_model]`.
    fn gather(&self, trees: &[&Tree]) -> Array2<f32> {
        let words = trees.iter().map(|tree| tree.len()).sum();
        let mut gathered = Array2::zeros((words, self.rows.ncols()));
        let rows = trees.iter().flat_map(|tree| &tree.rows);
        for (mut to, &row) in gathered.outer_iter_mut().zip(rows) {
            Zip::from(&mut to)
                .and(self.rows.row(row))
                .for_each(|to, &value| *to = (f64::from(value) * self.scale) as f32);
        }
        gathered
    }

    /// The sum of the losses of some sentences. The projected vectors `p` are replaced by the gradient of
    /// the mean loss with respect to them.
    fn through(&self, trees: &[&Tree], p: &mut Array2<f32>) -> f64 {
        let weight = 1.0 / trees.len() as f32;
        let mut from = 0;
        let mut sum = 0.0;
        for tree in trees {
            let mut own = p.slice_mut(s![from..from + tree.len(), ..]);
            let projected = own.to_owned();
            sum += self.target.loss(tree, projected.view(), weight, own.view_mut());
            from += tree.len();
        }
        sum
    }

    /// The mean loss of some sentences.
    fn loss(&self, trees: &[&Tree], b: &Array2<f32>) -> f64 {
        let batch =
            |batch: &[&Tree]| self.through(batch, &mut projected(self.gather(batch).view(), b));
        trees.chunks(BATCH).map(batch).sum::<f64>() / trees.len() as f64
    }

    /// The gradient of the mean loss of some sentences with respect to B, `[rank, d_model]`.
    fn gradient(&self, trees: &[&Tree], b: &Array2<f32>) -> Array2<f32> {
        let h = self.gather(trees);
        let mut p = projected(h.view(), b);
        self.through(trees, &mut p);
        let mut gradient = Array2::zeros(b.dim());
        product_into(p.t(), h.view(), gradient.view_mut());
        gradient
    }
}

/// B h of every vector, `[rows, rank]`.
fn projected(rows: ArrayView2<'_, f32>, b: &Array2<f32>) -> Array2<f32> {
    let mut out = Array2::zeros((rows.nrows(), b.nrows()));
    product_into(rows, b.t(), out.view_mut());
    out
}

/// Adam with its default constants.
struct Adam {
    mean: Array2<f32>,
    square: Array2<f32>,
    steps: i32,
}

impl Adam {
    fn new(b: &Array2<f32>) -> Self {
        Self { mean: Array2::zeros(b.dim()), square: Array2::zeros(b.dim()), steps: 0 }
    }

    fn step(&mut self, b: &mut Array2<f32>, gradient: &Array2<f32>, rate: f32) {
        const MEAN: f32 = 0.9;
        const SQUARE: f32 = 0.999;
        self.steps = self.steps.saturating_add(1);
        let unbiased = 1.0 / (1.0 - SQUARE.powi(self.steps));
        let rate = rate / (1.0 - MEAN.powi(self.steps));
        Zip::from(b).and(&mut self.mean).and(&mut self.square).and(gradient).for_each(
            |b, mean, square, &g| {
                *mean += (1.0 - MEAN) * (g - *mean);
                *square += (1.0 - SQUARE) * (g * g - *square);
                *b -= rate * *mean / ((*square * unbiased).sqrt() + 1e-8);
            },
        );
    }
}

/// # Errors
/// Trees that refer to rows that do not exist, a vector without entries, a value that is not finite.
fn check(rows: ArrayView2<'_, f32>, trees: &Trees) -> Result<()> {
    let (expected, found) = (trees.rows_needed(), rows.nrows());
    if expected > found {
        return Err(ProbingError::Length { what: "rows that the trees refer to", expected, found });
    }
    if rows.ncols() == 0 {
        return Err(ProbingError::Length { what: "entries of a vector", expected: 1, found: 0 });
    }
    for &row in trees.all().iter().flat_map(|tree| &tree.rows) {
        if let Some(&value) = rows.row(row).iter().find(|value| !value.is_finite()) {
            return Err(ProbingError::RowNotFinite { row, value });
        }
    }
    Ok(())
}

/// The inverse of the root mean square of all entries; 1 where all are 0.
fn scale(rows: ArrayView2<'_, f32>, trees: &Trees) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for &row in trees.all().iter().flat_map(|tree| &tree.rows) {
        sum += rows.row(row).iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
        n += rows.ncols() as f64;
    }
    if sum > 0.0 { (n / sum).sqrt() } else { 1.0 }
}
