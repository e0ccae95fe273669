//! A checkpoint for candle-transformers: a config with its keys, and tensors in f32.

use super::{Error, Result};
use crate::hub::Progress;
use crate::model;
use crate::model::LoadOptions;
use crate::records::FileRecord;
use crate::source::Source;
use crate::source::{Files, INDEX, WEIGHTS};
use crate::stored::values_of;
use crate::weights;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Config and tensors.
#[derive(Clone)]
pub(super) struct Checkpoint {
    /// `config.json`, with the keys of rotary positions in transformers 4's places. Null counts as
    /// absent, except for windows.
    config: Map<String, Value>,
    /// The tensors by the names of the checkpoint.
    pub(super) tensors: HashMap<String, Tensor>,
    /// The files that were read.
    pub(super) files: Vec<FileRecord>,
}

/// The sizes of a decoder whose vocabulary was extended.
pub(super) struct Sizes {
    pub(super) d_vocab: usize,
    pub(super) d_model: usize,
    /// Whether the logits are those of a head of the model.
    pub(super) head: bool,
}

/// Keys whose value is a divisor in candle-transformers.
const DIVISORS: &[&str] = &[
    "num_attention_heads",
    "num_key_value_heads",
    "n_heads",
    "n_head",
    "num_heads",
    "global_attn_every_n_layers",
    "sliding_window_pattern",
];

/// Keys of sizes of tables.
const SIZES: &[&str] = &["hidden_size", "head_dim", "n_embd", "dim", "max_position_embeddings"];

/// Keys of shares of a size.
const SHARES: &[&str] = &["partial_rotary_factor", "rotary_emb_fraction"];

/// Keys of numbers of blocks.
const BLOCKS: &[&str] = &["num_hidden_layers", "n_layers", "n_layer", "num_layers"];

impl Checkpoint {
    pub(super) fn read(source: &Source, progress: &mut dyn Progress) -> Result<Self> {
        let mut files = Files::open(source, &[WEIGHTS, INDEX], progress)?;
        let config = files.need("config.json", "")?;
        let config = crate::json::read("config.json", &config, &mut Vec::new())?;
        let mut config = match config {
            Value::Object(config) => config,
            _ => Map::new(),
        };
        flatten_rope(&mut config);
        let mut tensors = HashMap::new();
        let stored = model::weights_files(&mut files, &LoadOptions::default(), progress)?;
        for (name, tensor) in weights::safetensors(&stored)? {
            // Buffers of positions and masks are not floats.
            if tensor.encoding(&name).is_ok() {
                let values = values_of(&*tensor, &name)?;
                let tensor = Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?;
                tensors.insert(present_name(&name), tensor);
            }
        }
        Ok(Self { config, tensors, files: files.records().all()?.to_vec() })
    }

    /// Adds the prefix that the names of a checkpoint without a head do not have.
    pub(super) fn add_prefix(&mut self, prefix: &str) {
        if !self.tensors.keys().any(|name| name.starts_with(prefix)) {
            let tensors = std::mem::take(&mut self.tensors);
            self.tensors =
                tensors.into_iter().map(|(name, t)| (format!("{prefix}{name}"), t)).collect();
        }
    }

    /// A copy with another value of a key; null removes the key.
    pub(super) fn with(&self, key: &str, value: Value) -> Self {
        let mut changed = self.clone();
        if value.is_null() {
            changed.config.remove(key);
        } else {
            changed.config.insert(key.to_owned(), value);
        }
        changed
    }

    /// Refuses numbers that make candle-transformers panic or allocate too much memory.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |key: &str, value: &Value, reason: &str| {
            Err(Error::CannotExpress {
                key: key.to_owned(),
                value: value.to_string(),
                reason: reason.to_owned(),
            })
        };
        for (key, value) in &self.config {
            let Some(number) = value.as_f64() else { continue };
            let among = |keys: &[&str]| keys.contains(&key.as_str());
            if among(DIVISORS) && number < 1.0 {
                return refuse(key, value, "at least 1 is needed");
            }
            if among(BLOCKS) && number > self.tensors.len() as f64 {
                return refuse(key, value, "there are not as many tensors");
            }
            if among(SIZES) && number > f64::from(1 << 24) {
                return refuse(key, value, "no model is as large");
            }
            if among(SHARES) && !(0.0..=1.0).contains(&number) {
                return refuse(key, value, "it is a share");
            }
        }
        // At least one pair of dimensions of a head rotates.
        let first = |keys: &[&str]| keys.iter().find_map(|key| self.number(key));
        let heads = first(&["num_attention_heads", "n_head", "n_heads"]).unwrap_or(1.0);
        let even = first(&["hidden_size", "n_embd", "dim"]).map(|width| (width / heads).floor());
        for head in [even, first(&["head_dim"])].into_iter().flatten() {
            let rotated = head * first(SHARES).unwrap_or(1.0);
            if rotated < 2.0 {
                return refuse("num_attention_heads", &heads.into(), "heads need 2 dimensions");
            }
        }
        Ok(())
    }

    /// The number of blocks.
    pub(super) fn blocks(&self) -> Result<usize> {
        let found = BLOCKS.iter().find_map(|key| self.value(key)?.as_u64());
        found.map(|n| n as usize).ok_or_else(|| Error::CannotExpress {
            key: BLOCKS.join(" or "),
            value: "missing".to_owned(),
            reason: "it has no default for the number of blocks".to_owned(),
        })
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.value(key)?.as_f64()
    }

    pub(super) fn size(&self, key: &str) -> Option<usize> {
        usize::try_from(self.value(key)?.as_u64()?).ok()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.value(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A value. Null counts as absent.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.config.get(key).filter(|value| !value.is_null())
    }

    /// The window, in families where an absent key means 4096 and null means none.
    pub(super) fn window(&self) -> Option<usize> {
        let absent = !self.config.contains_key("sliding_window");
        self.size("sliding_window").or(absent.then_some(4096))
    }

    /// Refuses a key that candle-transformers ignores, unless it is absent or has the value `allowed`.
    pub(super) fn only(&self, key: &str, allowed: Value, reason: &str) -> Result<()> {
        match self.value(key) {
            Some(value) if *value != allowed => Err(Error::CannotExpress {
                key: key.to_owned(),
                value: value.to_string(),
                reason: reason.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Refuses scaled rotary positions.
    pub(super) fn no_rope_scaling(&self) -> Result<()> {
        match self.value("rope_scaling") {
            None => Ok(()),
            Some(scaling) => Err(Error::CannotExpress {
                key: "rope_scaling".to_owned(),
                value: scaling["rope_type"].to_string(),
                reason: "it leaves rotary positions unscaled".to_owned(),
            }),
        }
    }

    /// The config as a struct of candle-transformers. `settings` take precedence over the config, and
    /// the config over `defaults`.
    pub(super) fn config<C: DeserializeOwned>(
        &self,
        defaults: Value,
        settings: Value,
    ) -> Result<C> {
        let mut config = Map::new();
        let mut own = self.config.clone();
        own.retain(|_, value| !value.is_null());
        for layer in [defaults, Value::Object(own), settings] {
            if let Value::Object(layer) = layer {
                config.extend(layer);
            }
        }
        Ok(serde_json::from_value(Value::Object(config))?)
    }

    /// The tensors in candle's type.
    pub(super) fn weights(&self) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.tensors.clone(), DType::F32, &Device::Cpu)
    }

    /// A decoder with one more token per dimension of the last hidden state, whose logit is that
    /// dimension: the identity is appended to the head. A checkpoint without a head gets its embedding
    /// as head.
    pub(super) fn extended(&self) -> Result<(Self, Sizes)> {
        const EMBEDDING: &str = "model.embed_tokens.weight";
        const HEAD: &str = "lm_head.weight";
        const BIAS: &str = "lm_head.bias";
        let embedding = self.tensors.get(EMBEDDING);
        let embedding = embedding
            .ok_or_else(|| crate::Error::MissingTensor { tensor: EMBEDDING.to_owned() })?;
        let (d_vocab, d_model) = embedding.dims2()?;
        let tied = self.tied();
        let own = self.tensors.get(HEAD).filter(|_| !tied);
        let identity = Tensor::eye(d_model, DType::F32, &Device::Cpu)?;
        let mut extended = self.clone();
        let mut put = |name: &str, tensor: Tensor| extended.tensors.insert(name.to_owned(), tensor);
        match own {
            Some(head) => {
                put(HEAD, Tensor::cat(&[head, &identity], 0)?);
                put(EMBEDDING, Tensor::cat(&[embedding, &identity.zeros_like()?], 0)?);
            }
            None => {
                let both = Tensor::cat(&[embedding, &identity], 0)?;
                put(HEAD, both.clone());
                put(EMBEDDING, both);
            }
        }
        // Only Phi reads a bias.
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &Device::Cpu);
        put(
            BIAS,
            match self.tensors.get(BIAS) {
                Some(bias) => Tensor::cat(&[bias, &zeros(d_model)?], 0)?,
                None => zeros(d_vocab + d_model)?,
            },
        );
        let extended = extended.with("vocab_size", (d_vocab + d_model).into());
        Ok((extended, Sizes { d_vocab, d_model, head: tied || own.is_some() }))
    }

    /// Whether the head is the embedding: the default of the Gemmas and StarCoder2.
    fn tied(&self) -> bool {
        let model_type = self.text("model_type").unwrap_or_default();
        let default = model_type.starts_with("gemma") || model_type == "starcoder2";
        self.value("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(default)
    }
}

/// The present name of a tensor; checkpoints converted from TensorFlow have other names for norms.
fn present_name(name: &str) -> String {
    let old = [(".gamma", ".weight"), (".beta", ".bias")];
    let renamed =
        old.iter().find_map(|(old, new)| Some(format!("{}{new}", name.strip_suffix(old)?)));
    renamed.unwrap_or_else(|| name.to_owned())
}

/// Moves the keys of rotary positions from transformers 5's places to transformers 4's.
fn flatten_rope(config: &mut Map<String, Value>) {
    let scaling =
        config.remove("rope_scaling").filter(|s| s.as_object().is_some_and(|s| !s.is_empty()));
    let mut rope = scaling.or_else(|| config.get("rope_parameters").cloned()).unwrap_or_default();
    if let Some(local) = rope["sliding_attention"].get("rope_theta").cloned() {
        // The key of Gemma 3, and that of ModernBERT.
        config.entry("rope_local_base_freq").or_insert(local.clone());
        config.entry("local_rope_theta").or_insert(local);
        rope = rope["full_attention"].take();
        if let Some(theta) = rope.get("rope_theta").cloned() {
            config.entry("global_rope_theta").or_insert(theta);
        }
    }
    for key in ["rope_theta", "partial_rotary_factor"] {
        if let Some(value) = rope.get(key).filter(|v| !v.is_null()).cloned() {
            config.entry(key).or_insert(value);
        }
    }
    let kind = rope.get("rope_type").or(rope.get("type")).cloned().unwrap_or("default".into());
    if kind != "default" {
        rope["rope_type"] = kind.clone();
        rope["type"] = kind;
        config.insert("rope_scaling".to_owned(), rope);
    }
}
