//! The special tokens around a text, by class.

use super::pipeline::part;
use super::settings::{self, Settings};
use crate::error::Result;
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
    Bert(Option<[u32; 2]>),
    /// As [`Bert`](Self::Bert) if `tokenizer.json` has a post-processor; else by `add_bos_token` and
    /// `add_eos_token`.
    BertIfOfFile,
    /// As [`Bert`](Self::Bert), with a question mark of its own after the first text of a pair.
    Splinter,
    /// That of `tokenizer.json`; else by `add_bos_token` and `add_eos_token`; else as [`Bert`](Self::Bert).
    OfFileOrBert,
    /// `<s> A </s></s> B </s>`, with RoBERTa's places of tokens: by the settings, or without a space before
    /// the text.
    Roberta { settings: bool },
    /// `<|startoftext|> A <|endoftext|>`.
    Clip,
    /// `<s> A </s></s> B </s>`, with the ids 0 and 2 where a file says that there is no such token.
    MpNet,
    /// `<s> A </s></s> B </s>`: the roles of the first and the last token.
    TwoSeparators(&'static str, &'static str),
    /// `A </s> B </s>`.
    Last,
    /// `A B </s>`.
    LastOfBoth,
    /// `<cls> A <eos> B <eos>`: the roles of the first and the last token.
    Between(&'static str, &'static str),
    /// `</s> A </s></s> B`.
    Before,
    /// The language of `src_lang`, or a default, around one or two texts: before them, with `</s>` after
    /// them, or after the `</s>`.
    Language { first: bool, default: &'static str },
    /// The class itself sets it.
    Made,
    /// `<s> A </s> B </s>`, with fixed ids.
    Herbert,
}

impl Post {
    /// Sets the post-processor of a tokenizer that has all tokens.
    pub(super) fn set(self, inner: &mut tokenizers::Tokenizer, settings: &Settings) -> Result<()> {
        let explicit = settings.has("add_bos_token") || settings.has("add_eos_token");
        let of_file = inner.get_post_processor().is_some() && !explicit;
        let token = |role: &str| token(inner, settings, role);
        let token_or = |role: &str, id: Option<u32>| match (settings.named(role), id) {
            // As Python writes the absent token.
            (None, Some(id)) => Ok(Around { content: NONE.to_owned(), id }),
            _ => token(role),
        };
        let post = match self {
            Self::OfFileOrBert | Self::BertIfOfFile if explicit => Self::OfSettings,
            Self::OfFileOrBert if !of_file => Self::Bert(None),
            Self::BertIfOfFile if !of_file => Self::OfSettings,
            Self::BertIfOfFile => Self::Bert(None),
            other => other,
        };
        let definition = match post {
            Self::OfFileOrBert | Self::BertIfOfFile | Self::Made => return Ok(()),
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
            Self::Bert(ids) => {
                let [cls, sep] = ids.map_or([None; 2], |ids| ids.map(Some));
                let (cls, sep) = (token_or("cls_token", cls)?, token_or("sep_token", sep)?);
                let single = vec![cls.at(0), text("A", 0), sep.at(0)];
                let pair = vec![cls.at(0), text("A", 0), sep.at(0), text("B", 1), sep.at(1)];
                template(single, pair, &[cls, sep])
            }
            Self::Splinter => {
                let (cls, sep) = (token("cls_token")?, token("sep_token")?);
                let question = settings.specific.iter().find(|(name, _)| name == QUESTION);
                let question = question.map_or("[QUESTION]", |(_, token)| token.content());
                let question = around(inner, QUESTION, question)?;
                let dot = around(inner, ".", ".")?;
                let single = vec![cls.at(0), text("A", 0), sep.at(0)];
                let (ask, stop) = (question.at(0), dot.at(0));
                let first = [cls.at(0), text("A", 0), ask, stop, sep.at(0)];
                let pair = first.into_iter().chain([text("B", 1), sep.at(1)]).collect();
                template(single, pair, &[cls, sep, question, dot])
            }
            Self::Roberta { .. } | Self::MpNet | Self::Clip => {
                let (first, last, ids) = match post {
                    Self::MpNet => ("cls_token", "sep_token", [Some(0), Some(2)]),
                    Self::Clip => ("bos_token", "eos_token", [None; 2]),
                    _ => ("cls_token", "sep_token", [None; 2]),
                };
                let set = post == Self::Roberta { settings: true };
                let flag = |key, default| match set {
                    true => settings.flag(key, default),
                    false => Ok(default),
                };
                let space = post == Self::Roberta { settings: false };
                json!({
                    "type": "RobertaProcessing",
                    "sep": token_or(last, ids[1])?.pair(),
                    "cls": token_or(first, ids[0])?.pair(),
                    "trim_offsets": flag("trim_offsets", post != Self::Clip)?,
                    "add_prefix_space": flag("add_prefix_space", space)?,
                })
            }
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
            Self::LastOfBoth => {
                let last = token("eos_token")?;
                let single = vec![text("A", 0), last.at(0)];
                let pair = vec![text("A", 0), text("B", 0), last.at(0)];
                template(single, pair, &[last])
            }
            Self::Between(first, last) => {
                let (first, last) = (token(first)?, token(last)?);
                let single = vec![first.at(0), text("A", 0), last.at(0)];
                let second = [text("B", 0), last.at(0)];
                let pair = single.iter().cloned().chain(second).collect();
                template(single, pair, &[first, last])
            }
            Self::Before => {
                let end = token("eos_token")?;
                let single = vec![end.at(0), text("A", 0)];
                let second = [end.at(0), end.at(0), text("B", 0)];
                let pair = single.iter().cloned().chain(second).collect();
                template(single, pair, &[end])
            }
            Self::Language { first, default } => {
                let first = first && !settings.flag_or_null("legacy_behaviour", false)?;
                let language = settings.text_or(SOURCE, default)?;
                let (end, language) = (token("eos_token")?, around(inner, SOURCE, language)?);
                let (before, after) = match first {
                    true => (vec![language.at(0)], vec![end.at(0)]),
                    false => (Vec::new(), vec![end.at(0), language.at(0)]),
                };
                languages(&before, &after, &[end, language])
            }
            Self::Herbert => json!({
                "type": "BertProcessing",
                "sep": [token("sep_token")?.content, 2],
                "cls": [token("cls_token")?.content, 0],
            }),
        };
        inner.with_post_processor(part::<PostProcessorWrapper>(definition)?);
        Ok(())
    }
}

/// The name of an absent token, as Python writes it.
pub(super) const NONE: &str = "None";

/// The setting of the token after a question.
const QUESTION: &str = "question_token";
/// The setting of the language of a text.
pub(super) const SOURCE: &str = "src_lang";

/// A special token with its id.
pub(super) struct Around {
    pub(super) content: String,
    pub(super) id: u32,
}

/// Sets tokens before and after one or two texts.
pub(super) fn set_around(
    inner: &mut tokenizers::Tokenizer,
    before: Around,
    after: Around,
) -> Result<()> {
    let definition = languages(&[before.at(0)], &[after.at(0)], &[before, after]);
    inner.with_post_processor(part::<PostProcessorWrapper>(definition)?);
    Ok(())
}

/// Tokens before and after one or two texts.
fn languages(before: &[Value], after: &[Value], tokens: &[Around]) -> Value {
    let around = |texts: &[Value]| [before, texts, after].concat();
    template(around(&[text("A", 0)]), around(&[text("A", 0), text("B", 0)]), tokens)
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
    around(inner, role, token.content())
}

/// A token of this text, for a setting.
fn around(inner: &tokenizers::Tokenizer, key: &str, content: &str) -> Result<Around> {
    // The library gives an empty token no id.
    let id = inner
        .token_to_id(content)
        .ok_or_else(|| settings::error(key, &content.into(), "it is not among the tokens"))?;
    Ok(Around { content: content.to_owned(), id })
}
