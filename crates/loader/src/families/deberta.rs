//! DeBERTa, DeBERTa-v2 and DeBERTa-v3 (He et al. 2021, 2023): BERT with disentangled attention.

use super::rules::{Rule, Transform, no_bias, take};
use super::{Family, bert};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Disentangled, Embedding, Layout, Mlp, Norm, Numbering,
    Positions, Projection, ProjectionPlace, Relative, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "DeBERTa",
    types: &[("deberta-v2", "DebertaV2"), ("deberta", "Deberta")],
    architecture: |config| {
        super::refuse_decoders(config)?;
        let first = config.text("model_type")? == "deberta";
        if first {
            config.only("talking_head", false.into())?;
        } else {
            // A convolution after the first block is not supported.
            config.only("conv_kernel_size", 0.into())?;
        }
        let (blocks, width, heads) = if first { (12, 768, 12) } else { (24, 1536, 24) };
        let n_layers = config.size(&["num_hidden_layers"], blocks)?;
        let d_model = config.size(&["hidden_size"], width)?;
        let n_heads = config.size(&["num_attention_heads"], heads)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        config.only("attention_head_size", d_head.into())?;
        let width = config.size(&["embedding_size"], d_model)?;
        let longest = config.size(&["max_position_embeddings"], 512)?;
        let learned = config.flag("position_biased_input", true)?;
        let activation = config.activation("hidden_act", Activation::Gelu)?;
        let (content_to_position, position_to_content) = position_types(config)?;
        let terms = 1 + usize::from(content_to_position) + usize::from(position_to_content);
        let mut attention = Attention::uniform(n_layers, d_head, Span::ALL);
        for layer in &mut attention.layers {
            layer.scale = 1.0 / ((d_head * terms) as f64).sqrt();
        }
        if config.flag("relative_attention", false)? {
            let furthest = positive_size(config, "max_relative_positions")?.unwrap_or(longest);
            let buckets = match first {
                true => None,
                false => positive_size(config, "position_buckets")?,
            };
            attention.relative = Some(Relative::Disentangled(Disentangled {
                span: buckets.unwrap_or(furthest),
                log_buckets_up_to: buckets.map(|_| furthest),
                content_to_position,
                position_to_content,
                shared_weights: !first && config.flag("share_att_key", false)?,
                norm: match config.optional_text("norm_rel_ebd")?.unwrap_or("none") {
                    _ if first => false,
                    "none" => false,
                    "layer_norm" => true,
                    other => {
                        let reason = "none and layer_norm are supported";
                        return Err(config.error("norm_rel_ebd", &other.into(), reason));
                    }
                },
            }));
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], if first { 50265 } else { 128_100 })?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["intermediate_size"], 4 * width)?,
            context: Some(longest),
            embedding: Embedding {
                projection: (width != d_model).then_some(Projection {
                    width,
                    place: ProjectionPlace::Sum,
                    bias: false,
                }),
                positions: learned
                    .then_some(Positions { rows: longest, numbering: Numbering::From(0) }),
                token_types: config.size(&["type_vocab_size"], 0)?,
                norm: true,
                ..Embedding::default()
            },
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-7)?, bias: true },
            layout: Layout::PostNorm,
            attention,
            mlp: Mlp { activation, gated: false, bias: true },
            head: bert::head(config, activation)?,
            ..Architecture::BASE
        })
    },
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.position"], "embeddings.position_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.project"], "embeddings.embed_proj"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["relative"], "encoder.rel_embeddings"),
        take(&["relative.norm"], "encoder.LayerNorm"),
        take(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.self.query_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.self.key_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.self.value_proj"),
        take(&["blocks.{i}.attn.position_k"], "encoder.layer.{i}.attention.self.pos_key_proj"),
        take(&["blocks.{i}.attn.position_q"], "encoder.layer.{i}.attention.self.pos_query_proj"),
        // Of the first DeBERTa.
        Rule {
            to: &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "encoder.layer.{i}.attention.self.in_proj",
            transform: Transform::SplitHeads,
        },
        bias(&["blocks.{i}.attn.q"], "encoder.layer.{i}.attention.self.q_bias"),
        no_bias(&["blocks.{i}.attn.k"], "encoder.layer.{i}.attention.self.in_proj"),
        bias(&["blocks.{i}.attn.v"], "encoder.layer.{i}.attention.self.v_bias"),
        take(&["blocks.{i}.attn.position_k"], "encoder.layer.{i}.attention.self.pos_proj"),
        no_bias(&["blocks.{i}.attn.position_k"], "encoder.layer.{i}.attention.self.pos_proj"),
        take(&["blocks.{i}.attn.position_q"], "encoder.layer.{i}.attention.self.pos_q_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layer.{i}.attention.output.dense"),
        take(&["blocks.{i}.attn.norm"], "encoder.layer.{i}.attention.output.LayerNorm"),
        take(&["blocks.{i}.mlp.in"], "encoder.layer.{i}.intermediate.dense"),
        take(&["blocks.{i}.mlp.out"], "encoder.layer.{i}.output.dense"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layer.{i}.output.LayerNorm"),
    ],
    // The names that transformers writes, and those of the published checkpoints.
    head: &[
        take(&["head.transform"], "cls.predictions.transform.dense"),
        take(&["head.norm"], "cls.predictions.transform.LayerNorm"),
        take(&["head.unembed"], "cls.predictions.decoder"),
        take(&["head.unembed"], "cls.predictions"),
        take(&["head.transform"], "lm_predictions.lm_head.dense"),
        take(&["head.norm"], "lm_predictions.lm_head.LayerNorm"),
        take(&["head.unembed"], "lm_predictions.lm_head"),
    ],
    prefixes: &["deberta."],
    // Published checkpoints keep the table although all their positions are relative.
    unused: &["embeddings.position_embeddings."],
};

/// A bias with a name of its own.
const fn bias(to: &'static [&'static str], from: &'static str) -> Rule {
    Rule { to, from, transform: Transform::Bias }
}

/// `pos_att_type`, a list or a text with bars: whether it has content to position, and position to
/// content.
fn position_types(config: &Config) -> Result<(bool, bool)> {
    const KEY: &str = "pos_att_type";
    let types: Vec<String> = match config.texts(KEY) {
        Ok(list) => list.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        Err(_) => {
            let text = config.optional_text(KEY)?.unwrap_or_default().to_lowercase();
            text.split('|').map(|name| name.trim().to_owned()).collect()
        }
    };
    if let Some(other) = types.iter().find(|name| !["c2p", "p2c", ""].contains(&name.as_str())) {
        return Err(config.error(KEY, &other.as_str().into(), "c2p and p2c are supported"));
    }
    let has = |kind: &str| types.iter().any(|name| name == kind);
    Ok((has("c2p"), has("p2c")))
}

/// A size; numbers below 1 mean none.
fn positive_size(config: &Config, key: &str) -> Result<Option<usize>> {
    if config.has(key) && config.only(key, (-1).into()).is_ok() {
        return Ok(None);
    }
    Ok(config.optional_size(&[key])?.filter(|&size| size > 0))
}
