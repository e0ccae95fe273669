//! Attention as data.

use super::{Architecture, MAX_LAYERS, Norm};
use crate::error::{Error, Result};
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
    /// Narrow layers between the state and queries, keys and values.
    pub latent: Option<Latent>,
}

/// Multi-head latent attention (DeepSeek-AI 2024): keys and values of all heads come from one narrow
/// vector, and so may queries. The first values of a key, which rotate, are those of one head that all
/// heads share. There are as many heads of keys as of queries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latent {
    /// The width of the vector of queries; none if queries come from the state.
    pub d_query: Option<usize>,
    /// The width of the vector of keys and values.
    pub d_key_value: usize,
    /// The number of values of a key that all heads share; all of them rotate.
    pub d_shared: usize,
    /// The width of one head of values: at most that of queries and keys.
    pub d_value: usize,
    /// The norm of the vectors.
    pub norm: Norm,
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

impl Latent {
    /// Checks that the sizes fit to those of the architecture.
    pub(super) fn check(&self, a: &Architecture) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        let Self { d_key_value, d_shared, d_value, .. } = *self;
        for (name, size) in [
            ("the width of the vector of queries", self.d_query.unwrap_or(1)),
            ("the width of the vector of keys and values", d_key_value),
            ("the width of a head of values", d_value),
        ] {
            if size == 0 || size > 1 << 24 {
                return fail(format!("{name} is {size}"));
            }
        }
        if d_value > a.d_head {
            return fail(format!("heads of values have the width {d_value}, keys {}", a.d_head));
        }
        if a.n_kv_heads != a.n_heads {
            let (queries, keys) = (a.n_heads, a.n_kv_heads);
            return fail(format!("{queries} heads of queries and {keys} of keys of one vector"));
        }
        let rotates = |layer: &AttentionLayer| {
            layer.rotary.as_ref().is_some_and(|rotary| rotary.width == d_shared)
        };
        if d_shared >= a.d_head || !a.attention.layers.iter().all(rotates) {
            return fail(format!("{d_shared} shared values of keys do not rotate"));
        }
        if a.attention.input_bias || a.attention.query_key_norm.is_some() {
            return fail("biases or norms of queries and keys of one vector".to_owned());
        }
        match a.attention.relative {
            Some(Relative::Disentangled(_)) => {
                fail("vectors for distances beside keys of one vector".to_owned())
            }
            _ => Ok(()),
        }
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
