//! Products by parts: a f32 is the sum of three numbers of bf16, a f16 the sum of two, and the product of
//! two numbers of bf16 is exact in f32. So an instruction for bf16 gives products of f32.
//!
//! Both factors are packed in tiles, which [`Engine`]s multiply. Each sum runs over the depth in order, in
//! blocks whose sums are added up, so that a value depends neither on other rows nor on the threads.

use super::product::dispatch;
use super::rounding::Rounding;
use pulp::{Simd, WithSimd};

#[cfg(test)]
pub(super) mod model;

/// Columns of a panel: two tiles.
pub(super) const WIDTH: usize = 2 * SIDE;

/// Rows of a tile, pairs of numbers in each, and columns of sums.
pub(super) const SIDE: usize = 16;

/// The depth of one tile.
const STEP: usize = 2 * SIDE;

/// The tiles of a block of the depth; sums of blocks are added up.
const BLOCK: usize = 8;

/// Pairs of bf16 numbers that are adjacent in the depth, the first in the low half. Of the left factor a
/// tile has 16 rows, of the right one 16 columns: `[row, pair]` and `[pair, column]`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Tile(pub(super) [[u32; SIDE]; SIDE]);

/// Sums of up to two tiles of rows with two tiles of columns.
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [[[[f32; SIDE]; SIDE]; 2]; 2]);

/// The numbers of parts of the two factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// f32 times f32.
    ThreeByThree,
    /// f32 times f16.
    ThreeByTwo,
    /// f32 times bf16.
    ThreeByOne,
    /// f16 times f16.
    TwoByTwo,
    /// bf16 times bf16.
    OneByOne,
}

impl Form {
    /// For values of a model that rounds them so, and weights that are stored in 16 bits or in more.
    pub(super) fn of(rounding: Rounding, weights: Rounding) -> Self {
        match (rounding, weights) {
            (Rounding::Bf16, Rounding::Bf16) => Self::OneByOne,
            (Rounding::F16, Rounding::F16) => Self::TwoByTwo,
            (_, Rounding::Bf16) => Self::ThreeByOne,
            (_, Rounding::F16) => Self::ThreeByTwo,
            (_, Rounding::None) => Self::ThreeByThree,
        }
    }

    /// The parts of the left factor.
    pub(super) fn left(self) -> usize {
        match self {
            Self::ThreeByThree | Self::ThreeByTwo | Self::ThreeByOne => 3,
            Self::TwoByTwo => 2,
            Self::OneByOne => 1,
        }
    }

    /// The parts of the right factor.
    pub(super) fn right(self) -> usize {
        match self {
            Self::ThreeByThree => 3,
            Self::ThreeByTwo | Self::TwoByTwo => 2,
            Self::ThreeByOne | Self::OneByOne => 1,
        }
    }
}

/// What multiplies tiles.
pub(super) trait Engine {
    /// The sums of one block of the depth: of one or two tiles of rows, each `[steps, left parts]`, and two
    /// tiles of columns, `[steps, right parts, 2]`. Without a second tile of rows its sums are left as
    /// they are.
    fn multiply(&mut self, form: Form, rows: [&[Tile]; 2], columns: &[Tile], sums: &mut Sums);
}

/// Both factors of a product: all rows of the left one, and a panel of the right one.
#[derive(Default)]
pub(super) struct Parts {
    /// `[tiles of rows, steps, left parts]`. Surplus rows of the last tile have any value.
    left: Vec<Tile>,
    rows: usize,
    steps: usize,
    /// Rows that are not [`usual`]; they are packed as 0.
    pub(super) unusual: Vec<usize>,
    /// `[steps, right parts, 2]`.
    right: Vec<Tile>,
}

/// The largest magnitude of a row or a column, as bits, must be 0 or between 2^-40 and 2^40 for a product
/// by parts: then no part is infinite and no sum leaves the range of f32. Instructions for bf16 take numbers
/// below the normal ones as 0; so each term of a sum loses at most 2^-45 of the product of the two magnitudes.
/// Other rows and columns are multiplied in f32.
fn usual(largest: u32) -> bool {
    largest == 0 || ((127 - 40) << 23..=(127 + 40) << 23).contains(&largest)
}

/// The magnitude of a number, as bits: they have the order of the magnitudes, below those of infinities,
/// and these below those of NaN.
#[inline(always)]
fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// The nearest bf16 number, as the bits of a f32. Of three such parts the second is at most 2^-8 of a number
/// and the third at most 2^-17, so that the products that are left out (2 by 3, 3 by 2, 3 by 3) are less
/// than 2^-24 of the product: less than f32 rounds off.
#[inline(always)]
fn nearest(x: f32) -> u32 {
    let bits = x.to_bits();
    bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000
}

/// Takes the next part of each value off.
#[inline(always)]
fn take_parts<const N: usize>(values: &mut [f32; N]) -> [u32; N] {
    let mut parts = [0; N];
    for (part, x) in parts.iter_mut().zip(values) {
        *part = nearest(*x);
        *x -= f32::from_bits(*part);
    }
    parts
}

impl Parts {
    /// Packs rows of `depth` values.
    pub(super) fn pack_rows(&mut self, x: &[f32], depth: usize, form: Form) {
        self.rows = x.len() / depth;
        self.steps = depth.div_ceil(STEP);
        self.unusual.clear();
        let tiles = self.rows.div_ceil(SIDE) * self.steps * form.left();
        self.left.resize(tiles, Tile([[0; SIDE]; SIDE]));
        dispatch(Rows { parts: self, x, depth, count: form.left() });
    }

    /// Packs a panel `[depth, WIDTH]`; false if a column is not [`usual`].
    pub(super) fn pack_panel(&mut self, panel: &[f32], form: Form) -> bool {
        let count = form.right();
        self.clear_right(panel.len(), count);
        dispatch(Panel { right: &mut self.right, panel, count })
    }

    /// Packs a panel of pairs of bf16 numbers, `[pairs of the depth, WIDTH]`; false if a column is not
    /// [`usual`].
    pub(super) fn pack_pairs(&mut self, panel: &[u32]) -> bool {
        self.clear_right(2 * panel.len(), 1);
        dispatch(Pairs { right: &mut self.right, panel })
    }

    /// Makes room for a panel of so many values, and sets what it may leave of the last tiles to 0.
    fn clear_right(&mut self, values: usize, count: usize) {
        let steps = (values / WIDTH).div_ceil(STEP);
        self.right.resize(steps * count * 2, Tile([[0; SIDE]; SIDE]));
        if !(values / WIDTH).is_multiple_of(STEP) {
            self.right[(steps - 1) * count * 2..].fill(Tile([[0; SIDE]; SIDE]));
        }
    }

    /// Writes the product of the rows with the panel, plus the biases, to rows of `columns` values at
    /// distance `stride`.
    pub(super) fn multiply(
        &self,
        engine: &mut dyn Engine,
        form: Form,
        bias: &[f32],
        out: &mut [f32],
        columns: usize,
        stride: usize,
    ) {
        let mut sums = Sums([[[[0.0; SIDE]; SIDE]; 2]; 2]);
        for first in (0..self.steps).step_by(BLOCK) {
            let block = first..self.steps.min(first + BLOCK);
            let right = &self.right[block.start * form.right() * 2..block.end * form.right() * 2];
            for row in (0..self.rows).step_by(2 * SIDE) {
                let tile = |row: usize| {
                    let start = row / SIDE * self.steps;
                    let part =
                        (start + block.start) * form.left()..(start + block.end) * form.left();
                    if row < self.rows { &self.left[part] } else { &[] }
                };
                engine.multiply(form, [tile(row), tile(row + SIDE)], right, &mut sums);
                dispatch(Add {
                    sums: &sums,
                    begin: first == 0,
                    bias: if block.end == self.steps { bias } else { &[] },
                    out: &mut out[row * stride..],
                    rows: (2 * SIDE).min(self.rows - row),
                    columns,
                    stride,
                });
            }
        }
    }
}

/// [`Parts::pack_rows`].
struct Rows<'a> {
    parts: &'a mut Parts,
    x: &'a [f32],
    depth: usize,
    count: usize,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { parts: Parts { left, steps, unusual, .. }, x, depth, count } = self;
        for (index, row) in x.chunks_exact(depth).enumerate() {
            let usual = usual(row.iter().fold(0, |largest, &x| largest.max(magnitude(x))));
            if !usual {
                unusual.push(index);
            }
            let tiles = &mut left[index / SIDE * *steps * count..];
            for (row, tiles) in row.chunks(STEP).zip(tiles.chunks_exact_mut(count)) {
                let mut values = [0.0; STEP];
                if usual {
                    match row.first_chunk() {
                        Some(row) => values = *row,
                        None => values[..row.len()].copy_from_slice(row),
                    }
                }
                for tile in tiles {
                    let parts = take_parts(&mut values);
                    let pairs = parts.as_chunks::<2>().0;
                    for (place, [first, second]) in tile.0[index % SIDE].iter_mut().zip(pairs) {
                        *place = first >> 16 | second;
                    }
                }
            }
        }
    }
}

/// [`Parts::pack_panel`].
struct Panel<'a> {
    right: &'a mut [Tile],
    panel: &'a [f32],
    count: usize,
}

impl WithSimd for Panel<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { right, panel, count } = self;
        let mut largest = [0; WIDTH];
        let steps = right.chunks_exact_mut(2 * count);
        for (tiles, panel) in steps.zip(panel.as_chunks::<WIDTH>().0.chunks(STEP)) {
            for (line, rows) in panel.chunks(2).enumerate() {
                let [mut first, mut second] = [rows[0], *rows.get(1).unwrap_or(&[0.0; WIDTH])];
                for ((largest, &first), &second) in largest.iter_mut().zip(&first).zip(&second) {
                    *largest = magnitude(first).max(magnitude(second)).max(*largest);
                }
                for [one, other] in tiles.as_chunks_mut().0 {
                    let [first, second] = [take_parts(&mut first), take_parts(&mut second)];
                    for column in 0..SIDE {
                        one.0[line][column] = first[column] >> 16 | second[column];
                        let column = column + SIDE;
                        other.0[line][column - SIDE] = first[column] >> 16 | second[column];
                    }
                }
            }
        }
        largest.into_iter().all(usual)
    }
}

/// [`Parts::pack_pairs`].
struct Pairs<'a> {
    right: &'a mut [Tile],
    panel: &'a [u32],
}

impl WithSimd for Pairs<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { right, panel } = self;
        let mut largest = [0; WIDTH];
        let steps = right.as_chunks_mut::<2>().0.iter_mut();
        for ([one, other], panel) in steps.zip(panel.as_chunks::<WIDTH>().0.chunks(SIDE)) {
            for (line, pairs) in panel.iter().enumerate() {
                for (largest, pair) in largest.iter_mut().zip(pairs) {
                    *largest = (pair << 16 & 0x7fff_0000).max(pair & 0x7fff_0000).max(*largest);
                }
                let (first, second) = pairs.split_at(SIDE);
                one.0[line].copy_from_slice(first);
                other.0[line].copy_from_slice(second);
            }
        }
        largest.into_iter().all(usual)
    }
}

/// Adds sums of a block to rows of `columns` values at distance `stride`, or begins with them; the biases
/// are empty before the last block.
struct Add<'a> {
    sums: &'a Sums,
    begin: bool,
    bias: &'a [f32],
    out: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sums, begin, bias, out, rows, columns, stride } = self;
        for row in 0..rows {
            let out = &mut out[row * stride..][..columns];
            let sums = &sums.0[row / SIDE];
            for (side, out) in out.chunks_mut(SIDE).enumerate() {
                let sums = &sums[side][row % SIDE];
                if begin {
                    out.copy_from_slice(&sums[..out.len()]);
                } else {
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                }
                if let Some(bias) = bias.get(side * SIDE..) {
                    out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
