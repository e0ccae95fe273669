//! What the distance of two tokens adds to their score: numbers, or products with vectors.

use super::aligned::Aligned;
use super::product::{Panels, Tiles, multiply, native_panel_width, panel_width};
use crate::positions::{Alibi, Disentangled, RelativeBias};
use pulp::Simd;
use std::ops::Range;

/// The bias of each distance, up to a sequence length.
pub(crate) struct Distances {
    /// `[n_heads, width]`: at `i` the bias of a key `i - middle` tokens after the query.
    values: Vec<f32>,
    width: usize,
    /// None: at `i` the bias of key `i`, for any query.
    middle: Option<usize>,
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
        Self { values, width: rows.len(), middle: Some(longest - 1) }
    }

    /// From the slopes of the heads, for sequences of up to `longest` tokens.
    pub(crate) fn alibi(alibi: Alibi, n_heads: usize, d_head: usize, longest: usize) -> Self {
        let middle = (!alibi.bf16).then_some(longest - 1);
        let width = longest + middle.unwrap_or(0);
        let of_head = |slope: f32| {
            let bias = move |key| alibi.bias(slope, middle.unwrap_or(0), key, d_head);
            (0..width).map(bias)
        };
        let values = Alibi::slopes(n_heads).into_iter().flat_map(of_head).collect();
        Self { values, width, middle }
    }

    /// The bias of all `keys` for one query.
    pub(super) fn row(&self, head: usize, query: usize, keys: usize) -> &[f32] {
        let start = head * self.width + self.middle.map_or(0, |middle| middle - query);
        &self.values[start..start + keys]
    }
}

/// The vectors of distances in one block of the model.
pub(crate) struct DistanceVectors {
    /// The vectors that queries are multiplied with.
    pub(crate) keys: Option<HeadVectors>,
    /// The vectors that keys are multiplied with.
    pub(crate) queries: Option<HeadVectors>,
}

/// A table of vectors for each head, as right factors.
pub(crate) struct HeadVectors {
    /// `[n_heads, panels, d_head, panel width]`.
    panels: Aligned,
    /// The number of vectors of a head.
    rows: usize,
    d_head: usize,
}

impl HeadVectors {
    /// From the vectors of all heads side by side, `[rows, n_heads d_head]`.
    pub(crate) fn new(vectors: &[f32], n_heads: usize, d_head: usize) -> Self {
        let (stride, width) = (n_heads * d_head, native_panel_width());
        let rows = vectors.len() / stride;
        let size = rows.next_multiple_of(width) * d_head;
        let mut panels = Aligned::default();
        let values = panels.sized(n_heads * size);
        for (row, vectors) in vectors.chunks(stride).enumerate() {
            for (head, vector) in vectors.chunks(d_head).enumerate() {
                let start = head * size + row / width * width * d_head + row % width;
                for (place, &value) in values[start..].iter_mut().step_by(width).zip(vector) {
                    *place = value;
                }
            }
        }
        Self { panels, rows, d_head }
    }

    /// The products of the rows in `tiles` with some vectors of a head, `[rows, stride]` in `out`. The
    /// result is the vector of the first column, and the stride.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(
        &self,
        simd: S,
        head: usize,
        tiles: &Tiles,
        vectors: Range<usize>,
        out: &mut Aligned,
    ) -> (usize, usize) {
        let width = panel_width::<S>();
        let size = self.rows.next_multiple_of(width) * self.d_head;
        let panels = vectors.start / width..vectors.end.div_ceil(width);
        let start = head * size + panels.start * width * self.d_head;
        let values = &self.panels.slice()[start..][..panels.len() * width * self.d_head];
        let columns = panels.len() * width;
        let out = out.sized(tiles.rows() * columns);
        multiply(simd, tiles, Panels { values, columns, bias: &[] }, out, columns);
        (panels.start * width, columns)
    }
}

/// The vector of each distance, up to a sequence length.
pub(crate) struct OffsetRows {
    /// `[2 longest - 1]`: at `i` the vector for a key `i - (longest - 1)` tokens after the query.
    rows: Vec<u32>,
    longest: usize,
}

impl OffsetRows {
    /// For sequences of up to `longest` tokens.
    pub(crate) fn new(table: Disentangled, longest: usize) -> Self {
        let reach = longest as i64 - 1;
        Self { rows: (-reach..=reach).map(|offset| table.row(-offset) as u32).collect(), longest }
    }

    /// The vectors of some keys for one query.
    pub(super) fn of(&self, query: usize, keys: &Range<usize>) -> &[u32] {
        let start = self.longest - 1 - query;
        &self.rows[start + keys.start..start + keys.end]
    }

    /// The range of the vectors of some queries and keys; neither is empty.
    pub(super) fn place(&self, queries: &Range<usize>, keys: &Range<usize>) -> Range<usize> {
        // Rows ascend with the distance of the query from the key.
        let lowest = self.of(queries.start, keys)[keys.len() - 1];
        let highest = self.of(queries.end - 1, keys)[0];
        lowest as usize..highest as usize + 1
    }
}
