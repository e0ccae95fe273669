//! Packed sequences: the tokens of a whole batch end to end, without padding.

use crate::architecture::Architecture;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;

/// The input tokens of one sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids, special tokens included.
    pub token_ids: Vec<u32>,
    /// Token types (segments); empty means all 0.
    pub token_types: Vec<u32>,
}

impl Sequence {
    /// A sequence of token type 0.
    pub fn from_ids(token_ids: Vec<u32>) -> Self {
        Self { token_ids, token_types: Vec::new() }
    }
}

/// Sequences packed end to end, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// `[tokens]`: ids of all sequences, one after the other.
    pub token_ids: Vec<u32>,
    /// `[tokens]`: token types; all 0 if the model has none.
    pub token_types: Vec<u32>,
    /// `[tokens]`: rows of the position embedding, or places in the sequence if there is none.
    pub positions: Vec<u32>,
    /// `[sequences + 1]`: the first token of each sequence, and the end of the last.
    pub sequence_offsets: Vec<usize>,
}

impl<'a> From<&'a Batch> for Cow<'a, Batch> {
    fn from(batch: &'a Batch) -> Self {
        Cow::Borrowed(batch)
    }
}

impl From<Batch> for Cow<'_, Batch> {
    fn from(batch: Batch) -> Self {
        Cow::Owned(batch)
    }
}

impl Batch {
    /// Packs sequences and checks them against the sizes of a model.
    ///
    /// # Errors
    /// An empty sequence, a token id or type without a row, or more tokens than the position embedding has
    /// rows.
    pub fn new(architecture: &Architecture, sequences: &[Sequence]) -> Result<Self> {
        let mut batch = Self {
            token_ids: Vec::new(),
            token_types: Vec::new(),
            positions: Vec::new(),
            sequence_offsets: vec![0],
        };
        let limit = architecture.max_positions();
        if sequences.is_empty() {
            return Err(Error::Empty { sequence: 0 });
        }
        for (index, sequence) in sequences.iter().enumerate() {
            let tokens = sequence.token_ids.len();
            if tokens == 0 {
                return Err(Error::Empty { sequence: index });
            }
            if let Some(limit) = limit.filter(|&limit| tokens > limit) {
                return Err(Error::TooLong { sequence: index, tokens, limit });
            }
            let d_vocab = architecture.d_vocab;
            if let Some(token) = sequence.token_ids.iter().position(|&id| id as usize >= d_vocab) {
                let id = sequence.token_ids[token];
                return Err(Error::TokenId { id, sequence: index, token, d_vocab });
            }
            // A model without token types accepts type 0 only.
            let rows = architecture.embedding.token_types.max(1);
            let types = sequence.token_types.iter().copied();
            if let Some(id) = types.clone().find(|&id| id as usize >= rows) {
                return Err(Error::TokenType { id, sequence: index, rows });
            }
            batch.token_ids.extend(&sequence.token_ids);
            batch.token_types.extend(types.chain(std::iter::repeat(0)).take(tokens));
            batch.positions.extend(architecture.position_ids(&sequence.token_ids));
            batch.sequence_offsets.push(batch.token_ids.len());
        }
        Ok(batch)
    }

    /// The number of tokens of all sequences.
    pub fn tokens(&self) -> usize {
        self.token_ids.len()
    }

    /// The token range of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.sequence_offsets.windows(2).map(|w| w[0]..w[1])
    }
}
