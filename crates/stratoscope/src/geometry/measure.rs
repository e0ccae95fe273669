//! The measures of one layer: a table of their names, titles and units.

use serde::Serialize;

/// Makes the enum from the table: documentation, variant, the name in JSON and CSV, the title of the
/// panel, and the label of its vertical axis.
macro_rules! measures {
    ($($(#[$doc:meta])+ $measure:ident: $name:literal, $title:literal, $unit:literal;)+) => {
        /// A measure of one layer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Measure {
            $($(#[$doc])+ $measure,)+
        }

        impl Measure {
            /// All measures, in the order in which they are shown.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$measure),+];

            /// The name in JSON and CSV.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$measure => $name,)+
                }
            }

            /// The title of its panel, and the label of the vertical axis.
            pub fn title(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$measure => ($title, $unit),)+
                }
            }
        }
    };
}

measures! {
    /// The mean cosine of words from different sentences (Ethayarajh 2019): the baseline.
    Anisotropy: "anisotropy", "anisotropy", "cosine";
    /// The mean cosine of occurrences of one word form, averaged over forms (Ethayarajh 2019).
    SelfSimilarity: "self_similarity", "self-similarity", "cosine";
    /// The self-similarity minus the anisotropy.
    SelfSimilarityAdjusted:
        "self_similarity_adjusted", "self-similarity, adjusted", "minus anisotropy";
    /// The mean cosine of a word with the mean of its sentence (Ethayarajh 2019).
    IntraSentenceSimilarity: "intra_sentence_similarity", "intra-sentence similarity", "cosine";
    /// The intra-sentence similarity minus the anisotropy.
    IntraSentenceSimilarityAdjusted:
        "intra_sentence_similarity_adjusted", "intra-sentence, adjusted", "minus anisotropy";
    /// The share of the first direction in the occurrences of a form, not centred (Ethayarajh
    /// 2019).
    MaximumExplainableVariance:
        "maximum_explainable_variance", "max. explainable variance", "share";
    /// The maximum explainable variance minus the share of the first direction in all words.
    MaximumExplainableVarianceAdjusted:
        "maximum_explainable_variance_adjusted",
        "max. expl. variance, adjusted",
        "minus that of all words";
    /// The mean Euclidean norm of a word.
    Norm: "norm", "norm", "Euclidean norm";
    /// The largest share of a single dimension in the expected cosine (Timkey & van Schijndel 2021).
    RogueShare: "rogue_share", "largest dimension", "share of cosine";
    /// The intrinsic dimension by TwoNN, regression (Facco et al. 2017).
    IntrinsicDimension: "intrinsic_dimension", "intrinsic dimension, TwoNN", "dimension";
    /// The intrinsic dimension by TwoNN, maximum likelihood.
    IntrinsicDimensionLikelihood:
        "intrinsic_dimension_likelihood", "intrinsic dimension, TwoNN likelihood", "dimension";
    /// Shannon's matrix entropy of the words, not centred, in nats (Skean et al. 2025).
    MatrixEntropy: "matrix_entropy", "matrix entropy", "nats";
    /// The matrix entropy divided by its maximum, min(log n, log d_model).
    RelativeEntropy: "relative_entropy", "matrix entropy, relative", "share of maximum";
    /// exp of the matrix entropy.
    EffectiveRank: "effective_rank", "effective rank", "directions";
    /// exp of the matrix entropy of the words minus their mean.
    CentredEffectiveRank: "centred_effective_rank", "effective rank, centred", "directions";
    /// The mean angle between steps from word to word in a sentence, in radians (Skean et al. 2025).
    Curvature: "curvature", "curvature", "radians";
    /// The share of words whose nearest vector among the layer-0 vectors of their sentence is their
    /// own.
    IdentityRetention: "identity_retention", "identity retention", "share of words";
    /// The share of a word's nearest neighbours that were its neighbours at the layer before.
    NeighbourOverlap: "neighbour_overlap", "overlap with layer before", "share of 10 nearest";
}
