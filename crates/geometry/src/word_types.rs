//! The occurrences of a word in many contexts: how alike they are, how few directions they need.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayView2, Axis};

use crate::anisotropy::by_sentence;
use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::parts::Parts;
use crate::similarity::{finite, same_length, unit_rows};
use crate::spectrum::Spectrum;

/// A measure of word types, and its mean over them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ByWord {
    /// The mean over word types, each counted once.
    pub mean: Interval,
    /// Every type that the measure is defined for, by its number, ascending.
    pub words: Vec<(usize, f64)>,
}

/// Self-similarity (Ethayarajh 2019): of a word type, the mean cosine of all pairs of its
/// occurrences; then the mean over types. 1 for vectors that do not depend on context.
///
/// `x` is `[n, d_model]`, `words` `[n]` names the type of each row, `sentences` `[n]` its
/// sentence. Types of one occurrence are left out; a vector of length 0 has cosine 0. The
/// interval leaves sentences out ([`Interval::leaving_out`]). [`Interval::minus`] the anisotropy
/// baseline adjusts it as Ethayarajh does.
///
/// # Errors
/// Lengths that differ, no type of 2 occurrences, an entry that is not finite.
pub fn self_similarity(
    x: ArrayView2<f32>,
    words: &[usize],
    sentences: &[usize],
    seed: u64,
) -> Result<ByWord> {
    same_length("word types", x.nrows(), words.len())?;
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    let directions = unit_rows(finite(x)?);
    let parts = Parts::new(sentences, seed);
    // Of every type: its cosine, and what that is without each part that it occurs in.
    let mut whole = Vec::new();
    let mut without = vec![(0.0, 0usize); parts.count];
    for (word, rows) in by_sentence(words) {
        let mut all = Occurrences::new(x.ncols());
        let mut of_part: BTreeMap<usize, Occurrences> = BTreeMap::new();
        for row in rows {
            let direction = directions.row(row);
            all.add(&Occurrences::of(direction.to_owned()), 1.0);
            let own = of_part.entry(parts.of_row[row]);
            own.or_insert_with(|| Occurrences::new(x.ncols()))
                .add(&Occurrences::of(direction.to_owned()), 1.0);
        }
        let Some(value) = all.mean_cosine() else { continue };
        whole.push((word, value));
        for (part, (sum, types)) in without.iter_mut().enumerate() {
            let left = match of_part.get(&part) {
                Some(own) => {
                    let mut rest = all.clone();
                    rest.add(own, -1.0);
                    rest.mean_cosine()
                }
                None => Some(value),
            };
            if let Some(left) = left {
                (*sum, *types) = (*sum + left, *types + 1);
            }
        }
    }
    if whole.is_empty() {
        let measure = "self-similarity (word types that occur twice)";
        return Err(GeometryError::TooFew { measure, needed: 1, found: 0 });
    }
    let value = whole.iter().map(|(_, v)| v).sum::<f64>() / whole.len() as f64;
    let mean = parts.interval(value, |part| {
        let (sum, types) = without[part];
        (types > 0).then(|| sum / types as f64)
    });
    Ok(ByWord { mean: mean.within(-1.0, 1.0), words: whole })
}

/// Sums over some occurrences, from which pairs are counted: Σ_{i≠j} u_i · u_j = |Σ u|² − Σ |u|².
#[derive(Clone)]
struct Occurrences {
    n: f64,
    sum: Array1<f64>,
    own: f64,
}

impl Occurrences {
    fn new(d: usize) -> Self {
        Self { n: 0.0, sum: Array1::zeros(d), own: 0.0 }
    }

    fn of(direction: Array1<f64>) -> Self {
        Self { n: 1.0, own: direction.dot(&direction), sum: direction }
    }

    fn add(&mut self, other: &Self, sign: f64) {
        self.n += sign * other.n;
        self.own += sign * other.own;
        self.sum.scaled_add(sign, &other.sum);
    }

    fn mean_cosine(&self) -> Option<f64> {
        let pairs = self.n * (self.n - 1.0);
        let sum = self.sum.dot(&self.sum) - self.own;
        (self.n >= 2.0).then(|| (sum / pairs).clamp(-1.0, 1.0))
    }
}

/// Maximum explainable variance (Ethayarajh 2019): of a word type, the share σ1² / Σ σ² of the
/// first direction in its occurrences, **not centred**; then the mean over types, with a bootstrap
/// interval over types. 1 where one static vector could stand for all, up to its length.
///
/// `x` is `[n, d_model]`, `words` `[n]` names the type of each row. Types of fewer than
/// `occurrences` rows are left out: of m rows the share is never below 1 / m, so few rows say
/// little (Ethayarajh takes 5). Types that are all 0 are left out too. [`Interval::minus`] the
/// same share of words drawn at random ([`crate::SpectrumIntervals::first`], or
/// [`Spectrum::first`] of some rows) adjusts it as Ethayarajh does.
///
/// # Errors
/// Lengths that differ, no such type, an entry that is not finite.
pub fn maximum_explainable_variance(
    x: ArrayView2<f32>,
    words: &[usize],
    occurrences: usize,
    seed: u64,
) -> Result<ByWord> {
    same_length("word types", x.nrows(), words.len())?;
    finite(x)?;
    let mut found = Vec::new();
    for (word, rows) in by_sentence(words) {
        if rows.len() < occurrences.max(2) {
            continue;
        }
        match Spectrum::of(x.select(Axis(0), &rows).view()) {
            Ok(spectrum) => found.push((word, spectrum.first())),
            Err(GeometryError::NoVariance { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let values: Vec<(f64, f64)> = found.iter().map(|&(_, value)| (value, 1.0)).collect();
    match Interval::of_ratio(&values, seed) {
        Some(mean) => Ok(ByWord { mean, words: found }),
        None => Err(GeometryError::TooFew {
            measure: "maximum explainable variance (word types that occur so often)",
            needed: 1,
            found: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::generator;
    use ndarray::{Array2, array};
    use rand::Rng;

    fn occurrences() -> (Array2<f32>, Vec<usize>, Vec<usize>) {
        let mut rng = generator(8);
        let words: Vec<usize> = (0..240).map(|i| (i * i) % 13 % 7).collect();
        let mut x = Array2::from_shape_simple_fn((240, 6), || rng.gen_range(-1.0..1.0f32));
        for (mut row, word) in x.rows_mut().into_iter().zip(&words) {
            row[word % 6] += 2.0;
        }
        (x, words, (0..240).map(|i| i / 4).collect())
    }

    #[test]
    fn self_similarity_is_the_mean_of_pairs() {
        let (x, words, sentences) = occurrences();
        let found = self_similarity(x.view(), &words, &sentences, 3).unwrap();
        let direct = |rows: &[usize]| {
            let mut means = Vec::new();
            for word in 0..7 {
                let rows: Vec<usize> = rows.iter().copied().filter(|&r| words[r] == word).collect();
                let picked = x.select(Axis(0), &rows);
                let cosines =
                    crate::similarity_matrix(picked.view(), crate::Metric::Cosine, None).unwrap();
                let n = rows.len() as f64;
                if n >= 2.0 {
                    means.push((cosines.sum() - n) / (n * (n - 1.0)));
                }
            }
            Ok(means.iter().sum::<f64>() / means.len() as f64)
        };
        let direct = Interval::leaving_out(&sentences, 3, direct).unwrap();
        assert!((found.mean.value - direct.value).abs() < 1e-12);
        assert!((found.mean.low - direct.low).abs() < 1e-12 && found.mean.n == 60);
        let mean = found.words.iter().map(|w| w.1).sum::<f64>() / found.words.len() as f64;
        assert!((mean - direct.value).abs() < 1e-12);
    }

    #[test]
    fn static_embeddings_are_like_themselves() {
        let (mut x, words, sentences) = occurrences();
        let table = x.clone();
        for (mut row, &word) in x.rows_mut().into_iter().zip(&words) {
            row.assign(&table.row(word));
        }
        let found = self_similarity(x.view(), &words, &sentences, 3).unwrap();
        assert!((found.mean.value - 1.0).abs() < 1e-12 && (found.mean.low - 1.0).abs() < 1e-9);
        let found = maximum_explainable_variance(x.view(), &words, 5, 3).unwrap();
        assert!((found.mean.value - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn variance_in_one_direction() {
        // σ² = 9 and 1; a line; a type that is 0; one that is too rare.
        let x = array![
            [3.0f32, 0.0],
            [0.0, 1.0],
            [1.0, 1.0],
            [-2.0, -2.0],
            [0.0, 0.0],
            [0.0, 0.0],
            [1.0, 5.0]
        ];
        let found = maximum_explainable_variance(x.view(), &[4, 4, 2, 2, 7, 7, 9], 2, 0).unwrap();
        assert_eq!(found.words.iter().map(|w| w.0).collect::<Vec<_>>(), [2, 4]);
        assert!((found.words[0].1 - 1.0).abs() < 1e-12 && (found.words[1].1 - 0.9).abs() < 1e-12);
        assert_eq!(found.mean.n, 2);
        let rare = maximum_explainable_variance(x.view(), &[4, 4, 2, 2, 7, 7, 9], 3, 0);
        assert!(matches!(rare, Err(GeometryError::TooFew { .. })), "{rare:?}");
    }

    #[test]
    fn words_that_occur_once() {
        let x = array![[1.0f32, 0.0], [0.0, 1.0]];
        let once = self_similarity(x.view(), &[0, 1], &[0, 1], 0);
        assert!(matches!(once, Err(GeometryError::TooFew { .. })), "{once:?}");
        // Without either sentence there is no pair.
        let twice = self_similarity(x.view(), &[0, 0], &[0, 1], 0).unwrap();
        assert_eq!((twice.mean.value, twice.mean.ends(), twice.words.len()), (0.0, None, 1));
        assert!(self_similarity(x.view(), &[0], &[0, 1], 0).is_err());
    }
}
