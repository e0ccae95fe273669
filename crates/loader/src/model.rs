//! A source to a loaded model: config, weights, tokenizer, and what is known of them.

use crate::config::Config;
use crate::families::{self, Family};
use crate::hub::{HubError, HubWarning, Need, Progress};
use crate::source::Files;
use crate::{Error, FileRecord, Pooling, Result, Source, Tokenizer, pickle, weights};
use candle_core::Device;
use serde_json::Value;
use std::collections::BTreeSet;
use stratoscope_transformer::{Architecture, Transformer};

/// A model, ready to run.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub transformer: Transformer,
    /// Its tokenizer, where the checkpoint has one.
    pub tokenizer: Option<Tokenizer>,
    /// What is known of it.
    pub info: ModelInfo,
    /// What the user should know although loading worked.
    pub warnings: Vec<HubWarning>,
}

/// What is known of a model, besides its weights.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelInfo {
    /// What it is called: a hub id, a folder's path, or the name of a model in memory.
    pub id: String,
    /// The commit on the hub, where it comes from there.
    pub revision: Option<String>,
    /// The family, as in [`supported_families`](crate::supported_families).
    pub family: &'static str,
    /// Every file that was read.
    pub files: Vec<FileRecord>,
    /// How a sentence vector is made, where `1_Pooling/config.json` says so.
    pub sentence_pooling: Option<Pooling>,
    /// Where sentence-transformers cuts a text when it makes a sentence vector, as
    /// `sentence_bert_config.json` says. It is shown, and nothing here enforces it.
    pub sentence_max_tokens: Option<u64>,
    /// Tensors of the checkpoint that hidden states do not need: heads and buffers.
    pub unused_tensors: Vec<String>,
}

impl ModelInfo {
    /// The sha256 of the weights files, in the order of their names: what tells one model's numbers
    /// from another's.
    pub fn weights_sha256(&self) -> Vec<String> {
        let is_weights = |name: &str| name.ends_with(".safetensors") || name.ends_with(".bin");
        let weights = self.files.iter().filter(|f| is_weights(&f.name));
        weights.map(|f| f.sha256.clone()).collect()
    }
}

const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const PICKLE: &str = "pytorch_model.bin";
const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";
const SENTENCE: &str = "sentence_bert_config.json";
const POOLING: &str = "1_Pooling/config.json";

/// How a model is loaded, where the default is not wanted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Whether weights may be read from `pytorch_model.bin` where there are no safetensors. It is
    /// read by a parser of this crate that executes nothing.
    pub allow_pickle: bool,
}

/// Loads a model onto the CPU, in f32. `progress` is told of downloads.
///
/// # Errors
/// A model that is not found; a file that is missing, cut or wrong; a family or a config value that
/// is not supported; a tensor that is missing, misshapen or holds NaN; a tokenizer that does not
/// match. Each names its evidence.
pub fn load(source: &Source, progress: &mut dyn Progress) -> Result<Model> {
    load_with(source, &LoadOptions::default(), progress)
}

/// Loads a model as `options` say.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    source: &Source,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Model> {
    let wanted = [WEIGHTS, INDEX, "tokenizer.json", "tokenizer_config.json", SENTENCE, POOLING];
    let mut files = Files::open(source, &wanted, progress)?;
    let config = Config::parse(&files.need("config.json", "")?)?;
    let family = families::of(&config)?;
    let architecture = (family.architecture)(&config)?;
    architecture.check()?;
    if let Some(vocabulary) = family.vocabulary.filter(|_| !files.has("tokenizer.json")) {
        files.fetch(vocabulary.files(), Need::Optional, progress)?;
    }
    let tokenizer = read_tokenizer(&files, family, &architecture)?;
    let sentence_pooling = match files.find(POOLING)? {
        Some(bytes) => Some(Pooling::parse(&bytes)?),
        None => None,
    };
    // Only shown, so that one that cannot be read is as good as none.
    let sentence = files.find(SENTENCE)?.and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let sentence_max_tokens = sentence.and_then(|s| s["max_seq_length"].as_u64());
    let weights_files = weights_files(&mut files, options, progress)?;
    let stored = match weights_files.first() {
        Some((name, _)) if name.ends_with(".bin") => pickle::tensors(&weights_files)?,
        _ => weights::safetensors(&weights_files)?,
    };
    let (weights, unused_tensors) = weights::read(&stored, &architecture, family, &Device::Cpu)?;
    drop(stored);
    drop(weights_files);
    let transformer = Transformer::new(architecture, weights, &Device::Cpu)?;
    let info = ModelInfo {
        files: files.records(),
        id: files.id,
        revision: files.revision,
        family: family.name,
        sentence_pooling,
        sentence_max_tokens,
        unused_tensors,
    };
    Ok(Model { transformer, tokenizer, info, warnings: files.warnings })
}

/// The weights in one file, or in the shards that an index names: safetensors, else pickles where
/// they are allowed.
fn weights_files(
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
    // That they do not exist is one thing; that they are not cached, or were cut, is another.
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

/// The shards that an index names, one after the other.
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

/// The shards that an index names, each a plain file name.
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

/// The tokenizer, from `tokenizer.json` or the family's vocabulary files; none where there are
/// neither.
fn read_tokenizer(
    files: &Files,
    family: &Family,
    architecture: &Architecture,
) -> Result<Option<Tokenizer>> {
    let tokenizer = match files.find("tokenizer.json")? {
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
    };
    let d_vocab = architecture.d_vocab;
    match tokenizer.last_token() {
        Some((token, id)) if id as usize >= d_vocab => {
            Err(Error::TokenizerMismatch { token, id, d_vocab })
        }
        _ => Ok(Some(tokenizer)),
    }
}
