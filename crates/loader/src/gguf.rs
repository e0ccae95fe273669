//! A GGUF file as a checkpoint: a `config.json`, tensors with transformers' names, and a
//! `tokenizer.json`.
//!
//! Start at [`Gguf`]. `parse.rs` reads the header, `dtype.rs` dequantizes values, `tensor.rs` undoes
//! the changes of llama.cpp's converter; `families.rs` has the architectures, `names.rs` their
//! tensors, `keys.rs` and `rope.rs` read their metadata; `tokenizer/` builds tokenizers.

mod control_vector;
mod dtype;
mod families;
mod iq4;
mod keys;
mod names;
mod parse;
mod rope;
pub(crate) mod split;
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

/// The keys of a model in several files.
const COUNT: &str = "split.count";
const NUMBER: &str = "split.no";
const TENSORS: &str = "split.tensors.count";

/// An open GGUF file, whose values are read on demand.
pub(crate) struct Gguf {
    /// The name of the first file.
    file: Arc<str>,
    /// The metadata of the first file, and the tensors of all files.
    header: Header,
    /// The files, usually one.
    parts: Vec<Part>,
}

/// A file of a model.
struct Part {
    file: Arc<str>,
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
        let parts = vec![Part { file: file.into(), bytes }];
        Ok(Self { file: file.into(), header, parts })
    }

    /// The names of the other files of a model in several files.
    ///
    /// # Errors
    /// [`Error::Config`] for a file that is not the first of them, or whose name does not tell the others.
    pub(crate) fn other_parts(&self) -> Result<Vec<String>> {
        let Some(count) = self.header.metadata.get(COUNT) else { return Ok(Vec::new()) };
        let number = self.header.metadata.get(NUMBER);
        if number.is_some_and(|number| number.unsigned() != Some(0)) {
            return Err(self.error(NUMBER, number, "the first file of the model is expected"));
        }
        match (count.unsigned(), split::Name::of(&self.file)) {
            (Some(0 | 1), _) => Ok(Vec::new()),
            (Some(count), Some(name)) if name.count == count => Ok(name.others()),
            _ => {
                let reason = "a file name such as model-00001-of-00003.gguf is expected";
                Err(self.error(COUNT, Some(count), reason))
            }
        }
    }

    /// Adds the tensors of the next file of a model in several files.
    ///
    /// # Errors
    /// [`Error::Config`] for a file of another model, [`Error::Gguf`] for a tensor that an earlier file has.
    pub(crate) fn add_part(&mut self, next: Self) -> Result<()> {
        let index = self.parts.len();
        let number = next.header.metadata.get(NUMBER);
        if number.and_then(Value::unsigned) != Some(index as u64) {
            let reason = format!("the number of this file, {index}, is expected");
            return Err(next.error(NUMBER, number, &reason));
        }
        for (name, info) in next.header.tensors {
            let twice = format!("an earlier file has the tensor {name:?} too");
            let info = parse::TensorInfo { part: index, ..info };
            if self.header.tensors.insert(name, info).is_some() {
                return Err(Error::Gguf { file: next.file.to_string(), reason: twice });
            }
        }
        self.parts.extend(next.parts);
        Ok(())
    }

    /// Refuses a model of which files or tensors are missing.
    fn check_parts(&self) -> Result<()> {
        let count = self.header.metadata.get(COUNT);
        let missing = |value: u64, found: usize| value > 1 && value != found as u64;
        if count.is_some_and(|v| v.unsigned().is_none_or(|v| missing(v, self.parts.len()))) {
            let reason = format!("{} files of the model are there", self.parts.len());
            return Err(self.error(COUNT, count, &reason));
        }
        let tensors = self.header.metadata.get(TENSORS);
        let all = tensors.and_then(Value::unsigned);
        if self.parts.len() > 1 && all.is_some_and(|all| all != self.header.tensors.len() as u64) {
            let reason = format!("the files have {} tensors", self.header.tensors.len());
            return Err(self.error(TENSORS, tensors, &reason));
        }
        Ok(())
    }

    /// The `config.json` of the checkpoint, with transformers' keys.
    ///
    /// # Errors
    /// [`Error::Family`] for an architecture that is not supported; [`Error::Config`] for a key that is
    /// missing, unknown or has a value that is not supported.
    pub(crate) fn config(&self) -> Result<serde_json::Value> {
        self.check_parts()?;
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

    /// The file of a tensor.
    fn part(&self, info: &parse::TensorInfo, name: &str) -> Result<(Arc<str>, Arc<FileBytes>)> {
        let part = self.parts.get(info.part);
        let part = part.ok_or_else(|| Error::MissingTensor { tensor: name.to_owned() })?;
        Ok((part.file.clone(), part.bytes.clone()))
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
