//! Weights of linear layers in the order in which the product reads them, in the number type in which
//! they are stored: other types than f32 become f32 panel by panel, just before their product.

use super::aligned::Aligned;
use super::bf16 as pairs;
use super::parts::Form;
use super::product::{self, Panels, Product, Tiles, dispatch, multiply, native_panel_width};
use super::rounding::Rounding;
use super::transposed;
use crate::error::{Error, Result};
use crate::weights::{Encoding, StoredWeight, read_rows};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// `x W^T + b`, with the weights in panels.
pub(crate) struct PackedLinear {
    values: Values,
    /// `[panels, panel width]`.
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    width: usize,
}

/// The values of a layer: `[panels, inputs, panel width]`, or rows of quantised blocks as they are
/// stored.
pub(crate) enum Values {
    F32(Aligned),
    /// The bits of f16.
    F16(Vec<u16>),
    /// Pairs of bf16, `[panels, pairs of inputs, panel width]`.
    Bf16(Vec<u32>),
    Rows(Vec<Rows>),
}

/// Rows of one stored weight.
pub(crate) struct Rows {
    encoding: Encoding,
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl PackedLinear {
    /// From weights `[out, in]`, whose rows are in one part or several, and biases `[out]`. With a rounding
    /// the weights are rounded too. Values are in memory of `spare` where it fits. Parts of two types are
    /// kept in f32, except with quantised ones.
    ///
    /// # Errors
    /// A weight that cannot be read.
    pub(crate) fn read(
        parts: &[Arc<dyn StoredWeight>],
        mut bias: Vec<f32>,
        rounding: Rounding,
        spare: &mut Vec<Values>,
    ) -> Result<Self> {
        let (width, outputs) = (native_panel_width(), bias.len());
        let inputs = parts.first().map_or(0, |part| crate::weights::width(&**part));
        bias.resize(outputs.next_multiple_of(width), 0.0);
        let all = |is: fn(Encoding) -> bool| parts.iter().all(|part| is(part.encoding()));
        let all_f16 = all(|encoding| matches!(encoding, Encoding::F16));
        let all_bf16 = all(|encoding| matches!(encoding, Encoding::Bf16));
        let is = |of: Rounding, all: bool| rounding == of || rounding == Rounding::None && all;
        let (panels, n_pairs) = (bias.len() / width, inputs.div_ceil(2));
        let (len, n_all_pairs) = (panels * width * inputs, panels * width * n_pairs);
        let blocks = |part: &Arc<dyn StoredWeight>| matches!(part.encoding(), Encoding::Blocks(_));
        let source = Source { parts, inputs, width };
        let values = if rounding == Rounding::None && parts.iter().any(blocks) {
            Values::Rows(rows(parts, inputs, spare)?)
        } else if is(Rounding::F16, all_f16) {
            let same = |values: &Values| matches!(values, Values::F16(all) if all.len() == len);
            let mut values = match taken(spare, same) {
                Some(Values::F16(values)) => values,
                _ => vec![0; len],
            };
            source.fill(inputs, &mut values, &|bytes, runs, panel| match all_f16 {
                true => transpose(bytes.as_chunks().0, inputs, width, panel, u16::from_le_bytes),
                false => {
                    let bits = |value| f16::from_f32(value).to_bits();
                    transpose(&decoded(bytes, runs, inputs), inputs, width, panel, bits);
                }
            })?;
            Values::F16(values)
        } else if is(Rounding::Bf16, all_bf16) {
            let same =
                |values: &Values| matches!(values, Values::Bf16(all) if all.len() == n_all_pairs);
            let mut values = match taken(spare, same) {
                Some(Values::Bf16(values)) => values,
                _ => vec![0; n_all_pairs],
            };
            source.fill(n_pairs, &mut values, &|bytes, runs, panel| {
                if all_bf16 && inputs.is_multiple_of(2) {
                    let pairs = bytes.as_chunks().0;
                    return transpose(pairs, n_pairs, width, panel, u32::from_le_bytes);
                }
                let mut values = decoded(bytes, runs, inputs);
                Rounding::Bf16.round(&mut values);
                let mut pairs = vec![0.0; values.len() / inputs * n_pairs];
                pairs::pair(&values, inputs, &mut pairs);
                transpose(&pairs, n_pairs, width, panel, f32::to_bits);
            })?;
            Values::Bf16(values)
        } else {
            let same =
                |values: &Values| matches!(values, Values::F32(all) if all.slice().len() == len);
            let mut values = match taken(spare, same) {
                Some(Values::F32(values)) => values,
                _ => Aligned::default(),
            };
            source.fill(inputs, values.sized(len), &|bytes, runs, panel| {
                transpose(&decoded(bytes, runs, inputs), inputs, width, panel, |value| value);
            })?;
            Values::F32(values)
        };
        Ok(Self { values, bias, inputs, outputs, width })
    }

    /// The memory of the weights, for another layer.
    pub(crate) fn into_values(self) -> Values {
        self.values
    }

    /// The width of an input row.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The width of an output row.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of panels.
    pub(super) fn panels(&self) -> usize {
        self.bias.len() / self.width
    }

    /// The columns of some panels that are in use.
    pub(super) fn columns(&self, panels: Range<usize>) -> Range<usize> {
        panels.start * self.width..self.outputs.min(panels.end * self.width)
    }

    /// The product of `tiles` with some panels, with the biases, to `[rows, columns of the panels]`;
    /// `unpacked` is memory for one panel in f32.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(
        &self,
        simd: S,
        tiles: &Tiles,
        panels: Range<usize>,
        unpacked: &mut Aligned,
        out: &mut [f32],
    ) {
        let (size, stride) = (self.width * self.inputs, self.columns(panels.clone()).len());
        if let Values::F32(all) = &self.values {
            let values = &all.slice()[panels.start * size..panels.end * size];
            return multiply(simd, tiles, self.right(values, panels), out, stride);
        }
        for (index, panel) in panels.enumerate() {
            let values = self.widened::<S>(panel, unpacked);
            let out = &mut out[index * self.width..];
            multiply(simd, tiles, self.right(values, panel..panel + 1), out, stride);
        }
    }

    /// The values of a panel in f32; `unpacked` is memory for it.
    #[inline(always)]
    fn widened<'a, S: Simd>(&'a self, panel: usize, unpacked: &'a mut Aligned) -> &'a [f32] {
        let size = self.width * self.inputs;
        match &self.values {
            Values::F32(all) => &all.slice()[panel * size..(panel + 1) * size],
            Values::F16(all) => {
                let values = unpacked.sized(size);
                widen::<S>(&all[panel * size..(panel + 1) * size], values);
                values
            }
            Values::Bf16(all) => {
                let n_pairs = self.inputs.div_ceil(2);
                let values = unpacked.sized(2 * n_pairs * self.width);
                let pairs = all[panel * n_pairs * self.width..].chunks_exact(self.width);
                for (rows, pairs) in values.chunks_exact_mut(2 * self.width).zip(pairs) {
                    let (first, second) = rows.split_at_mut(self.width);
                    pairs::unpair(pairs, first, second);
                }
                &values[..size]
            }
            Values::Rows(parts) => {
                let (values, rows) = unpacked.sized(2 * size).split_at_mut(size);
                self.decode(parts, panel, rows);
                let rows = &rows[..self.columns(panel..panel + 1).len() * self.inputs];
                transposed::panel::<S>(rows, rows.len() / self.inputs, self.inputs, values);
                values
            }
        }
    }

    /// The form of a product by parts with rows of numbers of the type of `rounding`.
    pub(super) fn form(&self, rounding: Rounding) -> Form {
        let weights = match self.values {
            Values::F16(_) => Rounding::F16,
            Values::Bf16(_) => Rounding::Bf16,
            Values::F32(_) | Values::Rows(_) => Rounding::None,
        };
        Form::of(rounding, weights)
    }

    /// Packs a panel for a product by parts; false if it has unusual values.
    pub(super) fn pack_parts(&self, panel: usize, form: Form, memory: &mut Product) -> bool {
        if let Values::Bf16(all) = &self.values {
            let size = self.width * self.inputs.div_ceil(2);
            return memory.parts.pack_pairs(&all[panel * size..(panel + 1) * size]);
        }
        dispatch(PackParts { layer: self, panel, form, memory })
    }

    /// The biases of a panel, with 0 for columns that are not in use.
    pub(super) fn bias(&self, panel: usize) -> &[f32] {
        &self.bias[panel * self.width..(panel + 1) * self.width]
    }

    /// Whether products of numbers that are rounded so are those of
    /// [`multiply_pairs`](Self::multiply_pairs).
    pub(super) fn multiplies_pairs(&self, rounding: Rounding) -> bool {
        let bf16 = rounding == Rounding::Bf16 && matches!(self.values, Values::Bf16(_));
        bf16 && product::pairs() && self.width == pairs::WIDTH
    }

    /// Whether panels become f32 just before their product.
    pub(super) fn widens(&self, rounding: Rounding) -> bool {
        !matches!(self.values, Values::F32(_)) && !self.multiplies_pairs(rounding)
    }

    /// The product of the rows `x`, which are bf16 numbers, with some panels of bf16, with the biases, to
    /// `[rows, columns of the panels]`.
    #[inline(always)]
    pub(super) fn multiply_pairs<S: Simd>(
        &self,
        x: &[f32],
        panels: Range<usize>,
        memory: &mut Product,
        out: &mut [f32],
    ) {
        let Values::Bf16(all) = &self.values else { return };
        let (all, bias) = (all.as_chunks().0, self.bias.as_chunks().0);
        let (rows, n_pairs) = (x.len() / self.inputs, self.inputs.div_ceil(2));
        let stride = self.columns(panels.clone()).len();
        let paired = memory.panels.sized(rows * n_pairs);
        pairs::pair(x, self.inputs, paired);
        memory.tiles.pack::<S>(paired, rows, n_pairs, n_pairs);
        for (index, panel) in panels.enumerate() {
            let values = &all[panel * n_pairs..(panel + 1) * n_pairs];
            let columns = self.columns(panel..panel + 1).len();
            let out = &mut out[index * self.width..];
            pairs::multiply::<S>(&memory.tiles, values, &bias[panel], out, columns, stride);
        }
    }

    /// Some panels as the right factor of a product, with their values in f32.
    fn right<'a>(&'a self, values: &'a [f32], panels: Range<usize>) -> Panels<'a> {
        Panels {
            values,
            columns: self.columns(panels.clone()).len(),
            bias: &self.bias[panels.start * self.width..panels.end * self.width],
        }
    }

    /// The rows of a panel in f32, `[rows, inputs]`.
    fn decode(&self, parts: &[Rows], panel: usize, out: &mut [f32]) {
        let wanted = self.columns(panel..panel + 1);
        let (mut first, mut done) = (0, 0);
        for part in parts {
            let n_rows = part.bytes.len() / part.row_bytes.max(1);
            let own =
                wanted.start.clamp(first, first + n_rows)..wanted.end.clamp(first, first + n_rows);
            let bytes = (own.start - first) * part.row_bytes..(own.end - first) * part.row_bytes;
            let len = own.len() * self.inputs;
            if len > 0 {
                part.encoding.decode(&part.bytes[bytes], &mut out[done..done + len]);
            }
            (first, done) = (first + n_rows, done + len);
        }
    }
}

/// [`PackedLinear::pack_parts`] of values that become f32 first.
struct PackParts<'a> {
    layer: &'a PackedLinear,
    panel: usize,
    form: Form,
    memory: &'a mut Product,
}

impl WithSimd for PackParts<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Product { panels: unpacked, parts, .. } = self.memory;
        parts.pack_panel(self.layer.widened::<S>(self.panel, unpacked), self.form)
    }
}

/// Brings the rows of one panel into it: their bytes, and for each run of rows the encoding and the number
/// of rows.
type Write<'a, T> = dyn Fn(&[u8], &[(Encoding, usize)], &mut [T]) + Sync + 'a;

/// The stored parts of a layer.
struct Source<'a> {
    parts: &'a [Arc<dyn StoredWeight>],
    inputs: usize,
    width: usize,
}

impl Source<'_> {
    /// Reads the rows of each panel into memory that stays in a cache, and has `write` bring them into
    /// the panel, `[depth, panel width]`.
    fn fill<T: Send>(&self, depth: usize, panels: &mut [T], write: &Write<'_, T>) -> Result<()> {
        let size = self.width * depth;
        let panels = panels.par_chunks_mut(size.max(1)).enumerate();
        panels.try_for_each_init(
            || (Vec::new(), Vec::new()),
            |(bytes, runs), (index, panel)| {
                runs.clear();
                let wanted = index * self.width..(index + 1) * self.width;
                let (mut first, mut done) = (0, 0);
                for part in self.parts {
                    let n_rows = part.shape()[0];
                    let inside = |row: usize| row.clamp(first, first + n_rows) - first;
                    let own = inside(wanted.start)..inside(wanted.end);
                    first += n_rows;
                    if own.is_empty() {
                        continue;
                    }
                    let len = own.len() * part.encoding().bytes(self.inputs);
                    if bytes.len() < done + len {
                        bytes.resize(done + len, 0);
                    }
                    runs.push((part.encoding(), own.len()));
                    part.read(own, &mut bytes[done..done + len])?;
                    done += len;
                }
                write(&bytes[..done], runs, panel);
                Ok::<_, Error>(())
            },
        )
    }
}

/// Numbers of f16 in f32.
#[inline(always)]
fn widen<S: Simd>(halves: &[u16], values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = transposed::avx512::<S>() {
        let (halves, _) = halves.as_chunks::<16>();
        let (values, _) = values.as_chunks_mut::<16>();
        for (halves, values) in halves.iter().zip(values) {
            *values = pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(*halves)));
        }
        return;
    }
    halves.reinterpret_cast::<f16>().convert_to_f32_slice(values);
}

/// The memory of a layer that fits, taken out.
fn taken(spare: &mut Vec<Values>, fits: impl Fn(&Values) -> bool) -> Option<Values> {
    spare.iter().position(fits).map(|index| spare.swap_remove(index))
}

/// The values of rows in several encodings, each with its number of rows.
fn decoded(bytes: &[u8], runs: &[(Encoding, usize)], inputs: usize) -> Vec<f32> {
    let mut values = vec![0.0; runs.iter().map(|(_, n_rows)| n_rows * inputs).sum()];
    let (mut from, mut to) = (0, 0);
    for &(encoding, n_rows) in runs {
        let (bytes_len, len) = (n_rows * encoding.bytes(inputs), n_rows * inputs);
        encoding.decode(&bytes[from..from + bytes_len], &mut values[to..to + len]);
        (from, to) = (from + bytes_len, to + len);
    }
    values
}

/// Writes rows `[rows, inputs]` as columns of a panel `[inputs, width]`; other columns become 0.
fn transpose<A: Copy, B: Copy + Default>(
    rows: &[A],
    inputs: usize,
    width: usize,
    panel: &mut [B],
    convert: impl Fn(A) -> B,
) {
    /// Inputs whose part of the panel stays in the nearest cache.
    const INPUTS: usize = 64;
    /// Columns that are written side by side: single values cost three times as much.
    const COLUMNS: usize = 8;
    let n_rows = rows.len() / inputs.max(1);
    for (index, part) in panel.chunks_mut(INPUTS * width).enumerate() {
        let n_inputs = part.len() / width;
        let row = |column: usize| &rows[column * inputs + index * INPUTS..][..n_inputs];
        let together = n_rows.min(width) / COLUMNS * COLUMNS;
        for column in (0..together).step_by(COLUMNS) {
            let rows: [&[A]; COLUMNS] = std::array::from_fn(|k| row(column + k));
            for (input, places) in part.chunks_exact_mut(width).enumerate() {
                let values: [B; COLUMNS] = std::array::from_fn(|k| convert(rows[k][input]));
                places[column..column + COLUMNS].copy_from_slice(&values);
            }
        }
        for column in together..width {
            let places = part.chunks_exact_mut(width);
            if column < n_rows {
                places.zip(row(column)).for_each(|(place, &value)| place[column] = convert(value));
            } else {
                places.for_each(|place| place[column] = B::default());
            }
        }
    }
}

/// Reads quantised rows as they are stored.
fn rows(
    parts: &[Arc<dyn StoredWeight>],
    inputs: usize,
    spare: &mut Vec<Values>,
) -> Result<Vec<Rows>> {
    let mut old = match taken(spare, |values| matches!(values, Values::Rows(_))) {
        Some(Values::Rows(old)) => old,
        _ => Vec::new(),
    };
    let read = |part: &Arc<dyn StoredWeight>| {
        let (encoding, n_rows) = (part.encoding(), part.shape()[0]);
        let row_bytes = encoding.bytes(inputs);
        let mut bytes = old.pop().map(|rows| rows.bytes).unwrap_or_default();
        bytes.resize(n_rows * row_bytes, 0);
        read_rows(&**part, 0..n_rows, &mut bytes)?;
        Ok(Rows { encoding, row_bytes, bytes })
    };
    parts.iter().map(read).collect()
}
