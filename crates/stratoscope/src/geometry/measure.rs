//! The measures of one layer: their names and units.

use serde::Serialize;

/// A measure of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// The mean cosine of words from different sentences (Ethayarajh 2019): the baseline.
    Anisotropy,
    /// The mean cosine of occurrences of one word form, mean over forms (Ethayarajh 2019).
    SelfSimilarity,
    /// The self-similarity minus the anisotropy.
    SelfSimilarityAdjusted,
    /// The mean cosine of a word with the mean of its sentence (Ethayarajh 2019).
    IntraSentenceSimilarity,
    /// The intra-sentence similarity minus the anisotropy.
    IntraSentenceSimilarityAdjusted,
    /// The share of the first direction in the occurrences of a form, not centred (Ethayarajh
    /// 2019).
    MaximumExplainableVariance,
    /// The maximum explainable variance minus the share of the first direction in all words.
    MaximumExplainableVarianceAdjusted,
    /// The mean Euclidean norm of a word.
    Norm,
    /// The share in the expected cosine of the dimension whose share is the largest (Timkey & van
    /// Schijndel 2021).
    RogueShare,
    /// The intrinsic dimension by TwoNN, regression (Facco et al. 2017).
    IntrinsicDimension,
    /// The intrinsic dimension by TwoNN, maximum likelihood.
    IntrinsicDimensionLikelihood,
    /// The matrix entropy of the words as they are, Shannon's, in nats (Skean et al. 2025).
    MatrixEntropy,
    /// The matrix entropy divided by its maximum, min(log n, log d_model).
    RelativeEntropy,
    /// exp of the matrix entropy.
    EffectiveRank,
    /// exp of the matrix entropy of the words minus their mean.
    CentredEffectiveRank,
    /// The mean angle between steps from word to word in a sentence, radians (Skean et al. 2025).
    Curvature,
    /// The share of words that are nearest to themselves among the layer-0 vectors of their
    /// sentence.
    IdentityRetention,
    /// The share of a word's nearest neighbours that were its neighbours at the layer before.
    NeighbourOverlap,
}

impl Measure {
    /// All measures, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Self::Anisotropy,
        Self::SelfSimilarity,
        Self::SelfSimilarityAdjusted,
        Self::IntraSentenceSimilarity,
        Self::IntraSentenceSimilarityAdjusted,
        Self::MaximumExplainableVariance,
        Self::MaximumExplainableVarianceAdjusted,
        Self::Norm,
        Self::RogueShare,
        Self::IntrinsicDimension,
        Self::IntrinsicDimensionLikelihood,
        Self::MatrixEntropy,
        Self::RelativeEntropy,
        Self::EffectiveRank,
        Self::CentredEffectiveRank,
        Self::Curvature,
        Self::IdentityRetention,
        Self::NeighbourOverlap,
    ];

    /// The name in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anisotropy => "anisotropy",
            Self::SelfSimilarity => "self_similarity",
            Self::SelfSimilarityAdjusted => "self_similarity_adjusted",
            Self::IntraSentenceSimilarity => "intra_sentence_similarity",
            Self::IntraSentenceSimilarityAdjusted => "intra_sentence_similarity_adjusted",
            Self::MaximumExplainableVariance => "maximum_explainable_variance",
            Self::MaximumExplainableVarianceAdjusted => "maximum_explainable_variance_adjusted",
            Self::Norm => "norm",
            Self::RogueShare => "rogue_share",
            Self::IntrinsicDimension => "intrinsic_dimension",
            Self::IntrinsicDimensionLikelihood => "intrinsic_dimension_likelihood",
            Self::MatrixEntropy => "matrix_entropy",
            Self::RelativeEntropy => "relative_entropy",
            Self::EffectiveRank => "effective_rank",
            Self::CentredEffectiveRank => "centred_effective_rank",
            Self::Curvature => "curvature",
            Self::IdentityRetention => "identity_retention",
            Self::NeighbourOverlap => "neighbour_overlap",
        }
    }

    /// The title of its panel, and the label of the axis.
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Anisotropy => ("anisotropy", "cosine"),
            Self::SelfSimilarity => ("self-similarity", "cosine"),
            Self::SelfSimilarityAdjusted => ("self-similarity, adjusted", "minus anisotropy"),
            Self::IntraSentenceSimilarity => ("intra-sentence similarity", "cosine"),
            Self::IntraSentenceSimilarityAdjusted => {
                ("intra-sentence, adjusted", "minus anisotropy")
            }
            Self::MaximumExplainableVariance => ("max. explainable variance", "share"),
            Self::MaximumExplainableVarianceAdjusted => {
                ("max. expl. variance, adjusted", "minus that of all words")
            }
            Self::Norm => ("norm", "Euclidean norm"),
            Self::RogueShare => ("largest dimension", "share of cosine"),
            Self::IntrinsicDimension => ("intrinsic dimension, TwoNN", "dimension"),
            Self::IntrinsicDimensionLikelihood => {
                ("intrinsic dimension, TwoNN likelihood", "dimension")
            }
            Self::MatrixEntropy => ("matrix entropy", "nats"),
            Self::RelativeEntropy => ("matrix entropy, relative", "share of maximum"),
            Self::EffectiveRank => ("effective rank", "directions"),
            Self::CentredEffectiveRank => ("effective rank, centred", "directions"),
            Self::Curvature => ("curvature", "radians"),
            Self::IdentityRetention => ("identity retention", "share of words"),
            Self::NeighbourOverlap => ("overlap with layer before", "share of 10 nearest"),
        }
    }
}
