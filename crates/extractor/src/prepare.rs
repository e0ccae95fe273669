//! From texts to the sequences that the model reads: tokens with labels, and long texts refused, cut or
//! in windows.

mod length;
mod prepared;
mod row;
mod warning;
mod windows;

pub use length::{LengthLimit, LongText};
pub use prepared::Prepared;
pub(crate) use row::{label, word_of};
pub use warning::{UnknownTokens, Warning};

use crate::error::{Error, Result};
use crate::input::{Text, place};
use crate::rows::Row;
use length::Tokenized;
use stratoscope_loader::{Model, Tokenizer};
use stratoscope_transformer::Sequence;

/// Tokenizes texts, and checks their length.
///
/// # Errors
/// A blank text, a text that is too long or has no tokens, a model without a tokenizer. A text of more
/// than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES) is not tokenized, except for its beginning if texts are
/// cut.
pub fn prepare(model: &Model, texts: Vec<Text>, limit: impl Into<LengthLimit>) -> Result<Prepared> {
    prepare_numbered(model, texts, limit.into(), 0)
}

/// [`prepare`] for texts after `before` other texts; messages count these.
pub(crate) fn prepare_numbered(
    model: &Model,
    mut texts: Vec<Text>,
    limit: LengthLimit,
    before: usize,
) -> Result<Prepared> {
    let Some(tokenizer) = &model.tokenizer else {
        model.info.check_tokenizer()?;
        let reason = model.without_tokenizer.clone().unwrap_or_default();
        return Err(Error::NoTokenizer { model: model.info.id.clone(), reason });
    };
    let architecture = model.transformer.architecture();
    let mut prepared = Prepared::default();
    if texts.is_empty() {
        return Err(Error::NoText { place: "no text is given".to_owned() });
    }
    for (index, given) in texts.iter_mut().enumerate() {
        let text = &*given;
        let place = || text.place(before + index);
        if text.text.trim().is_empty() {
            return Err(Error::NoText { place: format!("{} is blank", place()) });
        }
        if text.pair.as_ref().is_some_and(|pair| pair.trim().is_empty()) {
            return Err(Error::NoText {
                place: format!("the second text of {} is blank", place()),
            });
        }
        let Tokenized { windows, overlap, warning } =
            length::tokenized(tokenizer, text, &place, limit, architecture)?;
        let kept = warning.as_ref().and_then(Warning::kept);
        prepared.warnings.extend(warning);
        let rows = architecture.d_vocab;
        let mut ids = windows.iter().flat_map(|window| &window.ids);
        if let Some(&id) = ids.find(|&&id| id as usize >= rows) {
            let token = tokenizer.token(id).unwrap_or_default();
            return Err(Error::NoRow { place: place(), token, id, rows });
        }
        prepared.windows.push(windows.len());
        let picks = windows::choose(&windows, overlap);
        row::add(&mut prepared, index, text, &windows, &picks, tokenizer);
        prepared.sequences.extend(windows.into_iter().map(|encoding| Sequence::Tokens {
            token_ids: encoding.ids,
            // A model with fewer than two types reads every token as type 0.
            token_types: match architecture.embedding.token_types {
                0 | 1 => Vec::new(),
                _ => encoding.type_ids,
            },
        }));
        given.kept = kept;
    }
    prepared.texts = texts;
    Ok(prepared)
}

/// Prepares token ids, without special tokens. A tokenizer is not required; if there is one, it gives
/// the labels.
///
/// # Errors
/// An id beyond the vocabulary, or more ids than the positions allow.
pub fn prepare_ids(model: &Model, ids: Vec<(usize, Vec<u32>)>) -> Result<Prepared> {
    let architecture = model.transformer.architecture();
    let (limit, d_vocab) = (architecture.max_tokens().unwrap_or(usize::MAX), architecture.d_vocab);
    let mut prepared = Prepared::default();
    if let Some(error) = &model.info.tokenizer_error {
        prepared.warnings.push(Warning::NoLabels { reason: error.to_string() });
    }
    for (index, (line, ids)) in ids.into_iter().enumerate() {
        let place = place(index, Some(line), "");
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= d_vocab) {
            return Err(Error::TokenId { place, id, d_vocab });
        }
        if ids.len() > limit {
            return Err(Error::TooLong { place, tokens: ids.len(), limit });
        }
        for (token, &id) in ids.iter().enumerate() {
            let name = model.tokenizer.as_ref().and_then(|t| t.token(id));
            prepared.rows.push(Row {
                sequence: index,
                label: name.unwrap_or_else(|| format!("#{id}")),
                token_id: Some(id),
                char_offsets: [0, 0],
                text_id: 0,
                word_id: None,
                special: false,
                unknown: model.tokenizer.as_ref().and_then(Tokenizer::unknown_id) == Some(id),
            });
            prepared.picks.push((prepared.sequences.len(), token));
        }
        prepared.windows.push(1);
        prepared.texts.push(Text { line: Some(line), ..Text::default() });
        prepared.sequences.push(Sequence::from_ids(ids));
    }
    Ok(prepared)
}
