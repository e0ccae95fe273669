//! The errors of the lens.

use std::path::PathBuf;
use stratoscope_loader::{ErrorKind, path_text};

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
        /// The families with checkpoints that can have a head.
        families: String,
    },
    /// The model has no tokenizer.
    #[error("{model} has no tokenizer, which the lens needs")]
    NoTokenizer {
        /// The model.
        model: String,
    },
    /// The tokenizer of a masked model has no mask token.
    #[error("the tokenizer of {model} has no mask token, which pseudo-perplexity needs")]
    NoMaskToken {
        /// The model.
        model: String,
    },
    /// The text has more tokens than the model can read.
    #[error(
        "the text has {tokens} tokens, and the model reads at most {limit}; give a shorter text"
    )]
    TooLong {
        /// The number of tokens, with the special tokens.
        tokens: usize,
        /// The largest number of tokens that the model can read.
        limit: usize,
    },
    /// A logit is not finite.
    #[error("the logit of token {token} is {value}, so there are no probabilities")]
    NotFinite {
        /// The id of the token.
        token: usize,
        /// The logit.
        value: f32,
    },
    /// The number of rows or of logits is wrong.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// The things that are counted.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number expected.
        expected: usize,
    },
    /// A file is not a lens for this model.
    #[error("{} is not a lens for this model: {reason}", path_text(path))]
    Translators {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A map of a lens cannot be fitted.
    #[error("the lens cannot be fitted: {reason}")]
    Fit {
        /// The reason.
        reason: String,
    },
    /// A corpus has too few texts to fit a lens and to test it.
    #[error("a lens needs at least {needed} texts to fit and to test it; the corpus has {found}")]
    TooFewTexts {
        /// The number of texts.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// A token has no logit.
    #[error("token id {id} has no logit: the head has {d_vocab} logits")]
    TokenId {
        /// The id of the token.
        id: u32,
        /// The number of logits.
        d_vocab: usize,
    },
    /// A target is not in the vocabulary.
    #[error("the target {target:?} is not in the model's vocabulary")]
    UnknownTarget {
        /// The target.
        target: String,
    },
    /// A target has several tokens.
    #[error("the target {target:?} has {} tokens in this model ({}); it must be one token", pieces.len(), pieces.join(" · "))]
    LongTarget {
        /// The target.
        target: String,
        /// Its tokens.
        pieces: Vec<String>,
    },
    /// The number of targets is not the number of masks.
    #[error(
        "the text has {masks} × {mask}, but the number of targets is {targets}; give one target for each mask, in order"
    )]
    TargetCount {
        /// The number of targets.
        targets: usize,
        /// The number of masks in the text.
        masks: usize,
        /// The mask token.
        mask: String,
    },
    /// A target is given for a text without masks.
    #[error("a target needs a mask: write {mask} in the text at the place of the target")]
    NoMask {
        /// The mask token.
        mask: String,
    },
    /// Several targets are given for a causal model.
    #[error("a causal model predicts one token after the text; give one target, not {targets}")]
    CausalTargets {
        /// The number of targets.
        targets: usize,
    },
    /// Perplexity is not defined for a text with masks.
    #[error("perplexity is not defined for a text with {mask}; give a text without masks")]
    MaskedPerplexity {
        /// The mask token.
        mask: String,
    },
    /// Perplexity is not defined for a text in which no token is predicted from other tokens.
    #[error("perplexity is not defined: no token of the text is predicted from other tokens")]
    NothingScored,
}

impl LensError {
    /// The kind of error, which determines the exit code of the program.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFinite { .. } | Self::Shape { .. } | Self::TokenId { .. } => {
                ErrorKind::Failure
            }
            _ => ErrorKind::BadInput,
        }
    }
}
