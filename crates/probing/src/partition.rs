//! The partition of the variance within words into sense and role.
//!
//! Within each word (its mean subtracted) the sums of squares over all dimensions are partitioned
//! into sense (within word), role (shared by all words), word × role, and the rest: sense × role
//! within word, and contexts. Each effect is reported as
//! ω² = (SS − df · MS_rest) / (SS_within + MS_rest) (Hays 1963; Olejnik & Algina 2003). Unlike a plain
//! share of variance, ω² is 0 on average without an effect, for any degrees of freedom.
//!
//! Where the positions of the target differ between cells, position (one-hot) is removed first, and
//! every effect is tested beyond position and beyond the effects that do not contain it (type II). In
//! a balanced design this changes nothing.

use crate::design::Design;
use crate::error::{ProbingError, Result};
use crate::least_squares::{self, Blocks, Cloud, Fit, Model, Stack, Word};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use stratoscope_numerics::{Estimate, Generator, RESAMPLES, generator, percentile, resample};

#[cfg(test)]
mod tests;

/// An effect by chance: the same computation with permuted labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// The mean of ω² over the permutations.
    pub mean: f64,
    /// The 95th percentile, which a real effect exceeds.
    pub high: f64,
}

/// The partition of one cloud of vectors; intervals are bootstraps over words. A number is None where
/// it is not defined: an effect that is confounded with position, vectors that do not vary, a share
/// without an effect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// ω² of sense.
    pub sense: Option<Estimate>,
    /// ω² of role, shared by all words.
    pub role: Option<Estimate>,
    /// ω² of word × role: the effect of a role on one word alone.
    pub word_role: Option<Estimate>,
    /// 1 minus the three effects: the unexplained share.
    pub rest: Option<Estimate>,
    /// max(0, sense) / (max(0, sense) + max(0, role)).
    pub semantic_share: Option<Estimate>,
    /// ω² of role and word × role together, which is as word-specific as the sense.
    pub any_role: Option<Estimate>,
    /// The semantic share with `any_role` in the place of `role`.
    pub semantic_share_any_role: Option<Estimate>,
    /// The share of the variance of the cloud that is within words, after position is removed where it
    /// is.
    pub within_word: Option<Estimate>,
    /// Sense by chance: whole contexts permuted within word and role.
    pub sense_null: Option<Null>,
    /// Role by chance: whole contexts permuted within word and sense.
    pub role_null: Option<Null>,
}

/// Permutations behind every null.
pub const PERMUTATIONS: usize = 200;
/// There is no semantic share where less than this share of the variance is within words.
pub const MIN_WITHIN_WORD: f64 = 0.02;
/// A smaller share of the variance within words is rounding.
const ROUNDING: f64 = 1e-9;

/// A prepared design, for the partitions of all layers.
pub struct Partitioner {
    design: Design,
    words: Vec<Word>,
    models: Models,
    degrees: Degrees,
    /// `[RESAMPLES][words]`: the number of times that each word is drawn.
    resamples: Vec<Vec<f64>>,
    /// `[PERMUTATIONS]`: the full model with senses permuted within word and role.
    sense_permuted: Stack,
    /// `[PERMUTATIONS]`: the full model and the model with shared roles, with roles permuted within word
    /// and sense.
    role_permuted: [Stack; 2],
}

impl Partitioner {
    /// Prepares a design. `seed` is that of the bootstrap and the permutations, which are the same for
    /// all vectors.
    ///
    /// # Errors
    /// Lists of different lengths, fewer than two words, or a design without residual degrees of
    /// freedom.
    pub fn new(design: Design, seed: u64) -> Result<Self> {
        design.check()?;
        let words = least_squares::words(&design, !design.positions_balanced());
        let labels: Labels = words.iter().map(|w| (w.sense.clone(), w.role.clone())).collect();
        let models = Models::new(&words, &labels);
        let degrees = Degrees::of(&models, &words)?;
        let mut rng = generator(seed);
        let mut resamples = Vec::with_capacity(RESAMPLES);
        resample(words.len(), &mut rng, |counts| {
            resamples.push(counts.iter().map(|&count| f64::from(count)).collect());
        });
        // Drawn in sequence, fitted in parallel: the result does not depend on the threads.
        let mut drawn = |which: fn(&mut (Vec<usize>, Vec<usize>), &mut Generator)| {
            let mut one = || {
                let mut labels = labels.clone();
                labels.iter_mut().for_each(|own| which(own, &mut rng));
                labels
            };
            (0..PERMUTATIONS).map(|_| one()).collect::<Vec<Labels>>()
        };
        let senses = drawn(|(sense, role), rng| shuffle_within(sense, role, rng));
        let roles = drawn(|(sense, role), rng| shuffle_within(role, sense, rng));
        let stack = |drawn: &[Labels], blocks| {
            let models: Vec<Model> =
                drawn.par_iter().map(|labels| Model::new(&words, labels, blocks)).collect();
            Stack::new(&models, &words)
        };
        let sense_permuted = stack(&senses, FULL);
        let role_permuted = [stack(&roles, FULL), stack(&roles, SENSE_AND_SHARED_ROLE)];
        Ok(Self { design, words, models, degrees, resamples, sense_permuted, role_permuted })
    }

    /// Partitions `vectors` `[contexts, d_model]`, each the mean over the positions of a context.
    ///
    /// # Errors
    /// A number of vectors that is not that of the contexts, or a value that is not finite.
    pub fn partition(&self, vectors: ArrayView2<'_, f64>) -> Result<Partition> {
        check_vectors(vectors, self.design.word.len())?;
        let mean = vectors.mean_axis(Axis(0)).unwrap_or_default();
        let total: f64 = (&vectors - &mean).iter().map(|v| v * v).sum();
        let clouds = least_squares::clouds(vectors, &self.words);
        let fits = self.models.fit(&clouds);
        let ones = vec![1.0; self.words.len()];
        let sums = fits.sums(&ones);
        let within = sums.within / total;
        if total <= 0.0 || within < ROUNDING {
            let within_word = (total > 0.0).then(|| Estimate::exact(within, self.words.len()));
            return Ok(Partition { within_word, ..Partition::default() });
        }
        let spread = TotalByWord::of(vectors, &self.design);
        let resample = |counts: &Vec<f64>| {
            let sums = fits.sums(counts);
            (self.degrees.effects(&sums), sums.within / spread.total(counts))
        };
        let resampled: Vec<_> = self.resamples.par_iter().map(resample).collect();
        // Permuted labels change the fit, not the variance within words.
        let all = fits.within.iter().sum::<f64>();
        let by_chance = |effect: f64, full: f64| {
            let within = sums.within;
            Sums { sense: effect, role: effect, any_role: effect, rest: all - full, within }
        };
        let (sense_fit, role_fit) = (fits.sense.explained(&ones), fits.role.explained(&ones));
        let sense = |full: f64| self.degrees.effects(&by_chance(full - role_fit, full)).sense;
        let senses = self.sense_permuted.explained(&clouds);
        let sense_null = Null::of(senses.into_iter().map(sense).collect());
        let role = |(full, shared): (f64, f64)| {
            self.degrees.effects(&by_chance(shared - sense_fit, full)).role
        };
        let [full, shared] = self.role_permuted.each_ref().map(|s| s.explained(&clouds));
        let role_null = Null::of(full.into_iter().zip(shared).map(role).collect());
        let value = self.degrees.effects(&sums);
        let words = self.words.len();
        Ok(self.degrees.partition(value, within, words, &resampled, sense_null, role_null))
    }
}

/// # Errors
/// A number of vectors that is not that of the contexts, or a value that is not finite.
fn check_vectors(vectors: ArrayView2<'_, f64>, contexts: usize) -> Result<()> {
    let (expected, found) = (contexts, vectors.nrows());
    if found != expected {
        return Err(ProbingError::Length { what: "vectors", expected, found });
    }
    for (context, row) in vectors.outer_iter().enumerate() {
        if let Some(&value) = row.iter().find(|v| !v.is_finite()) {
            return Err(ProbingError::NotFinite { context, value });
        }
    }
    Ok(())
}

impl Degrees {
    /// The partition from the effects on all words and on resamples, `[RESAMPLES]` each.
    fn partition(
        &self,
        value: Effects,
        within: f64,
        words: usize,
        resampled: &[(Effects, f64)],
        sense_null: Null,
        role_null: Null,
    ) -> Partition {
        let column = |pick: fn(&Effects) -> f64| -> Vec<f64> {
            resampled.iter().map(|(effects, _)| pick(effects)).collect()
        };
        let defined = |known: bool, value: f64, samples: &[f64]| {
            known.then(|| shifted(value, words, samples))
        };
        let (sense, role, any) =
            (column(|e| e.sense), column(|e| e.role), column(|e| e.any_role()));
        let word_role = column(|e| e.word_role);
        let rest = column(Effects::rest);
        let (sense_known, role_known) = (self.sense_known, self.role_known);
        let beats = |null: &Null, value: f64| value > null.high;
        let real = (sense_known && beats(&sense_null, value.sense))
            || (role_known && beats(&role_null, value.role));
        let share = |against: f64, samples: &[f64]| {
            let known = sense_known && role_known && real && within >= MIN_WITHIN_WORD;
            known.then(|| share_of((value.sense, &sense), (against, samples), words)).flatten()
        };
        let within_samples: Vec<f64> = resampled.iter().map(|(_, within)| *within).collect();
        let all_known = sense_known && role_known && self.word_role_known;
        Partition {
            semantic_share: share(value.role, &role),
            semantic_share_any_role: self
                .word_role_known
                .then(|| share(value.any_role(), &any))
                .flatten(),
            sense: defined(sense_known, value.sense, &sense),
            role: defined(role_known, value.role, &role),
            word_role: defined(self.word_role_known, value.word_role, &word_role),
            any_role: defined(role_known && self.word_role_known, value.any_role(), &any),
            rest: defined(all_known, value.rest(), &rest),
            within_word: Some(shifted(within, words, &within_samples)),
            sense_null: sense_known.then_some(sense_null),
            role_null: role_known.then_some(role_null),
        }
    }
}

/// The vectors with every dimension standardised (mean 0, population standard deviation 1; a constant
/// dimension is 0), so that no few large dimensions dominate.
pub fn standardised(vectors: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut z = vectors.to_owned();
    for mut column in z.columns_mut() {
        let n = column.len().max(1) as f64;
        let mean = column.sum() / n;
        column -= mean;
        let deviation = (column.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
        let varies = deviation > 1e-12 * (1.0 + mean.abs());
        column.mapv_inplace(|v| if varies { v / deviation } else { 0.0 });
    }
    z
}

impl Null {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let high = percentile(&values, 0.95).unwrap_or(f64::NAN);
        Self { mean: mean(&values), high }
    }
}

/// The percentile interval of a bootstrap over `n` words, shifted so that its mean is `value`. A
/// resample contains some words twice, and a word agrees with itself in every role: the role effects
/// of resamples are too large by the effect of chance, which the shift removes.
fn shifted(value: f64, n: usize, samples: &[f64]) -> Estimate {
    let shift = value - mean(samples);
    Estimate::of_samples(value, n, samples.iter().map(|s| s + shift).collect())
}

/// The share of the first of two effects over `n` words; negative effects count as 0.
fn share_of(sense: (f64, &[f64]), role: (f64, &[f64]), n: usize) -> Option<Estimate> {
    let share = |sense: f64, role: f64| {
        let (sense, role) = (sense.max(0.0), role.max(0.0));
        (sense + role > 0.0).then(|| sense / (sense + role))
    };
    let value = share(sense.0, role.0)?;
    let shifts = (sense.0 - mean(sense.1), role.0 - mean(role.1));
    let pairs = sense.1.iter().zip(role.1);
    let samples = pairs.filter_map(|(s, r)| share(s + shifts.0, r + shifts.1)).collect();
    let found = Estimate::of_samples(value, n, samples);
    // The share is not linear: a shifted interval might exclude the value.
    let interval = found.interval.map(|[low, high]| [low.min(value), high.max(value)]);
    Some(Estimate { interval, ..found })
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

/// The sense and role labels of the rows of each word.
type Labels = Vec<(Vec<usize>, Vec<usize>)>;

const NONE: Blocks = Blocks { sense: false, role: false, shared_role: false };
const SENSE_AND_SHARED_ROLE: Blocks = Blocks { sense: true, shared_role: true, ..NONE };
const FULL: Blocks = Blocks { sense: true, role: true, ..NONE };

/// The nested models; every sum of squares is a difference between two of them.
struct Models {
    position: Model,
    sense: Model,
    sense_and_shared_role: Model,
    role: Model,
    full: Model,
}

impl Models {
    fn new(words: &[Word], labels: &Labels) -> Self {
        let model = |blocks| Model::new(words, labels, blocks);
        Self {
            position: model(NONE),
            sense: model(Blocks { sense: true, ..NONE }),
            sense_and_shared_role: model(SENSE_AND_SHARED_ROLE),
            role: model(Blocks { role: true, ..NONE }),
            full: model(FULL),
        }
    }

    fn fit(&self, clouds: &[Cloud]) -> Fits<'_> {
        Fits {
            position: self.position.fit(clouds),
            sense: self.sense.fit(clouds),
            sense_and_shared_role: self.sense_and_shared_role.fit(clouds),
            role: self.role.fit(clouds),
            full: self.full.fit(clouds),
            within: clouds.iter().map(|c| c.sum_of_squares).collect(),
        }
    }
}

/// The fitted models.
struct Fits<'a> {
    position: Fit<'a>,
    sense: Fit<'a>,
    sense_and_shared_role: Fit<'a>,
    role: Fit<'a>,
    full: Fit<'a>,
    /// `[words]`: the sum of squares within the word, before position is removed.
    within: Vec<f64>,
}

/// The sums of squares of the effects.
struct Sums {
    sense: f64,
    role: f64,
    any_role: f64,
    rest: f64,
    within: f64,
}

impl Fits<'_> {
    /// The sums with a weight for each word.
    fn sums(&self, weights: &[f64]) -> Sums {
        let within: f64 = self.within.iter().zip(weights).map(|(ss, w)| ss * w).sum();
        let (sense, full) = (self.sense.explained(weights), self.full.explained(weights));
        Sums {
            sense: full - self.role.explained(weights),
            role: self.sense_and_shared_role.explained(weights) - sense,
            any_role: full - sense,
            rest: within - full,
            within: within - self.position.explained(weights),
        }
    }
}

/// Degrees of freedom, and the effects that are not confounded with position.
struct Degrees {
    sense: f64,
    role: f64,
    word_role: f64,
    rest: f64,
    sense_known: bool,
    role_known: bool,
    word_role_known: bool,
}

/// ω² of each effect.
struct Effects {
    sense: f64,
    role: f64,
    word_role: f64,
}

impl Effects {
    fn any_role(&self) -> f64 {
        self.role + self.word_role
    }

    fn rest(&self) -> f64 {
        1.0 - self.sense - self.role - self.word_role
    }
}

impl Degrees {
    fn of(models: &Models, words: &[Word]) -> Result<Self> {
        let rows: usize = words.iter().map(|w| w.sense.len()).sum();
        let distinct =
            |labels: &[usize]| labels.iter().collect::<std::collections::BTreeSet<_>>().len();
        // The degrees of freedom without position.
        let sense: usize = words.iter().map(|w| distinct(&w.sense) - 1).sum();
        let all_roles: Vec<usize> = words.iter().flat_map(|w| w.role.iter().copied()).collect();
        let role = distinct(&all_roles) - 1;
        let any_role: usize = words.iter().map(|w| distinct(&w.role) - 1).sum();
        let word_role = any_role - role;
        if sense == 0 || role == 0 {
            return Err(ProbingError::Design { needed: "at least two senses and two roles" });
        }
        // The degrees of freedom that remain beside position.
        let left = |more: &Model, less: &Model| more.rank() - less.rank();
        let used = words.len() + models.full.rank();
        if rows <= used {
            let needed =
                "more contexts than word, sense, role and position have degrees of freedom";
            return Err(ProbingError::Design { needed });
        }
        let sense_left = left(&models.full, &models.role);
        let role_left = left(&models.sense_and_shared_role, &models.sense);
        let any_left = left(&models.full, &models.sense);
        Ok(Self {
            sense: sense as f64,
            role: role as f64,
            word_role: word_role as f64,
            rest: (rows - used) as f64,
            sense_known: sense_left == sense,
            role_known: role_left == role,
            word_role_known: any_left == any_role,
        })
    }

    fn effects(&self, sums: &Sums) -> Effects {
        let noise = sums.rest.max(0.0) / self.rest;
        let omega = |ss: f64, df: f64| (ss - df * noise) / (sums.within + noise);
        Effects {
            sense: omega(sums.sense, self.sense),
            role: omega(sums.role, self.role),
            word_role: omega(sums.any_role - sums.role, self.word_role),
        }
    }
}

/// The total sum of squares with a weight for each word.
struct TotalByWord {
    counts: Vec<f64>,
    sums: Array2<f64>,
    squares: Vec<f64>,
}

impl TotalByWord {
    fn of(vectors: ArrayView2<'_, f64>, design: &Design) -> Self {
        let by_word = design.by_word();
        let mut sums = Array2::zeros((by_word.len(), vectors.ncols()));
        // Relative to the grand mean, so that no digits are lost far from 0.
        let centre = vectors.mean_axis(Axis(0)).unwrap_or_default();
        let mut squares = vec![0.0; by_word.len()];
        for (word, rows) in by_word.iter().enumerate() {
            for &row in rows {
                let x = &vectors.row(row) - &centre;
                squares[word] += x.iter().map(|v| v * v).sum::<f64>();
                let mut sum = sums.row_mut(word);
                sum += &x;
            }
        }
        Self { counts: by_word.iter().map(|r| r.len() as f64).collect(), sums, squares }
    }

    fn total(&self, weights: &[f64]) -> f64 {
        let weights = ndarray::ArrayView1::from(weights);
        let n = weights.dot(&ndarray::ArrayView1::from(&self.counts));
        let sum = weights.dot(&self.sums);
        weights.dot(&ndarray::ArrayView1::from(&self.squares)) - sum.dot(&sum) / n
    }
}

/// Permutes `moved` among the rows that share a label in `fixed`.
fn shuffle_within(moved: &mut [usize], fixed: &[usize], rng: &mut Generator) {
    let groups: std::collections::BTreeSet<usize> = fixed.iter().copied().collect();
    for group in groups {
        let rows: Vec<usize> = (0..fixed.len()).filter(|&r| fixed[r] == group).collect();
        let mut values: Vec<usize> = rows.iter().map(|&r| moved[r]).collect();
        values.shuffle(rng);
        for (row, value) in rows.into_iter().zip(values) {
            moved[row] = value;
        }
    }
}
