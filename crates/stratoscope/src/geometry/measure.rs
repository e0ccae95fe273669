//! The measures of one layer, as a table of names, titles and units.

use serde::Serialize;

/// Makes the enum from a table: documentation, variant, name in JSON and CSV, title of the panel,
/// and label of the vertical axis.
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
            /// All measures, in display order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$measure),+];

            /// The name in JSON and CSV.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$measure => $name,)+
                }
            }

            /// The title of the panel, and the label of its vertical axis.
            pub fn title(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$measure => ($title, $unit),)+
                }
            }
        }
    };
}

measures! {
    /// The mean cosine of words from different sentences (Ethayarajh 2019). It is the baseline of
    /// similarities.
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
    /// The share of the first singular direction in the occurrences of a word form, not centred
    /// (Ethayarajh 2019).
    MaximumExplainableVariance:
        "maximum_explainable_variance", "max. explainable variance", "share";
    /// The maximum explainable variance minus the share of the first singular direction in all
    /// words.
    MaximumExplainableVarianceAdjusted:
        "maximum_explainable_variance_adjusted",
        "max. expl. variance, adjusted",
        "minus that of all words";
    /// The mean Euclidean norm of a word.
    Norm: "norm", "norm", "Euclidean norm";
    /// The largest share of a single dimension in the expected cosine (Timkey & van Schijndel
    /// 2021).
    RogueShare: "rogue_share", "largest dimension", "share of cosine";
    /// The intrinsic dimension by TwoNN with regression (Facco et al. 2017).
    IntrinsicDimension: "intrinsic_dimension", "intrinsic dimension, TwoNN", "dimension";
    /// The intrinsic dimension by TwoNN with maximum likelihood.
    IntrinsicDimensionLikelihood:
        "intrinsic_dimension_likelihood", "intrinsic dimension, TwoNN likelihood", "dimension";
    /// Shannon's matrix entropy of the words, not centred, in nats (Skean et al. 2025).
    MatrixEntropy: "matrix_entropy", "matrix entropy", "nats";
    /// The matrix entropy divided by its maximum, min(log n, log d_model).
    RelativeEntropy: "relative_entropy", "matrix entropy, relative", "share of maximum";
    /// The exponential of the matrix entropy.
    EffectiveRank: "effective_rank", "effective rank", "directions";
    /// The exponential of the matrix entropy after the mean of the words is subtracted.
    CentredEffectiveRank: "centred_effective_rank", "effective rank, centred", "directions";
    /// The mean angle between consecutive steps from word to word in a sentence, in radians (Skean
    /// et al. 2025).
    Curvature: "curvature", "curvature", "radians";
    /// The share of words whose own layer-0 vector is the nearest of the layer-0 vectors of their
    /// sentence.
    IdentityRetention: "identity_retention", "identity retention", "share of words";
    /// The share of the nearest neighbours of a word that were also its neighbours at the layer
    /// before.
    NeighbourOverlap: "neighbour_overlap", "overlap with layer before", "share of 10 nearest";
}
