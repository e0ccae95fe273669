//! Nearest neighbours in the full space: what of them two layers share, and who moved.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::parts::Parts;
use crate::products::{Centred, add_product};
use crate::similarity::same_length;

/// Rows whose distances one matrix product computes.
const BLOCK: usize = 64;

/// The nearest neighbours of every row among the others, by Euclidean distance in the full space;
/// of equal distances the lower row number comes first.
///
/// Time grows with n² d_model: take a sample of some 4,000 rows ([`crate::choose_rows`]), the
/// same one at every layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    k: usize,
    parts: Parts,
    lists: Lists,
    /// The rows that are no exact copy of an earlier one, and their lists, where there are copies.
    distinct: Option<(Parts, Lists)>,
    copies: usize,
}

/// For every row its nearest ones, as many as it takes to still know k when any part is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lists {
    /// Where the list of each row starts and that of the last one ends, `[n + 1]`.
    starts: Vec<usize>,
    /// The lists end to end, each nearest first.
    rows: Vec<u32>,
    /// Their squared distances.
    distances: Vec<f64>,
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
        let parts = Parts::new(sentences, seed);
        let cloud = Centred::new(x)?;
        let first = first_copies(x);
        let lists = Lists::of(&cloud, k, &parts, &first);
        let firsts: Vec<usize> = (0..x.nrows()).filter(|&row| first[row] == row).collect();
        let copies = x.nrows() - firsts.len();
        let distinct = (copies > 0).then(|| {
            let kept = x.select(Axis(0), &firsts);
            let parts = parts.select(&firsts);
            let all: Vec<usize> = (0..firsts.len()).collect();
            let lists = Lists::of(&Centred::new(kept.view())?, NEAREST, &parts, &all);
            Ok((parts, lists))
        });
        Ok(Self { k, parts, lists, distinct: distinct.transpose()?, copies })
    }

    /// How many neighbours.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The k nearest rows of a row, nearest first; none of a row that is not there.
    pub fn nearest(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let known = row < self.lists.len();
        known.then(|| self.lists.nearest(row).take(self.k)).into_iter().flatten()
    }

    /// The share of k nearest neighbours that a row has at both of two layers, mean over rows:
    /// 0 to 1, k / (n − 1) by chance.
    ///
    /// `other` is of the same rows at another layer, of any width. The interval leaves sentences
    /// out ([`Interval::leaving_out`]).
    ///
    /// # Errors
    /// Another number of rows, other sentences or another seed, another k.
    pub fn overlap(&self, other: &Self) -> Result<Interval> {
        self.comparable(other)?;
        let mean = |without: Option<usize>| {
            let kept = |row: usize| Some(self.parts.of_row[row]) != without;
            let mut shared = Shared::new(self.parts.of_row.len());
            let (mut sum, mut rows) = (0, 0usize);
            for row in (0..self.parts.of_row.len()).filter(|&row| kept(row)) {
                let [a, b] = [self, other].map(|n| n.lists.nearest(row).filter(|&j| kept(j)));
                sum += shared.count(row, a.take(self.k), b.take(self.k));
                rows += 1;
            }
            let enough = rows > self.k + 1;
            enough.then(|| sum as f64 / (rows * self.k) as f64)
        };
        let value = mean(None).unwrap_or(0.0);
        Ok(self.parts.interval(value, |part| mean(Some(part))).within(0.0, 1.0))
    }

    /// Every row by how much its k neighbours differ between this layer and `other`, those that
    /// changed most first, equal ones by row.
    ///
    /// # Errors
    /// As [`Neighbours::overlap`].
    pub fn moved(&self, other: &Self) -> Result<Vec<Moved>> {
        self.comparable(other)?;
        let n = self.parts.of_row.len();
        let mut shared = Shared::new(n);
        let mut counts: Vec<(usize, usize)> = (0..n)
            .map(|row| {
                let [a, b] = [self, other].map(|n| n.lists.nearest(row).take(self.k));
                (shared.count(row, a, b), row)
            })
            .collect();
        counts.sort_unstable();
        let change = |shared: usize| 1.0 - shared as f64 / self.k as f64;
        Ok(counts.into_iter().map(|(shared, row)| Moved { row, change: change(shared) }).collect())
    }

    fn comparable(&self, other: &Self) -> Result<()> {
        same_length("rows of the two layers", self.parts.of_row.len(), other.parts.of_row.len())?;
        same_length("neighbours of the two layers", self.k, other.k)?;
        if self.parts != other.parts {
            let differ = self.parts.of_row.iter().zip(&other.parts.of_row);
            let place = differ.take_while(|(a, b)| a == b).count();
            let what = "rows with the same sentences and seed at both layers";
            return Err(GeometryError::Length {
                what,
                expected: self.parts.of_row.len(),
                found: place,
            });
        }
        Ok(())
    }

    /// The lists among distinct rows with their parts, and how many copies they leave out.
    pub(crate) fn distinct(&self) -> (&Parts, &Lists, usize) {
        match &self.distinct {
            Some((parts, lists)) => (parts, lists, self.copies),
            None => (&self.parts, &self.lists, 0),
        }
    }
}

/// Neighbours that intrinsic dimension needs.
const NEAREST: usize = 2;

impl Lists {
    /// Of all points, with `k` neighbours to know; `first` is the row that each is a copy of.
    fn of(cloud: &Centred<'_>, k: usize, parts: &Parts, first: &[usize]) -> Self {
        let n = cloud.len();
        let longest = (k + parts.largest()).min(n.saturating_sub(1));
        let rows = cloud.all();
        let all: Vec<usize> = (0..n).collect();
        // The lists come in order, whatever the threads.
        let blocks: Vec<Vec<Vec<(f64, u32)>>> = all
            .par_chunks(BLOCK)
            .map(|block| {
                let (start, end) = (block[0], block[0] + block.len());
                let mut products = Array2::zeros((block.len(), n));
                add_product(rows.slice(s![start..end, ..]), rows.t(), products.view_mut());
                let list = |(&i, products): (&usize, ArrayView1<f64>)| {
                    // Copies are all at the distance of the first, to the last digit.
                    let distances = (0..n).filter(|&j| j != i).map(|j| {
                        let same = first[j] == first[i];
                        let product = products[first[j]];
                        let distance = cloud.distance_from_product(i, first[j], product);
                        (if same { 0.0 } else { distance }, j as u32)
                    });
                    let mut found = nearest(distances, longest);
                    found.truncate(needed(&found, i, k, parts));
                    found
                };
                block.iter().zip(products.rows()).map(list).collect()
            })
            .collect();
        let mut lists = Self { starts: vec![0], rows: Vec::new(), distances: Vec::new() };
        for list in blocks.into_iter().flatten() {
            lists.rows.extend(list.iter().map(|&(_, row)| row));
            lists.distances.extend(list.iter().map(|&(distance, _)| distance));
            lists.starts.push(lists.rows.len());
        }
        lists
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn nearest(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let list = &self.rows[self.starts[row]..self.starts[row + 1]];
        list.iter().map(|&near| near as usize)
    }

    /// The neighbours of a row with their squared distances, nearest first.
    pub(crate) fn with_distances(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let distances = &self.distances[self.starts[row]..self.starts[row + 1]];
        self.nearest(row).zip(distances.iter().copied())
    }
}

/// How much of a list to keep: enough for k neighbours without any part but that of row `i`.
fn needed(list: &[(f64, u32)], i: usize, k: usize, parts: &Parts) -> usize {
    let mut counts = vec![0usize; parts.count];
    let mut largest = 0;
    for (length, &(_, near)) in list.iter().enumerate() {
        if length >= k + largest {
            return length;
        }
        let part = parts.of_row[near as usize];
        if part != parts.of_row[i] {
            counts[part] += 1;
            largest = largest.max(counts[part]);
        }
    }
    list.len()
}

/// The `k` least of some distances, ascending; of equal ones the lower row first.
fn nearest(distances: impl Iterator<Item = (f64, u32)>, k: usize) -> Vec<(f64, u32)> {
    let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if k == 0 {
        return Vec::new();
    }
    // Candidates are cut back to k now and then; from there on only nearer ones count.
    let room = 3 * k + 64;
    let mut found = Vec::with_capacity(room);
    let mut limit = f64::INFINITY;
    for candidate in distances {
        if candidate.0 < limit {
            found.push(candidate);
            if found.len() == room {
                let (_, farthest, _) = found.select_nth_unstable_by(k - 1, order);
                limit = farthest.0;
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

/// Counts what two short lists share, in the time that it takes to read them.
struct Shared {
    /// The last list that named each row, by its number + 1.
    named_by: Vec<usize>,
}

impl Shared {
    fn new(n: usize) -> Self {
        Self { named_by: vec![0; n] }
    }

    fn count(
        &mut self,
        row: usize,
        a: impl Iterator<Item = usize>,
        b: impl Iterator<Item = usize>,
    ) -> usize {
        a.for_each(|near| self.named_by[near] = row + 1);
        b.filter(|&near| self.named_by[near] == row + 1).count()
    }
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
        let (parts, lists, copies) = found.distinct();
        assert_eq!(copies + lists.len(), 150);
        assert!(copies > 15 && parts.of_row.len() == lists.len());
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
        // Leaving a part out is what the overlap of the other rows is.
        let half = x.clone() + &(noise(200, 8, 5) * 0.5);
        let found = a.overlap(&of(&half)).unwrap();
        let direct = Interval::leaving_out(&sentences, 4, |rows| {
            let of = |x: &Array2<f32>| {
                let rows = x.select(Axis(0), rows);
                let sentences: Vec<usize> = (0..rows.nrows()).collect();
                Neighbours::of(rows.view(), &sentences, 10, 0)
            };
            Ok(of(&x)?.overlap(&of(&half)?)?.value)
        });
        let direct = direct.unwrap();
        assert!((found.low - direct.low).abs() < 1e-12 && found.value == direct.value);

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
        assert_eq!(same.distinct().2, 11);
    }
}
