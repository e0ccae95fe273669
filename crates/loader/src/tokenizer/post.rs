//! The special tokens around a text, by class.

use super::settings::{self, Settings};
use crate::error::{Error, Result};
use serde_json::{Value, json};
use tokenizers::PostProcessorWrapper;

/// The post-processor of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Post {
    /// That of `tokenizer.json`; else by `add_bos_token` and `add_eos_token`.
    OfFile,
    /// By `add_bos_token` and `add_eos_token` alone.
    OfSettings,
    /// That of `tokenizer.json`; else byte-level, without special tokens.
    ByteLevel,
    /// `[CLS] A [SEP] B [SEP]`, the second text with token type 1; and the ids of the two where a file
    /// says that there is no such token.
    Bert([u32; 2]),
    /// That of `tokenizer.json`; else by `add_bos_token` and `add_eos_token`; else as [`Bert`](Self::Bert).
    OfFileOrBert,
    /// `<s> A </s></s> B </s>`, with RoBERTa's places of tokens.
    Roberta,
    /// `<s> A </s></s> B </s>`, with the ids 0 and 2 where a file says that there is no such token.
    MpNet,
    /// `<s> A </s></s> B </s>`: the roles of the first and the last token.
    TwoSeparators(&'static str, &'static str),
    /// `A </s> B </s>`.
    Last,
    /// `<s> A </s> B </s>`, with fixed ids.
    Herbert,
}

impl Post {
    /// Sets the post-processor of a tokenizer that has all tokens.
    pub(super) fn set(self, inner: &mut tokenizers::Tokenizer, settings: &Settings) -> Result<()> {
        let explicit = settings.has("add_bos_token") || settings.has("add_eos_token");
        let of_file = inner.get_post_processor().is_some() && !explicit;
        let token = |role: &str| token(inner, settings, role);
        let token_or = |role: &str, id| match settings.named(role) {
            // As Python writes the absent token.
            None if id != NO_ID => Ok(Around { content: NONE.to_owned(), id }),
            _ => token(role),
        };
        let post = match self {
            Self::OfFileOrBert if explicit => Self::OfSettings,
            Self::OfFileOrBert if !of_file => Self::Bert([NO_ID; 2]),
            other => other,
        };
        let definition = match post {
            Self::OfFileOrBert => return Ok(()),
            Self::OfFile | Self::ByteLevel if of_file => return Ok(()),
            Self::ByteLevel if !explicit => {
                json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false })
            }
            Self::OfFile | Self::OfSettings | Self::ByteLevel => {
                let around = |flag: &str, role: &str| match settings.flag_or_null(flag, false)? {
                    true if settings.named(role).is_some() => token(role).map(Some),
                    _ => Ok(None),
                };
                let bos = around("add_bos_token", "bos_token")?;
                let eos = around("add_eos_token", "eos_token")?;
                let single = [
                    bos.as_ref().map(|t| t.at(0)),
                    Some(text("A", 0)),
                    eos.as_ref().map(|t| t.at(0)),
                ];
                let second = [
                    bos.as_ref().map(|t| t.at(1)),
                    Some(text("B", 1)),
                    eos.as_ref().map(|t| t.at(1)),
                ];
                let pair = single.clone().into_iter().chain(second).flatten().collect();
                let single = single.into_iter().flatten().collect();
                template(single, pair, &[bos, eos].into_iter().flatten().collect::<Vec<_>>())
            }
            Self::Bert([cls, sep]) => {
                let (cls, sep) = (token_or("cls_token", cls)?, token_or("sep_token", sep)?);
                let single = vec![cls.at(0), text("A", 0), sep.at(0)];
                let pair = vec![cls.at(0), text("A", 0), sep.at(0), text("B", 1), sep.at(1)];
                template(single, pair, &[cls, sep])
            }
            Self::Roberta => json!({
                "type": "RobertaProcessing",
                "sep": token("sep_token")?.pair(),
                "cls": token("cls_token")?.pair(),
                "trim_offsets": settings.flag("trim_offsets", true)?,
                "add_prefix_space": settings.flag("add_prefix_space", false)?,
            }),
            Self::MpNet => json!({
                "type": "RobertaProcessing",
                "sep": token_or("sep_token", 2)?.pair(),
                "cls": token_or("cls_token", 0)?.pair(),
                "trim_offsets": true,
                "add_prefix_space": false,
            }),
            Self::TwoSeparators(first, last) => {
                let (first, last) = (token(first)?, token(last)?);
                let single = vec![first.at(0), text("A", 0), last.at(0)];
                let second = [last.at(0), text("B", 0), last.at(0)];
                let pair = single.iter().cloned().chain(second).collect();
                template(single, pair, &[first, last])
            }
            Self::Last => {
                let last = token("eos_token")?;
                let single = vec![text("A", 0), last.at(0)];
                let pair = vec![text("A", 0), last.at(0), text("B", 0), last.at(0)];
                template(single, pair, &[last])
            }
            Self::Herbert => json!({
                "type": "BertProcessing",
                "sep": [token("sep_token")?.content, 2],
                "cls": [token("cls_token")?.content, 0],
            }),
        };
        let parsed: PostProcessorWrapper = serde_json::from_value(definition).map_err(|error| {
            Error::Tokenizer { file: settings::CONFIG.to_owned(), reason: error.to_string() }
        })?;
        inner.with_post_processor(Some(parsed));
        Ok(())
    }
}

/// The name of an absent token, as Python writes it.
pub(super) const NONE: &str = "None";

/// No id for an absent token.
const NO_ID: u32 = u32::MAX;

/// A special token with its id.
struct Around {
    content: String,
    id: u32,
}

impl Around {
    fn at(&self, type_id: u32) -> Value {
        json!({ "SpecialToken": { "id": self.content, "type_id": type_id } })
    }

    fn pair(&self) -> Value {
        json!([self.content, self.id])
    }
}

fn text(name: &str, type_id: u32) -> Value {
    json!({ "Sequence": { "id": name, "type_id": type_id } })
}

fn template(single: Vec<Value>, pair: Vec<Value>, tokens: &[Around]) -> Value {
    let definition = |token: &Around| {
        let content = &token.content;
        (content.clone(), json!({ "id": content, "ids": [token.id], "tokens": [content] }))
    };
    json!({
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": Value::Object(tokens.iter().map(definition).collect()),
    })
}

/// The special token of a role.
fn token(inner: &tokenizers::Tokenizer, settings: &Settings, role: &str) -> Result<Around> {
    let Some(token) = settings.named(role) else {
        return Err(settings::error(role, &Value::Null, "the class needs this token"));
    };
    let content = token.content().to_owned();
    // The library gives an empty token no id.
    let id = inner.token_to_id(&content).ok_or_else(|| {
        settings::error(role, &content.as_str().into(), "it is not among the tokens")
    })?;
    Ok(Around { content, id })
}
