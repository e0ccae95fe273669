//! The errors of `compare`.

use stratoscope_loader::ErrorKind;

/// An error in the input of a comparison.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A text has no word.
    #[error("{place} has no word: {text:?}")]
    NoWords {
        /// The text, or its line.
        place: String,
        /// The beginning of the text.
        text: String,
    },
    /// The tokenizer has no token for any word of a text, or for the word to compare.
    #[error("{place}: the model's tokenizer has no token for {what}: {text:?}")]
    NoToken {
        /// The text, or its line.
        place: String,
        /// The word or words without a token.
        what: String,
        /// The beginning of the text.
        text: String,
    },
    /// The word is not in a text.
    #[error("{word:?} is not in {place}, whose words are: {words}")]
    NoSuchWord {
        /// The word.
        word: String,
        /// The text.
        place: String,
        /// The words of the text, cut to one line.
        words: String,
    },
    /// The word has fewer occurrences in a text.
    #[error("{word:?} occurs {found} × in {place}, so there is no {word}#{asked}")]
    NoSuchOccurrence {
        /// The word.
        word: String,
        /// The text.
        place: String,
        /// The number of the occurrence, from 1.
        asked: usize,
        /// The number of occurrences in the text.
        found: usize,
    },
    /// `#` is not followed by a number of at least 1.
    #[error("{word:?}: write the number of the occurrence after #, from 1 (bank#2)")]
    NotAnOccurrence {
        /// The argument.
        word: String,
    },
    /// The number of words does not fit the number of texts.
    #[error(
        "{texts} texts and {words} words: give two or more texts, and one word for all texts or one word for each text"
    )]
    Contexts {
        /// The number of texts.
        texts: usize,
        /// The number of words.
        words: usize,
    },
    /// There are too many contexts to compare all pairs.
    #[error("{found} contexts are too many to compare all pairs; give at most {max}")]
    TooManyContexts {
        /// The number of contexts.
        found: usize,
        /// The largest number.
        max: usize,
    },
    /// An occurrence of a word is given twice.
    #[error("contexts {first} and {second} are the same occurrence of {word:?} in the same text")]
    SameContext {
        /// The word.
        word: String,
        /// The first context, counted from 1.
        first: usize,
        /// The second context.
        second: usize,
    },
    /// The sentences of a minimal pair are equal.
    #[error("{place}, line {line}: the two sentences are equal: {text:?}")]
    SameSentences {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The beginning of the sentence.
        text: String,
    },
    /// A file of word-in-context pairs lacks a required column.
    #[error(
        "{place} has no column {column:?}; the required columns, separated by tabs and named in the first line, are: same start1 end1 start2 end2 sentence1 sentence2"
    )]
    NoColumn {
        /// The file.
        place: String,
        /// The column.
        column: &'static str,
    },
    /// A line has more or fewer fields than there are columns.
    #[error("{place}, line {line}: {found} fields separated by tabs, expected {expected}")]
    Fields {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The number of fields.
        found: usize,
        /// The number of columns.
        expected: usize,
    },
    /// A field has a value that its column does not allow.
    #[error("{place}, line {line}: {column} is {value:?}, expected {expected}")]
    Field {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// The value of the field.
        value: String,
        /// The values that the column allows, in words.
        expected: &'static str,
    },
    /// The place of the word is outside the sentence.
    #[error(
        "{place}, line {line}: characters {start} to {end} are outside {column}, which has {length} characters"
    )]
    Outside {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// The column of the sentence.
        column: &'static str,
        /// The first character of the word, from 0.
        start: usize,
        /// The character after the last.
        end: usize,
        /// The number of characters of the sentence.
        length: usize,
    },
    /// All pairs are of the same sense, or none is.
    #[error(
        "the AUC is not defined: of {pairs} pairs in {place}, {same} are of the same sense and {different} of another; it needs both kinds"
    )]
    OneKind {
        /// The file.
        place: String,
        /// The number of pairs that have vectors.
        pairs: usize,
        /// The number of pairs of the same sense.
        same: usize,
        /// The number of pairs of two senses.
        different: usize,
    },
}

impl CompareError {
    /// The kind of error.
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
