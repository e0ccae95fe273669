//! PCA, t-SNE, random projection and Procrustes alignment behind linfa's traits.
//!
//! - [`Pca`]: exact, with the true share of variance and fixed signs. It is fitted to some rows and
//!   projects any rows, or it is fitted to the [`Moments`] of streamed rows.
//! - [`Tsne`]: a map of near neighbours; a seed gives the same bytes. [`kl_divergence`] computes the
//!   exact divergence of any such map.
//! - [`random_projection`]: the control that separates structure from chance.
//! - [`procrustes`]: aligns one map to another.
//! - [`trustworthiness`], [`continuity`]: how well a map keeps neighbourhoods.
//!
//! Input is rows of f32 or f64 (`[n, d]`, one vector per row), output is f64. All computation is in
//! f64, and no result depends on the number of threads. This crate knows no model and no text.
//!
//! ```
//! use linfa::DatasetBase;
//! use linfa::traits::{Fit, Transformer};
//! use ndarray::{array, s};
//! use stratoscope_reducer::Pca;
//!
//! let x = array![[0.0f32, 0.0], [2.0, 1.0], [4.0, 2.0], [9.0, 9.0]];
//! // Fitted to three rows; the fourth is only projected.
//! let pca = Pca::params(2).fit(&DatasetBase::from(x.slice(s![..3, ..])))?;
//! assert_eq!(pca.components().nrows(), 1); // the three lie on a line
//! let scores = pca.transform(&x)?;
//! assert_eq!(scores.dim(), (4, 1));
//! # Ok::<(), stratoscope_reducer::ReducerError>(())
//! ```
//!
//! # Measured
//!
//! On two Xeon cores with AVX-512, on the states of all-MiniLM-L6-v2 after layer 4, sentences of UD
//! English EWT.
//!
//! PCA to 50 components, in seconds of processor time (the sum of two threads), the best of eight
//! runs that alternate with the default of scikit-learn 1.9.1, which computes in f32:
//!
//! | rows | fit | scikit-learn |
//! | --- | --- | --- |
//! | 35,000 x 384 | 0.17-0.21 | 0.16-0.22 |
//! | 17,500 x 768 | 0.59-0.61 | 0.47-0.51 |
//!
//! Singular values differ from those of the full SVD in f64 by at most 2e-15 of the largest,
//! components by 2e-13. Half of the time at 768 dimensions is spent on the eigenvectors.
//!
//! t-SNE, perplexity 30, one seed, states of the training part; the exact divergence by
//! [`kl_divergence`] (lower is better) of this crate and of openTSNE 1.0.4: 10,000 points of 50
//! dimensions 1.259 and 1.366; 2,000 points 1.001 and 1.053.

mod checks;
mod distance;
mod error;
mod moments;
mod pca;
mod procrustes;
mod random_projection;
mod trustworthiness;
mod tsne;

pub use error::{ReducerError, Result};
pub use moments::Moments;
pub use pca::{Pca, PcaParams, PcaValidParams};
pub use procrustes::{Procrustes, Scaling, procrustes};
pub use random_projection::random_projection;
pub use trustworthiness::{Neighbourhood, continuity, trustworthiness};
pub use tsne::{Tsne, TsneParams, TsneValidParams, kl_divergence};
