//! The encoder of T5 (Raffel et al. 2020), mT5 (Xue et al. 2021), FLAN-T5 (Chung et al. 2022) and UMT5 (Chung
//! et al. 2023): pre-norm blocks with a relative attention bias and no other positions.

use super::Family;
use super::rules::take;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Layout, Mlp, Norm, Relative, RelativeBias, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "T5 encoder",
    types: &[("t5", "T5"), ("mt5", "MT5"), ("umt5", "UMT5")],
    architecture: |config| {
        let per_block = config.text("model_type")? == "umt5";
        // The others have the same defaults.
        let mt5 = config.text("model_type")? != "t5";
        let (layers, heads) = if mt5 { (8, 6) } else { (6, 8) };
        let n_layers = config.size(&["num_layers", "num_hidden_layers"], layers)?;
        let d_model = config.size(&["d_model", "hidden_size"], 512)?;
        let n_heads = config.size(&["num_heads", "num_attention_heads"], heads)?;
        let d_head = config.size(&["d_kv"], 64)?;
        const MLP: &str = "feed_forward_proj";
        let named = config.optional_text(MLP)?.unwrap_or(if mt5 { "gated-gelu" } else { "relu" });
        let (gated, activation) = match named.strip_prefix("gated-") {
            // Here gelu means the tanh approximation.
            Some("gelu") => (true, Activation::GeluTanh),
            Some(name) => (true, config.activation_named(MLP, name)?),
            None => (false, config.activation_named(MLP, named)?),
        };
        // Both follow from feed_forward_proj, but take precedence if the file has them.
        let gated = config.flag("is_gated_act", gated)?;
        let activation = config.activation("dense_act_fn", activation)?;
        let bias = RelativeBias {
            buckets: config.size(&["relative_attention_num_buckets"], 32)?,
            max_distance: config.size(&["relative_attention_max_distance"], 128)?,
            per_block,
            gated: false,
        };
        let mut attention = Attention {
            input_bias: false,
            output_bias: false,
            relative: Some(Relative::Bias(bias)),
            ..Attention::uniform(n_layers, d_head.max(1), Span::ALL)
        };
        for layer in &mut attention.layers {
            layer.scale = 1.0;
        }
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], if mt5 { 250_112 } else { 32128 })?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["d_ff"], if mt5 { 1024 } else { 2048 })?,
            norm: Norm::Rms {
                eps: config.epsilon(&["layer_norm_epsilon"], 1e-6)?,
                unit_offset: false,
            },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention,
            mlp: Mlp { activation, gated, bias: false },
            // No head: it belongs to the decoder.
            ..Architecture::BASE
        })
    },
    names: &[
        // One matrix in most checkpoints, under any of its names; where the first two differ, the
        // encoder reads the first.
        take(&["embed.token"], "encoder.embed_tokens"),
        take(&["embed.token"], "shared"),
        take(&["embed.token"], "decoder.embed_tokens"),
        take(&["relative"], "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"),
        take(
            &["blocks.{i}.attn.relative"],
            "encoder.block.{i}.layer.0.SelfAttention.relative_attention_bias",
        ),
        take(&["blocks.{i}.attn.norm"], "encoder.block.{i}.layer.0.layer_norm"),
        take(&["blocks.{i}.attn.q"], "encoder.block.{i}.layer.0.SelfAttention.q"),
        take(&["blocks.{i}.attn.k"], "encoder.block.{i}.layer.0.SelfAttention.k"),
        take(&["blocks.{i}.attn.v"], "encoder.block.{i}.layer.0.SelfAttention.v"),
        take(&["blocks.{i}.attn.o"], "encoder.block.{i}.layer.0.SelfAttention.o"),
        take(&["blocks.{i}.mlp.norm"], "encoder.block.{i}.layer.1.layer_norm"),
        take(&["blocks.{i}.mlp.gate"], "encoder.block.{i}.layer.1.DenseReluDense.wi_0"),
        take(&["blocks.{i}.mlp.in"], "encoder.block.{i}.layer.1.DenseReluDense.wi_1"),
        take(&["blocks.{i}.mlp.in"], "encoder.block.{i}.layer.1.DenseReluDense.wi"),
        take(&["blocks.{i}.mlp.out"], "encoder.block.{i}.layer.1.DenseReluDense.wo"),
        take(&["final_norm"], "encoder.final_layer_norm"),
    ],
    head: &[],
    prefixes: &["transformer."],
    // The embedding that the encoder's own replaces, and the decoder.
    unused: &["shared.", "decoder."],
};
