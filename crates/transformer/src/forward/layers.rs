//! The layers of a transformer, built from its weights.

use super::frames::FrameEmbedding;
use super::latent::Projections;
use super::mixture::Mlp;
use super::patches::PatchEmbedding;
use crate::architecture::{Activation, Architecture, Norms, Relative, ResidualScale, Source};
use crate::error::Result;
use crate::kernels::{Rounding, Values};
use crate::ops::{self, BiasGate, Linear, NormLayer, PositionVectors};
use crate::weights::{Table, Weights};
use candle_core::{DType, Tensor};

pub(super) struct Embedding {
    pub(super) input: Input,
    pub(super) position: Option<Tensor>,
    pub(super) token_type: Option<Tensor>,
    /// What is added to every token, `[1, width]`.
    pub(super) constant: Option<Tensor>,
    pub(super) norm: Option<NormLayer>,
    pub(super) project: Option<Linear>,
}

/// What turns the input into rows.
pub(super) enum Input {
    /// The table of the tokens.
    Tokens(Table),
    Patches(PatchEmbedding),
    Frames(Box<FrameEmbedding>),
}

pub(super) struct Block {
    pub(super) attention: Half,
    /// The layers of queries, keys and values.
    pub(super) qkv: Projections,
    pub(super) query_norm: Option<NormLayer>,
    pub(super) key_norm: Option<NormLayer>,
    pub(super) positions: Option<PositionVectors>,
    /// The relative bias of this block alone, `[buckets, n_heads]`.
    pub(super) relative_bias: Option<Tensor>,
    /// The gates of the relative bias.
    pub(super) gate: Option<BiasGate>,
    /// The sink of each head, `[n_heads]`: as a tensor and as values.
    pub(super) sinks: Option<(Tensor, Vec<f32>)>,
    pub(super) o: Linear,
    /// The norms around the MLP.
    pub(super) mlp: Half,
    pub(super) layers: Mlp,
}

/// The norms of one half of a block: of attention, or of the MLP.
pub(super) struct Half {
    pub(super) before: Option<NormLayer>,
    pub(super) after: Option<NormLayer>,
    pub(super) after_sum: Option<NormLayer>,
    /// The factor of the output.
    scale: Option<Scale>,
    kernels: Option<Rounding>,
}

/// The factor of what a half adds to the residual stream.
enum Scale {
    Number(f64),
    /// `[d_model]`.
    Values(Tensor),
}

pub(super) struct Head {
    pub(super) transform: Option<(Linear, Activation, NormLayer)>,
    pub(super) project: Option<Linear>,
    /// `[d_vocab, d_embed]`.
    pub(super) unembed: Table,
    pub(super) bias: Option<Tensor>,
}

impl Embedding {
    pub(super) fn new(a: &Architecture, weights: &mut Weights) -> Result<Self> {
        Ok(Self {
            input: match &a.embedding.source {
                Source::Tokens => Input::Tokens(weights.table("embed.token")?),
                Source::Patches(patches) => Input::Patches(PatchEmbedding::new(patches, weights)?),
                Source::Frames(frames) => {
                    Input::Frames(Box::new(FrameEmbedding::new(a, frames, weights)?))
                }
            },
            position: match a.embedding.positions {
                Some(_) => Some(weights.take("embed.position.weight")?),
                None => None,
            },
            token_type: weights.take_if_expected("embed.token_type.weight")?,
            constant: constant(a, weights)?,
            norm: match a.embedding.norm {
                true => Some(NormLayer::new(weights, a.norm, "embed.norm")?),
                false => None,
            },
            project: match a.embedding.projection {
                Some(_) => Some(Linear::new(weights, &["embed.project".to_owned()])?),
                None => None,
            },
        })
    }
}

/// The sum of the first rows of the tables that are the same for every token.
fn constant(a: &Architecture, weights: &Weights) -> Result<Option<Tensor>> {
    let mut sum: Option<Tensor> = None;
    for (i, table) in a.embedding.constants.iter().enumerate() {
        let rows = weights.take(&format!("embed.constant.{i}.weight"))?;
        let row = (rows.narrow(0, 0, 1)? * table.times)?;
        sum = Some(match sum {
            Some(sum) => (sum + row)?,
            None => row,
        });
    }
    sum.map(|sum| ops::rounded(sum.contiguous()?, weights.kernels())).transpose()
}

impl Block {
    pub(super) fn new(
        a: &Architecture,
        weights: &mut Weights,
        i: usize,
        distances: Option<&Tensor>,
    ) -> Result<Self> {
        let name = |part: &str| format!("blocks.{i}.{part}");
        let norm = |weights: &mut Weights, there: bool, part: &str| match there {
            true => NormLayer::new(weights, a.norm, &name(part)).map(Some),
            false => Ok(None),
        };
        let half = |weights: &mut Weights, part: &str, norms: Norms| -> Result<Half> {
            Ok(Half {
                before: norm(weights, norms.before, &format!("{part}.norm"))?,
                after: norm(weights, norms.after, &format!("{part}.norm_out"))?,
                after_sum: norm(weights, norms.after_sum, &format!("{part}.norm"))?,
                scale: match a.residual_scale {
                    None => None,
                    Some(ResidualScale::Factor(factor)) => Some(Scale::Number(factor)),
                    Some(ResidualScale::Learned) => {
                        Some(Scale::Values(weights.take(&name(&format!("{part}.scale.weight")))?))
                    }
                },
                kernels: weights.kernels(),
            })
        };
        let norms = a.norms(i);
        let (attention, mlp) = (half(weights, "attn", norms[0])?, half(weights, "mlp", norms[1])?);
        let there = a.attention.query_key_norm.is_some();
        let query_norm = norm(weights, there, "attn.q_norm")?;
        let key_norm = norm(weights, there, "attn.k_norm")?;
        let linear = |weights: &mut Weights, parts: &[&str]| {
            let names: Vec<_> = parts.iter().map(|part| name(part)).collect();
            Linear::new(weights, &names)
        };
        let qkv = Projections::new(a, weights, i)?;
        let positions = match (a.attention.relative, distances) {
            (Some(Relative::Disentangled(table)), Some(vectors)) => {
                // `[rows, n_heads d_head]`, from head `first` on.
                let mut through =
                    |there: bool, own: &str, first: usize| -> Result<Option<Tensor>> {
                        let width = a.n_heads * a.d_head;
                        Ok(match (there, table.shared_weights) {
                            (false, _) => None,
                            (true, true) => {
                                Some(qkv.apply(a, vectors)?.narrow(1, first * a.d_head, width)?)
                            }
                            (true, false) => Some(linear(weights, &[own])?.apply(vectors)?),
                        })
                    };
                let keys = through(table.content_to_position, "attn.position_k", a.n_heads)?;
                let queries = through(table.position_to_content, "attn.position_q", 0)?;
                Some(PositionVectors::new(a, keys, queries, weights.kernels().is_some())?)
            }
            _ => None,
        };
        let relative_bias = weights.take_if_expected(&name("attn.relative.weight"))?;
        let gate = match a.attention.relative {
            Some(Relative::Bias(bias)) if bias.gated => {
                Some(BiasGate::new(weights, &name("attn"))?)
            }
            _ => None,
        };
        let o = linear(weights, &["attn.o"])?;
        let sinks = match weights.take_if_expected(&name("attn.sinks.weight"))? {
            Some(sinks) => Some((sinks.clone(), ops::values(&sinks.to_dtype(DType::F32)?)?)),
            None => None,
        };
        let layers = Mlp::new(a, weights, i)?;
        Ok(Self {
            attention,
            qkv,
            query_norm,
            key_norm,
            positions,
            relative_bias,
            gate,
            sinks,
            o,
            mlp,
            layers,
        })
    }

    /// The memory of the matrices, for another block.
    pub(super) fn into_values(self) -> Vec<Values> {
        let mut values = self.qkv.into_values();
        values.extend(self.o.into_values());
        values.extend(self.layers.into_values());
        values
    }
}

impl Half {
    /// The input of this half, from the residual stream.
    pub(super) fn read(&self, x: &Tensor) -> Result<Tensor> {
        self.before.as_ref().map_or_else(|| Ok(x.clone()), |norm| norm.apply(x))
    }

    /// The output of this half, for the residual stream.
    pub(super) fn given(&self, out: Tensor) -> Result<Tensor> {
        let out = match &self.after {
            Some(norm) => norm.apply(&out)?,
            None => out,
        };
        match &self.scale {
            Some(Scale::Number(factor)) => ops::rounded((out * *factor)?, self.kernels),
            Some(Scale::Values(factors)) => ops::rounded(out.broadcast_mul(factors)?, self.kernels),
            None => Ok(out),
        }
    }

    /// The residual stream with the output added.
    pub(super) fn add(&self, x: &Tensor, out: &Tensor) -> Result<Tensor> {
        match &self.after_sum {
            Some(norm) => norm.apply_to_sum(x, out),
            None => ops::sum(x, out, self.kernels),
        }
    }
}

impl Head {
    pub(super) fn new(
        a: &Architecture,
        head: crate::Head,
        weights: &mut Weights,
        input: &Input,
    ) -> Result<Self> {
        Ok(Self {
            transform: match head.transform {
                None => None,
                Some(transform) => Some((
                    Linear::new(weights, &["head.transform".to_owned()])?,
                    transform.activation,
                    NormLayer::new(weights, a.norm, "head.norm")?,
                )),
            },
            project: match head.projection {
                true => Some(Linear::new(weights, &["head.project".to_owned()])?),
                false => None,
            },
            unembed: match input {
                Input::Tokens(token) if head.tied => token.clone(),
                _ => weights.table("head.unembed")?,
            },
            bias: weights.take_if_expected("head.unembed.bias")?,
        })
    }
}
