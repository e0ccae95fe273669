//! Warnings about texts, and the count of unknown tokens.

use crate::rows::Row;

/// A warning about the input, such as a long text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A text was cut.
    Cut {
        /// Which text.
        place: String,
        /// The tokens of the text.
        tokens: usize,
        /// The tokens that were kept.
        kept: usize,
    },
    /// A text is so long that only its beginning was tokenized, and it was cut.
    Beginning {
        /// Which text.
        place: String,
        /// The tokens that were kept.
        kept: usize,
    },
    /// A text was read in windows.
    Windows {
        /// Which text.
        place: String,
        /// The tokens of the text.
        tokens: usize,
        /// The number of windows.
        windows: usize,
    },
    /// A sound is longer than the model reads, and was cut.
    SoundCut {
        /// Which sound.
        place: String,
        /// Its whole seconds.
        seconds: usize,
        /// The whole seconds that were kept.
        kept: usize,
    },
    /// Many tokens are unknown.
    Unknown {
        /// The unknown tokens.
        unknown: usize,
        /// All tokens, without special tokens.
        tokens: usize,
    },
    /// Token ids have no labels, because the tokenizer cannot be used.
    NoLabels {
        /// Why.
        reason: String,
    },
}

impl Warning {
    /// The tokens that were kept, if a text was cut.
    pub(super) fn kept(&self) -> Option<usize> {
        match self {
            Self::Cut { kept, .. } | Self::Beginning { kept, .. } => Some(*kept),
            _ => None,
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut { place, tokens, kept } => {
                write!(f, "{place} was cut from {tokens} tokens to {kept}")
            }
            Self::Beginning { place, kept } => {
                write!(f, "{place} is long and was cut to its first {kept} tokens")
            }
            Self::SoundCut { place, seconds, kept } => write!(
                f,
                "{place} was cut from {seconds} s to {kept} s, which the model reads at a time"
            ),
            Self::Unknown { unknown, tokens } => write!(
                f,
                "{unknown} of {tokens} tokens are unknown: the vocabulary does not have their letters, so that their states say nothing about them"
            ),
            Self::NoLabels { reason } => {
                write!(
                    f,
                    "token ids have no labels, because the tokenizer cannot be used: {reason}"
                )
            }
            Self::Windows { place, tokens, windows } => write!(
                f,
                "{place} has {tokens} tokens and was read in {windows} overlapping windows, so that no token sees the whole text"
            ),
        }
    }
}

/// How many tokens of some texts are unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnknownTokens {
    /// The tokens, without special tokens.
    pub tokens: usize,
    /// The unknown tokens among them.
    pub unknown: usize,
}

impl UnknownTokens {
    /// Those of some rows, which are tokens.
    pub(crate) fn of(rows: &[Row]) -> Self {
        Self {
            tokens: rows.iter().filter(|row| !row.special).count(),
            unknown: rows.iter().filter(|row| row.unknown).count(),
        }
    }

    /// Adds the tokens of other texts.
    pub fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.unknown += other.unknown;
    }

    /// A warning if more than a fifth of the tokens is unknown.
    pub fn warning(self) -> Option<Warning> {
        let Self { tokens, unknown } = self;
        (5 * unknown > tokens).then_some(Warning::Unknown { unknown, tokens })
    }
}
