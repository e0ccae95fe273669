//! Weights of linear layers in the order in which the product reads them, in the number type in which
//! they are stored: other types than f32 become f32 panel by panel, just before their product.

use super::aligned::Aligned;
use super::bf16::{self as pairs, Pairs};
use super::parts::Form;
use super::product::{self, Panels, Product, Tiles, dispatch, multiply, native_panel_width};
use super::rounding::Rounding;
use super::transposed;
use crate::error::{Error, Result};
use crate::weights::{Encoding, StoredWeight, read_rows};
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
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
    /// The bits of values of 16 bits.
    Half(Half, Vec<u16>),
    Rows(Vec<Rows>),
}

/// A number type of 16 bits.
#[derive(Clone, Copy)]
pub(crate) enum Half {
    F16,
    Bf16,
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
        // The 16-bit type of the layer, and whether the parts are in it already.
        let half = match rounding {
            Rounding::F16 => Some((Half::F16, all_f16)),
            Rounding::Bf16 => Some((Half::Bf16, all_bf16)),
            Rounding::None if all_f16 => Some((Half::F16, true)),
            Rounding::None if all_bf16 => Some((Half::Bf16, true)),
            Rounding::None => None,
        };
        let blocks = |part: &Arc<dyn StoredWeight>| matches!(part.encoding(), Encoding::Blocks(_));
        let source = Source { parts, inputs, width };
        let len = bias.len() * inputs;
        let values = if rounding == Rounding::None && parts.iter().any(blocks) {
            Values::Rows(rows(parts, inputs, spare)?)
        } else if let Some((half, stored)) = half {
            let same = |values: &Values| matches!(values, Values::Half(_, all) if all.len() == len);
            let mut panels = match spare.iter().position(same).map(|index| spare.swap_remove(index))
            {
                Some(Values::Half(_, panels)) => panels,
                _ => vec![0; len],
            };
            source.fill(&mut panels, &|bytes, runs, panel| match half {
                _ if stored => {
                    transpose(bytes.as_chunks().0, inputs, width, panel, u16::from_le_bytes);
                }
                Half::F16 => {
                    let bits = |value| f16::from_f32(value).to_bits();
                    transpose(&decoded(bytes, runs, inputs), inputs, width, panel, bits);
                }
                Half::Bf16 => {
                    let bits = |value| bf16::from_f32(value).to_bits();
                    transpose(&decoded(bytes, runs, inputs), inputs, width, panel, bits);
                }
            })?;
            Values::Half(half, panels)
        } else {
            let same =
                |values: &Values| matches!(values, Values::F32(all) if all.slice().len() == len);
            let mut panels = match spare.iter().position(same).map(|index| spare.swap_remove(index))
            {
                Some(Values::F32(panels)) => panels,
                _ => Aligned::default(),
            };
            source.fill(panels.sized(len), &|bytes, runs, panel| {
                transpose(&decoded(bytes, runs, inputs), inputs, width, panel, |value| value);
            })?;
            Values::F32(panels)
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
            Values::Half(Half::F16, all) => {
                let values = unpacked.sized(size);
                widen::<S>(&all[panel * size..(panel + 1) * size], values);
                values
            }
            Values::Half(Half::Bf16, all) => {
                let values = unpacked.sized(size);
                for (value, &half) in values.iter_mut().zip(&all[panel * size..]) {
                    *value = f32::from_bits(u32::from(half) << 16);
                }
                values
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
        match self.values {
            Values::Half(half, _) => Form::of(rounding, Some(half)),
            Values::F32(_) | Values::Rows(_) => Form::of(rounding, None),
        }
    }

    /// Packs a panel for a product by parts; false if it has unusual values.
    pub(super) fn pack_parts(&self, panel: usize, form: Form, memory: &mut Product) -> bool {
        if let Values::Half(Half::Bf16, all) = &self.values {
            let size = self.width * self.inputs;
            return memory.parts.pack_bits(&all[panel * size..(panel + 1) * size]);
        }
        dispatch(PackParts { layer: self, panel, form, memory })
    }

    /// The biases of a panel, with 0 for columns that are not in use.
    pub(super) fn bias(&self, panel: usize) -> &[f32] {
        &self.bias[panel * self.width..(panel + 1) * self.width]
    }

    /// Whether [`multiply_pairs`](Self::multiply_pairs) can be used.
    pub(super) fn has_pairs(&self) -> bool {
        let bf16 = matches!(self.values, Values::Half(Half::Bf16, _));
        bf16 && product::pairs() && self.width == pairs::WIDTH
    }

    /// The product of the rows `x`, which are bf16 numbers, with some panels of bf16, with the biases, to
    /// `[rows, columns of the panels]`.
    pub(super) fn multiply_pairs(
        &self,
        x: &[f32],
        panels: Range<usize>,
        pairs: &mut Pairs,
        out: &mut [f32],
    ) {
        let Values::Half(Half::Bf16, all) = &self.values else { return };
        let (size, stride) = (self.width * self.inputs, self.columns(panels.clone()).len());
        pairs.pack_rows(x, self.inputs);
        for (index, panel) in panels.enumerate() {
            pairs.pack_panel(all[panel * size..(panel + 1) * size].reinterpret_cast());
            let bias = self.bias(panel);
            let out = &mut out[index * self.width..];
            pairs.multiply(bias, out, self.columns(panel..panel + 1).len(), stride);
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
    /// the panel.
    fn fill<T: Send>(&self, panels: &mut [T], write: &Write<'_, T>) -> Result<()> {
        let size = self.width * self.inputs;
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
    let old = spare.iter().position(|values| matches!(values, Values::Rows(_)));
    let mut old = match old.map(|index| spare.swap_remove(index)) {
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
