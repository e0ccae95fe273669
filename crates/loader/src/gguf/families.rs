//! The supported architectures of llama.cpp: from metadata to a `config.json`, and from tensors to
//! transformers' names.

mod experts;
mod falcon;
mod learned;
mod relatives;

use super::Gguf;
use super::keys::Keys;
use super::names::{
    BERT, Conversion, FALCON, FALCON_TWO_NORMS, GEMMA3, GLM4, GPT_OSS, GPT2, LLAMA, MIXTRAL, Names,
    OLMO2, PHI2, PHI3, QWEN, STARCODER2,
};
use super::parse;
use super::rope::{self, Rope};
use super::tensor::{Change, GgufTensor};
use crate::error::{Error, Result};
use crate::stored::StoredTensors;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An architecture of llama.cpp.
struct Architecture {
    /// The name in `general.architecture`.
    name: &'static str,
    /// The `model_type` in `config.json`.
    model_type: &'static str,
    names: Names,
    /// Tensors that are settings, and become keys of the config.
    settings: &'static [&'static str],
    config: fn(&Gguf, &Keys<'_>, &mut Map<String, Value>) -> Result<()>,
}

const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "llama",
        model_type: "llama",
        names: LLAMA,
        settings: &["rope_freqs.weight"],
        config: llama,
    },
    Architecture { name: "qwen2", model_type: "qwen2", names: QWEN, settings: &[], config: qwen2 },
    Architecture { name: "qwen3", model_type: "qwen3", names: QWEN, settings: &[], config: qwen3 },
    Architecture {
        name: "qwen2moe",
        model_type: "qwen2_moe",
        names: QWEN,
        settings: &[],
        config: experts::qwen2_moe,
    },
    Architecture {
        name: "qwen3moe",
        model_type: "qwen3_moe",
        names: QWEN,
        settings: &[],
        config: experts::qwen3_moe,
    },
    Architecture {
        name: "gpt-oss",
        model_type: "gpt_oss",
        names: GPT_OSS,
        settings: &[],
        config: experts::gpt_oss,
    },
    Architecture {
        name: "olmoe",
        model_type: "olmoe",
        names: QWEN,
        settings: &[],
        config: experts::olmoe,
    },
    Architecture {
        name: "gemma3",
        model_type: "gemma3_text",
        names: GEMMA3,
        settings: &[],
        config: gemma3,
    },
    Architecture {
        name: "phi3",
        model_type: "phi3",
        names: PHI3,
        settings: &[rope::LONG, rope::SHORT],
        config: phi3,
    },
    Architecture {
        name: "gpt2",
        model_type: "gpt2",
        names: GPT2,
        settings: &[],
        config: learned::gpt2,
    },
    Architecture {
        name: "bert",
        model_type: "bert",
        names: BERT,
        settings: &[],
        config: learned::bert,
    },
    Architecture {
        name: "command-r",
        model_type: "cohere",
        names: QWEN,
        settings: &[],
        config: relatives::command_r,
    },
    Architecture {
        name: "glm4",
        model_type: "glm4",
        names: GLM4,
        settings: &[],
        config: relatives::glm4,
    },
    Architecture {
        name: "granite",
        model_type: "granite",
        names: LLAMA,
        settings: &[],
        config: relatives::granite,
    },
    Architecture {
        name: "olmo2",
        model_type: "olmo2",
        names: OLMO2,
        settings: &[],
        config: relatives::olmo2,
    },
    Architecture {
        name: "stablelm",
        model_type: "stablelm",
        names: QWEN,
        settings: &[],
        config: relatives::stablelm,
    },
    Architecture {
        name: "falcon",
        model_type: "falcon",
        names: FALCON,
        settings: &[],
        config: falcon::falcon,
    },
    Architecture {
        name: "phi2",
        model_type: "phi",
        names: PHI2,
        settings: &[],
        config: relatives::phi2,
    },
    Architecture {
        name: "smollm3",
        model_type: "smollm3",
        names: LLAMA,
        settings: &[],
        config: relatives::smollm3,
    },
    Architecture {
        name: "starcoder2",
        model_type: "starcoder2",
        names: STARCODER2,
        settings: &[],
        config: relatives::starcoder2,
    },
];

/// What llama.cpp calls llama, with experts.
const LLAMA_OF_EXPERTS: Architecture = Architecture {
    name: "llama",
    model_type: "mixtral",
    names: MIXTRAL,
    settings: &[],
    config: experts::mixtral,
};

/// Falcon with a norm for each half of a block.
const FALCON_OF_TWO_NORMS: Architecture = Architecture {
    name: "falcon",
    model_type: "falcon",
    names: FALCON_TWO_NORMS,
    settings: &[],
    config: falcon::falcon,
};

impl Architecture {
    fn of(gguf: &Gguf) -> Result<&'static Self> {
        let name = gguf.architecture()?;
        let with_experts = gguf.header.tensors.contains_key("blk.0.ffn_gate_inp.weight");
        if name == LLAMA_OF_EXPERTS.name && with_experts {
            return Ok(&LLAMA_OF_EXPERTS);
        }
        if name == FALCON_OF_TWO_NORMS.name && falcon::has_two_norms(gguf) {
            return Ok(&FALCON_OF_TWO_NORMS);
        }
        ARCHITECTURES.iter().find(|a| a.name == name).ok_or_else(|| Error::Family {
            model_type: format!("{name} (GGUF)"),
            supported: ARCHITECTURES.iter().map(|a| a.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// The name of a tensor in transformers, and its conversion.
    fn find(&self, name: &str) -> Option<(String, Conversion)> {
        let (module, kind) = name.rsplit_once('.')?;
        if !matches!(kind, "weight" | "bias") {
            return None;
        }
        let layer = module.strip_prefix("blk.").and_then(|rest| rest.split('.').next());
        // Only the converter's spelling of a number, so that no two names mean one tensor.
        let layer = layer.filter(|l| l.parse::<usize>().is_ok_and(|n| n.to_string() == *l));
        let module = match layer {
            Some(layer) => module.replacen(layer, "{i}", 1),
            None => module.to_owned(),
        };
        let mut names = self.names.iter().copied().flatten();
        let (_, source, made) = names.find(|(module_of, ..)| *module_of == module)?;
        Some((format!("{}.{kind}", source.replace("{i}", layer.unwrap_or_default())), *made))
    }
}

/// The `config.json` of a file.
pub(super) fn config(gguf: &Gguf) -> Result<Value> {
    let architecture = Architecture::of(gguf)?;
    let keys = gguf.keys(architecture.name);
    let mut config = Map::new();
    config.insert("model_type".to_owned(), architecture.model_type.into());
    let head_is_there = gguf.header.tensors.contains_key("output.weight");
    config.insert("tie_word_embeddings".to_owned(), (!head_is_there).into());
    (architecture.config)(gguf, &keys, &mut config)?;
    if !config.contains_key("num_experts") {
        for key in ["expert_count", "expert_used_count"] {
            keys.only(key, 0.0)?;
        }
    }
    // Keys that do not matter here: the tensors have the size, training and conversion leave notes,
    // hidden states need no labels, and `Gguf::sentence_pooling` reads the pooling.
    for key in [
        "vocab_size",
        "rope.scaling.finetuned",
        "tensor_data_layout",
        "classifier.output_labels",
        "pooling_type",
    ] {
        keys.get(key);
    }
    keys.finish()?;
    Ok(Value::Object(config))
}

/// llama.cpp's heads after the last state: of rerankers, and the linear layers of sentence embedders.
const HEADS: &[&str] = &["cls", "cls.norm", "cls.output", "dense_2", "dense_3"];

fn is_kind(end: &str) -> bool {
    matches!(end, ".weight" | ".bias")
}

/// The tensors of a file under transformers' names.
pub(super) fn tensors(gguf: &Gguf) -> Result<StoredTensors> {
    let architecture = Architecture::of(gguf)?;
    let keys = gguf.keys(architecture.name);
    let mut tensors = StoredTensors::new();
    let mut unknown = Vec::new();
    for (name, info) in &gguf.header.tensors {
        if architecture.settings.contains(&name.as_str()) {
            continue;
        }
        let Some((source, made)) = architecture.find(name) else {
            let head = HEADS.iter().any(|head| name.strip_prefix(head).is_some_and(is_kind));
            if head {
                let tensor = GgufTensor::new(gguf, name, info, Change::None)?;
                tensors.insert(name.clone(), Arc::new(tensor));
            } else {
                unknown.push(name);
            }
            continue;
        };
        let change = match made {
            Conversion::Same => Change::None,
            Conversion::PlusOne => Change::PlusOne,
            Conversion::Transposed => Change::Transposed,
            Conversion::Row => Change::Row,
            Conversion::Query => Change::Interleaved { heads: Heads::of(&keys)?.queries },
            Conversion::Key => Change::Interleaved { heads: Heads::of(&keys)?.keys },
        };
        tensors.insert(source, Arc::new(GgufTensor::new(gguf, name, info, change)?));
    }
    match unknown.first() {
        None => Ok(tensors),
        Some(first) => Err(Error::UnknownTensors {
            family: architecture.name.to_owned(),
            count: unknown.len(),
            first: (*first).clone(),
        }),
    }
}

/// The numbers of query heads and key-value heads.
struct Heads {
    queries: usize,
    keys: usize,
}

impl Heads {
    fn of(keys: &Keys<'_>) -> Result<Self> {
        let size = |key: &str| {
            let value = keys.size(key)?.map(usize::try_from);
            value.transpose().map_err(|_| keys.error(key, "it is too large"))
        };
        const QUERIES: &str = "attention.head_count";
        let queries = keys.need(QUERIES, size(QUERIES))?;
        if queries == 0 {
            return Err(keys.error(QUERIES, "a number of heads is expected"));
        }
        Ok(Self { queries, keys: size("attention.head_count_kv")?.unwrap_or(queries) })
    }
}

/// Copies the sizes that every architecture has to `config`, under `names`.
fn sizes(keys: &Keys<'_>, config: &mut Map<String, Value>, names: [&str; 5]) -> Result<()> {
    let sizes = [
        "embedding_length",
        "feed_forward_length",
        "block_count",
        "attention.head_count",
        "context_length",
    ];
    for (key, name) in sizes.into_iter().zip(names) {
        config.insert(name.to_owned(), keys.need(key, keys.size(key))?.into());
    }
    Ok(())
}

/// The rows of a tensor.
fn rows(gguf: &Gguf, tensor: &str) -> Result<usize> {
    match gguf.header.tensors.get(tensor) {
        Some(info) => Ok(info.shape[0]),
        None => Err(Error::MissingTensor { tensor: tensor.to_owned() }),
    }
}

/// The key of the epsilon of root mean square norms, here and in a config.
const RMS: (&str, &str) = ("attention.layer_norm_rms_epsilon", "rms_norm_eps");

/// The keys that decoders with rotary positions share; returns the width of a head.
fn decoder(
    gguf: &Gguf,
    keys: &Keys<'_>,
    config: &mut Map<String, Value>,
    eps: (&str, &str),
) -> Result<u64> {
    let names = [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
    ];
    sizes(keys, config, names)?;
    causal(keys, true)?;
    let heads = Heads::of(keys)?;
    let d_model = keys.need("embedding_length", keys.size("embedding_length"))?;
    let d_head = match keys.size("attention.key_length")? {
        Some(d_head) => d_head,
        None if d_model.is_multiple_of(heads.queries as u64) => d_model / heads.queries as u64,
        None => {
            let reason = format!("it must divide embedding_length, {d_model}");
            return Err(keys.error("attention.head_count", &reason));
        }
    };
    keys.only("attention.value_length", d_head as f64)?;
    config.insert("num_key_value_heads".to_owned(), heads.keys.into());
    config.insert(eps.1.to_owned(), keys.need(eps.0, keys.float(eps.0))?.into());
    config.insert("vocab_size".to_owned(), rows(gguf, "token_embd.weight")?.into());
    config.insert("hidden_act".to_owned(), "silu".into());
    Ok(d_head)
}

/// Refuses a file whose attention is causal and its family's is not, or the reverse.
fn causal(keys: &Keys<'_>, causal: bool) -> Result<()> {
    match keys.flag("attention.causal")? {
        Some(value) if value != causal => {
            Err(keys.error("attention.causal", &format!("only {causal} is supported")))
        }
        _ => Ok(()),
    }
}

/// Refuses rotary positions of a part of each head, for families that rotate the whole head.
fn whole_rotation(keys: &Keys<'_>, d_head: u64) -> Result<()> {
    keys.only("rope.dimension_count", d_head as f64)
}

fn llama(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    whole_rotation(keys, d_head)?;
    let has = |tensor: &str| gguf.header.tensors.contains_key(tensor);
    config.insert("head_dim".to_owned(), d_head.into());
    config.insert("attention_bias".to_owned(), has("blk.0.attn_q.bias").into());
    config.insert("mlp_bias".to_owned(), has("blk.0.ffn_gate.bias").into());
    let rope = Rope::read(keys, 10000.0)?;
    let scaling = match gguf.setting("rope_freqs.weight")? {
        None => rope.scaling(keys)?,
        Some(factors) => rope::llama3(keys, &rope, d_head, &factors)?,
    };
    rope.write(scaling, config);
    Ok(())
}

fn qwen2(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    whole_rotation(keys, d_head)?;
    config.insert("head_dim".to_owned(), d_head.into());
    // The converter has no key for a window; models with a window in their config do not use it.
    config.insert("use_sliding_window".to_owned(), false.into());
    let rope = Rope::read(keys, 10000.0)?;
    rope.write(rope.scaling(keys)?, config);
    Ok(())
}

fn qwen3(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    qwen2(gguf, keys, config)?;
    let bias = gguf.header.tensors.contains_key("blk.0.attn_q.bias");
    config.insert("attention_bias".to_owned(), bias.into());
    Ok(())
}

fn gemma3(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    whole_rotation(keys, d_head)?;
    config.remove("hidden_act");
    config.insert("hidden_activation".to_owned(), "gelu_pytorch_tanh".into());
    config.insert("head_dim".to_owned(), d_head.into());
    let scalar = match keys.float("attention.scale")? {
        Some(scale) if scale > 0.0 => whole(1.0 / (scale * scale)),
        Some(_) => return Err(keys.error("attention.scale", "a positive number is expected")),
        // No key has it. It is the width of a head; in the 27B model, the only one with 62 layers, it
        // is the width of the model divided by the number of heads.
        None => match keys.size("block_count")? {
            Some(62) => {
                let d_model = keys.size("embedding_length")?.unwrap_or_default();
                (d_model / Heads::of(keys)?.queries as u64).into()
            }
            _ => d_head.into(),
        },
    };
    config.insert("query_pre_attn_scalar".to_owned(), scalar);
    keys.only("attn_logit_softcapping", 0.0)?;
    let cap = keys.float("final_logit_softcapping")?.filter(|cap| *cap != 0.0);
    config.insert("final_logit_softcapping".to_owned(), cap.into());
    let window = keys.size("attention.sliding_window")?.filter(|window| *window > 0);
    let pattern = "attention.sliding_window_pattern";
    match (window, keys.get(pattern)) {
        (None, _) => drop(config.insert("sliding_window_pattern".to_owned(), 1.into())),
        (Some(_), None) => drop(config.insert("sliding_window_pattern".to_owned(), 6.into())),
        (Some(_), Some(value)) => match (value.unsigned(), value.list()) {
            (Some(every), _) if every > 0 => {
                config.insert("sliding_window_pattern".to_owned(), every.into());
            }
            (None, Some(layers)) => {
                let kinds = layers.iter().map(|layer| match layer {
                    parse::Value::Bool(false) => "full_attention",
                    _ => "sliding_attention",
                });
                config.insert("layer_types".to_owned(), kinds.collect());
            }
            _ => return Err(keys.error(pattern, "a number or a list is expected")),
        },
    }
    if let Some(window) = window {
        config.insert("sliding_window".to_owned(), window.into());
    }
    let local = keys.float("rope.freq_base_swa")?.unwrap_or(10000.0);
    config.insert("rope_local_base_freq".to_owned(), local.into());
    let rope = Rope::read(keys, 1_000_000.0)?;
    rope.write(rope.scaling(keys)?, config);
    Ok(())
}

/// A number, as a whole number if it differs from one by rounding alone.
fn whole(value: f64) -> Value {
    let near = value.round();
    if (value - near).abs() < 1e-5 * near { (near as u64).into() } else { value.into() }
}

fn phi3(gguf: &Gguf, keys: &Keys<'_>, config: &mut Map<String, Value>) -> Result<()> {
    let d_head = decoder(gguf, keys, config, RMS)?;
    partial_rotation(keys, config, d_head)?;
    let window = keys.size("attention.sliding_window")?.filter(|window| *window > 0);
    config.insert("sliding_window".to_owned(), window.into());
    let rope = Rope::read(keys, 10000.0)?;
    if let Some(original) = rope.original {
        config.insert("original_max_position_embeddings".to_owned(), original.into());
    }
    let scaling = match (gguf.setting(rope::LONG)?, gguf.setting(rope::SHORT)?) {
        (None, None) => rope.scaling(keys)?,
        (Some(long), Some(short)) => rope::longrope(keys, &rope, &long, &short)?,
        (None, _) => return Err(Error::MissingTensor { tensor: rope::LONG.to_owned() }),
        (_, None) => return Err(Error::MissingTensor { tensor: rope::SHORT.to_owned() }),
    };
    rope.write(scaling, config);
    Ok(())
}

/// The part of a head that rotates.
fn partial_rotation(keys: &Keys<'_>, config: &mut Map<String, Value>, d_head: u64) -> Result<()> {
    let d_rotary = keys.size("rope.dimension_count")?.unwrap_or(d_head);
    if d_rotary > d_head || d_rotary == 0 {
        let reason = format!("a part of a head, {d_head}, is expected");
        return Err(keys.error("rope.dimension_count", &reason));
    }
    let part = d_rotary as f64 / d_head as f64;
    // transformers truncates the product, which must not fall below the original number.
    let part = if (part * d_head as f64) as u64 == d_rotary { part } else { part.next_up() };
    config.insert("partial_rotary_factor".to_owned(), part.into());
    Ok(())
}
