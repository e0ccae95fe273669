//! The encoders of BART (Lewis et al. 2020) and of models for translation and summaries with its names: mBART
//! (Liu et al. 2020), Marian (Junczys-Dowmunt et al. 2018), Pegasus (Zhang et al. 2020), M2M-100 (Fan et al.
//! 2020) and NLLB (NLLB team 2022). They differ in their norms and positions.

use super::Family;
use super::rules::{Made, Rule, sines, take};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Mlp, Norm, Numbering, Positions, Span,
};

pub(super) const BART: Family = Family {
    name: "BART / mBART encoder",
    types: &[("bart", "Bart"), ("mbart", "MBart")],
    architecture: |config| {
        // The first two rows of the table are not positions.
        let kind = Kind { norm: true, numbering: Numbering::From(2), ..MARIAN_KIND };
        let pre_norm = config.text("model_type")? == "mbart";
        architecture(config, &Kind { pre_norm, ..kind })
    },
    names: &names(take(&["embed.position"], "encoder.embed_positions")),
    head: &[],
    prefixes: &["model."],
    // The embedding that the encoder's own replaces, and the decoder.
    unused: &["shared.", "decoder."],
};

pub(super) const MARIAN: Family = Family {
    name: "Marian / Pegasus encoder",
    types: &[("marian", "Marian"), ("pegasus", "Pegasus")],
    architecture: |config| {
        let pre_norm = config.text("model_type")? == "pegasus";
        architecture(config, &Kind { pre_norm, ..MARIAN_KIND })
    },
    names: &names(sines(&["embed.position"], "encoder.embed_positions", Made::Sines)),
    ..BART
};

pub(super) const M2M100: Family = Family {
    name: "M2M-100 / NLLB encoder",
    types: &[("m2m_100", "M2M100")],
    architecture: |config| {
        const PADDING: u32 = 1;
        config.only("pad_token_id", PADDING.into())?;
        let kind = Kind {
            pre_norm: true,
            scaled: true,
            activation: Activation::Relu,
            numbering: Numbering::AfterPadding { padding_id: PADDING },
            d_vocab: 128_112,
            ..MARIAN_KIND
        };
        architecture(config, &kind)
    },
    // The reference does not read a stored table, which older files call `weights`.
    names: &names(sines(
        &["embed.position"],
        "encoder.embed_positions",
        Made::SpacedSines { padding_id: 1 },
    )),
    unused: &["shared.", "decoder.", "encoder.embed_positions.weights"],
    ..BART
};

/// What the models differ in, and the values of keys that a config leaves out.
struct Kind {
    pre_norm: bool,
    /// Whether the embedding has a norm.
    norm: bool,
    scaled: bool,
    activation: Activation,
    numbering: Numbering,
    d_vocab: usize,
}

const MARIAN_KIND: Kind = Kind {
    pre_norm: false,
    norm: false,
    scaled: false,
    activation: Activation::Gelu,
    numbering: Numbering::From(0),
    d_vocab: 50265,
};

fn architecture(config: &Config, kind: &Kind) -> Result<Architecture> {
    super::refuse_decoders(config)?;
    let n_layers = config.size(&["encoder_layers"], 12)?;
    let d_model = config.size(&["d_model"], 1024)?;
    let n_heads = config.size(&["encoder_attention_heads"], 16)?;
    let d_head = config.d_head("encoder_attention_heads", d_model, n_heads)?;
    const LONGEST: &str = "max_position_embeddings";
    let longest = config.size(&[LONGEST], 1024)?;
    // The table may be computed.
    if longest > 1 << 16 {
        let reason = "at most 65536 positions are supported";
        return Err(config.error(LONGEST, &longest.into(), reason));
    }
    let extra = if kind.numbering == Numbering::From(0) { 0 } else { 2 };
    let positions = Positions { rows: longest + extra, numbering: kind.numbering };
    let scaled = config.flag("scale_embedding", kind.scaled)?;
    Ok(Architecture {
        d_vocab: config.size(&["vocab_size"], kind.d_vocab)?,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.size(&["encoder_ffn_dim"], 4096)?,
        embedding: Embedding {
            positions: Some(positions),
            scale: scaled.then(|| (d_model as f64).sqrt()),
            norm: kind.norm,
            ..Embedding::default()
        },
        // A constant in the reference's code, not in the config.
        norm: Norm::Layer { eps: 1e-5, bias: true },
        layout: match kind.pre_norm {
            true => Layout::PreNorm { first: true },
            false => Layout::PostNorm,
        },
        final_norm: kind.pre_norm,
        attention: Attention::uniform(n_layers, d_head, Span::ALL),
        mlp: Mlp {
            activation: config.activation("activation_function", kind.activation)?,
            gated: false,
            bias: true,
        },
        // No head: it belongs to the decoder.
        ..Architecture::BASE
    })
}

/// The names of the models, which differ in the table of positions.
const fn names(positions: Rule) -> [Rule; 14] {
    [
        take(&["embed.token"], "encoder.embed_tokens"),
        take(&["embed.token"], "shared"),
        take(&["embed.token"], "decoder.embed_tokens"),
        positions,
        take(&["embed.norm"], "encoder.layernorm_embedding"),
        take(&["blocks.{i}.attn.norm"], "encoder.layers.{i}.self_attn_layer_norm"),
        take(&["blocks.{i}.attn.q"], "encoder.layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.k"], "encoder.layers.{i}.self_attn.k_proj"),
        take(&["blocks.{i}.attn.v"], "encoder.layers.{i}.self_attn.v_proj"),
        take(&["blocks.{i}.attn.o"], "encoder.layers.{i}.self_attn.out_proj"),
        take(&["blocks.{i}.mlp.norm"], "encoder.layers.{i}.final_layer_norm"),
        take(&["blocks.{i}.mlp.in"], "encoder.layers.{i}.fc1"),
        take(&["blocks.{i}.mlp.out"], "encoder.layers.{i}.fc2"),
        take(&["final_norm"], "encoder.layer_norm"),
    ]
}
