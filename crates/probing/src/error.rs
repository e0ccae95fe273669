//! The one error type of this crate.

use std::fmt;

/// Why a measure or a probe failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbingError {
    /// Stimuli that violate the format or the design, with the line of every mistake.
    #[error("{}", Listed(.mistakes))]
    Stimuli {
        /// The mistakes in the order of their lines; never empty.
        mistakes: Vec<Mistake>,
    },
    /// The sizes of two inputs differ.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// What the size is of.
        what: &'static str,
        /// The required size.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// An entry of the vector of a context is NaN or infinite.
    #[error("the vector of context {context} holds {value}, not a finite number")]
    NotFinite {
        /// The context, from 0.
        context: usize,
        /// The entry.
        value: f64,
    },
    /// An entry of a row is NaN or infinite, or overflows when it is standardised.
    #[error("row {row} holds {value}, not a finite number")]
    RowNotFinite {
        /// The row, from 0.
        row: usize,
        /// The entry.
        value: f32,
    },
    /// The heads of a sentence do not form a tree.
    #[error("sentence {}, word {word}: {mistake}", .sentence + 1)]
    Tree {
        /// The sentence, from 0.
        sentence: usize,
        /// The word, from 1.
        word: usize,
        /// The mistake.
        mistake: TreeMistake,
    },
    /// The progress callback stopped the fit.
    #[error("stopped")]
    Stopped,
    /// A probe cannot be fitted to the task, or scored on it.
    #[error("a probe needs {needed}, found {found}")]
    Task {
        /// What the probe needs, in words.
        needed: &'static str,
        /// The number found.
        found: usize,
    },
    /// A setting is outside its range.
    #[error("{name} = {value}: expected {expected}")]
    Setting {
        /// The name of the setting.
        name: &'static str,
        /// The value of the setting.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// The design is too small to separate an effect from chance.
    #[error("the partition needs {needed}")]
    Design {
        /// What the partition needs, in words.
        needed: &'static str,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ProbingError>;

/// One mistake in a stimuli file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The mistake, in words.
    pub what: String,
}

/// A mistake in a dependency tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeMistake {
    /// A head is not a word of the sentence.
    #[error("its head is {head}, and the sentence has {words} words")]
    HeadOutOfRange {
        /// The head.
        head: usize,
        /// The number of words.
        words: usize,
    },
    /// Two words have head 0.
    #[error("it is a second root, after word {first}")]
    SecondRoot {
        /// The first root, from 1.
        first: usize,
    },
    /// The heads of this word form a cycle.
    #[error("its heads form a cycle")]
    Cycle,
}

/// The largest number of listed mistakes; more are counted.
const MAX_LISTED: usize = 5;

struct Listed<'a>(&'a [Mistake]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().take(MAX_LISTED).enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}line {}: {}", mistake.line, mistake.what)?;
        }
        match self.0.len().saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            1 => write!(f, "; and 1 more mistake"),
            more => write!(f, "; and {more} more mistakes"),
        }
    }
}
