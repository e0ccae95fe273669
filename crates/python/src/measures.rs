//! Measures, reductions and the linear probe on plain arrays. Rows are float32, or what NumPy makes
//! float32 of; results are float64.

use crate::job;
use crate::options::Named;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::Array2;
use numpy::{AllowTypeChange, IntoPyArray, PyArray1, PyArray2, PyArrayLike1, PyArrayLike2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use stratoscope::crates::geometry::{
    self, Dissimilarity, Estimate, GeometryError, Metric, Neighbours, Spectrum,
};
use stratoscope::crates::probing::{Prober, ProbingError, Split, Strength, Task};
use stratoscope::crates::reducer::{self, Pca, ReducerError, Scaling, Tsne};
use stratoscope::{Error, Progress, Step, StepUnit};

/// An array `[n, d]` of an argument.
type Rows<'py> = PyArrayLike2<'py, f32, AllowTypeChange>;

/// An array `[n, d]` of an argument, in f64.
type Exact<'py> = PyArrayLike2<'py, f64, AllowTypeChange>;

/// Numbers of sentences, `[n]`.
type Groups<'py> = PyArrayLike1<'py, i64, AllowTypeChange>;

fn own(rows: &Rows<'_>) -> Array2<f32> {
    rows.as_array().as_standard_layout().into_owned()
}

fn exact(rows: &Exact<'_>) -> Array2<f64> {
    rows.as_array().as_standard_layout().into_owned()
}

/// The sentence of each row; by default each row is one.
fn sentences(given: Option<&Groups<'_>>, rows: usize) -> Vec<usize> {
    match given {
        Some(given) => {
            given.as_array().iter().map(|&group| group.cast_unsigned() as usize).collect()
        }
        None => (0..rows).collect(),
    }
}

/// Computes on another thread.
fn work<T: Send + 'static, E: Into<Error> + Send + 'static>(
    py: Python<'_>,
    compute: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> PyResult<T> {
    Ok(job::run(py, move |_| compute())?.0)
}

/// An estimate as `stratoscope.Estimate`.
fn estimate<'py>(py: Python<'py>, of: &Estimate) -> PyResult<Bound<'py, PyAny>> {
    let class = py.import("stratoscope._types")?.getattr("Estimate")?;
    class.call1((of.value, of.interval.map(|[low, high]| (low, high)), of.n))
}

/// Linear CKA of the same rows in two spaces, x [n, d] and y [n, e]: 0 to 1 (Kornblith et al. 2019).
#[pyfunction]
pub(crate) fn linear_cka(py: Python<'_>, x: Rows<'_>, y: Rows<'_>) -> PyResult<f64> {
    let (x, y) = (own(&x), own(&y));
    work(py, move || geometry::linear_cka(x.view(), y.view()))
}

/// Linear CKA without the bias of small samples (Murphy et al. 2024).
#[pyfunction]
pub(crate) fn debiased_cka(py: Python<'_>, x: Rows<'_>, y: Rows<'_>) -> PyResult<f64> {
    let (x, y) = (own(&x), own(&y));
    work(py, move || geometry::debiased_cka(x.view(), y.view()))
}

/// CKA with a Gaussian kernel, whose width is `width` times the median distance.
#[pyfunction]
#[pyo3(signature = (x, y, *, width = 0.5))]
pub(crate) fn rbf_cka(py: Python<'_>, x: Rows<'_>, y: Rows<'_>, width: f64) -> PyResult<f64> {
    let (x, y) = (own(&x), own(&y));
    work(py, move || geometry::rbf_cka(x.view(), y.view(), width))
}

/// Representational similarity analysis: Spearman's rank correlation of the dissimilarities ("cosine",
/// "correlation" or "euclidean") of the same rows in two spaces (Kriegeskorte et al. 2008).
#[pyfunction]
#[pyo3(signature = (x, y, *, dissimilarity = "cosine"))]
pub(crate) fn rsa(py: Python<'_>, x: Rows<'_>, y: Rows<'_>, dissimilarity: &str) -> PyResult<f64> {
    let (x, y, kind) = (own(&x), own(&y), Dissimilarity::of(py, dissimilarity)?);
    work(py, move || geometry::rsa(x.view(), y.view(), kind))
}

/// The similarities of all pairs of rows of x [n, d], float64 [n, n]: the cosine, the centred or
/// standardised cosine, or the Euclidean distance.
#[pyfunction]
#[pyo3(signature = (x, *, metric = "cosine"))]
pub(crate) fn similarity<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    metric: &str,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (x, metric) = (own(&x), Metric::of(py, metric)?);
    let matrix = work(py, move || geometry::similarity_matrix(x.view(), metric, None))?;
    Ok(matrix.into_pyarray(py))
}

/// The cosines of the rows of x with the same rows of y, float64 [n].
#[pyfunction]
pub(crate) fn rowwise_cosine<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    y: Rows<'py>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (x, y) = (own(&x), own(&y));
    Ok(work(py, move || geometry::rowwise_cosine(x.view(), y.view()))?.into_pyarray(py))
}

/// The mean cosine of rows of different sentences, with its 95 % interval (Ethayarajh 2019).
/// `sentences` [n] numbers the sentence of each row; by default each row is one.
#[pyfunction]
#[pyo3(signature = (x, *, sentences = None, seed = 0))]
pub(crate) fn anisotropy<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    sentences: Option<Groups<'py>>,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let x = own(&x);
    let groups = self::sentences(sentences.as_ref(), x.nrows());
    let of = work(py, move || geometry::anisotropy(x.view(), &groups, seed))?;
    estimate(py, &of)
}

/// The intrinsic dimension by TwoNN (Facco et al. 2017): a dict with the estimates "regression" and
/// "likelihood", and the numbers "points" and "copies".
#[pyfunction]
#[pyo3(signature = (x, *, sentences = None, seed = 0))]
pub(crate) fn two_nn<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    sentences: Option<Groups<'py>>,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let x = own(&x);
    let groups = self::sentences(sentences.as_ref(), x.nrows());
    let find = move || Neighbours::of(x.view(), &groups, 2, seed)?.intrinsic_dimension();
    let found = work(py, find)?;
    let dimension = PyDict::new(py);
    dimension.set_item("regression", estimate(py, &found.regression)?)?;
    dimension.set_item("likelihood", estimate(py, &found.likelihood)?)?;
    dimension.set_item("points", found.points)?;
    dimension.set_item("copies", found.copies)?;
    Ok(dimension)
}

/// The share of the k nearest neighbours that the rows of x and y have in common, with its interval.
#[pyfunction]
#[pyo3(signature = (x, y, *, k = 10, sentences = None, seed = 0))]
pub(crate) fn neighbour_overlap<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    y: Rows<'py>,
    k: usize,
    sentences: Option<Groups<'py>>,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let (x, y) = (own(&x), own(&y));
    let groups = self::sentences(sentences.as_ref(), x.nrows());
    let of = work(py, move || {
        let of = |rows: &Array2<f32>| Neighbours::of(rows.view(), &groups, k, seed);
        of(&x)?.overlap(&of(&y)?)
    })?;
    estimate(py, &of)
}

/// The Euclidean norm of each row, float64 [n].
#[pyfunction]
pub(crate) fn norms<'py>(py: Python<'py>, x: Rows<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let x = own(&x);
    Ok(work(py, move || geometry::norms(x.view()))?.into_pyarray(py))
}

/// The mean angle between the steps from row to row of a sentence, in radians.
#[pyfunction]
pub(crate) fn curvature(py: Python<'_>, x: Rows<'_>) -> PyResult<f64> {
    let x = own(&x);
    work(py, move || geometry::curvature(x.view()))
}

/// The mean cosine of the rows of a sentence with their mean vector.
#[pyfunction]
pub(crate) fn cosine_to_sentence(py: Python<'_>, x: Rows<'_>) -> PyResult<f64> {
    let x = own(&x);
    work(py, move || geometry::cosine_to_sentence(x.view()))
}

/// The matrix entropy of order `alpha` of the rows, in nats; `centred` subtracts their mean.
#[pyfunction]
#[pyo3(signature = (x, *, alpha = 1.0, centred = false))]
pub(crate) fn matrix_entropy(
    py: Python<'_>,
    x: Rows<'_>,
    alpha: f64,
    centred: bool,
) -> PyResult<f64> {
    let x = own(&x);
    work(py, move || spectrum(&x, centred)?.entropy(alpha))
}

/// exp of the matrix entropy: the number of directions of equal variance with this entropy.
#[pyfunction]
#[pyo3(signature = (x, *, centred = false))]
pub(crate) fn effective_rank(py: Python<'_>, x: Rows<'_>, centred: bool) -> PyResult<f64> {
    let x = own(&x);
    work(py, move || Ok::<_, GeometryError>(spectrum(&x, centred)?.effective_rank()))
}

fn spectrum(x: &Array2<f32>, centred: bool) -> geometry::Result<Spectrum> {
    if centred { Spectrum::centred(x.view()) } else { Spectrum::of(x.view()) }
}

/// A t-SNE map of the rows of x [n, d], float64 [n, 2]. The same seed gives the same bytes.
#[pyfunction]
#[pyo3(signature = (x, *, perplexity = 30.0, epochs = None, seed = 0))]
pub(crate) fn tsne<'py>(
    py: Python<'py>,
    x: Exact<'py>,
    perplexity: f64,
    epochs: Option<usize>,
    seed: u64,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let x = exact(&x);
    let embed = move |job: Arc<job::Job>| {
        let settings = Tsne::params().perplexity(perplexity).seed(seed);
        let settings = match epochs {
            Some(epochs) => settings.epochs(epochs),
            None => settings,
        };
        settings.check()?.embed(x.view(), |done, total| {
            let (done, total) = (done as u64, total as u64);
            job.step(Step { what: "t-SNE", done, total, unit: StepUnit::Parts });
        })
    };
    Ok(job::run(py, embed)?.0.embedding.into_pyarray(py))
}

/// The rows of x [n, d] on random directions, float64 [n, n_components]: the control of a map.
#[pyfunction]
#[pyo3(signature = (x, n_components = 2, *, seed = 0))]
pub(crate) fn random_projection<'py>(
    py: Python<'py>,
    x: Exact<'py>,
    n_components: usize,
    seed: u64,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let x = exact(&x);
    Ok(work(py, move || reducer::random_projection(x.view(), n_components, seed))?.into_pyarray(py))
}

/// The map `source` [n, m] aligned to the map `target` [n, m] by rotation, reflection and shift (and
/// `scaling`), float64 [n, m].
#[pyfunction]
#[pyo3(signature = (source, target, *, scaling = false))]
pub(crate) fn procrustes<'py>(
    py: Python<'py>,
    source: Exact<'py>,
    target: Exact<'py>,
    scaling: bool,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (source, target) = (exact(&source), exact(&target));
    let scaling = if scaling { Scaling::Fit } else { Scaling::Keep };
    let align =
        move || reducer::procrustes(source.view(), target.view(), scaling)?.apply(source.view());
    Ok(work(py, align)?.into_pyarray(py))
}

/// How far neighbours in the map y [n, m] are neighbours in the data x [n, d]: 0 to 1 (Venna & Kaski
/// 2001).
#[pyfunction]
#[pyo3(signature = (x, y, *, k = 10))]
pub(crate) fn trustworthiness(
    py: Python<'_>,
    x: Exact<'_>,
    y: Exact<'_>,
    k: usize,
) -> PyResult<f64> {
    let (x, y) = (exact(&x), exact(&y));
    Ok(work(py, move || reducer::trustworthiness(x.view(), y.view(), k))?.value)
}

/// How far neighbours in the data x [n, d] are neighbours in the map y [n, m]: 0 to 1.
#[pyfunction]
#[pyo3(signature = (x, y, *, k = 10))]
pub(crate) fn continuity(py: Python<'_>, x: Exact<'_>, y: Exact<'_>, k: usize) -> PyResult<f64> {
    let (x, y) = (exact(&x), exact(&y));
    Ok(work(py, move || reducer::continuity(x.view(), y.view(), k))?.value)
}

/// Exact principal components of the rows of x [n, d]: a dict with "scores" [n, components], "mean"
/// [d], "components" [components, d], "explained_variance", "explained_variance_ratio" and
/// "singular_values" [components]. There are fewer components where the rows have fewer directions.
#[pyfunction]
#[pyo3(signature = (x, n_components = 2))]
pub(crate) fn pca<'py>(
    py: Python<'py>,
    x: Exact<'py>,
    n_components: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let x = exact(&x);
    let (pca, scores) = work(py, move || {
        let dataset = DatasetBase::from(x);
        let pca = Pca::params(n_components).fit(&dataset)?;
        let scores = pca.transform(dataset.records())?;
        Ok::<_, ReducerError>((pca, scores))
    })?;
    let found = PyDict::new(py);
    found.set_item("scores", scores.into_pyarray(py))?;
    found.set_item("mean", pca.mean().clone().into_pyarray(py))?;
    found.set_item("components", pca.components().clone().into_pyarray(py))?;
    found.set_item("explained_variance", pca.explained_variance().into_pyarray(py))?;
    found.set_item("explained_variance_ratio", pca.explained_variance_ratio().into_pyarray(py))?;
    found.set_item("singular_values", pca.singular_values().clone().into_pyarray(py))?;
    Ok(found)
}

/// The linear probe of `probe`: multinomial logistic regression of `labels` [n] (whole numbers) on the
/// standardised rows of x [n, d]. `strength` is the inverse of the penalty (scikit-learn's C); None
/// chooses it on a tenth of the `groups` of rows. A dict with "classes" [classes], "weights"
/// [d, classes] and "intercept" [classes] of the rows less "mean" [d] over "sd" [d] (0 for a constant
/// dimension, which is ignored), and "strength".
#[pyfunction]
#[pyo3(signature = (x, labels, *, strength = None, groups = None, seed = 0))]
pub(crate) fn linear_probe<'py>(
    py: Python<'py>,
    x: Rows<'py>,
    labels: Vec<usize>,
    strength: Option<f64>,
    groups: Option<Groups<'py>>,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let x = own(&x);
    let clusters = sentences(groups.as_ref(), x.nrows());
    let fit = move || -> Result<_, ProbingError> {
        let rows = labels.len();
        let task = Task {
            types: labels.clone(),
            lemmas: labels.clone(),
            labels,
            clusters,
            splits: vec![Split::Train; rows],
        };
        let strength = strength.map_or(Strength::Chosen, Strength::Fixed);
        Prober::new(task, strength, seed)?.fit(x.view())
    };
    let (probe, strength) = work(py, fit)?;
    let found = PyDict::new(py);
    found.set_item("classes", probe.classes().to_vec())?;
    found.set_item("weights", probe.weights().clone().into_pyarray(py))?;
    found.set_item("intercept", probe.intercept().clone().into_pyarray(py))?;
    found.set_item("mean", probe.mean().clone().into_pyarray(py))?;
    found.set_item("sd", probe.sd().clone().into_pyarray(py))?;
    found.set_item("strength", strength)?;
    Ok(found)
}
