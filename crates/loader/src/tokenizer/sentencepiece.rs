//! SentencePiece files: from pieces, scores and a table of characters to the vocabulary of a class.

use super::class::{Class, Pieces};
use super::pipeline::{SENTINELS, metaspace, part};
use super::post::NONE;
use super::proto::{self, NormalizerSpec, Piece, TrainerSpec};
use super::settings::Settings;
use super::token::{Added, Token};
use super::{guard, merges};
use crate::error::{Error, Result};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{NormalizerWrapper, Sequence};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

/// Pairs of pieces that are joined, in their order.
type Merges = Vec<(String, String)>;

/// The kinds of pieces.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// A SentencePiece model.
pub(super) struct SentencePiece {
    file: String,
    pieces: Vec<Piece>,
    trainer: TrainerSpec,
    normalizer: NormalizerSpec,
}

impl SentencePiece {
    /// Reads a file.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |reason: String| Error::Tokenizer { file: file.to_owned(), reason };
        let (pieces, trainer, normalizer) = proto::read(bytes).map_err(|reason| {
            wrong(format!(
                "it is not a SentencePiece model ({reason}); where it is a tiktoken vocabulary, \
                 AutoTokenizer.from_pretrained(…).save_pretrained(…) writes a tokenizer.json"
            ))
        })?;
        if pieces.is_empty() {
            return Err(wrong("it has no pieces".to_owned()));
        }
        Ok(Self { file: file.to_owned(), pieces, trainer, normalizer })
    }

    fn wrong(&self, reason: impl ToString) -> Error {
        Error::Tokenizer { file: self.file.clone(), reason: reason.to_string() }
    }

    /// The pieces that are matched in a text first, as special tokens of the settings; and the unknown
    /// piece.
    pub(super) fn tell(&self, settings: &mut Settings) {
        let added = self.pieces.iter().filter(|p| matches!(p.kind, CONTROL | USER_DEFINED));
        let added =
            added.map(|p| Token::Added(Added::new(&p.text, p.kind == CONTROL, Some(false))));
        settings.additional = Some(added.collect());
        settings.set_value("unk_id", self.trainer.unk_id.into());
    }

    /// The table of characters, if there is one.
    pub(super) fn characters(&self) -> Result<Option<NormalizerWrapper>> {
        if self.normalizer.characters.is_empty() {
            return Ok(None);
        }
        let table =
            guard::characters(&self.normalizer.characters).map_err(|reason| self.wrong(reason))?;
        Ok(Some(table.into()))
    }

    /// The pieces with scores, as a class of a Unigram model has them.
    pub(super) fn scored(&self, class: &Class, settings: &Settings) -> Result<Vec<(String, f64)>> {
        let token = |role: &str, default: &str| {
            // Python writes the token that a file says is absent.
            let absent = if settings.is_null(role) { NONE } else { default };
            (settings.named(role).map_or(absent, Token::content).to_owned(), 0.0)
        };
        let fixed = |text: &str, score: f64| (text.to_owned(), score);
        let stored = |from: usize| {
            let pieces = self.pieces.iter().skip(from);
            pieces.map(|piece| (piece.text.clone(), f64::from(piece.score)))
        };
        let mask = token("mask_token", "<mask>");
        Ok(match class.pieces {
            Pieces::AsStored => stored(0).collect(),
            Pieces::XlmRoberta => {
                let first = [
                    token("bos_token", "<s>"),
                    token("pad_token", "<pad>"),
                    token("eos_token", "</s>"),
                    token("unk_token", "<unk>"),
                ];
                first.into_iter().chain(stored(3)).chain([mask]).collect()
            }
            Pieces::Camembert => {
                let first = [
                    fixed("<s>NOTUSED", 0.0),
                    token("pad_token", "<pad>"),
                    fixed("</s>NOTUSED", 0.0),
                    token("unk_token", "<unk>"),
                    fixed("<unk>NOTUSED", -100.0),
                ];
                first.into_iter().chain(stored(1)).chain([mask]).collect()
            }
            Pieces::T5 => {
                let count = settings.number("extra_ids", SENTINELS)?;
                let sentinels = (0..count).rev().map(|i| fixed(&format!("<extra_id_{i}>"), 0.0));
                stored(0).chain(sentinels).collect()
            }
        })
    }

    /// The pieces with ids, and the merges that make them, by id.
    pub(super) fn merged(&self) -> Result<(HashMap<String, u32>, Merges)> {
        let pieces = self.pieces.iter().zip(0..);
        let ids: HashMap<&str, u32> = pieces.map(|(piece, id)| (piece.text.as_str(), id)).collect();
        let merges = merges::by_id(&ids).map_err(|reason| self.wrong(reason))?;
        let ids = ids.into_iter().map(|(text, id)| (text.to_owned(), id)).collect();
        Ok((ids, merges))
    }

    /// The tokenizer that encodes as SentencePiece does, for the class that has no pipeline.
    pub(super) fn whole(&self, settings: &mut Settings) -> Result<tokenizers::Tokenizer> {
        let dummy = self.normalizer.add_dummy_prefix;
        let legacy = settings.flag_or_null("legacy", true)?;
        let names = self.names(settings);
        let user_defined: Vec<&str> = self
            .pieces
            .iter()
            .zip(&names)
            .filter(|(piece, _)| piece.kind == USER_DEFINED)
            .map(|(_, name)| name.as_str())
            .collect();
        if let Some(additional) = &mut settings.additional {
            let own: HashSet<&str> = self
                .pieces
                .iter()
                .filter(|piece| piece.kind == USER_DEFINED)
                .map(|piece| piece.text.as_str())
                .collect();
            additional.retain(|token| !own.contains(token.content()));
        }
        if dummy {
            settings.added.values_mut().for_each(|token| token.normalized = Some(false));
        }
        let mut inner = tokenizers::Tokenizer::new(self.model(&names, !user_defined.is_empty())?);
        let mut steps: Vec<NormalizerWrapper> = self.characters()?.into_iter().collect();
        let mut replace = |pattern: serde_json::Value, content: &str| -> Result<()> {
            steps.extend(part::<NormalizerWrapper>(
                json!({ "type": "Replace", "pattern": pattern, "content": content }),
            )?);
            Ok(())
        };
        if self.normalizer.remove_extra_whitespaces {
            replace(json!({ "Regex": r"\A +| +\z" }), "")?;
            replace(json!({ "Regex": " {2,}" }), " ")?;
        }
        if self.normalizer.escape_whitespaces {
            replace(json!({ "String": " " }), "\u{2581}")?;
        }
        if dummy && legacy {
            replace(json!({ "Regex": "\\A\u{2581}" }), "\u{2581}\u{2581}")?;
        }
        inner.with_normalizer(Some(Sequence::new(steps))).map_err(|error| self.wrong(error))?;
        let mut words = Vec::new();
        if dummy {
            words.push(metaspace(if legacy { "always" } else { "first" }, false));
        }
        if !user_defined.is_empty() {
            let mut longest = user_defined;
            longest.sort_by_key(|piece| std::cmp::Reverse(piece.chars().count()));
            let expression: Vec<_> = longest.into_iter().map(escaped).collect();
            words.push(json!({
                "type": "Split", "pattern": { "Regex": expression.join("|") },
                "behavior": "Isolated", "invert": false,
            }));
        }
        if !words.is_empty() {
            let words = json!({ "type": "Sequence", "pretokenizers": words });
            inner.with_pre_tokenizer(part::<PreTokenizerWrapper>(words)?);
        }
        let spec = &self.trainer;
        for (role, id, piece, name) in [
            ("bos_token", spec.bos_id, &spec.bos_piece, "<s>"),
            ("eos_token", spec.eos_id, &spec.eos_piece, "</s>"),
            ("unk_token", spec.unk_id, &spec.unk_piece, "<unk>"),
        ] {
            if id >= 0 {
                settings.default_token(role, if piece.is_empty() { name } else { piece });
            }
        }
        Ok(inner)
    }

    /// The pieces under the names of `added_tokens_decoder`, in a BPE model.
    fn names(&self, settings: &Settings) -> Vec<String> {
        let stored = || self.pieces.iter().map(|piece| piece.text.clone());
        if self.is_unigram() {
            return stored().collect();
        }
        let renamed = |id: usize| settings.added.get(&(id as u64)).map(|token| &token.content);
        let kept: HashSet<&str> = self
            .pieces
            .iter()
            .enumerate()
            .filter(|(id, _)| renamed(*id).is_none())
            .map(|(_, piece)| piece.text.as_str())
            .collect();
        let name = |(id, stored): (usize, String)| match renamed(id) {
            Some(name) if !kept.contains(name.as_str()) => name.clone(),
            _ => stored,
        };
        stored().enumerate().map(name).collect()
    }

    pub(super) fn is_unigram(&self) -> bool {
        self.trainer.model_type == 1
    }

    /// The unknown piece of a Unigram model.
    pub(super) fn unknown(&self) -> Option<u32> {
        u32::try_from(self.trainer.unk_id).ok()
    }

    fn model(&self, names: &[String], whole_words: bool) -> Result<ModelWrapper> {
        let bytes = self.trainer.byte_fallback;
        let wrong = |error: tokenizers::Error| self.wrong(error);
        if self.is_unigram() {
            let scores = self.pieces.iter().map(|piece| f64::from(piece.score));
            let pieces = names.iter().cloned().zip(scores).collect();
            let unknown = self.unknown().map(|id| id as usize);
            return Ok(Unigram::from(pieces, unknown, bytes).map_err(wrong)?.into());
        }
        let scored = names.iter().zip(&self.pieces).zip(0..);
        let scored = scored.filter(|((_, piece), _)| piece.kind == NORMAL);
        let normal: HashMap<&str, (f32, u32)> =
            scored.map(|((name, piece), id)| (name.as_str(), (piece.score, id))).collect();
        let merges = merges::by_score(&normal).map_err(|reason| self.wrong(reason))?;
        let ids: tokenizers::models::bpe::Vocab = names.iter().cloned().zip(0..).collect();
        let model = BPE::builder()
            .vocab_and_merges(ids, merges)
            .unk_token(self.trainer.unk_piece.clone())
            .fuse_unk(true)
            .byte_fallback(bytes)
            .ignore_merges(whole_words);
        Ok(model.build().map_err(wrong)?.into())
    }
}

/// A text as a regular expression.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
