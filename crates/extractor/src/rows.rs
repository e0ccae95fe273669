//! A row of states: a token, a word or a sentence, and its place in the text.

use serde::{Deserialize, Serialize};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A token of the model's vocabulary.
    Token,
    /// A word: the sub-words of one pre-token, pooled.
    Word,
    /// A text, pooled over all of its tokens.
    Sentence,
}

/// One row: a token, a word or a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its text, counted from 0.
    pub sequence: usize,
    /// How it is shown: the letters of the text that it covers (`##` before those that continue a
    /// word), or the token's name.
    pub label: String,
    /// Its token id, where it is a token.
    pub token_id: Option<u32>,
    /// Its place in the text, in characters; `[0, 0]` for special tokens.
    pub char_offsets: [usize; 2],
    /// Which text of a pair it stands in.
    pub text_id: usize,
    /// Its word, counted from 0 within the text.
    pub word_id: Option<u32>,
    /// Whether the tokenizer put it there (`[CLS]`, `</s>`), rather than the text.
    pub special: bool,
}
