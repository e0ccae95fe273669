//! Jackknife and subsampling intervals, for measures that a bootstrap would bias.

use std::collections::BTreeMap;

use rand::seq::{SliceRandom, index};
use stratoscope_numerics::{Estimate, generator};

use crate::error::{GeometryError, Result};

/// The largest number of parts of the sentences.
pub(crate) const MAX_PARTS: usize = 32;

/// The 97.5 % points of Student's t for 1 to 31 degrees of freedom.
const STUDENT: [f64; MAX_PARTS - 1] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042, 2.040,
];

/// The part of a sentence. Of every run of `parts` sentences, each part gets one, in a random order
/// for each run: the parts have equal sizes, and a period in the file does not align with them.
pub(crate) fn part_of(sentence: usize, parts: usize, seed: u64) -> usize {
    let run = (sentence / parts) as u64;
    let mut order: Vec<usize> = (0..parts).collect();
    order.shuffle(&mut generator(seed.wrapping_add(run.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    order[sentence % parts]
}

/// The part of each row, by its sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parts {
    /// `[n]`, below `count`.
    pub(crate) of_row: Vec<usize>,
    /// The number of parts that contain a row; at most [`MAX_PARTS`].
    pub(crate) count: usize,
    /// The number of sentences.
    pub(crate) sentences: usize,
}

impl Parts {
    /// The parts of rows; `sentences` `[n]` names the sentence of each row by any number.
    pub(crate) fn new(sentences: &[usize], seed: u64) -> Self {
        let mut number: BTreeMap<usize, usize> = sentences.iter().map(|&s| (s, 0)).collect();
        number.values_mut().enumerate().for_each(|(i, part)| *part = part_of(i, MAX_PARTS, seed));
        let n_sentences = number.len();
        let mut dense: BTreeMap<usize, usize> = number.values().map(|&part| (part, 0)).collect();
        dense.values_mut().enumerate().for_each(|(i, part)| *part = i);
        let of_row = sentences.iter().map(|s| dense[&number[s]]).collect();
        Self { of_row, count: dense.len(), sentences: n_sentences }
    }

    /// The estimate of a measure from its `value` on all rows and its value `without` each part.
    /// There is no interval where the measure is not defined without some part.
    pub(crate) fn estimate(
        &self,
        value: f64,
        without: impl FnMut(usize) -> Option<f64>,
    ) -> Estimate {
        let without: Option<Vec<f64>> = (0..self.count).map(without).collect();
        jackknife_estimate(value, self.sentences, without.as_deref())
    }
}

/// The estimate of a measure from its `value` over `n` sentences and its values `without` each of two
/// or more parts; see [`jackknife`].
pub(crate) fn jackknife_estimate(value: f64, n: usize, without: Option<&[f64]>) -> Estimate {
    match without {
        Some(values) if values.len() > 1 => {
            subsample_estimate(value, n, values, values.len() - 1, values.len())
        }
        _ => Estimate::exact(value, n),
    }
}

/// The estimate from the `values` of the measure on `kept` of `parts` parts.
fn subsample_estimate(value: f64, n: usize, values: &[f64], kept: usize, parts: usize) -> Estimate {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let error = (squares / count * kept as f64 / (parts - kept) as f64).sqrt();
    let half = error * STUDENT[(parts - 2).min(STUDENT.len() - 1)];
    Estimate::with_ends(value, n, half.is_finite().then_some([value - half, value + half]))
}

/// Random subsamples of an eighth of the sentences, for measures of nearest neighbours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subsamples {
    /// The rows of each subsample, ascending.
    pub(crate) rows: Vec<Vec<usize>>,
    /// The number of parts in a subsample.
    kept: usize,
    /// The number of parts in all.
    parts: usize,
    sentences: usize,
}

/// The number of subsamples.
const SUBSAMPLES: usize = 32;
/// One part of this many is in a subsample.
const FRACTION: usize = 8;

impl Subsamples {
    pub(crate) fn new(sentences: &[usize], seed: u64) -> Self {
        let parts = Parts::new(sentences, seed);
        let kept = (parts.count / FRACTION).max(1);
        let mut rng = generator(seed);
        let mut draw = || {
            let drawn = index::sample(&mut rng, parts.count, kept).into_vec();
            let rows = (0..sentences.len()).filter(|&row| drawn.contains(&parts.of_row[row]));
            rows.collect()
        };
        let draws = if parts.count < 2 { 0 } else { SUBSAMPLES };
        let rows = (0..draws).map(|_| draw()).collect();
        Self { rows, kept, parts: parts.count, sentences: parts.sentences }
    }

    /// The estimate of a measure from its `value` on all rows and its `values` on the subsamples.
    /// There is no interval where the measure is not defined on a subsample (None).
    pub(crate) fn estimate(&self, value: f64, values: Option<Vec<f64>>) -> Estimate {
        let n = self.sentences;
        match values.filter(|values| !values.is_empty()) {
            Some(values) => subsample_estimate(value, n, &values, self.kept, self.parts),
            None => Estimate::exact(value, n),
        }
    }
}

/// A measure of rows with its 95 % jackknife interval over sentences: for measures of pairs,
/// neighbours and spectra, which the repeated points of a bootstrap would bias.
///
/// `sentences` `[rows]` names the sentence of each row. The n sentences are assigned by the seed to up
/// to 32 parts; `measure` is computed on the rows of all parts, and on the rows of all parts but each
/// one. It receives the kept row numbers, ascending. Where it fails without some part, there is no
/// interval.
///
/// The standard error is the standard deviation of the estimates without a part times √(m / (n − m)),
/// where m of n sentences are kept (the grouped jackknife; Shao & Wu 1989; for m much below n it is
/// the √(m / n) of Politis & Romano 1994). On average it is not too small (Efron & Stein 1981). The
/// ends are at Student's t for the number of parts.
///
/// # Errors
/// The error of `measure` on all rows, or a value that is not finite.
pub fn jackknife(
    sentences: &[usize],
    seed: u64,
    measure: impl Fn(&[usize]) -> Result<f64>,
) -> Result<Estimate> {
    let parts = Parts::new(sentences, seed);
    let all: Vec<usize> = (0..sentences.len()).collect();
    let value = measure(&all)?;
    if !value.is_finite() {
        let name = "the measure";
        return Err(GeometryError::Setting { name, value, expected: "a finite number" });
    }
    Ok(parts.estimate(value, |part| {
        let kept: Vec<usize> =
            all.iter().copied().filter(|&row| parts.of_row[row] != part).collect();
        measure(&kept).ok()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn parts_have_equal_sizes_and_whole_sentences() {
        let sentences: Vec<usize> = (0..640).map(|row| 7 * (row / 2) + 3).collect();
        let parts = Parts::new(&sentences, 5);
        assert_eq!((parts.count, parts.sentences), (32, 320));
        let sizes = (0..32).map(|part| parts.of_row.iter().filter(|&&own| own == part).count());
        assert!(sizes.collect::<Vec<_>>() == [20; 32]);
        assert!((0..320).all(|s| parts.of_row[2 * s] == parts.of_row[2 * s + 1]));
        assert_ne!(parts, Parts::new(&sentences, 6));
        let few = Parts::new(&[4, 4, 9, 1], 5);
        assert_eq!((few.count, few.sentences), (3, 3));
        assert_eq!(Parts::new(&[], 0).count, 0);
    }

    #[test]
    fn the_interval_of_a_mean_is_the_textbook_one() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        let sentences: Vec<usize> = (0..8).collect();
        let mean =
            |rows: &[usize]| Ok(rows.iter().map(|&r| values[r]).sum::<f64>() / rows.len() as f64);
        let found = jackknife(&sentences, 1, mean).unwrap();
        let m = values.iter().sum::<f64>() / 8.0;
        let variance = values.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / 7.0;
        let half = 2.365 * (variance / 8.0).sqrt();
        assert_eq!((found.value, found.n), (m, 8));
        let [low, high] = found.interval.unwrap();
        assert!((high - m - half).abs() < 1e-12 && (m - low - half).abs() < 1e-12);
    }

    #[test]
    fn intervals_have_their_coverage() {
        // The mean of pairwise products, whose true value is 1: 400 samples of 300 sentences.
        let mut rng = generator(3);
        let mut held = 0;
        for sample in 0..400 {
            let values: Vec<f64> = (0..300).map(|_| rng.gen_range(0.0..2.0)).collect();
            let sentences: Vec<usize> = (0..300).collect();
            let found = jackknife(&sentences, sample, |rows| {
                let (sum, squares) = rows.iter().fold((0.0, 0.0), |(sum, squares), &row| {
                    (sum + values[row], squares + values[row] * values[row])
                });
                let n = rows.len() as f64;
                Ok((sum * sum - squares) / (n * (n - 1.0)))
            });
            let [low, high] = found.unwrap().interval.unwrap();
            held += usize::from(low <= 1.0 && 1.0 <= high);
        }
        assert!((365..=395).contains(&held), "{held} of 400");
    }

    #[test]
    fn a_measure_undefined_without_a_part_has_no_interval() {
        let few = |rows: &[usize]| match rows.len() {
            4.. => Ok(1.0),
            found => Err(GeometryError::TooFew { measure: "it", needed: 4, found }),
        };
        let found = jackknife(&[0, 0, 1, 1], 0, few).unwrap();
        assert_eq!(found, Estimate::exact(1.0, 2));
        let single = jackknife(&[0, 0, 0, 0], 0, few).unwrap();
        assert_eq!(single, Estimate::exact(1.0, 1));
        assert!(jackknife(&[0, 0, 1], 0, few).is_err());
        assert!(jackknife(&[0], 0, |_| Ok(f64::NAN)).is_err());
    }
}
