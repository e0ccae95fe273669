//! Hook points: where a forward pass can be observed and changed.

use crate::architecture::{Architecture, Layout};
use crate::error::{Error, Result};
use candle_core::Tensor;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

/// A place in the forward pass, with TransformerLens' name.
/// [`Architecture::hook_points`](crate::Architecture::hook_points) lists those of a model.
///
/// `AttnOut` and `MlpOut` are the values that are added to the residual stream: after a norm of the
/// output, where the layout has one. In a post-norm block, which norms the stream after each sum,
/// `ResidMid` and `ResidPost` are the stream after that norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HookPoint {
    /// `hook_embed`: the embedding output, the input of the first block, `[tokens, d_model]`.
    Embed,
    /// `blocks.{i}.hook_resid_pre`: the input of block `i`, `[tokens, d_model]`.
    ResidPre(usize),
    /// `blocks.{i}.attn.hook_v`: the values, `[tokens, n_kv_heads × d_value]`, where `d_value` is the width
    /// of one head of values, usually `d_head`.
    Value(usize),
    /// `blocks.{i}.attn.hook_pattern`: attention probabilities, `[n_heads, Σ n²]`: for each
    /// sequence of `n` tokens its `n × n` matrix (query rows, key columns), one after the other.
    Pattern(usize),
    /// `blocks.{i}.hook_attn_out`: the output of attention, before it is added, `[tokens, d_model]`.
    AttnOut(usize),
    /// `blocks.{i}.hook_resid_mid`: the residual stream between attention and MLP,
    /// `[tokens, d_model]`. Parallel blocks have none.
    ResidMid(usize),
    /// `blocks.{i}.mlp.hook_router`: the logits of the router of a mixture of experts,
    /// `[tokens, n_experts]`; [`Transformer::routing`](crate::Transformer::routing) gives the experts.
    /// Blocks with one MLP have none.
    Router(usize),
    /// `blocks.{i}.hook_mlp_out`: the output of the MLP, before it is added, `[tokens, d_model]`.
    MlpOut(usize),
    /// `blocks.{i}.hook_resid_post`: the output of block `i`, before any final norm,
    /// `[tokens, d_model]`.
    ResidPost(usize),
    /// `ln_final.hook_normalized`: the output of the final norm, `[tokens, d_model]`. Models without
    /// a final norm have none.
    FinalNorm,
    /// `logits`: the output of the head, `[tokens, d_vocab]`. Models without a head have none.
    Logits,
}

/// The point of block `i`.
type OfBlock = fn(usize) -> HookPoint;

/// The hook points of a block: the name after `blocks.{i}.`, and the variant.
const OF_BLOCKS: [(&str, OfBlock); 8] = [
    ("hook_resid_pre", HookPoint::ResidPre),
    ("attn.hook_v", HookPoint::Value),
    ("attn.hook_pattern", HookPoint::Pattern),
    ("hook_attn_out", HookPoint::AttnOut),
    ("hook_resid_mid", HookPoint::ResidMid),
    ("mlp.hook_router", HookPoint::Router),
    ("hook_mlp_out", HookPoint::MlpOut),
    ("hook_resid_post", HookPoint::ResidPost),
];

/// The hook points outside of blocks.
const ONCE: [(&str, HookPoint); 3] = [
    ("hook_embed", HookPoint::Embed),
    ("ln_final.hook_normalized", HookPoint::FinalNorm),
    ("logits", HookPoint::Logits),
];

impl HookPoint {
    /// All hook points of a transformer with `n_layers` blocks, in the order of the forward pass.
    pub fn all(n_layers: usize) -> Vec<Self> {
        let blocks = (0..n_layers).flat_map(|i| OF_BLOCKS.map(|(_, point)| point(i)));
        let [first, last @ ..] = ONCE.map(|(_, point)| point);
        std::iter::once(first).chain(blocks).chain(last).collect()
    }

    /// The block of the hook point, if it is in a block.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::ResidPre(i)
            | Self::Value(i)
            | Self::Pattern(i)
            | Self::AttnOut(i)
            | Self::ResidMid(i)
            | Self::Router(i)
            | Self::MlpOut(i)
            | Self::ResidPost(i) => Some(i),
            Self::Embed | Self::FinalNorm | Self::Logits => None,
        }
    }
}

impl Architecture {
    /// The hook points of this architecture, in the order of the forward pass.
    pub fn hook_points(&self) -> Vec<HookPoint> {
        let mut points = HookPoint::all(self.n_layers);
        points.retain(|&point| self.lacks(point).is_none());
        points
    }

    /// Requires a hook point of this architecture.
    ///
    /// # Errors
    /// [`Error::NoHookPoint`] with the reason why there is none.
    pub fn require(&self, point: HookPoint) -> Result<()> {
        self.lacks(point).map_or(Ok(()), |reason| Err(Error::NoHookPoint { point, reason }))
    }

    /// The reason why there is no such hook point; none if there is one.
    fn lacks(&self, point: HookPoint) -> Option<&'static str> {
        match point {
            HookPoint::ResidMid(_) if matches!(self.layout, Layout::Parallel { .. }) => {
                Some("attention and MLP of its blocks read the same stream")
            }
            HookPoint::FinalNorm if !self.final_norm => Some("it has no norm after the last block"),
            HookPoint::Logits if self.head.is_none() => Some("it has no language-model head"),
            _ => match point.layer() {
                Some(i) if i >= self.n_layers => Some("it has fewer blocks"),
                Some(i) if point == HookPoint::Router(i) && self.mixture_of(i).is_none() => {
                    Some("the block has no mixture of experts")
                }
                _ => None,
            },
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

/// Receives the values at hook points, and may replace them.
pub trait Hooks {
    /// The hook points to receive. Attention patterns are computed in packed form only for a hook.
    fn points(&self) -> Vec<HookPoint>;

    /// Receives the value at one of these points, and returns the value that the forward pass
    /// continues with, in the same shape.
    ///
    /// # Errors
    /// An error of the hook ends the forward pass.
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

/// Records the values at some hook points, and changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    points: Vec<HookPoint>,
    /// The recorded values.
    pub values: BTreeMap<HookPoint, Tensor>,
}

impl Recorder {
    /// A recorder at these points.
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

/// The hooks of one forward pass, with their points.
pub(crate) struct HookRunner<'a> {
    hooks: &'a mut dyn Hooks,
    points: HashSet<HookPoint>,
}

impl<'a> HookRunner<'a> {
    /// Refuses points that the architecture does not have.
    pub(crate) fn new(hooks: &'a mut dyn Hooks, architecture: &Architecture) -> Result<Self> {
        let points: HashSet<HookPoint> = hooks.points().into_iter().collect();
        for &point in &points {
            architecture.require(point)?;
        }
        Ok(Self { hooks, points })
    }

    /// Whether the hooks receive no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Whether the hooks receive the value at a point.
    pub(crate) fn wants(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }

    /// Passes a value through the hooks, if they receive it.
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

/// One function at one hook point: it receives the value, and returns the value that the forward pass
/// continues with.
///
/// ```
/// use stratoscope_transformer::{At, HookPoint};
///
/// // Block 3 without attention.
/// let ablation = At::new(HookPoint::AttnOut(3), |value| Ok(value.zeros_like()?));
/// # let _ = ablation;
/// ```
pub struct At<F> {
    point: HookPoint,
    run: F,
}

impl<F: FnMut(Tensor) -> Result<Tensor>> At<F> {
    /// A hook at a point.
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

    #[test]
    fn hook_points_are_those_of_the_layout() {
        let mut a = Architecture {
            n_layers: 2,
            layout: Layout::PostNorm,
            final_norm: false,
            head: None,
            ..Architecture::BASE
        };
        assert_eq!(a.hook_points().len(), 1 + 2 * 7);
        a.layout = Layout::Parallel { one_norm: true };
        a.final_norm = true;
        a.head = Some(crate::Head::TIED);
        assert_eq!(a.hook_points().len(), 1 + 2 * 6 + 2);
        assert!(!a.hook_points().contains(&HookPoint::ResidMid(0)));
    }
}
