//! Two sentences of a comparison, word by word.

use serde::{Deserialize, Serialize};

/// Two sentences of a comparison, word by word. The means by layer are the chart `compare`; the rows of
/// the chart `words` are the steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// The smallest number of edits from the first to the second sentence, in order.
    pub steps: Vec<OverlayStep>,
    /// `[layers]`: the median distance of one word in two unrelated sentences.
    pub same_word: Vec<f64>,
    /// `[layers]`: the median distance of two random words of unrelated sentences.
    pub random: Vec<f64>,
    /// The step of the kept content word that moves most, and the layer at which it does.
    pub moved: Option<[usize; 2]>,
}

/// One step of the alignment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OverlayStep {
    /// `kept`, `replaced`, `deleted` (only the first sentence has the word) or `inserted`.
    pub edit: String,
    /// The word of each sentence.
    pub words: [Option<String>; 2],
    /// The first token of the word in each exploration; none if the tokenizer has no token for it.
    pub tokens: [Option<usize>; 2],
    /// Whether it is a content word.
    pub content: bool,
    /// The first layer at which a kept word differs.
    pub begins: Option<usize>,
    /// For a kept content word, the layer at which its nearest words in other sentences part.
    pub parts: Option<usize>,
    /// `[layers]`: the distance of the two words; none if one of them has no token.
    pub distances: Vec<Option<f64>>,
}
