//! Which measures there are: their names, what they are measured in, and what they say.

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
    /// The same minus the anisotropy.
    SelfSimilarityAdjusted,
    /// The mean cosine of a word with the mean of its sentence (Ethayarajh 2019).
    IntraSentenceSimilarity,
    /// The same minus the anisotropy.
    IntraSentenceSimilarityAdjusted,
    /// The share of the first direction in the occurrences of a form, not centred (Ethayarajh
    /// 2019).
    MaximumExplainableVariance,
    /// The same minus that share in all words.
    MaximumExplainableVarianceAdjusted,
    /// The mean Euclidean norm of a word.
    Norm,
    /// The share in the expected cosine of the dimension whose share is the largest (Timkey & van
    /// Schijndel 2021).
    RogueShare,
    /// The intrinsic dimension by TwoNN, regression (Facco et al. 2017).
    IntrinsicDimension,
    /// The same, maximum likelihood.
    IntrinsicDimensionLikelihood,
    /// The matrix entropy of the words as they are, Shannon's, in nats (Skean et al. 2025).
    MatrixEntropy,
    /// The matrix entropy over its most, min(log n, log d_model).
    RelativeEntropy,
    /// exp of the matrix entropy.
    EffectiveRank,
    /// The same of the words less their mean.
    CentredEffectiveRank,
    /// The mean angle between steps from word to word in a sentence, radians (Skean et al. 2025).
    Curvature,
    /// The share of words that are nearest to themselves among the layer-0 vectors of their
    /// sentence.
    IdentityRetention,
    /// The share of a word's nearest neighbours that it had at the layer before.
    NeighbourOverlap,
}

impl Measure {
    /// All of them, in the order in which they are shown.
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

    /// Its name, as JSON and CSV have it.
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

    /// What a figure calls it, and what its axis says.
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Anisotropy => ("anisotropy", "cosine"),
            Self::SelfSimilarity => ("self-similarity", "cosine"),
            Self::SelfSimilarityAdjusted => ("self-similarity, adjusted", "less anisotropy"),
            Self::IntraSentenceSimilarity => ("intra-sentence similarity", "cosine"),
            Self::IntraSentenceSimilarityAdjusted => {
                ("intra-sentence, adjusted", "less anisotropy")
            }
            Self::MaximumExplainableVariance => ("max. explainable variance", "share"),
            Self::MaximumExplainableVarianceAdjusted => {
                ("max. expl. variance, adjusted", "less that of all")
            }
            Self::Norm => ("norm", "Euclidean norm"),
            Self::RogueShare => ("largest dimension", "share of cosine"),
            Self::IntrinsicDimension => ("intrinsic dimension, TwoNN", "dimension"),
            Self::IntrinsicDimensionLikelihood => ("the same, likelihood", "dimension"),
            Self::MatrixEntropy => ("matrix entropy", "nats"),
            Self::RelativeEntropy => ("matrix entropy, relative", "share of most"),
            Self::EffectiveRank => ("effective rank", "directions"),
            Self::CentredEffectiveRank => ("effective rank, centred", "directions"),
            Self::Curvature => ("curvature", "radians"),
            Self::IdentityRetention => ("identity retention", "share of words"),
            Self::NeighbourOverlap => ("overlap with layer before", "share of 10 nearest"),
        }
    }
}
