//! Intervals of measures that no resample with replacement suits: sentences are left out.

use std::collections::BTreeMap;

use rand::seq::{SliceRandom, index};

use crate::error::{GeometryError, Result};
use crate::interval::{Interval, generator};

/// Parts that sentences are dealt into.
pub(crate) const PARTS: usize = 32;

/// The 97.5 % points of Student's t for 1 to 31 degrees of freedom.
const STUDENT: [f64; PARTS - 1] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042, 2.040,
];

/// The part of a sentence: every run of `parts` sentences is dealt one to a part, in an order
/// drawn for it, so that parts are equal and no period in a file falls into step with them.
pub(crate) fn part_of(sentence: usize, parts: usize, seed: u64) -> usize {
    let run = (sentence / parts) as u64;
    let mut order: Vec<usize> = (0..parts).collect();
    order.shuffle(&mut generator(seed.wrapping_add(run.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    order[sentence % parts]
}

/// Rows and the part that the sentence of each was dealt into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parts {
    /// `[n]`, below `count`.
    pub(crate) of_row: Vec<usize>,
    /// Parts that hold a row; at most [`PARTS`].
    pub(crate) count: usize,
    /// Sentences in all.
    pub(crate) sentences: usize,
}

impl Parts {
    /// Of rows whose sentences are named by any numbers, `[n]`.
    pub(crate) fn new(sentences: &[usize], seed: u64) -> Self {
        let mut number: BTreeMap<usize, usize> = sentences.iter().map(|&s| (s, 0)).collect();
        number.values_mut().enumerate().for_each(|(i, part)| *part = part_of(i, PARTS, seed));
        let n_sentences = number.len();
        let mut dense: BTreeMap<usize, usize> = number.values().map(|&part| (part, 0)).collect();
        dense.values_mut().enumerate().for_each(|(i, part)| *part = i);
        let of_row = sentences.iter().map(|s| dense[&number[s]]).collect();
        Self { of_row, count: dense.len(), sentences: n_sentences }
    }

    /// The interval of a measure of all rows, given what it is without each part, if anything.
    pub(crate) fn interval(
        &self,
        value: f64,
        without: impl FnMut(usize) -> Option<f64>,
    ) -> Interval {
        if self.count < 2 {
            return Interval::point(value, self.sentences);
        }
        let without: Option<Vec<f64>> = (0..self.count).map(without).collect();
        interval_without(value, self.sentences, without.as_deref())
    }
}

/// The interval of a `value` over `n` sentences from the measure `without` each of two or more
/// parts; see [`Interval::leaving_out`].
pub(crate) fn interval_without(value: f64, n: usize, without: Option<&[f64]>) -> Interval {
    match without {
        Some(values) if values.len() > 1 => {
            let kept = values.len() - 1;
            interval_of(value, n, values, kept, values.len())
        }
        _ => Interval::point(value, usize::from(n == 1)),
    }
}

/// The interval from `values` of the measure on `kept` of `parts` parts.
fn interval_of(value: f64, n: usize, values: &[f64], kept: usize, parts: usize) -> Interval {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let error = (squares / count * kept as f64 / (parts - kept) as f64).sqrt();
    let half = error * STUDENT[(parts - 2).min(STUDENT.len() - 1)];
    if half.is_finite() {
        Interval { value, low: value - half, high: value + half, n }
    } else {
        Interval::point(value, 0)
    }
}

/// Draws of an eighth of the sentences, for measures that neighbours make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draws {
    /// The rows of each draw, ascending.
    pub(crate) rows: Vec<Vec<usize>>,
    /// Parts in a draw, and in all.
    kept: usize,
    parts: usize,
    sentences: usize,
}

/// How many draws there are.
const DRAWS: usize = 32;
/// One of so many parts is drawn.
const SHARE: usize = 8;

impl Draws {
    pub(crate) fn new(sentences: &[usize], seed: u64) -> Self {
        let parts = Parts::new(sentences, seed);
        let kept = (parts.count / SHARE).max(1);
        let mut rng = generator(seed);
        let mut draw = || {
            let drawn = index::sample(&mut rng, parts.count, kept).into_vec();
            let rows = (0..sentences.len()).filter(|&row| drawn.contains(&parts.of_row[row]));
            rows.collect()
        };
        let draws = if parts.count < 2 { 0 } else { DRAWS };
        let rows = (0..draws).map(|_| draw()).collect();
        Self { rows, kept, parts: parts.count, sentences: parts.sentences }
    }

    /// The interval of a measure of all rows, given what it is of each draw, if anything.
    pub(crate) fn interval(&self, value: f64, values: Option<Vec<f64>>) -> Interval {
        match values.filter(|values| !values.is_empty()) {
            Some(values) => interval_of(value, self.sentences, &values, self.kept, self.parts),
            None => Interval::point(value, usize::from(self.sentences == 1)),
        }
    }
}

impl Interval {
    /// A measure of rows with its 95 % interval over their sentences, by subsampling without
    /// replacement: for measures of pairs, neighbours and spectra.
    ///
    /// The n sentences (`sentences` names that of each row, `[rows]`) are dealt by the seed into
    /// up to 32 parts, and `measure` is taken of the rows of all parts, and of all but each. With
    /// m of n sentences kept, the estimates spread √((n − m) / m) times as far as those of new
    /// samples of n, being drawn from the n without replacement; so their standard deviation times
    /// √(m / (n − m)) is the standard error (the jackknife of groups; Shao & Wu 1989; for m much
    /// below n it is the √(m / n) of Politis & Romano 1994), and is not too small on average
    /// (Efron & Stein 1981). The ends are at Student's t for the number of parts.
    ///
    /// `measure` is given the numbers of the rows kept, ascending.
    ///
    /// # Errors
    /// What `measure` says of all rows, or a number from it that is not finite.
    pub fn leaving_out(
        sentences: &[usize],
        seed: u64,
        measure: impl Fn(&[usize]) -> Result<f64>,
    ) -> Result<Self> {
        let parts = Parts::new(sentences, seed);
        let all: Vec<usize> = (0..sentences.len()).collect();
        let value = measure(&all)?;
        if !value.is_finite() {
            let name = "the measure";
            return Err(GeometryError::Setting { name, value, expected: "a finite number" });
        }
        Ok(parts.interval(value, |part| {
            let kept: Vec<usize> =
                all.iter().copied().filter(|&row| parts.of_row[row] != part).collect();
            measure(&kept).ok()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn parts_are_equal_and_whole() {
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
        let found = Interval::leaving_out(&sentences, 1, mean).unwrap();
        let m = values.iter().sum::<f64>() / 8.0;
        let variance = values.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / 7.0;
        let half = 2.365 * (variance / 8.0).sqrt();
        assert_eq!((found.value, found.n), (m, 8));
        assert!((found.high - m - half).abs() < 1e-12 && (m - found.low - half).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_what_they_say() {
        // The mean of pairwise products, whose true value is 1: 400 samples of 300 sentences.
        let mut rng = generator(3);
        let mut held = 0;
        for sample in 0..400 {
            let values: Vec<f64> = (0..300).map(|_| rng.gen_range(0.0..2.0)).collect();
            let sentences: Vec<usize> = (0..300).collect();
            let found = Interval::leaving_out(&sentences, sample, |rows| {
                let (sum, squares) = rows.iter().fold((0.0, 0.0), |(sum, squares), &row| {
                    (sum + values[row], squares + values[row] * values[row])
                });
                let n = rows.len() as f64;
                Ok((sum * sum - squares) / (n * (n - 1.0)))
            });
            let (low, high) = found.unwrap().ends().unwrap();
            held += usize::from(low <= 1.0 && 1.0 <= high);
        }
        assert!((365..=395).contains(&held), "{held} of 400");
    }

    #[test]
    fn where_parts_are_undefined_there_is_no_interval() {
        let few = |rows: &[usize]| match rows.len() {
            4.. => Ok(1.0),
            found => Err(GeometryError::TooFew { measure: "it", needed: 4, found }),
        };
        let found = Interval::leaving_out(&[0, 0, 1, 1], 0, few).unwrap();
        assert_eq!((found.value, found.n, found.ends()), (1.0, 0, None));
        let single = Interval::leaving_out(&[0, 0, 0, 0], 0, few).unwrap();
        assert_eq!((single.n, single.ends()), (1, None));
        assert!(Interval::leaving_out(&[0, 0, 1], 0, few).is_err());
        assert!(Interval::leaving_out(&[0], 0, |_| Ok(f64::NAN)).is_err());
    }
}
