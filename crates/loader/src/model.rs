//! From a source to a loaded model: config, weights, tokenizer and their description.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::gguf::Gguf;
use crate::hub::{HubError, HubWarning, Need, Progress};
use crate::pickle;
use crate::pooling::Pooling;
use crate::source::{FileRecord, Source};
use crate::source::{Files, INDEX, WEIGHTS, is_gguf};
use crate::tokenizer::Tokenizer;
use crate::weights;
use candle_core::{DType, Device, DeviceLocation};
use serde_json::Value;
use std::collections::BTreeSet;
use stratoscope_transformer::{Architecture, Transformer};

/// A model, ready to run.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub transformer: Transformer,
    /// The tokenizer, if the checkpoint has one.
    pub tokenizer: Option<Tokenizer>,
    /// A description of the model.
    pub info: ModelInfo,
    /// Warnings of loading.
    pub warnings: Vec<HubWarning>,
}

/// A description of a model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The name: a hub id, the path of a folder, or the name of a model in memory.
    pub id: String,
    /// The commit, if the model comes from the hub.
    pub revision: Option<String>,
    /// The family, as in [`supported_families`](crate::supported_families).
    pub family: &'static str,
    /// All files that were read.
    pub files: Vec<FileRecord>,
    /// The pooling of sentence vectors, if `1_Pooling/config.json` names one.
    pub sentence_pooling: Option<Pooling>,
    /// The tokens after which sentence-transformers cuts a text, from `sentence_bert_config.json`. For
    /// display; this crate does not cut.
    pub sentence_max_tokens: Option<u64>,
    /// The device.
    pub device: DeviceLocation,
    /// The number type of weights and states.
    pub dtype: DType,
    /// The tensors of the checkpoint that the forward pass does not use: other heads and buffers.
    pub unused_tensors: Vec<String>,
}

impl ModelInfo {
    /// The sha256 of the weights files, in the order of their names: the identity of the weights.
    pub fn weights_sha256(&self) -> Vec<String> {
        let is_weights = |name: &str| {
            [".safetensors", ".bin"].iter().any(|end| name.ends_with(end)) || is_gguf(name.as_ref())
        };
        let weights = self.files.iter().filter(|f| is_weights(&f.name));
        weights.map(|f| f.sha256.clone()).collect()
    }
}

const PICKLE: &str = "pytorch_model.bin";
const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";
const SENTENCE: &str = "sentence_bert_config.json";
const POOLING: &str = "1_Pooling/config.json";

/// Options of loading a model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Whether weights may be read from `pytorch_model.bin` if there are no safetensors. The parser of
    /// this crate executes nothing.
    pub allow_pickle: bool,
    /// The device.
    pub device: Device,
    /// The number type of weights and states: f32, f16 or bf16.
    pub dtype: DType,
    /// Whether f32 on a CPU runs on vectorised kernels. Tests switch them off to compare the kernels
    /// with the operations of other devices and types.
    pub kernels: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { allow_pickle: false, device: Device::Cpu, dtype: DType::F32, kernels: true }
    }
}

/// Loads a model onto the CPU, in f32. `progress` receives the progress of downloads.
///
/// # Errors
/// A model that is not found; a file that is missing, cut or wrong; a family or a config value that
/// is not supported; a tensor that is missing, has a wrong shape or has NaN; a tokenizer that does
/// not match. Each error names its evidence.
pub fn load(source: &Source, progress: &mut dyn Progress) -> Result<Model> {
    load_with(source, &LoadOptions::default(), progress)
}

/// Loads a model with options.
///
/// # Errors
/// The errors of [`load`].
pub fn load_with(
    source: &Source,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Model> {
    let wanted = [WEIGHTS, INDEX, "tokenizer.json", "tokenizer_config.json", SENTENCE, POOLING];
    let mut files = Files::open(source, &wanted, progress)?;
    let gguf = files.gguf()?;
    let config = match &gguf {
        Some(gguf) => Config::parse(gguf.config()?.to_string().as_bytes())?,
        None => Config::parse(&files.need("config.json", "")?)?,
    };
    let config = config.of_text()?;
    let family = families::of(&config)?;
    let mut architecture = (family.architecture)(&config)?;
    architecture.check().map_err(Error::Architecture)?;
    if let Some(vocabulary) = family.vocabulary.filter(|_| !files.has("tokenizer.json")) {
        files.fetch(vocabulary.files(), Need::Optional, progress)?;
    }
    let tokenizer = match &gguf {
        Some(gguf) => gguf_tokenizer(gguf)?,
        None => read_tokenizer(&files, family)?,
    };
    check_tokenizer(tokenizer.as_ref(), &architecture)?;
    let sentence_pooling = match files.find(POOLING)? {
        Some(bytes) => Some(Pooling::parse(&bytes)?),
        None => gguf.as_ref().and_then(Gguf::sentence_pooling),
    };
    // For display alone, so that an unreadable file counts as none.
    let sentence = files.find(SENTENCE)?.and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let sentence_max_tokens = sentence.and_then(|s| s["max_seq_length"].as_u64());
    let place = (&options.device, options.dtype);
    let weights::Weights { weights, unused } = match gguf {
        Some(gguf) => weights::read(&gguf.tensors()?, &mut architecture, family, place)?,
        None => {
            let files = weights_files(&mut files, options, progress)?;
            let tensors = match files.first() {
                Some((name, _)) if name.ends_with(".bin") => pickle::tensors(&files)?,
                _ => weights::safetensors(&files)?,
            };
            weights::read(&tensors, &mut architecture, family, place)?
        }
    };
    let build = if options.kernels { Transformer::new } else { Transformer::plain };
    let transformer = build(architecture, weights, &options.device)?;
    let info = ModelInfo {
        files: files.records(),
        id: files.id,
        revision: files.revision,
        family: family.name,
        sentence_pooling,
        sentence_max_tokens,
        unused_tensors: unused,
        device: options.device.location(),
        dtype: options.dtype,
    };
    Ok(Model { transformer, tokenizer, info, warnings: files.warnings })
}

/// The weights in one file, or in the shards that an index names: safetensors, else pickles if they
/// are allowed.
pub(crate) fn weights_files(
    files: &mut Files,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Vec<weights::WeightsFile>> {
    if let Some(bytes) = files.find(WEIGHTS)? {
        return Ok(vec![(WEIGHTS.to_owned(), bytes)]);
    }
    if let Some(index) = files.find(INDEX)? {
        return shards(files, INDEX, &index, progress);
    }
    if options.allow_pickle {
        files.fetch(&[PICKLE, PICKLE_INDEX], Need::Optional, progress)?;
        if let Some(bytes) = files.find(PICKLE)? {
            return Ok(vec![(PICKLE.to_owned(), bytes)]);
        }
        if let Some(index) = files.find(PICKLE_INDEX)? {
            return shards(files, PICKLE_INDEX, &index, progress);
        }
    }
    // Missing weights are described below; other errors, such as weights that are not cached, are
    // returned.
    match files.fetch(&[WEIGHTS], Need::Required, progress) {
        Ok(()) | Err(Error::Hub(HubError::FileNotFound { .. })) => {}
        Err(error) => return Err(error),
    }
    if let Some(file) = [PICKLE, PICKLE_INDEX].into_iter().find(|name| files.has(name)) {
        return Err(Error::PickleNotAllowed { place: files.id.clone(), file: file.to_owned() });
    }
    let hint = match ["tf_model.h5", "flax_model.msgpack"].into_iter().find(|name| files.has(name))
    {
        Some(name) => format!(" (only {name}: save the model as safetensors)"),
        None => format!(" and no {INDEX}"),
    };
    files.need(WEIGHTS, &hint).map(|bytes| vec![(WEIGHTS.to_owned(), bytes)])
}

/// The contents of the shards that an index names.
fn shards(
    files: &mut Files,
    index_name: &str,
    index: &[u8],
    progress: &mut dyn Progress,
) -> Result<Vec<weights::WeightsFile>> {
    let shards = shard_names(index_name, index)?;
    let names: Vec<_> = shards.iter().map(String::as_str).collect();
    files.fetch(&names, Need::Required, progress)?;
    let hint = format!(", which {index_name} names");
    shards.into_iter().map(|name| files.need(&name, &hint).map(|bytes| (name, bytes))).collect()
}

/// The plain file names of the shards that an index names.
fn shard_names(file: &str, index: &[u8]) -> Result<BTreeSet<String>> {
    let ending = if file == INDEX { ".safetensors" } else { ".bin" };
    let index: Value = serde_json::from_slice(index)
        .map_err(|source| Error::Json { file: file.to_owned(), source })?;
    let wrong = |value: &Value, reason: &str| Error::Config {
        file: file.to_owned(),
        key: "weight_map".to_owned(),
        value: value.to_string(),
        reason: reason.to_owned(),
    };
    let Some(map) = index["weight_map"].as_object() else {
        return Err(wrong(&Value::Null, "tensor names with their files are expected"));
    };
    map.values()
        .map(|value| match value.as_str() {
            Some(name) if name.ends_with(ending) && !name.contains(['/', '\\']) => {
                Ok(name.to_owned())
            }
            _ => Err(wrong(value, &format!("a {ending} file beside the index is expected"))),
        })
        .collect()
}

/// The tokenizer, from `tokenizer.json` or the vocabulary files of the family; none if both are
/// missing.
fn read_tokenizer(files: &Files, family: &Family) -> Result<Option<Tokenizer>> {
    Ok(Some(match files.find("tokenizer.json")? {
        Some(bytes) => Tokenizer::from_json(&bytes)?,
        None => {
            let Some(vocabulary) = family.vocabulary else { return Ok(None) };
            let mut parts = Vec::new();
            for name in vocabulary.files() {
                let Some(bytes) = files.find(name)? else { return Ok(None) };
                parts.push(bytes.into_owned());
            }
            let config = files.find("tokenizer_config.json")?;
            Tokenizer::from_vocabulary(vocabulary, &parts, config.as_deref())?
        }
    }))
}

/// The tokenizer of a GGUF file.
fn gguf_tokenizer(gguf: &Gguf) -> Result<Option<Tokenizer>> {
    let Some(definition) = gguf.tokenizer()? else { return Ok(None) };
    let tokenizer = Tokenizer::from_json(definition.to_string().as_bytes());
    tokenizer.map(Some).map_err(|error| match error {
        Error::Tokenizer { reason, .. } => {
            Error::Tokenizer { file: gguf.file().to_owned(), reason }
        }
        other => other,
    })
}

/// Refuses a tokenizer with tokens beyond the embedding of the model.
fn check_tokenizer(tokenizer: Option<&Tokenizer>, architecture: &Architecture) -> Result<()> {
    let d_vocab = architecture.d_vocab;
    match tokenizer.and_then(Tokenizer::last_token) {
        Some((token, id)) if id as usize >= d_vocab => {
            Err(Error::TokenizerMismatch { token, id, d_vocab })
        }
        _ => Ok(()),
    }
}
