//! The tokenizer classes that transformers has in Python alone: for proteins, for SigLIP, for
//! BertGeneration, and for translators with a `vocab.json` beside a SentencePiece file. They are built
//! here from parts of the tokenizers library that give the same ids.

use super::assemble::{Assembled, Vocabulary, add_tokens, unfit_for};
use super::languages::{M2M_100, WMT_21};
use super::numbering::Numbering;
use super::pipeline::{exactly, part, replace};
use super::post::{self, Around, SOURCE};
use super::sentencepiece::{First, SentencePiece, escaped};
use super::settings::{self, Settings};
use super::token::{Added, Token};
use crate::error::{Error, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

/// Builds the tokenizer of a class, with its added tokens.
pub(super) type MakePython = fn(Vocabulary, &mut Settings, &str) -> Result<Assembled>;

/// The punctuation of ASCII, as a regular expression.
const PUNCTUATION: &str = r"[!-/:-@\[-`{-~]";
/// Stands at the beginning of a text for SigLIP, so that a mark can take its place. It is no character.
const BEGINNING: char = '\u{fdd0}';
/// What Python takes for white space.
const SPACES: &str = r"[\s\x1c-\x1f]+";

/// ESM: each token of the vocabulary is cut out of the text; what is between spaces otherwise is unknown.
pub(super) fn esm(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
) -> Result<Assembled> {
    let Vocabulary::Words(words) = vocabulary else { return Err(unfit_for("EsmTokenizer", file)) };
    let mut tokens: Vec<&str> =
        words.keys().map(String::as_str).filter(|t| !t.is_empty()).collect();
    tokens.sort_by_key(|token| (std::cmp::Reverse(token.chars().count()), *token));
    let tokens: Vec<String> = tokens.into_iter().map(escaped).collect();
    let split = |expression: &str, behavior: &str| {
        json!({
            "type": "Split", "pattern": { "Regex": expression }, "behavior": behavior,
            "invert": false,
        })
    };
    let steps = [split(&tokens.join("|"), "Isolated"), split(SPACES, "Removed")];
    let words = words.into_iter().collect();
    let unknown = role(settings, "unk_token")?;
    let model = WordLevel::builder().vocab(words).unk_token(unknown).build();
    let mut inner = tokenizers::Tokenizer::new(model.map_err(|error| wrong(file, error))?);
    let steps = json!({ "type": "Sequence", "pretokenizers": steps });
    inner.with_pre_tokenizer(part::<PreTokenizerWrapper>(steps)?);
    add_tokens(&mut inner, settings).map_err(|error| wrong(file, error))?;
    Ok(Assembled::of(inner))
}

/// SigLIP: texts in lower case and without punctuation, in pieces after a mark.
pub(super) fn siglip(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
) -> Result<Assembled> {
    for role in ["eos_token", "unk_token", "pad_token"] {
        settings.flags(role, |text| Added {
            lstrip: true,
            rstrip: true,
            ..Added::new(text, true, Some(false))
        });
    }
    let mut steps = vec![exactly("\u{2581}", " ")];
    if settings.flag_or_null("do_lower_case", true)? {
        // The library does not know the letter at the end of a word.
        steps.push(replace(r"(?<=\p{L})Σ(?!\p{L})", "ς"));
        steps.push(json!({ "type": "Lowercase" }));
    }
    steps.extend([replace(PUNCTUATION, ""), replace(SPACES, " "), replace(r"\A | \z", "")]);
    let mut made = pieces(
        vocabulary,
        settings,
        file,
        "SiglipTokenizer",
        &steps,
        Some(First::Instead(BEGINNING)),
    )?;
    made.beginning = Some(BEGINNING);
    Ok(made)
}

/// BertGeneration: SentencePiece's pieces.
pub(super) fn bert_generation(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
) -> Result<Assembled> {
    pieces(vocabulary, settings, file, "BertGenerationTokenizer", &[], None)
}

/// Marian: SentencePiece's pieces with the ids of `vocab.json`. A language at the beginning of a text is
/// one token.
pub(super) fn marian(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
) -> Result<Assembled> {
    let Vocabulary::Numbered(ids, _) = &vocabulary else {
        return Err(unfit_for("MarianTokenizer", file));
    };
    let language = |token: &&String| token.starts_with(">>") && token.ends_with("<<");
    let mut languages: Vec<String> = ids.keys().filter(language).cloned().collect();
    languages.sort();
    let mut made = pieces(vocabulary, settings, file, "MarianTokenizer", &[], None)?;
    let tokens = languages.into_iter().map(|text| Added::new(&text, false, Some(false)).token());
    made.inner.add_tokens(tokens.collect::<Vec<_>>()).map_err(|error| wrong(file, error))?;
    if let Some(numbering) = &mut made.numbering {
        numbering.add(&made.inner, settings);
    }
    Ok(made)
}

/// M2M-100: SentencePiece's pieces with the ids of `vocab.json`; languages have the ids after them.
pub(super) fn m2m100(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
) -> Result<Assembled> {
    let Vocabulary::Numbered(ids, _) = &vocabulary else {
        return Err(unfit_for("M2M100Tokenizer", file));
    };
    let size = ids.len();
    let codes = match settings.text_or("language_codes", "m2m100")? {
        "m2m100" => M2M_100.as_slice(),
        "wmt21" => WMT_21.as_slice(),
        other => {
            let reason = "m2m100 or wmt21 is expected";
            return Err(settings::error("language_codes", &other.into(), reason));
        }
    };
    let source = settings.text_or(SOURCE, "en")?;
    let place = codes.iter().position(|code| *code == source).ok_or_else(|| {
        settings::error(SOURCE, &source.into(), "the model does not have this language")
    })?;
    let language = format!("__{source}__");
    let end = role(settings, "eos_token")?;
    let mut made = pieces(vocabulary, settings, file, "M2M100Tokenizer", &[], None)?;
    let id = |id: Option<u32>| {
        id.ok_or_else(|| settings::error("eos_token", &end.as_str().into(), "it has no id"))
    };
    let end = Around { id: id(made.inner.token_to_id(&end))?, content: end.clone() };
    // No text has the language as a token; it needs an id that no other token has.
    let free =
        u32::try_from(made.inner.get_vocab_size(true)).map_err(|error| wrong(file, error))?;
    if let Some(numbering) = &mut made.numbering {
        let id = u32::try_from(size + place).map_err(|error| wrong(file, error))?;
        numbering.set(free, id, language.clone());
    }
    post::set_around(&mut made.inner, Around { content: language, id: free }, end)?;
    Ok(made)
}

/// A tokenizer that encodes as SentencePiece does, with the ids of the pieces or of `vocab.json`.
fn pieces(
    vocabulary: Vocabulary,
    settings: &mut Settings,
    file: &str,
    class: &str,
    before: &[Value],
    first: Option<First>,
) -> Result<Assembled> {
    if !settings.flag_or_null("legacy", true)? {
        let reason = format!("{class} without its older rules is not supported");
        return Err(settings::error("legacy", &false.into(), &reason));
    }
    let mut steps = Vec::new();
    for step in before {
        steps.extend(part::<NormalizerWrapper>(step.clone())?);
    }
    let (ids, pieces) = match vocabulary {
        Vocabulary::Pieces(pieces) => (None, pieces),
        Vocabulary::Numbered(ids, pieces) => (Some(ids), pieces),
        _ => return Err(unfit_for(class, file)),
    };
    let marked = if pieces.marks_first() { First::Marked } else { First::Bare };
    let mut inner = pieces.plain(steps, first.unwrap_or(marked))?;
    let unknown = pieces.unknown();
    let mut numbering = match ids {
        None => own_ids(&pieces, unknown),
        Some(ids) => {
            let ids: HashMap<String, u32> = ids.into_iter().collect();
            let text = role(settings, "unk_token")?;
            let id = ids.get(&text).copied().ok_or_else(|| {
                settings::error("unk_token", &text.as_str().into(), "it is not in vocab.json")
            })?;
            Numbering::new(pieces.texts(), ids, unknown.map(|unknown| (unknown, id)))
        }
    };
    add_tokens(&mut inner, settings).map_err(|error| wrong(file, error))?;
    numbering.add(&inner, settings);
    let unknown = settings.named("unk_token").and_then(|token| numbering.id(token.content()));
    let numbering = Some(numbering);
    Ok(Assembled { unknown, numbering, ..Assembled::of(inner) })
}

/// The ids of the pieces themselves.
fn own_ids(pieces: &SentencePiece, unknown: Option<u32>) -> Numbering {
    let ids = pieces.texts().zip(0..).map(|(text, id)| (text.to_owned(), id)).collect();
    Numbering::new(pieces.texts(), ids, unknown.map(|unknown| (unknown, unknown)))
}

/// The text of a special token that a class needs.
fn role(settings: &Settings, role: &str) -> Result<String> {
    let token = settings.named(role).map(Token::content);
    let needed = || settings::error(role, &Value::Null, "the class needs this token");
    token.map(str::to_owned).ok_or_else(needed)
}

fn wrong(file: &str, error: impl ToString) -> Error {
    Error::Tokenizer { file: file.to_owned(), reason: error.to_string() }
}
