//! The weights of an architecture: the contract between the loader and the forward pass.

use super::{
    Architecture, ConvolutionNorm, FramePositions, Frames, Latent, Norm, Positions,
    ProjectionPlace, QueryKeyNorm, Relative, ResidualScale, Source,
};
use crate::ops::BiasGate;

/// A weight of an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSpec {
    /// Canonical name, such as `blocks.0.attn.q.weight`.
    pub name: String,
    /// Shape; linear weights are `[out, in]`.
    pub shape: Vec<usize>,
}

impl Architecture {
    /// Every weight of this architecture, in the order of the forward pass. `i` of `blocks.{i}` is
    /// the set of weights.
    pub fn weights(&self) -> Vec<WeightSpec> {
        let (d, d_embed, d_mlp) = (self.d_model, self.d_embed(), self.d_mlp);
        let (queries, keys) = (self.n_heads * self.d_head, self.n_kv_heads * self.d_head);
        let mut specs = Specs { norm: self.norm, weights: Vec::new() };
        let embedding = &self.embedding;
        let place = embedding.projection.map(|p| p.place);
        match &embedding.source {
            Source::Tokens => specs.add("embed.token.weight".into(), &[self.d_vocab, d_embed]),
            Source::Patches(patches) => {
                specs.linear("embed.patch".into(), d, patches.width(), patches.bias);
                for (i, &rows) in patches.prefix.iter().enumerate() {
                    specs.add(format!("embed.prefix.{i}.weight"), &[rows, d]);
                }
                if let Some(positions) = patches.positions {
                    let rows = positions.prefix + positions.grid[0] * positions.grid[1];
                    specs.add("embed.position.weight".into(), &[rows, d]);
                }
            }
            Source::Frames(frames) => specs.frames(frames, d),
        }
        let width = if place == Some(ProjectionPlace::Tokens) { d } else { d_embed };
        if let Some(Positions { rows, .. }) = embedding.positions {
            specs.add("embed.position.weight".into(), &[rows, width]);
        }
        if embedding.token_types > 0 {
            specs.add("embed.token_type.weight".into(), &[embedding.token_types, width]);
        }
        for (i, table) in embedding.constants.iter().enumerate() {
            specs.add(format!("embed.constant.{i}.weight"), &[table.rows, width]);
        }
        if let Some(projection) = embedding.projection {
            specs.linear("embed.project".into(), d, projection.width, projection.bias);
        }
        if embedding.norm {
            let width = if place == Some(ProjectionPlace::Normed) { d_embed } else { d };
            specs.norm("embed.norm".into(), width);
        }
        match self.attention.relative {
            Some(Relative::Bias(bias)) if !bias.per_block => {
                specs.add("relative.weight".into(), &[bias.buckets, self.n_heads]);
            }
            Some(Relative::Disentangled(table)) => {
                specs.add("relative.weight".into(), &[2 * table.span, d]);
                if table.norm {
                    specs.norm("relative.norm".into(), d);
                }
            }
            _ => {}
        }
        for i in 0..self.n_weight_sets {
            let name = |part: &str| format!("blocks.{i}.{part}");
            for (half, norms) in ["attn", "mlp"].iter().zip(self.norms(i)) {
                if norms.before || norms.after_sum {
                    specs.norm(name(&format!("{half}.norm")), d);
                }
                if norms.after {
                    specs.norm(name(&format!("{half}.norm_out")), d);
                }
                if self.residual_scale == Some(ResidualScale::Learned) {
                    specs.add(name(&format!("{half}.scale.weight")), &[d]);
                }
            }
            let bias = self.attention.input_bias;
            match self.attention.latent {
                None => {
                    for (part, width) in [("q", queries), ("k", keys), ("v", keys)] {
                        specs.linear(name(&format!("attn.{part}")), width, d, bias);
                    }
                }
                Some(latent) => self.latent_weights(&mut specs, latent, &name),
            }
            if let Some(norm) = self.attention.query_key_norm {
                for (part, heads) in [("q_norm", self.n_heads), ("k_norm", self.n_kv_heads)] {
                    let part = name(&format!("attn.{part}"));
                    match norm {
                        QueryKeyNorm::Head | QueryKeyNorm::RotatedHead => {
                            specs.norm(part, self.d_head);
                        }
                        QueryKeyNorm::EachHead => {
                            specs.add(format!("{part}.weight"), &[heads, self.d_head]);
                        }
                        QueryKeyNorm::Projection => specs.norm(part, heads * self.d_head),
                    }
                }
            }
            if let Some(Relative::Bias(bias)) = self.attention.relative {
                if bias.per_block {
                    specs.add(name("attn.relative.weight"), &[bias.buckets, self.n_heads]);
                }
                if bias.gated {
                    specs.linear(name("attn.gate"), BiasGate::OUTPUTS, self.d_head, true);
                    specs.add(name("attn.gate_scale.weight"), &[self.n_heads]);
                }
            }
            if let Some(Relative::Disentangled(table)) = self.attention.relative
                && !table.shared_weights
            {
                for (part, has) in [
                    ("position_k", table.content_to_position),
                    ("position_q", table.position_to_content),
                ] {
                    if has {
                        specs.linear(name(&format!("attn.{part}")), queries, d, bias);
                    }
                }
            }
            let mixed = self.n_heads * self.d_value();
            specs.linear(name("attn.o"), d, mixed, self.attention.output_bias);
            if self.attention.sinks {
                specs.add(name("attn.sinks.weight"), &[self.n_heads]);
            }
            let mut mlp = |part: &str, width: usize| {
                if self.mlp.gated {
                    specs.linear(name(&format!("{part}.gate")), width, d, self.mlp.bias);
                }
                specs.linear(name(&format!("{part}.in")), width, d, self.mlp.bias);
                specs.linear(name(&format!("{part}.out")), d, width, self.mlp.bias);
            };
            let Some(mixture) = self.mixture.as_ref().filter(|mixture| mixture.blocks[i]) else {
                mlp("mlp", d_mlp);
                continue;
            };
            for expert in 0..mixture.n_experts {
                mlp(&format!("mlp.experts.{expert}"), mixture.d_expert);
            }
            if let Some(shared) = mixture.shared {
                mlp("mlp.shared", shared.d_mlp);
                if shared.gated {
                    specs.linear(name("mlp.shared_gate"), 1, d, false);
                }
            }
            specs.linear(name("mlp.router"), mixture.n_experts, d, mixture.router_bias);
            if mixture.correction {
                specs.add(name("mlp.router_correction.weight"), &[mixture.n_experts]);
            }
        }
        if self.final_norm {
            specs.norm("final_norm".into(), d);
        }
        if let Some(head) = self.head {
            let d_embed = head.width.unwrap_or(d_embed);
            if let Some(transform) = head.transform {
                specs.linear("head.transform".into(), d_embed, d, transform.bias);
                specs.norm("head.norm".into(), d_embed);
            }
            if head.projection {
                specs.linear("head.project".into(), d_embed, d, false);
            }
            if !head.tied {
                let width = if head.transform.is_some() || head.projection { d_embed } else { d };
                specs.add("head.unembed.weight".into(), &[self.d_vocab, width]);
            }
            if head.bias {
                specs.add("head.unembed.bias".into(), &[self.d_vocab]);
            }
        }
        specs.weights
    }

    /// The weights between the state and queries, keys and values, with vectors between.
    fn latent_weights(&self, specs: &mut Specs, latent: Latent, name: &dyn Fn(&str) -> String) {
        let Latent { d_query, d_key_value, d_shared, d_value, .. } = latent;
        let (d, heads) = (self.d_model, self.n_heads);
        if let Some(width) = d_query {
            specs.linear(name("attn.q_a"), width, d, false);
            specs.add(name("attn.q_a_norm.weight"), &[width]);
        }
        specs.linear(name("attn.q"), heads * self.d_head, d_query.unwrap_or(d), false);
        specs.linear(name("attn.kv_a"), d_key_value, d, false);
        specs.linear(name("attn.k_shared"), d_shared, d, false);
        specs.add(name("attn.kv_a_norm.weight"), &[d_key_value]);
        specs.linear(name("attn.k"), heads * (self.d_head - d_shared), d_key_value, false);
        specs.linear(name("attn.v"), heads * d_value, d_key_value, false);
    }

    /// The memory that one block needs for a batch of so many tokens, in bytes, in f32: the state, what
    /// attention and the MLP read and give, and the values between their layers.
    pub fn work_bytes(&self, tokens: usize) -> u64 {
        let attention = (2 * self.n_heads + 2 * self.n_kv_heads) * self.d_head;
        let layers = if self.mlp.gated { 2 } else { 1 };
        let mut mlp = self.d_mlp * layers;
        if let Some(mixture) = &self.mixture {
            // Of the chosen experts also inputs and outputs, which are side by side.
            let experts = mixture.n_chosen * (mixture.d_expert * layers + 2 * self.d_model);
            let shared = mixture.shared.map_or(0, |shared| shared.d_mlp * layers + self.d_model);
            mlp = mlp.max(experts + shared);
        }
        let row = 5 * self.d_model + attention.max(mlp);
        (tokens as u64).saturating_mul(4 * row as u64)
    }

    /// The number of parameters that the forward pass uses.
    pub fn parameters(&self) -> usize {
        self.weights().iter().map(|w| w.shape.iter().product::<usize>()).sum()
    }
}

/// Collects weights.
struct Specs {
    norm: Norm,
    weights: Vec<WeightSpec>,
}

impl Specs {
    fn add(&mut self, name: String, shape: &[usize]) {
        self.weights.push(WeightSpec { name, shape: shape.to_vec() });
    }

    /// The weights of the frames of a sound. The columns of a convolution are the inputs of its first
    /// row, then those of the next.
    fn frames(&mut self, frames: &Frames, d: usize) {
        for (i, (own, inputs)) in frames.convolutions.iter().zip(frames.inputs()).enumerate() {
            let name = format!("embed.conv.{i}");
            self.linear(name.clone(), own.channels, own.kernel * inputs, own.bias);
            if own.norm != ConvolutionNorm::None {
                for kind in ["weight", "bias"] {
                    self.add(format!("{name}.norm.{kind}"), &[own.channels]);
                }
            }
        }
        if let Some(projection) = frames.projection {
            if projection.norm {
                self.norm("embed.frame_norm".into(), frames.channels());
            }
            self.linear("embed.project".into(), d, frames.channels(), true);
        }
        match frames.positions {
            FramePositions::Table { rows } => self.add("embed.position.weight".into(), &[rows, d]),
            FramePositions::Convolution { kernel, groups } => {
                self.linear("embed.position_conv".into(), d, kernel * (d / groups), true);
            }
        }
    }

    fn norm(&mut self, name: String, d: usize) {
        self.add(format!("{name}.weight"), &[d]);
        if let Norm::Layer { bias: true, .. } = self.norm {
            self.add(format!("{name}.bias"), &[d]);
        }
    }

    fn linear(&mut self, name: String, out: usize, input: usize, bias: bool) {
        self.add(format!("{name}.weight"), &[out, input]);
        if bias {
            self.add(format!("{name}.bias"), &[out]);
        }
    }
}
