//! The encoder of Whisper (Radford et al. 2023): convolutions over a mel spectrogram, a table of positions,
//! and pre-norm blocks.

use super::Family;
use super::rules::{kernel, no_bias, take};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Convolution, ConvolutionNorm, Embedding, FramePositions,
    Frames, Layout, Mlp, Norm, Source, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "Whisper encoder",
    types: &[("whisper", "Whisper")],
    architecture: |config| {
        let n_layers = config.size(&["encoder_layers"], 4)?;
        let d_model = config.size(&["d_model"], 384)?;
        let n_heads = config.size(&["encoder_attention_heads"], 6)?;
        let d_head = config.d_head("encoder_attention_heads", d_model, n_heads)?;
        let convolution = |stride| Convolution {
            channels: d_model,
            kernel: 3,
            stride,
            padding: 1,
            bias: true,
            norm: ConvolutionNorm::None,
        };
        let frames = Frames {
            width: config.size(&["num_mel_bins"], 80)?,
            convolutions: vec![convolution(1), convolution(2)],
            // A constant in the reference's code, not in the config.
            activation: Activation::Gelu,
            projection: None,
            positions: FramePositions::Table {
                rows: config.size(&["max_source_positions"], 1500)?,
            },
        };
        Ok(Architecture {
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["encoder_ffn_dim"], 1536)?,
            embedding: Embedding { source: Source::Frames(frames), ..Embedding::default() },
            norm: Norm::Layer { eps: 1e-5, bias: true },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention: Attention::uniform(n_layers, d_head, Span::ALL),
            mlp: Mlp {
                activation: config.activation("activation_function", Activation::Gelu)?,
                gated: false,
                bias: true,
            },
            // No head: it belongs to the decoder.
            ..Architecture::BASE
        })
    },
    names: &[
        kernel(&["embed.conv.0"], "encoder.conv1"),
        kernel(&["embed.conv.1"], "encoder.conv2"),
        take(&["embed.position"], "encoder.embed_positions"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.self_attn_layer_norm"),
        take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        no_bias(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.self_attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.final_layer_norm"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.fc1"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.fc2"),
        take(&["final_norm"], "encoder.layer_norm"),
    ],
    head: &[],
    prefixes: &["model."],
    unused: &["decoder."],
};
