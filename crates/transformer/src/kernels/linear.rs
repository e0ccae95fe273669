//! Linear layers, single and as an MLP.

use super::buffers::output;
use super::functions::activate;
use super::packed::PackedLinear;
use super::parts::Engine;
use super::product::{self, Product, Scratch, dispatch, with_scratch};
use super::rounding::Rounding;
use crate::architecture::{Activation, Mlp};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Weight values per row of a task: a layer with many weights needs many rows to repay reading them;
/// with few weights, few rows keep the values between two products in the cache.
const WEIGHTS_PER_ROW: usize = 6 << 10;

/// The same where a panel is widened for its product: more rows repay that too.
const WIDENED_PER_ROW: usize = 2 << 10;

/// Up to this number of rows, threads share the columns.
const MAX_SHARED_ROWS: usize = 48;

/// What is done with the values of a product.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// The activation, if there is one.
    pub(crate) activation: Option<Activation>,
    /// Rounds the values, before and after the activation.
    pub(crate) rounding: Rounding,
}

/// `[rows, inputs]` to `[rows, outputs]`.
pub(crate) fn linear(x: &[f32], layer: &PackedLinear, finish: Finish) -> Vec<f32> {
    let rows = x.len() / layer.inputs();
    let mut out = output(rows * layer.outputs());
    let threads = rayon::current_num_threads();
    if rows > MAX_SHARED_ROWS || threads == 1 {
        let chunk = chunk(rows, threads, layer, finish.rounding);
        x.par_chunks(chunk * layer.inputs())
            .zip(out.par_chunks_mut(chunk * layer.outputs()))
            .for_each(|(x, out)| {
                with_scratch(|scratch| {
                    let panels = 0..layer.panels();
                    Part { x, layer, panels, finish, out }.run(&mut scratch.product);
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
            let panels = part * step..panels.min((part + 1) * step);
            let columns = layer.columns(panels.clone());
            let mut out = vec![0.0; rows * columns.len()];
            with_scratch(|scratch| {
                Part { x, layer, panels, finish, out: &mut out }.run(&mut scratch.product);
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
/// MLP the first gives the gate and the values that it multiplies, side by side, within the limit of
/// [`Mixture`](crate::Mixture::limit).
pub(crate) fn mlp(
    x: &[f32],
    first: &PackedLinear,
    (mlp, limit): (Mlp, Option<f64>),
    second: &PackedLinear,
    rounding: Rounding,
) -> Vec<f32> {
    let rows = x.len() / first.inputs();
    let threads = rayon::current_num_threads();
    let activation = (!mlp.gated).then_some(mlp.activation);
    let (width, limit) = (second.inputs(), limit.map(|limit| limit as f32));
    let (inwards, outwards) = (Finish { activation, rounding }, Finish::plain(rounding));
    if rows <= MAX_SHARED_ROWS {
        let mut inner = linear(x, first, inwards);
        if mlp.gated {
            let inner = &mut inner;
            dispatch(Gate { inner, width, activation: mlp.activation, limit, rounding });
        }
        return linear(&inner[..rows * width], second, outwards);
    }
    let mut out = output(rows * second.outputs());
    let chunk = chunk(rows, threads, first, rounding);
    x.par_chunks(chunk * first.inputs())
        .zip(out.par_chunks_mut(chunk * second.outputs()))
        .for_each(|(x, out)| {
            with_scratch(|Scratch { product, inner, .. }| {
                let rows = x.len() / first.inputs();
                let inner = inner.sized(rows * first.outputs());
                let panels = 0..first.panels();
                let (layer, finish) = (first, inwards);
                Part { x, layer, panels, finish, out: &mut *inner }.run(product);
                if mlp.gated {
                    let inner = &mut *inner;
                    dispatch(Gate { inner, width, activation: mlp.activation, limit, rounding });
                }
                let (x, panels) = (&inner[..rows * width], 0..second.panels());
                Part { x, layer: second, panels, finish: outwards, out }.run(product);
            });
        });
    out
}

impl Finish {
    /// Without an activation.
    pub(crate) fn plain(rounding: Rounding) -> Self {
        Self { activation: None, rounding }
    }
}

/// Multiplies gates with values, `[rows, 2 width]`; the products are left at the beginning,
/// `[rows, width]`.
struct Gate<'a> {
    inner: &'a mut [f32],
    width: usize,
    activation: Activation,
    limit: Option<f32>,
    rounding: Rounding,
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.width;
        for row in 0..self.inner.len() / (2 * width) {
            let own = &mut self.inner[2 * row * width..2 * (row + 1) * width];
            let (gate, up) = own.split_at_mut(width);
            if let Some(limit) = self.limit {
                gate.iter_mut().for_each(|gate| *gate = gate.min(limit));
                up.iter_mut().for_each(|up| *up = up.clamp(-limit, limit) + 1.0);
                self.rounding.round(up);
            }
            activate::<S>(self.activation, gate);
            self.rounding.round(gate);
            for (gate, up) in gate.iter_mut().zip(&*up) {
                *gate *= *up;
            }
            self.rounding.round(gate);
            self.inner.copy_within(2 * row * width..(2 * row + 1) * width, row * width);
        }
    }
}

/// The rows of one task, for `rows` rows on `threads` threads: whole tiles, and an equal number of
/// tasks per thread.
fn chunk(rows: usize, threads: usize, layer: &PackedLinear, rounding: Rounding) -> usize {
    let per_row = if layer.widens(rounding) { WIDENED_PER_ROW } else { WEIGHTS_PER_ROW };
    let most = (layer.inputs() * layer.outputs() / per_row).clamp(96, 528);
    let tasks = rows.div_ceil(most).next_multiple_of(threads);
    rows.div_ceil(tasks).next_multiple_of(product::row_step())
}

/// Some rows times some panels.
struct Part<'a> {
    /// `[rows, inputs]`.
    x: &'a [f32],
    layer: &'a PackedLinear,
    panels: Range<usize>,
    finish: Finish,
    /// `[rows, columns of the panels]`.
    out: &'a mut [f32],
}

impl Part<'_> {
    fn run(self, memory: &mut Product) {
        let Self { x, layer, panels, finish, out } = self;
        if let Some(mut engine) = product::engine() {
            let out = &mut *out;
            ByParts { x, layer, panels, rounding: finish.rounding, out }.run(&mut *engine, memory);
        } else {
            let pairs = layer.multiplies_pairs(finish.rounding);
            dispatch(Products { x, layer, panels, pairs, memory, out: &mut *out });
        }
        self::finish(finish, out);
    }
}

/// Rounds and activates the values of a product.
pub(super) fn finish(finish: Finish, out: &mut [f32]) {
    dispatch(Finished { finish, out });
}

/// The product by parts, for rows of numbers of the type of `rounding`. Rows and panels with unusual numbers
/// are multiplied in f32, whichever they are with.
struct ByParts<'a> {
    x: &'a [f32],
    layer: &'a PackedLinear,
    panels: Range<usize>,
    rounding: Rounding,
    out: &'a mut [f32],
}

impl ByParts<'_> {
    fn run(self, engine: &mut dyn Engine, memory: &mut Product) {
        let Self { x, layer, panels, rounding, out } = self;
        let (depth, all) = (layer.inputs(), layer.columns(panels.clone()));
        let form = layer.form(rounding);
        memory.parts.pack_rows(x, depth, form);
        for panel in panels.clone() {
            let columns = layer.columns(panel..panel + 1);
            let start = columns.start - all.start;
            if layer.pack_parts(panel, form, memory) {
                let (out, bias) = (&mut out[start..], layer.bias(panel));
                memory.parts.multiply(engine, form, bias, out, columns.len(), all.len());
                continue;
            }
            let mut part = vec![0.0; x.len() / depth * columns.len()];
            let panels = panel..panel + 1;
            dispatch(Products { x, layer, panels, pairs: false, memory, out: &mut part });
            for (out, part) in out.chunks_mut(all.len()).zip(part.chunks(columns.len())) {
                out[start..start + columns.len()].copy_from_slice(part);
            }
        }
        for row in std::mem::take(&mut memory.parts.unusual) {
            let x = &x[row * depth..][..depth];
            let out = &mut out[row * all.len()..][..all.len()];
            let panels = panels.clone();
            dispatch(Products { x, layer, panels, pairs: false, memory, out });
        }
    }
}

/// The product, with the instruction for pairs of bf16 or in f32.
struct Products<'a> {
    x: &'a [f32],
    layer: &'a PackedLinear,
    panels: Range<usize>,
    pairs: bool,
    memory: &'a mut Product,
    out: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, layer, panels, pairs, memory, out } = self;
        if pairs {
            return layer.multiply_pairs::<S>(x, panels, memory, out);
        }
        let depth = layer.inputs();
        memory.tiles.pack::<S>(x, x.len() / depth, depth, depth);
        layer.multiply(simd, &memory.tiles, panels, &mut memory.panels, out);
    }
}

/// The values of a product that are to be finished.
struct Finished<'a> {
    finish: Finish,
    out: &'a mut [f32],
}

impl WithSimd for Finished<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Finish { activation, rounding } = self.finish;
        rounding.round(self.out);
        if let Some(activation) = activation {
            activate::<S>(activation, self.out);
            rounding.round(self.out);
        }
    }
}
