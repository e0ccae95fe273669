//! PCA, t-SNE, random projection and Procrustes alignment behind linfa's traits.

mod checks;
mod distance;
mod error;
mod linalg;
mod pca;
mod procrustes;
mod random;
mod trust;
mod tsne;

pub use error::{ReducerError, Result};
pub use pca::{Pca, PcaParams, PcaValidParams};
pub use procrustes::{Procrustes, Scaling, procrustes};
pub use random::random_projection;
pub use trust::{Neighbourhood, continuity, trustworthiness};
pub use tsne::{Tsne, TsneParams, TsneValidParams, kl_divergence};
