//! Measures of a cloud of vectors: similarity, centred kernel alignment, anisotropy.
//!
//! Every function takes rows of f32, adds up in f64, and answers with a number that is never NaN
//! or with an error that says why there is none. Input is checked for NaN and infinity.
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
mod cka;
mod cosines;
mod dimension;
mod eigen;
mod error;
mod interval;
mod kernels;
mod neighbours;
mod parts;
mod products;
mod sample;
mod sentence;
mod similarity;
mod spectrum;
mod sums;
mod words;

pub use align::{Edit, align_words};
pub use anisotropy::anisotropy;
pub use attention::{HeadAttention, attention_heads, rollout};
pub use auc::{auc, percentiles};
pub use cka::{debiased_cka, linear_cka, rbf_cka};
pub use cosines::{RogueDimension, rogue_dimensions};
pub use dimension::TwoNn;
pub use error::{GeometryError, Result};
pub use interval::Interval;
pub use kernels::{CkaMap, cka_map};
pub use neighbours::{Moved, Neighbours};
pub use sample::{choose_occurrences, choose_rows, random_pairs};
pub use sentence::{
    cosine_to_sentence, curvature, identity_retention, intra_sentence_similarity, norms,
};
pub use similarity::{Metric, Reference, cosine, rowwise_cosine, similarity_matrix};
pub use spectrum::Spectrum;
pub use sums::{LayerSums, SpectrumIntervals};
pub use words::{ByWord, maximum_explainable_variance, self_similarity};
