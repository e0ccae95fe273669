//! What a transformer is made of, as data: sizes, and one enum for each thing that families do
//! differently. It knows no family's name.

mod weights;

pub use weights::WeightSpec;

use crate::{Error, HookPoint, RelativeBias, Result, Rotary};

/// Sizes and choices that determine a forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Rows of the token embedding.
    pub d_vocab: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// How many sets of weights the blocks have: `n_layers` where each has its own; fewer where
    /// neighbouring blocks share one (Lan et al. 2020).
    pub n_weight_sets: usize,
    /// Attention heads per block.
    pub n_heads: usize,
    /// Heads of keys and values per block: fewer than `n_heads` where several heads of queries
    /// share one (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Width of the MLP's inner layer.
    pub d_mlp: usize,
    /// The longest sequence that the model was made for, in tokens; none where any length is read.
    /// A table of positions sets its own limit.
    pub context: Option<usize>,
    /// What a token is before the first block.
    pub embedding: Embedding,
    /// The kind of all norms.
    pub norm: Norm,
    /// Where the norms of a block stand.
    pub layout: Layout,
    /// Whether the output of the last block is normed once more.
    pub final_norm: bool,
    /// How tokens look at each other.
    pub attention: Attention,
    /// The other half of a block.
    pub mlp: Mlp,
    /// From hidden states to tokens, where there is a way.
    pub head: Option<Head>,
}

/// What a token is before the first block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedding {
    /// A linear layer from narrower tables to `d_model` (Lan et al. 2020).
    pub projection: Option<Projection>,
    /// A learned vector a position, added to that of the token (Devlin et al. 2019).
    pub positions: Option<Positions>,
    /// Rows of the token type embedding; 0 where there is none.
    pub token_types: usize,
    /// What token vectors are multiplied by.
    pub scale: Option<f64>,
    /// Whether the sum is normed.
    pub norm: bool,
}

/// A linear layer between the embedding tables and the residual stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// Width of the token embedding.
    pub width: usize,
    /// What it is applied to.
    pub place: ProjectionPlace,
    /// Whether it has a bias.
    pub bias: bool,
}

/// What the projection of an embedding is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionPlace {
    /// The token's vector alone, before positions are added.
    Tokens,
    /// The sum of token, position and type, before the norm.
    Sum,
    /// The normed sum.
    Normed,
}

/// A table of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// Its rows.
    pub rows: usize,
    /// Which row a token takes.
    pub numbering: Numbering,
}

/// Which row of the position embedding a token takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Its place in the sequence, counted from this row.
    From(usize),
    /// `padding_id` + its rank among the tokens that are not padding, from 1; padding itself takes
    /// row `padding_id` (Liu et al. 2019).
    AfterPadding {
        /// The id of the padding token.
        padding_id: u32,
    },
}

/// A normalisation over the last dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Layer norm (Ba, Kiros & Hinton 2016).
    Layer {
        /// Added to the variance.
        eps: f64,
        /// Whether it has a bias beside its weight.
        bias: bool,
    },
    /// Root mean square norm (Zhang & Sennrich 2019): no mean, no bias.
    Rms {
        /// Added to the mean of the squares.
        eps: f64,
        /// Whether its weight is what is added to 1.
        unit_offset: bool,
    },
}

/// Where the norms of a block stand, around attention and around the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `x = norm(x + f(x))` (Vaswani et al. 2017).
    PostNorm,
    /// `x = x + f(norm(x))` (Radford et al. 2019).
    PreNorm {
        /// Whether the attention of the first block has its norm too.
        first: bool,
    },
    /// `x = x + norm(f(norm(x)))` (Riviere et al. 2024).
    Sandwich,
    /// `x = x + norm(f(x))` (Walsh et al. 2025).
    OutputNorm,
    /// `x = x + attention(norm(x)) + mlp(norm(x))` (Wang & Komatsuzaki 2021).
    Parallel {
        /// Whether attention and MLP have one norm in common.
        one_norm: bool,
    },
}

/// How tokens look at each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// What may differ from block to block: `n_layers` entries.
    pub layers: Vec<AttentionLayer>,
    /// Whether queries, keys and values have a bias.
    pub input_bias: bool,
    /// Whether the output has a bias.
    pub output_bias: bool,
    /// A norm of queries and keys, before rotation (Henry et al. 2020).
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Scaled scores `s` become `c tanh(s / c)` (Riviere et al. 2024).
    pub soft_cap: Option<f64>,
    /// What distance adds to the scores.
    pub relative: Option<Relative>,
}

/// The attention of one block.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionLayer {
    /// Which keys a query sees.
    pub span: Span,
    /// Scores are multiplied by it: `d_head^-1/2` for most.
    pub scale: f64,
    /// Positions as rotations of queries and keys (Su et al. 2021).
    pub rotary: Option<Rotary>,
}

/// Which keys a query sees: itself, and so many to either side; none means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Keys before the query.
    pub before: Option<usize>,
    /// Keys after the query.
    pub after: Option<usize>,
}

/// What a norm of queries and keys runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// Each head by itself, with one weight for all.
    Head,
    /// All heads together.
    Projection,
}

/// What the distance of two tokens adds to their score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relative {
    /// A number a head, learned by bucket of distance, shared by all blocks (Raffel et al. 2020).
    Bias(RelativeBias),
    /// Products with a vector a distance (He et al. 2021).
    Disentangled(Disentangled),
}

/// Disentangled attention: a table of vectors by distance, shared by all blocks, that queries and
/// keys are multiplied with (He et al. 2021).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disentangled {
    /// Distances that have a vector of their own to either side: half of the table's rows.
    pub span: usize,
    /// Far distances share vectors, so that this one is the last that differs; none where each has
    /// its own, up to `span`.
    pub log_buckets_up_to: Option<usize>,
    /// Whether queries are multiplied with the vectors.
    pub content_to_position: bool,
    /// Whether keys are.
    pub position_to_content: bool,
    /// Whether the vectors go through the blocks' own query and key weights.
    pub shared_weights: bool,
    /// Whether the table is normed.
    pub norm: bool,
}

/// The other half of a block: two linear layers with an activation between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlp {
    /// The activation.
    pub activation: Activation,
    /// Whether what is activated multiplies a third linear layer (Shazeer 2020).
    pub gated: bool,
    /// Whether its linear layers have a bias.
    pub bias: bool,
}

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x Φ(x)`, exact (Hendrycks & Gimpel 2016).
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// `x σ(1.702 x)`, the sigmoid approximation of GELU.
    GeluSigmoid,
    /// `max(x, 0)`.
    Relu,
    /// `x σ(x)`.
    Silu,
}

/// From the last hidden state to a logit for every token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// A linear layer, an activation and a norm before the rest (Devlin et al. 2019).
    pub transform: Option<HeadTransform>,
    /// Whether a linear layer leads back to the width of the embedding.
    pub projection: bool,
    /// Whether the token embedding is what the result is multiplied with.
    pub tied: bool,
    /// Whether each token has a bias.
    pub bias: bool,
    /// Logits `l` become `c tanh(l / c)` (Riviere et al. 2024).
    pub soft_cap: Option<f64>,
}

/// The part of a masked-language-model head before the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadTransform {
    /// Between the linear layer and the norm.
    pub activation: Activation,
    /// Whether the linear layer has a bias.
    pub bias: bool,
}

impl Span {
    /// Every token sees every token.
    pub const ALL: Self = Self { before: None, after: None };
    /// Every token sees itself and those before it.
    pub const CAUSAL: Self = Self { before: None, after: Some(0) };

    /// The keys that the queries `from..to` of a sequence of `n` see between them.
    pub fn keys(self, from: usize, to: usize, n: usize) -> std::ops::Range<usize> {
        let start = self.before.map_or(0, |before| from.saturating_sub(before));
        let end = self.after.map_or(n, |after| to.saturating_add(after).min(n));
        start..end
    }
}

impl Head {
    /// Nothing but the token embedding.
    pub const TIED: Self =
        Self { transform: None, projection: false, tied: true, bias: false, soft_cap: None };
}

impl Attention {
    /// The same in all of `n_layers` blocks: scores scaled by `d_head^-1/2`, biases everywhere, and
    /// nothing more.
    pub fn uniform(n_layers: usize, d_head: usize, span: Span) -> Self {
        let scale = 1.0 / (d_head as f64).sqrt();
        // A number of blocks that `check` will refuse must not fill the memory before.
        let layers = vec![AttentionLayer { span, scale, rotary: None }; n_layers.min(MAX_LAYERS)];
        Self { layers, ..Architecture::BASE.attention }
    }
}

/// More blocks than any model has. Memory for the names of weights grows with the number of blocks.
const MAX_LAYERS: usize = 1 << 12;

impl Architecture {
    /// Defaults to fill an architecture from: `Architecture { d_model, …, ..Architecture::BASE }`. A
    /// field that is added later needs its default here alone. All sizes are 0, which
    /// [`check`](Self::check) refuses.
    pub const BASE: Self = Self {
        d_vocab: 0,
        d_model: 0,
        n_layers: 0,
        n_weight_sets: 0,
        n_heads: 0,
        n_kv_heads: 0,
        d_head: 0,
        d_mlp: 0,
        context: None,
        embedding: Embedding {
            projection: None,
            positions: None,
            token_types: 0,
            scale: None,
            norm: false,
        },
        norm: Norm::Layer { eps: 1e-5, bias: true },
        layout: Layout::PreNorm { first: true },
        final_norm: false,
        attention: Attention {
            layers: Vec::new(),
            input_bias: true,
            output_bias: true,
            query_key_norm: None,
            soft_cap: None,
            relative: None,
        },
        mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
        head: None,
    };

    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// [`Error::Architecture`] names the numbers that do not.
    pub fn check(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        for (name, size) in [
            ("d_vocab", self.d_vocab),
            ("d_model", self.d_model),
            ("d_embed", self.d_embed()),
            ("n_layers", self.n_layers),
            ("n_weight_sets", self.n_weight_sets),
            ("n_heads", self.n_heads),
            ("n_kv_heads", self.n_kv_heads),
            ("d_head", self.d_head),
            ("d_mlp", self.d_mlp),
        ] {
            if size == 0 {
                return fail(format!("{name} is 0"));
            }
            // Larger than any model; keeps products of two sizes far from overflow.
            if size > 1 << 24 {
                return fail(format!("{name} is {size}"));
            }
        }
        if self.n_layers > MAX_LAYERS {
            return fail(format!("n_layers is {}", self.n_layers));
        }
        if self.n_weight_sets > self.n_layers {
            let (sets, blocks) = (self.n_weight_sets, self.n_layers);
            return fail(format!("{sets} sets of weights for {blocks} blocks"));
        }
        if !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let (queries, keys) = (self.n_heads, self.n_kv_heads);
            return fail(format!("{queries} heads of queries cannot share {keys} of keys"));
        }
        if self.max_tokens() == Some(0) {
            return fail("the positions leave no room for a token".to_owned());
        }
        if self.attention.layers.len() != self.n_layers {
            let (layers, blocks) = (self.attention.layers.len(), self.n_layers);
            return fail(format!("the attention of {layers} blocks for {blocks}"));
        }
        for layer in &self.attention.layers {
            if let Some(rotary) = &layer.rotary {
                rotary.check(self.d_head)?;
            }
        }
        match self.attention.relative {
            Some(Relative::Bias(bias)) => bias.check()?,
            Some(Relative::Disentangled(table)) => {
                if table.span == 0 || table.span > 1 << 16 {
                    return fail(format!("vectors for distances up to {}", table.span));
                }
                if let Some(last) = table.log_buckets_up_to
                    && (table.span < 2 || last <= table.span / 2 + 1)
                {
                    return fail(format!("{} vectors for distances up to {last}", table.span));
                }
            }
            None => {}
        }
        Ok(())
    }

    /// The longest sequence that the positions allow, in tokens; none where any length is read.
    pub fn max_tokens(&self) -> Option<usize> {
        match self.embedding.positions {
            Some(Positions { rows, numbering }) => Some(match numbering {
                Numbering::From(first) => rows.saturating_sub(first),
                Numbering::AfterPadding { padding_id } => {
                    rows.saturating_sub(padding_id as usize + 1)
                }
            }),
            None => self.context,
        }
    }

    /// The position of each token of one sequence: its row where there is a table, else its place.
    pub fn position_ids(&self, token_ids: &[u32]) -> Vec<u32> {
        let from = |first: usize| (first as u32..).take(token_ids.len()).collect();
        match self.embedding.positions.map(|p| p.numbering) {
            None => from(0),
            Some(Numbering::From(first)) => from(first),
            Some(Numbering::AfterPadding { padding_id }) => {
                let mut next = padding_id;
                token_ids
                    .iter()
                    .map(|&id| {
                        if id == padding_id {
                            padding_id
                        } else {
                            next += 1;
                            next
                        }
                    })
                    .collect()
            }
        }
    }

    /// The width of the token embedding.
    pub fn d_embed(&self) -> usize {
        self.embedding.projection.map_or(self.d_model, |p| p.width)
    }

    /// Whether no token sees those after it, so that the state of a token says what comes next.
    pub fn is_causal(&self) -> bool {
        self.attention.layers.iter().all(|layer| layer.span.after == Some(0))
    }

    /// Which set of weights block `i` has.
    pub fn weight_set(&self, i: usize) -> usize {
        // The division first, and in floating point, as the reference computes it.
        let blocks_per_set = self.n_layers as f64 / self.n_weight_sets as f64;
        ((i as f64 / blocks_per_set) as usize).min(self.n_weight_sets - 1)
    }

    /// The hook points of this architecture, in the order of the forward pass.
    pub fn hook_points(&self) -> Vec<HookPoint> {
        let mut points = HookPoint::all(self.n_layers);
        points.retain(|&point| self.lacks(point).is_none());
        points
    }

    /// That there is such a hook point here.
    ///
    /// # Errors
    /// [`Error::NoHookPoint`] says why there is none.
    pub fn require(&self, point: HookPoint) -> Result<()> {
        self.lacks(point).map_or(Ok(()), |reason| Err(Error::NoHookPoint { point, reason }))
    }

    /// Why there is no such hook point here, if there is none.
    fn lacks(&self, point: HookPoint) -> Option<&'static str> {
        match point {
            HookPoint::ResidMid(_) if matches!(self.layout, Layout::Parallel { .. }) => {
                Some("attention and MLP of its blocks read the same stream")
            }
            HookPoint::FinalNorm if !self.final_norm => Some("it has no norm after the last block"),
            HookPoint::Logits if self.head.is_none() => Some("it has no language-model head"),
            _ => match point.layer() {
                Some(i) if i >= self.n_layers => Some("it has fewer blocks"),
                _ => None,
            },
        }
    }

    /// Where the norms of the two halves of a block stand.
    pub(crate) fn norms(&self, weight_set: usize) -> [Norms; 2] {
        let [before, after, after_sum] = [
            Norms { before: true, ..Norms::default() },
            Norms { after: true, ..Norms::default() },
            Norms { after_sum: true, ..Norms::default() },
        ];
        match self.layout {
            Layout::PostNorm => [after_sum; 2],
            Layout::PreNorm { first: false } if weight_set == 0 => [Norms::default(), before],
            Layout::PreNorm { .. } | Layout::Parallel { one_norm: false } => [before; 2],
            Layout::Sandwich => [Norms { after: true, ..before }; 2],
            Layout::OutputNorm => [after; 2],
            Layout::Parallel { one_norm: true } => [before, Norms::default()],
        }
    }
}

/// Where the norms of one half of a block stand.
#[derive(Clone, Copy, Default)]
pub(crate) struct Norms {
    /// Of what it reads.
    pub(crate) before: bool,
    /// Of what it gives, before that is added to the stream.
    pub(crate) after: bool,
    /// Of the stream, after that.
    pub(crate) after_sum: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small encoder.
    pub(crate) fn encoder() -> Architecture {
        Architecture {
            d_vocab: 11,
            d_model: 6,
            n_layers: 2,
            n_weight_sets: 2,
            n_heads: 3,
            n_kv_heads: 3,
            d_head: 2,
            d_mlp: 10,
            embedding: Embedding {
                positions: Some(Positions { rows: 8, numbering: Numbering::From(0) }),
                token_types: 2,
                norm: true,
                ..Embedding::default()
            },
            norm: Norm::Layer { eps: 1e-12, bias: true },
            layout: Layout::PostNorm,
            attention: Attention::uniform(2, 2, Span::ALL),
            mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
            ..Architecture::BASE
        }
    }

    #[test]
    fn parameters_are_the_sum_of_the_weights() {
        let embedding = (11 + 8 + 2) * 6 + 12;
        let block = 4 * (36 + 6) + 12 + (60 + 10) + (60 + 6) + 12;
        assert_eq!(encoder().parameters(), embedding + 2 * block);
    }

    #[test]
    fn padding_takes_its_own_row() {
        let mut a = encoder();
        a.embedding.positions =
            Some(Positions { rows: 8, numbering: Numbering::AfterPadding { padding_id: 1 } });
        assert_eq!(a.position_ids(&[0, 5, 1, 7, 1, 2]), [2, 3, 1, 4, 1, 5]);
        assert_eq!(a.max_tokens(), Some(6));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let bias =
            |buckets, max_distance| Some(Relative::Bias(RelativeBias { buckets, max_distance }));
        for change in [
            &|a: &mut Architecture| a.n_heads = 0,
            &|a: &mut Architecture| a.d_vocab = usize::MAX,
            &|a: &mut Architecture| a.n_kv_heads = 2,
            &|a: &mut Architecture| a.n_layers = 3,
            &|a: &mut Architecture| a.attention.relative = bias(0, 0),
            &|a: &mut Architecture| a.attention.layers[1].rotary = Some(Rotary::new(1e4, 4)),
            &|a: &mut Architecture| {
                a.embedding.positions = Some(Positions { rows: 2, numbering: Numbering::From(2) })
            },
        ] as [&dyn Fn(&mut Architecture); 7]
        {
            let mut a = encoder();
            change(&mut a);
            assert!(a.check().is_err(), "{a:?}");
        }
    }

    #[test]
    fn hook_points_are_those_of_the_layout() {
        let mut a = encoder();
        assert_eq!(a.hook_points().len(), 1 + 2 * 7);
        a.layout = Layout::Parallel { one_norm: true };
        a.final_norm = true;
        a.head = Some(Head::TIED);
        assert_eq!(a.hook_points().len(), 1 + 2 * 6 + 2);
        assert!(!a.hook_points().contains(&HookPoint::ResidMid(0)));
    }
}
