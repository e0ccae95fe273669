//! Known differences of candle-transformers 0.11.1 from transformers. Each was found with golden files of
//! transformers, and confirmed with a config or weights that remove the difference (in the tests of the
//! second opinion in the suite).

use super::checkpoint::Checkpoint;

/// A difference: the families, the configs, and a description.
struct Deviation {
    model_types: &'static [&'static str],
    /// Whether a config has the difference, for sequences up to a number of tokens.
    when: fn(&Checkpoint, usize) -> bool,
    says: &'static str,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        model_types: &["distilbert"],
        when: |c, _| c.text("activation").is_none_or(|a| a.starts_with("gelu") && a != "gelu_new"),
        says: "candle-transformers' DistilBERT takes the tanh GELU for gelu",
    },
    Deviation {
        model_types: &["mistral"],
        when: beyond_window,
        says: "candle-transformers' sliding window is one token wider than transformers'",
    },
    Deviation {
        model_types: &["starcoder2", "mixtral"],
        when: |c, tokens| c.size("sliding_window").is_some_and(|window| tokens > window),
        says: "candle-transformers' sliding window is one token wider than transformers'",
    },
    Deviation {
        model_types: &["qwen2"],
        when: |c, tokens| c.flag("use_sliding_window") && beyond_window(c, tokens),
        says: "candle-transformers' sliding window is one token wider than transformers', and in all layers",
    },
    Deviation {
        model_types: &["gemma2"],
        when: beyond_window,
        says: "candle-transformers' sliding window is one token wider than transformers', and in all layers",
    },
    Deviation {
        model_types: &["gemma2", "gemma3_text"],
        when: |c, _| {
            let scalar = c.number("query_pre_attn_scalar").unwrap_or(256.0);
            scalar != c.number("head_dim").unwrap_or(256.0)
        },
        says: "candle-transformers scales attention by head_dim, not by query_pre_attn_scalar",
    },
    Deviation {
        model_types: &["phi3"],
        when: |c, _| c.value("rope_scaling").is_some(),
        says: "candle-transformers' longrope multiplies by its factors where transformers divides, leaves out the scale of attention, and has both sets of factors in one sequence",
    },
    Deviation {
        model_types: &["t5", "mt5"],
        when: |c, _| {
            c.text("feed_forward_proj").is_some_and(|f| !f.starts_with("gated-") && f != "relu")
        },
        says: "candle-transformers' T5 takes relu for every MLP without a gate",
    },
];

/// Whether a sequence is longer than the window.
fn beyond_window(checkpoint: &Checkpoint, tokens: usize) -> bool {
    checkpoint.window().is_some_and(|window| tokens > window)
}

/// The differences on a checkpoint.
pub(super) fn of(checkpoint: &Checkpoint, tokens: usize) -> Vec<&'static str> {
    let model_type = checkpoint.text("model_type").unwrap_or_default();
    DEVIATIONS
        .iter()
        .filter(|d| d.model_types.contains(&model_type) && (d.when)(checkpoint, tokens))
        .map(|d| d.says)
        .collect()
}
