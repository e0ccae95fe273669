//! Matrix products over packed panels, for one thread.
//!
//! The right factor is in panels of two vectors' width, the left one in tiles of a few rows; the sums
//! of a tile times a panel stay in registers. Each sum runs over the depth in order, in blocks whose
//! sums are added up, so that a value depends neither on other rows nor on the threads.

use super::aligned::Aligned;
use super::parts::{self, Engine, Parts};
use super::rounding::Rounding;
use super::transposed::transpose;
use super::{amx, bf16};
use pulp::{Arch, Scalar128b, Simd, WithSimd};
use std::any::TypeId;
use std::cell::Cell;
use std::sync::OnceLock;

/// Memory that a thread reuses from product to product.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) product: Product,
    /// Values between two products.
    pub(super) inner: Aligned,
    /// Sums of products with vectors of distances.
    pub(super) sums: Aligned,
    /// Products with vectors of distances.
    pub(super) distances: Aligned,
}

/// The factors of one product.
#[derive(Default)]
pub(super) struct Product {
    /// The left factor.
    pub(super) tiles: Tiles,
    /// A right factor that is packed for one product; or the left one on its way into tiles.
    pub(super) panels: Aligned,
    /// Both factors of a product by parts.
    pub(super) parts: Parts,
}

/// Runs with this thread's memory.
pub(super) fn with_scratch(run: impl FnOnce(&mut Scratch)) {
    thread_local!(static SCRATCH: Cell<Scratch> = Cell::default());
    // Taken, not borrowed: a nested call begins with new memory.
    let mut scratch = SCRATCH.take();
    run(&mut scratch);
    SCRATCH.set(scratch);
}

/// The environment variable that limits the instructions: `amx`, `avx512`, `avx2` or `none`. With it, tests
/// run the code of other machines; for `amx` they have a model of the tiles.
pub(super) const LIMIT: &str = "STRATOSCOPE_SIMD";

/// The instructions of the products.
#[derive(Clone, Copy)]
struct Instructions {
    /// The vectors.
    arch: Arch,
    /// Whether pairs of bf16 are multiplied and added by one instruction.
    pairs: bool,
    /// What multiplies linear layers by parts, if something does.
    tiles: Option<TileEngine>,
}

/// What multiplies tiles.
#[derive(Clone, Copy)]
enum TileEngine {
    Amx,
    #[cfg(test)]
    Model,
}

/// What multiplies linear layers by parts on this machine, ready for this thread.
pub(super) fn engine() -> Option<Box<dyn Engine>> {
    match instructions().tiles? {
        TileEngine::Amx => amx::engine(),
        #[cfg(test)]
        TileEngine::Model => Some(Box::new(super::parts::model::Model)),
    }
}

/// Rows that are multiplied together: a task has a multiple of them.
pub(super) fn row_step() -> usize {
    if instructions().tiles.is_some() { 2 * parts::SIDE } else { 12 }
}

/// The widest instructions of this machine, within the limit.
fn instructions() -> Instructions {
    static INSTRUCTIONS: OnceLock<Instructions> = OnceLock::new();
    *INSTRUCTIONS.get_or_init(|| {
        let limit = std::env::var(LIMIT).unwrap_or_default();
        let arch = match limit.as_str() {
            "none" => Arch::Scalar,
            #[cfg(target_arch = "x86_64")]
            "avx2" => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
            _ => Arch::new(),
        };
        let wide = name(arch) == AVX512 && limit != AVX512;
        let tiles = match limit.as_str() {
            _ if !wide => None,
            "" | AMX if amx::available() => Some(TileEngine::Amx),
            #[cfg(test)]
            AMX => Some(TileEngine::Model),
            _ => None,
        };
        Instructions { arch, pairs: wide && bf16::available(), tiles }
    })
}

const AVX512: &str = "avx512";
const AMX: &str = "amx";

/// The name of vectors, as [`LIMIT`] spells it.
fn name(arch: Arch) -> &'static str {
    match arch {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => AVX512,
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "avx2",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "neon",
        _ => "none",
    }
}

/// Whether pairs of bf16 are multiplied and added by one instruction.
pub(super) fn pairs() -> bool {
    instructions().pairs
}

/// The vector instructions that the kernels use on this machine: `amx`, `avx512`, `avx2`, `neon` or `none`;
/// for products of bf16 also `avx512bf16`. They decide the last digits of the states.
pub(crate) fn vectors(rounding: Rounding) -> &'static str {
    match instructions() {
        Instructions { tiles: Some(_), .. } => AMX,
        Instructions { pairs: true, .. } if rounding == Rounding::Bf16 => "avx512bf16",
        Instructions { arch, .. } => name(arch),
    }
}

/// Runs an operation with the widest vectors of this machine.
pub(super) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    match instructions().arch {
        // Every x86-64 has these vectors; on other machines compilers vectorise this shape.
        Arch::Scalar => Scalar128b.vectorize(op),
        arch => arch.dispatch(op),
    }
}

/// The depth of a block. The rounding error of one long sum of f32 grows with its length; with sums of
/// blocks it grows with the length of a block and the number of blocks.
const BLOCK: usize = 128;

/// Columns of a panel.
#[inline(always)]
pub(super) fn panel_width<S: Simd>() -> usize {
    2 * S::F32_LANES
}

/// Columns of a panel on this machine.
pub(super) fn native_panel_width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            panel_width::<S>()
        }
    }
    dispatch(Width)
}

/// The rows of the next tile if `rows` are left: the sums of a tile fit into the registers.
#[inline(always)]
pub(super) fn tile_height<S: Simd>(rows: usize) -> usize {
    if S::REGISTER_COUNT >= 32 {
        match rows {
            0..=4 => 4,
            5..=8 => 8,
            _ => 12,
        }
    } else {
        match rows {
            0..=2 => 2,
            3..=4 => 4,
            _ => 6,
        }
    }
}

/// The left factor `[rows, depth]` in tiles, in each of which the values of a column are adjacent.
#[derive(Default)]
pub(super) struct Tiles {
    values: Aligned,
    rows: usize,
    depth: usize,
}

impl Tiles {
    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The tiles, one after the other, `[depth, rows]` each.
    pub(super) fn values(&self) -> &[f32] {
        self.values.slice()
    }

    /// Packs rows of `depth` values at distance `stride`. Surplus rows of the last tile are 0.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(&mut self, x: &[f32], rows: usize, stride: usize, depth: usize) {
        (self.rows, self.depth) = (rows, depth);
        let values = self.values.sized((rows + 12) * depth);
        let (mut row, mut start) = (0, 0);
        while row < rows {
            let height = tile_height::<S>(rows - row);
            let tile = &mut values[start..start + height * depth];
            let (x, left) = (&x[row * stride..], rows - row);
            match height {
                12 => transpose::<S, 12>(x, left, stride, tile.as_chunks_mut().0),
                8 => transpose::<S, 8>(x, left, stride, tile.as_chunks_mut().0),
                6 => transpose::<S, 6>(x, left, stride, tile.as_chunks_mut().0),
                4 => transpose::<S, 4>(x, left, stride, tile.as_chunks_mut().0),
                _ => transpose::<S, 2>(x, left, stride, tile.as_chunks_mut().0),
            }
            row += height;
            start += height * depth;
        }
    }
}

/// The right factor `[depth, columns]` in panels; the last is filled up with 0.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    /// `[panels, depth, panel width]`.
    pub(super) values: &'a [f32],
    /// Columns in use.
    pub(super) columns: usize,
    /// Added to the sums, `[panels, panel width]`; may be empty.
    pub(super) bias: &'a [f32],
}

/// Writes the product of `tiles` and `panels` to rows of `out` at distance `stride`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(
    simd: S,
    tiles: &Tiles,
    panels: Panels,
    out: &mut [f32],
    stride: usize,
) {
    let (width, depth) = (panel_width::<S>(), tiles.depth);
    for (index, panel) in panels.values.chunks_exact(depth * width).enumerate() {
        let columns = index * width..panels.columns.min((index + 1) * width);
        let bias = panels.bias.get(index * width..(index + 1) * width).unwrap_or_default();
        let (mut row, mut start) = (0, 0);
        while row < tiles.rows {
            let height = tile_height::<S>(tiles.rows - row);
            let tile = &tiles.values.slice()[start..start + height * depth];
            let rows = height.min(tiles.rows - row);
            let out = &mut out[row * stride + columns.start..];
            let place = Place { rows, columns: columns.len(), stride };
            match height {
                12 => one::<S, 12>(simd, tile, panel, bias, out, place),
                8 => one::<S, 8>(simd, tile, panel, bias, out, place),
                6 => one::<S, 6>(simd, tile, panel, bias, out, place),
                4 => one::<S, 4>(simd, tile, panel, bias, out, place),
                _ => one::<S, 2>(simd, tile, panel, bias, out, place),
            }
            row += height;
            start += height * depth;
        }
    }
}

/// The place of the sums of one tile and panel.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
}

/// One tile times one panel.
#[inline(always)]
fn one<S: Simd, const HEIGHT: usize>(
    simd: S,
    tile: &[f32],
    panel: &[f32],
    bias: &[f32],
    out: &mut [f32],
    place: Place,
) {
    let (tile, _) = tile.as_chunks::<HEIGHT>();
    let (panel, _) = S::as_simd_f32s(panel);
    let (panel, _) = panel.as_chunks::<2>();
    let (bias, _) = S::as_simd_f32s(bias);
    let (tile, tiles) = tile.split_at(tile.len().min(BLOCK));
    let (panel, panels) = panel.split_at(panel.len().min(BLOCK));
    let mut results = block(simd, tile, panel);
    for (tile, panel) in tiles.chunks(BLOCK).zip(panels.chunks(BLOCK)) {
        let sums = block(simd, tile, panel);
        for (result, sum) in results.iter_mut().zip(&sums) {
            *result = [simd.add_f32s(sum[0], result[0]), simd.add_f32s(sum[1], result[1])];
        }
    }
    let bias =
        if let [first, second] = *bias { [first, second] } else { [simd.splat_f32s(0.0); 2] };
    for (row, &result) in results.iter().enumerate().take(place.rows) {
        let start = row * place.stride;
        let result = [simd.add_f32s(result[0], bias[0]), simd.add_f32s(result[1], bias[1])];
        write(simd, &mut out[start..start + place.columns], result);
    }
}

/// The sums of a tile times a panel over a block of the depth.
#[inline(always)]
fn block<S: Simd, const HEIGHT: usize>(
    simd: S,
    tile: &[[f32; HEIGHT]],
    panel: &[[S::f32s; 2]],
) -> [[S::f32s; 2]; HEIGHT] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; HEIGHT];
    for (column, row) in tile.iter().zip(panel) {
        for (sum, &value) in sums.iter_mut().zip(column) {
            let value = simd.splat_f32s(value);
            sum[0] = add_product(simd, value, row[0], sum[0]);
            sum[1] = add_product(simd, value, row[1], sum[1]);
        }
    }
    sums
}

/// Writes as many sums as there is room for.
#[inline(always)]
fn write<S: Simd>(simd: S, out: &mut [f32], sums: [S::f32s; 2]) {
    if out.len().is_multiple_of(S::F32_LANES) {
        let (out, _) = S::as_mut_simd_f32s(out);
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum;
        }
    } else {
        let (first, second) = out.split_at_mut(out.len().min(S::F32_LANES));
        simd.partial_store_f32s(first, sums[0]);
        simd.partial_store_f32s(second, sums[1]);
    }
}

/// Whether the machine has an instruction that multiplies and adds.
#[inline(always)]
pub(super) fn fused<S: Simd>() -> bool {
    TypeId::of::<S>() != TypeId::of::<Scalar128b>()
}

/// `a b + c`, fused where the machine has an instruction for it.
#[inline(always)]
fn add_product<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if fused::<S>() { simd.mul_add_e_f32s(a, b, c) } else { simd.add_f32s(simd.mul_f32s(a, b), c) }
}
