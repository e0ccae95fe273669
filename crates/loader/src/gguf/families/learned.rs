//! The configs of models with learned positions: GPT-2 and BERT.

use super::{Gguf, Heads, Keys, Result, causal, rows, sizes};
use serde_json::{Map, Value, json};

pub(super) fn gpt2(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    sizes(keys, config, ["n_embd", "n_inner", "n_layer", "n_head", "n_positions"])?;
    causal(keys, true)?;
    keys.only("attention.head_count_kv", Heads::of(keys)?.queries as f64)?;
    let eps = "attention.layer_norm_epsilon";
    config.insert("layer_norm_epsilon".to_owned(), keys.need(eps, keys.float(eps))?.into());
    config.insert("activation_function".to_owned(), "gelu_new".into());
    config.insert("vocab_size".to_owned(), rows(gguf, "token_embd.weight")?.into());
    Ok(())
}

pub(super) fn bert(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let names = [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
    ];
    sizes(keys, config, names)?;
    causal(keys, false)?;
    keys.only("attention.head_count_kv", Heads::of(keys)?.queries as f64)?;
    let eps = "attention.layer_norm_epsilon";
    config.insert("layer_norm_eps".to_owned(), keys.need(eps, keys.float(eps))?.into());
    config.insert("hidden_act".to_owned(), "gelu".into());
    config.insert("vocab_size".to_owned(), rows(gguf, "token_embd.weight")?.into());
    // RoBERTa models also come as BERT, without the rows before their first position.
    let positions = rows(gguf, "position_embd.weight")?;
    config.insert("max_position_embeddings".to_owned(), positions.into());
    config.insert("type_vocab_size".to_owned(), rows(gguf, "token_types.weight")?.into());
    // The head of BERT is always tied.
    config.insert("tie_word_embeddings".to_owned(), json!(true));
    Ok(())
}
