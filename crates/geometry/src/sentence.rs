//! Measures within a sentence: similarity, identity retention, curvature, norms.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use stratoscope_numerics::Estimate;

use crate::bootstrap::ratio;
use crate::checks::{finite, same_length};
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;
use crate::similarity::{Metric, Reference, similarity_matrix, unit_rows};

/// The mean similarity of each token to the other tokens of its sentence, `[n]`.
/// [`cosine_to_sentence`] is the published measure of a whole sentence.
///
/// `x` is `[n, d_model]`; `sentences` `[n]` names the sentence of each row. Metric and reference are
/// those of [`similarity_matrix`]; the default reference is all rows of `x`, not those of the
/// sentence. None for the only token of a sentence. [`Metric::Euclidean`] gives mean distances.
///
/// # Errors
/// Different lengths, or an entry that is not finite.
pub fn intra_sentence_similarity(
    x: ArrayView2<f32>,
    sentences: &[usize],
    metric: Metric,
    reference: Option<&Reference>,
) -> Result<Vec<Option<f64>>> {
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    let mut out = vec![None; x.nrows()];
    if x.nrows() == 0 {
        return Ok(out);
    }
    let own;
    let reference = match reference {
        Some(reference) => reference,
        None => {
            own = Reference::of(x)?;
            &own
        }
    };
    for rows in rows_by_group(sentences).values().filter(|rows| rows.len() > 1) {
        let members = x.select(Axis(0), rows);
        let similarity = similarity_matrix(members.view(), metric, Some(reference))?;
        for (place, &row) in rows.iter().enumerate() {
            let others = similarity.row(place).sum() - similarity[[place, place]];
            out[row] = Some(others / (rows.len() - 1) as f64);
        }
    }
    Ok(out)
}

/// Identity retention: the share of tokens whose nearest neighbour by cosine, among the layer-0
/// vectors of their sentence, is their own layer-0 vector. 1 where every token is, 1 / length by
/// chance.
///
/// `x` and `layer_0` are `[n, d_model]`; `sentences` `[n]` names the sentence of each row. Tokens with
/// equal layer-0 vectors (repeated words in a model without position embeddings) count as one.
/// Sentences of one token are left out, and not counted in `n`.
///
/// # Errors
/// Different shapes, no sentence of two tokens, an entry that is not finite.
pub fn identity_retention(
    x: ArrayView2<f32>,
    layer_0: ArrayView2<f32>,
    sentences: &[usize],
    seed: u64,
) -> Result<Estimate> {
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    same_length("rows of layer 0", x.nrows(), layer_0.nrows())?;
    same_length("columns of layer 0", x.ncols(), layer_0.ncols())?;
    let (x, layer_0) = (unit_rows(finite(x)?), unit_rows(finite(layer_0)?));
    let groups = rows_by_group(sentences);
    let long = groups.values().filter(|rows| rows.len() > 1);
    let kept: Vec<(f64, f64)> = long.map(|rows| still_nearest(&x, &layer_0, rows)).collect();
    ratio(&kept, seed).ok_or(GeometryError::TooFew {
        measure: "identity retention (sentences of two tokens)",
        needed: 1,
        found: 0,
    })
}

/// The number of tokens of a sentence, at `rows`, that are nearest to their own layer-0 direction; and
/// the number of tokens.
pub(crate) fn still_nearest(x: &Array2<f64>, layer_0: &Array2<f64>, rows: &[usize]) -> (f64, f64) {
    let own = |&&i: &&usize| {
        let cosine = |j: usize| x.row(i).dot(&layer_0.row(j));
        let to_itself = cosine(i);
        rows.iter().all(|&j| cosine(j) <= to_itself || layer_0.row(j) == layer_0.row(i))
    };
    (rows.iter().filter(own).count() as f64, rows.len() as f64)
}

/// The mean cosine of the words of one sentence with the mean vector of the sentence, −1 to 1
/// (Ethayarajh 2019, intra-sentence similarity): 1 where all have the same direction.
///
/// `x` is `[n, d_model]`, the words of one sentence. A vector of length 0 has cosine 0.
/// [`crate::LayerSums`] gives the mean over sentences.
///
/// # Errors
/// Fewer than 2 words, an entry that is not finite.
pub fn cosine_to_sentence(x: ArrayView2<f32>) -> Result<f64> {
    let found = x.nrows();
    let few = GeometryError::TooFew { measure: "intra-sentence similarity", needed: 2, found };
    cosine_to_mean(finite(x)?.view()).ok_or(few)
}

pub(crate) fn cosine_to_mean(x: ArrayView2<f64>) -> Option<f64> {
    if x.nrows() < 2 {
        return None;
    }
    let mean = x.sum_axis(Axis(0));
    let length = mean.dot(&mean).sqrt();
    let cosine = |row: ArrayView1<f64>| {
        let lengths = length * row.dot(&row).sqrt();
        if lengths > 0.0 { (row.dot(&mean) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
    };
    Some(x.rows().into_iter().map(cosine).sum::<f64>() / x.nrows() as f64)
}

/// The curvature of one sentence: the mean angle in radians, 0 to π, between consecutive steps
/// v_k = x_{k+1} − x_k (Hénaff et al. 2019; for layers of language models Skean et al. 2025). 0 on a
/// straight line; in many dimensions about π / 2 for random steps, and 2π / 3 for the steps between
/// unrelated points.
///
/// `x` is `[n, d_model]`, the tokens or words of one sentence in order. Angles of a step of length 0
/// are left out. [`crate::LayerSums`] gives the mean over sentences.
///
/// # Errors
/// Fewer than 3 rows, no two consecutive steps of positive length, an entry that is not finite.
pub fn curvature(x: ArrayView2<f32>) -> Result<f64> {
    let (measure, found) = ("curvature", x.nrows());
    if found < 3 {
        return Err(GeometryError::TooFew { measure, needed: 3, found });
    }
    mean_angle(finite(x)?.view()).ok_or(GeometryError::NoVariance { measure })
}

pub(crate) fn mean_angle(x: ArrayView2<f64>) -> Option<f64> {
    if x.nrows() < 3 {
        return None;
    }
    let steps = unit_rows(&x.slice(s![1.., ..]) - &x.slice(s![..-1, ..]));
    let (mut sum, mut n) = (0.0, 0.0);
    for (a, b) in steps.rows().into_iter().zip(steps.rows().into_iter().skip(1)) {
        if a.iter().any(|v| *v != 0.0) && b.iter().any(|v| *v != 0.0) {
            // Half the angle, from the lengths of a − b and a + b: exact near 0 and π too.
            let (less, more) = a.iter().zip(&b).fold((0.0, 0.0), |(less, more), (a, b)| {
                (less + (a - b) * (a - b), more + (a + b) * (a + b))
            });
            sum += 2.0 * less.sqrt().atan2(more.sqrt());
            n += 1.0;
        }
    }
    (n > 0.0).then_some(sum / n)
}

/// The Euclidean length of each row of `x` `[n, d_model]`: `[n]`.
///
/// # Errors
/// An entry that is not finite.
pub fn norms(x: ArrayView2<f32>) -> Result<Array1<f64>> {
    Ok(finite(x)?.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect())
}
