//! `config.json`, read key by key: what is there must be understood, or it is an error that names
//! the key.

use crate::{Error, Result};
use serde_json::Value;
use stratoscope_transformer::Activation;

/// A parsed `config.json`.
pub(crate) struct Config {
    values: serde_json::Map<String, Value>,
}

const FILE: &str = "config.json";

impl Config {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let values: Value = serde_json::from_slice(bytes)
            .map_err(|source| Error::Json { file: FILE.to_owned(), source })?;
        match values {
            Value::Object(values) => Ok(Self { values }),
            other => Err(error("(the whole file)", &other, "an object is expected")),
        }
    }

    /// A key's value; null counts as absent, as it does in transformers.
    fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|v| !v.is_null())
    }

    /// A text that must be there.
    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(error(key, other, "a text is expected")),
            None => Err(Error::Config {
                file: FILE.to_owned(),
                key: key.to_owned(),
                value: "missing".to_owned(),
                reason: "it says what family the model is of".to_owned(),
            }),
        }
    }

    /// A whole number under the first of `keys` that is there, else transformers' default.
    pub(crate) fn size(&self, keys: &[&str], default: usize) -> Result<usize> {
        let Some((key, value)) = keys.iter().find_map(|&k| Some((k, self.get(k)?))) else {
            return Ok(default);
        };
        value
            .as_u64()
            .and_then(|v| usize::try_from(v).ok())
            .ok_or_else(|| error(key, value, "a whole number is expected"))
    }

    /// A token id, else transformers' default.
    pub(crate) fn token_id(&self, key: &str, default: u32) -> Result<u32> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|v| u32::try_from(v).ok())
                .filter(|v| *v < 1 << 24)
                .ok_or_else(|| error(key, value, "a token id is expected")),
        }
    }

    /// A positive number, else transformers' default.
    pub(crate) fn epsilon(&self, key: &str, default: f64) -> Result<f64> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .filter(|v| *v > 0.0 && *v < 1.0)
                .ok_or_else(|| error(key, value, "a number between 0 and 1 is expected")),
        }
    }

    /// An activation by the name that transformers gives it.
    pub(crate) fn activation(&self, key: &str, default: Activation) -> Result<Activation> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_str() {
            Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
            Some("gelu_new" | "gelu_accurate" | "gelu_fast" | "gelu_pytorch_tanh") => {
                Ok(Activation::GeluTanh)
            }
            Some("quick_gelu") => Ok(Activation::GeluSigmoid),
            Some("relu") => Ok(Activation::Relu),
            Some("silu" | "swish") => Ok(Activation::Silu),
            _ => Err(error(key, value, "gelu, gelu_new, quick_gelu, relu and silu are supported")),
        }
    }

    /// Refuses a key that asks for what is not built: it may be absent or `allowed`.
    pub(crate) fn only(&self, key: &str, allowed: Value) -> Result<()> {
        match self.get(key) {
            Some(value) if *value != allowed => {
                Err(error(key, value, &format!("only {allowed} is supported")))
            }
            _ => Ok(()),
        }
    }

    /// Width of a head, from the model's width and its number of heads.
    pub(crate) fn d_head(&self, key: &str, d_model: usize, n_heads: usize) -> Result<usize> {
        if n_heads == 0 || !d_model.is_multiple_of(n_heads) {
            let reason = format!("it must divide the hidden size, {d_model}");
            return Err(error(key, &Value::from(n_heads), &reason));
        }
        Ok(d_model / n_heads)
    }
}

fn error(key: &str, value: &Value, reason: &str) -> Error {
    let mut value = value.to_string();
    if value.chars().count() > 80 {
        value = value.chars().take(79).collect::<String>() + "…";
    }
    Error::Config { file: FILE.to_owned(), key: key.to_owned(), value, reason: reason.to_owned() }
}
