//! What can go wrong in a forward pass, with the evidence.

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between weights and hidden states.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The architecture needs a weight that was not given.
    #[error("the weight {name} is missing")]
    MissingWeight {
        /// Canonical name of the weight.
        name: String,
    },
    /// A weight has another shape than the architecture says.
    #[error("the weight {name} has shape {found:?}, expected {expected:?}")]
    WeightShape {
        /// Canonical name of the weight.
        name: String,
        /// Shape that the architecture asks for.
        expected: Vec<usize>,
        /// Shape that was given.
        found: Vec<usize>,
    },
    /// The numbers of an architecture do not fit together.
    #[error("this architecture cannot be: {reason}")]
    Architecture {
        /// Which numbers, and why not.
        reason: String,
    },
    /// A token id has no row in the embedding.
    #[error(
        "token id {id} (token {token} of sequence {sequence}) is beyond the embedding, which has {d_vocab} rows"
    )]
    TokenId {
        /// The id.
        id: u32,
        /// Its sequence, counted from 0.
        sequence: usize,
        /// Its place in the sequence, counted from 0.
        token: usize,
        /// Rows of the embedding.
        d_vocab: usize,
    },
    /// A token type has no row in its embedding.
    #[error("token type {id} in sequence {sequence}, but the model has {rows} token types")]
    TokenType {
        /// The token type.
        id: u32,
        /// Its sequence, counted from 0.
        sequence: usize,
        /// Rows of the token type embedding.
        rows: usize,
    },
    /// A sequence is longer than the positions allow.
    #[error("sequence {sequence} has {tokens} tokens, the model's positions allow {limit}")]
    TooLong {
        /// The sequence, counted from 0.
        sequence: usize,
        /// Its number of tokens.
        tokens: usize,
        /// The most that the positions allow.
        limit: usize,
    },
    /// A hook point that this architecture has not.
    #[error("the model has no {point}: {reason}")]
    NoHookPoint {
        /// The hook point.
        point: crate::HookPoint,
        /// Why not.
        reason: &'static str,
    },
    /// A name that no hook point bears.
    #[error("{name:?} is not a hook point; they are named like blocks.0.hook_resid_post")]
    UnknownHookPoint {
        /// The name.
        name: String,
    },
    /// A hook gave back a tensor of another shape.
    #[error("the hook at {point} gave {found:?} for {expected:?}")]
    HookShape {
        /// The hook point.
        point: crate::HookPoint,
        /// The shape that it was given.
        expected: Vec<usize>,
        /// The shape that it gave back.
        found: Vec<usize>,
    },
    /// The checkpoint has no head: hidden states cannot be read as tokens.
    #[error("the model has no language-model head")]
    NoHead,
    /// A batch without sequences, or a sequence without tokens.
    #[error("sequence {sequence} has no tokens")]
    Empty {
        /// The sequence, counted from 0.
        sequence: usize,
    },
    /// A tensor operation failed.
    #[error("a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
}
