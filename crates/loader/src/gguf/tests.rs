//! GGUF files against the checkpoints that they were made of, and against what is wrong with files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod hostile;
mod maker;
mod real;
mod settings;
mod source;

use super::Gguf;
use super::tensor::{Change, GgufTensor};
use crate::bytes::FileBytes;
use crate::stored::values_of;
use crate::tokenizer::Tokenizer;
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn open(bytes: Vec<u8>) -> crate::Result<Gguf> {
    Gguf::open(Arc::new(FileBytes::Memory(bytes.into())), "test.gguf")
}

/// The folders of the fixtures of one sort.
fn folders(sort: &str) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(fixtures().join("gguf").join(sort)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), path);
    paths.map(named).collect()
}

/// Values of a tensor that is stored as f32 or f16.
fn values(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let view = file.tensor(name).unwrap();
    let encoding = crate::stored::encoding_of(view.dtype(), name).unwrap();
    let mut values = vec![0.0; view.shape().iter().product()];
    encoding.decode(view.data(), &mut values);
    values
}

#[test]
fn checkpoints_come_back() {
    let models = folders("models");
    assert_eq!(models.len(), 29);
    for (name, folder) in models {
        let gguf = open(read(folder.join("model.gguf"))).unwrap();
        let family = fixtures().join("families").join(&name);
        let bytes = read(family.join("model.safetensors"));
        let theirs = SafeTensors::deserialize(&bytes).unwrap();
        let ours = gguf.tensors().unwrap();
        // Experts have other names in a checkpoint than in a file, and sinks are no module there: the
        // states of these models are compared with the golden files.
        let of_mixture = |name: &str| name.contains(".experts.") || name.contains(".sinks");
        let is_mixture = ours.keys().any(|name| of_mixture(name));
        // So have the queries, keys and values of Falcon.
        let elsewhere = |name: &str| of_mixture(name) || name.contains(".self_attention.q");
        let of_both = |name: &&str| !name.starts_with("pooler.") && !elsewhere(name);
        let names: BTreeSet<&str> = theirs.names().into_iter().filter(of_both).collect();
        let own: BTreeSet<&str> = ours.keys().map(String::as_str).filter(of_both).collect();
        assert_eq!(own, names, "{name}");
        for (tensor, stored) in ours.iter().filter(|(tensor, _)| !elsewhere(tensor)) {
            let expected = values(&theirs, tensor);
            let found = values_of(&**stored, tensor).unwrap();
            assert_eq!(stored.shape(), theirs.tensor(tensor).unwrap().shape(), "{name} {tensor}");
            // The one that is added to Gemma's norms costs the last bits of what it is added to.
            let lost =
                if name == "gemma3-text" && tensor.ends_with("norm.weight") { 2e-7 } else { 0.0 };
            let far = expected.iter().zip(&found).find(|(a, b)| (**a - **b).abs() > lost);
            assert_eq!(far, None, "{name} {tensor}");
        }
        if !is_mixture {
            same_config(&name, &gguf.config().unwrap(), &family);
        }
    }
}

/// Holds a config to that of the checkpoint, in the old spelling where there is one.
fn same_config(name: &str, ours: &Value, family: &Path) {
    let old = std::fs::read(family.join("config-transformers-4.json")).ok();
    let is_old = old.is_some();
    let theirs = old.unwrap_or_else(|| read(family.join("config.json")));
    let mut theirs: Value = serde_json::from_slice(&theirs).unwrap();
    if !is_old && theirs["rope_parameters"].is_object() {
        for key in ["rope_theta", "partial_rotary_factor"] {
            theirs[key] = theirs["rope_parameters"][key].clone();
        }
    }
    // Either word names the kind of scaling.
    let kind = |config: &mut Value| {
        if let Some(scaling) = config["rope_scaling"].as_object_mut()
            && let Some(kind) = scaling.remove("type")
        {
            scaling.insert("rope_type".to_owned(), kind);
        }
    };
    let mut ours = ours.clone();
    kind(&mut ours);
    kind(&mut theirs);
    let mut shared = 0;
    for (key, value) in ours.as_object().unwrap() {
        // The file has the number of values that rotate.
        let rotated = |part: &Value| (part.as_f64().unwrap() * d_head(&ours)) as u64;
        match theirs.get(key).filter(|value| key != "partial_rotary_factor" || !value.is_null()) {
            Some(expected) => {
                let equal = match key.as_str() {
                    "partial_rotary_factor" => rotated(value) == rotated(expected),
                    _ => same(value, expected),
                };
                assert!(equal, "{name} {key}: {value}, {expected} is expected");
                shared += 1;
            }
            // What the other leaves to transformers' default.
            None => match (key.as_str(), value) {
                ("rope_scaling" | "sliding_window" | "final_logit_softcapping", Value::Null) => {}
                ("tie_word_embeddings", Value::Bool(_)) => {}
                ("head_dim", d_head) => {
                    let d_model = theirs["hidden_size"].as_u64().unwrap();
                    let heads = theirs["num_attention_heads"].as_u64().unwrap();
                    assert_eq!(d_head, d_model / heads, "{name}");
                }
                ("attention_bias" | "mlp_bias", Value::Bool(false)) => {}
                ("hidden_act", act) => assert_eq!(act, "silu", "{name}"),
                ("partial_rotary_factor", part) => assert_eq!(part, 1.0, "{name}"),
                ("rope_theta", theta) => panic!("{name}: {theta}"),
                other => panic!("{name}: {other:?} is not in the checkpoint's config"),
            },
        }
    }
    assert!(shared >= 9, "{name}: only {shared} keys are shared");
    // What the checkpoint's config says and ours would leave to a default.
    let said = [
        "num_key_value_heads",
        "rope_scaling",
        "sliding_window",
        "sliding_window_pattern",
        "query_pre_attn_scalar",
        "rope_local_base_freq",
        "partial_rotary_factor",
        "original_max_position_embeddings",
        "type_vocab_size",
        "n_inner",
    ];
    for key in said {
        let unused = key == "sliding_window" && theirs["use_sliding_window"] == false;
        let value = theirs.get(key).filter(|v| !v.is_null());
        assert!(value.is_none() || unused || !ours[key].is_null(), "{name}: {key} is lost");
    }
}

/// The width of a head.
fn d_head(config: &Value) -> f64 {
    let number = |key: &str| config[key].as_f64();
    let divided = || Some(number("hidden_size")? / number("num_attention_heads")?);
    number("head_dim").or_else(divided).unwrap()
}

/// Whether two settings are equal, numbers as f32 has them.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().unwrap() as f32 == b.as_f64().unwrap() as f32
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}

#[test]
fn quantized_values_are_those_of_the_reference() {
    let folder = fixtures().join("gguf/quantized");
    let gguf = open(read(folder.join("model.gguf"))).unwrap();
    let bytes = read(folder.join("expected.safetensors"));
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(gguf.header.tensors.len(), 16);
    for (name, info) in &gguf.header.tensors {
        let tensor = GgufTensor::new(&gguf, name, info, Change::None).unwrap();
        let ours = values_of(&tensor, name).unwrap();
        let theirs = values(&expected, name);
        assert_eq!(info.shape, expected.tensor(name).unwrap().shape());
        let largest = theirs.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let distance =
            ours.iter().zip(&theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        println!("{name}: {distance:e} of {largest:e}");
        assert!(ours.len() == theirs.len() && distance <= 1.2e-7 * largest, "{name}: {distance:e}");
    }
}

#[derive(serde::Deserialize)]
struct Expected {
    text: String,
    #[serde(default)]
    pair: Option<String>,
    input_ids: Vec<u32>,
    #[serde(default)]
    token_type_ids: Vec<u32>,
    #[serde(default)]
    offsets: Vec<[usize; 2]>,
}

#[test]
fn tokenizers_come_back() {
    let vocabularies = folders("tokenizers");
    assert_eq!(vocabularies.len(), 8);
    for (name, folder) in vocabularies {
        let gguf = open(read(folder.join("model.gguf"))).unwrap();
        let definition = gguf.tokenizer().unwrap().unwrap().to_string();
        let tokenizer = Tokenizer::from_json(definition.as_bytes()).unwrap();
        let texts: Vec<Expected> =
            serde_json::from_slice(&read(folder.join("expected.json"))).unwrap();
        assert!(texts.len() > 30);
        for text in texts {
            let what = format!("{name}: {:?}", text.text);
            let ours = tokenizer.encode(&text.text, text.pair.as_deref()).unwrap();
            assert_eq!(ours.ids, text.input_ids, "{what}");
            if !text.token_type_ids.is_empty() {
                assert_eq!(ours.type_ids, text.token_type_ids, "{what}");
            }
            if !text.offsets.is_empty() {
                assert_eq!(ours.char_offsets, text.offsets, "{what}");
            }
        }
    }
}
