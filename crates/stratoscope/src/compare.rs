//! Two sentences, one word in several contexts, minimal pairs and word-in-context pairs, by depth:
//! how far apart vectors are at every layer, beside what says whether that is much.

mod error;
mod homographs;
mod pairs;
mod places;
mod ruler;
mod sentences;
mod shown;
mod wic;
mod word;

pub use error::CompareError;
pub use pairs::{MinimalPair, PairsComparison, PairsLayer, parse_minimal_pairs};
pub use sentences::{AlignedWord, EditKind, SentenceComparison, SentenceLayer, WordDistance};
pub use wic::{WicComparison, WicLayer, WicPair, parse_wic};
pub use word::{WordComparison, WordContext, WordLayer, WordPair};

use crate::profile::TOOL;
use crate::{LeftOut, Metric, Pooling, Result};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use stratoscope_extractor::Origin;
use stratoscope_loader::hexadecimal;

/// How vectors are made and compared.
#[derive(Debug, Clone, Serialize)]
pub struct CompareSettings {
    /// What a distance is: 1 − cosine, after centring or standardising by the words of the built-in
    /// sentences where that is asked for, or Euclidean.
    #[serde(serialize_with = "crate::numbers::metric_name")]
    pub metric: Metric,
    /// How the sub-words of a word become one vector.
    #[serde(serialize_with = "pooling_name")]
    pub pooling: Pooling,
    /// The seed of the bootstrap and of the random words.
    pub seed: u64,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self { metric: Metric::Cosine, pooling: Pooling::Mean, seed: 0 }
    }
}

fn pooling_name<S: Serializer>(pooling: &Pooling, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match pooling {
        Pooling::First => "first",
        Pooling::Last => "last",
        Pooling::Mean => "mean",
        Pooling::Max => "max",
    })
}

/// What was compared, by layer, and what it was compared with. As JSON one object.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The name of the format, `stratoscope.compare`.
    pub schema: &'static str,
    /// Its version.
    pub version: u32,
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// How vectors were made and compared.
    pub settings: CompareSettings,
    /// What was found.
    #[serde(flatten)]
    pub found: Compared,
    /// What is not there, and why.
    pub left_out: Vec<LeftOut>,
}

/// What was found, by what was asked.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "comparison", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compared {
    /// Two sentences, word by word.
    Sentences(SentenceComparison),
    /// One word in several contexts.
    Word(WordComparison),
    /// Minimal pairs.
    Pairs(PairsComparison),
    /// Word-in-context pairs with labels.
    Wic(WicComparison),
}

/// How far apart two words of unrelated sentences are at a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RandomWords {
    /// The median distance.
    pub median: f64,
    /// 5 % are nearer.
    pub low: f64,
    /// 5 % are farther apart.
    pub high: f64,
    /// How many pairs.
    pub n: usize,
}

impl Comparison {
    fn new(
        model: Origin,
        settings: &CompareSettings,
        found: Compared,
        left_out: Vec<LeftOut>,
    ) -> Self {
        Self {
            schema: "stratoscope.compare",
            version: 1,
            tool: TOOL.to_owned(),
            model,
            settings: settings.clone(),
            found,
            left_out,
        }
    }

    /// Eight hexadecimal digits of what was found and how.
    ///
    /// # Errors
    /// None with what this crate makes; numbers that cannot be written as JSON.
    pub fn hash8(&self) -> Result<String> {
        Ok(hexadecimal(&Sha256::digest(serde_json::to_vec(self)?)[..4]))
    }
}

/// Something that is not there.
fn left_out(name: &'static str, reason: impl Into<String>) -> LeftOut {
    LeftOut { name, reason: reason.into() }
}

/// `1 word`, `2 words`.
fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}
