//! Rows from the patches of images: a linear layer, learned rows before them, and learned positions.

use crate::architecture::{GridPositions, OtherGrids, Patches};
use crate::batch::{Batch, Features};
use crate::error::Result;
use crate::ops::{self, Linear};
use crate::positions::grid;
use crate::resample::{self, Filter};
use crate::weights::Weights;
use candle_core::{DType, Tensor};

pub(super) struct PatchEmbedding {
    linear: Linear,
    /// The rows before those of the patches, `[prefix, d_model]`, with their positions.
    prefix: Option<Tensor>,
    /// The positions of the cells, `[cells, d_model]`.
    positions: Option<(GridPositions, Tensor)>,
}

impl PatchEmbedding {
    pub(super) fn new(patches: &Patches, weights: &mut Weights) -> Result<Self> {
        let kernels = weights.kernels();
        let linear = Linear::new(weights, &["embed.patch".to_owned()])?;
        let tables = (0..patches.prefix.len()).map(|i| format!("embed.prefix.{i}.weight"));
        let tables = tables.map(|name| weights.take(&name)).collect::<Result<Vec<_>>>()?;
        let mut prefix = match tables.is_empty() {
            true => None,
            false => Some(Tensor::cat(&tables, 0)?),
        };
        let mut positions = None;
        if let Some(data) = patches.positions {
            let table = weights.take("embed.position.weight")?;
            if let (Some(rows), 1..) = (&prefix, data.prefix) {
                let placed = ops::sum(
                    &rows.narrow(0, 0, data.prefix)?.contiguous()?,
                    &table.narrow(0, 0, data.prefix)?.contiguous()?,
                    kernels,
                )?;
                let rest = rows.dim(0)? - data.prefix;
                prefix = Some(match rest {
                    0 => placed,
                    _ => Tensor::cat(&[&placed, &rows.narrow(0, data.prefix, rest)?], 0)?,
                });
            }
            let cells = data.grid[0] * data.grid[1];
            positions = Some((data, table.narrow(0, data.prefix, cells)?.contiguous()?));
        }
        Ok(Self { linear, prefix, positions })
    }

    /// The rows of all sequences of a batch, `[tokens, d_model]`.
    pub(super) fn embed(&self, batch: &Batch, weights: &super::Placement) -> Result<Tensor> {
        let kernels = weights.rounding();
        let dtype = if kernels.is_some() { DType::F32 } else { weights.dtype };
        let mut parts = Vec::with_capacity(2 * batch.features.len());
        for features in &batch.features {
            let Features { values, width, .. } = features;
            let shape = (features.rows(), *width);
            let values = Tensor::from_slice(values, shape, &weights.device)?.to_dtype(dtype)?;
            let mut rows = self.linear.apply(&ops::rounded(values, kernels)?)?;
            if let (Some((data, table)), Some(grid)) = (&self.positions, features.grid) {
                let table = resized(table, *data, grid, kernels)?;
                rows = ops::sum(&rows, &table, kernels)?;
            }
            parts.extend(self.prefix.clone());
            parts.push(rows);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}

/// Positions `[cells, d_model]` of one grid for another.
fn resized(
    table: &Tensor,
    data: GridPositions,
    to: [usize; 2],
    kernels: Option<crate::kernels::Rounding>,
) -> Result<Tensor> {
    let (from, smooth) = match data.other_grids {
        OtherGrids::Bicubic { smooth } if data.grid != to => (data.grid, smooth),
        _ => return Ok(table.clone()),
    };
    let width = table.dim(1)?;
    let values = ops::values(&table.to_dtype(DType::F32)?)?;
    let values = match smooth {
        true => resample::resized(&values, width, from, to, Filter::Cubic),
        false => grid::bicubic(&values, width, from, to),
    };
    let resized = Tensor::from_vec(values, (to[0] * to[1], width), table.device())?;
    ops::rounded(resized.to_dtype(table.dtype())?, kernels)
}
