"""Measures and estimators on plain arrays."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as Reference
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import stratoscope as st


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(60, 8)) @ np.diag([5, 4, 3, 2, 1, 1, 1, 1])


@pytest.mark.parametrize(
    "estimator",
    [st.PCA(), st.RandomProjection(), st.TSNE(epochs=20), st.TwoNN(), st.LinearProbe()],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
def test_the_checks_of_scikit_learn_pass(estimator):
    check_estimator(estimator)


def test_pca_equals_that_of_scikit_learn(rows):
    ours, theirs = st.PCA(3).fit(rows), Reference(3).fit(rows)
    assert np.allclose(ours.explained_variance_, theirs.explained_variance_)
    assert np.allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_)
    assert np.allclose(np.abs(ours.transform(rows)), np.abs(theirs.transform(rows)))


@pytest.mark.parametrize("bounds", [[0], [-3, 3]], ids=["two classes", "three classes"])
def test_the_probe_equals_a_logistic_regression(rows, bounds):
    labels = np.array(["down", "mid", "up"])[np.digitize(rows[:, 0] + rows[:, 3], bounds)]
    ours = st.LinearProbe(strength=0.5).fit(rows, labels)
    scaled = StandardScaler().fit_transform(rows)
    theirs = LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(scaled, labels)
    assert ours.classes_.tolist() == theirs.classes_.tolist()
    assert np.allclose(ours.predict_proba(rows), theirs.predict_proba(scaled), atol=1e-3)
    assert ours.predict(rows).tolist() == theirs.predict(scaled).tolist()
    assert ours.score(rows, labels) > 0.7 and ours.strength_ == 0.5
    chosen = st.LinearProbe(seed=1).fit(rows, labels)
    assert chosen.strength_ in [1e-3, 1e-2, 1e-1, 1.0, 10.0]


def test_cka_by_its_formula(rows):
    x, y = rows, np.random.default_rng(1).normal(size=(60, 5)) + rows[:, :5]
    a, b = x - x.mean(0), y - y.mean(0)
    expected = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    assert st.linear_cka(x, y) == pytest.approx(expected, rel=1e-5)
    assert st.linear_cka(x, 3 * x + 1) == pytest.approx(1)
    assert st.debiased_cka(x, x) == pytest.approx(1) and 0 < st.rbf_cka(x, y) < 1
    assert st.rsa(x, x) == pytest.approx(1)


def test_the_dimension_of_a_plane():
    plane = np.random.default_rng(2).uniform(size=(2000, 2)) @ np.random.default_rng(3).normal(size=(2, 6))
    found = st.two_nn(plane)
    low, high = found["regression"].interval
    assert low < found["regression"].value < high and found["points"] == 2000
    assert found["regression"].value == pytest.approx(2, abs=0.2)
    assert st.TwoNN().fit(plane).dimension_ == found["regression"]


def test_similarities(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.allclose(st.similarity(rows), unit @ unit.T, atol=1e-6)
    assert np.allclose(st.norms(rows), np.linalg.norm(rows, axis=1))
    assert np.allclose(st.rowwise_cosine(rows, rows), 1)
    off = (unit @ unit.T).sum() - len(rows)
    assert st.anisotropy(rows).value == pytest.approx(off / (60 * 59), abs=1e-6)
    assert st.neighbour_overlap(rows, rows).value == 1
    assert st.effective_rank(np.eye(8)) == pytest.approx(8)
    assert st.matrix_entropy(np.eye(8)) == pytest.approx(np.log(8))
    assert st.curvature(np.array([[0, 0], [1, 0], [1, 1]])) == pytest.approx(np.pi / 2)
    mean = rows.mean(0)
    expected = (unit @ mean / np.linalg.norm(mean)).mean()
    assert st.cosine_to_sentence(rows) == pytest.approx(expected, abs=1e-6)


def test_maps(rows):
    first, again = st.tsne(rows, epochs=100), st.tsne(rows, epochs=100)
    assert first.shape == (60, 2) and np.array_equal(first, again)
    assert st.trustworthiness(rows, first, k=5) == pytest.approx(trustworthiness(rows, first, n_neighbors=5))
    assert st.continuity(first, rows, k=5) == st.trustworthiness(rows, first, k=5)
    turned = first @ np.array([[0, -1], [1, 0]]) + 3
    assert np.allclose(st.procrustes(turned, first), first)
    assert np.array_equal(st.random_projection(rows, 3, seed=1), st.random_projection(rows, 3, seed=1))
    with pytest.raises(st.InputError):
        st.tsne(np.full((5, 2), np.nan))
