//! A GGUF file as a checkpoint: a `config.json`, tensors with transformers' names, and a
//! `tokenizer.json`.
//!
//! Start at [`Gguf`]. `parse.rs` reads the header, `dtype.rs` dequantizes values, `tensor.rs` undoes
//! the changes of llama.cpp's converter; `families.rs` has the architectures, `names.rs` their
//! tensors, `keys.rs` and `rope.rs` read their metadata; `tokenizer/` builds tokenizers.

mod control_vector;
mod dtype;
mod families;
mod keys;
mod names;
mod parse;
mod rope;
mod tensor;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use control_vector::control_vector;

use crate::bytes::FileBytes;
use crate::error::{Error, Result};
use crate::pooling::Pooling;
use crate::sentences::Pooler;
use crate::stored::{StoredTensors, values_of};
use keys::Keys;
use parse::{Header, Value};
use std::io::BufReader;
use std::sync::Arc;
use tensor::{Change, GgufTensor};

/// An open GGUF file, whose values are read on demand.
pub(crate) struct Gguf {
    file: Arc<str>,
    header: Header,
    bytes: Arc<FileBytes>,
}

impl Gguf {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`Error::Gguf`] for a file that is not a GGUF file, is cut, or is inconsistent.
    pub(crate) fn open(bytes: Arc<FileBytes>, file: &str) -> Result<Self> {
        let header = Header::read(BufReader::new(bytes.reader()), bytes.length());
        let header = header.map_err(|reason| Error::Gguf { file: file.to_owned(), reason })?;
        Ok(Self { file: file.into(), header, bytes })
    }

    /// The `config.json` of the checkpoint, with transformers' keys.
    ///
    /// # Errors
    /// [`Error::Family`] for an architecture that is not supported; [`Error::Config`] for a key that is
    /// missing, unknown or has a value that is not supported.
    pub(crate) fn config(&self) -> Result<serde_json::Value> {
        if let Some(parts) = self.header.metadata.get("split.count")
            && parts.unsigned() != Some(1)
        {
            let reason = "models in several files are not supported: merge them into one";
            return Err(self.error("split.count", Some(parts), reason));
        }
        families::config(self)
    }

    /// The tensors with the names and values of transformers' checkpoint.
    ///
    /// # Errors
    /// [`Error::UnknownTensors`] for tensors that the architecture does not have.
    pub(crate) fn tensors(&self) -> Result<StoredTensors> {
        families::tensors(self)
    }

    /// The `tokenizer.json` of the checkpoint; none if the file has no vocabulary.
    ///
    /// # Errors
    /// [`Error::Config`] for a key that is missing or unknown, [`Error::Tokenizer`] for a vocabulary
    /// that is not valid.
    pub(crate) fn tokenizer(&self) -> Result<Option<serde_json::Value>> {
        tokenizer::definition(self)
    }

    /// The pooling of sentence vectors, if the file names one.
    ///
    /// # Errors
    /// [`Error::Config`] for a pooling that makes no vector of a sentence, such as that of rerankers.
    pub(crate) fn sentence_pooler(&self) -> Result<Option<Pooler>> {
        // Linear layers after the pooling, which llama.cpp applies.
        if self.header.tensors.contains_key("dense_2.weight") {
            return Err(Error::Config {
                file: self.file.to_string(),
                key: "dense_2.weight".to_owned(),
                value: "a tensor".to_owned(),
                reason: "a GGUF file with linear layers after the pooling is not supported"
                    .to_owned(),
            });
        }
        let key = format!("{}.pooling_type", self.architecture()?);
        let Some(value) = self.header.metadata.get(&key) else { return Ok(None) };
        match value.unsigned() {
            // llama.cpp's LLAMA_POOLING_TYPE_NONE.
            Some(0) => Ok(None),
            Some(1) => Ok(Some(Pooling::Mean.into())),
            Some(2) => Ok(Some(Pooling::First.into())),
            Some(3) => Ok(Some(Pooling::Last.into())),
            _ => {
                let reason = "1 (mean), 2 (first) and 3 (last) are supported";
                Err(self.error(&key, Some(value), reason))
            }
        }
    }

    /// The name of the file, for messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// llama.cpp's name of the architecture.
    fn architecture(&self) -> Result<&str> {
        const KEY: &str = "general.architecture";
        match self.header.metadata.get(KEY) {
            Some(Value::Text(name)) => Ok(name),
            other => Err(self.error(KEY, other, "it names the family of the model")),
        }
    }

    /// The keys that begin with `prefix` and a point.
    fn keys<'a>(&'a self, prefix: &'a str) -> Keys<'a> {
        Keys::new(&self.file, prefix, &self.header.metadata)
    }

    /// The values of a tensor that is a setting, if the file has it.
    fn setting(&self, name: &str) -> Result<Option<Vec<f32>>> {
        let Some(info) = self.header.tensors.get(name) else { return Ok(None) };
        values_of(&GgufTensor::new(self, name, info, Change::None)?, name).map(Some)
    }

    fn error(&self, key: &str, value: Option<&Value>, reason: &str) -> Error {
        keys::error(&self.file, key, value, reason)
    }
}
