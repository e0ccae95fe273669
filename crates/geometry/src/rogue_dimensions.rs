//! Rogue dimensions: the contribution of each dimension to the expected cosine of two words.

use ndarray::{Array1, Array2, ArrayView2};
use stratoscope_numerics::Estimate;

use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;
use crate::jackknife::{MAX_PARTS, jackknife_estimate, part_of};
use crate::similarity::unit_rows;

/// A dimension and its share of the expected cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RogueDimension {
    /// The index of the dimension, from 0.
    pub index: usize,
    /// Its share: 1 / d_model where all dimensions contribute equally; negative where it lowers the
    /// cosine.
    pub share: Estimate,
}

/// The `count` dimensions with the largest share of the expected cosine of two words, largest first,
/// equal shares by index.
///
/// The share of dimension i is the mean of x_i y_i / (‖x‖ ‖y‖) over pairs of words from different
/// sentences, weighted as in [`crate::anisotropy`], divided by the mean cosine (Timkey & van Schijndel
/// 2021): in many models a few rogue dimensions make up most of it. `x` is `[n, d_model]`; `sentences`
/// `[n]` names the sentence of each row. Intervals are by [jackknife](crate::jackknife()) for the
/// dimensions that are largest on all sentences.
///
/// # Errors
/// Different lengths, fewer than 3 sentences, a mean cosine that is not above 0 (no share is
/// defined), an entry that is not finite.
pub fn rogue_dimensions(
    x: ArrayView2<f32>,
    sentences: &[usize],
    count: usize,
    seed: u64,
) -> Result<Vec<RogueDimension>> {
    CosineSums::of(x, sentences, seed)?.rogue(count)
}

/// Sums of the mean directions m of sentences, by part. They give the sum over pairs of sentences,
/// Σ_{s≠t} m_s m_t = (Σ m)² − Σ m², for each dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CosineSums {
    seed: u64,
    parts: Vec<PartSums>,
}

#[derive(Debug, Clone, PartialEq)]
struct PartSums {
    n: f64,
    sum: Array1<f64>,
    squares: Array1<f64>,
}

impl PartSums {
    fn new(d: usize) -> Self {
        Self { n: 0.0, sum: Array1::zeros(d), squares: Array1::zeros(d) }
    }

    fn add(&mut self, other: &Self, sign: f64) {
        self.n += sign * other.n;
        self.sum.scaled_add(sign, &other.sum);
        self.squares.scaled_add(sign, &other.squares);
    }

    /// The mean product of words of two sentences in each dimension; None without a pair.
    fn products(&self) -> Option<Array1<f64>> {
        let pairs = self.n * (self.n - 1.0);
        (self.n >= 2.0).then(|| (&self.sum * &self.sum - &self.squares) / pairs)
    }
}

impl CosineSums {
    pub(crate) fn new(d: usize, seed: u64) -> Self {
        Self { seed, parts: vec![PartSums::new(d); MAX_PARTS] }
    }

    /// The sums of rows `[n, d]`; `sentences` `[n]` names the sentence of each row.
    pub(crate) fn of(x: ArrayView2<f32>, sentences: &[usize], seed: u64) -> Result<Self> {
        same_length("sentence numbers", x.nrows(), sentences.len())?;
        let directions = unit_rows(finite(x)?);
        let mut sums = Self::new(x.ncols(), seed);
        for (number, rows) in rows_by_group(sentences).values().enumerate() {
            sums.add(number, &directions, rows);
        }
        Ok(sums)
    }

    /// Adds a sentence: its rows of `directions`, whose rows have length 1 or 0.
    pub(crate) fn add(&mut self, sentence: usize, directions: &Array2<f64>, rows: &[usize]) {
        let mut mean = Array1::<f64>::zeros(directions.ncols());
        rows.iter().for_each(|&row| mean += &directions.row(row));
        mean /= rows.len() as f64;
        let part = &mut self.parts[part_of(sentence, MAX_PARTS, self.seed)];
        part.n += 1.0;
        part.sum += &mean;
        part.squares += &(&mean * &mean);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.parts.iter_mut().zip(&other.parts).for_each(|(a, b)| a.add(b, 1.0));
    }

    fn total(&self, measure: &'static str) -> Result<PartSums> {
        let mut total = PartSums::new(self.parts[0].sum.len());
        self.parts.iter().for_each(|part| total.add(part, 1.0));
        if total.n < 3.0 {
            return Err(GeometryError::TooFew { measure, needed: 3, found: total.n as usize });
        }
        Ok(total)
    }

    fn estimate(
        &self,
        total: &PartSums,
        value: f64,
        measure: impl Fn(&PartSums) -> Option<f64>,
    ) -> Estimate {
        let used = self.parts.iter().filter(|part| part.n > 0.0);
        let without: Option<Vec<f64>> = used
            .map(|part| {
                let mut rest = total.clone();
                rest.add(part, -1.0);
                measure(&rest)
            })
            .collect();
        jackknife_estimate(value, total.n as usize, without.as_deref())
    }

    /// See [`crate::anisotropy`].
    pub(crate) fn mean_cosine(&self) -> Result<Estimate> {
        let total = self.total("the anisotropy baseline (sentences)")?;
        let mean = |sums: &PartSums| Some(sums.products()?.sum().clamp(-1.0, 1.0));
        let value = mean(&total).unwrap_or(0.0);
        Ok(self.estimate(&total, value, mean).within(-1.0, 1.0))
    }

    /// See [`rogue_dimensions`].
    pub(crate) fn rogue(&self, count: usize) -> Result<Vec<RogueDimension>> {
        let measure = "the share of a dimension of the cosine (sentences)";
        let total = self.total(measure)?;
        let shares = |sums: &PartSums| -> Option<Array1<f64>> {
            let products = sums.products()?;
            let cosine = products.sum();
            // A smaller cosine is rounding.
            (cosine > 1e-12).then(|| products / cosine)
        };
        let whole = shares(&total).ok_or(GeometryError::NotPositive {
            what: "the expected cosine",
            value: total.products().map_or(0.0, |products| products.sum()),
        })?;
        let mut order: Vec<usize> = (0..whole.len()).collect();
        order.sort_by(|&a, &b| whole[b].total_cmp(&whole[a]));
        let rogue = |index: usize| {
            let share = self.estimate(&total, whole[index], |sums| Some(shares(sums)?[index]));
            RogueDimension { index, share }
        };
        Ok(order.into_iter().take(count).map(rogue).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity_matrix;
    use rand::Rng;
    use stratoscope_numerics::generator;

    #[test]
    fn shares_of_the_cosine() {
        let mut rng = generator(2);
        let mut x = Array2::from_shape_simple_fn((60, 8), || rng.gen_range(-1.0..1.0f32));
        x.column_mut(5).mapv_inplace(|v| v + 6.0);
        let each: Vec<usize> = (0..60).collect();
        let all = rogue_dimensions(x.view(), &each, 100, 1).unwrap();
        assert_eq!((all.len(), all[0].index, all[0].share.n), (8, 5, 60));
        let sum: f64 = all.iter().map(|d| d.share.value).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!(
            all[0].share.low().unwrap() > 0.9
                && all.windows(2).all(|w| w[0].share.value >= w[1].share.value)
        );
        // The formula, pair by pair.
        let cosines = similarity_matrix(x.view(), crate::Metric::Cosine, None).unwrap();
        let unit = unit_rows(finite(x.view()).unwrap());
        let (mut product, mut cosine) = (0.0, 0.0);
        for i in 0..60 {
            for j in (0..60).filter(|&j| j != i) {
                product += unit[[i, 5]] * unit[[j, 5]];
                cosine += cosines[[i, j]];
            }
        }
        assert!((all[0].share.value - product / cosine).abs() < 1e-12);
        assert_eq!(all[..2], rogue_dimensions(x.view(), &each, 2, 1).unwrap());
    }

    #[test]
    fn a_cosine_of_0_has_no_shares() {
        let opposite = ndarray::array![[1.0f32, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let found = rogue_dimensions(opposite.view(), &[0, 1, 2, 3], 1, 0);
        assert!(matches!(found, Err(GeometryError::NotPositive { .. })), "{found:?}");
        let two = rogue_dimensions(opposite.view(), &[0, 0, 1, 1], 1, 0);
        assert!(matches!(two, Err(GeometryError::TooFew { found: 2, .. })), "{two:?}");
        assert!(rogue_dimensions(opposite.view(), &[0], 1, 0).is_err());
    }
}
