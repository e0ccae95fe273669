//! Hook points: where an observer may look into a forward pass, and change it.

use crate::{Architecture, Error, Result};
use candle_core::Tensor;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

/// A place in the forward pass, named as TransformerLens names it. Which of them a model has,
/// [`Architecture::hook_points`](crate::Architecture::hook_points) tells.
///
/// What is added to the stream is seen just before it is added, after a norm of its own where the
/// layout has one. In a post-norm block the stream is normed after each sum, so that `ResidMid` and
/// `ResidPost` are the stream after that norm: what the next part reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HookPoint {
    /// `hook_embed`: the embedding output, which the first block reads, `[tokens, d_model]`.
    Embed,
    /// `blocks.{i}.hook_resid_pre`: what block `i` reads, `[tokens, d_model]`.
    ResidPre(usize),
    /// `blocks.{i}.attn.hook_v`: the values, `[tokens, n_kv_heads × d_head]`.
    Value(usize),
    /// `blocks.{i}.attn.hook_pattern`: attention probabilities, `[n_heads, Σ n²]`: for each
    /// sequence of `n` tokens its `n × n` matrix (query rows, key columns), one after the other.
    Pattern(usize),
    /// `blocks.{i}.hook_attn_out`: the attention's output, before it is added, `[tokens, d_model]`.
    AttnOut(usize),
    /// `blocks.{i}.hook_resid_mid`: the stream between attention and MLP, `[tokens, d_model]`.
    /// Parallel blocks have none.
    ResidMid(usize),
    /// `blocks.{i}.hook_mlp_out`: the MLP's output, before it is added, `[tokens, d_model]`.
    MlpOut(usize),
    /// `blocks.{i}.hook_resid_post`: the output of block `i`, before any final norm,
    /// `[tokens, d_model]`.
    ResidPost(usize),
    /// `ln_final.hook_normalized`: the last block's output after the final norm,
    /// `[tokens, d_model]`. Models without such a norm have none.
    FinalNorm,
    /// `logits`: what the head makes of the last state, `[tokens, d_vocab]`. Models without a head
    /// have none.
    Logits,
}

/// The point of block `i`.
type OfBlock = fn(usize) -> HookPoint;

/// The points of a block: after `blocks.{i}.`, and the variant.
const OF_BLOCKS: [(&str, OfBlock); 7] = [
    ("hook_resid_pre", HookPoint::ResidPre),
    ("attn.hook_v", HookPoint::Value),
    ("attn.hook_pattern", HookPoint::Pattern),
    ("hook_attn_out", HookPoint::AttnOut),
    ("hook_resid_mid", HookPoint::ResidMid),
    ("hook_mlp_out", HookPoint::MlpOut),
    ("hook_resid_post", HookPoint::ResidPost),
];

/// The points that there are once.
const ONCE: [(&str, HookPoint); 3] = [
    ("hook_embed", HookPoint::Embed),
    ("ln_final.hook_normalized", HookPoint::FinalNorm),
    ("logits", HookPoint::Logits),
];

impl HookPoint {
    /// Every hook point that a transformer with so many blocks may have, in the order of the
    /// forward pass.
    pub fn all(n_layers: usize) -> Vec<Self> {
        let blocks = (0..n_layers).flat_map(|i| OF_BLOCKS.map(|(_, point)| point(i)));
        let [first, last @ ..] = ONCE.map(|(_, point)| point);
        std::iter::once(first).chain(blocks).chain(last).collect()
    }

    /// The block that it belongs to, where it belongs to one.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::ResidPre(i)
            | Self::Value(i)
            | Self::Pattern(i)
            | Self::AttnOut(i)
            | Self::ResidMid(i)
            | Self::MlpOut(i)
            | Self::ResidPost(i) => Some(i),
            Self::Embed | Self::FinalNorm | Self::Logits => None,
        }
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(i) = self.layer() {
            let of_block = OF_BLOCKS.iter().find(|(_, point)| point(i) == *self);
            return write!(f, "blocks.{i}.{}", of_block.map_or("", |(name, _)| name));
        }
        let once = ONCE.iter().find(|(_, point)| point == self);
        write!(f, "{}", once.map_or("", |(name, _)| name))
    }
}

impl FromStr for HookPoint {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::UnknownHookPoint { name: name.to_owned() };
        if let Some((_, point)) = ONCE.iter().find(|(once, _)| *once == name) {
            return Ok(*point);
        }
        let (layer, part) = name
            .strip_prefix("blocks.")
            .and_then(|rest| rest.split_once('.'))
            .ok_or_else(unknown)?;
        let layer = layer.parse().map_err(|_| unknown())?;
        let of_block = OF_BLOCKS.iter().find(|(name, _)| *name == part).ok_or_else(unknown)?;
        Ok(of_block.1(layer))
    }
}

/// Sees the values at hook points, and may replace them.
pub trait Hooks {
    /// The points of interest. Values that only a hook needs (attention patterns in packed form)
    /// are made only where they are asked for.
    fn points(&self) -> Vec<HookPoint>;

    /// Is given the value at one of these points; the forward goes on with what it returns, which
    /// must have the same shape.
    ///
    /// # Errors
    /// Whatever goes wrong in the hook ends the forward pass.
    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor>;
}

/// No hooks: the plain forward pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn points(&self) -> Vec<HookPoint> {
        Vec::new()
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
    fn points(&self) -> Vec<HookPoint> {
        self.points.clone()
    }

    fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor> {
        self.values.insert(point, value.clone());
        Ok(value)
    }
}

/// The hooks of one forward pass, with the points that they asked for.
pub(crate) struct Watched<'a> {
    hooks: &'a mut dyn Hooks,
    points: HashSet<HookPoint>,
}

impl<'a> Watched<'a> {
    /// Refuses points that the architecture has not.
    pub(crate) fn new(hooks: &'a mut dyn Hooks, architecture: &Architecture) -> Result<Self> {
        let points: HashSet<HookPoint> = hooks.points().into_iter().collect();
        for &point in &points {
            architecture.require(point)?;
        }
        Ok(Self { hooks, points })
    }

    /// Whether a point was asked for.
    pub(crate) fn wants(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }

    /// Shows a value to the hooks, if they asked for it.
    pub(crate) fn at(&mut self, point: HookPoint, value: Tensor) -> Result<Tensor> {
        if !self.wants(point) {
            return Ok(value);
        }
        let expected = value.dims().to_vec();
        let value = self.hooks.at(point, value)?;
        if value.dims() != expected {
            return Err(Error::HookShape { point, expected, found: value.dims().to_vec() });
        }
        Ok(value)
    }
}

/// One function at one point: it is given the value, and the forward goes on with what it returns.
///
/// ```
/// use stratoscope_transformer::{At, HookPoint};
///
/// // Block 3 without its attention.
/// let ablation = At::new(HookPoint::AttnOut(3), |value| Ok(value.zeros_like()?));
/// # let _ = ablation;
/// ```
pub struct At<F> {
    point: HookPoint,
    run: F,
}

impl<F: FnMut(Tensor) -> Result<Tensor>> At<F> {
    /// A hook at this point.
    pub fn new(point: HookPoint, run: F) -> Self {
        Self { point, run }
    }
}

impl<F: FnMut(Tensor) -> Result<Tensor>> Hooks for At<F> {
    fn points(&self) -> Vec<HookPoint> {
        vec![self.point]
    }

    fn at(&mut self, _: HookPoint, value: Tensor) -> Result<Tensor> {
        (self.run)(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for point in HookPoint::all(12) {
            assert_eq!(point.to_string().parse::<HookPoint>().unwrap(), point);
        }
        for name in
            ["", "blocks.x.hook_mlp_out", "blocks.1", "blocks.1.hook", "Logits", "blocks.-1.hook_v"]
        {
            assert!(name.parse::<HookPoint>().is_err(), "{name}");
        }
    }
}
