"""Reductions, TwoNN and the linear probe as estimators of scikit-learn."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _native

__all__ = ["PCA", "TSNE", "LinearProbe", "RandomProjection", "TwoNN"]


def _rows(estimator: Any, x: Any, *, reset: bool, least: int = 1) -> Any:
    return validate_data(
        estimator, x, reset=reset, dtype=np.float64, ensure_min_samples=least
    )


class PCA(TransformerMixin, BaseEstimator):
    """Exact principal components, with fixed signs.

    Parameters: `n_components`, the most directions; fewer are found where the rows have fewer.
    Attributes: `components_` [components, d], `mean_` [d], `explained_variance_`,
    `explained_variance_ratio_` and `singular_values_` [components].
    """

    def __init__(self, n_components: int = 2) -> None:
        self.n_components = n_components

    def fit(self, X: Any, y: Any = None) -> PCA:
        """Fit to rows X [n, d]."""
        X = _rows(self, X, reset=True, least=2)
        found = _native.pca(X, self.n_components)
        self.components_ = found["components"]
        self.mean_ = found["mean"]
        self.explained_variance_ = found["explained_variance"]
        self.explained_variance_ratio_ = found["explained_variance_ratio"]
        self.singular_values_ = found["singular_values"]
        return self

    def transform(self, X: Any) -> Any:
        """The rows X [m, d] on the directions, float64 [m, components]."""
        check_is_fitted(self)
        return (_rows(self, X, reset=False) - self.mean_) @ self.components_.T


class RandomProjection(TransformerMixin, BaseEstimator):
    """Random directions: the control of a map. Attributes: `components_` [components, d]."""

    def __init__(self, n_components: int = 2, seed: int = 0) -> None:
        self.n_components = n_components
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> RandomProjection:
        """Draw directions for rows X [n, d]."""
        X = _rows(self, X, reset=True)
        directions = _native.random_projection(
            np.eye(X.shape[1]), min(self.n_components, X.shape[1]), seed=self.seed
        )
        self.components_ = directions.T
        return self

    def transform(self, X: Any) -> Any:
        """The rows X [m, d] on the directions, float64 [m, components]."""
        check_is_fitted(self)
        return _rows(self, X, reset=False) @ self.components_.T


class TSNE(BaseEstimator):
    """A map of near neighbours: distances on it have no meaning. The same seed gives the same bytes.

    Attributes: `embedding_` [n, 2].
    """

    def __init__(
        self, perplexity: float = 30.0, epochs: Optional[int] = None, seed: int = 0
    ) -> None:
        self.perplexity = perplexity
        self.epochs = epochs
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> TSNE:
        """Map the rows X [n, d]."""
        X = _rows(self, X, reset=True, least=4)
        self.embedding_ = _native.tsne(
            X, perplexity=self.perplexity, epochs=self.epochs, seed=self.seed
        )
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """The map of the rows X [n, d], float64 [n, 2]."""
        return self.fit(X).embedding_


class TwoNN(BaseEstimator):
    """The intrinsic dimension by the two nearest neighbours (Facco et al. 2017).

    Attributes: `dimension_` (the regression estimate) and `likelihood_`, each a
    `stratoscope.Estimate`.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> TwoNN:
        """Measure the rows X [n, d]."""
        X = _rows(self, X, reset=True, least=4)
        found = _native.two_nn(X, seed=self.seed)
        self.dimension_ = found["regression"]
        self.likelihood_ = found["likelihood"]
        return self


class LinearProbe(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression on standardised vectors, as `probe` fits it.

    Parameters: `strength` is the inverse of the penalty (scikit-learn's C); None chooses it on a
    tenth of the rows. Attributes: `classes_`; `coef_` [classes, d] and `intercept_` [classes] of the
    rows less `mean_` over `scale_` [d]; `strength_`.
    """

    def __init__(self, strength: Optional[float] = None, seed: int = 0) -> None:
        self.strength = strength
        self.seed = seed

    def fit(self, X: Any, y: Any) -> LinearProbe:
        """Fit to rows X [n, d] with labels y [n]."""
        X, y = validate_data(self, X, y, reset=True, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        found = _native.linear_probe(
            X, labels.tolist(), strength=self.strength, seed=self.seed
        )
        self.coef_ = found["weights"].T.astype(np.float64)
        self.intercept_ = found["intercept"].astype(np.float64)
        self.mean_, self.scale_ = found["mean"], found["sd"]
        self.strength_ = found["strength"]
        return self

    def predict_proba(self, X: Any) -> Any:
        """The probability of every class, float64 [rows, classes]."""
        check_is_fitted(self)
        rows = _rows(self, X, reset=False) - self.mean_
        # A dimension that was constant in the fit is ignored.
        rows = np.divide(rows, self.scale_, out=np.zeros_like(rows), where=self.scale_ > 0)
        logits = rows @ self.coef_.T + self.intercept_
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        """The most probable class of each row, [rows]."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]
