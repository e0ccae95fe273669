//! The result of a comparison of pairs of texts by layer.

use crate::analysis::ModelFile;
use crate::serial;
use serde::Serialize;
use stratoscope_extractor::Origin;
use stratoscope_geometry::{Estimate, Metric};
use stratoscope_loader::Pooling;

/// A way to make the vector of a text, and to compare two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The pooling of the tokens.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// The metric.
    #[serde(serialize_with = "serial::metric")]
    pub metric: Metric,
}

/// How well similarities of texts agree with the scores of people, or find relevant texts, by layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The program that computed it.
    pub tool: String,
    /// The model.
    pub model: Origin,
    /// The files from which the model was loaded.
    pub files: Vec<ModelFile>,
    /// The data.
    pub data: Data,
    /// The layers.
    pub layers: Vec<LayerReport>,
    /// The layer that was chosen on one half of the pairs, and what it gives on the other; none for too
    /// few pairs.
    pub choice: Option<Choice>,
    /// The scores of each set that the file names, by layer, with the pooling and the metric of the
    /// options.
    pub sets: Vec<SetReport>,
}

/// The data and the settings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Data {
    /// The file; none for pairs from memory.
    pub file: Option<ModelFile>,
    /// The name of the data.
    pub name: String,
    /// `scores`, or `retrieval`.
    pub task: &'static str,
    /// The number of pairs with scores, or of queries.
    pub n: usize,
    /// The number of different texts.
    pub texts: usize,
    /// The number of candidates of a retrieval task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<usize>,
    /// The pooling of the scores in [`Report::layers`].
    pub pooling: &'static str,
    /// The metric of the scores in [`Report::layers`].
    pub metric: &'static str,
    /// The seed of the halves and of the intervals.
    pub seed: u64,
}

/// The scores of one layer.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The scores with the pooling and the metric of the options.
    #[serde(flatten)]
    pub scores: Scores,
    /// The main score of every pooling and metric: Spearman's correlation, or the mean reciprocal rank.
    pub ways: Vec<WayScore>,
}

/// The scores of one layer, pooling and metric.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Scores {
    /// Of pairs with scores.
    Scored {
        /// Spearman's correlation of similarity and score, −1 to 1.
        spearman: Option<Estimate>,
        /// This correlation given the numbers of tokens of both texts: Spearman's partial correlation.
        spearman_given_lengths: Option<Estimate>,
    },
    /// Of queries.
    Retrieval {
        /// The mean of 1 / rank of the first relevant text.
        reciprocal_rank: Option<Estimate>,
        /// The share of relevant texts among the nearest 1, 5 and 10 candidates.
        recall_at_1: Option<Estimate>,
        /// Among the nearest 5.
        recall_at_5: Option<Estimate>,
        /// Among the nearest 10.
        recall_at_10: Option<Estimate>,
    },
}

impl Scores {
    /// The main score: Spearman's correlation, or the mean reciprocal rank.
    pub fn main(&self) -> Option<Estimate> {
        match self {
            Self::Scored { spearman, .. } => *spearman,
            Self::Retrieval { reciprocal_rank, .. } => *reciprocal_rank,
        }
    }
}

/// The main score of a pooling and a metric.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WayScore {
    /// The pooling.
    #[serde(serialize_with = "serial::pooling")]
    pub pooling: Pooling,
    /// The metric.
    #[serde(serialize_with = "serial::metric")]
    pub metric: Metric,
    /// The score; none where it is not defined.
    pub score: Option<Estimate>,
}

/// The choice of a layer, a pooling and a metric.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// What is best on one half.
    pub chosen: Way,
    /// What is best of the last layer on that half.
    pub last: Way,
    /// The number of pairs or queries on which the choice was made.
    pub chosen_on: usize,
    /// The number of the others, over which the scores here are computed.
    pub reported_on: usize,
    /// The score of the choice on the other half.
    pub score: Estimate,
    /// The score of the last layer on the other half.
    pub score_of_last: Estimate,
    /// The difference of both, with the interval of paired resamples.
    pub gain: Estimate,
}

/// The scores of one set.
#[derive(Debug, Clone, Serialize)]
pub struct SetReport {
    /// The name.
    pub set: String,
    /// The number of pairs.
    pub n: usize,
    /// `[layers]`: Spearman's correlation, with the pooling and the metric of the options.
    pub spearman: Vec<Option<Estimate>>,
}
