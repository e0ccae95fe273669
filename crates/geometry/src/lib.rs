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

mod anisotropy;
mod cka;
mod error;
mod interval;
mod sentence;
mod similarity;

pub use anisotropy::anisotropy;
pub use cka::{debiased_cka, linear_cka, rbf_cka};
pub use error::{GeometryError, Result};
pub use interval::Interval;
pub use sentence::{identity_retention, intra_sentence_similarity, norms};
pub use similarity::{Metric, Reference, cosine, rowwise_cosine, similarity_matrix};
