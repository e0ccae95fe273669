//! Weights of linear layers in the order in which the product reads them, in the number type of the
//! checkpoint: 16-bit weights become f32 panel by panel, just before their product.

use super::aligned::Aligned;
use super::product::{Panels, Tiles, multiply, native_panel_width};
use half::slice::HalfFloatSliceExt;
use half::vec::HalfBitsVecExt;
use half::{bf16, f16};
use pulp::Simd;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Rows of weights, in their number type.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    Bf16(&'a [bf16]),
}

/// `x W^T + b`, with the weights in panels.
pub(crate) struct PackedLinear {
    /// `[panels, inputs, panel width]`.
    panels: Values,
    /// `[panels, panel width]`.
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    width: usize,
}

enum Values {
    F32(Aligned),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

impl PackedLinear {
    /// From weights `[out, in]`, whose rows are in one part or several, and biases `[out]`. The parts
    /// have one number type, or the weights are kept in f32.
    pub(crate) fn new(parts: &[Rows], bias: &[f32], inputs: usize) -> Self {
        let (width, outputs) = (native_panel_width(), bias.len());
        let len = outputs.next_multiple_of(width) * inputs;
        let f16 = parts.iter().map(|part| if let Rows::F16(x) = part { Some(*x) } else { None });
        let bf16 = parts.iter().map(|part| if let Rows::Bf16(x) = part { Some(*x) } else { None });
        let panels = if let Some(parts) = f16.collect::<Option<Vec<_>>>() {
            let mut panels: Vec<f16> = vec![0u16; len].reinterpret_into();
            fill(&mut panels, &parts, width, inputs);
            Values::F16(panels)
        } else if let Some(parts) = bf16.collect::<Option<Vec<_>>>() {
            let mut panels: Vec<bf16> = vec![0u16; len].reinterpret_into();
            fill(&mut panels, &parts, width, inputs);
            Values::Bf16(panels)
        } else {
            let wide: Vec<_> = parts.iter().map(Rows::widened).collect();
            let parts: Vec<&[f32]> = wide.iter().map(|part| &**part).collect();
            let mut panels = Aligned::default();
            fill(panels.sized(len), &parts, width, inputs);
            Values::F32(panels)
        };
        let mut bias = bias.to_vec();
        bias.resize(outputs.next_multiple_of(width), 0.0);
        Self { panels, bias, inputs, outputs, width }
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
        if let Values::F32(all) = &self.panels {
            let values = &all.slice()[panels.start * size..panels.end * size];
            return multiply(simd, tiles, self.right(values, panels), out, stride);
        }
        for (index, panel) in panels.enumerate() {
            let values = unpacked.sized(size);
            match &self.panels {
                Values::F32(_) => {}
                Values::F16(all) => {
                    all[panel * size..(panel + 1) * size].convert_to_f32_slice(values);
                }
                Values::Bf16(all) => {
                    for (value, half) in values.iter_mut().zip(&all[panel * size..]) {
                        *value = f32::from_bits(u32::from(half.to_bits()) << 16);
                    }
                }
            }
            let out = &mut out[index * self.width..];
            multiply(simd, tiles, self.right(values, panel..panel + 1), out, stride);
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
}

impl Rows<'_> {
    fn widened(&self) -> Cow<'_, [f32]> {
        match self {
            Self::F32(values) => Cow::Borrowed(values),
            Self::F16(values) => Cow::Owned(values.to_f32_vec()),
            Self::Bf16(values) => Cow::Owned(values.to_f32_vec()),
        }
    }
}

/// Writes the rows of all parts as columns of panels.
fn fill<T: Copy + Send + Sync>(panels: &mut [T], parts: &[&[T]], width: usize, inputs: usize) {
    let rows: Vec<&[T]> = parts.iter().flat_map(|part| part.chunks(inputs)).collect();
    let panels = panels.par_chunks_mut(width * inputs).zip(rows.par_chunks(width));
    panels.for_each(|(panel, rows)| {
        for (column, row) in rows.iter().enumerate() {
            for (place, &value) in panel.chunks_mut(width).zip(*row) {
                place[column] = value;
            }
        }
    });
}
