//! Layer norm and root mean square norm, alone and of a sum; and the sum alone.

use super::buffers::output;
use super::functions;
use super::product::dispatch;
use super::rounding::Rounding;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// About the number of values of one task; fewer are not worth a second thread.
const VALUES: usize = 1 << 14;

/// The weights of a norm.
#[derive(Clone, Copy)]
pub(crate) struct NormWeights<'a> {
    /// The factors, `[d]`, or `[groups, d]`: rows `i` and `i + groups` have the same.
    pub(crate) weight: &'a [f32],
    /// The bias, `[d]`; may be empty.
    pub(crate) bias: &'a [f32],
    /// The width of a row, `d`.
    pub(crate) width: usize,
    /// Whether the mean is subtracted first.
    pub(crate) centred: bool,
    /// Added to the mean of the squares.
    pub(crate) eps: f64,
    /// Rounds the values, and the sum before.
    pub(crate) rounding: Rounding,
}

/// The norm of each row of `x`, or of `x + y`, `[rows, d]`.
pub(crate) fn norm(x: &[f32], y: Option<&[f32]>, weights: NormWeights) -> Vec<f32> {
    let all = weights.weight.len();
    let mut out = output(x.len());
    let chunk = VALUES.div_ceil(all) * all;
    out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).enumerate().for_each(|(index, (out, x))| {
        let y = y.map(|y| &y[index * chunk..index * chunk + out.len()]);
        dispatch(Rows { out, x, y, weights });
    });
    out
}

/// `x + y`, value by value.
pub(crate) fn sum(x: &[f32], y: &[f32], rounding: Rounding) -> Vec<f32> {
    let mut out = output(x.len());
    let sources = x.par_chunks(VALUES).zip(y.par_chunks(VALUES));
    out.par_chunks_mut(VALUES).zip(sources).for_each(|(out, (x, y))| {
        dispatch(Sum { out, x, y, rounding });
    });
    out
}

/// The values, rounded.
pub(crate) fn round(x: &[f32], rounding: Rounding) -> Vec<f32> {
    let mut out = x.to_vec();
    rounding.round(&mut out);
    out
}

/// Some values of a sum.
struct Sum<'a> {
    out: &'a mut [f32],
    x: &'a [f32],
    y: &'a [f32],
    rounding: Rounding,
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, (x, y)) in self.out.iter_mut().zip(self.x.iter().zip(self.y)) {
            *out = x + y;
        }
        self.rounding.round(self.out);
    }
}

/// Some rows of a norm.
struct Rows<'a> {
    out: &'a mut [f32],
    x: &'a [f32],
    y: Option<&'a [f32]>,
    weights: NormWeights<'a>,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let NormWeights { weight, bias, width: d, centred, eps, rounding } = self.weights;
        let groups = weight.len() / d;
        for (index, (row, x)) in self.out.chunks_mut(d).zip(self.x.chunks(d)).enumerate() {
            row.copy_from_slice(x);
            if let Some(y) = self.y {
                for (x, y) in row.iter_mut().zip(&y[index * d..]) {
                    *x += y;
                }
                rounding.round(row);
            }
            let weight = &weight[index % groups * d..][..d];
            functions::norm(row, weight, bias, centred, eps as f32);
            rounding.round(row);
        }
    }
}
