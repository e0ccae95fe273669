//! What can go wrong between the name of a model and a loaded one, with the evidence.

use std::path::PathBuf;

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of trouble an error is; programs turn it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is malformed: a name or a setting.
    Usage,
    /// There is no such model, or it is not cached and the network must not be used.
    NotFound,
    /// The model is there, but its files are wrong or not supported.
    BadInput,
    /// The network failed, or access was refused.
    Network,
    /// Something else failed: a disk, memory.
    Failure,
}

/// What can go wrong while a model is found, read and checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a folder, nor a file, nor the name of a hub repository.
    #[error("no model {name:?}: there is no such folder, and a hub repository is named org/name")]
    NoSuchModel {
        /// What was asked for.
        name: String,
    },
    /// A path that is a file, and not one of GGUF.
    #[error("{} is a file; give a GGUF file, or the folder that holds config.json and model.safetensors", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A file that a model must have is not there.
    #[error("{place} has no {file}{hint}")]
    MissingFile {
        /// The folder or repository.
        place: String,
        /// The file.
        file: String,
        /// What else was found, or what to do.
        hint: String,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that should be JSON is not.
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
        /// Its value, or `missing`.
        value: String,
        /// What is expected.
        reason: String,
    },
    /// A family that this program does not have.
    #[error("models of type {model_type:?} are not supported; these are: {supported}")]
    Family {
        /// The config's `model_type`.
        model_type: String,
        /// The types that are.
        supported: String,
    },
    /// A weights file that is cut or damaged.
    #[error("{file} is not a whole safetensors file: {reason}; fetch or copy it again")]
    Weights {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A GGUF file that is cut, damaged or of another version.
    #[error("{file} is not a GGUF file that can be read: {reason}")]
    Gguf {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Several GGUF files where one would be the model.
    #[error("{place} holds several models: {}; name one of them", files.join(", "))]
    SeveralModels {
        /// The folder.
        place: String,
        /// The files, by name.
        files: Vec<String>,
    },
    /// A tensor of a GGUF file is quantized in a way that is not read.
    #[error(
        "tensor {tensor:?} is stored as {dtype}; F32, F16, BF16, Q4_0 to Q8_1 and Q2_K to Q8_K are supported"
    )]
    Quantization {
        /// Its name in the file.
        tensor: String,
        /// How it is stored.
        dtype: String,
    },
    /// The weights are a pickle, and reading one was not allowed.
    #[error(
        "{place} has its weights only as {file}, which is a pickle: pass --allow-pickle to read it (nothing in it is executed), or save the model as safetensors"
    )]
    PickleNotAllowed {
        /// The folder or repository.
        place: String,
        /// The file.
        file: String,
    },
    /// A checkpoint of PyTorch that is cut, damaged, or of a kind that is not read.
    #[error("{file} is not a PyTorch checkpoint that can be read: {reason}")]
    Pickle {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint of PyTorch that holds other things than weights.
    #[error("{file} asks for {global}, which weights do not need; nothing in it was executed")]
    PickleGlobal {
        /// The file.
        file: String,
        /// What it asks for, as Python names it.
        global: String,
    },
    /// The checkpoint lacks a tensor.
    #[error("the checkpoint has no tensor {tensor:?}")]
    MissingTensor {
        /// Its name in the checkpoint.
        tensor: String,
    },
    /// A tensor has another shape than the config says.
    #[error("tensor {tensor:?} has shape {found:?}, config.json says {expected:?}")]
    TensorShape {
        /// Its name in the checkpoint.
        tensor: String,
        /// What the config says.
        expected: Vec<usize>,
        /// What was found.
        found: Vec<usize>,
    },
    /// A tensor is stored as numbers that are not weights.
    #[error("tensor {tensor:?} is stored as {dtype}; f32, f16, bf16 and f64 are supported")]
    TensorType {
        /// Its name in the checkpoint.
        tensor: String,
        /// How it is stored.
        dtype: String,
    },
    /// A tensor holds a NaN or an infinity.
    #[error("tensor {tensor:?} holds {value} at element {element}: the checkpoint is damaged")]
    NotFinite {
        /// Its name in the checkpoint.
        tensor: String,
        /// The value.
        value: f32,
        /// Where, counted from 0 in row-major order.
        element: usize,
    },
    /// Tensors that no rule of the family takes.
    #[error(
        "the checkpoint holds {first:?}{more}, which a {family} model does not use: it is not what its config says", more = match count { 1 => String::new(), n => format!(" and {} more", n - 1) }
    )]
    UnknownTensors {
        /// The family.
        family: String,
        /// How many.
        count: usize,
        /// The first by name.
        first: String,
    },
    /// A tokenizer file that the tokenizers library does not take.
    #[error("{file} is not a tokenizer that can be read: {reason}")]
    Tokenizer {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The tokenizer has tokens that the model has no embedding for.
    #[error(
        "the tokenizer does not match the model: its token {token:?} has id {id}, the embedding has {d_vocab} rows"
    )]
    TokenizerMismatch {
        /// The token with the greatest id.
        token: String,
        /// That id.
        id: u32,
        /// Rows of the embedding.
        d_vocab: usize,
    },
    /// The tokenizer could not encode a text.
    #[error("the tokenizer could not encode the text: {reason}")]
    Encode {
        /// Why.
        reason: String,
    },
    /// The sizes of a config do not fit together.
    #[error("config.json does not make a transformer")]
    Architecture(#[source] stratoscope_transformer::Error),
    /// The weights do not make a transformer.
    #[error("the weights do not make a transformer")]
    Transformer(#[from] stratoscope_transformer::Error),
    /// The hub, or its cache.
    #[error(transparent)]
    Hub(#[from] crate::hub::HubError),
    /// A tensor could not be made.
    #[error("a tensor could not be made")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchModel { .. }
            | Self::NotAFolder { .. }
            | Self::SeveralModels { .. }
            | Self::MissingFile { .. } => ErrorKind::NotFound,
            Self::Hub(error) => error.kind(),
            Self::Io { .. } | Self::Tensor(_) => ErrorKind::Failure,
            _ => ErrorKind::BadInput,
        }
    }
}
