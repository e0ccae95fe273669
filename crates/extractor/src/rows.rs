//! A row of states: a token, a word or a sentence, and its place in the text.

use serde::{Deserialize, Serialize};

/// The unit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A token of the model's vocabulary.
    Token,
    /// A word: an annotated word, or a pre-token, with its tokens pooled.
    Word,
    /// A text, pooled over all of its tokens.
    Sentence,
}

/// One row: a token, a word or a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The number of the text, counted from 0.
    pub sequence: usize,
    /// The label: its part of the text (after `##` if it continues a word), or the name of the token.
    pub label: String,
    /// The token id, if it is a token.
    pub token_id: Option<u32>,
    /// Start and end in the text, in characters; `[0, 0]` for special tokens, and for tokens without a
    /// character of the text.
    pub char_offsets: [usize; 2],
    /// The text of a pair, 0 or 1.
    pub text_id: usize,
    /// The number of the word in the text, counted from 0; none for special tokens and for tokens of
    /// white space alone.
    pub word_id: Option<u32>,
    /// Whether it is a special token of the tokenizer (`[CLS]`, `</s>`).
    pub special: bool,
    /// Whether it is the unknown token, which stands for letters that the vocabulary does not have; of a
    /// word, whether it has such a token.
    pub unknown: bool,
}
