//! A text as the model reads it: its tokens in one window or several, and their rows.

use super::length::{self, LengthLimit, Tokenized};
use super::prepared::Prepared;
use super::warning::Warning;
use super::{row, windows};
use crate::error::{Error, Result};
use crate::input::Text;
use stratoscope_loader::Model;
use stratoscope_transformer::Sequence;

/// Tokenizes a text, checks its length, and adds it; `before` inputs come before those of `prepared`.
pub(super) fn add(
    prepared: &mut Prepared,
    model: &Model,
    mut text: Text,
    limit: LengthLimit,
    before: usize,
) -> Result<()> {
    let Some(tokenizer) = &model.tokenizer else {
        model.info.check_tokenizer()?;
        let reason = model.without_tokenizer.clone().unwrap_or_default();
        return Err(Error::NoTokenizer { model: model.info.id.clone(), reason });
    };
    let architecture = model.transformer.architecture();
    let index = prepared.texts.len();
    let place = || text.place(before + index);
    if text.text.trim().is_empty() {
        return Err(Error::NoText { place: format!("{} is blank", place()) });
    }
    if text.pair.as_ref().is_some_and(|pair| pair.trim().is_empty()) {
        return Err(Error::NoText { place: format!("the second text of {} is blank", place()) });
    }
    let Tokenized { windows, overlap, warning } =
        length::tokenized(tokenizer, &text, &place, limit, architecture)?;
    let kept = warning.as_ref().and_then(Warning::kept);
    let rows = architecture.d_vocab;
    let mut ids = windows.iter().flat_map(|window| &window.ids);
    if let Some(&id) = ids.find(|&&id| id as usize >= rows) {
        let token = tokenizer.token(id).unwrap_or_default();
        return Err(Error::NoRow { place: place(), token, id, rows });
    }
    prepared.warnings.extend(warning);
    prepared.windows.push(windows.len());
    let picks = windows::choose(&windows, overlap);
    row::add(prepared, index, &text, &windows, &picks, tokenizer);
    prepared.sequences.extend(windows.into_iter().map(|encoding| Sequence::Tokens {
        token_ids: encoding.ids,
        // A model with fewer than two types reads every token as type 0.
        token_types: match architecture.embedding.token_types {
            0 | 1 => Vec::new(),
            _ => encoding.type_ids,
        },
    }));
    text.kept = kept;
    prepared.texts.push(text);
    Ok(())
}
