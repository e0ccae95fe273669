//! What can be wrong with what is to be compared, with the evidence.

use stratoscope_loader::ErrorKind;

/// What can be wrong with what is to be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A text without a word.
    #[error("{place} has no word: {text:?}")]
    NoWords {
        /// Which text, or where it stands.
        place: String,
        /// Its beginning.
        text: String,
    },
    /// No token stands for any word of a text, or for the one that is asked about.
    #[error("{place}: the model's tokenizer has no token for {what}: {text:?}")]
    NoToken {
        /// Which text, or where it stands.
        place: String,
        /// What has none.
        what: String,
        /// The beginning of the text.
        text: String,
    },
    /// A word that a text does not have.
    #[error("{word:?} is not in {place}, whose words are: {words}")]
    NoSuchWord {
        /// The word.
        word: String,
        /// Which text.
        place: String,
        /// Its words, as many as a line takes.
        words: String,
    },
    /// An occurrence that a text does not have.
    #[error("{word:?} occurs {found} × in {place}; there is no {word}#{asked}")]
    NoSuchOccurrence {
        /// The word.
        word: String,
        /// Which text.
        place: String,
        /// The occurrence asked for, from 1.
        asked: usize,
        /// How many there are.
        found: usize,
    },
    /// A number after `#` that counts nothing.
    #[error("{word:?}: after # comes which occurrence is meant, from 1 (bank#2)")]
    NotAnOccurrence {
        /// What was given.
        word: String,
    },
    /// Texts and words that cannot be put together.
    #[error(
        "{texts} texts and {words} words make no contexts: give two texts or more and one word for all of them, or a word for each"
    )]
    Contexts {
        /// Texts given.
        texts: usize,
        /// Words given.
        words: usize,
    },
    /// More contexts than can be compared pair by pair.
    #[error("{found} contexts are too many to be compared pair by pair; give at most {most}")]
    TooManyContexts {
        /// Contexts given.
        found: usize,
        /// The most.
        most: usize,
    },
    /// The same occurrence of a word twice.
    #[error("contexts {first} and {second} are the same occurrence of {word:?} in the same text")]
    SameContext {
        /// The word.
        word: String,
        /// One, from 1.
        first: usize,
        /// The other.
        second: usize,
    },
    /// Two sentences that were to differ, and do not.
    #[error("{place}, line {line}: both sentences are the same: {text:?}")]
    SameSentences {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The sentence's beginning.
        text: String,
    },
    /// A file of word-in-context pairs without a column that is needed.
    #[error(
        "{place} has no column {column:?}; needed are, in any order with tabs between and named by the first line: same start1 end1 start2 end2 sentence1 sentence2"
    )]
    NoColumn {
        /// The file.
        place: String,
        /// The column.
        column: &'static str,
    },
    /// A line with more or fewer fields than there are columns.
    #[error("{place}, line {line}: {found} fields with tabs between, expected {expected}")]
    Fields {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// Fields found.
        found: usize,
        /// Columns.
        expected: usize,
    },
    /// A field that is not what its column holds.
    #[error("{place}, line {line}: {column} is {value:?}, expected {expected}")]
    Field {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there, in words.
        expected: &'static str,
    },
    /// A place that is not in its sentence.
    #[error(
        "{place}, line {line}: characters {start} to {end} are not in {column}, which has {length}"
    )]
    Outside {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The sentence's column.
        column: &'static str,
        /// The first character, from 0.
        start: usize,
        /// The one after the last.
        end: usize,
        /// Characters of the sentence.
        length: usize,
    },
    /// Pairs of one kind, between which nothing can be told apart.
    #[error(
        "the AUC is not defined: of {pairs} pairs in {place} {same} are of the same sense and {different} of another; it needs both kinds"
    )]
    OneKind {
        /// The file.
        place: String,
        /// Pairs that have vectors.
        pairs: usize,
        /// Of the same sense.
        same: usize,
        /// Of another.
        different: usize,
    },
}

impl CompareError {
    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Contexts { .. } | Self::NotAnOccurrence { .. } | Self::TooManyContexts { .. } => {
                ErrorKind::Usage
            }
            _ => ErrorKind::BadInput,
        }
    }
}

/// The beginning of a text, for a message.
pub(super) fn start_of(text: &str) -> String {
    const MAX: usize = 60;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
