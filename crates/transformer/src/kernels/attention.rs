//! Attention within packed sequences, from rows of q, k and v to mixed values; and the rotation of q
//! and k before it.

use super::aligned::Aligned;
use super::functions::{self, soft_cap, softmax};
use super::product::{Panels, Scratch, dispatch, multiply, panel_width, with_scratch};
use crate::architecture::Span;
use crate::positions::RelativeBias;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// The relative bias by distance, up to a sequence length.
pub(crate) struct Distances {
    /// `[n_heads, 2 longest - 1]`: at `i` the bias of a key `i - (longest - 1)` tokens after the query.
    values: Vec<f32>,
    longest: usize,
}

impl Distances {
    /// From the table `[buckets, n_heads]`, for sequences of up to `longest` tokens.
    pub(crate) fn new(bias: RelativeBias, table: &[f32], longest: usize) -> Self {
        let n_heads = table.len() / bias.buckets;
        let reach = longest as i64 - 1;
        let rows: Vec<usize> = (-reach..=reach).map(|offset| bias.bucket(offset)).collect();
        let values = (0..n_heads)
            .flat_map(|head| rows.iter().map(move |row| table[row * n_heads + head]))
            .collect();
        Self { values, longest }
    }

    /// The bias of all `keys` for one query.
    fn row(&self, head: usize, query: usize, keys: usize) -> &[f32] {
        let start = head * (2 * self.longest - 1) + self.longest - 1 - query;
        &self.values[start..start + keys]
    }
}

/// The settings of attention.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a> {
    /// `[sequences + 1]`: the first token of each sequence, and the end of the last.
    pub(crate) sequence_offsets: &'a [usize],
    /// Added to the scaled scores.
    pub(crate) distances: Option<&'a Distances>,
    /// Query heads.
    pub(crate) n_heads: usize,
    /// Key-value heads.
    pub(crate) n_kv_heads: usize,
    /// Width of one head.
    pub(crate) d_head: usize,
    /// Which keys a query sees.
    pub(crate) span: Span,
    /// The factor of the scores.
    pub(crate) scale: f32,
    /// `c` of `c tanh(s / c)`.
    pub(crate) soft_cap: Option<f32>,
}

/// The most query rows of one task.
const MAX_QUERIES: usize = 48;

/// `[tokens, (n_heads + 2 n_kv_heads) d_head]` (q, k and v side by side) to
/// `[tokens, n_heads d_head]`.
pub(crate) fn attention(qkv: &[f32], attention: Attention) -> Vec<f32> {
    let heads = attention.n_heads * attention.d_head;
    let stride = heads + 2 * attention.n_kv_heads * attention.d_head;
    let mut out = vec![0.0; qkv.len() / stride * heads];
    let mut tasks = Vec::new();
    let mut rest = out.as_mut_slice();
    for offsets in attention.sequence_offsets.windows(2) {
        let (start, end) = (offsets[0], offsets[1]);
        let rows = &qkv[start * stride..end * stride];
        for from in (0..end - start).step_by(MAX_QUERIES) {
            let queries = from..(from + MAX_QUERIES).min(end - start);
            let (own, after) = rest.split_at_mut(queries.len() * heads);
            rest = after;
            tasks.push((rows, queries, own));
        }
    }
    tasks.into_par_iter().for_each(|(qkv, queries, out)| {
        with_scratch(|scratch| dispatch(Task { qkv, queries, out, stride, attention, scratch }));
    });
    out
}

/// Some queries of one sequence.
struct Task<'a> {
    /// The rows of the sequence.
    qkv: &'a [f32],
    queries: Range<usize>,
    /// The queries' rows.
    out: &'a mut [f32],
    stride: usize,
    attention: Attention<'a>,
    scratch: &'a mut Scratch,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Attention { n_heads, n_kv_heads, d_head, distances, span, .. } = self.attention;
        let Scratch { tiles, panels, inner: scores } = self.scratch;
        let (heads, stride) = (n_heads * d_head, self.stride);
        let tokens = self.qkv.len() / stride;
        // The keys that these queries see.
        let keys = span.keys(self.queries.start, self.queries.end, tokens);
        let n = keys.len();
        let seen = &self.qkv[keys.start * stride..keys.end * stride];
        let rows = self.queries.len();
        // Whole vectors, so that loops over a row have no remainder.
        let width = n.next_multiple_of(functions::LANES);
        let scores = scores.sized(rows * width);
        for head in 0..n_heads {
            let q = &self.qkv[self.queries.start * stride + head * d_head..];
            tiles.pack::<S>(q, rows, stride, d_head);
            let shared = head / (n_heads / n_kv_heads);
            let k = &seen[heads + shared * d_head..];
            let values = columns::<S>(panels, k, n, stride, d_head);
            let right = Panels { values, columns: n, bias: &[] };
            multiply(simd, tiles, right, scores, width);
            for (query, row) in self.queries.clone().zip(scores.chunks_mut(width)) {
                for x in row.iter_mut() {
                    *x *= self.attention.scale;
                }
                if let Some(cap) = self.attention.soft_cap {
                    soft_cap::<S>(row, cap);
                }
                if let Some(distances) = distances {
                    let biases = &distances.row(head, query, tokens)[keys.clone()];
                    for (x, bias) in row.iter_mut().zip(biases) {
                        *x += bias;
                    }
                }
                let own = span.keys(query, query + 1, tokens);
                softmax::<S>(row, own.start - keys.start..own.end - keys.start);
            }
            tiles.pack::<S>(scores, rows, width, n);
            let v = &seen[heads + (n_kv_heads + shared) * d_head..];
            let values = self::rows::<S>(panels, v, n, stride, d_head);
            let right = Panels { values, columns: d_head, bias: &[] };
            multiply(simd, tiles, right, &mut self.out[head * d_head..], heads);
        }
    }
}

/// The rotation of queries and keys.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// `[tokens, pairs]`.
    pub(crate) cosines: &'a [f32],
    /// `[tokens, pairs]`.
    pub(crate) sines: &'a [f32],
    /// The pairs of a head that rotate: its first `pairs` values with the `pairs` values after them.
    pub(crate) pairs: usize,
    /// The heads at the beginning of a row that rotate.
    pub(crate) heads: usize,
    /// Width of one head.
    pub(crate) d_head: usize,
}

/// About the number of values of one task.
const VALUES: usize = 1 << 14;

/// Rows of `width` values, with their first heads rotated.
pub(crate) fn rotate(x: &[f32], width: usize, rotation: Rotation) -> Vec<f32> {
    let mut out = x.to_vec();
    let rows = VALUES.div_ceil(width);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(index, out)| {
        dispatch(Turn { out, width, first: index * rows, rotation });
    });
    out
}

/// Some rows to rotate.
struct Turn<'a> {
    out: &'a mut [f32],
    width: usize,
    /// The number of the first row.
    first: usize,
    rotation: Rotation<'a>,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Rotation { cosines, sines, pairs, heads, d_head } = self.rotation;
        for (row, values) in self.out.chunks_mut(self.width).enumerate() {
            let table = (self.first + row) * pairs..(self.first + row + 1) * pairs;
            let (cosines, sines) = (&cosines[table.clone()], &sines[table]);
            for head in values.chunks_mut(d_head).take(heads) {
                let (a, b) = head.split_at_mut(pairs);
                functions::rotate(a, &mut b[..pairs], cosines, sines);
            }
        }
    }
}

/// The panels of a factor whose columns are `n` rows of `depth` values at distance `stride`.
#[inline(always)]
fn columns<'a, S: Simd>(
    panels: &'a mut Aligned,
    x: &[f32],
    n: usize,
    stride: usize,
    depth: usize,
) -> &'a [f32] {
    let width = panel_width::<S>();
    let panels = panels.sized(n.next_multiple_of(width) * depth);
    for (index, panel) in panels.chunks_exact_mut(depth * width).enumerate() {
        let used = width.min(n - index * width);
        if used < width {
            panel.fill(0.0);
        }
        for column in 0..used {
            let row = &x[(index * width + column) * stride..][..depth];
            for (values, &x) in panel.chunks_exact_mut(width).zip(row) {
                values[column] = x;
            }
        }
    }
    panels
}

/// The panels of a factor whose rows are `depth` rows of `n` values at distance `stride`.
#[inline(always)]
fn rows<'a, S: Simd>(
    panels: &'a mut Aligned,
    x: &[f32],
    depth: usize,
    stride: usize,
    n: usize,
) -> &'a [f32] {
    let width = panel_width::<S>();
    let panels = panels.sized(n.next_multiple_of(width) * depth);
    for (index, panel) in panels.chunks_exact_mut(depth * width).enumerate() {
        let used = width.min(n - index * width);
        for (row, values) in panel.chunks_exact_mut(width).enumerate() {
            let start = row * stride + index * width;
            values[..used].copy_from_slice(&x[start..start + used]);
            values[used..].fill(0.0);
        }
    }
    panels
}
