//! Attention within packed sequences, from the rows of q, k and v to the mixed values.

use super::aligned::Aligned;
use super::functions::softmax;
use super::product::{Panels, Scratch, dispatch, multiply, panel_width, with_scratch};
use crate::RelativeBias;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// The relative bias by distance, up to a length.
pub(crate) struct Distances {
    /// `[n_heads, 2 longest - 1]`: the bias of a key `i - (longest - 1)` tokens after the query.
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

/// What attention needs to know beside the values.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a> {
    /// Where each sequence begins, and the end of the last.
    pub(crate) sequence_offsets: &'a [usize],
    /// Added to the scaled scores.
    pub(crate) distances: Option<&'a Distances>,
    /// Heads side by side in a row.
    pub(crate) n_heads: usize,
    /// Width of one head.
    pub(crate) d_head: usize,
}

/// Query rows that one thread takes at a time, at most.
const QUERIES: usize = 48;

/// `[tokens, 3 heads]` (q, k and v side by side) to `[tokens, heads]`.
pub(crate) fn attention(qkv: &[f32], attention: Attention) -> Vec<f32> {
    let heads = attention.n_heads * attention.d_head;
    let mut out = vec![0.0; qkv.len() / 3];
    let mut tasks = Vec::new();
    let mut rest = out.as_mut_slice();
    for offsets in attention.sequence_offsets.windows(2) {
        let (start, end) = (offsets[0], offsets[1]);
        let keys = &qkv[start * 3 * heads..end * 3 * heads];
        for from in (0..end - start).step_by(QUERIES) {
            let queries = from..(from + QUERIES).min(end - start);
            let (own, after) = rest.split_at_mut(queries.len() * heads);
            rest = after;
            tasks.push((keys, queries, own));
        }
    }
    tasks.into_par_iter().for_each(|(qkv, queries, out)| {
        with_scratch(|scratch| dispatch(Task { qkv, queries, out, attention, scratch }));
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
    attention: Attention<'a>,
    scratch: &'a mut Scratch,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Attention { n_heads, d_head, distances, .. } = self.attention;
        let Scratch { tiles, panels, inner: scores } = self.scratch;
        let heads = n_heads * d_head;
        let stride = 3 * heads;
        let keys = self.qkv.len() / stride;
        let scale = (1.0 / (d_head as f64).sqrt()) as f32;
        let scores = scores.sized(self.queries.len() * keys);
        for head in 0..n_heads {
            let q = &self.qkv[self.queries.start * stride + head * d_head..];
            tiles.pack::<S>(q, self.queries.len(), stride, d_head);
            let k = &self.qkv[heads + head * d_head..];
            let values = columns::<S>(panels, k, keys, stride, d_head);
            let right = Panels { values, depth: d_head, columns: keys, bias: &[] };
            multiply(simd, tiles, right, scores, keys);
            for (query, row) in self.queries.clone().zip(scores.chunks_mut(keys)) {
                for x in row.iter_mut() {
                    *x *= scale;
                }
                if let Some(distances) = distances {
                    for (x, bias) in row.iter_mut().zip(distances.row(head, query, keys)) {
                        *x += bias;
                    }
                }
                softmax(row);
            }
            tiles.pack::<S>(scores, self.queries.len(), keys, keys);
            let v = &self.qkv[2 * heads + head * d_head..];
            let values = rows::<S>(panels, v, keys, stride, d_head);
            let right = Panels { values, depth: keys, columns: d_head, bias: &[] };
            multiply(simd, tiles, right, &mut self.out[head * d_head..], heads);
        }
    }
}

/// The panels of a factor whose columns are `n` rows of `depth` values, `stride` apart.
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
        for (column, values) in panel.chunks_exact_mut(width).enumerate() {
            let x = &x[index * width * stride + column..];
            for (value, x) in values.iter_mut().zip(x.iter().step_by(stride)).take(used) {
                *value = *x;
            }
            values[used..].fill(0.0);
        }
    }
    panels
}

/// The panels of a factor whose rows are `depth` rows of `n` values, `stride` apart.
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
