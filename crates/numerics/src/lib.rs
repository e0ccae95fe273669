//! The numerical ground floor that the reducers, the geometry and the probes share.
//!
//! - Matrix products: [`add_product`], [`product_into`], [`add_scatter`].
//! - Eigenproblems of symmetric matrices: [`SymmetricEigen`], [`eigenvalues`].
//! - Estimates: [`Estimate`], a number with its interval and its n; [`bootstrap`], [`resample`],
//!   [`percentile`].
//! - Ranks: [`largest`], [`spearman`], [`partial_spearman`], [`centred_ranks`]; of resamples [`Ranked`].
//! - Random numbers: [`generator`], one seeded stream for every crate.
//!
//! This crate knows no model, no text and no file. No result depends on the number of threads.

mod bootstrap;
mod eigen;
mod estimate;
mod generator;
mod product;
mod rank;

pub use bootstrap::{RESAMPLES, bootstrap, resample};
pub use eigen::{NoConvergence, SymmetricEigen, eigenvalues};
pub use estimate::{Estimate, MIN_UNITS, percentile};
pub use generator::{Generator, generator};
pub use product::{Real, add_product, add_scatter, product_into};
pub use rank::{
    Ranked, centred_ranks, largest, partial_spearman, resampled_partial, resampled_spearman,
    spearman,
};
