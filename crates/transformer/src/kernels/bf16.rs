//! Products of bf16 numbers with the instruction that multiplies and adds pairs (AVX512_BF16).
//!
//! The instruction takes numbers below the normal ones as 0. Each sum runs over the depth in order, in
//! blocks, as in [`super::product`]; within a block, pair by pair.

use half::bf16;

/// Columns of a panel: two vectors of 16.
pub(super) const WIDTH: usize = 32;

/// Pairs of a block; sums of blocks are added up.
const BLOCK: usize = 64;

/// The most rows of a tile.
const TALL: usize = 12;

/// The left factor in tiles of a few rows, and one panel of the right factor; both as pairs of numbers
/// that are adjacent in the depth, the first of which is in the low half.
#[derive(Default)]
pub(super) struct Pairs {
    /// `[tiles, pairs, height]`.
    tiles: Vec<u32>,
    rows: usize,
    /// `[pairs, WIDTH]`.
    panel: Vec<[u32; WIDTH]>,
}

/// The rows of the next tile if `rows` are left.
fn height(rows: usize) -> usize {
    rows.next_multiple_of(4).min(TALL)
}

impl Pairs {
    /// Packs rows of `depth` values, which are bf16 numbers in f32. Surplus rows of the last tile, and the
    /// last half of an odd depth, are 0.
    pub(super) fn pack_rows(&mut self, x: &[f32], depth: usize) {
        self.rows = x.len() / depth;
        let pairs = depth.div_ceil(2);
        self.tiles.clear();
        self.tiles.resize((self.rows + TALL) * pairs, 0);
        let (mut row, mut rest) = (0, self.tiles.as_mut_slice());
        while row < self.rows {
            let height = height(self.rows - row);
            let (tile, after) = rest.split_at_mut(height * pairs);
            rest = after;
            for (place, x) in x[row * depth..].chunks(depth).take(height).enumerate() {
                for (column, pair) in tile.chunks_exact_mut(height).zip(x.chunks(2)) {
                    let second = pair.get(1).map_or(0, |x| x.to_bits() & 0xffff_0000);
                    column[place] = pair[0].to_bits() >> 16 | second;
                }
            }
            row += height;
        }
    }

    /// Packs a panel `[depth, WIDTH]`.
    pub(super) fn pack_panel(&mut self, panel: &[bf16]) {
        let (rows, _) = panel.as_chunks::<WIDTH>();
        self.panel.resize(rows.len().div_ceil(2), [0; WIDTH]);
        for (pairs, rows) in self.panel.iter_mut().zip(rows.chunks(2)) {
            for (pair, first) in pairs.iter_mut().zip(&rows[0]) {
                *pair = u32::from(first.to_bits());
            }
            for (pair, second) in pairs.iter_mut().zip(rows.get(1).into_iter().flatten()) {
                *pair |= u32::from(second.to_bits()) << 16;
            }
        }
    }

    /// Writes the product of the rows with the panel, plus the biases, to rows of `columns` values at
    /// distance `stride`.
    pub(super) fn multiply(&self, bias: &[f32], out: &mut [f32], columns: usize, stride: usize) {
        let (mut row, mut rest) = (0, self.tiles.as_slice());
        while row < self.rows {
            let height = height(self.rows - row);
            let (tile, after) = rest.split_at(height * self.panel.len());
            rest = after;
            let mut sums = [[0.0; WIDTH]; TALL];
            add(tile, height, &self.panel, &mut sums);
            for (row, sums) in (row..self.rows.min(row + height)).zip(&sums) {
                let out = &mut out[row * stride..][..columns];
                for (out, (sum, bias)) in out.iter_mut().zip(sums.iter().zip(bias)) {
                    *out = sum + bias;
                }
            }
            row += height;
        }
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

/// The sums of a tile `[pairs, height]` times a panel `[pairs, WIDTH]`, in the first `height` rows.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
fn add(tile: &[u32], height: usize, panel: &[[u32; WIDTH]], sums: &mut [[f32; WIDTH]; TALL]) {
    assert!(available(), "the caller asked for an instruction that is not there");
    // SAFETY: the functions need AVX512F and AVX512_BF16, which the line above found on this machine.
    // They take slices and arrays, and have no other requirement.
    unsafe {
        match height {
            4 => add_rows::<4>(tile.as_chunks().0, panel, sums),
            8 => add_rows::<8>(tile.as_chunks().0, panel, sums),
            _ => add_rows::<TALL>(tile.as_chunks().0, panel, sums),
        }
    }
}

/// [`add`] for a height.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[allow(unsafe_code)]
fn add_rows<const HEIGHT: usize>(
    tile: &[[u32; HEIGHT]],
    panel: &[[u32; WIDTH]],
    sums: &mut [[f32; WIDTH]; TALL],
) {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32,
        _mm512_setzero_ps, _mm512_storeu_ps,
    };
    use std::mem::transmute;
    let pairs = transmute::<__m512i, __m512bh>;
    let mut results = [[_mm512_setzero_ps(); 2]; HEIGHT];
    for (tile, panel) in tile.chunks(BLOCK).zip(panel.chunks(BLOCK)) {
        let mut block = [[_mm512_setzero_ps(); 2]; HEIGHT];
        for (column, row) in tile.iter().zip(panel) {
            // SAFETY: the two loads read the 16 numbers from 0 and from 16 on of an array of 32; they need
            // no alignment. `__m512i` and `__m512bh` are 64 bytes of which every pattern is valid.
            let [first, second]: [__m512bh; 2] = unsafe {
                let start = row.as_ptr();
                let load = |at: usize| _mm512_loadu_si512(start.add(at).cast::<__m512i>());
                [pairs(load(0)), pairs(load(16))]
            };
            for (sum, &pair) in block.iter_mut().zip(column) {
                // SAFETY: as above.
                let pair: __m512bh = unsafe { pairs(_mm512_set1_epi32(pair as i32)) };
                sum[0] = _mm512_dpbf16_ps(sum[0], pair, first);
                sum[1] = _mm512_dpbf16_ps(sum[1], pair, second);
            }
        }
        for (result, sum) in results.iter_mut().zip(&block) {
            *result = [_mm512_add_ps(result[0], sum[0]), _mm512_add_ps(result[1], sum[1])];
        }
    }
    for (sums, result) in sums.iter_mut().zip(&results) {
        // SAFETY: the two stores write the 16 numbers from 0 and from 16 on of an array of 32; they need
        // no alignment.
        unsafe {
            let start = sums.as_mut_ptr();
            _mm512_storeu_ps(start, result[0]);
            _mm512_storeu_ps(start.add(16), result[1]);
        }
    }
}

/// Other machines do not have the instruction, and [`available`] says so.
#[cfg(not(target_arch = "x86_64"))]
fn add(_: &[u32], _: usize, _: &[[u32; WIDTH]], _: &mut [[f32; WIDTH]; TALL]) {}
