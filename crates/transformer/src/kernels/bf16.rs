//! Products of bf16 numbers with the instruction that multiplies and adds pairs (AVX512_BF16).
//!
//! A pair is two numbers that are adjacent in the depth, the first in the low half. The instruction takes
//! numbers below the normal ones as 0. Each sum runs over the depth in order, in blocks, as in
//! [`super::product`]; within a block, pair by pair.

use super::product::{Place, Tiles, tile_height};
use pulp::Simd;

/// Columns of a panel: two vectors of 16.
pub(super) const WIDTH: usize = 32;

/// Pairs of a block; sums of blocks are added up.
const BLOCK: usize = 64;

/// The pairs of rows of `depth` values, which are bf16 numbers: `[rows, pairs]`, as the bits of f32. The
/// last half of an odd depth is 0.
#[inline(always)]
pub(super) fn pair(x: &[f32], depth: usize, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(depth).zip(out.chunks_exact_mut(depth.div_ceil(2))) {
        let (pairs, rest) = x.as_chunks::<2>();
        for (out, [first, second]) in out.iter_mut().zip(pairs) {
            *out = f32::from_bits(first.to_bits() >> 16 | second.to_bits() & 0xffff_0000);
        }
        if let ([first], Some(out)) = (rest, out.last_mut()) {
            *out = f32::from_bits(first.to_bits() >> 16);
        }
    }
}

/// The two rows of f32 that a row of pairs stands for.
#[inline(always)]
pub(super) fn unpair(pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
    for (value, pair) in first.iter_mut().zip(pairs) {
        *value = f32::from_bits(pair << 16);
    }
    for (value, pair) in second.iter_mut().zip(pairs) {
        *value = f32::from_bits(pair & 0xffff_0000);
    }
}

/// Writes the product of `tiles`, whose depth is in pairs, with a panel `[pairs, WIDTH]`, plus the biases,
/// to rows of `columns` values at distance `stride`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    tiles: &Tiles,
    panel: &[[u32; WIDTH]],
    bias: &[f32; WIDTH],
    out: &mut [f32],
    columns: usize,
    stride: usize,
) {
    let (mut row, mut rest) = (0, tiles.values());
    while row < tiles.rows() {
        let height = tile_height::<S>(tiles.rows() - row);
        let (tile, after) = rest.split_at(height * panel.len());
        let place = Place { rows: height.min(tiles.rows() - row), columns, stride };
        add(tile, height, panel, bias, &mut out[row * stride..], place);
        (row, rest) = (row + height, after);
    }
}

/// Whether this machine has the instruction.
pub(super) fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Writes the sums of a tile `[pairs, height]` times a panel, plus the biases.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
fn add(
    tile: &[f32],
    height: usize,
    panel: &[[u32; WIDTH]],
    bias: &[f32; WIDTH],
    out: &mut [f32],
    place: Place,
) {
    assert!(available(), "the caller asked for an instruction that is not there");
    // SAFETY: the functions need AVX512F and AVX512_BF16, which the line above found on this machine.
    // They take slices and arrays, and have no other requirement.
    unsafe {
        match height {
            4 => add_rows::<4>(tile.as_chunks().0, panel, bias, out, place),
            8 => add_rows::<8>(tile.as_chunks().0, panel, bias, out, place),
            _ => add_rows::<12>(tile.as_chunks().0, panel, bias, out, place),
        }
    }
}

/// [`add`] for a height.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[allow(unsafe_code)]
fn add_rows<const HEIGHT: usize>(
    tile: &[[f32; HEIGHT]],
    panel: &[[u32; WIDTH]],
    bias: &[f32; WIDTH],
    out: &mut [f32],
    place: Place,
) {
    use std::arch::x86_64::{__m512, _mm512_add_ps};
    use std::mem::transmute;
    let (tile, tiles) = tile.split_at(tile.len().min(BLOCK));
    let (panel, panels) = panel.split_at(panel.len().min(BLOCK));
    let mut results = block(tile, panel);
    for (tile, panel) in tiles.chunks(BLOCK).zip(panels.chunks(BLOCK)) {
        let sums = block(tile, panel);
        for (result, sum) in results.iter_mut().zip(&sums) {
            *result = [_mm512_add_ps(result[0], sum[0]), _mm512_add_ps(result[1], sum[1])];
        }
    }
    for (row, result) in results.into_iter().enumerate().take(place.rows) {
        // SAFETY: both are 128 bytes, of which every pattern is valid.
        let mut sums = unsafe { transmute::<[__m512; 2], [f32; WIDTH]>(result) };
        for (sum, bias) in sums.iter_mut().zip(bias) {
            *sum += bias;
        }
        let out = &mut out[row * place.stride..];
        match out.first_chunk_mut::<WIDTH>() {
            Some(out) if place.columns == WIDTH => *out = sums,
            _ => out[..place.columns].copy_from_slice(&sums[..place.columns]),
        }
    }
}

/// The sums of a tile times a panel over a block of the depth.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
#[allow(unsafe_code)]
fn block<const HEIGHT: usize>(
    tile: &[[f32; HEIGHT]],
    panel: &[[u32; WIDTH]],
) -> [[std::arch::x86_64::__m512; 2]; HEIGHT] {
    use std::arch::x86_64::{
        __m512, __m512bh, _mm512_dpbf16_ps, _mm512_set1_ps, _mm512_setzero_ps,
    };
    use std::mem::transmute;
    let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
    for (column, row) in tile.iter().zip(panel) {
        // SAFETY: both are 128 bytes, of which every pattern is valid.
        let [first, second] = unsafe { transmute::<[u32; WIDTH], [__m512bh; 2]>(*row) };
        for (sum, &pair) in sums.iter_mut().zip(column) {
            // SAFETY: both are 64 bytes, of which every pattern is valid.
            let pair = unsafe { transmute::<__m512, __m512bh>(_mm512_set1_ps(pair)) };
            sum[0] = _mm512_dpbf16_ps(sum[0], pair, first);
            sum[1] = _mm512_dpbf16_ps(sum[1], pair, second);
        }
    }
    sums
}

/// Other machines do not have the instruction, and [`available`] says so.
#[cfg(not(target_arch = "x86_64"))]
fn add(_: &[f32], _: usize, _: &[[u32; WIDTH]], _: &[f32; WIDTH], _: &mut [f32], _: Place) {}
