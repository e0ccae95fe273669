//! What sentence-transformers does to a text before the model reads it, and how much of a text it reads.

use crate::error::{Error, Result};
use crate::hub::{Need, Progress};
use crate::json;
use crate::note::Note;
use crate::source::Files;
use serde_json::Value;

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

/// The settings of the transformer.
#[derive(Debug, Default)]
pub(crate) struct OfTransformer {
    pub(crate) lower_case: Option<BeforeModel>,
    /// The most tokens of a text that are read, special tokens included.
    pub(crate) max_tokens: Option<usize>,
}

/// Reads the settings of the transformer, which are in its folder.
///
/// The most tokens are those of sentence-transformers 6.2: `max_length` of `processing_kwargs`, else
/// `model_max_length` for the tokenizer, else `max_seq_length`, else the `model_max_length` of
/// `tokenizer_config.json`. (The positions of the model limit all of them here.)
///
/// # Errors
/// A file that cannot be fetched or read; a limit that is not a number.
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
    let settings = read(files, file, notes)?;
    // The tokenizer itself refuses a file that cannot be read.
    let tokenizer = read(files, TOKENIZER, &mut Vec::new()).unwrap_or_default();
    let limits = [
        ("max_length", &settings["processing_kwargs"]["text"]["max_length"]),
        ("model_max_length", &settings["processor_kwargs"]["model_max_length"]),
        ("model_max_length", &settings["tokenizer_args"]["model_max_length"]),
        ("max_seq_length", &settings["max_seq_length"]),
        ("model_max_length", &tokenizer["model_max_length"]),
    ];
    let max_tokens = match limits.into_iter().find(|(_, value)| !value.is_null()) {
        None => None,
        Some((key, value)) => match value.as_f64() {
            Some(tokens) if tokens >= 1.0 => Some(tokens as usize),
            _ => {
                return Err(Error::Config {
                    file: file.to_owned(),
                    key: key.to_owned(),
                    value: value.to_string(),
                    reason: "a number of tokens is expected".to_owned(),
                });
            }
        },
    };
    let lower_case = settings["do_lower_case"] == true;
    let lower_case = lower_case.then(|| BeforeModel::LowerCase { file: file.to_owned() });
    // Tokenizers without a limit have 1e30; the conversion ends at the largest usize.
    Ok(OfTransformer { lower_case, max_tokens: max_tokens.filter(|n| *n < usize::MAX) })
}

/// A file of settings; null if there is none.
fn read(files: &Files, name: &str, notes: &mut Vec<Note>) -> Result<Value> {
    match files.find(name)? {
        Some(bytes) => json::read(name, &bytes, notes),
        None => Ok(Value::Null),
    }
}
