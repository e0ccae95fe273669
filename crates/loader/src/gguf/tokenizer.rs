//! From the vocabulary in the metadata of a GGUF file to a `tokenizer.json`.

mod byte_level;
mod sentence_piece;
mod word_piece;

use super::Gguf;
use super::keys::Keys;
use super::parse;
use crate::error::{Error, Result};
use serde_json::{Map, Value, json};

/// The prefix of the keys of a vocabulary.
const PREFIX: &str = "tokenizer.ggml";

/// The tokenizer of a file, if it has one.
pub(super) fn definition(gguf: &Gguf) -> Result<Option<Value>> {
    let keys = gguf.keys(PREFIX);
    let Some(model) = keys.text("model")? else { return Ok(None) };
    let as_written = |token: &str, _| token.to_owned();
    let definition = match model {
        // The keys of a vocabulary that is not there have no effect.
        "none" | "no_vocab" => return Ok(None),
        "gpt2" => byte_level::definition(&Vocabulary::read(gguf, &keys, as_written)?),
        "llama" => {
            let vocabulary = Vocabulary::read(gguf, &keys, as_written)?;
            sentence_piece::definition(&vocabulary, gguf.architecture()?)
        }
        "bert" => word_piece::definition(&Vocabulary::read(gguf, &keys, word_piece::original)?),
        _ => Err(keys.error("model", "gpt2, llama and bert are supported")),
    };
    let definition = definition?;
    for key in WITHOUT_EFFECT {
        keys.get(key);
    }
    keys.finish()?;
    Ok(Some(definition))
}

/// Keys of llama.cpp that change no token of a text: hints for generation and infilling, and keys that
/// other kinds of vocabularies read.
const WITHOUT_EFFECT: &[&str] = &[
    "add_bos_token",
    "add_eos_token",
    "add_sep_token",
    "add_space_prefix",
    "bos_token_id",
    "cls_token_id",
    "eom_token_id",
    "eos_token_id",
    "eot_token_id",
    "fim_mid_token_id",
    "fim_pad_token_id",
    "fim_pre_token_id",
    "fim_rep_token_id",
    "fim_sep_token_id",
    "fim_suf_token_id",
    "middle_token_id",
    "pre",
    "prefix_token_id",
    "scores",
    "suffix_token_id",
    "token_type_count",
];

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A part of words.
    Normal,
    /// The unknown token.
    Unknown,
    /// A special token.
    Control,
    /// A token that is matched in a text first.
    UserDefined,
    /// A token that is not used.
    Unused,
    /// A single byte, for texts that no other token covers.
    Byte,
}

impl Kind {
    fn of(number: u64) -> Option<Self> {
        Some(match number {
            // Old files have no kinds.
            0 | 1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

/// The tokens of a file with their kinds.
struct Vocabulary<'a> {
    file: &'a str,
    keys: &'a Keys<'a>,
    tokens: Vec<String>,
    kinds: Vec<Kind>,
}

impl<'a> Vocabulary<'a> {
    /// Reads the tokens, each spelled by `spell`.
    fn read(
        gguf: &'a Gguf,
        keys: &'a Keys<'a>,
        spell: impl Fn(&str, Kind) -> String,
    ) -> Result<Self> {
        let tokens = keys.need("tokens", keys.texts("tokens"))?;
        let kinds = match keys.list("token_type")? {
            None => vec![Kind::Normal; tokens.len()],
            Some(values) => {
                let kinds = values.iter().map(|v| v.unsigned().and_then(Kind::of));
                let kinds: Option<Vec<_>> = kinds.collect();
                kinds.filter(|kinds| kinds.len() == tokens.len()).ok_or_else(|| {
                    keys.error(
                        "token_type",
                        &format!("{} kinds, 0 to 6, are expected", tokens.len()),
                    )
                })?
            }
        };
        let tokens = tokens.iter().zip(&kinds).map(|(token, kind)| spell(token, *kind)).collect();
        Ok(Self { file: &gguf.file, keys, tokens, kinds })
    }

    /// Tokens to ids.
    fn ids(&self) -> Result<Map<String, Value>> {
        let mut ids = Map::new();
        for (id, token) in self.tokens.iter().enumerate() {
            if let Some(other) = ids.insert(token.clone(), id.into()) {
                return Err(self.error(&format!("{token:?} has the ids {other} and {id}")));
            }
        }
        Ok(ids)
    }

    /// The special token of a key.
    fn special(&self, key: &str) -> Result<Option<(&str, usize)>> {
        let Some(id) = self.keys.size(key)? else { return Ok(None) };
        let id = usize::try_from(id).unwrap_or(usize::MAX);
        match self.tokens.get(id) {
            Some(token) => Ok(Some((token, id))),
            None => Err(self.keys.error(key, &format!("there are {} tokens", self.tokens.len()))),
        }
    }

    /// The added tokens: control tokens, tokens that keys name, and user-defined tokens.
    fn added(&self) -> Result<Vec<Value>> {
        let mut special = vec![false; self.tokens.len()];
        for (id, kind) in self.kinds.iter().enumerate() {
            special[id] = matches!(kind, Kind::Control | Kind::Unknown);
        }
        for role in ["bos", "eos", "unknown", "padding", "seperator", "cls", "mask"] {
            if let Some((_, id)) = self.special(&format!("{role}_token_id"))? {
                special[id] = true;
            }
        }
        let added = self.tokens.iter().enumerate().filter(|(id, token)| {
            !token.is_empty() && (special[*id] || self.kinds[*id] == Kind::UserDefined)
        });
        let added = added.map(|(id, token)| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": special[id],
            })
        });
        Ok(added.collect())
    }

    /// The template `[first] text [last]`, for each text of a pair. Keys take precedence over the
    /// arguments. None if there are no such tokens.
    fn around(&self, first: bool, last: bool) -> Result<Option<Value>> {
        let token = |key: &str, role: &str, default: bool| {
            if !self.keys.flag(key)?.unwrap_or(default) {
                return Ok(None);
            }
            let role = format!("{role}_token_id");
            self.keys.need(&role, self.special(&role)).map(Some)
        };
        let first = token("add_bos_token", "bos", first)?;
        let last = token("add_eos_token", "eos", last)?;
        let piece = |token: Option<(&str, usize)>, of: u8| {
            token.map(|(token, _)| json!({ "SpecialToken": { "id": token, "type_id": of } }))
        };
        let text = |name: &str, of: u8| {
            let text = json!({ "Sequence": { "id": name, "type_id": of } });
            [piece(first, of), Some(text), piece(last, of)].into_iter().flatten()
        };
        if first.or(last).is_none() {
            return Ok(None);
        }
        Ok(Some(json!({
            "type": "TemplateProcessing",
            "single": text("A", 0).collect::<Vec<_>>(),
            "pair": text("A", 0).chain(text("B", 1)).collect::<Vec<_>>(),
            "special_tokens": template_tokens(first.into_iter().chain(last)),
        })))
    }

    fn error(&self, reason: &str) -> Error {
        Error::Tokenizer { file: self.file.to_owned(), reason: reason.to_owned() }
    }
}

/// Tokens as a template defines them.
fn template_tokens<'a>(tokens: impl Iterator<Item = (&'a str, usize)>) -> Value {
    let token = |(token, id): (&str, usize)| {
        (token.to_owned(), json!({ "id": token, "ids": [id], "tokens": [token] }))
    };
    Value::Object(tokens.map(token).collect())
}

/// The score of each token.
fn scores(vocabulary: &Vocabulary<'_>) -> Result<Vec<f64>> {
    let keys = vocabulary.keys;
    let scores: Option<Vec<f64>> =
        keys.need("scores", keys.list("scores"))?.iter().map(parse::Value::float).collect();
    let count = vocabulary.tokens.len();
    scores
        .filter(|scores| scores.len() == count)
        .ok_or_else(|| keys.error("scores", &format!("{count} numbers are expected")))
}
