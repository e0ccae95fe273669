//! The errors of the lens.

use stratoscope_loader::ErrorKind;

/// An error of the lens.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LensError {
    /// The checkpoint has no language-model head.
    #[error(
        "{model} has no language-model head; checkpoints of these families may have one: {families}"
    )]
    NoHead {
        /// The model.
        model: String,
        /// The families whose checkpoints may have one.
        families: String,
    },
    /// The model has no tokenizer.
    #[error("{model} has no tokenizer, which the lens needs")]
    NoTokenizer {
        /// The model.
        model: String,
    },
    /// A masked model whose tokenizer has no mask token.
    #[error("the tokenizer of {model} has no mask token, which a pseudo-perplexity needs")]
    NoMaskToken {
        /// The model.
        model: String,
    },
    /// A text with more tokens than the model's positions allow.
    #[error("the text has {tokens} tokens, the model reads at most {limit}: give a shorter text")]
    TooLong {
        /// The number of tokens, with the special tokens.
        tokens: usize,
        /// The largest number that the model reads.
        limit: usize,
    },
    /// A logit that is not finite.
    #[error("the logit of token {token} is {value}, which gives no probabilities")]
    NotFinite {
        /// The token's id.
        token: usize,
        /// The logit.
        value: f32,
    },
    /// A wrong number of rows or of logits.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// What is counted.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number expected.
        expected: usize,
    },
    /// A token without a logit.
    #[error("token id {id} has no logit: the head has {d_vocab} logits")]
    TokenId {
        /// The token's id.
        id: u32,
        /// The number of logits.
        d_vocab: usize,
    },
    /// A target that is not a token.
    #[error("the target {target:?} is not in the model's vocabulary")]
    UnknownTarget {
        /// The target.
        target: String,
    },
    /// A target of several tokens.
    #[error("the target {target:?} has {} tokens in this model ({}); it must be one token", pieces.len(), pieces.join(" · "))]
    LongTarget {
        /// The target.
        target: String,
        /// Its tokens.
        pieces: Vec<String>,
    },
    /// The number of targets is not the number of masks.
    #[error(
        "the text has {masks} × {mask}, and the number of targets is {targets}; give one for each mask, in order"
    )]
    TargetCount {
        /// The number of targets.
        targets: usize,
        /// The number of masks in the text.
        masks: usize,
        /// The mask token.
        mask: String,
    },
    /// A target for a text without masks.
    #[error("a target needs a mask: write {mask} in the text where the target is to be predicted")]
    NoMask {
        /// The mask token.
        mask: String,
    },
    /// Several targets for a causal model.
    #[error("a causal model predicts one token after the text: give one target, not {targets}")]
    CausalTargets {
        /// The number of targets.
        targets: usize,
    },
    /// The perplexity of a text with masks.
    #[error("a text with {mask} has no perplexity: give the text without masks")]
    MaskedPerplexity {
        /// The mask token.
        mask: String,
    },
    /// The perplexity of a text in which no token is predicted from others.
    #[error("the text has no token that the model predicts from others, so it has no perplexity")]
    NothingScored,
}

impl LensError {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFinite { .. } | Self::Shape { .. } | Self::TokenId { .. } => {
                ErrorKind::Failure
            }
            _ => ErrorKind::BadInput,
        }
    }
}
