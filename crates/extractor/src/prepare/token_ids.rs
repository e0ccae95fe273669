//! From token ids to the sequences that the model reads.

use super::prepared::Prepared;
use super::warning::Warning;
use crate::error::{Error, Result};
use crate::input::{Text, place};
use crate::rows::Row;
use stratoscope_loader::{Model, Reads, Tokenizer};
use stratoscope_transformer::Sequence;

/// Prepares token ids, without special tokens. A tokenizer is not required; if there is one, it gives
/// the labels.
///
/// # Errors
/// A model that reads no text; an id beyond the vocabulary, or more ids than the positions allow.
pub fn prepare_ids(model: &Model, ids: Vec<(usize, Vec<u32>)>) -> Result<Prepared> {
    let reads = model.reads();
    if reads != Reads::Text {
        let (place, model) = ("the file of token ids".to_owned(), model.info.id.clone());
        return Err(Error::NotRead { place, given: Reads::Text, model, reads });
    }
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
