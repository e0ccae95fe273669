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
    /// A weight has a wrong shape.
    #[error("the weight {name} has shape {found:?}, expected {expected:?}")]
    WeightShape {
        /// Canonical name of the weight.
        name: String,
        /// The shape in the architecture.
        expected: Vec<usize>,
        /// The shape of the weight.
        found: Vec<usize>,
    },
    /// The sizes of an architecture do not fit together.
    #[error("the architecture is not valid: {reason}")]
    Architecture {
        /// Which sizes, and why not.
        reason: String,
    },
    /// A token id beyond the vocabulary.
    #[error(
        "token id {id} (token {token} of sequence {sequence}) is beyond the vocabulary of {d_vocab} tokens"
    )]
    TokenId {
        /// The id.
        id: u32,
        /// The sequence, counted from 0.
        sequence: usize,
        /// The place in the sequence, counted from 0.
        token: usize,
        /// The size of the vocabulary.
        d_vocab: usize,
    },
    /// A token type that the model does not have.
    #[error("token type {id} in sequence {sequence}, but the model has {rows} token types")]
    TokenType {
        /// The token type.
        id: u32,
        /// The sequence, counted from 0.
        sequence: usize,
        /// Rows of the token type embedding.
        rows: usize,
    },
    /// A sequence is longer than the positions allow.
    #[error("sequence {sequence} has {tokens} tokens; the positions of the model allow {limit}")]
    TooLong {
        /// The sequence, counted from 0.
        sequence: usize,
        /// The tokens of the sequence.
        tokens: usize,
        /// The tokens that the positions allow.
        limit: usize,
    },
    /// The input of a sequence is not what the model reads.
    #[error("sequence {sequence} cannot be read: {reason}")]
    Features {
        /// The sequence, counted from 0.
        sequence: usize,
        /// What does not fit.
        reason: String,
    },
    /// An image has another number of patches than the model has positions.
    #[error(
        "sequence {sequence} has {} × {} patches; the model has positions for {} × {}",
        grid[0], grid[1], expected[0], expected[1]
    )]
    Grid {
        /// The sequence, counted from 0.
        sequence: usize,
        /// Rows and columns of its patches.
        grid: [usize; 2],
        /// Rows and columns of the positions.
        expected: [usize; 2],
    },
    /// A hook point that this architecture does not have.
    #[error("the model has no {point}: {reason}")]
    NoHookPoint {
        /// The hook point.
        point: crate::HookPoint,
        /// Why not.
        reason: &'static str,
    },
    /// A name that is not a hook point.
    #[error("{name:?} is not a hook point; an example is blocks.0.hook_resid_post")]
    UnknownHookPoint {
        /// The name.
        name: String,
    },
    /// A hook returned a tensor of another shape.
    #[error("the hook at {point} received shape {expected:?} and returned shape {found:?}")]
    HookShape {
        /// The hook point.
        point: crate::HookPoint,
        /// The shape that the hook received.
        expected: Vec<usize>,
        /// The shape that the hook returned.
        found: Vec<usize>,
    },
    /// The model has no head, so that hidden states give no logits.
    #[error("the model has no language-model head")]
    NoHead,
    /// A batch without sequences, or a sequence without tokens.
    #[error("sequence {sequence} has no tokens")]
    Empty {
        /// The sequence, counted from 0.
        sequence: usize,
    },
    /// The source of the weights could not give one.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
    /// A tensor operation failed.
    #[error("a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
}
