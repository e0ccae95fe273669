//! The spectrum of the Gram matrix of a cloud: its entropy and effective rank.

use ndarray::{Array2, ArrayView2};
use stratoscope_numerics::{add_product, add_scatter, eigenvalues};

use crate::centred::Centred;
use crate::checks::finite;
use crate::error::{GeometryError, Result};

/// The eigenvalues λ of K = X Xᵀ as shares of their sum, for rows X `[n, d_model]`.
///
/// [`Spectrum::of`] takes uncentred rows, as the published formulas do: the first direction of an
/// anisotropic layer is then its mean. [`Spectrum::centred`] subtracts the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    shares: Vec<f64>,
    /// The largest possible entropy of n rows of d dimensions.
    limit: f64,
}

/// Shares below this are rounding.
const ROUNDING: f64 = 1e-13;

impl Spectrum {
    /// The spectrum of the rows of `x` `[n, d_model]`, not centred.
    ///
    /// # Errors
    /// No row, rows that are all 0, an entry that is not finite.
    pub fn of(x: ArrayView2<f32>) -> Result<Self> {
        Self::of_rows(finite(x)?)
    }

    /// The spectrum of the rows of `x` `[n, d_model]` less their mean.
    ///
    /// # Errors
    /// No row, rows that are all equal, an entry that is not finite.
    pub fn centred(x: ArrayView2<f32>) -> Result<Self> {
        Self::of_rows(Centred::new(x)?.all())
    }

    fn of_rows(x: Array2<f64>) -> Result<Self> {
        let (n, d) = x.dim();
        if n == 0 {
            return Err(GeometryError::TooFew { measure: MEASURE, needed: 1, found: 0 });
        }
        // Both products have the same eigenvalues, except for zeros.
        let mut gram = Array2::zeros((n.min(d), n.min(d)));
        if n < d {
            add_product(x.view(), x.t(), gram.view_mut());
        } else {
            add_scatter(x.view(), &mut gram, PANEL);
        }
        Self::of_gram(gram, n, d)
    }

    /// The spectrum of the lower triangle of a Gram or scatter matrix of n rows of d dimensions.
    pub(crate) fn of_gram(mut gram: Array2<f64>, n: usize, d: usize) -> Result<Self> {
        let trace = gram.diag().sum();
        if !(trace > 0.0 && trace.is_finite()) {
            return Err(GeometryError::NoVariance { measure: MEASURE });
        }
        gram /= trace;
        let mut shares = eigenvalues(gram)?;
        shares.iter_mut().for_each(|share| {
            if *share < ROUNDING {
                *share = 0.0;
            }
        });
        Ok(Self { shares, limit: (n.min(d) as f64).ln() })
    }

    /// λ / Σ λ, descending, `[min(n, d_model)]`.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The share of the first direction, σ1² / Σ σ² of the singular values; at least 1 / n. For the
    /// occurrences of a word it is their maximum explainable variance (Ethayarajh 2019).
    pub fn first(&self) -> f64 {
        self.shares.first().copied().unwrap_or(0.0)
    }

    /// The matrix entropy 1 / (1 − α) log Σ (λ / Σ λ)^α in nats; for α = 1 its limit −Σ p log p
    /// (Giraldo et al. 2014; for layers of language models Skean et al. 2025). 0 for vectors on one
    /// line, log min(n, d_model) for equal variance in all directions.
    ///
    /// # Errors
    /// An α that is not positive and finite.
    pub fn entropy(&self, alpha: f64) -> Result<f64> {
        if !(alpha.is_finite() && alpha > 0.0) {
            let expected = "a positive number";
            return Err(GeometryError::Setting { name: "alpha", value: alpha, expected });
        }
        let shares = self.shares.iter().filter(|&&share| share > 0.0);
        let entropy = if alpha == 1.0 {
            -shares.map(|share| share * share.ln()).sum::<f64>()
        } else {
            // Relative to the largest share: the sum cannot underflow.
            let first = self.first();
            let sum: f64 = shares.map(|share| (share / first).powf(alpha)).sum();
            (sum.ln() + alpha * first.ln()) / (1.0 - alpha)
        };
        Ok(entropy.clamp(0.0, self.limit))
    }

    /// The Shannon entropy divided by its maximum, min(log n, log d_model): 0 to 1. None for a single
    /// row or dimension.
    pub fn relative_entropy(&self) -> Option<f64> {
        (self.limit > 0.0).then(|| self.shannon() / self.limit)
    }

    /// exp of the Shannon entropy of λ (Roy & Vetterli 2007 take σ): the number of directions of equal
    /// variance that have this entropy.
    pub fn effective_rank(&self) -> f64 {
        self.shannon().exp()
    }

    fn shannon(&self) -> f64 {
        let used = self.shares.iter().filter(|&&share| share > 0.0);
        (-used.map(|share| share * share.ln()).sum::<f64>()).clamp(0.0, self.limit)
    }
}

const MEASURE: &str = "the spectrum";

/// Rows of the scatter matrix per product.
pub(crate) const PANEL: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn closed_forms() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        // An orthonormal basis, in more and in fewer dimensions than rows.
        let basis = Spectrum::of(Array2::eye(6).view()).unwrap();
        let tall = ndarray::concatenate![ndarray::Axis(0), Array2::<f32>::eye(6), Array2::eye(6)];
        for found in [basis, Spectrum::of(tall.view()).unwrap()] {
            near(found.entropy(1.0).unwrap(), 6f64.ln());
            near(found.entropy(2.0).unwrap(), 6f64.ln());
            near(found.relative_entropy().unwrap(), 1.0);
            near(found.effective_rank(), 6.0);
            near(found.first(), 1.0 / 6.0);
        }
        // One line.
        let line = Array2::from_shape_fn((5, 3), |(i, j)| (i + 1) as f32 * (j as f32 - 4.0));
        let found = Spectrum::of(line.view()).unwrap();
        near(found.effective_rank(), 1.0);
        near(found.entropy(0.5).unwrap(), 0.0);
        // λ = 9 and 1: 0.9 and 0.1.
        let found = Spectrum::of(array![[3.0f32, 0.0], [0.0, 1.0]].view()).unwrap();
        near(found.entropy(1.0).unwrap(), -(0.9 * 0.9f64.ln() + 0.1 * 0.1f64.ln()));
        near(found.entropy(2.0).unwrap(), -(0.81f64 + 0.01).ln());
        near(found.entropy(0.5).unwrap(), 2.0 * (0.9f64.sqrt() + 0.1f64.sqrt()).ln());
        near(found.entropy(1e4).unwrap(), 1e4 * 0.9f64.ln() / (1.0 - 1e4));
        assert!(found.entropy(0.0).is_err() && found.entropy(f64::NAN).is_err());
        // Centring removes a direction.
        let found = Spectrum::centred((Array2::<f32>::eye(6) + 3.0).view()).unwrap();
        near(found.effective_rank(), 5.0);
    }

    #[test]
    fn degenerate_spectra() {
        let same = Array2::from_elem((4, 3), 0.1f32);
        assert_eq!(Spectrum::of(same.view()).unwrap().effective_rank(), 1.0);
        let found = Spectrum::centred(same.view());
        assert!(matches!(found, Err(GeometryError::NoVariance { .. })), "{found:?}");
        for empty in [Array2::<f32>::zeros((0, 3)), Array2::zeros((3, 0)), Array2::zeros((3, 3))] {
            assert!(
                Spectrum::of(empty.view()).is_err() && Spectrum::centred(empty.view()).is_err()
            );
        }
        let single = Spectrum::of(array![[3.0f32, 4.0]].view()).unwrap();
        assert_eq!((single.relative_entropy(), single.effective_rank()), (None, 1.0));
    }
}
