//! Linear layers, single and as an MLP.

use super::aligned::Aligned;
use super::functions::activate;
use super::packed::PackedLinear;
use super::product::{Scratch, Tiles, dispatch, with_scratch};
use crate::architecture::{Activation, Mlp};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Weight values per row of a task: a layer with many weights needs many rows to repay reading them;
/// with few weights, few rows keep the inner values in the cache.
const WEIGHTS_PER_ROW: usize = 6 << 10;

/// Up to this number of rows, threads share the columns.
const MAX_SHARED_ROWS: usize = 48;

/// `[rows, inputs]` to `[rows, outputs]`, then the activation if there is one.
pub(crate) fn linear(x: &[f32], layer: &PackedLinear, activation: Option<Activation>) -> Vec<f32> {
    let rows = x.len() / layer.inputs();
    let mut out = vec![0.0; rows * layer.outputs()];
    let threads = rayon::current_num_threads();
    if rows > MAX_SHARED_ROWS || threads == 1 {
        let chunk = chunk(rows, threads, layer);
        x.par_chunks(chunk * layer.inputs())
            .zip(out.par_chunks_mut(chunk * layer.outputs()))
            .for_each(|(x, out)| {
                with_scratch(|Scratch { tiles, panels: unpacked, .. }| {
                    let panels = 0..layer.panels();
                    dispatch(Part { x, layer, panels, activation, tiles, unpacked, out });
                });
            });
        return out;
    }
    // Few rows: each thread computes some of the columns and reads that part of the weights alone.
    let panels = layer.panels();
    let step = panels.div_ceil(threads);
    let parts: Vec<(Range<usize>, Vec<f32>)> = (0..panels.div_ceil(step))
        .into_par_iter()
        .map(|part| {
            let (from, to) = (part * step, panels.min((part + 1) * step));
            let columns = layer.columns(from..to);
            let mut out = vec![0.0; rows * columns.len()];
            with_scratch(|Scratch { tiles, panels: unpacked, .. }| {
                let (panels, out) = (from..to, &mut out);
                dispatch(Part { x, layer, panels, activation, tiles, unpacked, out });
            });
            (columns, out)
        })
        .collect();
    for (columns, part) in parts {
        for (out, part) in out.chunks_mut(layer.outputs()).zip(part.chunks(columns.len())) {
            out[columns.clone()].copy_from_slice(part);
        }
    }
    out
}

/// Two linear layers with an activation between them, `[rows, d_model]` to the same shape. In a gated
/// MLP the first gives the gate and the values that it multiplies, side by side.
pub(crate) fn mlp(x: &[f32], first: &PackedLinear, mlp: Mlp, second: &PackedLinear) -> Vec<f32> {
    let rows = x.len() / first.inputs();
    let threads = rayon::current_num_threads();
    let activation = (!mlp.gated).then_some(mlp.activation);
    if rows <= MAX_SHARED_ROWS {
        let mut inner = linear(x, first, activation);
        if mlp.gated {
            dispatch(Gate {
                inner: &mut inner,
                width: second.inputs(),
                activation: mlp.activation,
            });
        }
        return linear(&inner[..rows * second.inputs()], second, None);
    }
    let mut out = vec![0.0; rows * second.outputs()];
    let chunk = chunk(rows, threads, first);
    x.par_chunks(chunk * first.inputs())
        .zip(out.par_chunks_mut(chunk * second.outputs()))
        .for_each(|(x, out)| {
            with_scratch(|Scratch { tiles, panels: unpacked, inner }| {
                let rows = x.len() / first.inputs();
                let inner = inner.sized(rows * first.outputs());
                let (layer, panels) = (first, 0..first.panels());
                let (tiles, unpacked) = (&mut *tiles, &mut *unpacked);
                let part = Part { x, layer, panels, activation, tiles, unpacked, out: inner };
                dispatch(part);
                if mlp.gated {
                    dispatch(Gate { inner, width: second.inputs(), activation: mlp.activation });
                }
                let x = &inner[..rows * second.inputs()];
                let (layer, panels, activation) = (second, 0..second.panels(), None);
                dispatch(Part { x, layer, panels, activation, tiles, unpacked, out });
            });
        });
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
    let most = (layer.inputs() * layer.outputs() / WEIGHTS_PER_ROW).clamp(96, 528);
    let tasks = rows.div_ceil(most).next_multiple_of(threads);
    rows.div_ceil(tasks).next_multiple_of(12)
}

/// Some rows times some panels.
struct Part<'a> {
    /// `[rows, inputs]`.
    x: &'a [f32],
    layer: &'a PackedLinear,
    panels: Range<usize>,
    activation: Option<Activation>,
    tiles: &'a mut Tiles,
    unpacked: &'a mut Aligned,
    /// `[rows, columns of the panels]`.
    out: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let depth = self.layer.inputs();
        self.tiles.pack::<S>(self.x, self.x.len() / depth, depth, depth);
        self.layer.multiply(simd, self.tiles, self.panels, self.unpacked, self.out);
        if let Some(activation) = self.activation {
            activate::<S>(activation, self.out);
        }
    }
}
