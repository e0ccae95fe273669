//! The architecture that each family reads from a config, as one snapshot per fixture.

use crate::checkpoints::Checkpoint;
use crate::fixtures::{bundled, families, load};
use serde_json::json;

#[test]
fn architectures_of_configs() {
    for (name, model) in families() {
        insta::assert_debug_snapshot!(name, model.transformer.architecture());
    }
    let model = load(&bundled()).unwrap();
    insta::assert_debug_snapshot!("bundled", model.transformer.architecture());
}

/// Settings that change the computation, and that no family has built, are refused by their key.
#[test]
fn settings_that_are_not_built_are_refused() {
    for (fixture, key, value) in [
        ("bloom", "apply_residual_connection_post_layernorm", json!(true)),
        ("codegen", "n_head", json!(2)),
        ("cwm", "rope_parameters", json!(null)),
        ("falcon", "num_ln_in_parallel_attn", json!(2)),
        ("falcon-groups", "parallel_attn", json!(false)),
        ("gpt-neo", "attention_types", json!([[["global"], 1]])),
        ("gptj", "rotary_dim", json!(null)),
        ("ministral3", "rope_parameters", json!(null)),
        ("mpt", "attn_config", json!({ "clip_qkv": 6 })),
        ("mpt", "attn_config", json!({ "alibi": false })),
        ("mpt", "expansion_ratio", json!(2)),
        ("mpt", "logit_scale", json!("inv_sqrt_d_model")),
        ("olmo", "clip_qkv", json!(8.0)),
        ("roformer", "rotary_value", json!(true)),
        ("smollm3", "no_rope_layers", json!([1])),
        ("smollm3", "use_sliding_window", json!(true)),
        ("stablelm", "qk_layernorm", json!(true)),
    ] {
        let mut model = Checkpoint::fixture(fixture);
        model.config[key] = value.clone();
        let Err(error) = load(&model.source()) else { panic!("{fixture}: {key} {value}") };
        assert!(error.to_string().contains(key), "{fixture}: {error}");
    }
}

/// Models with layers that carry a state from token to token are refused by their type, with the reason.
#[test]
fn state_spaces_are_refused_by_name() {
    for model_type in ["mamba2", "jamba", "qwen3_next", "falcon_h1", "rwkv"] {
        let mut model = Checkpoint::fixture("llama");
        model.config["model_type"] = model_type.into();
        let Err(error) = load(&model.source()) else { panic!("{model_type}") };
        let error = error.to_string();
        assert!(error.contains(&format!("\"model_type\" is \"{model_type}\"")), "{error}");
        assert!(error.contains("carry a state from token to token"), "{error}");
    }
}
