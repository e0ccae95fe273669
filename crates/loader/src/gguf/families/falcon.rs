//! The config of Falcon.

use super::{Gguf, Heads, Keys, Result, causal, rows, sizes, whole_rotation};
use crate::gguf::rope::Rope;
use serde_json::{Map, Value};

/// Whether attention and MLP have a norm each.
pub(super) fn has_two_norms(gguf: &Gguf) -> bool {
    gguf.header.tensors.contains_key("blk.0.attn_norm_2.weight")
}

pub(super) fn falcon(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let names = [
        "hidden_size",
        "ffn_hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
    ];
    sizes(keys, config, names)?;
    causal(keys, true)?;
    let (heads, two_norms) = (Heads::of(keys)?, has_two_norms(gguf));
    let d_model = keys.need("embedding_length", keys.size("embedding_length"))?;
    whole_rotation(keys, d_model / heads.queries as u64)?;
    let eps = "attention.layer_norm_epsilon";
    config.insert("layer_norm_epsilon".to_owned(), keys.need(eps, keys.float(eps))?.into());
    config.insert("vocab_size".to_owned(), rows(gguf, "token_embd.weight")?.into());
    let bias = gguf.header.tensors.contains_key("blk.0.attn_qkv.bias");
    config.insert("bias".to_owned(), bias.into());
    config.insert("alibi".to_owned(), false.into());
    // Without groups there is one head of keys.
    let groups = two_norms || heads.keys > 1;
    config.insert("new_decoder_architecture".to_owned(), groups.into());
    if groups {
        config.insert("num_kv_heads".to_owned(), heads.keys.into());
    } else {
        config.insert("multi_query".to_owned(), true.into());
    }
    if groups && !two_norms {
        config.insert("num_ln_in_parallel_attn".to_owned(), 1.into());
    }
    let rope = Rope::read(keys, 10000.0)?;
    rope.write(rope.scaling(keys)?, config);
    Ok(())
}
