//! Measures of a cloud of vectors, by layer, between layers and between models.
//!
//! - Likeness: [`similarity_matrix`], [`rowwise_cosine`], [`anisotropy`], [`self_similarity`],
//!   [`cosine_to_sentence`], [`rogue_dimensions`].
//! - Shape: [`Spectrum`] (matrix entropy, effective rank), [`maximum_explainable_variance`],
//!   [`Neighbours::intrinsic_dimension`] (TwoNN), [`curvature`], [`norms`].
//! - Layer against layer: [`linear_cka`], [`debiased_cka`], [`rbf_cka`], all pairs with intervals
//!   in [`cka_map`]; [`Neighbours::overlap`], [`Neighbours::moved`], [`identity_retention`].
//! - Attention: [`attention_heads`], [`rollout`].
//! - Two sentences: [`align_words`], [`percentiles`] among [`random_pairs`], [`auc`].
//!
//! A corpus of any length passes through [`LayerSums`], which holds what needs no word twice; the
//! measures of pairs take a sample ([`choose_rows`], [`choose_occurrences`]), whose interval says
//! what it leaves open. Every mean comes as an [`Interval`].
//!
//! Every function takes rows of f32, adds up in f64, and answers with a number that is never NaN
//! or with an error that says why there is none. Input is checked for NaN and infinity. No result
//! depends on the number of threads.
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
mod cka_map;
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
pub use auc::{auc, auc_by_group, percentiles};
pub use cka::{debiased_cka, linear_cka, rbf_cka};
pub use cka_map::{CkaMap, cka_map};
pub use cosines::{RogueDimension, rogue_dimensions};
pub use dimension::TwoNn;
pub use error::{GeometryError, Result};
pub use interval::Interval;
pub use neighbours::{Moved, Neighbours};
pub use sample::{choose_occurrences, choose_rows, random_pairs};
pub use sentence::{
    cosine_to_sentence, curvature, identity_retention, intra_sentence_similarity, norms,
};
pub use similarity::{Metric, Reference, cosine, rowwise_cosine, similarity_matrix};
pub use spectrum::Spectrum;
pub use sums::{LayerSums, SpectrumIntervals};
pub use words::{ByWord, maximum_explainable_variance, self_similarity};
