//! Attention within packed sequences, from rows of q, k and v to mixed values: in one step, or with
//! the patterns between two.
//!
//! Both ways run the same code on the same blocks of queries and keys, so that the digits are equal.

use super::aligned::Aligned;
use super::buffers::output;
use super::distances::{DistanceVectors, Distances, OffsetRows};
use super::functions::{self, soft_cap, softmax};
use super::product::{
    Panels, Product, Scratch, Tiles, dispatch, multiply, panel_width, with_scratch,
};
use super::rounding::Rounding;
use super::transposed::panel;
use crate::architecture::Span;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// What the distance of two tokens adds to their score.
#[derive(Clone, Copy)]
pub(crate) enum Relative<'a> {
    /// A number, times the factor of the query and the head, `[tokens, n_heads]`, if there are factors.
    Bias(&'a Distances, Option<&'a [f32]>),
    /// Products with the vectors of the distance.
    Vectors(&'a DistanceVectors, &'a OffsetRows),
}

/// The settings of attention.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a> {
    /// `[sequences + 1]`: the first token of each sequence, and the end of the last.
    pub(crate) sequence_offsets: &'a [usize],
    /// Added to the scaled scores.
    pub(crate) relative: Option<Relative<'a>>,
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
    /// `[n_heads]`: a score of each head that takes part in the softmax and mixes no value.
    pub(crate) sinks: Option<&'a [f32]>,
    /// Rounds the probabilities and the mixed values.
    pub(crate) rounding: Rounding,
}

/// The most query rows of one task, and the most keys whose products with vectors of distances are in
/// memory at a time.
const BLOCK: usize = 48;

/// `[tokens, (n_heads + 2 n_kv_heads) d_head]` (q, k and v side by side) to
/// `[tokens, n_heads d_head]`.
pub(crate) fn attention(qkv: &[f32], attention: Attention) -> Vec<f32> {
    let heads = attention.n_heads * attention.d_head;
    let mut out = output(qkv.len() / attention.stride() * heads);
    let mut rest = out.as_mut_slice();
    let mut tasks = Vec::new();
    for queries in attention.queries(qkv) {
        let own = take(&mut rest, queries.rows() * heads);
        tasks.push((queries, own));
    }
    tasks.into_par_iter().for_each(|(queries, out)| {
        with_scratch(|scratch| dispatch(Mixed { queries, pattern: None, out, scratch }));
    });
    out
}

/// `[tokens, (n_heads + 2 n_kv_heads) d_head]` to attention probabilities `[n_heads, Σ n²]`.
pub(crate) fn patterns(qkv: &[f32], attention: Attention) -> Vec<f32> {
    let mut out = vec![0.0; attention.n_heads * attention.pattern_len()];
    let mut rest = out.as_mut_slice();
    let mut tasks = Vec::new();
    for head in 0..attention.n_heads {
        for queries in attention.queries(qkv) {
            let own = take(&mut rest, queries.rows() * queries.tokens());
            tasks.push((head, queries, own));
        }
    }
    tasks.into_par_iter().for_each(|(head, queries, out)| {
        with_scratch(|scratch| dispatch(Pattern { queries, head, out, scratch }));
    });
    out
}

/// [`attention`] with these patterns `[n_heads, Σ n²]`.
pub(crate) fn mix(qkv: &[f32], patterns: &[f32], attention: Attention) -> Vec<f32> {
    let heads = attention.n_heads * attention.d_head;
    let mut out = output(qkv.len() / attention.stride() * heads);
    let (mut rest, mut start) = (out.as_mut_slice(), 0);
    let mut tasks = Vec::new();
    for queries in attention.queries(qkv) {
        let own = take(&mut rest, queries.rows() * heads);
        let pattern = &patterns[start..];
        start += queries.rows() * queries.tokens();
        tasks.push((queries, pattern, own));
    }
    tasks.into_par_iter().for_each(|(queries, pattern, out)| {
        with_scratch(|scratch| dispatch(Mixed { queries, pattern: Some(pattern), out, scratch }));
    });
    out
}

/// The first `len` values, which are taken off.
fn take<'a>(rest: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (own, after) = std::mem::take(rest).split_at_mut(len);
    *rest = after;
    own
}

impl Attention<'_> {
    /// The width of a row of q, k and v.
    fn stride(&self) -> usize {
        (self.n_heads + 2 * self.n_kv_heads) * self.d_head
    }

    /// The probabilities of one head: Σ n².
    pub(crate) fn pattern_len(&self) -> usize {
        self.sequence_offsets.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0])).sum()
    }
}

impl<'a> Attention<'a> {
    /// The queries of all sequences, block by block.
    fn queries(self, qkv: &'a [f32]) -> impl Iterator<Item = Queries<'a>> {
        let stride = self.stride();
        self.sequence_offsets.windows(2).flat_map(move |offsets| {
            let (start, n) = (offsets[0], offsets[1] - offsets[0]);
            let qkv = &qkv[start * stride..(start + n) * stride];
            (0..n).step_by(BLOCK).map(move |from| Queries {
                qkv,
                rows: from..(from + BLOCK).min(n),
                start,
                attention: self,
            })
        })
    }
}

/// Some queries of one sequence.
struct Queries<'a> {
    /// The rows of the sequence.
    qkv: &'a [f32],
    rows: Range<usize>,
    /// The place of the sequence in the batch.
    start: usize,
    attention: Attention<'a>,
}

/// Mixes values: of all heads, `[rows, n_heads d_head]`.
struct Mixed<'a> {
    queries: Queries<'a>,
    /// The first row of the first head in a pattern; none: it is computed.
    pattern: Option<&'a [f32]>,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

/// Computes the pattern of one head, `[rows, tokens]`.
struct Pattern<'a> {
    queries: Queries<'a>,
    head: usize,
    out: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Mixed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { queries, pattern, out, scratch } = self;
        let Attention { n_heads, d_head, .. } = queries.attention;
        let (rows, n) = (queries.rows(), queries.tokens());
        let per_head = queries.attention.pattern_len();
        for head in 0..n_heads {
            let keys = match pattern {
                None => {
                    let keys = queries.pattern(simd, head, scratch);
                    let stride = Queries::width(keys.len());
                    scratch.product.tiles.pack::<S>(
                        scratch.inner.slice(),
                        rows,
                        stride,
                        keys.len(),
                    );
                    keys
                }
                Some(pattern) => {
                    let own = &pattern[head * per_head..][..rows * n];
                    let keys = queries.used(own);
                    scratch.product.tiles.pack::<S>(&own[keys.start..], rows, n, keys.len());
                    keys
                }
            };
            let Product { tiles, panels, .. } = &mut scratch.product;
            queries.mix(simd, head, keys, tiles, panels, &mut out[head * d_head..]);
        }
        queries.attention.rounding.round(out);
    }
}

impl WithSimd for Pattern<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let keys = self.queries.pattern(simd, self.head, self.scratch);
        let rows = self.scratch.inner.slice().chunks(Queries::width(keys.len()));
        for (out, row) in self.out.chunks_mut(self.queries.tokens()).zip(rows) {
            out[keys.clone()].copy_from_slice(&row[..keys.len()]);
        }
    }
}

impl Queries<'_> {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The tokens of the sequence.
    fn tokens(&self) -> usize {
        self.qkv.len() / self.attention.stride()
    }

    /// The keys that these queries see.
    fn keys(&self) -> Range<usize> {
        self.attention.span.keys(self.rows.start, self.rows.end, self.tokens())
    }

    /// The keys that a given pattern `[rows, tokens]` uses: those that these queries see, or all if a
    /// hook gave others a weight.
    fn used(&self, pattern: &[f32]) -> Range<usize> {
        let (keys, n) = (self.keys(), self.tokens());
        let zero = |values: &[f32]| values.iter().all(|&x| x == 0.0);
        let within =
            pattern.chunks(n).all(|row| zero(&row[..keys.start]) && zero(&row[keys.end..]));
        if within { keys } else { 0..n }
    }

    /// The width of a row of so many scores: whole vectors, so that loops have no remainder.
    fn width(keys: usize) -> usize {
        keys.next_multiple_of(functions::LANES)
    }

    /// The rows of the sequence from a column on, for some keys.
    fn part(&self, keys: &Range<usize>, column: usize) -> &[f32] {
        &self.qkv[keys.start * self.attention.stride() + column..]
    }

    /// The probabilities of one head, `[rows, width]` in `scratch.inner`; the result is the keys.
    #[inline(always)]
    fn pattern<S: Simd>(&self, simd: S, head: usize, scratch: &mut Scratch) -> Range<usize> {
        let Attention { n_heads, n_kv_heads, d_head, relative, span, scale, .. } = self.attention;
        let (rows, stride, keys) = (self.rows(), self.attention.stride(), self.keys());
        let (n, width) = (keys.len(), Self::width(keys.len()));
        let Scratch { product, inner, sums, distances: products } = scratch;
        let Product { tiles, panels, .. } = product;
        let scores = inner.sized(rows * width);
        tiles.pack::<S>(self.part(&self.rows, head * d_head), rows, stride, d_head);
        let k = self.part(&keys, (n_heads + head / (n_heads / n_kv_heads)) * d_head);
        let values = columns::<S>(panels, k, n, stride, d_head);
        // Whole vectors are written; the columns after the last key are 0.
        multiply(simd, tiles, Panels { values, columns: width, bias: &[] }, scores, width);
        for row in scores.chunks_mut(width) {
            for x in row.iter_mut() {
                *x *= scale;
            }
            if let Some(cap) = self.attention.soft_cap {
                soft_cap::<S>(row, cap);
            }
        }
        match relative {
            None => {}
            Some(Relative::Bias(distances, factors)) => {
                for (query, row) in self.rows.clone().zip(scores.chunks_mut(width)) {
                    let biases = &distances.row(head, query, self.tokens())[keys.clone()];
                    let Some(factors) = factors else {
                        row.iter_mut().zip(biases).for_each(|(x, bias)| *x += bias);
                        continue;
                    };
                    let factor = factors[(self.start + query) * n_heads + head];
                    row.iter_mut().zip(biases).for_each(|(x, bias)| *x += factor * bias);
                }
            }
            Some(Relative::Vectors(vectors, offsets)) => {
                let sums = sums.sized(rows * width);
                sums.fill(0.0);
                if let Some(vectors) = &vectors.keys {
                    let place = offsets.place(&self.rows, &keys);
                    let (from, stride) = vectors.multiply(simd, head, tiles, place, products);
                    let products = products.slice().chunks(stride);
                    for ((query, sums), own) in
                        self.rows.clone().zip(sums.chunks_mut(width)).zip(products)
                    {
                        for (sum, row) in sums.iter_mut().zip(offsets.of(query, &keys)) {
                            *sum += own[*row as usize - from];
                        }
                    }
                }
                if let Some(vectors) = &vectors.queries {
                    // Block by block: a product has the vectors of all distances within its block.
                    for start in keys.clone().step_by(BLOCK) {
                        let some = start..(start + BLOCK).min(keys.end);
                        let k =
                            self.part(&some, (n_heads + head / (n_heads / n_kv_heads)) * d_head);
                        tiles.pack::<S>(k, some.len(), self.attention.stride(), d_head);
                        let place = offsets.place(&self.rows, &some);
                        let (from, stride) = vectors.multiply(simd, head, tiles, place, products);
                        let products = products.slice();
                        for (query, sums) in self.rows.clone().zip(sums.chunks_mut(width)) {
                            let sums = &mut sums[some.start - keys.start..];
                            for ((sum, own), row) in sums
                                .iter_mut()
                                .zip(products.chunks(stride))
                                .zip(offsets.of(query, &some))
                            {
                                *sum += own[*row as usize - from];
                            }
                        }
                    }
                }
                for (x, sum) in scores.iter_mut().zip(sums) {
                    *x += scale * *sum;
                }
            }
        }
        let sink = self.attention.sinks.map(|sinks| sinks[head]);
        for (query, row) in self.rows.clone().zip(scores.chunks_mut(width)) {
            let own = span.keys(query, query + 1, self.tokens());
            softmax::<S>(row, own.start - keys.start..own.end - keys.start, sink);
            self.attention.rounding.round(row);
        }
        keys
    }

    /// The mixed values of one head, `[rows, d_head]` at distance `n_heads d_head` in `out`, from its
    /// probabilities in `tiles`, `[rows, keys]`.
    #[inline(always)]
    fn mix<S: Simd>(
        &self,
        simd: S,
        head: usize,
        keys: Range<usize>,
        tiles: &Tiles,
        panels: &mut Aligned,
        out: &mut [f32],
    ) {
        let Attention { n_heads, n_kv_heads, d_head, .. } = self.attention;
        let shared = n_heads + n_kv_heads + head / (n_heads / n_kv_heads);
        let v = self.part(&keys, shared * d_head);
        let values = rows::<S>(panels, v, keys.len(), self.attention.stride(), d_head);
        let right = Panels { values, columns: d_head, bias: &[] };
        multiply(simd, tiles, right, out, n_heads * d_head);
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
    for (index, values) in panels.chunks_exact_mut(depth * width).enumerate() {
        panel::<S>(&x[index * width * stride..], n - index * width, stride, values);
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
