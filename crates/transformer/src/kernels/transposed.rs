//! Rows of a matrix written as columns: what the packing of a factor does.

use super::product::panel_width;
use pulp::Simd;

/// Writes `rows` rows of `x`, at distance `stride`, as the first columns of `out`, `[depth, WIDTH]`; the
/// other columns become 0.
#[inline(always)]
pub(super) fn transpose<S: Simd, const WIDTH: usize>(
    x: &[f32],
    rows: usize,
    stride: usize,
    out: &mut [[f32; WIDTH]],
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = blocks::avx512::<S>() {
        return blocks::transpose(simd, x, rows, stride, out);
    }
    if rows < WIDTH {
        out.as_flattened_mut().fill(0.0);
        for row in 0..rows {
            let x = &x[row * stride..][..out.len()];
            for (column, &value) in out.iter_mut().zip(x) {
                column[row] = value;
            }
        }
        return;
    }
    // Column by column: whole columns are written at once.
    let x: [&[f32]; WIDTH] = std::array::from_fn(|row| &x[row * stride..][..out.len()]);
    for (index, column) in out.iter_mut().enumerate() {
        for row in 0..WIDTH {
            column[row] = x[row][index];
        }
    }
}

/// [`transpose`] to a panel, `[depth, panel width]`.
#[inline(always)]
pub(super) fn panel<S: Simd>(x: &[f32], rows: usize, stride: usize, panel: &mut [f32]) {
    match panel_width::<S>() {
        32 => transpose::<S, 32>(x, rows, stride, panel.as_chunks_mut().0),
        16 => transpose::<S, 16>(x, rows, stride, panel.as_chunks_mut().0),
        _ => transpose::<S, 8>(x, rows, stride, panel.as_chunks_mut().0),
    }
}

/// Blocks of 16 rows and columns, in the registers of AVX-512.
#[cfg(target_arch = "x86_64")]
mod blocks {
    use pulp::{Simd, cast, x86::V4};
    use std::any::TypeId;
    use std::arch::x86_64::__m512;

    /// The rows and columns of a block.
    const SIDE: usize = 16;

    /// The instructions, if `S` stands for them.
    #[inline(always)]
    pub(in crate::kernels) fn avx512<S: Simd>() -> Option<V4> {
        if TypeId::of::<S>() == TypeId::of::<V4>() { V4::try_new() } else { None }
    }

    // Plain loops, and functions: closures are not compiled for these instructions.
    #[inline(always)]
    pub(super) fn transpose<const WIDTH: usize>(
        simd: V4,
        x: &[f32],
        rows: usize,
        stride: usize,
        out: &mut [[f32; WIDTH]],
    ) {
        for (block, out) in out.chunks_mut(SIDE).enumerate() {
            for first in (0..WIDTH).step_by(SIDE) {
                let mut values = [cast([0.0f32; SIDE]); SIDE];
                for (index, values) in values.iter_mut().enumerate() {
                    if first + index < rows {
                        let start = (first + index) * stride + block * SIDE;
                        *values = load(&x[start..start + out.len()]);
                    }
                }
                let values = turn(simd, values);
                for (out, values) in out.iter_mut().zip(values) {
                    let values: [f32; SIDE] = cast(values);
                    match out[first..].first_chunk_mut::<SIDE>() {
                        Some(out) => *out = values,
                        None => out.copy_from_slice(&values[..WIDTH]),
                    }
                }
            }
        }
    }

    /// Up to 16 values, and 0 after them.
    #[inline(always)]
    fn load(values: &[f32]) -> __m512 {
        let mut all = [0.0; SIDE];
        match values.first_chunk::<SIDE>() {
            Some(values) => all = *values,
            None => {
                for (all, value) in all.iter_mut().zip(values) {
                    *all = *value;
                }
            }
        }
        cast(all)
    }

    /// The columns of these rows.
    #[inline(always)]
    fn turn(simd: V4, rows: [__m512; SIDE]) -> [__m512; SIDE] {
        // A register has a column of four rows in each quarter.
        let mut quarters = rows;
        for (rows, out) in rows.as_chunks::<4>().0.iter().zip(quarters.as_chunks_mut::<4>().0) {
            let [a, b, c, d] = *rows;
            let of = simd.avx512f;
            let (ab, cd) = (of._mm512_unpacklo_ps(a, b), of._mm512_unpacklo_ps(c, d));
            let [first, second] = pairs(simd, ab, cd);
            let (ab, cd) = (of._mm512_unpackhi_ps(a, b), of._mm512_unpackhi_ps(c, d));
            let [third, fourth] = pairs(simd, ab, cd);
            *out = [first, second, third, fourth];
        }
        let mut columns = rows;
        for index in 0..4 {
            let [a, b] = [quarters[index], quarters[index + 4]];
            let [c, d] = [quarters[index + 8], quarters[index + 12]];
            let (first, second) = (even(simd, a, b), even(simd, c, d));
            columns[index] = even(simd, first, second);
            columns[index + 8] = odd(simd, first, second);
            let (first, second) = (odd(simd, a, b), odd(simd, c, d));
            columns[index + 4] = even(simd, first, second);
            columns[index + 12] = odd(simd, first, second);
        }
        columns
    }

    /// The first and the third quarter of both.
    #[inline(always)]
    fn even(simd: V4, a: __m512, b: __m512) -> __m512 {
        simd.avx512f._mm512_shuffle_f32x4::<0x88>(a, b)
    }

    /// The second and the fourth quarter of both.
    #[inline(always)]
    fn odd(simd: V4, a: __m512, b: __m512) -> __m512 {
        simd.avx512f._mm512_shuffle_f32x4::<0xdd>(a, b)
    }

    /// In each quarter the first pairs of both, and the second pairs.
    #[inline(always)]
    fn pairs(simd: V4, a: __m512, b: __m512) -> [__m512; 2] {
        let simd = simd.avx512f;
        let (a, b) = (simd._mm512_castps_pd(a), simd._mm512_castps_pd(b));
        let (low, high) = (simd._mm512_unpacklo_pd(a, b), simd._mm512_unpackhi_pd(a, b));
        [simd._mm512_castpd_ps(low), simd._mm512_castpd_ps(high)]
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use blocks::avx512;
