//! What sentence-transformers does to a text before the model reads it, and how much of a text it reads.

use super::keys::Keys;
use crate::error::Result;
use crate::hub::{Need, Progress};
use crate::json;
use crate::note::Note;
use crate::source::Files;
use serde_json::{Map, Value, json};
use stratoscope_transformer::Architecture;

/// The settings of a model, with its prompts.
pub(crate) const SETTINGS: &str = "config_sentence_transformers.json";

/// The settings of the transformer: the first of these files that exists. The others are of old models.
pub(super) const TRANSFORMER: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The settings of the tokenizer.
const TOKENIZER: &str = "tokenizer_config.json";

/// What sentence-transformers does to a text before the model reads it. Nothing here does it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeforeModel {
    /// A prompt is put before every text (`default_prompt_name`).
    Prompt {
        /// Its name in `config_sentence_transformers.json`.
        name: String,
        /// The prompt; none if the file does not have it.
        text: Option<String>,
    },
    /// The text becomes lower case (`do_lower_case`).
    LowerCase {
        /// The file that says so.
        file: String,
    },
    /// The text becomes a message in the chat template of the tokenizer.
    ChatTemplate {
        /// The file that has it.
        file: String,
    },
}

impl std::fmt::Display for BeforeModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt { name, text: Some(text) } => {
                write!(f, "puts the prompt {name:?} before every text ({text:?}, in {SETTINGS})")
            }
            Self::Prompt { name, text: None } => {
                write!(
                    f,
                    "puts the prompt {name:?} before every text, which {SETTINGS} does not have"
                )
            }
            Self::LowerCase { file } => {
                write!(f, "changes every text to lower case (do_lower_case in {file})")
            }
            Self::ChatTemplate { file } => {
                write!(f, "puts every text into the chat template of the tokenizer (in {file})")
            }
        }
    }
}

/// The prompt that is put before every text, if the model has one. It is for messages, so that an
/// unreadable file counts as none.
pub(crate) fn prompt(files: &Files, notes: &mut Vec<Note>) -> Option<BeforeModel> {
    let settings = read(files, SETTINGS, notes).unwrap_or_default();
    let name = settings["default_prompt_name"].as_str()?;
    let text = settings["prompts"].get(name).and_then(Value::as_str).map(str::to_owned);
    (text.as_deref() != Some("")).then(|| BeforeModel::Prompt { name: name.to_owned(), text })
}

/// The chat template of the tokenizer. sentence-transformers puts texts into it where no list of modules
/// says otherwise.
pub(crate) fn chat_template(files: &Files) -> Option<BeforeModel> {
    let settings = read(files, TOKENIZER, &mut Vec::new()).unwrap_or_default();
    let own = "chat_template.jinja";
    let file = match files.has(own) {
        true => own,
        false if settings["chat_template"].is_null() => return None,
        false => TOKENIZER,
    };
    Some(BeforeModel::ChatTemplate { file: file.to_owned() })
}

/// Refuses settings of the model that change the vectors in a way that is not supported, such as
/// `truncate_dim`.
pub(super) fn check_settings(files: &Files, notes: &mut Vec<Note>) -> Result<()> {
    let mut keys = Keys::of_file(files, SETTINGS, notes)?;
    keys.only("truncate_dim", &[Value::Null], "the vectors of sentences are not cut here")?;
    let reason = "only models of the class SentenceTransformer are supported";
    keys.only("model_type", &["SentenceTransformer".into()], reason)?;
    let name = keys.take("default_prompt_name").unwrap_or_default();
    if !name.is_null() && !name.is_string() {
        return Err(keys.wrong("default_prompt_name", &name, "a name is expected"));
    }
    // `prompt` names the prompt that is put before every text; the others are for requests.
    let prompts = keys.take("prompts").unwrap_or(Value::Object(Map::new()));
    let is_text = |prompt: &Value| prompt.is_string() || prompt.is_null();
    if !prompts.as_object().is_some_and(|prompts| prompts.values().all(is_text)) {
        return Err(keys.wrong("prompts", &prompts, "texts by name are expected"));
    }
    keys.without_effect(&["__version__", "similarity_fn_name", "requirements"]);
    keys.unread(notes);
    Ok(())
}

/// The settings of the transformer.
#[derive(Debug, Default)]
pub(crate) struct OfTransformer {
    /// What is done to a text before the model reads it.
    pub(crate) before: Option<BeforeModel>,
    /// The most tokens of a text that are read, special tokens included.
    pub(crate) limit: Option<Limit>,
}

/// The most tokens of a text that are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    tokens: usize,
    /// Whether the settings of the transformer have it. Then it may be above the number of positions that
    /// the config names, if the model computes its positions.
    is_explicit: bool,
}

impl Limit {
    /// The most tokens that an architecture reads with this limit; none without a limit.
    pub(crate) fn of(self, architecture: &Architecture) -> Option<usize> {
        let positions = match self.is_explicit {
            true => architecture.max_positions(),
            false => architecture.max_tokens(),
        };
        // No text is longer than the largest number.
        Some(self.tokens.min(positions.unwrap_or(usize::MAX))).filter(|n| *n < usize::MAX)
    }
}

/// What sentence-transformers gives its loaders of the tokenizer, model and config instead of what the
/// file says.
const OVERWRITTEN: [&str; 6] =
    ["subfolder", "token", "cache_dir", "revision", "local_files_only", "trust_remote_code"];

/// Reads the settings of the transformer, which are in its folder.
///
/// The limit is that of sentence-transformers 6.2: `max_length` of `processing_kwargs`, else
/// `model_max_length` for the tokenizer, else `max_seq_length`, else the `model_max_length` of
/// `tokenizer_config.json`.
///
/// # Errors
/// A file that cannot be fetched or read; a key that may change the vectors and is not supported.
pub(crate) fn of_transformer(
    files: &mut Files,
    is_listed: bool,
    progress: &mut dyn Progress,
    notes: &mut Vec<Note>,
) -> Result<OfTransformer> {
    let mut file = TRANSFORMER[0];
    // Only old models, which have a list of modules, have a file of another name.
    for &name in TRANSFORMER.iter().filter(|_| is_listed) {
        files.fetch(&[name], Need::Optional, progress)?;
        if files.has(name) {
            file = name;
            break;
        }
        if files.check_cached(&[name]).is_err() {
            break;
        }
    }
    let mut keys = Keys::of_file(files, file, notes)?;
    let at_call = of_processing(keys.object("processing_kwargs")?, notes)?;
    let for_tokenizer = of_tokenizer(newer(&mut keys, "tokenizer_args", "processor_kwargs")?)?;
    let max_seq_length = keys.tokens("max_seq_length")?;
    let mut model = newer(&mut keys, "model_args", "model_kwargs")?;
    // The number type is that of this program, and the rest decides how a model is read.
    model.without_effect(&["attn_implementation", "torch_dtype", "dtype", "device_map"]);
    model.without_effect(&["low_cpu_mem_usage", "use_safetensors", "add_pooling_layer"]);
    model.done()?;
    let mut config = newer(&mut keys, "config_args", "config_kwargs")?;
    config.without_effect(&["use_cache"]);
    config.done()?;
    of_modalities(&mut keys)?;
    let task = "only the task \"feature-extraction\" has vectors of sentences";
    keys.only("transformer_task", &["feature-extraction".into()], task)?;
    let reason = "another tokenizer than that of the folder is not supported";
    keys.only("tokenizer_name_or_path", &[Value::Null], reason)?;
    let is_lowered = keys.flag("do_lower_case", false)?;
    // Without padding, all texts are read as one alone. Queries and documents have other methods.
    keys.without_effect(&["unpad_inputs", "query_length", "document_length", "query_expansion"]);
    keys.without_effect(&["backend", "cache_dir"]);
    keys.done()?;
    let explicit = at_call.or(for_tokenizer).or(max_seq_length);
    let limit = match explicit {
        Some(tokens) => Some(Limit { tokens, is_explicit: true }),
        None => {
            // The tokenizer itself refuses a file that cannot be read.
            let settings = read(files, TOKENIZER, &mut Vec::new()).unwrap_or_default();
            let object = settings.as_object().cloned().unwrap_or_default();
            let mut keys = Keys::of(TOKENIZER, Value::Object(object))?;
            // The older name counts where the newer one is absent, not where it is null.
            let mut named = ["model_max_length", "max_len"].into_iter();
            let key = named.find(|key| keys.has(key)).unwrap_or_default();
            keys.tokens(key)?.map(|tokens| Limit { tokens, is_explicit: false })
        }
    };
    let before = is_lowered.then(|| BeforeModel::LowerCase { file: file.to_owned() });
    Ok(OfTransformer { before, limit })
}

/// The object of a key with an older name, which has priority.
fn newer(keys: &mut Keys, old: &str, new: &str) -> Result<Keys> {
    let (older, newer) = (keys.has(old), keys.object(new)?);
    let mut object = if older { keys.object(old)? } else { newer };
    object.without_effect(&OVERWRITTEN);
    Ok(object)
}

/// The limit in what the tokenizer is loaded with.
fn of_tokenizer(mut keys: Keys) -> Result<Option<usize>> {
    let limit = keys.tokens("model_max_length")?;
    keys.only("truncation_side", &["right".into()], "only \"right\" is supported")?;
    keys.without_effect(&["use_fast", "padding_side"]);
    keys.done()?;
    Ok(limit)
}

/// The limit in what the tokenizer is called with. What is common to all kinds of input has priority.
fn of_processing(mut keys: Keys, notes: &mut Vec<Note>) -> Result<Option<usize>> {
    let mut limit = None;
    for kind in ["text", "common"] {
        let mut keys = keys.object(kind)?;
        limit = keys.tokens("max_length")?.or(limit);
        let right = "a text that is too long is cut here";
        keys.only("truncation", &[true.into(), "longest_first".into()], right)?;
        let special = "special tokens are always added here";
        keys.only("add_special_tokens", &[true.into()], special)?;
        keys.only("return_tensors", &["pt".into()], "only \"pt\" is supported")?;
        keys.without_effect(&["padding", "padding_side", "pad_to_multiple_of", "logits_to_keep"]);
        keys.done()?;
    }
    keys.without_effect(&["audio", "image", "video", "chat_template"]);
    keys.unread(notes);
    Ok(limit)
}

/// Refuses another way from a text to the states of its tokens.
fn of_modalities(keys: &mut Keys) -> Result<()> {
    let output = keys.take("module_output_name");
    if !keys.has("modality_config") {
        // Then sentence-transformers takes the usual way, whatever the output is called.
        return Ok(());
    }
    let mut kinds = keys.object("modality_config")?;
    let usual = json!({"method": "forward", "method_output_name": "last_hidden_state"});
    let reason = format!("only {usual} is supported");
    let text = kinds.take("text").unwrap_or_default();
    if text != usual {
        return Err(kinds.wrong("text", &text, &reason));
    }
    if let Some(message) = kinds.take("message") {
        let reason = "texts in a chat template are not supported";
        return Err(kinds.wrong("message", &message, reason));
    }
    let output = output.unwrap_or_default();
    if output != "token_embeddings" {
        let reason = "only \"token_embeddings\" is supported";
        return Err(keys.wrong("module_output_name", &output, reason));
    }
    Ok(())
}

/// A file of settings; null if there is none.
fn read(files: &Files, name: &str, notes: &mut Vec<Note>) -> Result<Value> {
    match files.find(name)? {
        Some(bytes) => json::read(name, &bytes, notes),
        None => Ok(Value::Null),
    }
}
