//! Hook points: where an observer may look into a forward pass, and change it.

use crate::Result;
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::fmt;

/// A place in the forward pass, named as TransformerLens names it.
///
/// In a post-norm block (all that there are so far) the residual stream is normalised after each
/// sum, so `ResidMid` and `ResidPost` are the stream after that norm: what the next part reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HookPoint {
    /// `hook_embed`: the embedding output, normalised, `[tokens, d_model]`.
    Embed,
    /// `blocks.{i}.hook_resid_pre`: what block `i` reads, `[tokens, d_model]`.
    ResidPre(usize),
    /// `blocks.{i}.attn.hook_pattern`: attention probabilities, `[n_heads, Σ n²]`: for each
    /// sequence of `n` tokens its `n × n` matrix (query rows, key columns), one after the other.
    Pattern(usize),
    /// `blocks.{i}.hook_attn_out`: the attention's output, before it is added, `[tokens, d_model]`.
    AttnOut(usize),
    /// `blocks.{i}.hook_resid_mid`: the stream between attention and MLP, `[tokens, d_model]`.
    ResidMid(usize),
    /// `blocks.{i}.hook_mlp_out`: the MLP's output, before it is added, `[tokens, d_model]`.
    MlpOut(usize),
    /// `blocks.{i}.hook_resid_post`: the output of block `i`, `[tokens, d_model]`.
    ResidPost(usize),
}

impl HookPoint {
    /// Every hook point of a transformer with so many blocks, in the order of the forward pass.
    pub fn all(n_layers: usize) -> Vec<Self> {
        let block = |i| {
            [
                Self::ResidPre(i),
                Self::Pattern(i),
                Self::AttnOut(i),
                Self::ResidMid(i),
                Self::MlpOut(i),
                Self::ResidPost(i),
            ]
        };
        std::iter::once(Self::Embed).chain((0..n_layers).flat_map(block)).collect()
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embed => write!(f, "hook_embed"),
            Self::ResidPre(i) => write!(f, "blocks.{i}.hook_resid_pre"),
            Self::Pattern(i) => write!(f, "blocks.{i}.attn.hook_pattern"),
            Self::AttnOut(i) => write!(f, "blocks.{i}.hook_attn_out"),
            Self::ResidMid(i) => write!(f, "blocks.{i}.hook_resid_mid"),
            Self::MlpOut(i) => write!(f, "blocks.{i}.hook_mlp_out"),
            Self::ResidPost(i) => write!(f, "blocks.{i}.hook_resid_post"),
        }
    }
}

/// Sees the values at hook points, and may replace them.
pub trait Hooks {
    /// Whether this point is of interest. Values that only a hook needs (attention patterns in
    /// packed form) are made only then.
    fn wants(&self, point: HookPoint) -> bool;

    /// Is given the value at a point that it wants; the forward goes on with what it returns,
    /// which must have the same shape.
    ///
    /// # Errors
    /// Whatever goes wrong in the hook ends the forward pass.
    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor>;
}

/// No hooks: the plain forward pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn wants(&self, _: HookPoint) -> bool {
        false
    }

    fn at(&mut self, _: HookPoint, value: Tensor) -> Result<Tensor> {
        Ok(value)
    }
}

/// Keeps the values at some points, and changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    points: Vec<HookPoint>,
    /// What was seen, by point.
    pub values: BTreeMap<HookPoint, Tensor>,
}

impl Recorder {
    /// A recorder of these points.
    pub fn new(points: Vec<HookPoint>) -> Self {
        Self { points, values: BTreeMap::new() }
    }
}

impl Hooks for Recorder {
    fn wants(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }

    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor> {
        self.values.insert(point, value.clone());
        Ok(value)
    }
}
