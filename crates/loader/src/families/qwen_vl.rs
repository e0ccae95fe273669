//! The text models of Qwen2-VL (Wang et al. 2024), Qwen2.5-VL and Qwen3-VL (Bai et al. 2025). The three
//! positions of a token (time, height, width) are equal in a text, so that its rotation is an ordinary one.

use super::llama::{self, Defaults};
use super::qwen2::{self, QWEN};
use super::rope::{ROPE, Rope};
use super::{Family, qwen3};
use stratoscope_transformer::{Architecture, Attention};

pub(super) const FAMILY: Family = Family {
    name: "Qwen-VL",
    types: &[
        ("qwen2_vl_text", "Qwen2VL"),
        ("qwen2_vl", "Qwen2VL"),
        ("qwen2_5_vl_text", "Qwen2_5_VL"),
        ("qwen2_5_vl", "Qwen2_5_VL"),
        ("qwen3_vl_text", "Qwen3VL"),
    ],
    architecture: |config| {
        if config.text("model_type")?.starts_with("qwen3") {
            let rope = Rope { default_theta: 500_000.0, ..ROPE };
            let sizes = Defaults { context: 128_000, d_head: Some(128), rope, ..QWEN };
            let llama = llama::architecture(config, &sizes)?;
            return qwen3::with_norms(config, llama);
        }
        let llama = qwen2::architecture(config, &QWEN2_VL)?;
        Ok(Architecture { attention: Attention { input_bias: true, ..llama.attention }, ..llama })
    },
    names: llama::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const QWEN2_VL: Defaults = Defaults {
    d_vocab: 152_064,
    d_model: 8192,
    n_layers: 80,
    n_heads: 64,
    n_kv_heads: Some(8),
    d_mlp: 29568,
    eps: 1e-5,
    rope: Rope { default_theta: 1_000_000.0, ..ROPE },
    ..QWEN
};
