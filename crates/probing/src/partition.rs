//! How much of what varies within a word is due to its sense, and how much to its role.
//!
//! Within each word (its mean subtracted) the sums of squares over all dimensions are split:
//! sense (within word), role (shared by all words), word × role, and the rest: sense × role within
//! word, and contexts. Each is reported as ω² = (SS − df · MS_rest) / (SS_within + MS_rest) (Hays
//! 1963; Olejnik & Algina 2003), which, unlike a plain share of variance, is 0 on average where
//! there is no effect, however many degrees of freedom it has.
//!
//! Where the positions of the target differ between cells, position (one-hot) is removed first, and
//! every effect is what it adds beyond position and beyond the effects that do not contain it
//! (type II). In a balanced design the two are the same.

use crate::Design;
use crate::least_squares::{self, Blocks, Cloud, Fit, Model, Stack, Word};
use crate::{ProbingError, Result};
use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number on all words.
    pub value: f64,
    /// The low end: 2.5 % of a bootstrap over words, shifted so that its mean is `value`.
    pub low: f64,
    /// The high end: 97.5 %.
    pub high: f64,
}

/// What an effect comes to by chance: the same computation with permuted labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// The mean of ω² over the permutations.
    pub mean: f64,
    /// The 95th percentile: what an effect has to exceed.
    pub high: f64,
}

/// The partition of one cloud of vectors. A number is None where it is not defined: an effect that
/// cannot be told from position, vectors that do not vary, a share where there is nothing to share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// ω² of sense.
    pub sense: Option<Estimate>,
    /// ω² of role, shared by all words.
    pub role: Option<Estimate>,
    /// ω² of word × role: what a role does to one word and not to others.
    pub word_role: Option<Estimate>,
    /// 1 − the three: what neither explains.
    pub rest: Option<Estimate>,
    /// max(0, sense) / (max(0, sense) + max(0, role)).
    pub semantic_share: Option<Estimate>,
    /// ω² of role and word × role together: as word-specific as the sense is.
    pub any_role: Option<Estimate>,
    /// The share of sense against `any_role`.
    pub semantic_share_any_role: Option<Estimate>,
    /// The share of the cloud's variance that lies within words (after position is removed, where it
    /// is).
    pub within_word: Option<Estimate>,
    /// Sense by chance: whole contexts permuted within word and role.
    pub sense_null: Option<Null>,
    /// Role by chance: whole contexts permuted within word and sense.
    pub role_null: Option<Null>,
}

/// Resamples of the words behind every interval.
pub const RESAMPLES: usize = 1000;
/// Permutations behind every null.
pub const PERMUTATIONS: usize = 200;
/// Shares are not given where less of the variance than this is within words.
pub const LEAST_WITHIN: f64 = 0.02;
/// Less than this within words is rounding.
const ROUNDING: f64 = 1e-9;

/// Everything that a partition needs of a design, made once for the vectors of all layers.
pub struct Partitioner {
    design: Design,
    words: Vec<Word>,
    models: Models,
    degrees: Degrees,
    /// `[RESAMPLES][words]`: how often each word is drawn.
    resamples: Vec<Vec<f64>>,
    /// `[PERMUTATIONS]`: the full model with senses permuted within word and role.
    sense_permuted: Stack,
    /// `[PERMUTATIONS]`: the full model, and the one that the role's effect is read off, with roles
    /// permuted within word and sense.
    role_permuted: [Stack; 2],
}

impl Partitioner {
    /// Makes a design ready. `seed` is that of the bootstrap and the permutations, which are the
    /// same for all vectors.
    ///
    /// # Errors
    /// Lists of unequal length, fewer than two words, or a design whose effects leave nothing over.
    pub fn new(design: Design, seed: u64) -> Result<Self> {
        design.check()?;
        let words = least_squares::words(&design, !design.positions_balanced());
        let labels: Labels = words.iter().map(|w| (w.sense.clone(), w.role.clone())).collect();
        let models = Models::new(&words, &labels);
        let degrees = Degrees::of(&models, &words)?;
        let mut rng = Xoshiro256Plus::seed_from_u64(seed);
        let resamples = resamples(words.len(), &mut rng);
        // Drawn one after the other, made side by side: the same with any number of threads.
        let mut drawn = |which: fn(&mut (Vec<usize>, Vec<usize>), &mut Xoshiro256Plus)| {
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

    /// Partitions `vectors` `[contexts, d_model]`, each the mean over a context's positions.
    ///
    /// # Errors
    /// Another number of vectors than the design has contexts, or a value that is not finite.
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
            let within_word =
                (total > 0.0).then_some(Estimate { value: within, low: within, high: within });
            return Ok(Partition { within_word, ..Partition::default() });
        }
        let spread = TotalByWord::of(vectors, &self.design);
        let resample = |counts: &Vec<f64>| {
            let sums = fits.sums(counts);
            (self.degrees.effects(&sums), sums.within / spread.total(counts))
        };
        let resampled: Vec<_> = self.resamples.par_iter().map(resample).collect();
        // What permuted labels change is the fit; what varies within words stays as it is.
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
        Ok(self.degrees.partition(value, within, &resampled, sense_null, role_null))
    }
}

/// `[RESAMPLES][words]`: how often each word is drawn.
fn resamples(words: usize, rng: &mut Xoshiro256Plus) -> Vec<Vec<f64>> {
    let mut resample = || {
        let mut counts = vec![0.0; words];
        (0..words).for_each(|_| counts[rng.gen_range(0..words)] += 1.0);
        counts
    };
    (0..RESAMPLES).map(|_| resample()).collect()
}

/// One vector a context, all of them finite.
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
    /// Everything together, what is not defined left out.
    fn partition(
        &self,
        value: Effects,
        within: f64,
        resampled: &[(Effects, f64)],
        sense_null: Null,
        role_null: Null,
    ) -> Partition {
        let column = |pick: fn(&Effects) -> f64| -> Vec<f64> {
            resampled.iter().map(|(effects, _)| pick(effects)).collect()
        };
        let defined = |known: bool, value: f64, samples: &[f64]| {
            known.then(|| Estimate::shifted(value, samples))
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
            let known = sense_known && role_known && real && within >= LEAST_WITHIN;
            known.then(|| Estimate::share((value.sense, &sense), (against, samples))).flatten()
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
            within_word: Some(Estimate::shifted(within, &within_samples)),
            sense_null: sense_known.then_some(sense_null),
            role_null: role_known.then_some(role_null),
        }
    }
}

/// The same vectors with every dimension standardised (mean 0, population standard deviation 1;
/// dimensions that do not vary are 0), so that no few large ones carry the whole.
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
        Self { mean: mean(&values), high: percentile(&values, 0.95) }
    }
}

impl Estimate {
    /// The percentile interval of a bootstrap over words, shifted by its bias. Resampling with
    /// replacement takes some words twice, and a word agrees with itself in every role: role
    /// effects of resamples are too large by what chance alone gives, and the shift takes that off.
    fn shifted(value: f64, samples: &[f64]) -> Self {
        let shift = value - mean(samples);
        let (low, high) = ends(samples.iter().map(|s| s + shift).collect());
        Self { value, low, high }
    }

    /// The share of the first of two effects, both taken as 0 where they are negative.
    fn share(sense: (f64, &[f64]), role: (f64, &[f64])) -> Option<Self> {
        let share = |sense: f64, role: f64| {
            let (sense, role) = (sense.max(0.0), role.max(0.0));
            (sense + role > 0.0).then(|| sense / (sense + role))
        };
        let value = share(sense.0, role.0)?;
        let shifts = (sense.0 - mean(sense.1), role.0 - mean(role.1));
        let pairs = sense.1.iter().zip(role.1);
        let samples: Vec<f64> =
            pairs.filter_map(|(s, r)| share(s + shifts.0, r + shifts.1)).collect();
        let (low, high) = ends(samples);
        // The share bends, so that a shifted interval could pass its own value by.
        Some(Self { value, low: low.min(value), high: high.max(value) })
    }
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

/// 2.5 % and 97.5 %.
fn ends(mut samples: Vec<f64>) -> (f64, f64) {
    samples.sort_unstable_by(f64::total_cmp);
    (percentile(&samples, 0.025), percentile(&samples, 0.975))
}

/// numpy's linear percentile of sorted samples.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(a), Some(b)) => a + part * (b - a),
        (Some(a), None) => *a,
        _ => f64::NAN,
    }
}

/// Sense and role labels of the rows of each word.
type Labels = Vec<(Vec<usize>, Vec<usize>)>;

const NONE: Blocks = Blocks { sense: false, role: false, shared_role: false };
const SENSE_AND_SHARED_ROLE: Blocks = Blocks { sense: true, shared_role: true, ..NONE };
const FULL: Blocks = Blocks { sense: true, role: true, ..NONE };

/// The nested models that every sum of squares is a difference of.
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

/// The models, fitted to vectors.
struct Fits<'a> {
    position: Fit<'a>,
    sense: Fit<'a>,
    sense_and_shared_role: Fit<'a>,
    role: Fit<'a>,
    full: Fit<'a>,
    /// `[words]`: sum of squares within words, before position is removed.
    within: Vec<f64>,
}

/// Sums of squares.
struct Sums {
    sense: f64,
    role: f64,
    any_role: f64,
    rest: f64,
    within: f64,
}

impl Fits<'_> {
    /// With every word counted as often as `weights` says.
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

/// Degrees of freedom, and which effects position leaves to be told.
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
        // What each effect has without regard to position.
        let sense: usize = words.iter().map(|w| distinct(&w.sense) - 1).sum();
        let all_roles: Vec<usize> = words.iter().flat_map(|w| w.role.iter().copied()).collect();
        let role = distinct(&all_roles) - 1;
        let any_role: usize = words.iter().map(|w| distinct(&w.role) - 1).sum();
        let word_role = any_role - role;
        if sense == 0 || role == 0 {
            return Err(ProbingError::Design { needed: "two senses and two roles or more" });
        }
        // What is left of it beside position.
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

/// The layer's total sum of squares when words are counted more or less often.
struct TotalByWord {
    counts: Vec<f64>,
    sums: Array2<f64>,
    squares: Vec<f64>,
}

impl TotalByWord {
    fn of(vectors: ArrayView2<'_, f64>, design: &Design) -> Self {
        let by_word = design.by_word();
        let mut sums = Array2::zeros((by_word.len(), vectors.ncols()));
        // About the grand mean, so that no digits are lost where vectors lie far from 0.
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
fn shuffle_within(moved: &mut [usize], fixed: &[usize], rng: &mut Xoshiro256Plus) {
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
