//! What an architecture says of the input of the first block.

use super::input::Source;

/// The input of the first block: embeddings of token, position and type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedding {
    /// What the model reads.
    pub source: Source,
    /// A linear layer from narrower tables to `d_model` (Lan et al. 2020).
    pub projection: Option<Projection>,
    /// Learned position embeddings, added to those of the tokens (Devlin et al. 2019).
    pub positions: Option<Positions>,
    /// Rows of the token type embedding; 0 if there is none.
    pub token_types: usize,
    /// Tables of which every token takes the first row, such as those of boxes on a page.
    pub constants: Vec<Constant>,
    /// The factor of the token embeddings.
    pub scale: Option<f64>,
    /// A token whose embedding is 0. Those of the other tokens are divided by their share of the
    /// sequence (Rives et al. 2021).
    pub dropped: Option<u32>,
    /// Whether the sum is normed.
    pub norm: bool,
}

/// A table of which every token takes the first row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// The rows of the table.
    pub rows: usize,
    /// The factor of the row.
    pub times: f64,
}

/// A linear layer between the embedding tables and the residual stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// Width of the token embedding.
    pub width: usize,
    /// What is projected.
    pub place: ProjectionPlace,
    /// Whether it has a bias.
    pub bias: bool,
}

/// What the projection of an embedding is applied to, in the order of the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionPlace {
    /// The token embedding alone, before positions are added.
    Tokens,
    /// The sum of token, position and type, before the norm.
    Sum,
    /// The normed sum.
    Normed,
}

/// A position embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// Its rows.
    pub rows: usize,
    /// Which row a token takes.
    pub numbering: Numbering,
}

/// Which row of the position embedding a token takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// The row of its place in the sequence, where place 0 has this row.
    From(usize),
    /// `padding_id` + the token's rank among the tokens that are not padding, from 1; padding has row
    /// `padding_id` (Liu et al. 2019).
    AfterPadding {
        /// The id of the padding token.
        padding_id: u32,
    },
}
