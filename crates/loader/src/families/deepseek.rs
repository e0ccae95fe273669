//! DeepSeek-V2 and DeepSeek-V3 (DeepSeek-AI 2024), and models with their layout, such as Moonlight:
//! latent attention, and a mixture of experts in groups.

use super::llama::{self, DEFAULTS, Defaults};
use super::mixture::{self, mixture};
use super::rope::{ROPE, rotary};
use super::rules::{latent, tables, take};
use super::{Family, Rule, Transform};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Architecture, Attention, AttentionLayer, GroupScore, Groups, Latent, Mixture, Norm,
    SharedExpert, Weighting,
};

pub(super) const V2: Family = Family {
    name: "DeepSeek-V2",
    types: &[("deepseek_v2", "DeepseekV2")],
    architecture: |config| {
        let defaults = Defaults { context: 2048, ..DEFAULTS };
        let architecture = architecture(config, defaults, [512, 128, 64, 128])?;
        let greedy = config.optional_text(METHOD)?.unwrap_or("greedy");
        let groups = match greedy {
            "greedy" => None,
            "group_limited_greedy" => Some(groups(config, GroupScore::Largest, [None; 2])?),
            other => {
                let reason = "greedy and group_limited_greedy are supported";
                return Err(config.error(METHOD, &other.into(), reason));
            }
        };
        config.only("scoring_func", "softmax".into())?;
        let mixture = Mixture {
            weighting: Weighting::AmongAll,
            groups,
            ..experts(
                config,
                &architecture,
                Experts { count: [64, 0], first: 0, shared: 2, width: 1407, scale: 1.0 },
            )?
        };
        Ok(Architecture { mixture: Some(mixture), ..architecture })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

pub(super) const V3: Family = Family {
    name: "DeepSeek-V3",
    types: &[("deepseek_v3", "DeepseekV3")],
    architecture: |config| {
        let defaults = Defaults {
            d_vocab: 129_280,
            d_model: 7168,
            n_layers: 61,
            n_heads: 128,
            n_kv_heads: Some(128),
            d_mlp: 18_432,
            context: 4096,
            ..DEFAULTS
        };
        let architecture = architecture(config, defaults, [512, 128, 64, 128])?;
        config.only("rope_interleave", true.into())?;
        config.only(METHOD, "noaux_tc".into())?;
        config.only("scoring_func", "sigmoid".into())?;
        let weighting = match config.flag("norm_topk_prob", true)? {
            true => Weighting::SigmoidAmongChosen,
            false => Weighting::Sigmoid,
        };
        let mixture = Mixture {
            weighting,
            correction: true,
            groups: Some(groups(config, GroupScore::TwoLargest, [Some(8), Some(4)])?),
            ..experts(
                config,
                &architecture,
                Experts { count: [256, 8], first: 3, shared: 1, width: 2048, scale: 2.5 },
            )?
        };
        Ok(Architecture { mixture: Some(mixture), ..architecture })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    // Blocks that predict tokens after the next.
    unused: &["layers.{n}."],
};

/// The key of the choice of experts.
const METHOD: &str = "topk_method";

/// The architecture without its mixture. The default widths: of the vector of keys and values, of the part
/// of a key that does not rotate and of the part that does, and of a head of values.
fn architecture(
    config: &Config,
    defaults: Defaults,
    [vector, still, turning, value]: [usize; 4],
) -> Result<Architecture> {
    config.only("attention_bias", false.into())?;
    config.only("mlp_bias", false.into())?;
    let d_shared = config.size(&["qk_rope_head_dim"], turning)?;
    let d_head = config.size(&["qk_nope_head_dim"], still)?.saturating_add(d_shared);
    let llama =
        llama::architecture(config, &Defaults { d_head: Some(d_head), rope: ROPE, ..defaults })?;
    let d_query = match config.is_null("q_lora_rank") {
        true => None,
        false => Some(config.size(&["q_lora_rank"], 1536)?),
    };
    let latent = Latent {
        d_query,
        d_key_value: config.size(&["kv_lora_rank"], vector)?,
        d_shared,
        d_value: config.size(&["v_head_dim"], value)?,
        norm: Norm::Rms { eps: 1e-6, unit_offset: false },
    };
    let rotary = rotary(config, d_shared, &ROPE)?;
    let scale = scale(config, d_head)?;
    let layer =
        |layer: AttentionLayer| AttentionLayer { rotary: Some(rotary.clone()), scale, ..layer };
    let layers = llama.attention.layers.into_iter().map(layer).collect();
    let attention = Attention { layers, latent: Some(latent), ..llama.attention };
    Ok(Architecture { d_head, n_kv_heads: llama.n_heads, attention, ..llama })
}

/// The factor of the scores. Scaled positions multiply it (`mscale_all_dim`).
fn scale(config: &Config, d_head: usize) -> Result<f64> {
    let plain = 1.0 / (d_head as f64).sqrt();
    let old = config.within("rope_scaling")?;
    let Some(own) = (if old.is_some() { old } else { config.within("rope_parameters")? }) else {
        return Ok(plain);
    };
    let key = if own.has("rope_type") { "rope_type" } else { "type" };
    let scaled = own.optional_text(key)?.is_some_and(|kind| kind != "default");
    let all = own.positive(&["mscale_all_dim"])?;
    let (Some(all), true) = (all, scaled) else { return Ok(plain) };
    let factor: f64 = own.needed("factor")?;
    let grown = if factor <= 1.0 { 1.0 } else { 0.1 * all * factor.ln() + 1.0 };
    Ok(plain * grown * grown)
}

/// The defaults of a mixture.
struct Experts {
    /// The numbers of experts and of chosen experts; 0: none.
    count: [usize; 2],
    /// The first block with a mixture.
    first: usize,
    /// The experts that every token uses.
    shared: usize,
    width: usize,
    scale: f64,
}

/// The mixture of a config: in the first blocks there is none.
fn experts(config: &Config, architecture: &Architecture, defaults: Experts) -> Result<Mixture> {
    config.only("moe_layer_freq", 1.into())?;
    let d_expert = config.size(&["moe_intermediate_size"], defaults.width)?;
    let shared = config.size(&["n_shared_experts"], defaults.shared)?;
    let first = config.size(&["first_k_dense_replace"], defaults.first)?;
    let scale = config.positive(&["routed_scaling_factor"])?.unwrap_or(defaults.scale);
    let mut mixture = mixture(config, architecture.n_layers, d_expert, defaults.count)?;
    for (i, block) in mixture.blocks.iter_mut().enumerate() {
        *block = i >= first;
    }
    let shared = SharedExpert { d_mlp: d_expert.saturating_mul(shared), gated: false };
    Ok(Mixture { shared: Some(shared), scale, ..mixture })
}

/// The groups of experts.
fn groups(config: &Config, score: GroupScore, defaults: [Option<usize>; 2]) -> Result<Groups> {
    let size = |key: &'static str, default: Option<usize>| match config.optional_size(&[key])? {
        Some(size) => Ok(size),
        None => default
            .ok_or_else(|| config.error(key, &serde_json::Value::Null, "a number is expected")),
    };
    let [all, chosen] = defaults;
    Ok(Groups { n_groups: size("n_group", all)?, n_chosen: size("topk_group", chosen)?, score })
}

const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::NORMS,
    [
        latent(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_proj"),
        take(&["blocks.{i}.attn.q_a"], "layers.{i}.self_attn.q_a_proj"),
        take(&["blocks.{i}.attn.q_a_norm"], "layers.{i}.self_attn.q_a_layernorm"),
        latent(&["blocks.{i}.attn.q"], "layers.{i}.self_attn.q_b_proj"),
        latent(
            &["blocks.{i}.attn.kv_a", "blocks.{i}.attn.k_shared"],
            "layers.{i}.self_attn.kv_a_proj_with_mqa"
        ),
        take(&["blocks.{i}.attn.kv_a_norm"], "layers.{i}.self_attn.kv_a_layernorm"),
        Rule {
            to: &["blocks.{i}.attn.k", "blocks.{i}.attn.v"],
            from: "layers.{i}.self_attn.kv_b_proj",
            transform: Transform::SplitHeads,
        },
        take(&["blocks.{i}.attn.o"], "layers.{i}.self_attn.o_proj"),
    ],
    llama::MLP,
    [
        take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.mlp.experts.{e}.gate_proj"),
        take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.mlp.experts.{e}.up_proj"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.{e}.down_proj"),
        take(&["blocks.{i}.mlp.shared.gate"], "layers.{i}.mlp.shared_experts.gate_proj"),
        take(&["blocks.{i}.mlp.shared.in"], "layers.{i}.mlp.shared_experts.up_proj"),
        take(&["blocks.{i}.mlp.shared.out"], "layers.{i}.mlp.shared_experts.down_proj"),
        take(&["blocks.{i}.mlp.router_correction"], "layers.{i}.mlp.gate.e_score_correction_bias"),
    ],
    mixture::STACKED,
    llama::FINAL,
];
