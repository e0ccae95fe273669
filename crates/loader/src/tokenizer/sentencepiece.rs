//! SentencePiece files: from pieces, scores and a table of characters to the vocabulary of a class.

use super::class::{Class, Pieces};
use super::pipeline::{OFFSET, SENTINELS, exactly, metaspace, part, replace};
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
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// The mark before a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// No mark.
    Bare,
    /// A mark before each part between added tokens.
    Marked,
    /// A mark before the first part.
    MarkedOnce,
    /// A mark in place of this character at the beginning of a text.
    Instead(char),
}

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
            Pieces::AsStored | Pieces::Nllb => stored(0).collect(),
            Pieces::XlmRoberta | Pieces::Languages(..) => {
                let (role, languages) = match class.pieces {
                    Pieces::Languages(role, languages) => (role, languages),
                    _ => ("bos_token", [].as_slice()),
                };
                let first = [
                    token(role, "<s>"),
                    token("pad_token", "<pad>"),
                    token("eos_token", "</s>"),
                    token("unk_token", "<unk>"),
                ];
                let languages = languages.iter().map(|language| fixed(language, 0.0));
                first.into_iter().chain(stored(3)).chain(languages).chain([mask]).collect()
            }
            Pieces::Pegasus => {
                let (mask, _) = token("mask_token", "<mask_1>");
                let sentences = settings.text_unless_null("mask_token_sent", "<mask_2>")?;
                let offset = settings.number("offset", OFFSET)?;
                let first = [token("pad_token", "<pad>"), token("eos_token", "</s>")];
                let masks = [Some(mask.clone()), sentences.filter(|other| *other != mask)];
                let masks = masks.into_iter().flatten().filter(|mask| mask != NONE);
                let masks = masks.map(|mask| (mask, 0.0));
                let unused = (2..offset).map(|i| fixed(&format!("<unk_{i}>"), -100.0));
                first.into_iter().chain(masks).chain(unused).chain(stored(2)).collect()
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
    pub(super) fn merged(
        &self,
        class: &Class,
        settings: &Settings,
    ) -> Result<(HashMap<String, u32>, Merges)> {
        let pieces = self.pieces.iter().zip(0..);
        let ids: HashMap<&str, u32> = pieces.map(|(piece, id)| (piece.text.as_str(), id)).collect();
        let merges = merges::by_id(&ids).map_err(|reason| self.wrong(reason))?;
        let stored = self.pieces.iter().map(|piece| piece.text.as_str());
        if class.pieces != Pieces::Nllb {
            let ids = ids.into_iter().map(|(text, id)| (text.to_owned(), id)).collect();
            return Ok((ids, merges));
        }
        let roles = ["bos_token", "pad_token", "eos_token", "unk_token"];
        let first = roles.map(|role| settings.named(role).map_or(NONE, Token::content));
        let mut ids = HashMap::new();
        for text in first.into_iter().chain(stored) {
            let next = u32::try_from(ids.len()).map_err(|error| self.wrong(error))?;
            ids.entry(text.to_owned()).or_insert(next);
        }
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
        let first = match (dummy, legacy) {
            (false, _) => First::Bare,
            (true, true) => First::Marked,
            (true, false) => First::MarkedOnce,
        };
        let inner = self.encoder(&names, &user_defined, Vec::new(), first, false)?;
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

    /// The tokenizer that encodes texts as SentencePiece does, after steps of a class.
    pub(super) fn plain(
        &self,
        before: Vec<NormalizerWrapper>,
        first: First,
    ) -> Result<tokenizers::Tokenizer> {
        // A text never has a control piece or the unknown piece, even where it has its letters.
        let name = |piece: &Piece| match piece.kind {
            UNKNOWN | CONTROL if self.is_unigram() => format!("\u{0}{}", piece.text),
            _ => piece.text.clone(),
        };
        let names: Vec<String> = self.pieces.iter().map(name).collect();
        let user_defined = self.pieces.iter().filter(|piece| piece.kind == USER_DEFINED);
        let user_defined: Vec<&str> = user_defined.map(|piece| piece.text.as_str()).collect();
        self.encoder(&names, &user_defined, before, first, true)
    }

    /// Whether a mark is put before a text.
    pub(super) fn marks_first(&self) -> bool {
        self.normalizer.add_dummy_prefix
    }

    /// The texts of the pieces, in the order of their ids.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|piece| piece.text.as_str())
    }

    fn encoder(
        &self,
        names: &[String],
        user_defined: &[&str],
        before: Vec<NormalizerWrapper>,
        first: First,
        ends_without_marks: bool,
    ) -> Result<tokenizers::Tokenizer> {
        let mut inner = tokenizers::Tokenizer::new(self.model(names, !user_defined.is_empty())?);
        let mut steps = before;
        steps.extend(self.characters()?);
        let mut step = |step: serde_json::Value| -> Result<()> {
            steps.extend(part::<NormalizerWrapper>(step)?);
            Ok(())
        };
        if self.normalizer.remove_extra_whitespaces {
            step(replace(r"\A +| +\z", ""))?;
            step(replace(" {2,}", " "))?;
        }
        if self.normalizer.escape_whitespaces {
            step(exactly(" ", "\u{2581}"))?;
        }
        // SentencePiece takes marks at the end for spaces.
        if ends_without_marks && self.normalizer.remove_extra_whitespaces {
            step(replace("\u{2581}+\\z", ""))?;
        }
        match first {
            First::Marked => step(replace("\\A\u{2581}", "\u{2581}\u{2581}"))?,
            First::Instead(character) => {
                step(replace(&format!("\\A{character}\\z"), ""))?;
                step(replace(&format!("\\A{character}"), "\u{2581}"))?;
            }
            First::Bare | First::MarkedOnce => {}
        }
        inner.with_normalizer(Some(Sequence::new(steps))).map_err(|error| self.wrong(error))?;
        let mut words = Vec::new();
        match first {
            First::Bare | First::Instead(_) => {}
            First::Marked => words.push(metaspace("always", false)),
            First::MarkedOnce => words.push(metaspace("first", false)),
        }
        if !user_defined.is_empty() {
            let mut longest = user_defined.to_vec();
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
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
