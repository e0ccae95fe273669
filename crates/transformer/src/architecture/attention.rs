//! Attention as data.

use super::{Architecture, MAX_LAYERS};
use crate::positions::{Alibi, Disentangled, QueryGrowth, RelativeBias, Rotary};

/// Self-attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// The attention of each block, `[n_layers]`.
    pub layers: Vec<AttentionLayer>,
    /// Whether queries, keys and values have a bias.
    pub input_bias: bool,
    /// Whether the output has a bias.
    pub output_bias: bool,
    /// The norm of queries and keys (Henry et al. 2020).
    pub query_key_norm: Option<QueryKeyNorm>,
    /// `c`: scaled scores `s` become `c tanh(s / c)` (Riviere et al. 2024).
    pub soft_cap: Option<f64>,
    /// What the distance of two tokens adds to their score.
    pub relative: Option<Relative>,
    /// The growth of the queries of a long text.
    pub query_growth: Option<QueryGrowth>,
    /// Whether each head has a sink: a learned score that takes part in the softmax like that of a key,
    /// and mixes no value (OpenAI 2025). The probabilities of a query then sum to less than 1.
    pub sinks: bool,
}

/// The attention of one block.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionLayer {
    /// Which keys a query sees.
    pub span: Span,
    /// The factor of the scores, usually `d_head^-1/2`.
    pub scale: f64,
    /// Positions as rotations of queries and keys (Su et al. 2021).
    pub rotary: Option<Rotary>,
}

/// Which keys a query sees: its own, and a number of keys to either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The number of keys before the query; none: all.
    pub before: Option<usize>,
    /// The number of keys after the query; none: all.
    pub after: Option<usize>,
}

/// The values that a norm of queries and keys runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// Those of each head, with one weight for all heads, before rotation.
    Head,
    /// Those of each head, with one weight for all heads, after rotation.
    RotatedHead,
    /// Those of each head, with a weight for each head, before rotation.
    EachHead,
    /// Those of all heads together, before rotation.
    Projection,
}

/// What the distance of two tokens adds to their score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relative {
    /// A learned number per head and bucket of distances (Raffel et al. 2020).
    Bias(RelativeBias),
    /// Products with a vector per distance (He et al. 2021).
    Disentangled(Disentangled),
    /// A number that falls with the distance, faster in some heads than in others (Press et al. 2022).
    Alibi(Alibi),
}

impl Span {
    /// Every query sees every key.
    pub const ALL: Self = Self { before: None, after: None };
    /// Every query sees its own key and the keys before it.
    pub const CAUSAL: Self = Self { before: None, after: Some(0) };

    /// The keys that any of the queries `from..to` of a sequence of `n` sees.
    pub fn keys(self, from: usize, to: usize, n: usize) -> std::ops::Range<usize> {
        let start = self.before.map_or(0, |before| from.saturating_sub(before));
        let end = self.after.map_or(n, |after| to.saturating_add(after).min(n));
        start..end
    }
}

impl Attention {
    /// Equal attention in all `n_layers` blocks: scores scaled by `d_head^-1/2`, biases, no
    /// rotation.
    pub fn uniform(n_layers: usize, d_head: usize, span: Span) -> Self {
        let scale = 1.0 / (d_head as f64).sqrt();
        // Do not fill the memory for a number of blocks that `check` refuses.
        let layers = vec![AttentionLayer { span, scale, rotary: None }; n_layers.min(MAX_LAYERS)];
        Self { layers, ..Architecture::BASE.attention }
    }
}
