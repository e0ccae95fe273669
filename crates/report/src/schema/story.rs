//! What depth does in the model, and what it does to the words of the text: the first screen of the
//! page.

use super::Estimate;
use serde::{Deserialize, Serialize};

/// What changes with depth in the model, measured on a reference bank of annotated sentences.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// One or two sentences that are generated from the numbers; empty if nothing was measured.
    #[serde(default)]
    pub headline: Vec<String>,
    /// Why nothing was measured, and which command measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// The sentences that the curves were measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<BankAbout>,
    /// The curves, by layer of the model, in rising order; empty if nothing was measured.
    #[serde(default)]
    pub layers: Vec<StoryLayer>,
    /// The same curves of the model with random weights, by layer; empty if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub random_weights: Vec<StoryLayer>,
}

/// A bank of annotated sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAbout {
    /// Its name.
    pub name: String,
    /// The sha256 of its content.
    pub sha256: String,
    /// The number of its sentences.
    pub sentences: usize,
    /// The number of words that were compared.
    pub words: usize,
}

/// The curves at one layer, as shares of the nearest words in context above chance:
/// `(share − expected share) / (1 − expected share)`, so that 0 is chance and 1 is always.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoryLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// Neighbours in other sentences that have the word's syntactic relation.
    pub grammar: Option<ByClass>,
    /// Neighbours in other sentences that have the word's supersense.
    pub word_meaning: Option<ByClass>,
    /// Neighbours in the word's own sentence, as a share of the most that are possible.
    pub sentence: Option<Estimate>,
}

/// The mean over nouns and verbs, and the values of both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ByClass {
    /// The mean of the two classes.
    pub value: f64,
    /// The low and the high end of its 95 % interval; none where there is nothing to resample.
    pub interval: Option<[f64; 2]>,
    /// The number of words.
    pub n: usize,
    /// Of nouns.
    pub nouns: Option<Estimate>,
    /// Of verbs.
    pub verbs: Option<Estimate>,
}

/// The nearest words in context of some words of the text, by layer, in the full space.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Journeys {
    /// The words in context that are shown; everywhere else, one is its index in this list.
    pub occurrences: Vec<Occurrence>,
    /// The words of the text, in its order.
    pub words: Vec<Journey>,
    /// The supersenses that are shown, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senses: Vec<Sense>,
    /// The word whose neighbours change most, as an index of `words`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<usize>,
}

/// A word in a sentence of the bank or of the built-in stimuli.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// A few words before it and the space, with `…` where the sentence is cut.
    pub before: String,
    /// The word.
    pub word: String,
    /// The space and a few words after it, with `…` where the sentence is cut.
    pub after: String,
    /// Its lemma.
    pub lemma: String,
    /// Its part of speech, as in Universal Dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upos: Option<String>,
    /// Its syntactic relation, without the subtype.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// Its supersense, such as `n.GROUP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersense: Option<String>,
}

/// A supersense in plain words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sense {
    /// The label, such as `n.NATURALOBJECT`.
    pub label: String,
    /// Its name for readers, such as `natural object`.
    pub name: String,
}

/// A word of the text, and its neighbours by layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Its tokens, as indices of the exploration's `tokens`.
    pub tokens: Vec<usize>,
    /// The word as the text has it.
    pub word: String,
    /// Which of the occurrences of the word in its text it is, from 1; none if the text has it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<usize>,
    /// How often the word occurs in other sentences. Few occurrences are not searched.
    pub occurrences_of_word: usize,
    /// `[layers]` of the exploration.
    pub layers: Vec<JourneyLayer>,
}

/// The neighbours of a word at one layer, nearest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JourneyLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The nearest occurrences of the same word, each in another sentence.
    pub same_word: Vec<Neighbour>,
    /// The nearest other words, each lemma once.
    pub other_words: Vec<Neighbour>,
    /// The syntactic relation that most of the ten nearest occurrences of the same word have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Majority>,
    /// The supersense that most of the ten nearest occurrences of the same word have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersense: Option<Majority>,
    /// The syntactic relation that most of the ten nearest other words have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_relation: Option<Majority>,
    /// The supersense that most of the ten nearest other words have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_supersense: Option<Majority>,
}

/// A word in context that is near.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its index in `occurrences`.
    pub occurrence: usize,
    /// The cosine of the standardised states.
    pub similarity: f64,
}

/// A label that most neighbours share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Majority {
    /// The label.
    pub label: String,
    /// The number of neighbours that have it.
    pub count: usize,
    /// The number of neighbours that have a label of this kind.
    pub of: usize,
}
