//! Layer norm and root mean square norm, alone and of a sum; and the sum alone.

use super::functions;
use super::product::dispatch;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// About the number of values of one task; fewer are not worth a second thread.
const VALUES: usize = 1 << 14;

/// The weights of a norm, `[d]` each.
#[derive(Clone, Copy)]
pub(crate) struct NormWeights<'a> {
    /// The factor.
    pub(crate) weight: &'a [f32],
    /// The bias; may be empty.
    pub(crate) bias: &'a [f32],
    /// Whether the mean is subtracted first.
    pub(crate) centred: bool,
    /// Added to the mean of the squares.
    pub(crate) eps: f64,
}

/// The norm of each row of `x`, or of `x + y`, `[rows, d]`.
pub(crate) fn norm(x: &[f32], y: Option<&[f32]>, weights: NormWeights) -> Vec<f32> {
    let d = weights.weight.len();
    let mut out = x.to_vec();
    let chunk = VALUES.div_ceil(d) * d;
    out.par_chunks_mut(chunk).enumerate().for_each(|(index, out)| {
        let y = y.map(|y| &y[index * chunk..index * chunk + out.len()]);
        dispatch(Rows { out, y, weights });
    });
    out
}

/// `x + y`, value by value.
pub(crate) fn sum(x: &[f32], y: &[f32]) -> Vec<f32> {
    let mut out = x.to_vec();
    out.par_chunks_mut(VALUES).zip(y.par_chunks(VALUES)).for_each(|(out, y)| {
        for (x, y) in out.iter_mut().zip(y) {
            *x += y;
        }
    });
    out
}

/// Some rows of a norm.
struct Rows<'a> {
    out: &'a mut [f32],
    y: Option<&'a [f32]>,
    weights: NormWeights<'a>,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let NormWeights { weight, bias, centred, eps } = self.weights;
        let d = weight.len();
        for (index, row) in self.out.chunks_mut(d).enumerate() {
            if let Some(y) = self.y {
                for (x, y) in row.iter_mut().zip(&y[index * d..]) {
                    *x += y;
                }
            }
            functions::norm(row, weight, bias, centred, eps as f32);
        }
    }
}
