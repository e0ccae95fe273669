//! What a transformer is made of, as data: sizes, and one enum for each thing that families do
//! differently. It knows no family's name.

use crate::{Error, Result};

/// Sizes and choices that determine a forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Rows of the token embedding.
    pub d_vocab: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of the embedding tables where they are projected to `d_model` (Lan et al. 2020); none
    /// where they have that width themselves.
    pub d_embed: Option<usize>,
    /// Number of blocks.
    pub n_layers: usize,
    /// How many sets of weights the blocks have: `n_layers` where each has its own; fewer where
    /// neighbouring blocks share one (Lan et al. 2020).
    pub n_weight_sets: usize,
    /// Attention heads per block.
    pub n_heads: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Width of the MLP's inner layer.
    pub d_mlp: usize,
    /// The normalisation after the embedding and after each half of a block (post-norm).
    pub norm: Norm,
    /// How a token learns where it stands.
    pub positions: Positions,
    /// Rows of the token type embedding; 0 where there is none.
    pub token_types: usize,
    /// A learned bias of attention by distance, shared by all blocks.
    pub relative_bias: Option<RelativeBias>,
    /// The MLP's activation.
    pub activation: Activation,
}

/// A normalisation over the last dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Layer norm with weight and bias (Ba, Kiros & Hinton 2016).
    Layer {
        /// Added to the variance.
        eps: f64,
    },
}

/// How positions enter the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// A learned vector a position, added to the token embedding (Devlin et al. 2019).
    Learned {
        /// Rows of the position embedding.
        rows: usize,
        /// Which row a token takes.
        numbering: Numbering,
    },
}

/// Which row of the position embedding a token takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Its place in the sequence, from 0.
    FromZero,
    /// `padding_id` + its rank among the tokens that are not padding, from 1; padding itself takes
    /// row `padding_id` (Liu et al. 2019).
    AfterPadding {
        /// The id of the padding token.
        padding_id: u32,
    },
}

/// Attention bias by bucketed distance (Raffel et al. 2020), bidirectional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelativeBias {
    /// Rows of the bias table; half for either direction.
    pub buckets: usize,
    /// Distances from here on share the last bucket.
    pub max_distance: usize,
}

/// The MLP's activation function.
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

/// A weight that an architecture needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSpec {
    /// Canonical name, such as `blocks.0.attn.q.weight`.
    pub name: String,
    /// Shape; linear weights are `[out, in]`.
    pub shape: Vec<usize>,
}

impl Architecture {
    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// [`Error::Architecture`] names the numbers that do not.
    pub fn check(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        for (name, size) in [
            ("d_vocab", self.d_vocab),
            ("d_model", self.d_model),
            ("d_embed", self.embedding_width()),
            ("n_layers", self.n_layers),
            ("n_weight_sets", self.n_weight_sets),
            ("n_heads", self.n_heads),
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
        // Memory for the names of weights grows with it, whatever the checkpoint holds.
        if self.n_layers > 1 << 12 {
            return fail(format!("n_layers is {}", self.n_layers));
        }
        if self.n_weight_sets > self.n_layers {
            let (sets, blocks) = (self.n_weight_sets, self.n_layers);
            return fail(format!("{sets} sets of weights for {blocks} blocks"));
        }
        if self.max_tokens() == 0 {
            return fail("the positions leave no room for a token".to_owned());
        }
        if let Some(bias) = self.relative_bias
            && (bias.buckets < 4 || bias.max_distance <= bias.buckets / 4)
        {
            return fail(format!(
                "{} relative buckets for distances up to {}",
                bias.buckets, bias.max_distance
            ));
        }
        Ok(())
    }

    /// The longest sequence that the positions allow, in tokens.
    pub fn max_tokens(&self) -> usize {
        match self.positions {
            Positions::Learned { rows, numbering } => match numbering {
                Numbering::FromZero => rows,
                Numbering::AfterPadding { padding_id } => {
                    rows.saturating_sub(padding_id as usize + 1)
                }
            },
        }
    }

    /// The position row of each token of one sequence.
    pub fn position_ids(&self, token_ids: &[u32]) -> Vec<u32> {
        match self.positions {
            Positions::Learned { numbering: Numbering::FromZero, .. } => {
                (0u32..).take(token_ids.len()).collect()
            }
            Positions::Learned { numbering: Numbering::AfterPadding { padding_id }, .. } => {
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

    /// The width of the embedding tables.
    pub fn embedding_width(&self) -> usize {
        self.d_embed.unwrap_or(self.d_model)
    }

    /// Which set of weights block `i` has.
    pub fn weight_set(&self, i: usize) -> usize {
        // The division first, and in floating point, as the reference computes it.
        let blocks_per_set = self.n_layers as f64 / self.n_weight_sets as f64;
        ((i as f64 / blocks_per_set) as usize).min(self.n_weight_sets - 1)
    }

    /// Every weight of this architecture, in the order of the forward pass; `i` of `blocks.{i}`
    /// counts sets of weights.
    pub fn weights(&self) -> Vec<WeightSpec> {
        let (d, heads) = (self.d_model, self.n_heads * self.d_head);
        let (d_embed, sets) = (self.embedding_width(), self.n_weight_sets);
        let mut specs = Vec::new();
        let mut add = |name: String, shape: &[usize]| {
            specs.push(WeightSpec { name, shape: shape.to_vec() });
        };
        add("embed.token.weight".into(), &[self.d_vocab, d_embed]);
        match self.positions {
            Positions::Learned { rows, .. } => {
                add("embed.position.weight".into(), &[rows, d_embed]);
            }
        }
        if self.token_types > 0 {
            add("embed.token_type.weight".into(), &[self.token_types, d_embed]);
        }
        let mut norm = |name: &str, d: usize| match self.norm {
            Norm::Layer { .. } => {
                add(format!("{name}.weight"), &[d]);
                add(format!("{name}.bias"), &[d]);
            }
        };
        norm("embed.norm", d_embed);
        for i in 0..sets {
            norm(&format!("blocks.{i}.attn.norm"), d);
            norm(&format!("blocks.{i}.mlp.norm"), d);
        }
        if let Some(bias) = self.relative_bias {
            add("relative_bias.weight".into(), &[bias.buckets, self.n_heads]);
        }
        let mut linear = |name: String, out: usize, input: usize| {
            add(format!("{name}.weight"), &[out, input]);
            add(format!("{name}.bias"), &[out]);
        };
        if self.d_embed.is_some() {
            linear("embed.project".into(), d, d_embed);
        }
        for i in 0..sets {
            for part in ["q", "k", "v"] {
                linear(format!("blocks.{i}.attn.{part}"), heads, d);
            }
            linear(format!("blocks.{i}.attn.o"), d, heads);
            linear(format!("blocks.{i}.mlp.in"), self.d_mlp, d);
            linear(format!("blocks.{i}.mlp.out"), d, self.d_mlp);
        }
        specs
    }

    /// The number of parameters that the forward pass uses.
    pub fn parameters(&self) -> usize {
        self.weights().iter().map(|w| w.shape.iter().product::<usize>()).sum()
    }
}

impl RelativeBias {
    /// The bucket of a key at `offset` tokens from the query (negative: before it), as T5 counts
    /// them for bidirectional attention: half of the buckets for keys after the query, and in each
    /// half the first half exact, the rest logarithmic up to `max_distance`.
    pub fn bucket(&self, offset: i64) -> usize {
        let half = self.buckets / 2;
        let exact = half / 2;
        let side = if offset > 0 { half } else { 0 };
        let distance = offset.unsigned_abs() as usize;
        let within = if distance < exact {
            distance
        } else {
            // In f32 and truncated, as the reference computes it.
            let ratio = (distance as f32 / exact as f32).ln()
                / ((self.max_distance as f64 / exact as f64).ln() as f32);
            (exact + (ratio * (half - exact) as f32) as usize).min(half - 1)
        };
        side + within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bert_like() -> Architecture {
        Architecture {
            d_vocab: 11,
            d_model: 6,
            d_embed: None,
            n_layers: 2,
            n_weight_sets: 2,
            n_heads: 3,
            d_head: 2,
            d_mlp: 10,
            norm: Norm::Layer { eps: 1e-12 },
            positions: Positions::Learned { rows: 8, numbering: Numbering::FromZero },
            token_types: 2,
            relative_bias: None,
            activation: Activation::Gelu,
        }
    }

    #[test]
    fn parameters_are_the_sum_of_the_weights() {
        let embedding = (11 + 8 + 2) * 6 + 12;
        let block = 4 * (36 + 6) + 12 + (60 + 10) + (60 + 6) + 12;
        assert_eq!(bert_like().parameters(), embedding + 2 * block);
    }

    #[test]
    fn padding_takes_its_own_row() {
        let mut a = bert_like();
        a.positions =
            Positions::Learned { rows: 8, numbering: Numbering::AfterPadding { padding_id: 1 } };
        assert_eq!(a.position_ids(&[0, 5, 1, 7, 1, 2]), [2, 3, 1, 4, 1, 5]);
        assert_eq!(a.max_tokens(), 6);
    }

    #[test]
    fn zero_sizes_are_refused() {
        for change in [
            |a: &mut Architecture| a.n_heads = 0,
            |a: &mut Architecture| a.d_vocab = usize::MAX,
            |a: &mut Architecture| {
                a.relative_bias = Some(RelativeBias { buckets: 0, max_distance: 0 })
            },
            |a: &mut Architecture| {
                a.positions = Positions::Learned { rows: 0, numbering: Numbering::FromZero }
            },
        ] {
            let mut a = bert_like();
            change(&mut a);
            assert!(a.check().is_err(), "{a:?}");
        }
    }

    #[test]
    fn buckets_are_exact_near_and_shared_far() {
        let bias = RelativeBias { buckets: 32, max_distance: 128 };
        assert_eq!(bias.bucket(0), 0);
        assert_eq!(bias.bucket(-7), 7);
        assert_eq!(bias.bucket(7), 23);
        assert_eq!(bias.bucket(-8), 8);
        assert_eq!(bias.bucket(-1000), 15);
        assert_eq!(bias.bucket(1000), 31);
    }
}
