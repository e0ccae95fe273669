//! What can go wrong in reading layers through a head, with the evidence.

use stratoscope_loader::ErrorKind;

/// What can go wrong in reading layers through a head.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LensError {
    /// The checkpoint has nothing that turns states into tokens.
    #[error(
        "{model} has no language-model head; checkpoints that were saved with theirs do, of these families: {families}"
    )]
    NoHead {
        /// The model.
        model: String,
        /// The families whose checkpoints may have one.
        families: String,
    },
    /// A model that has no tokenizer.
    #[error("{model} has no tokenizer, so that its tokens have no names")]
    NoTokenizer {
        /// The model.
        model: String,
    },
    /// A model that reads both sides of a word, but has no token for a word that is hidden.
    #[error("the tokenizer of {model} has no mask token, so that no word can be hidden from it")]
    NoMaskToken {
        /// The model.
        model: String,
    },
    /// A text with more tokens than the model's positions allow.
    #[error("the text has {tokens} tokens, the model reads at most {limit}: give a shorter one")]
    TooLong {
        /// Its tokens, special ones included.
        tokens: usize,
        /// The most that the model takes.
        limit: usize,
    },
    /// A logit that no probability follows from.
    #[error("the logit of token {token} is {value}: no probabilities follow from it")]
    NotFinite {
        /// The token's id.
        token: usize,
        /// The logit.
        value: f32,
    },
    /// Rows of logits that are not as many, or not as long, as they have to be.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there have to be.
        expected: usize,
    },
    /// A token that the head gives no logit for.
    #[error("the head gives no logit for token id {id}, only for {d_vocab} tokens")]
    TokenId {
        /// The id.
        id: u32,
        /// How many tokens it knows.
        d_vocab: usize,
    },
    /// A target that is no token.
    #[error("the target {target:?} is not in the model's vocabulary")]
    UnknownTarget {
        /// What was given.
        target: String,
    },
    /// A target of several tokens.
    #[error("the target {target:?} is {} tokens for this model ({}), not one", pieces.len(), pieces.join(" · "))]
    LongTarget {
        /// What was given.
        target: String,
        /// What the tokenizer makes of it.
        pieces: Vec<String>,
    },
    /// Not as many targets as masks.
    #[error(
        "the text has {masks} × {mask}, but targets given: {targets}; give one for each, in order"
    )]
    TargetCount {
        /// Targets given.
        targets: usize,
        /// Masks in the text.
        masks: usize,
        /// What a mask looks like.
        mask: String,
    },
    /// Targets for a text that hides nothing.
    #[error("a target needs a place: write {mask} in the text where it is to be predicted")]
    NoMask {
        /// What a mask looks like.
        mask: String,
    },
    /// Several targets for a model that predicts what comes next.
    #[error("a causal model predicts one token after the text: give one target, not {targets}")]
    CausalTargets {
        /// Targets given.
        targets: usize,
    },
    /// Perplexity of a text with words already hidden.
    #[error("a text with {mask} in it has no perplexity: give the whole text")]
    MaskedPerplexity {
        /// What a mask looks like.
        mask: String,
    },
    /// Perplexity of a text in which no token is predicted from others.
    #[error("the text has no token that the model predicts from others, so no perplexity")]
    NothingScored,
}

impl LensError {
    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFinite { .. } | Self::Shape { .. } | Self::TokenId { .. } => {
                ErrorKind::Failure
            }
            _ => ErrorKind::BadInput,
        }
    }
}
