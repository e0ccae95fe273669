//! Representational similarity analysis (RSA): the similarity of two spaces by their dissimilarities.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use stratoscope_numerics::{Estimate, spearman};

use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};
use crate::gram::pairs;
use crate::jackknife::Parts;
use crate::similarity::unit_rows;

/// The dissimilarity of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dissimilarity {
    /// 1 − the cosine of the angle between them, 0 to 2.
    #[default]
    Cosine,
    /// 1 − Pearson's correlation of their entries, 0 to 2.
    Correlation,
    /// The Euclidean distance.
    Euclidean,
}

/// The largest number of items: 8 million pairs.
pub const RSA_MAX_ITEMS: usize = 4000;

const MEASURE: &str = "RSA";

/// RSA of the same n items in two spaces, `a` `[n, d]` and `b` `[n, e]`: Spearman's rank correlation,
/// −1 to 1, between the upper triangles of their two dissimilarity matrices (Kriegeskorte, Mur &
/// Bandettini 2008, doi 10.3389/neuro.06.004.2008; as in rsatoolbox). Tied dissimilarities have their
/// mean rank.
///
/// 1 for a space with itself. The Euclidean distance is invariant to rotation, shift and scale of a
/// space; the cosine to rotation and to the scale of each vector; the correlation to the shift and
/// scale of each vector. A vector of length 0 (for the correlation, a constant vector) has
/// dissimilarity 1 to every vector, except for the Euclidean distance.
///
/// # Errors
/// Different numbers of rows, fewer than 3 or more than [`RSA_MAX_ITEMS`] items, a space whose
/// dissimilarities are all equal, an entry that is not finite.
pub fn rsa(a: ArrayView2<f32>, b: ArrayView2<f32>, dissimilarity: Dissimilarity) -> Result<f64> {
    check_items(a.nrows())?;
    same_length("rows of the two spaces", a.nrows(), b.nrows())?;
    let (a, b) = (upper_triangle(a, dissimilarity)?, upper_triangle(b, dissimilarity)?);
    spearman(&a, &b).ok_or(GeometryError::NoVariance { measure: MEASURE })
}

/// Layer × layer RSA of the same items, `[layers, layers]`, symmetric: [`rsa`] of all pairs of
/// `layers`, each `[n, d]`, of one model or of several, with any widths. `sentences` `[n]` names the
/// sentence of each item; intervals are by [jackknife](crate::jackknife()) over sentences. None in the
/// row and column of a layer whose dissimilarities are all equal.
///
/// Memory is 9 bytes per layer and pair of items, time n² layers (d + 32 layers): 13 layers of 1,000
/// items take about 4 s on two cores. Take a sample of that size ([`crate::choose_rows`]).
///
/// # Errors
/// Different numbers of rows, fewer than 3 or more than [`RSA_MAX_ITEMS`] items, an entry that is not
/// finite.
pub fn rsa_map(
    layers: &[ArrayView2<f32>],
    sentences: &[usize],
    dissimilarity: Dissimilarity,
    seed: u64,
) -> Result<Array2<Option<Estimate>>> {
    let n = sentences.len();
    layers.iter().try_for_each(|x| same_length("rows of a layer", n, x.nrows()))?;
    check_items(n)?;
    let sorted: Vec<Sorted> = layers
        .par_iter()
        .map(|&x| upper_triangle(x, dissimilarity).map(|values| Sorted::new(&values)))
        .collect::<Result<_>>()?;
    let parts = Parts::new(sentences, seed);
    let mut ranks = vec![vec![0.0f32; n * (n - 1) / 2]; layers.len()];
    let mut correlations = |without: Option<usize>| {
        let kept = |item: usize| Some(parts.of_row[item]) != without;
        let kept: Vec<bool> =
            (0..n).flat_map(|i| (i + 1..n).map(move |j| kept(i) && kept(j))).collect();
        let of_layer = ranks.par_iter_mut().zip(&sorted);
        of_layer.for_each(|(ranks, sorted)| sorted.centred_ranks(&kept, ranks));
        correlations_of(&ranks)
    };
    let whole = correlations(None);
    let without: Vec<Vec<Option<f64>>> =
        (0..parts.count).map(|part| correlations(Some(part))).collect();
    let mut map = Array2::from_elem((layers.len(), layers.len()), None);
    for (place, (a, b)) in pairs(layers.len()).enumerate() {
        let Some(value) = whole[place] else { continue };
        let found = parts.estimate(value, |part| without[part][place]);
        map[[a, b]] = Some(found.within(-1.0, 1.0));
        map[[b, a]] = map[[a, b]];
    }
    Ok(map)
}

fn check_items(n: usize) -> Result<()> {
    if n < 3 {
        return Err(GeometryError::TooFew { measure: MEASURE, needed: 3, found: n });
    }
    if n > RSA_MAX_ITEMS {
        let what = "items of RSA";
        return Err(GeometryError::TooMany { what, max: RSA_MAX_ITEMS, found: n });
    }
    Ok(())
}

/// The upper triangle of the dissimilarity matrix, row by row; of squared distances for
/// [`Dissimilarity::Euclidean`], which have the same ranks. Equal vectors have equal dissimilarities
/// to the last digit, so that they are tied.
fn upper_triangle(x: ArrayView2<f32>, dissimilarity: Dissimilarity) -> Result<Vec<f64>> {
    let mut rows = finite(x)?;
    if dissimilarity == Dissimilarity::Correlation {
        for mut row in rows.rows_mut() {
            // Relative to the first entry: a constant vector becomes exactly 0.
            let first = row.first().copied().unwrap_or(0.0);
            row -= first;
            let mean = row.sum() / row.len().max(1) as f64;
            row -= mean;
        }
    }
    if dissimilarity != Dissimilarity::Euclidean {
        rows = unit_rows(rows);
    }
    let n = rows.nrows();
    let of_row = |i: usize| -> Vec<f64> {
        let row = rows.row(i);
        let to = |j: usize| match dissimilarity {
            Dissimilarity::Euclidean => {
                row.iter().zip(rows.row(j)).map(|(a, b)| (a - b) * (a - b)).sum()
            }
            _ => 1.0 - row.dot(&rows.row(j)).clamp(-1.0, 1.0),
        };
        (i + 1..n).map(to).collect()
    };
    let rows: Vec<Vec<f64>> = (0..n).into_par_iter().map(of_row).collect();
    Ok(rows.concat())
}

/// Pairs of items in ascending order of their dissimilarity: ranks of any subset follow without
/// sorting again.
struct Sorted {
    /// `[pairs]`: the pairs in their order.
    order: Vec<u32>,
    /// `[pairs]`: whether the pair at this place is not tied with the one before.
    starts: Vec<bool>,
}

impl Sorted {
    fn new(values: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..).take(values.len()).collect();
        let at = |pair: u32| values[pair as usize];
        order.sort_unstable_by(|&a, &b| at(a).total_cmp(&at(b)));
        let starts = (0..order.len()).map(|k| k == 0 || at(order[k]) != at(order[k - 1])).collect();
        Self { order, starts }
    }

    /// Writes the ranks of the kept pairs among each other, less their mean, and 0 for the others.
    /// Multiples of ½ up to 4 million are exact in f32.
    fn centred_ranks(&self, kept: &[bool], ranks: &mut [f32]) {
        ranks.fill(0.0);
        let middle = kept.iter().filter(|&&kept| kept).count() as f64 / 2.0 - 0.5;
        let (mut before, mut tied) = (0usize, Vec::new());
        let mut finish = |tied: &mut Vec<usize>| {
            let rank = before as f64 + (tied.len() as f64 - 1.0) / 2.0 - middle;
            before += tied.len();
            tied.drain(..).for_each(|pair| ranks[pair] = rank as f32);
        };
        for (&pair, &starts) in self.order.iter().zip(&self.starts) {
            if starts {
                finish(&mut tied);
            }
            if kept[pair as usize] {
                tied.push(pair as usize);
            }
        }
        finish(&mut tied);
    }
}

/// Spearman's correlation of every pair of layers from their centred ranks.
fn correlations_of(ranks: &[Vec<f32>]) -> Vec<Option<f64>> {
    let own: Vec<f64> = ranks.par_iter().map(|ranks| inner(ranks, ranks)).collect();
    let pairs: Vec<(usize, usize)> = pairs(ranks.len()).collect();
    let correlation = |&(a, b): &(usize, usize)| {
        let defined = own[a] > 0.0 && own[b] > 0.0;
        defined.then(|| inner(&ranks[a], &ranks[b]) / (own[a] * own[b]).sqrt())
    };
    pairs.par_iter().map(correlation).collect()
}

/// Σ a b in eight partial sums, which fit vector registers.
fn inner(a: &[f32], b: &[f32]) -> f64 {
    let ((a, a_end), (b, b_end)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let end = a_end.iter().zip(b_end).map(|(&a, &b)| f64::from(a) * f64::from(b));
    sums.iter().sum::<f64>() + end.sum::<f64>()
}
