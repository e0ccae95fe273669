//! Random projection: the control that separates structure from chance.

use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, Float};
use linfa_reduction::random_projection::GaussianRandomProjection;
use ndarray::{Array2, ArrayView2};
use stratoscope_numerics::generator;

use crate::checks::finite_f64;
use crate::error::{ReducerError, Result};

/// Projects the rows of `x` `[n, d]` on `n_components` random directions: `[n, n_components]`.
///
/// Directions are independent Gaussian vectors with entries of variance 1/d
/// ([`GaussianRandomProjection`]; Dasgupta 2000). They do not depend on the data: structure that a
/// map by PCA or t-SNE shows and this map does not was found by the method. The same seed gives the
/// same bytes.
///
/// # Errors
/// Empty or non-finite input; `n_components` of 0 or more than d.
pub fn random_projection<F: Float>(
    x: ArrayView2<F>,
    n_components: usize,
    seed: u64,
) -> Result<Array2<f64>> {
    let x = finite_f64(x)?;
    if n_components == 0 || n_components > x.ncols() {
        return Err(ReducerError::Setting {
            name: "n_components",
            value: n_components as f64,
            expected: "at least 1 and at most the number of columns",
        });
    }
    let dataset = DatasetBase::from(x);
    let projection = GaussianRandomProjection::<f64>::params_with_rng(generator(seed))
        .target_dim(n_components)
        .fit(&dataset)?;
    Ok(projection.transform(dataset.records()))
}
