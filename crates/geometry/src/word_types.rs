//! Measures of word types over their occurrences in different contexts.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayView2, Axis};
use stratoscope_numerics::Estimate;

use crate::bootstrap::ratio;
use crate::checks::{all_finite, finite, same_length};
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;
use crate::jackknife::Parts;
use crate::similarity::unit_rows;
use crate::spectrum::Spectrum;

/// A measure of word types, and its mean over them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ByWord {
    /// The mean over word types, each with weight 1.
    pub mean: Estimate,
    /// The types for which the measure is defined: number (ascending) and value.
    pub words: Vec<(usize, f64)>,
}

/// Self-similarity (Ethayarajh 2019): the mean cosine of all pairs of occurrences of a word type, then
/// the mean over types. 1 for vectors that do not depend on context.
///
/// `x` is `[n, d_model]`; `words` `[n]` names the type of each row, `sentences` `[n]` its sentence.
/// Types with one occurrence are left out; a vector of length 0 has cosine 0. The interval is by
/// [jackknife](crate::jackknife()) over sentences. [`Estimate::minus`] the anisotropy baseline adjusts
/// it as Ethayarajh does.
///
/// # Errors
/// Different lengths, no type with 2 occurrences, an entry that is not finite.
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
    // The cosine of every type; and by part, the sum and number of cosines without that part.
    let mut whole = Vec::new();
    let mut without = vec![(0.0, 0usize); parts.count];
    for (word, rows) in rows_by_group(words) {
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
    let mean = parts.estimate(value, |part| {
        let (sum, types) = without[part];
        (types > 0).then(|| sum / types as f64)
    });
    Ok(ByWord { mean: mean.within(-1.0, 1.0), words: whole })
}

/// Sums over occurrences. They give the sum over pairs, Σ_{i≠j} u_i · u_j = |Σ u|² − Σ |u|².
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

/// Maximum explainable variance (Ethayarajh 2019): the share σ1² / Σ σ² of the first direction of the
/// **uncentred** occurrences of a word type, then the mean over types with a bootstrap interval over
/// types. 1 where all occurrences have one direction, so that a static vector can replace them.
///
/// `x` is `[n, d_model]`; `words` `[n]` names the type of each row. Types with fewer than
/// `occurrences` rows are left out, because the share of m rows is at least 1 / m (Ethayarajh takes
/// 5); types that are all 0 too. [`Estimate::minus`] the share of random words
/// ([`crate::SpectrumEstimates::first`], or [`Spectrum::first`] of some rows) adjusts it as
/// Ethayarajh does.
///
/// # Errors
/// Different lengths, no such type, an entry that is not finite.
pub fn maximum_explainable_variance(
    x: ArrayView2<f32>,
    words: &[usize],
    occurrences: usize,
    seed: u64,
) -> Result<ByWord> {
    same_length("word types", x.nrows(), words.len())?;
    all_finite(x)?;
    let mut found = Vec::new();
    for (word, rows) in rows_by_group(words) {
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
    match ratio(&values, seed) {
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
    use crate::jackknife::jackknife;
    use ndarray::{Array2, array};
    use rand::Rng;
    use stratoscope_numerics::generator;

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
        let direct = jackknife(&sentences, 3, direct).unwrap();
        assert!((found.mean.value - direct.value).abs() < 1e-12);
        let low = |e: &Estimate| e.low().unwrap();
        assert!((low(&found.mean) - low(&direct)).abs() < 1e-12 && found.mean.n == 60);
        let mean = found.words.iter().map(|w| w.1).sum::<f64>() / found.words.len() as f64;
        assert!((mean - direct.value).abs() < 1e-12);
    }

    #[test]
    fn static_embeddings_have_self_similarity_1() {
        let (mut x, words, sentences) = occurrences();
        let table = x.clone();
        for (mut row, &word) in x.rows_mut().into_iter().zip(&words) {
            row.assign(&table.row(word));
        }
        let found = self_similarity(x.view(), &words, &sentences, 3).unwrap();
        assert!((found.mean.value - 1.0).abs() < 1e-12);
        assert!((found.mean.low().unwrap() - 1.0).abs() < 1e-9);
        let found = maximum_explainable_variance(x.view(), &words, 5, 3).unwrap();
        assert!((found.mean.value - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn variance_in_one_direction() {
        // Type 4 has σ² = 9 and 1, type 2 is a line, type 7 is 0, type 9 is too rare.
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
        assert_eq!((twice.mean.value, twice.mean.interval, twice.words.len()), (0.0, None, 1));
        assert!(self_similarity(x.view(), &[0], &[0, 1], 0).is_err());
    }
}
