//! `config.json`, and other files of settings, read key by key. A value that is not understood is an error that names the key.

use crate::error::{Error, Result};
use crate::json;
use crate::note::Note;
use serde_json::Value;
use stratoscope_transformer::Activation;

/// A parsed `config.json`, or an object in it.
pub(crate) struct Config {
    values: serde_json::Map<String, Value>,
    file: &'static str,
    /// The prefix of its keys in messages, such as `rope_scaling.`.
    path: String,
}

const FILE: &str = "config.json";

impl Config {
    /// Reads a `config.json`.
    pub(crate) fn parse(bytes: &[u8], notes: &mut Vec<Note>) -> Result<Self> {
        Self::of(json::read(FILE, bytes, notes)?)
    }

    /// A config in memory.
    pub(crate) fn of(values: Value) -> Result<Self> {
        Self::of_file(FILE, values)
    }

    /// The settings in a file of this name.
    pub(crate) fn of_file(file: &'static str, values: Value) -> Result<Self> {
        match values {
            Value::Object(values) => Ok(Self { values, file, path: String::new() }),
            other => {
                let values = serde_json::Map::new();
                let whole = Self { values, file, path: String::new() };
                Err(whole.error("(the whole file)", &other, "an object is expected"))
            }
        }
    }

    /// The config of the text model, if the model also reads pictures or sound.
    pub(crate) fn of_text(self) -> Result<Self> {
        let Some(mut text) = self.within("text_config")? else { return Ok(self) };
        // The whole model ties its embeddings, so that the outer key wins.
        if let Some(tied) = self.get("tie_word_embeddings") {
            text.set("tie_word_embeddings", tied.clone());
        }
        if let (false, Some(classes)) = (text.has("architectures"), self.get("architectures")) {
            text.set("architectures", classes.clone());
        }
        Ok(text)
    }

    /// The config of the image model, if the model also reads texts; none if it reads no images.
    pub(crate) fn of_images(&self) -> Result<Option<Self>> {
        let Some(mut images) = self.within("vision_config")? else { return Ok(None) };
        if let (false, Some(model_type)) =
            (images.has("model_type"), self.optional_text("model_type")?)
        {
            images.set("model_type", format!("{model_type}_vision_model").into());
        }
        Ok(Some(images))
    }

    /// Sets a key.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.values.insert(key.to_owned(), value);
    }

    /// The object under a key, unless it is absent or empty.
    pub(crate) fn within(&self, key: &str) -> Result<Option<Self>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(values)) if values.is_empty() => Ok(None),
            Some(Value::Object(values)) => {
                let path = format!("{}{key}.", self.path);
                Ok(Some(Self { values: values.clone(), file: self.file, path }))
            }
            Some(other) => Err(self.error(key, other, "an object is expected")),
        }
    }

    /// Whether a key has the value null.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(Value::is_null)
    }

    /// Whether a key has a value other than null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key. Null counts as absent, as in transformers.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|v| !v.is_null())
    }

    /// A required text.
    pub(crate) fn text(&self, key: &str) -> Result<&str> {
        self.optional_text(key)?.ok_or_else(|| Error::Config {
            file: self.file.to_owned(),
            key: format!("{}{key}", self.path),
            value: "missing".to_owned(),
            reason: "it names the family of the model".to_owned(),
        })
    }

    /// An optional text.
    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(key, other, "a text is expected")),
        }
    }

    /// An optional list of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<&str>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let list = value.as_array().map(|list| list.iter().map(Value::as_str).collect());
        match list {
            Some(Some(list)) => Ok(Some(list)),
            _ => Err(self.error(key, value, "a list of texts is expected")),
        }
    }

    /// A required list of numbers.
    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        let value = self.get(key).unwrap_or(&Value::Null);
        let list = value.as_array().map(|list| list.iter().map(Value::as_f64).collect());
        match list {
            Some(Some(list)) => Ok(list),
            _ => Err(self.error(key, value, "a list of numbers is expected")),
        }
    }

    /// A whole number under the first of `keys` that has a value, else transformers' default.
    pub(crate) fn size(&self, keys: &[&str], default: usize) -> Result<usize> {
        Ok(self.optional_size(keys)?.unwrap_or(default))
    }

    /// A whole number under the first of `keys` that has a value.
    pub(crate) fn optional_size(&self, keys: &[&str]) -> Result<Option<usize>> {
        let Some((key, value)) = keys.iter().find_map(|&k| Some((k, self.get(k)?))) else {
            return Ok(None);
        };
        let size = value.as_u64().and_then(|v| usize::try_from(v).ok());
        size.map(Some).ok_or_else(|| self.error(key, value, "a whole number is expected"))
    }

    /// A list of whole numbers; a missing key is an empty list.
    pub(crate) fn sizes(&self, key: &str) -> Result<Vec<usize>> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let size = |value: &Value| value.as_u64().and_then(|v| usize::try_from(v).ok());
        let list = value.as_array().and_then(|list| list.iter().map(size).collect());
        list.ok_or_else(|| self.error(key, value, "a list of whole numbers is expected"))
    }

    /// A token id, else transformers' default.
    pub(crate) fn token_id(&self, key: &str, default: u32) -> Result<u32> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|v| u32::try_from(v).ok())
                .filter(|v| *v < 1 << 24)
                .ok_or_else(|| self.error(key, value, "a token id is expected")),
        }
    }

    /// A small positive number under the first of `keys` that has a value, else transformers'
    /// default.
    pub(crate) fn epsilon(&self, keys: &[&str], default: f64) -> Result<f64> {
        match keys.iter().find_map(|&k| Some((k, self.get(k)?))) {
            None => Ok(default),
            Some((key, value)) => value
                .as_f64()
                .filter(|v| *v > 0.0 && *v < 1.0)
                .ok_or_else(|| self.error(key, value, "a number between 0 and 1 is expected")),
        }
    }

    /// A positive number under the first of `keys` that has a value.
    pub(crate) fn positive(&self, keys: &[&str]) -> Result<Option<f64>> {
        match keys.iter().find_map(|&k| Some((k, self.get(k)?))) {
            None => Ok(None),
            Some((key, value)) => match value.as_f64().filter(|v| *v > 0.0 && v.is_finite()) {
                Some(number) => Ok(Some(number)),
                None => Err(self.error(key, value, "a positive number is expected")),
            },
        }
    }

    /// A required positive number.
    pub(crate) fn needed(&self, key: &str) -> Result<f64> {
        let missing = || self.error(key, &Value::Null, "a positive number is expected");
        self.positive(&[key])?.ok_or_else(missing)
    }

    /// True or false, else transformers' default.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.error(key, other, "true or false is expected")),
        }
    }

    /// An activation by transformers' name, else transformers' default.
    pub(crate) fn activation(&self, key: &str, default: Activation) -> Result<Activation> {
        match self.optional_text(key)? {
            None => Ok(default),
            Some(name) => self.activation_named(key, name),
        }
    }

    /// The activation of a name, which is the value of `key`.
    pub(crate) fn activation_named(&self, key: &str, name: &str) -> Result<Activation> {
        match name {
            "gelu" | "gelu_python" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_accurate" | "gelu_fast" | "gelu_pytorch_tanh"
            | "gelu_python_tanh" => Ok(Activation::GeluTanh),
            "quick_gelu" => Ok(Activation::GeluSigmoid),
            "relu" => Ok(Activation::Relu),
            "relu2" => Ok(Activation::ReluSquared),
            "silu" | "swish" => Ok(Activation::Silu),
            _ => {
                let reason = "gelu, gelu_new, quick_gelu, relu, relu2 and silu are supported";
                Err(self.error(key, &name.into(), reason))
            }
        }
    }

    /// Refuses every value of a key but `allowed`; the key may be absent.
    pub(crate) fn only(&self, key: &str, allowed: Value) -> Result<()> {
        match self.get(key) {
            // 1 and 1.0 are the same number.
            Some(value) if value.is_number() && value.as_f64() == allowed.as_f64() => Ok(()),
            Some(value) if *value != allowed => {
                Err(self.error(key, value, &format!("only {allowed} is supported")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses every value of a key.
    pub(crate) fn absent(&self, key: &str) -> Result<()> {
        match self.get(key) {
            None => Ok(()),
            Some(value) => Err(self.error(key, value, "this is not supported")),
        }
    }

    /// The width of a head, from the width of the model and the number of heads.
    pub(crate) fn d_head(&self, key: &str, d_model: usize, n_heads: usize) -> Result<usize> {
        if n_heads == 0 || !d_model.is_multiple_of(n_heads) {
            let reason = format!("it must divide the hidden size, {d_model}");
            return Err(self.error(key, &Value::from(n_heads), &reason));
        }
        Ok(d_model / n_heads)
    }

    /// An error about the value of a key.
    pub(crate) fn error(&self, key: &str, value: &Value, reason: &str) -> Error {
        let mut value = if value.is_null() { "missing".to_owned() } else { value.to_string() };
        if value.chars().count() > 80 {
            value = value.chars().take(79).collect::<String>() + "…";
        }
        let key = format!("{}{key}", self.path);
        Error::Config { file: self.file.to_owned(), key, value, reason: reason.to_owned() }
    }
}
