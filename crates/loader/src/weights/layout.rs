//! The place of a weight in the tensor of a checkpoint.

use super::names::SourceTensor;
use crate::families::Transform;
use std::collections::HashMap;
use std::ops::Range;
use stratoscope_transformer::{Architecture, QueryKeyNorm};

/// The place of a weight in a tensor.
#[derive(Clone)]
pub(super) struct Layout {
    /// The shape of the tensor.
    pub(super) shape: Vec<usize>,
    /// Whether the tensor is transposed.
    pub(super) transposed: bool,
    /// The ranges of rows (after transposing) of the weight.
    pub(super) rows: Vec<Range<usize>>,
    /// The order of the columns; none if it is that of the tensor.
    columns: Option<Vec<usize>>,
    /// What is added to the values.
    pub(super) added: f32,
}

impl Layout {
    /// A tensor that is the weight.
    pub(super) fn whole(shape: &[usize]) -> Self {
        let rows = std::iter::once(0..shape.first().copied().unwrap_or(1)).collect();
        Self { shape: shape.to_vec(), transposed: false, rows, columns: None, added: 0.0 }
    }

    pub(super) fn of(
        found: &SourceTensor,
        canonical: &str,
        shapes: &HashMap<&str, &[usize]>,
        architecture: &Architecture,
    ) -> Self {
        let (module, kind) = canonical.rsplit_once('.').unwrap_or((canonical, ""));
        // The numbers of the block and the expert, for the names of other weights in the same tensor.
        let number = |place: usize| module.split('.').nth(place).unwrap_or_default();
        let (block, expert) = (number(1), number(4));
        let rows_of = |to: &str| {
            let name = format!("{}.{kind}", to.replace("{i}", block).replace("{e}", expert));
            shapes.get(name.as_str()).map_or(0, |shape| shape[0])
        };
        let own = shapes.get(canonical).copied().unwrap_or_default();
        let sizes: Vec<usize> = match found.rule.to {
            // The rule may be that of a tied weight.
            [_] => own.iter().take(1).copied().collect(),
            several => several.iter().map(|to| rows_of(to)).collect(),
        };
        let all: usize = sizes.iter().sum();
        let (index, transform) = (found.index, found.rule.transform);
        let before: usize = sizes[..index].iter().sum();
        // The rows of each group of heads, of all weights in the tensor.
        let groups = match transform {
            Transform::SplitHeads => architecture.n_kv_heads,
            Transform::SplitQuarters => 4,
            _ => 1,
        };
        let [first, size, of_all] = [before, sizes[index], all].map(|n| n / groups);
        let start = |group: usize| group * of_all + first;
        let mut rows: Vec<_> = match transform {
            Transform::TransposeAlternate => {
                let of_row = |row: usize| row * found.rule.to.len() + index;
                (0..size).map(of_row).map(one).collect()
            }
            _ => (0..groups).map(|g| start(g)..start(g) + size).collect(),
        };
        let mut columns = None;
        let turns = matches!(transform, Transform::Interleaved | Transform::SplitQuarters);
        if let (true, Some(order)) = (turns, head_order(architecture, block)) {
            if module.ends_with(".q") || module.ends_with(".k") {
                let all: Vec<usize> = rows.into_iter().flatten().collect();
                let heads = all.chunks(architecture.d_head);
                rows = heads.flat_map(|head| order.iter().map(|&i| head[i])).map(one).collect();
            } else if architecture.attention.query_key_norm == Some(QueryKeyNorm::EachHead) {
                columns = Some(order);
            }
        }
        if let (Transform::Latent, Some(latent)) = (transform, architecture.attention.latent) {
            let (d_head, turning) = (architecture.d_head, latent.d_shared);
            let pairs = |start: usize| {
                let places = start..start + turning;
                places.clone().step_by(2).chain(places.skip(1).step_by(2))
            };
            let all: Vec<usize> = rows.iter().cloned().flatten().collect();
            if module.ends_with(".q") && turning <= d_head {
                let before = d_head - turning;
                let order: Vec<usize> = pairs(before).chain(0..before).collect();
                let heads = all.chunks_exact(d_head);
                rows = heads.flat_map(|head| order.iter().map(|&i| head[i])).map(one).collect();
            } else if module.ends_with(".k_shared") && turning == all.len() {
                rows = pairs(0).map(|i| all[i]).map(one).collect();
            }
        }
        let mut shape = own.to_vec();
        if let Some(first) = shape.first_mut() {
            *first = all;
        }
        let turned = matches!(
            transform,
            Transform::Transpose | Transform::TransposeSplit | Transform::TransposeAlternate
        );
        let transposed = turned && shape.len() == 2;
        if transposed {
            shape.reverse();
        }
        let is_norm_weight = transform == Transform::PlusOne && kind == "weight";
        let added = if is_norm_weight { 1.0 } else { 0.0 };
        Self { shape, transposed, rows, columns, added }
    }

    /// Whether the rows of the weight are rows of the tensor.
    pub(super) fn is_in_rows(&self) -> bool {
        !self.transposed && self.columns.is_none() && self.added == 0.0
    }

    /// The values of the weight in row-major order.
    pub(super) fn arrange<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let rows = self.rows.iter().cloned().flatten();
        match (self.transposed, self.shape.as_slice()) {
            (true, &[inputs, all]) => {
                let row = |row: usize| (0..inputs).map(move |input| values[input * all + row]);
                rows.flat_map(row).collect()
            }
            (_, shape) => {
                let width: usize = shape.iter().skip(1).product();
                let rows = self.rows.iter();
                let rows = rows.map(|r| &values[r.start * width..r.end * width]);
                match &self.columns {
                    None => rows.flatten().copied().collect(),
                    Some(order) => {
                        let rows = rows.flat_map(|run| run.chunks(width));
                        rows.flat_map(|row| order.iter().map(|&i| row[i])).collect()
                    }
                }
            }
        }
    }
}

/// A range of one row.
fn one(row: usize) -> Range<usize> {
    row..row + 1
}

/// The places of the values of a head with interleaved pairs, in the order of the architecture; none
/// where nothing rotates, or the head is not whole.
fn head_order(architecture: &Architecture, block: &str) -> Option<Vec<usize>> {
    let layer = architecture.attention.layers.get(block.parse::<usize>().ok()?)?;
    let (width, d_head) = (layer.rotary.as_ref()?.width, architecture.d_head);
    let pairs = (0..width).step_by(2).chain((1..width).step_by(2));
    (width <= d_head).then(|| pairs.chain(width..d_head).collect())
}
