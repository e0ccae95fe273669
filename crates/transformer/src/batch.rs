//! Packed sequences: the tokens of a whole batch end to end, without padding.

use crate::architecture::{Architecture, Source};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// The input of one sequence.
#[derive(Debug, Clone, PartialEq)]
pub enum Sequence {
    /// Token ids.
    Tokens {
        /// Token ids, special tokens included.
        token_ids: Vec<u32>,
        /// Token types (segments); empty means all 0.
        token_types: Vec<u32>,
    },
    /// Numbers that the embedding turns into rows.
    Features(Features),
}

/// Numbers that the embedding turns into rows: the patches of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// `[rows, width]`.
    pub values: Arc<[f32]>,
    /// The values of a row.
    pub width: usize,
    /// Rows and columns of the patches of an image.
    pub grid: Option<[usize; 2]>,
    /// The rows of the states of this sequence, as [`Architecture::tokens`].
    pub tokens: usize,
}

impl Features {
    /// Features for a model of this architecture. [`Batch::new`] checks them.
    pub fn new(
        architecture: &Architecture,
        values: Arc<[f32]>,
        width: usize,
        grid: Option<[usize; 2]>,
    ) -> Self {
        let rows = values.len() / width.max(1);
        Self { values, width, grid, tokens: architecture.feature_tokens(rows) }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }
}

impl Sequence {
    /// A sequence of token type 0.
    pub fn from_ids(token_ids: Vec<u32>) -> Self {
        Self::Tokens { token_ids, token_types: Vec::new() }
    }

    /// The rows of its states.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Tokens { token_ids, .. } => token_ids.len(),
            Self::Features(features) => features.tokens,
        }
    }

    /// The token ids, special tokens included; empty if the input is no text.
    pub fn token_ids(&self) -> &[u32] {
        match self {
            Self::Tokens { token_ids, .. } => token_ids,
            Self::Features(_) => &[],
        }
    }

    /// The token types; empty means all 0.
    pub fn token_types(&self) -> &[u32] {
        match self {
            Self::Tokens { token_types, .. } => token_types,
            Self::Features(_) => &[],
        }
    }
}

/// Sequences packed end to end, without padding.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[tokens]`: ids of all sequences, one after the other; empty if the sequences have features.
    pub token_ids: Vec<u32>,
    /// `[tokens]`: token types; all 0 if the model has none. Empty if the sequences have features.
    pub token_types: Vec<u32>,
    /// `[tokens]`: rows of the position embedding, or places in the sequence if there is none.
    pub positions: Vec<u32>,
    /// `[sequences]`: the features of each sequence; empty if the sequences have token ids.
    pub features: Vec<Features>,
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
    /// An empty sequence, a token id or type without a row, more tokens than the position embedding has
    /// rows, or features of another shape than the model reads.
    pub fn new(architecture: &Architecture, sequences: &[Sequence]) -> Result<Self> {
        let mut batch = Self {
            token_ids: Vec::new(),
            token_types: Vec::new(),
            positions: Vec::new(),
            features: Vec::new(),
            sequence_offsets: vec![0],
        };
        if sequences.is_empty() {
            return Err(Error::Empty { sequence: 0 });
        }
        for (index, sequence) in sequences.iter().enumerate() {
            match sequence {
                Sequence::Tokens { token_ids, token_types } => {
                    batch.add_tokens(architecture, index, token_ids, token_types)?;
                }
                Sequence::Features(features) => {
                    batch.add_features(architecture, index, features)?;
                }
            }
            batch.sequence_offsets.push(batch.positions.len());
        }
        Ok(batch)
    }

    fn add_tokens(
        &mut self,
        architecture: &Architecture,
        index: usize,
        token_ids: &[u32],
        token_types: &[u32],
    ) -> Result<()> {
        if architecture.embedding.source != Source::Tokens {
            let reason = "the model does not read token ids".to_owned();
            return Err(Error::Features { sequence: index, reason });
        }
        let tokens = token_ids.len();
        if tokens == 0 {
            return Err(Error::Empty { sequence: index });
        }
        if let Some(limit) = architecture.max_positions().filter(|&limit| tokens > limit) {
            return Err(Error::TooLong { sequence: index, tokens, limit });
        }
        let d_vocab = architecture.d_vocab;
        if let Some(token) = token_ids.iter().position(|&id| id as usize >= d_vocab) {
            let id = token_ids[token];
            return Err(Error::TokenId { id, sequence: index, token, d_vocab });
        }
        // A model without token types accepts type 0 only.
        let rows = architecture.embedding.token_types.max(1);
        let types = token_types.iter().copied();
        if let Some(id) = types.clone().find(|&id| id as usize >= rows) {
            return Err(Error::TokenType { id, sequence: index, rows });
        }
        self.token_ids.extend(token_ids);
        self.token_types.extend(types.chain(std::iter::repeat(0)).take(tokens));
        self.positions.extend(architecture.position_ids(token_ids));
        Ok(())
    }

    fn add_features(
        &mut self,
        architecture: &Architecture,
        index: usize,
        features: &Features,
    ) -> Result<()> {
        let Features { values, width, .. } = features;
        if *width == 0 || !values.len().is_multiple_of(*width) {
            let reason = format!("{} values for rows of {width}", values.len());
            return Err(Error::Features { sequence: index, reason });
        }
        architecture.embedding.source.check_features(index, features)?;
        let tokens = architecture.feature_tokens(features.rows());
        if tokens == 0 {
            return Err(Error::Empty { sequence: index });
        }
        if tokens != features.tokens {
            let reason = format!("{} tokens, where the model gives {tokens}", features.tokens);
            return Err(Error::Features { sequence: index, reason });
        }
        if let Some(limit) = architecture.max_positions().filter(|&limit| tokens > limit) {
            return Err(Error::TooLong { sequence: index, tokens, limit });
        }
        self.features.push(features.clone());
        self.positions.extend((0..).take(tokens));
        Ok(())
    }

    /// The number of tokens of all sequences.
    pub fn tokens(&self) -> usize {
        self.sequence_offsets.last().copied().unwrap_or(0)
    }

    /// The token range of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.sequence_offsets.windows(2).map(|w| w[0]..w[1])
    }
}
