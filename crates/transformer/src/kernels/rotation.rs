//! The rotation of queries and keys.

use super::buffers::output;
use super::functions;
use super::product::dispatch;
use super::rounding::Rounding;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The rotation of queries and keys.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// `[tokens, pairs]`.
    pub(crate) cosines: &'a [f32],
    /// `[tokens, pairs]`.
    pub(crate) sines: &'a [f32],
    /// The pairs of a head that rotate: its first `pairs` values with the `pairs` values after them.
    pub(crate) pairs: usize,
    /// The heads at the beginning of a row that rotate.
    pub(crate) heads: usize,
    /// Width of one head.
    pub(crate) d_head: usize,
    /// Rounds cosines, sines, products and sums.
    pub(crate) rounding: Rounding,
}

/// About the number of values of one task.
const VALUES: usize = 1 << 14;

/// Rows of `width` values, with their first heads rotated.
pub(crate) fn rotate(x: &[f32], width: usize, rotation: Rotation) -> Vec<f32> {
    let mut out = output(x.len());
    let rows = VALUES.div_ceil(width);
    let chunk = rows * width;
    out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).enumerate().for_each(|(index, (out, x))| {
        out.copy_from_slice(x);
        dispatch(Turn { out, width, first: index * rows, rotation });
    });
    out
}

/// Some rows to rotate.
struct Turn<'a> {
    out: &'a mut [f32],
    width: usize,
    /// The number of the first row.
    first: usize,
    rotation: Rotation<'a>,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Rotation { cosines, sines, pairs, heads, d_head, rounding } = self.rotation;
        for (row, values) in self.out.chunks_mut(self.width).enumerate() {
            let table = (self.first + row) * pairs..(self.first + row + 1) * pairs;
            let (cosines, sines) = (&cosines[table.clone()], &sines[table]);
            for head in values.chunks_mut(d_head).take(heads) {
                let (a, b) = head.split_at_mut(pairs);
                functions::rotate(a, &mut b[..pairs], cosines, sines, rounding);
            }
        }
    }
}
