//! Measures of a cloud of vectors: by layer, between layers and between models.
//!
//! - Similarity: [`similarity_matrix`], [`rowwise_cosine`], [`anisotropy`], [`self_similarity`],
//!   [`cosine_to_sentence`], [`rogue_dimensions`].
//! - Shape: [`Spectrum`] (matrix entropy, effective rank), [`maximum_explainable_variance`],
//!   [`Neighbours::intrinsic_dimension`] (TwoNN), [`curvature`], [`norms`].
//! - Between layers: [`linear_cka`], [`debiased_cka`], [`rbf_cka`], and all pairs of layers with
//!   intervals in [`cka_map`]; [`rsa`] and [`rsa_map`]; [`Neighbours::overlap`],
//!   [`Neighbours::changes`], [`identity_retention`].
//! - Attention: [`attention_heads`], [`rollout`].
//! - Two classes: [`separation`] by the difference of their means.
//! - Two sentences: [`align_words`], [`percentiles`] among [`random_pairs`], [`auc`].
//!
//! [`LayerSums`] streams a corpus of any length for the measures that read each word once. Measures
//! of pairs take a sample of rows ([`choose_rows`], [`choose_occurrences`]). Every mean is an
//! [`Estimate`]. Means over sentences have a bootstrap interval. A resample with replacement contains
//! points that coincide, which biases measures of pairs, neighbours and spectra: their intervals are
//! by [`jackknife`] or subsampling.
//!
//! Every function takes rows of f32 and computes in f64. It returns numbers that are never NaN, or
//! an error with the reason. Input is checked for NaN and infinity. No result depends on the number
//! of threads.
//!
//! ```
//! use ndarray::array;
//! use stratoscope_geometry::{Metric, similarity_matrix};
//!
//! let x = array![[1.0f32, 0.0], [1.0, 1.0]];
//! let cosines = similarity_matrix(x.view(), Metric::Cosine, None)?;
//! assert!((cosines[[0, 1]] - 0.5f64.sqrt()).abs() < 1e-12);
//! # Ok::<(), stratoscope_geometry::GeometryError>(())
//! ```

mod align;
mod anisotropy;
mod attention;
mod auc;
mod bootstrap;
mod centred;
mod checks;
mod cka;
mod cka_map;
mod dimension;
mod direction;
mod error;
mod gram;
mod groups;
mod jackknife;
mod neighbours;
mod rogue_dimensions;
mod rsa;
mod sample;
mod sentence;
mod similarity;
mod spectrum;
mod streaming;
mod word_types;

pub use align::{Edit, align_words};
pub use anisotropy::anisotropy;
pub use attention::{HeadAttention, attention_heads, rollout};
pub use auc::{auc, auc_by_group, auc_within, percentiles};
pub use bootstrap::grouped_mean;
pub use cka::{debiased_cka, linear_cka, rbf_cka};
pub use cka_map::{CkaMap, cka_map};
pub use dimension::TwoNn;
pub use direction::{FOLDS, Separation, Sides, separation};
pub use error::{GeometryError, Result};
pub use jackknife::jackknife;
pub use neighbours::{NeighbourChange, Neighbours};
pub use rogue_dimensions::{RogueDimension, rogue_dimensions};
pub use rsa::{Dissimilarity, RSA_MAX_ITEMS, rsa, rsa_map};
pub use sample::{choose_occurrences, choose_rows, random_pairs};
pub use sentence::{
    cosine_to_sentence, curvature, identity_retention, intra_sentence_similarity, norms,
};
pub use similarity::{Metric, Reference, cosine, rowwise_cosine, similarity_matrix, similarity_to};
pub use spectrum::Spectrum;
pub use stratoscope_numerics::{Estimate, MIN_UNITS};
pub use streaming::{LayerSums, SpectrumEstimates};
pub use word_types::{ByWord, maximum_explainable_variance, self_similarity};
