//! Encoders of sound that read its samples: wav2vec 2.0 (Baevski et al. 2020), HuBERT (Hsu et al. 2021) and
//! WavLM (Chen et al. 2022). Convolutions make the frames, and another one their positions.

use super::Family;
use super::rules::{Rule, kernel, normed_kernel, reshape, tables, take};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Convolution, ConvolutionNorm, Embedding, FramePositions,
    FrameProjection, Frames, Layout, Mlp, Norm, Relative, RelativeBias, Source, Span,
};

pub(super) const WAV2VEC2: Family = Family {
    name: "wav2vec 2.0",
    types: &[("wav2vec2", "Wav2Vec2")],
    architecture: |config| {
        // Layers between the blocks, and after them.
        config.absent("adapter_attn_dim")?;
        config.only("add_adapter", false.into())?;
        architecture(config)
    },
    names: &NAMES,
    head: &[],
    prefixes: &["wav2vec2."],
    // What replaces hidden frames in training, and the targets of training.
    unused: &["masked_spec_embed", "quantizer.", "project_hid.", "project_q."],
};

pub(super) const HUBERT: Family = Family {
    name: "HuBERT",
    types: &[("hubert", "Hubert")],
    architecture: |config| {
        config.only("conv_pos_batch_norm", false.into())?;
        config.absent("adapter_attn_dim")?;
        let norm = config.flag("feat_proj_layer_norm", true)?;
        let mut architecture = architecture(config)?;
        if let Source::Frames(frames) = &mut architecture.embedding.source {
            frames.projection = Some(FrameProjection { norm });
        }
        Ok(architecture)
    },
    prefixes: &["hubert."],
    ..WAV2VEC2
};

pub(super) const WAVLM: Family = Family {
    name: "WavLM",
    types: &[("wavlm", "WavLM")],
    architecture: |config| {
        config.only("add_adapter", false.into())?;
        let mut architecture = architecture(config)?;
        architecture.attention.relative = Some(Relative::Bias(RelativeBias {
            buckets: config.size(&["num_buckets"], 320)?,
            max_distance: config.size(&["max_bucket_distance"], 800)?,
            per_block: false,
            gated: true,
        }));
        Ok(architecture)
    },
    names: tables!(
        NAMES,
        [
            take(&["relative"], "encoder.layers.0.attention.rel_attn_embed"),
            take(&["blocks.{i}.attn.gate"], "encoder.layers.{i}.attention.gru_rel_pos_linear"),
            reshape(
                &["blocks.{i}.attn.gate_scale"],
                "encoder.layers.{i}.attention.gru_rel_pos_const"
            ),
        ]
    ),
    prefixes: &["wavlm."],
    ..WAV2VEC2
};

const NAMES: [Rule; 16] = [
    kernel(&["embed.conv.{c}"], "feature_extractor.conv_layers.{c}.conv"),
    take(&["embed.conv.{c}.norm"], "feature_extractor.conv_layers.{c}.layer_norm"),
    take(&["embed.frame_norm"], "feature_projection.layer_norm"),
    take(&["embed.project"], "feature_projection.projection"),
    normed_kernel(&["embed.position_conv"], "encoder.pos_conv_embed.conv"),
    kernel(&["embed.position_conv"], "encoder.pos_conv_embed.conv"),
    // Before the blocks, or after them.
    take(&["embed.norm"], "encoder.layer_norm"),
    take(&["final_norm"], "encoder.layer_norm"),
    take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.attention.q_proj"),
    take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.attention.k_proj"),
    take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.attention.v_proj"),
    take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.attention.out_proj"),
    take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.layer_norm"),
    take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.feed_forward.intermediate_dense"),
    take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.feed_forward.output_dense"),
    take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.final_layer_norm"),
];

/// The sizes of the convolutions that a config leaves out.
const CHANNELS: [usize; 7] = [512; 7];
const KERNELS: [usize; 7] = [10, 3, 3, 3, 3, 2, 2];
const STRIDES: [usize; 7] = [5, 2, 2, 2, 2, 2, 2];
/// A constant in the reference's code, not in the config.
const EPS: f64 = 1e-5;

fn architecture(config: &Config) -> Result<Architecture> {
    let n_layers = config.size(&["num_hidden_layers"], 12)?;
    let d_model = config.size(&["hidden_size"], 768)?;
    let n_heads = config.size(&["num_attention_heads"], 12)?;
    let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
    let pre_norm = config.flag("do_stable_layer_norm", false)?;
    let positions = FramePositions::Convolution {
        kernel: config.size(&["num_conv_pos_embeddings"], 128)?,
        groups: config.size(&["num_conv_pos_embedding_groups"], 16)?,
    };
    let frames = Frames {
        width: 1,
        convolutions: convolutions(config)?,
        activation: config.activation("feat_extract_activation", Activation::Gelu)?,
        projection: Some(FrameProjection { norm: true }),
        positions,
    };
    Ok(Architecture {
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.size(&["intermediate_size"], 3072)?,
        embedding: Embedding {
            source: Source::Frames(frames),
            norm: !pre_norm,
            ..Embedding::default()
        },
        norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: true },
        layout: match pre_norm {
            true => Layout::PreNorm { first: true },
            false => Layout::PostNorm,
        },
        final_norm: pre_norm,
        attention: Attention::uniform(n_layers, d_head, Span::ALL),
        mlp: Mlp {
            activation: config.activation("hidden_act", Activation::Gelu)?,
            gated: false,
            bias: true,
        },
        ..Architecture::BASE
    })
}

/// The convolutions over the samples.
fn convolutions(config: &Config) -> Result<Vec<Convolution>> {
    let list = |key: &str, default: &[usize]| -> Result<Vec<usize>> {
        let list = config.sizes(key)?;
        Ok(if list.is_empty() { default.to_vec() } else { list })
    };
    let channels = list("conv_dim", &CHANNELS)?;
    let kernels = list("conv_kernel", &KERNELS)?;
    let strides = list("conv_stride", &STRIDES)?;
    for (key, list) in [("conv_kernel", &kernels), ("conv_stride", &strides)] {
        if list.len() != channels.len() {
            let reason = format!("conv_dim has {} convolutions", channels.len());
            return Err(config.error(key, &list.clone().into(), &reason));
        }
    }
    const NORM: &str = "feat_extract_norm";
    let over_time = match config.optional_text(NORM)?.unwrap_or("group") {
        "group" => true,
        "layer" => false,
        other => return Err(config.error(NORM, &other.into(), "group and layer are supported")),
    };
    let bias = config.flag("conv_bias", false)?;
    let sizes = channels.into_iter().zip(kernels.into_iter().zip(strides)).enumerate();
    let convolution = |(i, (channels, (kernel, stride)))| Convolution {
        channels,
        kernel,
        stride,
        padding: 0,
        bias,
        norm: match (over_time, i) {
            (true, 0) => ConvolutionNorm::Time { eps: EPS },
            (true, _) => ConvolutionNorm::None,
            (false, _) => ConvolutionNorm::Channels { eps: EPS },
        },
    };
    Ok(sizes.map(convolution).collect())
}
