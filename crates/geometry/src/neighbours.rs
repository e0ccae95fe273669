//! Nearest neighbours in the full space: what of them two layers share, and who moved.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::dimension::{TwoNn, dimensions};
use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::parts::Draws;
use crate::products::{Centred, add_product};
use crate::similarity::same_length;

/// Rows whose distances one matrix product computes.
const BLOCK: usize = 256;

/// The nearest neighbours of every row among the others, by Euclidean distance in the full space;
/// of equal distances the lower row number comes first.
///
/// Intervals are by subsampling: neighbours are found again in an eighth of the sentences, 32
/// times, and the spread of the measure over these, times √(m / (n − m)) with m of n sentences, is
/// its standard error (Politis & Romano 1994, corrected for a draw without replacement; larger
/// parts share most neighbours with the whole and overstate it). They need some 8 (k + 2) rows.
///
/// Time grows with n² d_model: take a sample of some 4,000 rows ([`crate::choose_rows`]), the
/// same one at every layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    k: usize,
    draws: Draws,
    whole: Sample,
    /// Of the rows of each draw.
    parts: Vec<Option<Sample>>,
}

/// Neighbours among some rows.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    /// The k nearest of each row, by their place in the sample, `[rows * k]`.
    nearest: Vec<u32>,
    /// Rows that equal an earlier one.
    copies: usize,
    rows: usize,
    /// Both estimates of the intrinsic dimension of the distinct rows.
    dimensions: Option<(f64, f64)>,
}

/// A row and how much of its neighbourhood changed from one layer to another.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Moved {
    /// The row.
    pub row: usize,
    /// 1 − |N(a) ∩ N(b)| / k: 0 where it kept all of its k neighbours, 1 where it has none left.
    pub change: f64,
}

impl Neighbours {
    /// The `k` nearest of each row of `x` `[n, d_model]`; `sentences` `[n]` names the sentence of
    /// each, and is what intervals are over, by the seed.
    ///
    /// # Errors
    /// Lengths that differ, a k of 0, fewer than k + 2 rows (k + 1 are all neighbours of each
    /// other), an entry that is not finite.
    pub fn of(x: ArrayView2<f32>, sentences: &[usize], k: usize, seed: u64) -> Result<Self> {
        same_length("sentence numbers", x.nrows(), sentences.len())?;
        if k == 0 {
            let expected = "at least 1";
            return Err(GeometryError::Setting { name: "k", value: 0.0, expected });
        }
        let (needed, found) = (k.saturating_add(2), x.nrows());
        if found < needed {
            return Err(GeometryError::TooFew { measure: "nearest neighbours", needed, found });
        }
        let draws = Draws::new(sentences, seed);
        let whole = Sample::of(x, k)?;
        let part = |rows: &Vec<usize>| -> Result<Option<Sample>> {
            let enough = rows.len() >= needed;
            enough.then(|| Sample::of(x.select(Axis(0), rows).view(), k)).transpose()
        };
        let parts = draws.rows.par_iter().map(part).collect::<Result<_>>()?;
        Ok(Self { k, draws, whole, parts })
    }

    /// How many neighbours.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The k nearest rows of a row, nearest first; none of a row that is not there.
    pub fn nearest(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let list = self.whole.nearest.chunks(self.k).nth(row).unwrap_or(&[]);
        list.iter().map(|&near| near as usize)
    }

    /// The share of k nearest neighbours that a row has at both of two layers, mean over rows:
    /// 0 to 1, k / (n − 1) by chance.
    ///
    /// `other` is of the same rows at another layer, of any width.
    ///
    /// # Errors
    /// Another number of rows, other sentences or another seed, another k.
    pub fn overlap(&self, other: &Self) -> Result<Interval> {
        self.comparable(other)?;
        let mean = |a: &Sample, b: &Sample| {
            let shared: usize = shared(a, b, self.k).into_iter().sum();
            shared as f64 / (a.rows * self.k) as f64
        };
        let parts = self.parts.iter().zip(&other.parts);
        let values = parts.map(|(a, b)| Some(mean(a.as_ref()?, b.as_ref()?))).collect();
        let value = mean(&self.whole, &other.whole);
        Ok(self.draws.interval(value, values).within(0.0, 1.0))
    }

    /// Every row by how much its k neighbours differ between this layer and `other`, those that
    /// changed most first, equal ones by row.
    ///
    /// # Errors
    /// As [`Neighbours::overlap`].
    pub fn moved(&self, other: &Self) -> Result<Vec<Moved>> {
        self.comparable(other)?;
        let shared = shared(&self.whole, &other.whole, self.k);
        let mut counts: Vec<(usize, usize)> = shared.into_iter().zip(0..).collect();
        counts.sort_unstable();
        let change = |shared: usize| 1.0 - shared as f64 / self.k as f64;
        Ok(counts.into_iter().map(|(shared, row)| Moved { row, change: change(shared) }).collect())
    }

    /// The intrinsic dimension from the ratios μ = r2 / r1 of the distances to the two nearest
    /// other points.
    ///
    /// # Errors
    /// Fewer than 3 distinct points, or points whose two nearest are all at one distance.
    pub fn intrinsic_dimension(&self) -> Result<TwoNn> {
        let measure = "intrinsic dimension (distinct vectors)";
        let points = self.whole.rows - self.whole.copies;
        if points < 3 {
            return Err(GeometryError::TooFew { measure, needed: 3, found: points });
        }
        let found = self.whole.dimensions.ok_or(GeometryError::NoVariance { measure })?;
        let interval = |of: fn((f64, f64)) -> f64| {
            let part = |part: &Option<Sample>| part.as_ref()?.dimensions.map(of);
            let values = self.parts.iter().map(part).collect();
            self.draws.interval(of(found), values).within(0.0, f64::MAX)
        };
        Ok(TwoNn {
            regression: interval(|both| both.0),
            likelihood: interval(|both| both.1),
            points,
            copies: self.whole.copies,
        })
    }

    fn comparable(&self, other: &Self) -> Result<()> {
        same_length("rows of the two layers", self.whole.rows, other.whole.rows)?;
        same_length("neighbours of the two layers", self.k, other.k)?;
        if self.draws == other.draws {
            return Ok(());
        }
        let same = self.draws.rows.iter().zip(&other.draws.rows).filter(|(a, b)| a == b).count();
        let what = "draws of the same sentences by the same seed at both layers";
        Err(GeometryError::Length { what, expected: self.draws.rows.len(), found: same })
    }
}

/// How many of k neighbours each row has in both.
fn shared(a: &Sample, b: &Sample, k: usize) -> Vec<usize> {
    // The last row that named each row, by its number + 1.
    let mut named_by = vec![0; a.rows];
    let pairs = a.nearest.chunks(k).zip(b.nearest.chunks(k)).zip(1..);
    let count = |((a, b), row): ((&[u32], &[u32]), usize)| {
        a.iter().for_each(|&near| named_by[near as usize] = row);
        b.iter().filter(|&&near| named_by[near as usize] == row).count()
    };
    pairs.map(count).collect()
}

impl Sample {
    fn of(x: ArrayView2<f32>, k: usize) -> Result<Self> {
        let first = first_copies(x);
        let distinct: Vec<usize> = (0..x.nrows()).filter(|&row| first[row] == row).collect();
        let copies = x.nrows() - distinct.len();
        let lists = search(&Centred::new(x)?, k.max(2), &first);
        let dimensions = match copies {
            0 => dimensions(&lists),
            _ => {
                let rows = x.select(Axis(0), &distinct);
                let all: Vec<usize> = (0..distinct.len()).collect();
                dimensions(&search(&Centred::new(rows.view())?, 2, &all))
            }
        };
        let nearest =
            lists.iter().flat_map(|list| list.iter().take(k).map(|near| near.1)).collect();
        Ok(Self { nearest, copies, rows: x.nrows(), dimensions })
    }
}

/// A neighbour, by its squared distance and its row.
pub(crate) type Near = (f64, u32);

/// The `k` nearest of every point, nearest first; `first` is the row that each is a copy of.
fn search(cloud: &Centred<'_>, k: usize, first: &[usize]) -> Vec<Vec<Near>> {
    let n = cloud.len();
    let rows = cloud.all();
    let all: Vec<usize> = (0..n).collect();
    let longest = cloud.lengths.iter().copied().fold(0.0, f64::max);
    // The lists come in order, whatever the threads.
    let blocks: Vec<Vec<Vec<Near>>> = all
        .par_chunks(BLOCK)
        .map(|block| {
            let (start, end) = (block[0], block[0] + block.len());
            let mut products = Array2::zeros((block.len(), n));
            add_product(rows.slice(s![start..end, ..]), rows.t(), products.view_mut());
            let list = |(&i, products): (&usize, ArrayView1<f64>)| {
                let own = cloud.lengths[i];
                // What is nearer than this is computed again, from differences.
                let close = cloud.unsure(own + longest);
                let likely = products.iter().zip(&cloud.lengths).map(|(p, l)| own + l - 2.0 * p);
                nearest(likely, close, k, |j| {
                    // Copies are all at the distance of the first, to the last digit.
                    if first[j] == first[i] {
                        return if j == i { f64::INFINITY } else { 0.0 };
                    }
                    cloud.distance_from_product(i, first[j], products[first[j]])
                })
            };
            block.iter().zip(products.rows()).map(list).collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

/// The `k` least of some distances, ascending; of equal ones the lower row first. What is `likely`
/// too far to count is passed over, unless it is as `close` as rounding; the others are asked for.
fn nearest(
    likely: impl Iterator<Item = f64>,
    close: f64,
    k: usize,
    distance: impl Fn(usize) -> f64,
) -> Vec<Near> {
    let order = |a: &Near, b: &Near| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    // Candidates are cut back to k now and then; from there on only nearer ones count, with some
    // room for the rounding of what is likely.
    let room = 3 * k + 64;
    let mut found = Vec::with_capacity(room);
    let (mut limit, mut pass) = (f64::INFINITY, f64::INFINITY);
    for (j, likely) in likely.enumerate() {
        if likely > pass {
            continue;
        }
        let candidate = (distance(j), j as u32);
        if candidate.0 < limit {
            found.push(candidate);
            if found.len() == room {
                let (_, farthest, _) = found.select_nth_unstable_by(k - 1, order);
                limit = farthest.0;
                pass = limit.max(close) * (1.0 + 1e-9);
                found.truncate(k);
            }
        }
    }
    found.sort_unstable_by(order);
    found.truncate(k);
    found
}

/// The first row that each row equals, itself where none before does, `[n]`; 0 and −0 are equal.
fn first_copies(x: ArrayView2<f32>) -> Vec<usize> {
    let mut seen: HashMap<Vec<u32>, usize> = HashMap::with_capacity(x.nrows());
    let bits = |row: usize| x.row(row).iter().map(|&v| (v + 0.0).to_bits()).collect();
    (0..x.nrows()).map(|row| *seen.entry(bits(row)).or_insert(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::generator;
    use rand::Rng;

    fn noise(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut rng = generator(seed);
        Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f32))
    }

    #[test]
    fn lists_are_those_of_all_distances() {
        // 150 rows, some of them copies, far from 0.
        let mut x = noise(150, 5, 1) + 300.0;
        for i in (0..150).step_by(7) {
            let copied = x.row((i + 50) % 150).to_owned();
            x.row_mut(i).assign(&copied);
        }
        let sentences: Vec<usize> = (0..150).map(|i| i / 4).collect();
        let found = Neighbours::of(x.view(), &sentences, 6, 0).unwrap();
        for i in 0..150 {
            let mut all: Vec<(f64, usize)> = (0..150)
                .filter(|&j| j != i)
                .map(|j| {
                    let steps = x.row(i).into_iter().zip(x.row(j));
                    (steps.map(|(a, b)| f64::from(a - b).powi(2)).sum(), j)
                })
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let expected: Vec<usize> = all.iter().map(|a| a.1).take(6).collect();
            assert_eq!(found.nearest(i).collect::<Vec<_>>(), expected, "{i}");
        }
        assert_eq!(found.nearest(150).count(), 0);
        assert!(found.whole.copies > 15);
    }

    #[test]
    fn what_layers_share() {
        let x = noise(200, 8, 2);
        let sentences: Vec<usize> = (0..200).map(|i| i / 5).collect();
        let of = |x: &Array2<f32>| Neighbours::of(x.view(), &sentences, 10, 4).unwrap();
        let (a, b) = (of(&x), of(&noise(200, 3, 3)));
        let same = a.overlap(&of(&(&x * 2.0 + 1.0))).unwrap();
        assert_eq!((same.value, same.low, same.high, same.n), (1.0, 1.0, 1.0, 40));
        let chance = a.overlap(&b).unwrap();
        assert!(chance.low < 10.0 / 199.0 && 10.0 / 199.0 < chance.high, "{chance:?}");
        let half = x.clone() + &(noise(200, 8, 5) * 0.5);
        let found = a.overlap(&of(&half)).unwrap();
        assert!(
            found.low < found.value && found.value < found.high && found.high - found.low < 0.3
        );
        let few = |rows: usize| {
            let of = |x: &Array2<f32>| {
                let x = x.slice(s![..rows, ..]);
                Neighbours::of(x, &sentences[..rows], 10, 4).unwrap()
            };
            of(&x).overlap(&of(&half)).unwrap()
        };
        assert!(few(50).value > 0.0 && few(50).ends().is_none());

        let moved = a.moved(&of(&half)).unwrap();
        let mean = moved.iter().map(|m| m.change).sum::<f64>() / 200.0;
        assert!((mean - (1.0 - found.value)).abs() < 1e-12);
        let order = |w: &[Moved]| (w[1].change, w[0].row) <= (w[0].change, w[1].row);
        assert!(moved.windows(2).all(order));
        assert!(
            a.moved(&a)
                .unwrap()
                .iter()
                .enumerate()
                .all(|(i, m)| *m == Moved { row: i, change: 0.0 })
        );
    }

    #[test]
    fn what_has_no_neighbours() {
        let x = noise(12, 3, 2);
        let sentences = [0; 12];
        let of = |rows: usize, k, seed| {
            Neighbours::of(x.slice(s![..rows, ..]), &sentences[..rows], k, seed)
        };
        assert!(matches!(of(11, 10, 0), Err(GeometryError::TooFew { needed: 12, found: 11, .. })));
        assert!(of(0, 1, 0).is_err() && of(12, 0, 0).is_err() && of(12, usize::MAX, 0).is_err());
        let ten = of(12, 10, 0).unwrap();
        let alone = ten.overlap(&ten).unwrap();
        assert_eq!((alone.value, alone.n, alone.ends()), (1.0, 1, None));
        assert!(ten.overlap(&of(12, 9, 0).unwrap()).is_err());
        assert!(ten.overlap(&of(11, 9, 0).unwrap()).is_err());
        // All rows the same.
        let same = Array2::from_elem((12, 3), 0.3f32);
        let same = Neighbours::of(same.view(), &sentences, 2, 0).unwrap();
        assert_eq!(same.nearest(0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(same.whole.copies, 11);
    }
}
