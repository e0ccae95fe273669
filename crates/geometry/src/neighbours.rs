//! Nearest neighbours in the full space, and how they differ between layers.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use stratoscope_numerics::{Estimate, add_product};

use crate::centred::Centred;
use crate::checks::same_length;
use crate::dimension::{TwoNn, dimensions};
use crate::error::{GeometryError, Result};
use crate::jackknife::Subsamples;

/// Rows of one matrix product.
const BLOCK: usize = 256;

/// The nearest neighbours of every row among the other rows, by Euclidean distance in the full
/// space; of equal distances the lower row number is first.
///
/// Intervals are by subsampling: neighbours are searched again among an eighth of the sentences, 32
/// times. The standard error is the standard deviation of the measure over the subsamples times
/// √(m / (n − m)), where m of n sentences are in a subsample (Politis & Romano 1994, corrected for
/// drawing without replacement; larger subsamples share most neighbours with the whole and overstate
/// it). Intervals need about 8 (k + 2) rows.
///
/// Time is n² d_model: take a sample of about 4,000 rows ([`crate::choose_rows`]), the same at every
/// layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    k: usize,
    subsamples: Subsamples,
    whole: Sample,
    /// Neighbours within each subsample; None where it has too few rows.
    parts: Vec<Option<Sample>>,
}

/// The neighbours among some rows.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    /// The k nearest neighbours of each row, as indices into the sample, `[rows * k]`.
    nearest: Vec<u32>,
    /// The number of rows that equal an earlier one.
    copies: usize,
    rows: usize,
    /// Both estimates of the intrinsic dimension of the distinct rows.
    dimensions: Option<(f64, f64)>,
}

/// The change of the neighbourhood of a row from one layer to another.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NeighbourChange {
    /// The row.
    pub row: usize,
    /// 1 − |N(a) ∩ N(b)| / k: 0 where all k neighbours are kept, 1 where none is.
    pub change: f64,
}

impl Neighbours {
    /// Finds the `k` nearest neighbours of each row of `x` `[n, d_model]`. `sentences` `[n]` names the
    /// sentence of each row; intervals are over sentences. The seed is that of the subsamples.
    ///
    /// # Errors
    /// Different lengths, a k of 0, fewer than k + 2 rows (of k + 1 rows, all are neighbours of each
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
        let subsamples = Subsamples::new(sentences, seed);
        let whole = Sample::of(x, k)?;
        let part = |rows: &Vec<usize>| -> Result<Option<Sample>> {
            let enough = rows.len() >= needed;
            enough.then(|| Sample::of(x.select(Axis(0), rows).view(), k)).transpose()
        };
        let parts = subsamples.rows.par_iter().map(part).collect::<Result<_>>()?;
        Ok(Self { k, subsamples, whole, parts })
    }

    /// The number of neighbours of a row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The k nearest neighbours of a row, nearest first; nothing for a row number of n or above.
    pub fn nearest(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let list = self.whole.nearest.chunks(self.k).nth(row).unwrap_or(&[]);
        list.iter().map(|&near| near as usize)
    }

    /// The share of the k nearest neighbours that are common to both layers, mean over rows: 0 to 1,
    /// k / (n − 1) by chance.
    ///
    /// `other` is of the same rows at another layer, of any width.
    ///
    /// # Errors
    /// A different number of rows, different sentences, another seed or another k.
    pub fn overlap(&self, other: &Self) -> Result<Estimate> {
        self.comparable(other)?;
        let mean = |a: &Sample, b: &Sample| {
            let shared: usize = shared(a, b, self.k).into_iter().sum();
            shared as f64 / (a.rows * self.k) as f64
        };
        let parts = self.parts.iter().zip(&other.parts);
        let values = parts.map(|(a, b)| Some(mean(a.as_ref()?, b.as_ref()?))).collect();
        let value = mean(&self.whole, &other.whole);
        Ok(self.subsamples.estimate(value, values).within(0.0, 1.0))
    }

    /// The change of the k neighbours of every row between this layer and `other`, the largest change
    /// first, equal changes by row number.
    ///
    /// # Errors
    /// As [`Neighbours::overlap`].
    pub fn changes(&self, other: &Self) -> Result<Vec<NeighbourChange>> {
        self.comparable(other)?;
        let shared = shared(&self.whole, &other.whole, self.k);
        let mut counts: Vec<(usize, usize)> = shared.into_iter().zip(0..).collect();
        counts.sort_unstable();
        let change = |shared: usize| 1.0 - shared as f64 / self.k as f64;
        let one = |(shared, row)| NeighbourChange { row, change: change(shared) };
        Ok(counts.into_iter().map(one).collect())
    }

    /// The intrinsic dimension from the ratios μ = r2 / r1 of the distances to the two nearest other
    /// points.
    ///
    /// # Errors
    /// Fewer than 3 distinct points, or points whose two nearest neighbours are all equally far.
    pub fn intrinsic_dimension(&self) -> Result<TwoNn> {
        let measure = "intrinsic dimension (distinct vectors)";
        let points = self.whole.rows - self.whole.copies;
        if points < 3 {
            return Err(GeometryError::TooFew { measure, needed: 3, found: points });
        }
        let found = self.whole.dimensions.ok_or(GeometryError::NoVariance { measure })?;
        let estimate = |of: fn((f64, f64)) -> f64| {
            let part = |part: &Option<Sample>| part.as_ref()?.dimensions.map(of);
            let values = self.parts.iter().map(part).collect();
            self.subsamples.estimate(of(found), values).within(0.0, f64::MAX)
        };
        Ok(TwoNn {
            regression: estimate(|both| both.0),
            likelihood: estimate(|both| both.1),
            points,
            copies: self.whole.copies,
        })
    }

    fn comparable(&self, other: &Self) -> Result<()> {
        same_length("rows of the two layers", self.whole.rows, other.whole.rows)?;
        same_length("neighbours of the two layers", self.k, other.k)?;
        if self.subsamples == other.subsamples {
            return Ok(());
        }
        let same =
            self.subsamples.rows.iter().zip(&other.subsamples.rows).filter(|(a, b)| a == b).count();
        let what = "equal subsamples, of the same sentences and seed, at both layers";
        Err(GeometryError::Length { what, expected: self.subsamples.rows.len(), found: same })
    }
}

/// The number of neighbours of each row that are common to both samples.
fn shared(a: &Sample, b: &Sample, k: usize) -> Vec<usize> {
    // For each row, the last row (plus 1) of which it is a neighbour.
    let mut neighbour_of = vec![0; a.rows];
    let pairs = a.nearest.chunks(k).zip(b.nearest.chunks(k)).zip(1..);
    let count = |((a, b), row): ((&[u32], &[u32]), usize)| {
        a.iter().for_each(|&near| neighbour_of[near as usize] = row);
        b.iter().filter(|&&near| neighbour_of[near as usize] == row).count()
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
            0 => dimensions(two_nearest(&lists)),
            _ => {
                let rows = x.select(Axis(0), &distinct);
                let all: Vec<usize> = (0..distinct.len()).collect();
                dimensions(two_nearest(&search(&Centred::new(rows.view())?, 2, &all)))
            }
        };
        let nearest =
            lists.iter().flat_map(|list| list.iter().take(k).map(|near| near.1)).collect();
        Ok(Self { nearest, copies, rows: x.nrows(), dimensions })
    }
}

/// A neighbour: its squared distance and its row.
type Near = (f64, u32);

/// The squared distances of every point to its two nearest neighbours, where it has two.
fn two_nearest(lists: &[Vec<Near>]) -> impl Iterator<Item = Option<(f64, f64)>> + '_ {
    lists.iter().map(|list| Some((list.first()?.0, list.get(1)?.0)))
}

/// The `k` nearest neighbours of every point, nearest first; `first` `[n]` is the first row that
/// equals each row.
fn search(cloud: &Centred<'_>, k: usize, first: &[usize]) -> Vec<Vec<Near>> {
    let n = cloud.len();
    let rows = cloud.all();
    let all: Vec<usize> = (0..n).collect();
    let longest = cloud.lengths.iter().copied().fold(0.0, f64::max);
    // The lists are in order, on any number of threads.
    let blocks: Vec<Vec<Vec<Near>>> = all
        .par_chunks(BLOCK)
        .map(|block| {
            let (start, end) = (block[0], block[0] + block.len());
            let mut products = Array2::zeros((block.len(), n));
            add_product(rows.slice(s![start..end, ..]), rows.t(), products.view_mut());
            let list = |(&i, products): (&usize, ArrayView1<f64>)| {
                let own = cloud.lengths[i];
                // Smaller distances are computed again, from differences.
                let close = cloud.cancellation(own + longest);
                let likely = products.iter().zip(&cloud.lengths).map(|(p, l)| own + l - 2.0 * p);
                nearest(likely, close, k, |j| {
                    // The distances of all copies equal that of the first, to the last digit.
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

/// The `k` smallest distances, ascending; of equal distances the lower row is first. `likely` are
/// approximate distances: a row whose approximate distance is too large is skipped, unless it is
/// below `close`, where approximations are rounding. Of the others, `distance` is called.
fn nearest(
    likely: impl Iterator<Item = f64>,
    close: f64,
    k: usize,
    distance: impl Fn(usize) -> f64,
) -> Vec<Near> {
    let order = |a: &Near, b: &Near| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    // Candidates are truncated to k when the buffer is full; then only nearer ones are added, with a
    // margin for the rounding of `likely`.
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

/// The first row that equals each row, `[n]`; 0 and −0 are equal.
fn first_copies(x: ArrayView2<f32>) -> Vec<usize> {
    let mut seen: HashMap<Vec<u32>, usize> = HashMap::with_capacity(x.nrows());
    let bits = |row: usize| x.row(row).iter().map(|&v| (v + 0.0).to_bits()).collect();
    (0..x.nrows()).map(|row| *seen.entry(bits(row)).or_insert(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use stratoscope_numerics::generator;

    fn noise(n: usize, d: usize, seed: u64) -> Array2<f32> {
        let mut rng = generator(seed);
        Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f32))
    }

    #[test]
    fn neighbours_are_those_of_all_distances() {
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
    fn overlap_of_layers() {
        let x = noise(200, 8, 2);
        let sentences: Vec<usize> = (0..200).map(|i| i / 5).collect();
        let of = |x: &Array2<f32>| Neighbours::of(x.view(), &sentences, 10, 4).unwrap();
        let (a, b) = (of(&x), of(&noise(200, 3, 3)));
        let same = a.overlap(&of(&(&x * 2.0 + 1.0))).unwrap();
        assert_eq!((same.value, same.interval, same.n), (1.0, Some([1.0; 2]), 40));
        let chance = a.overlap(&b).unwrap();
        let [low, high] = chance.interval.unwrap();
        assert!(low < 10.0 / 199.0 && 10.0 / 199.0 < high, "{chance:?}");
        let half = x.clone() + &(noise(200, 8, 5) * 0.5);
        let found = a.overlap(&of(&half)).unwrap();
        let [low, high] = found.interval.unwrap();
        assert!(low < found.value && found.value < high && high - low < 0.3);
        let few = |rows: usize| {
            let of = |x: &Array2<f32>| {
                let x = x.slice(s![..rows, ..]);
                Neighbours::of(x, &sentences[..rows], 10, 4).unwrap()
            };
            of(&x).overlap(&of(&half)).unwrap()
        };
        assert!(few(50).value > 0.0 && few(50).interval.is_none());

        let changes = a.changes(&of(&half)).unwrap();
        let mean = changes.iter().map(|m| m.change).sum::<f64>() / 200.0;
        assert!((mean - (1.0 - found.value)).abs() < 1e-12);
        let order = |w: &[NeighbourChange]| (w[1].change, w[0].row) <= (w[0].change, w[1].row);
        assert!(changes.windows(2).all(order));
        assert!(
            a.changes(&a)
                .unwrap()
                .iter()
                .enumerate()
                .all(|(row, found)| *found == NeighbourChange { row, change: 0.0 })
        );
    }

    #[test]
    fn too_few_rows_have_no_neighbours() {
        let x = noise(12, 3, 2);
        let sentences = [0; 12];
        let of = |rows: usize, k, seed| {
            Neighbours::of(x.slice(s![..rows, ..]), &sentences[..rows], k, seed)
        };
        assert!(matches!(of(11, 10, 0), Err(GeometryError::TooFew { needed: 12, found: 11, .. })));
        assert!(of(0, 1, 0).is_err() && of(12, 0, 0).is_err() && of(12, usize::MAX, 0).is_err());
        let ten = of(12, 10, 0).unwrap();
        let alone = ten.overlap(&ten).unwrap();
        assert_eq!(alone, Estimate::exact(1.0, 1));
        assert!(ten.overlap(&of(12, 9, 0).unwrap()).is_err());
        assert!(ten.overlap(&of(11, 9, 0).unwrap()).is_err());
        // All rows the same.
        let same = Array2::from_elem((12, 3), 0.3f32);
        let same = Neighbours::of(same.view(), &sentences, 2, 0).unwrap();
        assert_eq!(same.nearest(0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(same.whole.copies, 11);
    }
}
