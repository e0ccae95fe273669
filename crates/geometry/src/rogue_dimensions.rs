//! The expected cosine of two words, and which dimensions it is made of.

use ndarray::{Array1, ArrayView1, ArrayView2};
use rand::Rng;

use crate::anisotropy::by_sentence;
use crate::error::{GeometryError, Result};
use crate::interval::{Interval, generator};
use crate::parts::{PARTS, interval_without, part_of};
use crate::similarity::{finite, same_length, unit_rows};

/// A dimension and its share in the expected cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RogueDimension {
    /// The dimension, from 0.
    pub index: usize,
    /// Its share: 1 / d_model where all take part alike; below 0 where it works against.
    pub share: Interval,
}

/// The `count` dimensions with the largest share in the expected cosine of two words, largest
/// first, equal ones by index.
///
/// The share of dimension i is the mean of x_i y_i / (‖x‖ ‖y‖) over pairs of words from different
/// sentences, one word drawn from each, over the mean cosine (Timkey & van Schijndel 2021): a few
/// rogue dimensions make most of it in many models. `x` is `[n, d_model]`, `sentences` `[n]`
/// names the sentence of each row. Intervals leave sentences out ([`Interval::leaving_out`]); the
/// dimensions are those that are largest in all of them.
///
/// # Errors
/// Lengths that differ, fewer than 3 sentences, a mean cosine that is not above 0 (there is
/// nothing to take shares of), an entry that is not finite.
pub fn rogue_dimensions(
    x: ArrayView2<f32>,
    sentences: &[usize],
    count: usize,
    seed: u64,
) -> Result<Vec<RogueDimension>> {
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    let directions = unit_rows(finite(x)?);
    let mut sums = CosineSums::new(x.ncols(), seed);
    for (number, rows) in by_sentence(sentences).values().enumerate() {
        sums.add(number, directions.row(rows[sums.draw(number, rows.len())]));
    }
    sums.rogue(count)
}

/// Sums of the directions of one word a sentence, by part, from which pairs are counted:
/// Σ_{i≠j} u_i u_j = (Σ u)² − Σ u², dimension by dimension.
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

    /// The mean product of two different words in every dimension; None without a pair.
    fn products(&self) -> Option<Array1<f64>> {
        let pairs = self.n * (self.n - 1.0);
        (self.n >= 2.0).then(|| (&self.sum * &self.sum - &self.squares) / pairs)
    }
}

impl CosineSums {
    pub(crate) fn new(d: usize, seed: u64) -> Self {
        Self { seed, parts: vec![PartSums::new(d); PARTS] }
    }

    /// Which of the words of a sentence to add; the same at every layer.
    pub(crate) fn draw(&self, sentence: usize, words: usize) -> usize {
        let seed = self.seed.wrapping_add((sentence as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        generator(seed).gen_range(0..words)
    }

    /// Adds the direction (of length 1 or 0) of a word of a sentence.
    pub(crate) fn add(&mut self, sentence: usize, direction: ArrayView1<f64>) {
        let part = &mut self.parts[part_of(sentence, PARTS, self.seed)];
        part.n += 1.0;
        part.sum += &direction;
        let squares = part.squares.iter_mut().zip(&direction);
        squares.for_each(|(sum, v)| *sum += v * v);
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

    fn interval(
        &self,
        total: &PartSums,
        value: f64,
        measure: impl Fn(&PartSums) -> Option<f64>,
    ) -> Interval {
        let used = self.parts.iter().filter(|part| part.n > 0.0);
        let without: Option<Vec<f64>> = used
            .map(|part| {
                let mut rest = total.clone();
                rest.add(part, -1.0);
                measure(&rest)
            })
            .collect();
        interval_without(value, total.n as usize, without.as_deref())
    }

    /// The mean cosine of words of different sentences.
    pub(crate) fn mean_cosine(&self) -> Result<Interval> {
        let total = self.total("the anisotropy baseline (sentences)")?;
        let mean = |sums: &PartSums| Some(sums.products()?.sum().clamp(-1.0, 1.0));
        let value = mean(&total).unwrap_or(0.0);
        Ok(self.interval(&total, value, mean).within(-1.0, 1.0))
    }

    /// See [`rogue_dimensions`].
    pub(crate) fn rogue(&self, count: usize) -> Result<Vec<RogueDimension>> {
        let measure = "the share of dimensions in the cosine (sentences)";
        let total = self.total(measure)?;
        let shares = |sums: &PartSums| -> Option<Array1<f64>> {
            let products = sums.products()?;
            let cosine = products.sum();
            // What rounding leaves of 0 is no cosine.
            (cosine > 1e-12).then(|| products / cosine)
        };
        let whole = shares(&total).ok_or(GeometryError::NotPositive {
            what: "the expected cosine that dimensions share in",
            value: total.products().map_or(0.0, |products| products.sum()),
        })?;
        let mut order: Vec<usize> = (0..whole.len()).collect();
        order.sort_by(|&a, &b| whole[b].total_cmp(&whole[a]));
        let rogue = |index: usize| {
            let share = self.interval(&total, whole[index], |sums| Some(shares(sums)?[index]));
            RogueDimension { index, share }
        };
        Ok(order.into_iter().take(count).map(rogue).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity_matrix;
    use ndarray::Array2;

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
            all[0].share.low > 0.9 && all.windows(2).all(|w| w[0].share.value >= w[1].share.value)
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
    fn no_cosine_no_shares() {
        let opposite = ndarray::array![[1.0f32, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let found = rogue_dimensions(opposite.view(), &[0, 1, 2, 3], 1, 0);
        assert!(matches!(found, Err(GeometryError::NotPositive { .. })), "{found:?}");
        let two = rogue_dimensions(opposite.view(), &[0, 0, 1, 1], 1, 0);
        assert!(matches!(two, Err(GeometryError::TooFew { found: 2, .. })), "{two:?}");
        assert!(rogue_dimensions(opposite.view(), &[0], 1, 0).is_err());
    }
}
