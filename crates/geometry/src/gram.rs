//! Sums over the Gram matrices of several layers, block by block, from which CKA is computed.

use ndarray::{Array2, ArrayView2};
use pulp::Arch;
use rayon::prelude::*;
use stratoscope_numerics::add_product;

use crate::centred::Centred;
use crate::jackknife::Parts;

/// The width of the Gaussian kernels, relative to the median distance.
const WIDTH: f64 = 0.5;
/// Rows of one block: the blocks of all layers fit in the cache of a core.
const BLOCK: usize = 128;

/// Blocks of rows; the rows of a block are in one part.
pub(crate) struct Blocks(Vec<(usize, Vec<usize>)>);

impl Blocks {
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut rows = vec![Vec::new(); parts.count];
        parts.of_row.iter().enumerate().for_each(|(row, &part)| rows[part].push(row));
        let runs = |(part, rows): (usize, &Vec<usize>)| {
            rows.chunks(BLOCK).map(move |rows| (part, rows.to_vec())).collect::<Vec<_>>()
        };
        Self(rows.iter().enumerate().flat_map(runs).collect())
    }
}

/// The inner products of the rows of two blocks, `[a, b]`.
fn products(cloud: &Centred<'_>, a: ArrayView2<f64>, b: &[usize]) -> Array2<f64> {
    let mut other = Array2::zeros((b.len(), cloud.width()));
    cloud.write(b, other.view_mut());
    let mut out = Array2::zeros((a.nrows(), b.len()));
    add_product(a, other.t(), out.view_mut());
    out
}

fn centred_rows(cloud: &Centred<'_>, rows: &[usize]) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), cloud.width()));
    cloud.write(rows, out.view_mut());
    out
}

/// The median of all n² squared distances, the zero diagonal included, as numpy computes it.
pub(crate) fn median_distance(cloud: &Centred<'_>, blocks: &Blocks) -> f64 {
    let n = cloud.len();
    let mut above = vec![0.0; n * (n - 1) / 2];
    // The slice of the pairs of each block.
    let (mut rest, mut before, mut tasks) = (above.as_mut_slice(), 0, Vec::new());
    for (place, (_, rows)) in blocks.0.iter().enumerate() {
        let pairs = rows.len() * before + rows.len() * (rows.len() - 1) / 2;
        let (own, others) = std::mem::take(&mut rest).split_at_mut(pairs);
        tasks.push((place, own));
        (rest, before) = (others, before + rows.len());
    }
    tasks.into_par_iter().for_each(|(place, own)| {
        let rows = &blocks.0[place].1;
        let written = centred_rows(cloud, rows);
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
    // In order, the entries are n zeros and then each distance twice.
    let mut at = |place: usize| match place.checked_sub(n) {
        None => 0.0,
        Some(place) => *above.select_nth_unstable_by(place / 2, f64::total_cmp).1,
    };
    let entries = n * n;
    (at((entries - 1) / 2) + at(entries / 2)) / 2.0
}

/// The number of kernels: linear and Gaussian.
const KERNELS: usize = 2;
pub(crate) const LINEAR: usize = 0;
pub(crate) const GAUSSIAN: usize = 1;

/// The sums from which CKA with and without each part is computed.
pub(crate) struct Sums {
    pub(crate) layers: usize,
    /// Σ K_a ∘ K_b over the rows of one part and the columns of another, by kernel and pair of
    /// layers, `[parts, parts]` each.
    pub(crate) inner: Vec<Array2<f64>>,
    /// Σ_j K_ij over the columns j of each part, by kernel and layer, `[n, parts]` each.
    pub(crate) rows: Vec<Array2<f64>>,
    /// K_ii of the linear kernel by layer, `[n]` each; the Gaussian's are 1.
    pub(crate) diagonals: Vec<Vec<f64>>,
    /// Whether the kernel of a layer is not constant, by kernel and layer.
    pub(crate) varies: Vec<bool>,
}

/// The sums of one block of rows with all blocks up to itself.
struct BlockSums {
    /// By kernel and pair of layers: the sums with the blocks before, by part, and with itself.
    inner: Vec<(Vec<f64>, f64)>,
    /// By kernel and layer: the row sums of the block, `[rows, parts]`; and the sums over the block
    /// of each row of the blocks before, `[rows before]`.
    rows: Vec<(Array2<f64>, Vec<f64>)>,
}

pub(crate) fn pairs(layers: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..layers).flat_map(move |a| (a..layers).map(move |b| (a, b)))
}

impl Sums {
    pub(crate) fn of(
        clouds: &[Centred<'_>],
        medians: &[f64],
        parts: &Parts,
        blocks: &Blocks,
    ) -> Self {
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
}

fn block_sums(
    clouds: &[Centred<'_>],
    medians: &[f64],
    parts: &Parts,
    blocks: &Blocks,
    place: usize,
) -> BlockSums {
    let rows = &blocks.0[place].1;
    let (layers, arch) = (clouds.len(), Arch::new());
    let written: Vec<Array2<f64>> = clouds.iter().map(|cloud| centred_rows(cloud, rows)).collect();
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
                let sum = arch.dispatch(|| product_of(&kernels[a], &kernels[b]));
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

/// Replaces the products by exp(−d² / (2 t² median)), or by 0 where the median is 0.
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

/// Σ a ∘ b in eight partial sums, which fit vector registers.
#[inline(always)]
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
