//! Linear layers with their weights in panels, single and as an MLP.

use super::aligned::Aligned;
use super::functions::activate;
use super::product::{
    Panels, Scratch, Tiles, dispatch, multiply, native_panel_width, with_scratch,
};
use crate::architecture::{Activation, Mlp};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// `x W^T + b`, with the weights in the order in which the product reads them.
pub(crate) struct PackedLinear {
    /// `[panels, inputs, panel width]`.
    panels: Aligned,
    /// `[panels, panel width]`.
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    width: usize,
}

/// Weight values per row of a task: a layer with many weights needs many rows to repay reading them;
/// with few weights, few rows keep the inner values in the cache.
const WEIGHTS_PER_ROW: usize = 6 << 10;

/// Up to this number of rows, threads share the columns.
const MAX_SHARED_ROWS: usize = 48;

impl PackedLinear {
    /// From weights `[out, in]` and biases `[out]`.
    pub(crate) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let (width, outputs) = (native_panel_width(), bias.len());
        let mut panels = Aligned::default();
        let values = panels.sized(outputs.next_multiple_of(width) * inputs);
        values.par_chunks_mut(width * inputs).zip(weight.par_chunks(width * inputs)).for_each(
            |(panel, rows)| {
                for (column, row) in rows.chunks(inputs).enumerate() {
                    for (place, &value) in panel.chunks_mut(width).zip(row) {
                        place[column] = value;
                    }
                }
            },
        );
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

    /// The panels `from..to`.
    fn panels(&self, from: usize, to: usize) -> Panels<'_> {
        Panels {
            values: &self.panels.slice()
                [from * self.width * self.inputs..to * self.width * self.inputs],
            depth: self.inputs,
            columns: self.outputs.min(to * self.width) - from * self.width,
            bias: &self.bias[from * self.width..to * self.width],
        }
    }

    /// All panels.
    fn all(&self) -> Panels<'_> {
        self.panels(0, self.bias.len() / self.width)
    }
}

/// `[rows, inputs]` to `[rows, outputs]`, then the activation if there is one.
pub(crate) fn linear(x: &[f32], layer: &PackedLinear, activation: Option<Activation>) -> Vec<f32> {
    let rows = x.len() / layer.inputs;
    let mut out = vec![0.0; rows * layer.outputs];
    let threads = rayon::current_num_threads();
    if rows > MAX_SHARED_ROWS || threads == 1 {
        let chunk = chunk(rows, threads, layer);
        x.par_chunks(chunk * layer.inputs).zip(out.par_chunks_mut(chunk * layer.outputs)).for_each(
            |(x, out)| {
                let (panels, stride) = (layer.all(), layer.outputs);
                with_scratch(|Scratch { tiles, .. }| {
                    dispatch(Part { x, panels, activation, tiles, out, stride });
                });
            },
        );
        return out;
    }
    // Few rows: each thread computes some of the columns and reads that part of the weights alone.
    let panels = layer.bias.len() / layer.width;
    let step = panels.div_ceil(threads);
    let parts: Vec<(usize, usize, Vec<f32>)> = (0..panels.div_ceil(step))
        .into_par_iter()
        .map(|part| {
            let (from, to) = (part * step, panels.min((part + 1) * step));
            let panels = layer.panels(from, to);
            let stride = panels.columns;
            let mut out = vec![0.0; rows * stride];
            with_scratch(|Scratch { tiles, .. }| {
                dispatch(Part { x, panels, activation, tiles, out: &mut out, stride });
            });
            (from * layer.width, stride, out)
        })
        .collect();
    for (from, columns, part) in parts {
        for (out, part) in out.chunks_mut(layer.outputs).zip(part.chunks(columns)) {
            out[from..from + columns].copy_from_slice(part);
        }
    }
    out
}

/// Two linear layers with an activation between them, `[rows, d_model]` to the same shape. In a gated
/// MLP the first gives the gate and the values that it multiplies, side by side.
pub(crate) fn mlp(x: &[f32], first: &PackedLinear, mlp: Mlp, second: &PackedLinear) -> Vec<f32> {
    let rows = x.len() / first.inputs;
    let threads = rayon::current_num_threads();
    let activation = (!mlp.gated).then_some(mlp.activation);
    if rows <= MAX_SHARED_ROWS {
        let mut inner = linear(x, first, activation);
        if mlp.gated {
            dispatch(Gate { inner: &mut inner, width: second.inputs, activation: mlp.activation });
        }
        return linear(&inner[..rows * second.inputs], second, None);
    }
    let mut out = vec![0.0; rows * second.outputs];
    let chunk = chunk(rows, threads, first);
    x.par_chunks(chunk * first.inputs).zip(out.par_chunks_mut(chunk * second.outputs)).for_each(
        |(x, out)| {
            with_scratch(|Scratch { tiles, inner, .. }| {
                let rows = x.len() / first.inputs;
                let inner = inner.sized(rows * first.outputs);
                let (panels, stride) = (first.all(), first.outputs);
                dispatch(Part { x, panels, activation, tiles, out: inner, stride });
                if mlp.gated {
                    dispatch(Gate { inner, width: second.inputs, activation: mlp.activation });
                }
                let x = &inner[..rows * second.inputs];
                let (panels, stride) = (second.all(), second.outputs);
                dispatch(Part { x, panels, activation: None, tiles, out, stride });
            });
        },
    );
    out
}

/// Multiplies gates with values, `[rows, 2 width]`; the products are left at the beginning,
/// `[rows, width]`.
struct Gate<'a> {
    inner: &'a mut [f32],
    width: usize,
    activation: Activation,
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.width;
        for row in 0..self.inner.len() / (2 * width) {
            let own = &mut self.inner[2 * row * width..2 * (row + 1) * width];
            let (gate, up) = own.split_at_mut(width);
            activate::<S>(self.activation, gate);
            for (gate, up) in gate.iter_mut().zip(up) {
                *gate *= *up;
            }
            self.inner.copy_within(2 * row * width..(2 * row + 1) * width, row * width);
        }
    }
}

/// The rows of one task, for `rows` rows on `threads` threads: whole tiles, and an equal number of
/// tasks per thread.
fn chunk(rows: usize, threads: usize, layer: &PackedLinear) -> usize {
    let most = (layer.inputs * layer.outputs / WEIGHTS_PER_ROW).clamp(96, 528);
    let tasks = rows.div_ceil(most).next_multiple_of(threads);
    rows.div_ceil(tasks).next_multiple_of(12)
}

/// Some rows times some panels.
struct Part<'a> {
    x: &'a [f32],
    panels: Panels<'a>,
    activation: Option<Activation>,
    tiles: &'a mut Tiles,
    out: &'a mut [f32],
    stride: usize,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let depth = self.panels.depth;
        self.tiles.pack::<S>(self.x, self.x.len() / depth, depth, depth);
        multiply(simd, self.tiles, self.panels, self.out, self.stride);
        if let Some(activation) = self.activation {
            activate::<S>(activation, self.out);
        }
    }
}
