//! From the files of a checkpoint to its tokenizer, as `AutoTokenizer` of transformers 5 makes it.

use super::assemble::{self, Vocabulary};
use super::choice::{self, Evidence};
use super::class::{self, Class, TOKENIZER_MODEL};
use super::parts::Parts;
use super::sentencepiece::SentencePiece;
use super::settings::{self, Settings, SettingsFiles};
use super::{Found, JSON, Tokenizer, mistral};
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::borrow::Cow;
use tokenizers::models::bpe;
use tokenizers::models::wordpiece::WordPiece;

/// The files that every tokenizer may have.
pub(crate) const FILES: &[&str] = &[JSON, settings::CONFIG, settings::SPECIAL, settings::ADDED];

/// Vocabularies that transformers converts first, in this order; ours are SentencePiece's alone.
const CONVERTED: &[&str] = &["tekken.json", TOKENIZER_MODEL, "tiktoken.model"];

/// A checkpoint whose files can be read by name.
pub(crate) trait Folder {
    /// The name of the model.
    fn id(&self) -> &str;
    /// Makes the existing files of these names ready to be read.
    fn fetch(&mut self, names: &[&str]) -> Result<()>;
    /// The content of a file; none if there is no such file.
    fn find(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>>;
}

/// What `config.json` says of the tokenizer.
pub(crate) struct Declared {
    pub(crate) model_type: String,
    pub(crate) model_name: Option<String>,
    pub(crate) tokenizer_class: Option<String>,
    /// The version of transformers that wrote the file.
    pub(crate) transformers_version: Option<String>,
}

/// The tokenizer of a checkpoint.
///
/// # Errors
/// A file that is wrong, or a setting that cannot be applied.
pub(crate) fn read(folder: &mut dyn Folder, config: &Declared) -> Result<Found> {
    let json = folder.find(JSON)?;
    let settings_bytes = folder.find(settings::CONFIG)?;
    let declared = settings::object(settings_bytes.as_deref(), settings::CONFIG, &mut Vec::new())?;
    let declared = declared.unwrap_or_default();
    if let Some(file) = other_version(&declared) {
        let value = Value::String(file);
        return Err(settings::error("fast_tokenizer_files", &value, "only tokenizer.json is read"));
    }
    let own_code = match declared.get("auto_map") {
        Some(Value::Object(map)) => map.get("AutoTokenizer").is_some_and(|code| !code.is_null()),
        Some(Value::Array(_)) => true,
        _ => false,
    };
    let class = choice::choose(&Evidence {
        id: folder.id(),
        model_type: &config.model_type,
        model_name: config.model_name.as_deref(),
        declared: declared.get("tokenizer_class").and_then(Value::as_str),
        of_config: config.tokenizer_class.as_deref(),
        own_code,
        byte_level: json.as_deref().is_some_and(byte_level),
    });
    let mut class = match class {
        Ok(class) => class,
        Err(error @ Error::TokenizerClass { .. }) => {
            return Ok(Found::None { reason: error.to_string() });
        }
        Err(error) => return Err(error),
    };
    let wrong = |reason| Error::Tokenizer { file: JSON.to_owned(), reason };
    let parts = json.as_deref().map(|bytes| Parts::parse(bytes).map_err(wrong)).transpose()?;
    let listed = parts.as_ref().map(|parts| parts.added_tokens.clone());
    let (vocabulary, file) = match parts.filter(|_| class.python.is_none()) {
        Some(parts) => (Vocabulary::Parts(Box::new(parts)), JSON.to_owned()),
        None => {
            if class.python.is_none() {
                folder.fetch(CONVERTED)?;
            }
            if class.python.is_none()
                && class.pipeline.is_none()
                && folder.find(TOKENIZER_MODEL)?.is_none()
            {
                class = choice::of_type(&config.model_type).unwrap_or(class);
            }
            folder.fetch(class.files)?;
            match vocabulary(folder, class)? {
                Some(found) => found,
                None => {
                    let reason = missing(class);
                    return Ok(Found::None { reason });
                }
            }
        }
    };
    let (special, added) = (folder.find(settings::SPECIAL)?, folder.find(settings::ADDED)?);
    let files = SettingsFiles {
        config: settings_bytes.as_deref(),
        special: special.as_deref(),
        added: added.as_deref(),
        listed: listed.as_deref(),
    };
    let mut notes = Vec::new();
    let settings = Settings::read(files, &mut notes)?;
    let fix = settings.optional_flag(mistral::KEY)?;
    let made = assemble::caught(&file, || {
        let mut made = assemble::of_class(class, vocabulary, settings, &file)?;
        mistral::apply(&mut made, config, fix)?;
        made.notes.splice(0..0, notes);
        Ok(made)
    })?;
    Ok(Found::Tokenizer(Box::new(Tokenizer::new(made))))
}

/// Whether a `tokenizer.json` names a byte-level part anywhere.
fn byte_level(json: &[u8]) -> bool {
    const NAME: &[u8] = b"\"ByteLevel\"";
    json.windows(NAME.len()).any(|part| part == NAME)
}

/// A file for newer versions of transformers, which would be read instead of `tokenizer.json`.
fn other_version(declared: &Map<String, Value>) -> Option<String> {
    let files = declared.get("fast_tokenizer_files")?.as_array()?;
    let other = files.iter().filter_map(Value::as_str).find(|file| *file != JSON);
    other.map(str::to_owned)
}

/// What a class misses that found no vocabulary.
fn missing(class: &Class) -> String {
    let files = class.files.join(" with ");
    match (class.python, class.files) {
        (Some(_), _) => format!("there is no {files}, which {} needs", class.name()),
        (None, [] | [TOKENIZER_MODEL]) => {
            format!("there is no {JSON}, and no {TOKENIZER_MODEL}")
        }
        (None, _) => format!("there is no {JSON}, and no {files}"),
    }
}

/// The vocabulary that a class reads without a `tokenizer.json`, and the name of its files.
fn vocabulary(folder: &dyn Folder, class: &Class) -> Result<Option<(Vocabulary, String)>> {
    let converted = if class.python.is_none() { CONVERTED } else { &[] };
    for file in converted {
        let Some(bytes) = folder.find(file)? else { continue };
        if *file != TOKENIZER_MODEL {
            let reason = "this kind of vocabulary is not supported; \
                AutoTokenizer.from_pretrained(…).save_pretrained(…) writes a tokenizer.json";
            return Err(Error::Tokenizer { file: (*file).to_owned(), reason: reason.to_owned() });
        }
        return pieces(file, &bytes).map(Some);
    }
    let mut found = Vec::new();
    for file in class.files {
        match folder.find(file)? {
            Some(bytes) => found.push(bytes),
            None => return Ok(None),
        }
    }
    let name = class.files.join(" + ");
    let vocabulary = match (class.files, found.as_slice()) {
        (["vocab.txt"], [words]) => {
            let words = WordPiece::read_bytes(words).map_err(|error| Error::Tokenizer {
                file: name.clone(),
                reason: error.to_string(),
            })?;
            Vocabulary::Words(words)
        }
        ([_, class::MERGES_TXT], [ids, merges]) => {
            Vocabulary::Merges(read_ids(ids)?, read_merges(merges)?)
        }
        ([_, file], [ids, bytes]) => {
            let pieces = SentencePiece::parse(file, bytes)?;
            Vocabulary::Numbered(read_ids(ids)?, Box::new(pieces))
        }
        ([file], [bytes]) => return pieces(file, bytes).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((vocabulary, name)))
}

fn pieces(file: &str, bytes: &[u8]) -> Result<(Vocabulary, String)> {
    let pieces = SentencePiece::parse(file, bytes)?;
    Ok((Vocabulary::Pieces(Box::new(pieces)), file.to_owned()))
}

/// `vocab.json`: tokens to ids.
fn read_ids(bytes: &[u8]) -> Result<bpe::Vocab> {
    serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { file: class::VOCAB_JSON.to_owned(), source })
}

/// `merges.txt`: two parts in each line.
fn read_merges(bytes: &[u8]) -> Result<bpe::Merges> {
    let wrong = |reason: String| Error::Tokenizer { file: class::MERGES_TXT.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"));
    let pair = |(number, line): (usize, &str)| match line.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok((left.to_owned(), right.to_owned())),
        _ => {
            Err(wrong(format!("line {}: two parts with a space between are expected", number + 1)))
        }
    };
    lines.map(pair).collect()
}
