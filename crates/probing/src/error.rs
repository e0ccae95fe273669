//! The one error type of this crate.

use crate::TreeMistake;
use std::fmt;

/// Why something could not be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbingError {
    /// Stimuli that break the format or the design; every mistake with its line.
    #[error("{}", Listed(.mistakes))]
    Stimuli {
        /// In the order of their lines, never empty.
        mistakes: Vec<Mistake>,
    },
    /// Two inputs that have to agree in size do not.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// What was compared.
        what: &'static str,
        /// The size that was needed.
        expected: usize,
        /// The size that was given.
        found: usize,
    },
    /// An entry is NaN or infinite.
    #[error("the vector of context {context} holds {value}, not a finite number")]
    NotFinite {
        /// Its row, from 0.
        context: usize,
        /// The entry.
        value: f64,
    },
    /// An entry of a row is NaN or infinite, or so large that it becomes so.
    #[error("row {row} holds {value}, not a finite number")]
    RowNotFinite {
        /// The row, from 0.
        row: usize,
        /// The entry.
        value: f32,
    },
    /// Heads that make no tree.
    #[error("sentence {}, word {word}: {mistake}", .sentence + 1)]
    Tree {
        /// The sentence, from 0.
        sentence: usize,
        /// The word, from 1.
        word: usize,
        /// What is wrong with it.
        mistake: TreeMistake,
    },
    /// Whoever followed the progress said to stop.
    #[error("stopped")]
    Stopped,
    /// A task that no probe can be fitted to, or scored on.
    #[error("a probe needs {needed}, found {found}")]
    Task {
        /// What it needs, in words.
        needed: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A setting is out of its range.
    #[error("{name} = {value}: expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// The design leaves nothing to tell an effect from chance.
    #[error("the partition needs {needed}")]
    Design {
        /// What it needs, in words.
        needed: &'static str,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ProbingError>;

/// One mistake in a stimuli file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// More mistakes than this are counted, not listed.
const LISTED: usize = 5;

struct Listed<'a>(&'a [Mistake]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().take(LISTED).enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}line {}: {}", mistake.line, mistake.what)?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            1 => write!(f, "; and 1 more mistake"),
            more => write!(f, "; and {more} more mistakes"),
        }
    }
}
