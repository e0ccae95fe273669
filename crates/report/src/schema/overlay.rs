//! Two sentences of a comparison, word by word; one word in two contexts.

use serde::{Deserialize, Serialize};

/// Two sentences of a comparison, word by word. The means by layer are the chart `compare`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// The smallest number of edits from the first to the second sentence, in order.
    pub steps: Vec<OverlayStep>,
    /// `[layers]`: the median distance of one word in two unrelated sentences.
    pub same_word: Vec<f64>,
    /// `[layers]`: the median distance of two random words of unrelated sentences.
    pub random: Vec<f64>,
    /// The step of the kept content word that moves most, and the layer at which it does; of a word at
    /// another place, the step of the first sentence.
    pub moved: Option<[usize; 2]>,
    /// The content words that both sentences have at other places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaced: Vec<OverlayDisplaced>,
    /// Runs of steps that are folded: the first step, and the one after the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<[usize; 2]>,
}

/// A content word that both sentences have at other places.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OverlayDisplaced {
    /// The word, as the first sentence has it.
    pub word: String,
    /// The step of the first sentence that has it, and that of the second.
    pub steps: [usize; 2],
    /// The layer at which its nearest words in other sentences part.
    pub parts: Option<usize>,
    /// `[layers]`: the distance of its two occurrences; none if one of them has no token.
    pub distances: Vec<Option<f64>>,
}

/// One word in two contexts, which are the explorations. The chart `compare` has the share of the nearest
/// words that are the same in both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contexts {
    /// The word in each context.
    pub words: [String; 2],
    /// Its first token in each exploration.
    pub tokens: [usize; 2],
    /// Its place in each text, in characters.
    pub places: [[usize; 2]; 2],
    /// The layer at which the contexts part.
    pub parts: Option<usize>,
    /// `[layers]`: how many of the nearest words in other sentences are the same, and of how many.
    pub in_common: Vec<[usize; 2]>,
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
