//! NomicBERT (Nussbaum et al. 2024): BERT with rotary positions and gated MLPs. Configs have the keys of
//! the published checkpoints (GPT-2's), or those of transformers.

use super::rope::{ROPE, Rope, rotary};
use super::rules::{split, take};
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Mlp, Norm, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "NomicBERT",
    types: &[("nomic_bert", "NomicBert")],
    architecture: |config| {
        for (key, built) in [
            ("prenorm", false),
            ("causal", false),
            ("parallel_block", false),
            ("rotary_emb_interleaved", false),
            ("qkv_proj_bias", false),
            ("mlp_fc1_bias", false),
            ("mlp_fc2_bias", false),
            ("use_rms_norm", false),
            ("scale_attn_by_inverse_layer_idx", false),
            ("scale_attn_weights", true),
        ] {
            config.only(key, built.into())?;
        }
        config.only("rotary_emb_fraction", 1.into())?;
        config.only("num_experts", 0.into())?;
        config.absent("rotary_emb_scale_base")?;
        config.absent("rotary_scaling_factor")?;
        let n_layers = config.size(&["n_layer", "num_hidden_layers"], 12)?;
        let d_model = config.size(&["n_embd", "hidden_size"], 768)?;
        let n_heads = config.size(&["n_head", "num_attention_heads"], 12)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        config.only("head_dim", d_head.into())?;
        let activation = match config.optional_text("activation_function")? {
            Some("swiglu") => Activation::Silu,
            Some(other) => {
                let reason = "swiglu is supported";
                return Err(config.error("activation_function", &other.into(), reason));
            }
            None => config.activation("hidden_act", Activation::Silu)?,
        };
        let theta = if config.has("rotary_emb_base") { "rotary_emb_base" } else { "rope_theta" };
        let rope = Rope { theta, default_theta: 1000.0, ..ROPE };
        let rotary = rotary(config, d_head, &rope)?;
        let mut attention = Attention {
            input_bias: false,
            output_bias: false,
            ..Attention::uniform(n_layers, d_head, Span::ALL)
        };
        for layer in &mut attention.layers {
            layer.rotary = Some(rotary.clone());
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 30528)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["n_inner", "intermediate_size"], 3072)?,
            context: Some(config.size(&["n_positions", "max_position_embeddings"], 2048)?),
            embedding: Embedding {
                token_types: config.size(&["type_vocab_size"], 2)?,
                norm: true,
                ..Embedding::default()
            },
            norm: Norm::Layer {
                eps: config.epsilon(&["layer_norm_epsilon", "layer_norm_eps"], 1e-12)?,
                bias: true,
            },
            layout: Layout::PostNorm,
            attention,
            mlp: Mlp { activation, gated: true, bias: false },
            head: bert::head(config, activation)?,
            ..Architecture::BASE
        })
    },
    // The names of transformers, then those of the published checkpoints.
    names: &[
        take(&["embed.token"], "embeddings.word_embeddings"),
        take(&["embed.token_type"], "embeddings.token_type_embeddings"),
        take(&["embed.norm"], "embeddings.LayerNorm"),
        take(&["embed.norm"], "emb_ln"),
        take(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "layers.{i}.self_attn.v_proj"),
        split(
            &["blocks.{i}.attn.q", "blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            "encoder.layers.{i}.attn.Wqkv",
        ),
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.attn.out_proj"),
        take(&["blocks.{i}.attn.norm"], "layers.{i}.post_attention_layernorm"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.norm1"),
        take(&["blocks.{i}.mlp.gate"], "layers.{i}.mlp.gate_proj"),
        take(&["blocks.{i}.mlp.gate"], "encoder.layers.{i}.mlp.fc12"),
        take(&["blocks.{i}.mlp.in"], "layers.{i}.mlp.up_proj"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.mlp.fc11"),
        take(&["blocks.{i}.mlp.out"], "layers.{i}.mlp.down_proj"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.mlp.fc2"),
        take(&["blocks.{i}.mlp.norm"], "layers.{i}.post_mlp_layernorm"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.norm2"),
    ],
    head: &[
        take(&["head.transform"], "cls.predictions.transform.dense"),
        take(&["head.norm"], "cls.predictions.transform.layer_norm"),
        take(&["head.unembed"], "cls.predictions.decoder"),
        take(&["head.unembed"], "cls.predictions"),
    ],
    prefixes: &["nomic_bert.", "bert."],
    unused: &["pooler."],
};
