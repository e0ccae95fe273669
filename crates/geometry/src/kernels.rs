//! Centred kernel alignment of all pairs of layers at once, with intervals.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::parts::Parts;
use crate::products::{Centred, add_product};
use crate::similarity::same_length;

/// Layer × layer CKA over the same things, `[layers, layers]` each, symmetric, with intervals that
/// leave sentences out ([`Interval::leaving_out`]). None in a row and column of a layer that does
/// not vary (of [`CkaMap::rbf`], where most pairs of vectors coincide; of [`CkaMap::debiased`],
/// where what is left of a layer's own term is not positive).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CkaMap {
    /// As [`crate::linear_cka`].
    pub linear: Array2<Option<Interval>>,
    /// As [`crate::debiased_cka`]: the one to read where things are few and dimensions many.
    pub debiased: Array2<Option<Interval>>,
    /// As [`crate::rbf_cka`] at width 0.5; intervals keep the width that all things give.
    pub rbf: Array2<Option<Interval>>,
}

/// The width of the Gaussian kernels over the median distance.
const WIDTH: f64 = 0.5;
/// Rows of one kernel block, which stay in a core's cache with those of the other layers.
const BLOCK: usize = 128;

/// All three kinds of CKA of all pairs of `layers`, each `[n, d]` over the same n things: layers
/// of one model, or of several, whose widths may differ. `sentences` `[n]` is what intervals are
/// over, by the seed.
///
/// Kernels are made block by block, once a layer, and forgotten: memory is that of n²/2 distances,
/// time grows with n² (Σ d + layers²). Take some 4,000 things ([`crate::choose_rows`]). Cross
/// products d × d of every pair of layers could be gathered of any number of words, but only for
/// the linear kernel, and what a sample leaves open its interval says.
///
/// # Errors
/// Row numbers that differ, fewer than 4 rows, an entry that is not finite.
pub fn cka_map(layers: &[ArrayView2<f32>], sentences: &[usize], seed: u64) -> Result<CkaMap> {
    let n = sentences.len();
    layers.iter().try_for_each(|x| same_length("rows of a layer", n, x.nrows()))?;
    if n < 4 {
        return Err(GeometryError::TooFew { measure: "CKA", needed: 4, found: n });
    }
    let clouds: Vec<Centred> =
        layers.par_iter().map(|&x| Centred::new(x)).collect::<Result<_>>()?;
    let parts = Parts::new(sentences, seed);
    let blocks = Blocks::of(&parts);
    let medians: Vec<f64> = clouds.iter().map(|cloud| median_distance(cloud, &blocks)).collect();
    let sums = Sums::of(&clouds, &medians, &parts, &blocks);
    Ok(sums.map(&parts))
}

/// Rows in runs of one part each.
struct Blocks(Vec<(usize, Vec<usize>)>);

impl Blocks {
    fn of(parts: &Parts) -> Self {
        let mut rows = vec![Vec::new(); parts.count];
        parts.of_row.iter().enumerate().for_each(|(row, &part)| rows[part].push(row));
        let runs = |(part, rows): (usize, &Vec<usize>)| {
            rows.chunks(BLOCK).map(move |rows| (part, rows.to_vec())).collect::<Vec<_>>()
        };
        Self(rows.iter().enumerate().flat_map(runs).collect())
    }
}

/// Products of the rows of two blocks, `[a, b]`.
fn products(cloud: &Centred<'_>, a: ArrayView2<f64>, b: &[usize]) -> Array2<f64> {
    let mut other = Array2::zeros((b.len(), cloud.width()));
    cloud.write(b, other.view_mut());
    let mut out = Array2::zeros((a.nrows(), b.len()));
    add_product(a, other.t(), out.view_mut());
    out
}

fn written(cloud: &Centred<'_>, rows: &[usize]) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), cloud.width()));
    cloud.write(rows, out.view_mut());
    out
}

/// The median of all n² squared distances, the zero diagonal included, as numpy has it.
fn median_distance(cloud: &Centred<'_>, blocks: &Blocks) -> f64 {
    let n = cloud.len();
    let mut above = vec![0.0; n * (n - 1) / 2];
    // Each block's share of the pairs, cut out beforehand.
    let (mut rest, mut before, mut tasks) = (above.as_mut_slice(), 0, Vec::new());
    for (place, (_, rows)) in blocks.0.iter().enumerate() {
        let pairs = rows.len() * before + rows.len() * (rows.len() - 1) / 2;
        let (own, others) = std::mem::take(&mut rest).split_at_mut(pairs);
        tasks.push((place, own));
        (rest, before) = (others, before + rows.len());
    }
    tasks.into_par_iter().for_each(|(place, own)| {
        let rows = &blocks.0[place].1;
        let written = written(cloud, rows);
        let mut slots = own.iter_mut();
        for (other, (_, columns)) in blocks.0[..=place].iter().enumerate() {
            let products = products(cloud, written.view(), columns);
            for (i, &a) in rows.iter().enumerate() {
                let columns = if other == place { &columns[..i] } else { columns };
                for ((&b, &product), slot) in columns.iter().zip(products.row(i)).zip(&mut slots) {
                    *slot = cloud.distance_from_product(a, b, product);
                }
            }
        }
    });
    // Sorted, all entries are n zeros and then each distance twice.
    let mut at = |place: usize| match place.checked_sub(n) {
        None => 0.0,
        Some(place) => *above.select_nth_unstable_by(place / 2, f64::total_cmp).1,
    };
    let entries = n * n;
    (at((entries - 1) / 2) + at(entries / 2)) / 2.0
}

/// The two kernels that everything is summed of.
const KERNELS: usize = 2;
const LINEAR: usize = 0;
const GAUSSIAN: usize = 1;

/// What the estimates are made of, with and without any part.
struct Sums {
    layers: usize,
    /// Σ K_a ∘ K_b over the rows of one part and the columns of another, by kernel and pair of
    /// layers, `[parts, parts]` each.
    inner: Vec<Array2<f64>>,
    /// Σ_j K_ij over the columns j of each part, by kernel and layer, `[n, parts]` each.
    rows: Vec<Array2<f64>>,
    /// K_ii of the linear kernel by layer, `[n]` each; the Gaussian's are 1.
    diagonals: Vec<Vec<f64>>,
    /// Whether a kernel of a layer tells its points apart, by kernel and layer.
    varies: Vec<bool>,
}

/// The sums of one block of rows with all blocks up to itself.
struct BlockSums {
    /// By kernel and pair: the sums with the blocks before, by their part, and with itself.
    inner: Vec<(Vec<f64>, f64)>,
    /// By kernel and layer: row sums of the block `[rows, parts]`, and of the rows of the blocks
    /// before over the block, `[rows before]`.
    rows: Vec<(Array2<f64>, Vec<f64>)>,
}

fn pairs(layers: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..layers).flat_map(move |a| (a..layers).map(move |b| (a, b)))
}

impl Sums {
    fn of(clouds: &[Centred<'_>], medians: &[f64], parts: &Parts, blocks: &Blocks) -> Self {
        let (layers, n) = (clouds.len(), parts.of_row.len());
        let n_pairs = layers * (layers + 1) / 2;
        let mut sums = Self {
            layers,
            inner: vec![Array2::zeros((parts.count, parts.count)); KERNELS * n_pairs],
            rows: vec![Array2::zeros((n, parts.count)); KERNELS * layers],
            diagonals: clouds.iter().map(|cloud| cloud.lengths.clone()).collect(),
            varies: clouds
                .iter()
                .map(Centred::varies)
                .chain(medians.iter().map(|&m| m > 0.0))
                .collect(),
        };
        let blocks_sums: Vec<BlockSums> = (0..blocks.0.len())
            .into_par_iter()
            .map(|place| block_sums(clouds, medians, parts, blocks, place))
            .collect();
        for (place, block) in blocks_sums.into_iter().enumerate() {
            let (part, rows) = &blocks.0[place];
            for (sum, (others, own)) in sums.inner.iter_mut().zip(block.inner) {
                for (other, value) in others.into_iter().enumerate() {
                    sum[[*part, other]] += value;
                    sum[[other, *part]] += value;
                }
                sum[[*part, *part]] += own;
            }
            let before = blocks.0[..place].iter().flat_map(|(_, rows)| rows);
            for (sum, (own, others)) in sums.rows.iter_mut().zip(block.rows) {
                for (&row, values) in rows.iter().zip(own.rows()) {
                    let mut sum = sum.row_mut(row);
                    sum += &values;
                }
                before.clone().zip(others).for_each(|(&row, value)| sum[[row, *part]] += value);
            }
        }
        sums
    }

    /// The CKA of all pairs.
    fn map(&self, parts: &Parts) -> CkaMap {
        let whole = Estimates::of(self, parts, None);
        let without: Vec<Estimates> = (0..parts.count)
            .into_par_iter()
            .map(|part| Estimates::of(self, parts, Some(part)))
            .collect();
        let fill = |pick: fn(&Estimates) -> &Vec<Option<f64>>, least: f64| {
            let mut map = Array2::from_elem((self.layers, self.layers), None);
            for (place, (a, b)) in pairs(self.layers).enumerate() {
                let Some(value) = pick(&whole)[place] else { continue };
                let found = parts.interval(value, |part| pick(&without[part])[place]);
                map[[a, b]] = Some(found.within(least, 1.0));
                map[[b, a]] = map[[a, b]];
            }
            map
        };
        CkaMap {
            linear: fill(|e| &e.linear, 0.0),
            debiased: fill(|e| &e.debiased, -1.0),
            rbf: fill(|e| &e.rbf, 0.0),
        }
    }
}

fn block_sums(
    clouds: &[Centred<'_>],
    medians: &[f64],
    parts: &Parts,
    blocks: &Blocks,
    place: usize,
) -> BlockSums {
    let rows = &blocks.0[place].1;
    let layers = clouds.len();
    let written: Vec<Array2<f64>> = clouds.iter().map(|cloud| written(cloud, rows)).collect();
    let mut sums = BlockSums {
        inner: vec![(vec![0.0; parts.count], 0.0); KERNELS * layers * (layers + 1) / 2],
        rows: vec![(Array2::zeros((rows.len(), parts.count)), Vec::new()); KERNELS * layers],
    };
    for (other, (part, columns)) in blocks.0[..=place].iter().enumerate() {
        let mut kernels: Vec<Array2<f64>> = clouds
            .iter()
            .zip(&written)
            .map(|(cloud, written)| products(cloud, written.view(), columns))
            .collect();
        for kernel in [LINEAR, GAUSSIAN] {
            if kernel == GAUSSIAN {
                for ((kernel, cloud), &median) in kernels.iter_mut().zip(clouds).zip(medians) {
                    gaussian(kernel, cloud, median, rows, columns);
                }
            }
            let own = &mut sums.inner[kernel * layers * (layers + 1) / 2..];
            for ((a, b), (others, itself)) in pairs(layers).zip(own) {
                let sum = product_of(&kernels[a], &kernels[b]);
                if other == place { *itself += sum } else { others[*part] += sum }
            }
            for (kernel, (own, before)) in kernels.iter().zip(&mut sums.rows[kernel * layers..]) {
                let mut of_part = own.column_mut(*part);
                of_part += &kernel.sum_axis(ndarray::Axis(1));
                if other != place {
                    before.extend(kernel.sum_axis(ndarray::Axis(0)));
                }
            }
        }
    }
    sums
}

/// Turns products into exp(−d² / (2 t² median)); zeros where the median is 0.
fn gaussian(
    kernel: &mut Array2<f64>,
    cloud: &Centred<'_>,
    median: f64,
    rows: &[usize],
    columns: &[usize],
) {
    if median <= 0.0 {
        return kernel.fill(0.0);
    }
    let scale = -1.0 / (2.0 * WIDTH * WIDTH * median);
    for (&a, mut row) in rows.iter().zip(kernel.rows_mut()) {
        for (&b, value) in columns.iter().zip(&mut row) {
            let distance = if a == b { 0.0 } else { cloud.distance_from_product(a, b, *value) };
            *value = (distance * scale).exp();
        }
    }
}

/// Σ a ∘ b, eight sums side by side, which fit vector registers.
fn product_of(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else { return (a * b).sum() };
    let ((a, a_end), (b, b_end)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_end.iter().zip(b_end).map(|(a, b)| a * b).sum::<f64>()
}

/// The three kinds of CKA of every pair, of all rows or without a part.
struct Estimates {
    linear: Vec<Option<f64>>,
    debiased: Vec<Option<f64>>,
    rbf: Vec<Option<f64>>,
}

impl Estimates {
    fn of(sums: &Sums, parts: &Parts, without: Option<usize>) -> Self {
        let kept: Vec<usize> =
            (0..parts.of_row.len()).filter(|&row| Some(parts.of_row[row]) != without).collect();
        let m = kept.len() as f64;
        let layers = sums.layers;
        let n_pairs = layers * (layers + 1) / 2;
        // Σ_j K_ij over what is kept, by kernel and layer; of the linear kernel also without K_ii.
        let row_sums = |rows: &Array2<f64>| -> Vec<f64> {
            let left_out = |row: usize| without.map_or(0.0, |part| rows[[row, part]]);
            kept.iter().map(|&row| rows.row(row).sum() - left_out(row)).collect()
        };
        let rows: Vec<Vec<f64>> = sums.rows.par_iter().map(row_sums).collect();
        let diagonals: Vec<Vec<f64>> = (sums.diagonals.iter())
            .map(|diagonal| kept.iter().map(|&row| diagonal[row]).collect())
            .collect();
        let open: Vec<Vec<f64>> = (rows.iter().zip(&diagonals))
            .map(|(rows, own)| rows.iter().zip(own).map(|(sum, own)| sum - own).collect())
            .collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let total = |a: &[f64]| a.iter().sum::<f64>();
        let inner = |kernel: usize, pair: usize| {
            let all = &sums.inner[kernel * n_pairs + pair];
            let left_out =
                without.map_or(0.0, |part| 2.0 * all.row(part).sum() - all[[part, part]]);
            all.sum() - left_out
        };
        // The products of the doubly centred kernels.
        let centred = |kernel: usize| -> Vec<f64> {
            let rows = &rows[kernel * layers..][..layers];
            let of = |(pair, (a, b)): (usize, (usize, usize))| {
                let (a, b) = (&rows[a], &rows[b]);
                inner(kernel, pair) - 2.0 / m * dot(a, b) + total(a) * total(b) / (m * m)
            };
            pairs(layers).enumerate().map(of).collect()
        };
        // The unbiased estimator of Song et al. 2007, over m (m − 3).
        let unbiased = |(pair, (a, b)): (usize, (usize, usize))| {
            let totals = total(&open[a]) * total(&open[b]);
            inner(LINEAR, pair) - dot(&diagonals[a], &diagonals[b])
                + totals / ((m - 1.0) * (m - 2.0))
                - 2.0 / (m - 2.0) * dot(&open[a], &open[b])
        };
        let debiased: Vec<f64> = pairs(layers).enumerate().map(unbiased).collect();
        let enough = |least: usize| kept.len() >= least;
        Self {
            linear: sums.ratios(&centred(LINEAR), LINEAR, enough(2)),
            debiased: sums.ratios(&debiased, LINEAR, enough(4)),
            rbf: sums.ratios(&centred(GAUSSIAN), GAUSSIAN, enough(2)),
        }
    }
}

/// Below this share of all terms, what is left of a layer's own one is rounding.
const ROUNDING: f64 = 1e-13;

impl Sums {
    /// D(a, b) / √(D(a, a) D(b, b)) of every pair, where that is a number.
    fn ratios(&self, inner: &[f64], kernel: usize, enough: bool) -> Vec<Option<f64>> {
        let own: Vec<f64> =
            pairs(self.layers).zip(inner).filter(|((a, b), _)| a == b).map(|(_, v)| *v).collect();
        let defined = |layer: usize| {
            let own_pair = pairs(self.layers).position(|pair| pair == (layer, layer));
            let n_pairs = inner.len();
            let scale = own_pair.map_or(0.0, |pair| self.inner[kernel * n_pairs + pair].sum());
            enough && self.varies[kernel * self.layers + layer] && own[layer] > ROUNDING * scale
        };
        let defined: Vec<bool> = (0..self.layers).map(defined).collect();
        pairs(self.layers)
            .zip(inner)
            .map(|((a, b), value)| {
                let ratio = value / (own[a].sqrt() * own[b].sqrt());
                (defined[a] && defined[b] && ratio.is_finite()).then(|| ratio.clamp(-1.0, 1.0))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::generator;
    use crate::{debiased_cka, linear_cka, rbf_cka};
    use ndarray::{Axis, s};
    use rand::Rng;

    fn layers(n: usize) -> Vec<Array2<f32>> {
        let mut rng = generator(4);
        let mut noise = |d| Array2::from_shape_simple_fn((n, d), || rng.gen_range(-1.0..1.0f32));
        let first = noise(6);
        let second = &first * 2.0 + noise(6) + 5.0;
        let wide = ndarray::concatenate![Axis(1), first, noise(3)];
        vec![first, second, wide, Array2::from_elem((n, 2), 0.1)]
    }

    #[test]
    fn the_map_is_made_of_pairs() {
        // Sentences of 3, so that the last block is not full; more rows than a block has.
        for (n, sentences_of) in [(300, 3), (300, 300), (31, 2), (9, 1)] {
            let layers = layers(n);
            let sentences: Vec<usize> = (0..n).map(|i| i / sentences_of).collect();
            let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
            let map = cka_map(&views, &sentences, 1).unwrap();
            for (a, b) in pairs(3) {
                let (x, y) = (views[a], views[b]);
                let near = |found: &Array2<Option<Interval>>, expected: f64| {
                    let value = found[[a, b]].unwrap().value;
                    assert!((value - expected).abs() < 1e-10, "{n} {a} {b}: {value} {expected}");
                    assert_eq!(found[[a, b]], found[[b, a]]);
                };
                near(&map.linear, linear_cka(x, y).unwrap());
                near(&map.debiased, debiased_cka(x, y).unwrap());
                near(&map.rbf, rbf_cka(x, y, 0.5).unwrap());
            }
            assert!((0..4).all(|l| map.linear[[l, 3]].is_none() && map.rbf[[3, l]].is_none()));
        }
    }

    #[test]
    fn intervals_are_of_the_pairs_too() {
        let layers = layers(90);
        let sentences: Vec<usize> = (0..90).map(|i| i / 5).collect();
        let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
        let map = cka_map(&views, &sentences, 7).unwrap();
        for (found, cka) in [
            (map.linear, linear_cka as fn(ArrayView2<f32>, ArrayView2<f32>) -> Result<f64>),
            (map.debiased, debiased_cka),
        ] {
            let direct = Interval::leaving_out(&sentences, 7, |rows| {
                let [x, y] = [0, 1].map(|layer| views[layer].select(Axis(0), rows));
                cka(x.view(), y.view())
            });
            let (direct, found) = (direct.unwrap(), found[[0, 1]].unwrap());
            assert!((direct.low - found.low).abs() < 1e-10, "{direct:?} {found:?}");
            assert_eq!(found.n, 18);
        }
        let rbf = map.rbf[[0, 1]].unwrap();
        assert!(rbf.low < rbf.value && rbf.value < rbf.high && rbf.high - rbf.low < 0.3, "{rbf:?}");
    }

    #[test]
    fn hostile_maps() {
        let layers = layers(12);
        let views: Vec<_> = layers.iter().map(|x| x.view()).collect();
        let one = cka_map(&views, &[0; 12], 0).unwrap();
        assert_eq!(one.linear[[0, 0]].unwrap().ends(), None);
        let few: Vec<_> = views.iter().map(|x| x.slice(s![..3, ..])).collect();
        assert!(matches!(cka_map(&few, &[0; 3], 0), Err(GeometryError::TooFew { .. })));
        assert!(matches!(cka_map(&views, &[0; 3], 0), Err(GeometryError::Length { .. })));
        assert_eq!(cka_map(&[], &[0; 12], 0).unwrap().linear.dim(), (0, 0));
        // Half of the rows repeated: no median distance, but variance.
        let mut rows = Array2::zeros((12, 2));
        rows[[0, 0]] = 1.0f32;
        rows[[1, 1]] = -1.0;
        let map = cka_map(&[rows.view(), views[0]], &[0; 12], 0).unwrap();
        assert!(map.linear[[0, 1]].is_some() && map.rbf[[0, 1]].is_none());
        assert!(
            cka_map(&[Array2::zeros((12, 0)).view()], &[0; 12], 0).unwrap().rbf[[0, 0]].is_none()
        );
    }
}
