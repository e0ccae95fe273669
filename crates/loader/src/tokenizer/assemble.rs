//! From a class, a vocabulary and settings to a tokenizer.

use super::class::{Algorithm, Class};
use super::guard;
use super::numbering::Numbering;
use super::parts::Parts;
use super::pipeline::{ModelSettings, Unknown};
use super::sentencepiece::SentencePiece;
use super::settings::Settings;
use super::token::{Added, Token};
use crate::error::{Error, Result};
use crate::note::Note;
use std::collections::HashSet;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{self, BPE};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{AddedToken, Model};

/// A vocabulary.
pub(super) enum Vocabulary {
    /// `tokenizer.json`.
    Parts(Box<Parts>),
    /// `vocab.txt`.
    Words(bpe::Vocab),
    /// `vocab.json` and `merges.txt`.
    Merges(bpe::Vocab, bpe::Merges),
    /// A SentencePiece file.
    Pieces(Box<SentencePiece>),
    /// A SentencePiece file, and the ids of its pieces in `vocab.json`.
    Numbered(bpe::Vocab, Box<SentencePiece>),
}

/// A tokenizer of the library, and what the library does not tell of it.
pub(super) struct Assembled {
    pub(super) inner: tokenizers::Tokenizer,
    /// The unknown piece of a Unigram model.
    pub(super) unknown: Option<u32>,
    pub(super) notes: Vec<Note>,
    /// Whether long texts are cut at their start.
    pub(super) cuts_start: bool,
    /// The ids of the model, where they are others than those of the library.
    pub(super) numbering: Option<Numbering>,
    /// A character that is put before a text.
    pub(super) beginning: Option<char>,
}

impl Assembled {
    /// A tokenizer of the library without more.
    pub(super) fn of(inner: tokenizers::Tokenizer) -> Self {
        Self {
            inner,
            unknown: None,
            notes: Vec::new(),
            cuts_start: false,
            numbering: None,
            beginning: None,
        }
    }
}

/// A tokenizer from a `tokenizer.json` alone.
pub(super) fn alone(parts: Parts) -> tokenizers::Result<Assembled> {
    let Parts { mut model, unknown, added_tokens, .. } = parts;
    let notes = without_dropout(&mut model).into_iter().collect();
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_normalizer(parts.normalizer)?;
    inner.with_pre_tokenizer(parts.pre_tokenizer);
    inner.with_post_processor(parts.post_processor);
    inner.with_decoder(parts.decoder);
    inner.add_tokens(added_tokens.into_iter().map(|listed| listed.token))?;
    Ok(Assembled { unknown, notes, ..Assembled::of(inner) })
}

/// A tokenizer as a class makes it. `file` is the name of the vocabulary, for messages.
pub(super) fn of_class(
    class: &Class,
    vocabulary: Vocabulary,
    mut settings: Settings,
    file: &str,
) -> Result<Assembled> {
    let wrong = |error: tokenizers::Error| Error::Tokenizer {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    if let (Vocabulary::Pieces(pieces), None) = (&vocabulary, class.python) {
        pieces.tell(&mut settings);
    }
    settings.check_additional()?;
    let padding = match &vocabulary {
        Vocabulary::Parts(parts) => parts.padding.as_ref().map(|padding| padding.pad_token.clone()),
        _ => None,
    };
    let mut assembled = match (class.pipeline, vocabulary) {
        (_, vocabulary) if let Some(make) = class.python => {
            class.tokens.iter().for_each(|(role, text)| settings.default_token(role, text));
            make(vocabulary, &mut settings, file)?
        }
        (None, Vocabulary::Parts(parts)) => {
            settings.default_padding(padding);
            alone(*parts).map_err(wrong)?
        }
        (None, Vocabulary::Pieces(pieces)) => {
            let inner = pieces.whole(&mut settings)?;
            let unknown = pieces.unknown().filter(|_| pieces.is_unigram());
            Assembled { unknown, ..Assembled::of(inner) }
        }
        (None, _) => return Err(unfit(class, file)),
        (Some(make), vocabulary) => {
            // The pieces of a SentencePiece file may take the names of the tokens that files give.
            let pieces = match &vocabulary {
                Vocabulary::Pieces(pieces) if class.algorithm == Some(Algorithm::Unigram) => {
                    Some(pieces.scored(class, &settings)?)
                }
                _ => None,
            };
            class.tokens.iter().for_each(|(role, text)| settings.default_token(role, text));
            let characters = match &vocabulary {
                Vocabulary::Parts(parts) => parts.characters(),
                Vocabulary::Pieces(pieces) => pieces.characters()?,
                _ => None,
            };
            let pipeline = make(&mut settings, characters)?;
            settings.default_padding(padding);
            let (model, unknown, processor, notes) =
                model(class, vocabulary, pieces, pipeline.model, &settings, file)?;
            let mut inner = tokenizers::Tokenizer::new(model);
            inner.with_normalizer(pipeline.normalizer).map_err(wrong)?;
            inner.with_pre_tokenizer(pipeline.pre_tokenizer);
            inner.with_post_processor(processor);
            let mut assembled = Assembled { unknown, notes, ..Assembled::of(inner) };
            add_tokens(&mut assembled.inner, &settings).map_err(wrong)?;
            if pipeline.plain_tokens {
                let named = settings.all_named().chain(settings.extra());
                let plain = named.map(|token| AddedToken::from(token.content(), true));
                assembled.inner.add_tokens(plain.collect::<Vec<_>>()).map_err(wrong)?;
            }
            assembled
        }
    };
    if class.pipeline.is_none() && class.python.is_none() {
        add_tokens(&mut assembled.inner, &settings).map_err(wrong)?;
    }
    class.post.set(&mut assembled.inner, &settings)?;
    if settings.flag_or_null("split_special_tokens", false)? {
        assembled.inner.set_encode_special_tokens(true);
    }
    assembled.cuts_start = settings.cuts_start()?;
    Ok(assembled)
}

/// The error of a vocabulary that a class cannot take.
fn unfit(class: &Class, file: &str) -> Error {
    unfit_for(class.name(), file)
}

/// The error of a vocabulary that a class of this name cannot take.
pub(super) fn unfit_for(name: &str, file: &str) -> Error {
    let reason = format!("{name} of transformers cannot be built from it");
    Error::Tokenizer { file: file.to_owned(), reason }
}

/// Dropout off: it is for training, and makes other ids of one text each time.
fn without_dropout(model: &mut ModelWrapper) -> Option<Note> {
    let ModelWrapper::BPE(model) = model else { return None };
    let dropout = model.dropout.take().filter(|dropout| *dropout > 0.0);
    dropout.map(Note::Dropout)
}

type Made = (ModelWrapper, Option<u32>, Option<tokenizers::PostProcessorWrapper>, Vec<Note>);

/// The model of a class, the unknown piece of a Unigram model, and the post-processor of the file.
fn model(
    class: &Class,
    vocabulary: Vocabulary,
    pieces: Option<Vec<(String, f64)>>,
    settings: ModelSettings,
    roles: &Settings,
    file: &str,
) -> Result<Made> {
    let wrong = |error: tokenizers::Error| Error::Tokenizer {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut notes = Vec::new();
    let (mut stored, processor, stored_unknown) = match vocabulary {
        Vocabulary::Parts(parts) => (Ok(parts.model), parts.post_processor, parts.unknown),
        other => (Err(other), None, None),
    };
    if let Ok(stored) = &mut stored {
        notes.extend(without_dropout(stored));
        let fits = matches!(
            (&*stored, &settings),
            (ModelWrapper::WordPiece(_), ModelSettings::WordPiece { .. })
                | (ModelWrapper::BPE(_), ModelSettings::Bpe { .. })
                | (ModelWrapper::Unigram(_), ModelSettings::Unigram { .. })
        );
        if !fits {
            notes.push(Note::OtherModel { class: class.name(), file: super::kind(stored) });
        }
    }
    let (model, unknown): (ModelWrapper, _) = match (stored, settings) {
        (Ok(ModelWrapper::WordPiece(mut model)), ModelSettings::WordPiece { unknown }) => {
            model.unk_token = unknown;
            "##".clone_into(&mut model.continuing_subword_prefix);
            model.max_input_chars_per_word = 100;
            (model.into(), None)
        }
        (stored, ModelSettings::WordPiece { unknown }) => {
            let vocabulary = match stored {
                Ok(other) => other.get_vocab().into_iter().collect(),
                Err(Vocabulary::Words(words) | Vocabulary::Merges(words, _)) => words,
                Err(_) => return Err(unfit(class, file)),
            };
            let model = WordPiece::builder().vocab(vocabulary).unk_token(unknown).build();
            (model.map_err(wrong)?.into(), None)
        }
        (stored, ModelSettings::Bpe { unknown, fuse_unknown, bytes, suffix }) => {
            let mut model = match stored {
                Ok(ModelWrapper::BPE(model)) => {
                    let text = |text: &Option<String>| text.clone().unwrap_or_default();
                    let prefix = text(&model.continuing_subword_prefix);
                    if !prefix.is_empty() || text(&model.end_of_word_suffix) != suffix {
                        return Err(unfit(class, file));
                    }
                    model
                }
                stored => {
                    let (ids, merges) = match stored {
                        Ok(other) => (other.get_vocab().into_iter().collect(), Vec::new()),
                        Err(Vocabulary::Merges(ids, merges)) => (ids, merges),
                        Err(Vocabulary::Pieces(pieces)) => {
                            let (ids, merges) = pieces.merged(class, roles)?;
                            (ids.into_iter().collect::<bpe::Vocab>(), merges)
                        }
                        Err(_) => return Err(unfit(class, file)),
                    };
                    let builder = BPE::builder().vocab_and_merges(ids, merges);
                    let suffix = Some(suffix).filter(|suffix| !suffix.is_empty());
                    match suffix {
                        Some(suffix) => builder.end_of_word_suffix(suffix.to_owned()),
                        None => builder,
                    }
                    .build()
                    .map_err(wrong)?
                }
            };
            model.unk_token = unknown;
            model.fuse_unk = fuse_unknown;
            model.byte_fallback = bytes;
            model.ignore_merges = false;
            (model.into(), None)
        }
        (stored, ModelSettings::Unigram { unknown }) => {
            let stored = match (stored, pieces) {
                (Err(_), Some(pieces)) => Err(pieces),
                (Ok(ModelWrapper::Unigram(model)), _) => Ok(model),
                _ => return Err(unfit(class, file)),
            };
            let unknown = unknown.id(&stored).ok_or_else(|| Error::Tokenizer {
                file: file.to_owned(),
                reason: "it has no unknown piece".to_owned(),
            })?;
            let id = u32::try_from(unknown).ok();
            let model = match stored {
                Ok(model) if stored_unknown == id && !model.byte_fallback() => model,
                Ok(model) => {
                    let pieces = model.iter().cloned().collect();
                    Unigram::from(pieces, Some(unknown), false).map_err(wrong)?
                }
                Err(pieces) => Unigram::from(pieces, Some(unknown), false).map_err(wrong)?,
            };
            (model.into(), id)
        }
    };
    Ok((model, unknown, processor, notes))
}

impl Unknown {
    /// The id, in a model or in pieces.
    fn id(self, stored: &Result<Unigram, Vec<(String, f64)>>) -> Option<usize> {
        let position = |from: usize, wanted: &dyn Fn(&(String, f64)) -> bool| {
            let found = match stored {
                Ok(model) => model.iter().skip(from).position(wanted),
                Err(pieces) => pieces.iter().skip(from).position(wanted),
            };
            found.map(|place| place + from)
        };
        let unscored =
            |from, text: &str| position(from, &|(piece, score)| piece == text && *score == 0.0);
        match self {
            Self::At(id) => Some(id),
            Self::Unscored(text, otherwise) => Some(unscored(0, &text).unwrap_or(otherwise)),
            Self::Named(text) => Some(position(0, &|(piece, _)| *piece == text).unwrap_or(0)),
            Self::Later(text) => unscored(1, &text),
        }
    }
}

/// Adds the tokens of the settings, as `TokenizersBackend.__init__` does.
pub(super) fn add_tokens(
    inner: &mut tokenizers::Tokenizer,
    settings: &Settings,
) -> tokenizers::Result<()> {
    let mut tokens: Vec<Token> = settings.added.values().cloned().map(Token::Added).collect();
    let known = inner.get_added_tokens_decoder();
    let mut texts: HashSet<&str> = known.values().map(|token| token.content.as_str()).collect();
    texts.extend(settings.added.values().map(|token| token.content.as_str()));
    let fixed = tokens.len();
    for token in settings.all_named().chain(settings.extra()) {
        if !texts.contains(token.content()) && !tokens[fixed..].contains(token) {
            tokens.push(token.clone());
        }
    }
    let named: HashSet<&str> = settings.all_named().map(Token::content).collect();
    let tokens = tokens.into_iter().map(|token| match token {
        Token::Text(text) => AddedToken::from(text, true),
        Token::Added(added) => {
            let special = added.special || named.contains(added.content.as_str());
            Added { special, ..added }.token()
        }
    });
    // The library sets up its search anew for each call.
    let same = |token: &AddedToken| {
        inner.token_to_id(&token.content).is_some_and(|id| known.get(&id) == Some(token))
    };
    let tokens: Vec<_> = tokens.collect();
    if !tokens.iter().all(same) {
        inner.add_tokens(tokens)?;
    }
    Ok(())
}

/// Runs the library; its panics become errors.
pub(super) fn caught<T>(file: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    guard::caught(run)
        .unwrap_or_else(|reason| Err(Error::Tokenizer { file: file.to_owned(), reason }))
}
