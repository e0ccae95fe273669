//! One configurable transformer: from an [`Architecture`] and its weights to hidden states of every
//! layer.
//!
//! [`Transformer::forward`] reads a [`Batch`] of packed sequences and returns
//! [`HiddenStates`]: `n_layers + 1` tensors of shape `[tokens, d_model]`, entry 0 the embedding
//! output, entry `i` the output of block `i`. [`Hooks`] receive, and may replace, the values between
//! the parts of a block.
//!
//! This crate knows no files, no names of models and no network. Weights have the names of
//! [`Architecture::weights`]; the loader maps the names of a checkpoint to them.
//!
//! ```
//! # use stratoscope_transformer::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use candle_core::{Device, Tensor};
//!
//! // A small decoder.
//! let architecture = Architecture {
//!     d_vocab: 11, d_model: 6, n_layers: 2, n_weight_sets: 2,
//!     n_heads: 3, n_kv_heads: 3, d_head: 2, d_mlp: 10,
//!     embedding: Embedding {
//!         positions: Some(Positions { rows: 8, numbering: Numbering::From(0) }),
//!         ..Embedding::default()
//!     },
//!     norm: Norm::Layer { eps: 1e-5, bias: true },
//!     layout: Layout::PreNorm { first: true },
//!     final_norm: true,
//!     attention: Attention::uniform(2, 2, Span::CAUSAL),
//!     mlp: Mlp { activation: Activation::GeluTanh, gated: false, bias: true },
//!     head: Some(Head::TIED),
//!     ..Architecture::BASE
//! };
//! let weights = architecture.weights().into_iter()
//!     .map(|w| Ok((w.name, Tensor::randn(0f32, 1f32, w.shape, &Device::Cpu)?)))
//!     .collect::<Result<_, candle_core::Error>>()?;
//! let transformer = Transformer::new(architecture, weights, &Device::Cpu)?;
//! let batch = Batch::new(transformer.architecture(), &[Sequence::from_ids(vec![1, 5, 2])])?;
//! let states = transformer.forward(&batch, &mut NoHooks)?;
//! assert_eq!(states.len(), 3);
//! assert_eq!(states[2].dims(), [3, 6]);
//! # Ok(())
//! # }
//! ```

mod architecture;
mod batch;
mod error;
mod forward;
mod hooks;
mod kernels;
mod ops;
mod positions;
pub mod resample;
mod weights;

pub use architecture::{
    Activation, Architecture, Attention, AttentionLayer, Constant, Convolution, ConvolutionNorm,
    Embedding, FramePositions, FrameProjection, Frames, GridPositions, GroupScore, Groups, Head,
    HeadTransform, Latent, Layout, Mixture, Mlp, Norm, Numbering, OtherGrids, Patches, Positions,
    Projection, ProjectionPlace, QueryKeyNorm, Relative, ResidualScale, Routing, SharedExpert,
    Source, Span, WeightSpec, Weighting,
};
pub use batch::{Batch, Features, Sequence};
pub use error::{Error, Result};
pub use forward::{HiddenStates, Pass, Transformer};
pub use hooks::{At, HookPoint, Hooks, NoHooks, Recorder};
pub use positions::{Alibi, Axes, Disentangled, QueryGrowth, RelativeBias, Rotary, RotaryScaling};
pub use weights::{Blocks, Encoding, Placement, StoredWeight, WeightSource};

/// The vector instructions that the kernels use for a model in a number type on this machine: `amx`,
/// `avx512`, `avx2`, `neon` or `none`; for bf16 also `avx512bf16`. They decide the last digits of the states.
/// The environment variable `STRATOSCOPE_SIMD=amx|avx512|avx2|none` limits them.
pub fn vectors(dtype: candle_core::DType) -> &'static str {
    kernels::vectors(match dtype {
        candle_core::DType::BF16 => kernels::Rounding::Bf16,
        _ => kernels::Rounding::None,
    })
}
