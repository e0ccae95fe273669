//! Rows from the frames of sounds: convolutions, a linear layer, and positions.

use crate::architecture::{Architecture, FramePositions, Frames};
use crate::batch::{Batch, Features};
use crate::error::Result;
use crate::ops::{self, Convolutions, Linear, NormLayer, PositionalConvolution};
use crate::weights::{Placement, Weights};
use candle_core::{DType, Tensor};

pub(super) struct FrameEmbedding {
    convolutions: Convolutions,
    norm: Option<NormLayer>,
    project: Option<Linear>,
    positions: Positions,
}

/// What is added for the position of a frame.
enum Positions {
    /// `[rows, d_model]`.
    Table(Tensor),
    Convolution(PositionalConvolution),
}

impl FrameEmbedding {
    pub(super) fn new(a: &Architecture, frames: &Frames, weights: &mut Weights) -> Result<Self> {
        let norm = frames.projection.is_some_and(|projection| projection.norm);
        Ok(Self {
            convolutions: Convolutions::new(frames, weights)?,
            norm: match norm {
                true => Some(NormLayer::new(weights, a.norm, "embed.frame_norm")?),
                false => None,
            },
            project: match frames.projection {
                Some(_) => Some(Linear::new(weights, &["embed.project".to_owned()])?),
                None => None,
            },
            positions: match frames.positions {
                FramePositions::Table { .. } => {
                    Positions::Table(weights.take("embed.position.weight")?)
                }
                FramePositions::Convolution { kernel, groups } => Positions::Convolution(
                    PositionalConvolution::new(weights, kernel, groups, frames.activation)?,
                ),
            },
        })
    }

    /// The rows of all sequences of a batch, `[tokens, d_model]`. Each sequence is computed alone.
    pub(super) fn embed(&self, batch: &Batch, place: &Placement) -> Result<Tensor> {
        let kernels = place.rounding();
        let dtype = if kernels.is_some() { DType::F32 } else { place.dtype };
        let mut parts = Vec::with_capacity(batch.features.len());
        for features in &batch.features {
            let Features { values, width, .. } = features;
            let shape = (features.rows(), *width);
            let values = Tensor::from_slice(values, shape, &place.device)?.to_dtype(dtype)?;
            let mut x = self.convolutions.apply(&ops::rounded(values, kernels)?)?;
            if let Some(norm) = &self.norm {
                x = norm.apply(&x)?;
            }
            if let Some(project) = &self.project {
                x = project.apply(&x)?;
            }
            let positions = match &self.positions {
                Positions::Table(table) => table.narrow(0, 0, x.dim(0)?)?.contiguous()?,
                Positions::Convolution(convolution) => convolution.apply(&x)?,
            };
            parts.push(ops::sum(&x, &positions, kernels)?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}
