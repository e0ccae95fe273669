//! Settings that the fixtures do not have: what published files say, and what they leave out.

use super::maker::Maker;
use super::open;
use serde_json::{Value, json};

/// A model without layers of an architecture.
fn small(architecture: &str, layers: u32, width: u32, heads: u32) -> Maker {
    let key = |name: &str| format!("{architecture}.{name}");
    Maker::default()
        .text("general.architecture", architecture)
        .number(&key("block_count"), layers)
        .number(&key("context_length"), 131_072)
        .number(&key("embedding_length"), width)
        .number(&key("feed_forward_length"), 4)
        .number(&key("attention.head_count"), heads)
        .float(&key("attention.layer_norm_rms_epsilon"), 1e-6)
        .tensor("token_embd.weight", &[1, 1], 0, 0)
        .data(4096)
}

fn config(maker: &Maker) -> Value {
    open(maker.bytes()).unwrap().config().unwrap()
}

/// Adds the divisors that a scaling of Llama 3's kind makes.
fn with_divisors(mut maker: Maker, theta: f64, factor: f64, original: f64, width: usize) -> Maker {
    let divisor = |i: usize| {
        let wavelength = std::f64::consts::TAU * theta.powf(2.0 * i as f64 / width as f64);
        if wavelength < original / 4.0 {
            return 1.0;
        }
        if wavelength > original {
            return factor;
        }
        let smooth = (original / wavelength - 1.0) / 3.0;
        1.0 / ((1.0 - smooth) / factor + smooth)
    };
    maker = maker.float("llama.rope.freq_base", theta as f32).tensor(
        "rope_freqs.weight",
        &[width as u64 / 2],
        0,
        32,
    );
    for i in 0..width / 2 {
        let at = 32 + 4 * i;
        maker.data[at..at + 4].copy_from_slice(&(divisor(i) as f32).to_le_bytes());
    }
    maker
}

#[test]
fn llama_3_is_known_by_its_divisors() {
    // Llama 3.1 of 8B, Llama 3.2 of 1B and of 3B; and one of another first length.
    for (factor, original, width) in
        [(8.0, 8192.0, 128), (32.0, 8192.0, 64), (32.0, 8192.0, 128), (16.0, 4096.0, 96)]
    {
        let maker = small("llama", 2, 4 * width as u32, 4);
        let config = config(&with_divisors(maker, 500_000.0, factor, original, width));
        assert_eq!(config["rope_theta"], 500_000.0);
        let expected = json!({
            "rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": original as u64,
        });
        assert_eq!(config["rope_scaling"], expected);
    }
    let plain = with_divisors(small("llama", 2, 512, 4), 1e4, 1.0, 8192.0, 128);
    assert_eq!(config(&plain)["rope_scaling"], Value::Null);
    let mut other = with_divisors(small("llama", 2, 512, 4), 5e5, 8.0, 8192.0, 128);
    other.data[32 + 4 * 30..][..4].copy_from_slice(&1.5_f32.to_le_bytes());
    let error = open(other.bytes()).unwrap().config().unwrap_err().to_string();
    assert!(error.contains("rope_freqs.weight"), "{error}");
}

#[test]
fn scaling_by_keys() {
    let llama = || small("llama", 2, 4, 2);
    assert_eq!(config(&llama())["rope_scaling"], Value::Null);
    assert_eq!(config(&llama())["rope_theta"], 10000.0);
    let linear = json!({ "rope_type": "linear", "factor": 4.0 });
    let factor = "llama.rope.scaling.factor";
    assert_eq!(config(&llama().float(factor, 4.0))["rope_scaling"], linear);
    assert_eq!(config(&llama().float("llama.rope.scale_linear", 4.0))["rope_scaling"], linear);
    assert_eq!(config(&llama().float(factor, 1.0))["rope_scaling"], Value::Null);
    let yarn = llama().float(factor, 4.0).text("llama.rope.scaling.type", "yarn");
    let error = open(yarn.bytes()).unwrap().config().unwrap_err().to_string();
    assert!(error.contains("original_context_length\" is missing"), "{error}");
    let yarn = yarn.number("llama.rope.scaling.original_context_length", 32768);
    let yarn = yarn.float("llama.rope.scaling.yarn_beta_fast", 16.0);
    let expected = json!({
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768,
        "beta_fast": 16.0,
    });
    assert_eq!(config(&yarn)["rope_scaling"], expected);
}

#[test]
fn gemma_3_as_it_is_published() {
    let gemma = |layers, width, heads| {
        small("gemma3", layers, width, heads)
            .number("gemma3.attention.key_length", 256)
            .number("gemma3.attention.value_length", 256)
    };
    // That of 1B has windows by a rule that its file leaves to the reader; that of 27B another scale.
    let config_of_1b = config(&gemma(26, 1152, 4).number("gemma3.attention.sliding_window", 512));
    assert_eq!(config_of_1b["query_pre_attn_scalar"], 256);
    assert_eq!(config_of_1b["sliding_window_pattern"], 6);
    assert_eq!(config_of_1b["sliding_window"], 512);
    assert_eq!(config_of_1b["rope_theta"], 1e6);
    assert_eq!(config_of_1b["rope_local_base_freq"], 1e4);
    assert_eq!(config_of_1b["hidden_activation"], "gelu_pytorch_tanh");
    let config_of_27b = config(&gemma(62, 5376, 32));
    assert_eq!(config_of_27b["query_pre_attn_scalar"], 168);
    // Without a window every layer sees all.
    assert_eq!(config_of_27b["sliding_window_pattern"], 1);
    let layers = gemma(3, 1152, 4).number("gemma3.attention.sliding_window", 512).key(
        "gemma3.attention.sliding_window_pattern",
        9,
        &[&7_u32.to_le_bytes()[..], &3_u64.to_le_bytes(), &[1, 0, 1]].concat(),
    );
    let kinds = json!(["sliding_attention", "full_attention", "sliding_attention"]);
    assert_eq!(config(&layers)["layer_types"], kinds);
}
