//! PCA, t-SNE, random projection and Procrustes alignment behind linfa's traits.
//!
//! - [`Pca`]: exact, with the true share of variance and fixed signs; fit on some rows, then
//!   place all of them, or from the [`Moments`] of rows that are streamed.
//! - [`Tsne`]: a map of near neighbours that repeats to the byte for a seed; [`kl_divergence`]
//!   judges any such map exactly.
//! - [`random_projection`]: the control that tells structure from chance.
//! - [`procrustes`]: lays one map over another.
//! - [`trustworthiness`], [`continuity`]: how far a map can be trusted.
//!
//! Rows go in as f32 or f64 (`[n, d]`, one vector per row), maps come out as f64. Everything is
//! computed in f64, and no result depends on the number of threads. This crate knows nothing of
//! models or text.
//!
//! ```
//! use linfa::DatasetBase;
//! use linfa::traits::{Fit, Transformer};
//! use ndarray::{array, s};
//! use stratoscope_reducer::Pca;
//!
//! let x = array![[0.0f32, 0.0], [2.0, 1.0], [4.0, 2.0], [9.0, 9.0]];
//! // Fitted on three rows, the fourth is only placed.
//! let pca = Pca::params(2).fit(&DatasetBase::from(x.slice(s![..3, ..])))?;
//! assert_eq!(pca.components().nrows(), 1); // the three lie on a line
//! let scores = pca.transform(&x)?;
//! assert_eq!(scores.dim(), (4, 1));
//! # Ok::<(), stratoscope_reducer::ReducerError>(())
//! ```
//!
//! # Measured
//!
//! On two Xeon cores with AVX-512, shared with other work, on states of all-MiniLM-L6-v2 after
//! layer 4 over sentences of UD English EWT.
//!
//! PCA to 50 components, in seconds of processor time (two threads share them), the best of
//! eight runs that took turns with scikit-learn 1.9.1's default, which computes in f32:
//!
//! | rows | fit | scikit-learn |
//! | --- | --- | --- |
//! | 35,000 x 384 | 0.17-0.21 | 0.16-0.22 |
//! | 17,500 x 768 | 0.59-0.61 | 0.47-0.51 |
//!
//! Singular values differ from the full SVD in f64 by at most 2e-15 of the largest, components by
//! 2e-13. Half of the time at 768 dimensions is that of the eigenvectors.
//!
//! t-SNE, perplexity 30, one seed, exact divergence of both maps by [`kl_divergence`] (lower is
//! better), of states of the training part: 10,000 points of 50 dimensions 1.259, where openTSNE
//! 1.0.4 leaves 1.366; 2,000 points 1.001 and 1.053.

mod checks;
mod distance;
mod error;
mod linalg;
mod moments;
mod pca;
mod procrustes;
mod random;
mod trust;
mod tsne;

pub use error::{ReducerError, Result};
pub use moments::Moments;
pub use pca::{Pca, PcaParams, PcaValidParams};
pub use procrustes::{Procrustes, Scaling, procrustes};
pub use random::random_projection;
pub use trust::{Neighbourhood, continuity, trustworthiness};
pub use tsne::{Tsne, TsneParams, TsneValidParams, kl_divergence};
