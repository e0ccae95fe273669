//! The families, each a file of data: from a config to an architecture, and from the tensors of a
//! checkpoint to its weights.

mod albert;
mod arcee;
mod bart;
mod bert;
mod bert_relatives;
mod biogpt;
mod bloom;
mod clip;
mod clip_vision;
mod codegen;
mod cohere;
mod cwm;
mod deberta;
mod deepseek;
mod dinov2;
mod dinov3;
mod distilbert;
mod electra;
mod ernie4_5;
mod esm;
mod eurobert;
mod exaone4;
mod falcon;
mod gemma;
mod gemma2;
mod gemma3;
mod glm;
mod gpt2;
mod gpt_bigcode;
mod gpt_neo;
mod gpt_neox;
mod gpt_oss;
mod gptj;
mod granite;
mod granite_moe;
mod gte;
mod helium;
mod hunyuan;
mod llama;
mod ministral;
mod mistral;
mod mixtral;
mod mixture;
mod modernbert;
mod modernbert_decoder;
mod mpnet;
mod mpt;
mod nemotron;
mod nomic_bert;
mod olmo;
mod olmo2;
mod olmo3;
mod olmoe;
mod openai_gpt;
mod opt;
mod patches;
mod persimmon;
mod phi;
mod phi3;
mod qwen2;
mod qwen2_moe;
mod qwen3;
mod qwen3_moe;
mod qwen_vl;
mod roberta;
mod roformer;
mod rope;
mod rules;
mod seed_oss;
mod sinusoids;
mod smollm3;
mod spans;
mod squeezebert;
mod stablelm;
mod starcoder2;
mod t5;
mod t5gemma;
mod vaultgemma;
mod vit;
mod waves;
mod whisper;
mod xglm;
mod xlm;

pub(crate) use rules::{Made, Rule, Transform};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::note::Note;
use stratoscope_transformer::{Architecture, AttentionLayer, Span};

/// All families.
const FAMILIES: &[&Family] = &[
    &albert::FAMILY,
    &arcee::FAMILY,
    &bart::BART,
    &bart::M2M100,
    &bart::MARIAN,
    &bert::FAMILY,
    &bert_relatives::FAMILY,
    &biogpt::FAMILY,
    &bloom::FAMILY,
    &clip::FAMILY,
    &clip_vision::FAMILY,
    &codegen::FAMILY,
    &cohere::FAMILY,
    &cwm::FAMILY,
    &deberta::FAMILY,
    &deepseek::V2,
    &deepseek::V3,
    &dinov2::FAMILY,
    &dinov3::FAMILY,
    &distilbert::FAMILY,
    &electra::FAMILY,
    &ernie4_5::FAMILY,
    &esm::FAMILY,
    &eurobert::FAMILY,
    &exaone4::FAMILY,
    &falcon::FAMILY,
    &gemma2::FAMILY,
    &gemma3::FAMILY,
    &gemma::FAMILY,
    &glm::FAMILY,
    &gpt2::FAMILY,
    &gpt_bigcode::FAMILY,
    &gpt_neo::FAMILY,
    &gpt_neox::FAMILY,
    &gpt_oss::FAMILY,
    &gptj::FAMILY,
    &granite::FAMILY,
    &granite_moe::FAMILY,
    &gte::FAMILY,
    &helium::FAMILY,
    &hunyuan::FAMILY,
    &llama::FAMILY,
    &ministral::FAMILY,
    &mistral::FAMILY,
    &mixtral::FAMILY,
    &modernbert::FAMILY,
    &modernbert_decoder::FAMILY,
    &mpnet::FAMILY,
    &mpt::FAMILY,
    &nemotron::FAMILY,
    &nomic_bert::FAMILY,
    &olmo2::FAMILY,
    &olmo3::FAMILY,
    &olmo::FAMILY,
    &olmoe::FAMILY,
    &openai_gpt::FAMILY,
    &opt::FAMILY,
    &persimmon::FAMILY,
    &phi3::FAMILY,
    &phi::FAMILY,
    &qwen2::FAMILY,
    &qwen2_moe::FAMILY,
    &qwen3::FAMILY,
    &qwen3_moe::FAMILY,
    &qwen_vl::FAMILY,
    &roberta::FAMILY,
    &roberta::LONGFORMER,
    &roberta::PRE_NORM,
    &roformer::FAMILY,
    &seed_oss::FAMILY,
    &smollm3::FAMILY,
    &squeezebert::FAMILY,
    &stablelm::FAMILY,
    &starcoder2::FAMILY,
    &t5::FAMILY,
    &t5gemma::FAMILY,
    &vaultgemma::FAMILY,
    &vit::FAMILY,
    &waves::HUBERT,
    &waves::WAV2VEC2,
    &waves::WAVLM,
    &whisper::FAMILY,
    &xglm::FAMILY,
    &xlm::FAMILY,
];

/// A family.
pub(crate) struct Family {
    /// The name for readers.
    pub(crate) name: &'static str,
    /// The `model_type`s in `config.json`, each with the name that transformers' classes begin with.
    pub(crate) types: &'static [(&'static str, &'static str)],
    /// From `config.json` to the architecture, with the head that checkpoints of the family may have.
    pub(crate) architecture: fn(&Config) -> Result<Architecture>,
    /// The tensors of the weights. Of several rules for one weight, the first with a tensor in the
    /// checkpoint counts.
    pub(crate) names: &'static [Rule],
    /// The tensors of the head, whose names have no prefix.
    pub(crate) head: &'static [Rule],
    /// The usual prefixes of the names; any other is accepted.
    pub(crate) prefixes: &'static [&'static str],
    /// How the names of modules begin that are within the trunk, and that no state needs. `{i}` is the
    /// number of a block, `{n}` a number beyond the blocks.
    pub(crate) unused: &'static [&'static str],
}

/// How the names of unused buffers end, in any family: computed tables, and masks.
pub(crate) const BUFFERS: &[&str] = &[
    "rotary_emb.inv_freq",
    "rotary_embeddings.inv_freq",
    // Of I-BERT, for whole numbers.
    "_scaling_factor",
    "_integer",
    ".x_min",
    ".x_max",
    "LayerNorm.shift",
    ".position_ids",
    ".token_type_ids",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
    ".attn.causal_mask",
];

/// `model_type`s of models of which some layers carry a state from token to token in place of attention.
const RECURRENT: &[&str] = &[
    "bamba",
    "bailing_hybrid",
    "falcon_h1",
    "falcon_mamba",
    "granitemoehybrid",
    "jamba",
    "kimi_linear",
    "lfm2",
    "lfm2_moe",
    "mamba",
    "mamba2",
    "minimax",
    "nemotron_h",
    "olmo_hybrid",
    "qwen3_5",
    "qwen3_5_moe",
    "qwen3_5_moe_text",
    "qwen3_5_text",
    "qwen3_next",
    "recurrent_gemma",
    "rwkv",
    "xlstm",
    "zamba",
    "zamba2",
];

/// The names of all families.
pub fn supported_families() -> Vec<&'static str> {
    FAMILIES.iter().map(|f| f.name).collect()
}

/// The names of the families whose checkpoints may have a language-model head.
pub fn families_with_heads() -> Vec<&'static str> {
    FAMILIES.iter().filter(|f| !f.head.is_empty()).map(|f| f.name).collect()
}

/// Lets tokens of a causal architecture see later tokens, if the config says so (`is_causal`), as
/// transformers does.
///
/// # Errors
/// A block with a window, an encoder that is to be causal, or a value that is not true or false.
pub(crate) fn set_direction(config: &Config, architecture: &mut Architecture) -> Result<()> {
    const KEY: &str = "is_causal";
    let is_causal = |layer: &AttentionLayer| layer.span.after == Some(0);
    if !architecture.attention.layers.iter().any(is_causal) {
        return config.only(KEY, false.into());
    }
    if config.flag(KEY, true)? {
        return Ok(());
    }
    for layer in architecture.attention.layers.iter_mut().filter(|layer| is_causal(layer)) {
        if layer.span != Span::CAUSAL {
            let reason = "only true is supported for blocks with a window";
            return Err(config.error(KEY, &false.into(), reason));
        }
        layer.span = Span::ALL;
    }
    Ok(())
}

/// The family of a `config.json`, by its `model_type`, else by its `architectures`.
///
/// # Errors
/// A file that is not a config, or a family that is not among [`supported_families`].
pub fn family_of(config: &[u8]) -> Result<&'static str> {
    let mut notes = Vec::new();
    Ok(of(&mut Config::parse(config, &mut notes)?.of_text()?, &mut notes)?.name)
}

/// The family of a config. A `model_type` that is missing is set.
pub(crate) fn of(config: &mut Config, notes: &mut Vec<Note>) -> Result<&'static Family> {
    if !config.has("model_type")
        && let Some((class, model_type)) = of_class(config)?
    {
        notes.push(Note::NoModelType { class });
        config.set("model_type", model_type.into());
    }
    let model_type = config.text("model_type")?;
    let has = |family: &&Family| family.types.iter().any(|(of_type, _)| *of_type == model_type);
    FAMILIES.iter().copied().find(has).ok_or_else(|| {
        if RECURRENT.contains(&model_type) {
            let reason = "it has layers without attention, which carry a state from token to token \
                (state-space models, linear attention, or short convolutions); they are not supported";
            return config.error("model_type", &model_type.into(), reason);
        }
        let types: Vec<_> = FAMILIES.iter().flat_map(|f| f.types).map(|(name, _)| *name).collect();
        let model_type = model_type.chars().take(80).collect();
        Error::Family { model_type, supported: types.join(", ") }
    })
}

/// The first class in `architectures` that is known, and its `model_type`.
fn of_class(config: &Config) -> Result<Option<(String, &'static str)>> {
    // Of "Qwen2MoeForCausalLM" the rest after "Qwen2" is another family's.
    let kinds = [
        "Model",
        "For",
        "LMHeadModel",
        "WithLMHeadModel",
        "MTModel",
        "Encoder",
        "DoubleHeadsModel",
        "TextModel",
    ];
    let types = || FAMILIES.iter().flat_map(|family| family.types);
    let of_class = |class: &str| {
        types().find(|(_, stem)| {
            class.strip_prefix(stem).is_some_and(|rest| kinds.iter().any(|k| rest.starts_with(k)))
        })
    };
    let classes = config.texts("architectures")?.unwrap_or_default();
    Ok(classes.into_iter().find_map(|class| Some((class.to_owned(), of_class(class)?.0))))
}

/// Refuses configs that turn an encoder into a decoder.
fn refuse_decoders(config: &Config) -> Result<()> {
    config.only("is_decoder", false.into())?;
    config.only("add_cross_attention", false.into())
}
