//! From a source to a loaded model: config, weights, tokenizer and their description.

mod shards;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::families;
use crate::files::hexadecimal;
use crate::gguf::Gguf;
use crate::hub::{HubError, HubWarning, Need, NotCached, Progress};
use crate::images::ImageProcessor;
use crate::json;
use crate::kind::Reads;
use crate::memory::MemoryPlan;
use crate::note::Note;
use crate::pickle;
use crate::pooling::Pooling;
use crate::records::{FileRecord, FileRecords};
use crate::sentences::{self, BeforeModel, Pooler};
use crate::sounds::{self, SoundProcessor};
use crate::source::Source;
use crate::source::{Files, INDEX, WEIGHTS, is_gguf};
use crate::tokenizer::{self, Declared, Found, Tokenizer};
use crate::weights;
use candle_core::{DType, Device, DeviceLocation};
use serde_json::Value;
use sha2::{Digest, Sha256};
pub(crate) use shards::weights_files;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stratoscope_transformer::{Placement, Source as TransformerSource, Transformer};

/// A model, ready to run.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub transformer: Transformer,
    /// The tokenizer, if the checkpoint has one that is supported.
    pub tokenizer: Option<Tokenizer>,
    /// What prepares images, if the model reads them.
    pub images: Option<ImageProcessor>,
    /// Why there is no tokenizer, if there is none.
    pub without_tokenizer: Option<String>,
    /// What turns sounds into what the model reads, if it reads sound and the checkpoint says how.
    pub sounds: Option<SoundProcessor>,
    /// A description of the model.
    pub info: ModelInfo,
    /// The memory of its weights, and what is left for states.
    pub memory: MemoryPlan,
    /// How long loading took. Threads may still compute the sha256 of its files
    /// ([`FileRecords::time`]).
    pub time: Duration,
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
    /// What the model reads.
    pub reads: Reads,
    /// All files that were read. The sha256 of weights may still be computed while the model runs; states
    /// are given when all are known.
    pub files: FileRecords,
    /// How sentence-transformers makes the vector of a sentence, if the checkpoint says so; or why it
    /// cannot be computed here.
    pub sentence_pooler: Result<Option<Pooler>, Arc<Error>>,
    /// Why the tokenizer of the model cannot be used, if its files or settings are wrong.
    pub tokenizer_error: Option<Arc<Error>>,
    /// Why sounds cannot be processed, if the model reads sound and its settings are missing or wrong.
    pub sounds_error: Option<Arc<Error>>,
    /// The files of the tokenizer that the model may have: they are not in the cache, and the hub cannot
    /// be asked.
    pub tokenizer_not_cached: Vec<NotCached>,
    /// The most tokens of a text, special tokens included, that sentence-transformers reads for the
    /// vector of a sentence; it cuts a longer text. Not more than the position embedding has rows, but it
    /// may be more than the config names, if the model computes its positions.
    pub sentence_max_tokens: Option<usize>,
    /// What sentence-transformers does to a text before the model reads it. Nothing here does it.
    pub sentence_before: Vec<BeforeModel>,
    /// The pooling of sentence-transformers if no file says how.
    pub default_pooling: Pooling,
    /// The folder of the transformer in the checkpoint, with its `/`; empty for that of the model.
    pub(crate) folder: String,
    /// The standard deviation of the weights before training, if the config says it.
    pub initializer_range: Option<f64>,
    /// The device.
    pub device: DeviceLocation,
    /// The number type of weights and states.
    pub dtype: DType,
    /// The tensors of the checkpoint that the forward pass does not use: other heads and buffers.
    pub unused_tensors: Vec<String>,
    /// What is unusual in the checkpoint, and how it was understood.
    pub notes: Vec<Note>,
    /// What is unusual in the files for the vectors of sentences.
    pub sentence_notes: Vec<Note>,
}

impl Model {
    /// What the model reads.
    pub fn reads(&self) -> Reads {
        self.info.reads
    }

    /// What turns sounds into what the model reads.
    ///
    /// # Errors
    /// [`Error::Reads`] if the model reads no sound; [`Error::OfProcessor`] if the checkpoint does not say
    /// how.
    pub fn sound_processor(&self) -> Result<&SoundProcessor> {
        match (&self.sounds, &self.info.sounds_error) {
            (Some(sounds), _) => Ok(sounds),
            (None, Some(error)) => Err(Error::OfProcessor(error.clone())),
            (None, None) => Err(Error::Reads { reads: self.info.reads, given: Reads::Sound }),
        }
    }
}

impl ModelInfo {
    /// How the vector of a sentence is made: as the checkpoint says, else as sentence-transformers does
    /// without a word of it: the last vector of a causal language model, the mean of other models.
    ///
    /// # Errors
    /// [`Error::Sentences`] if the checkpoint names a pooling or a module that is not supported, or if
    /// the cache does not tell what it names.
    pub fn sentence_pooler(&self) -> Result<Pooler> {
        match &self.sentence_pooler {
            Ok(pooler) => Ok(pooler.clone().unwrap_or_else(|| self.default_pooling.into())),
            Err(error) => Err(Error::Sentences(error.clone())),
        }
    }

    /// Fails if the tokenizer of the model cannot be used, or if the cache does not tell whether the model
    /// has one.
    ///
    /// # Errors
    /// [`Error::OfTokenizer`]; [`HubError::NotCached`].
    pub fn check_tokenizer(&self) -> Result<()> {
        if let Some(error) = &self.tokenizer_error {
            return Err(Error::OfTokenizer(error.clone()));
        }
        match self.tokenizer_not_cached.first() {
            Some(file) => Err(HubError::NotCached(Box::new(file.clone())).into()),
            None => Ok(()),
        }
    }

    /// The sha256 of the weights files, in the order of their names: the identity of the weights. Waits for
    /// [`files`](Self::files); empty if they cannot be read, and then there are no states either.
    pub fn weights_sha256(&self) -> Vec<String> {
        let is_weights = |name: &str| {
            let safetensors = [".safetensors", ".bin"].iter().any(|end| name.ends_with(end));
            safetensors || is_gguf(name.as_ref())
        };
        let weights = self.states_files().filter(|(name, _)| is_weights(name));
        weights.map(|(_, file)| file.sha256.clone()).collect()
    }

    /// The identity of the states of texts, in hexadecimal: a sha256 over the names and the sha256 of
    /// the files of config, weights and tokenizer. Files for the vectors of sentences do not count.
    /// Empty if there are no files, as of a model with random weights. Waits for [`files`](Self::files);
    /// empty if they cannot be read, and then there are no states either.
    pub fn states_sha256(&self) -> String {
        if self.files.all().map_or(0, <[_]>::len) == 0 {
            return String::new();
        }
        let mut hash = Sha256::new();
        for (name, file) in self.states_files() {
            hash.update(format!("{} {name}\n", file.sha256));
        }
        hexadecimal(&hash.finalize())
    }

    /// The files that decide the states, with their names in the folder of the transformer.
    fn states_files(&self) -> impl Iterator<Item = (&str, &FileRecord)> {
        let name = |file: &'_ FileRecord| file.name.strip_prefix(&self.folder).is_some();
        let all = self.files.all().unwrap_or_default();
        let own = all.iter().filter(move |file| name(file));
        let own = own.map(|file| (&file.name[self.folder.len()..], file));
        own.filter(|(name, _)| !sentences::is_for_sentences(name))
    }
}

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
    /// Whether a CPU runs on vectorised kernels. Tests switch them off to compare the kernels with the
    /// operations of other devices.
    pub kernels: bool,
    /// The memory that weights, and the states that are computed at a time, may take, in bytes; by
    /// default 70 % of what is free. If the weights do not fit, each block is read when it runs: the
    /// results are the same.
    pub memory: Option<u64>,
    /// What the model is to read, if it has an encoder for each of several kinds of input: that of texts by
    /// default.
    pub reads: Option<Reads>,
    /// Whether weights are read when they are needed, whatever the memory: to describe a model.
    pub later: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            allow_pickle: false,
            device: Device::Cpu,
            dtype: DType::F32,
            kernels: true,
            memory: None,
            reads: None,
            later: false,
        }
    }
}

/// Loads a model onto the CPU, in f32. `progress` receives the progress of downloads.
///
/// # Errors
/// A model that is not found; a file that is missing, cut or wrong; a family or a config value that
/// is not supported; a tensor that is missing, has a wrong shape or has NaN. Each error names its
/// evidence. A tokenizer that cannot be used is no error: [`ModelInfo::check_tokenizer`] tells why.
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
    let start = Instant::now();
    let mut wanted = [&[WEIGHTS, INDEX], tokenizer::FILES].concat();
    wanted.extend(sentences::FILES);
    let mut files = Files::open(source, &wanted, progress)?;
    let mut notes = Vec::new();
    let gguf = files.gguf()?;
    if gguf.is_none()
        && !has_config(&files)?
        && let Some(folder) = sentences::transformer_folder(&files)?
    {
        notes.push(Note::Folder(folder.clone()));
        files.folder = folder;
        files.fetch(&["config.json"], Need::Required, progress)?;
        files.fetch(&wanted, Need::Optional, progress)?;
    }
    let config = match &gguf {
        Some(gguf) => Config::of(gguf.config()?)?,
        None => Config::parse(&files.need("config.json", "")?, &mut notes)?,
    };
    let text = |key| config.get(key).and_then(Value::as_str).map(str::to_owned);
    let declared = Declared {
        model_type: text("model_type").unwrap_or_default(),
        model_name: text("model_name"),
        tokenizer_class: text("tokenizer_class"),
        transformers_version: text("transformers_version"),
    };
    let mut default_pooling = sentences::default_pooling(&config);
    let images = match options.reads {
        Some(Reads::Image) => config.of_images()?,
        _ => None,
    };
    let mut config = match images {
        Some(images) => images,
        None => config.of_text()?,
    };
    let family = families::of(&mut config, &mut notes)?;
    let mut architecture = (family.architecture)(&config)?;
    families::set_direction(&config, &mut architecture)?;
    architecture.check().map_err(Error::Architecture)?;
    // No state depends on it, so that a wrong value counts as none.
    let mut spreads = ["initializer_range", "init_std"]
        .into_iter()
        .filter_map(|key| config.get(key).and_then(Value::as_f64));
    let initializer_range = spreads.find(|spread| spread.is_finite() && *spread > 0.0);
    let reads = Reads::of(&architecture.embedding.source);
    let (mut images, mut sounds, mut sounds_error) = (None, None, None);
    match &architecture.embedding.source {
        TransformerSource::Tokens => {}
        TransformerSource::Patches(patches) => {
            // The class token stands for the image, where there is one.
            let has_class = !patches.prefix.is_empty();
            default_pooling = if has_class { Pooling::First } else { Pooling::Mean };
            let model_type = config.text("model_type")?;
            let found =
                ImageProcessor::read(&mut files, model_type, patches, progress, &mut notes)?;
            images = Some(found);
        }
        TransformerSource::Frames(_) => {
            default_pooling = Pooling::Mean;
            match sounds::read(&mut files, &architecture, progress) {
                Ok(found) => sounds = Some(found),
                Err(error @ Error::Hub(_)) => return Err(error),
                // Features can be read without them.
                Err(error) => sounds_error = Some(Arc::new(error)),
            }
        }
    }
    files.take_missed();
    let found = match &gguf {
        _ if reads != Reads::Text => Ok(Found::None { reason: format!("the model reads {reads}") }),
        Some(gguf) => gguf_tokenizer(gguf),
        None => tokenizer::read(&mut Fetching { files: &mut files, progress }, &declared),
    };
    let (found, tokenizer_error) = match found {
        Ok(found) => (found, None),
        Err(error @ Error::Hub(_)) => return Err(error),
        // Token ids can be read without a tokenizer.
        Err(error) => (Found::None { reason: error.to_string() }, Some(Arc::new(error))),
    };
    let (tokenizer, without_tokenizer) = match found {
        Found::Tokenizer(tokenizer) => (Some(*tokenizer), None),
        Found::None { reason } => (None, Some(reason)),
    };
    notes.extend(tokenizer.iter().flat_map(Tokenizer::notes).cloned());
    let mut tokenizer_not_cached = files.take_missed();
    // The usual file is named first.
    tokenizer_not_cached.sort_by_key(|found| found.file != tokenizer::JSON);
    // The modules after the transformer are in other folders.
    let folder = std::mem::take(&mut files.folder);
    let sentence_pooler = match &gguf {
        _ if reads != Reads::Text => Ok(None),
        Some(gguf) => gguf.sentence_pooler(),
        None => {
            let allowed = options.allow_pickle;
            sentences::read(&mut files, architecture.d_model, allowed, progress, &mut notes)
        }
    };
    let mut missed = files.take_missed();
    // The files that say how are named first.
    missed.sort_by_key(|found| found.file == sentences::SETTINGS);
    let sentence_pooler = match sentence_pooler {
        Ok(None) if !missed.is_empty() => {
            Err(Error::UnknownPooling(Box::new(missed.swap_remove(0))))
        }
        other => other,
    };
    let mut sentence_before = Vec::from_iter(sentences::prompt(&files, &mut notes));
    let is_listed = files.has(sentences::MODULES);
    files.folder.clone_from(&folder);
    let (of_transformer, sentence_pooler) =
        match sentences::of_transformer(&mut files, is_listed, progress, &mut notes) {
            Ok(found) => (found, sentence_pooler),
            Err(error @ Error::Hub(_)) => return Err(error),
            // Only vectors of sentences need them.
            Err(error) => (sentences::OfTransformer::default(), sentence_pooler.and(Err(error))),
        };
    sentence_before.extend(of_transformer.before);
    // Each file is named once.
    for file in files.take_missed() {
        if !missed.contains(&file) && !tokenizer_not_cached.contains(&file) {
            missed.push(file);
        }
    }
    let sentence_max_tokens = of_transformer.limit.and_then(|limit| limit.of(&architecture));
    if gguf.is_none() && !is_listed && !missed.iter().any(|file| file.file == sentences::MODULES) {
        let unlisted = sentences::FILES.iter().filter(|name| files.was_read(name));
        let unlisted: Vec<String> = unlisted.map(|name| (*name).to_owned()).collect();
        if !unlisted.is_empty() {
            notes.push(Note::NoModules(unlisted));
        }
        sentence_before.extend(sentences::chat_template(&files));
        files.take_missed();
    }
    let without = if tokenizer.is_some() { tokenizer_not_cached.clone() } else { Vec::new() };
    let missed = if matches!(sentence_pooler, Ok(Some(_))) { missed } else { Vec::new() };
    if !without.is_empty() || !missed.is_empty() {
        files.warnings.push(HubWarning::Without { tokenizer: without, sentences: missed });
    }
    let mut pickled = None;
    let tensors = match gguf {
        Some(gguf) => gguf.tensors()?,
        None => {
            let files = weights_files(&mut files, options, progress)?;
            match files.first() {
                Some(file) if file.name.ends_with(".bin") => {
                    pickled = Some(file.name.clone());
                    pickle::tensors(&files)?
                }
                _ => weights::safetensors(&files)?,
            }
        }
    };
    let weights = weights::find(&tensors, &mut architecture, family, &mut notes)?;
    let unused_tensors = weights.unused.clone();
    let mut place = Placement {
        device: options.device.clone(),
        dtype: options.dtype,
        kernels: options.kernels && options.device.is_cpu(),
        resident: true,
    };
    let memory = MemoryPlan::new(options.memory, weights.sizes(&place), &architecture);
    place.resident = memory.resident && !options.later;
    if let (false, Some(file)) = (memory.resident, pickled) {
        return Err(Error::PickleTooLarge { file, bytes: memory.weights, budget: memory.budget });
    }
    let transformer = Transformer::from_source(architecture, Arc::new(weights), place)?;
    let of_sentences = |note: &Note| matches!(note, Note::UnreadKey { .. } | Note::NoModules(_));
    let (sentence_notes, notes) = notes.into_iter().partition(of_sentences);
    let records = files.records();
    let info = ModelInfo {
        files: records,
        id: files.id,
        revision: files.revision,
        family: family.name,
        reads,
        sentence_pooler: sentence_pooler.map_err(Arc::new),
        tokenizer_error,
        sounds_error,
        tokenizer_not_cached,
        sentence_max_tokens,
        sentence_before,
        default_pooling,
        folder,
        initializer_range,
        unused_tensors,
        notes,
        sentence_notes,
        device: options.device.location(),
        dtype: options.dtype,
    };
    let warnings = files.warnings;
    let time = start.elapsed();
    Ok(Model {
        transformer,
        tokenizer,
        images,
        without_tokenizer,
        sounds,
        info,
        memory,
        time,
        warnings,
    })
}

/// Whether the folder of the model has the config of a transformer. In old models of
/// sentence-transformers, `config.json` there has only the version of the library.
fn has_config(files: &Files) -> Result<bool> {
    let Some(bytes) = files.find("config.json")? else { return Ok(false) };
    let config = json::read("config.json", &bytes, &mut Vec::new());
    Ok(config.is_ok_and(|config| config["__version__"].is_null()))
}

/// The files of a checkpoint, which are fetched when they are needed.
struct Fetching<'a> {
    files: &'a mut Files,
    progress: &'a mut dyn Progress,
}

impl tokenizer::Folder for Fetching<'_> {
    fn id(&self) -> &str {
        &self.files.id
    }

    fn fetch(&mut self, names: &[&str]) -> Result<()> {
        self.files.fetch(names, Need::Optional, self.progress)
    }

    fn find(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>> {
        self.files.find(name)
    }
}

/// The tokenizer of a GGUF file.
fn gguf_tokenizer(gguf: &Gguf) -> Result<Found> {
    let Some(definition) = gguf.tokenizer()? else {
        return Ok(Found::None { reason: format!("{} has no vocabulary", gguf.file()) });
    };
    let tokenizer = Tokenizer::from_json(definition.to_string().as_bytes());
    tokenizer.map(|tokenizer| Found::Tokenizer(Box::new(tokenizer))).map_err(|error| match error {
        Error::Tokenizer { reason, .. } => {
            Error::Tokenizer { file: gguf.file().to_owned(), reason }
        }
        other => other,
    })
}
