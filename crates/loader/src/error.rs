//! Errors of loading a model, with their evidence.

use crate::hub::{HubError, NotCached};
use crate::kind::ErrorKind;
use crate::source::path_text;
use std::path::PathBuf;

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of finding, reading or checking a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that can only be a path, and no file or folder has it.
    #[error(
        "there is no file or folder {name}: check the path, or name a hub repository as org/name"
    )]
    NoSuchModel {
        /// The name.
        name: String,
    },
    /// Neither a file or folder nor a repository has this name.
    #[error("there is no file or folder {name}; {source}")]
    NeitherPathNorRepo {
        /// The name.
        name: String,
        /// Why there is no repository.
        source: Box<HubError>,
    },
    /// The pooling of the model is not known, because its file is not in the cache.
    #[error(
        "the pooling of sentences is not known: {0}; choose it (--pooling), or run once with a \
         network (without --offline and HF_HUB_OFFLINE)"
    )]
    UnknownPooling(Box<NotCached>),
    /// A path of a file that is not a GGUF file.
    #[error(
        "{} is a file; give a GGUF file, or the folder that holds config.json and model.safetensors",
        path_text(path)
    )]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A file of a model that is a pipe, a device or a folder.
    #[error("{} is not a regular file, as the files of a model are", path_text(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A required file is missing.
    #[error("{place} has no {file}{hint}")]
    MissingFile {
        /// The folder or repository.
        place: String,
        /// The file.
        file: String,
        /// What was found instead, or what to do.
        hint: String,
    },
    /// A file could not be read.
    #[error("cannot read {}", path_text(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not valid JSON.
    #[error("{file} is not valid JSON")]
    Json {
        /// The file.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A key of a config is missing, or has a value that is not supported.
    #[error("{file}: {key:?} is {value}: {reason}")]
    Config {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// The value, or `missing`.
        value: String,
        /// The expected value.
        reason: String,
    },
    /// A family that is not supported.
    #[error("models of type {model_type:?} are not supported; supported types: {supported}")]
    Family {
        /// The `model_type` of the config.
        model_type: String,
        /// The supported types.
        supported: String,
    },
    /// A weights file that is cut or damaged.
    #[error("{file} is not a complete safetensors file: {reason}; fetch or copy it again")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A GGUF file that is cut, damaged or of another version.
    #[error("cannot read {file} as a GGUF file: {reason}")]
    Gguf {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder with several GGUF files.
    #[error("{place} has several models: {}; name one of them", files.join(", "))]
    SeveralModels {
        /// The folder.
        place: String,
        /// The files, by name.
        files: Vec<String>,
    },
    /// A quantization that is not supported.
    #[error(
        "tensor {tensor:?} is stored as {dtype}; F32, F16, BF16, Q4_0 to Q8_1 and Q2_K to Q8_K are supported"
    )]
    Quantization {
        /// The name of the tensor in the file.
        tensor: String,
        /// Its number type.
        dtype: String,
    },
    /// The weights are a pickle, and pickles are not allowed.
    #[error(
        "the weights of {place} are in {file}, a pickle: pass --allow-pickle to read it (nothing in it is executed), or save the model as safetensors"
    )]
    PickleNotAllowed {
        /// The folder or repository.
        place: String,
        /// The file.
        file: String,
    },
    /// A pickle whose weights do not fit into the memory: it is read as a whole.
    #[error(
        "the weights in {file} need {} MiB, and the memory for the model is {} MiB: a pickle cannot be \
         read block by block (save the model as safetensors, or raise --memory)", bytes >> 20, budget >> 20
    )]
    PickleTooLarge {
        /// The file.
        file: String,
        /// The bytes of the weights.
        bytes: u64,
        /// The budget.
        budget: u64,
    },
    /// A PyTorch checkpoint that is cut, damaged or not supported.
    #[error("cannot read {file} as a PyTorch checkpoint: {reason}")]
    Pickle {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A PyTorch checkpoint with other objects than weights.
    #[error("{file} refers to {global}, which weights do not need; nothing in it was executed")]
    PickleGlobal {
        /// The file.
        file: String,
        /// The Python object.
        global: String,
    },
    /// A tensor is missing in the checkpoint.
    #[error("the checkpoint has no tensor {tensor:?}")]
    MissingTensor {
        /// Its name in the checkpoint.
        tensor: String,
    },
    /// The shape of a tensor does not fit the config.
    #[error("tensor {tensor:?} has shape {found:?}; the config expects {expected:?}")]
    TensorShape {
        /// Its name in the checkpoint.
        tensor: String,
        /// The shape that follows from the config.
        expected: Vec<usize>,
        /// The shape in the checkpoint.
        found: Vec<usize>,
    },
    /// A number type that weights do not have.
    #[error("tensor {tensor:?} is stored as {dtype}; f32, f16, bf16 and f64 are supported")]
    TensorType {
        /// Its name in the checkpoint.
        tensor: String,
        /// Its number type.
        dtype: String,
    },
    /// A tensor with a NaN or an infinity.
    #[error("tensor {tensor:?} has {value} at element {element}: the checkpoint is damaged")]
    NotFinite {
        /// Its name in the checkpoint.
        tensor: String,
        /// The value.
        value: f32,
        /// The element, counted from 0 in row-major order.
        element: usize,
    },
    /// Tensors that no rule of the family uses.
    #[error(
        "the checkpoint has {first:?}{more}, which a {family} model does not use: checkpoint and config do not fit together", more = match count { 1 => String::new(), n => format!(" and {} more", n - 1) }
    )]
    UnknownTensors {
        /// The family.
        family: String,
        /// Their number.
        count: usize,
        /// The first of them by name.
        first: String,
    },
    /// Several transformers in one checkpoint.
    #[error(
        "the checkpoint has {} {family} models, under {}: save the one that is meant alone",
        prefixes.len(), prefixes.join(" and ")
    )]
    SeveralTrunks {
        /// The family.
        family: String,
        /// The prefixes of their names.
        prefixes: Vec<String>,
    },
    /// The checkpoint makes vectors of sentences in a way that is not supported.
    #[error(
        "the vectors of sentences cannot be made as this model makes them (--pooling NAME makes others)"
    )]
    Sentences(#[source] std::sync::Arc<Error>),
    /// An image that cannot be prepared for the model.
    #[error("an image of {width} × {height} pixels cannot be read: {reason}")]
    Picture {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// Why not.
        reason: String,
    },
    /// A sound that the model cannot read.
    #[error("the sound cannot be read by the model: {reason}")]
    Sound {
        /// Why.
        reason: String,
    },
    /// The model reads something else.
    #[error("the model reads {reads}, and {given} cannot be given to it")]
    Reads {
        /// What the model reads.
        reads: crate::Reads,
        /// What was given.
        given: crate::Reads,
    },
    /// The settings of what the model reads are missing or wrong.
    #[error(transparent)]
    OfProcessor(std::sync::Arc<Error>),
    /// A tokenizer file that cannot be read.
    #[error("cannot read {file} as a tokenizer: {reason}")]
    Tokenizer {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The tokenizer of the model cannot be used.
    #[error(transparent)]
    OfTokenizer(std::sync::Arc<Error>),
    /// A tokenizer class of transformers that is not supported.
    #[error("the tokenizer class {class} is not supported; the model reads token ids")]
    TokenizerClass {
        /// The class.
        class: String,
    },
    /// The tokenizer could not encode a text.
    #[error("the tokenizer could not encode the text: {reason}")]
    Encode {
        /// Why.
        reason: String,
    },
    /// The sizes of a config do not fit together.
    #[error("config.json does not describe a valid transformer")]
    Architecture(#[source] stratoscope_transformer::Error),
    /// The weights do not fit the architecture.
    #[error("the weights do not fit the architecture")]
    Transformer(#[source] stratoscope_transformer::Error),
    /// An error of the hub or its cache.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A tensor could not be created.
    #[error("a tensor could not be created")]
    Tensor(#[from] candle_core::Error),
}

impl From<stratoscope_transformer::Error> for Error {
    /// An error of a weight that was read comes back as it was.
    fn from(error: stratoscope_transformer::Error) -> Self {
        match error {
            stratoscope_transformer::Error::Source(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Transformer(stratoscope_transformer::Error::Source(source)),
            },
            error => Self::Transformer(error),
        }
    }
}

impl Error {
    /// The error of a weight that a transformer wanted to read.
    pub(crate) fn of_weight(self) -> stratoscope_transformer::Error {
        stratoscope_transformer::Error::Source(Box::new(self))
    }

    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchModel { .. }
            | Self::NeitherPathNorRepo { .. }
            | Self::UnknownPooling(_)
            | Self::NotAFolder { .. }
            | Self::SeveralModels { .. }
            | Self::MissingFile { .. } => ErrorKind::NotFound,
            Self::Hub(error) => error.kind(),
            Self::Sentences(error) | Self::OfTokenizer(error) | Self::OfProcessor(error) => {
                error.kind()
            }
            Self::Io { .. } | Self::Tensor(_) => ErrorKind::Failure,
            _ => ErrorKind::BadInput,
        }
    }
}
