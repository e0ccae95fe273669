//! A transformer as data: sizes, and one enum for each choice in which families differ. No family's
//! name occurs here.

mod attention;
mod embedding;
mod frames;
mod input;
mod mixture;
mod weights;

pub use attention::{Attention, AttentionLayer, Latent, QueryKeyNorm, Relative, Span};
pub use embedding::{Constant, Embedding, Numbering, Positions, Projection, ProjectionPlace};
pub use frames::{Convolution, ConvolutionNorm, FramePositions, FrameProjection, Frames};
pub use input::{GridPositions, OtherGrids, Patches, Source};
pub use mixture::{GroupScore, Groups, Mixture, Routing, SharedExpert, Weighting};
pub use weights::WeightSpec;

use crate::error::{Error, Result};
use crate::positions::{Axes, RotaryScaling};

/// Sizes and choices that determine a forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Rows of the token embedding; 0 if the model reads no tokens.
    pub d_vocab: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// The number of sets of block weights: `n_layers` if each block has a set of its own, fewer if
    /// neighbouring blocks share one (Lan et al. 2020).
    pub n_weight_sets: usize,
    /// Attention heads per block.
    pub n_heads: usize,
    /// Key-value heads per block: fewer than `n_heads` if several query heads share one (Ainslie et
    /// al. 2023).
    pub n_kv_heads: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Width of the MLP's inner layer.
    pub d_mlp: usize,
    /// The context length in tokens; none if it is unlimited. A position embedding has its own
    /// limit.
    pub context: Option<usize>,
    /// The longest sequence that can be computed, in tokens, if the model computes longer ones in
    /// another way.
    pub longest: Option<usize>,
    /// The input of the first block.
    pub embedding: Embedding,
    /// The kind of all norms of the model.
    pub norm: Norm,
    /// Where the norms of a block are.
    pub layout: Layout,
    /// Whether there is a norm after the last block.
    pub final_norm: bool,
    /// The factor of what attention and MLP add to the residual stream.
    pub residual_scale: Option<ResidualScale>,
    /// Self-attention.
    pub attention: Attention,
    /// The MLP of a block, or each expert of a mixture.
    pub mlp: Mlp,
    /// The experts of the blocks that have a mixture in the place of the MLP.
    pub mixture: Option<Mixture>,
    /// The language-model head, where there is one.
    pub head: Option<Head>,
}

/// A normalisation over the last dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Layer norm (Ba, Kiros & Hinton 2016).
    Layer {
        /// Added to the variance.
        eps: f64,
        /// Whether it has a bias.
        bias: bool,
    },
    /// Root mean square norm (Zhang & Sennrich 2019): no mean, no bias.
    Rms {
        /// Added to the mean of the squares.
        eps: f64,
        /// Whether it multiplies by 1 + weight instead of the weight.
        unit_offset: bool,
    },
}

/// Where the norms of a block are, around attention and around the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `x = norm(x + f(x))` (Vaswani et al. 2017).
    PostNorm,
    /// `x = x + f(norm(x))` (Radford et al. 2019).
    PreNorm {
        /// Whether the attention of the first block has a norm.
        first: bool,
    },
    /// `x = x + norm(f(norm(x)))` (Riviere et al. 2024).
    Sandwich,
    /// `x = x + norm(f(x))` (Walsh et al. 2025).
    OutputNorm,
    /// `x = x + attention(norm(x)) + mlp(norm(x))` (Wang & Komatsuzaki 2021).
    Parallel {
        /// Whether attention and MLP share one norm.
        one_norm: bool,
    },
}

/// The factor of what attention and MLP add to the residual stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResidualScale {
    /// One number.
    Factor(f64),
    /// A learned number for each value of the stream, in each block (Touvron et al. 2021).
    Learned,
}

/// The MLP of a block: two linear layers with an activation between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlp {
    /// The activation.
    pub activation: Activation,
    /// Whether the activated values multiply the output of a third linear layer (Shazeer 2020).
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
    /// `max(x, 0)²` (So et al. 2021).
    ReluSquared,
    /// `x σ(x)`.
    Silu,
}

/// The language-model head: from the last hidden state to a logit for every token of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// A linear layer, an activation and a norm before the unembedding (Devlin et al. 2019).
    pub transform: Option<HeadTransform>,
    /// The width of the unembedding after the transform; none: that of the embedding.
    pub width: Option<usize>,
    /// Whether a linear layer projects to the width of the embedding.
    pub projection: bool,
    /// Whether the unembedding is the token embedding.
    pub tied: bool,
    /// Whether the logits have a bias.
    pub bias: bool,
    /// The factor of the logits.
    pub scale: Option<f64>,
    /// `c`: logits `l` become `c tanh(l / c)` (Riviere et al. 2024).
    pub soft_cap: Option<f64>,
}

/// The part of a masked-language-model head before the unembedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadTransform {
    /// The activation between the linear layer and the norm.
    pub activation: Activation,
    /// Whether the linear layer has a bias.
    pub bias: bool,
}

impl Head {
    /// The token embedding alone.
    pub const TIED: Self = Self {
        transform: None,
        width: None,
        projection: false,
        tied: true,
        bias: false,
        scale: None,
        soft_cap: None,
    };
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
        longest: None,
        embedding: Embedding {
            source: Source::Tokens,
            projection: None,
            positions: None,
            token_types: 0,
            constants: Vec::new(),
            scale: None,
            dropped: None,
            norm: false,
        },
        norm: Norm::Layer { eps: 1e-5, bias: true },
        layout: Layout::PreNorm { first: true },
        final_norm: false,
        residual_scale: None,
        attention: Attention {
            layers: Vec::new(),
            input_bias: true,
            output_bias: true,
            query_key_norm: None,
            soft_cap: None,
            relative: None,
            query_growth: None,
            sinks: false,
            latent: None,
        },
        mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
        mixture: None,
        head: None,
    };

    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// [`Error::Architecture`] with the sizes that do not.
    pub fn check(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        let reads_tokens = self.embedding.source == Source::Tokens;
        self.embedding.source.check(self)?;
        for (name, size) in [
            ("d_vocab", if reads_tokens { self.d_vocab } else { 1 }),
            ("d_model", self.d_model),
            ("d_embed", self.d_embed()),
            ("n_layers", self.n_layers),
            ("n_weight_sets", self.n_weight_sets),
            ("n_heads", self.n_heads),
            ("n_kv_heads", self.n_kv_heads),
            ("d_head", self.d_head),
            ("d_mlp", self.d_mlp),
            ("the width of the head", self.head.and_then(|head| head.width).unwrap_or(1)),
            (
                "a table of the embedding",
                self.embedding.constants.iter().map(|c| c.rows).min().unwrap_or(1),
            ),
        ] {
            if size == 0 {
                return fail(format!("{name} is 0"));
            }
            // Larger than any model. Products of two sizes stay far from overflow.
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
                if rotary.axes == Axes::Grid && reads_tokens {
                    return fail("a rotation by the cells of a grid, for tokens".to_owned());
                }
            }
        }
        match self.attention.relative {
            Some(Relative::Bias(bias)) => {
                bias.check()?;
                if bias.gated && self.n_heads * self.d_head != self.d_model {
                    let (heads, d_head, d_model) = (self.n_heads, self.d_head, self.d_model);
                    return fail(format!("{heads} gates over {d_head} of {d_model} values"));
                }
            }
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
            Some(Relative::Alibi(_)) | None => {}
        }
        self.attention.latent.map_or(Ok(()), |latent| latent.check(self))?;
        self.mixture.as_ref().map_or(Ok(()), |mixture| mixture.check(self))
    }

    /// The longest sequence for which the model was made, in tokens; none if the length is unlimited.
    pub fn max_tokens(&self) -> Option<usize> {
        self.max_positions().or(self.context)
    }

    /// The longest sequence that can be computed, in tokens: the rows of the position embedding, or
    /// [`longest`](Self::longest). None if positions are computed, also beyond the length for which the
    /// model was made.
    pub fn max_positions(&self) -> Option<usize> {
        let rows = self.position_rows();
        [rows, self.longest].into_iter().flatten().min()
    }

    fn position_rows(&self) -> Option<usize> {
        let mut rotary = self.attention.layers.iter().filter_map(|layer| layer.rotary.as_ref());
        let is_within = rotary.any(|rotary| rotary.scaling == RotaryScaling::Within);
        match self.embedding.positions {
            Some(Positions { rows, numbering: Numbering::From(first) }) => {
                Some(rows.saturating_sub(first))
            }
            Some(Positions { rows, numbering: Numbering::AfterPadding { padding_id } }) => {
                Some(rows.saturating_sub(padding_id as usize + 1))
            }
            None => match &self.embedding.source {
                Source::Frames(Frames { positions: FramePositions::Table { rows }, .. }) => {
                    Some(*rows)
                }
                _ => self.context.filter(|_| is_within),
            },
        }
    }

    /// `[tokens]`: the row of each token of one sequence in the position embedding, or its place in
    /// the sequence if there is no position embedding.
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

    /// The width of one head of values.
    pub fn d_value(&self) -> usize {
        self.attention.latent.map_or(self.d_head, |latent| latent.d_value)
    }

    /// The width of the token embedding.
    pub fn d_embed(&self) -> usize {
        self.embedding.projection.map_or(self.d_model, |p| p.width)
    }

    /// Whether no token sees later tokens.
    pub fn is_causal(&self) -> bool {
        self.attention.layers.iter().all(|layer| layer.span.after == Some(0))
    }

    /// The set of weights of block `i`.
    pub fn weight_set(&self, i: usize) -> usize {
        // In floating point and the division first, as the reference computes it.
        let blocks_per_set = self.n_layers as f64 / self.n_weight_sets as f64;
        ((i as f64 / blocks_per_set) as usize).min(self.n_weight_sets - 1)
    }

    /// The norms of attention and MLP of a block.
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

/// The norms of one half of a block: of attention, or of the MLP.
#[derive(Clone, Copy, Default)]
pub(crate) struct Norms {
    /// A norm of the input.
    pub(crate) before: bool,
    /// A norm of the output, before it is added to the residual stream.
    pub(crate) after: bool,
    /// A norm of the residual stream, after the sum.
    pub(crate) after_sum: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::positions::{RelativeBias, Rotary};

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
        let bias = |buckets, max_distance| {
            Some(Relative::Bias(RelativeBias {
                buckets,
                max_distance,
                per_block: false,
                gated: false,
            }))
        };
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
}
