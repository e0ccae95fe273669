//! Measures of tokens among the tokens of their own sentence.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use crate::anisotropy::by_sentence;
use crate::error::{GeometryError, Result};
use crate::interval::Interval;
use crate::similarity::{Metric, Reference, finite, same_length, similarity_matrix, unit_rows};

/// The mean similarity of each token to the other tokens of its sentence, `[n]`;
/// [`cosine_to_sentence`] is the published measure of a whole sentence.
///
/// `x` is `[n, d_model]`, `sentences` `[n]` names the sentence of each row. Metric and reference
/// are those of [`similarity_matrix`]; without a reference all rows given are it, not those of
/// the sentence alone. None for a token that is alone in its sentence. [`Metric::Euclidean`]
/// gives mean distances.
///
/// # Errors
/// Lengths that differ, or an entry that is not finite.
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
    for rows in by_sentence(sentences).values().filter(|rows| rows.len() > 1) {
        let members = x.select(Axis(0), rows);
        let similarity = similarity_matrix(members.view(), metric, Some(reference))?;
        for (place, &row) in rows.iter().enumerate() {
            let others = similarity.row(place).sum() - similarity[[place, place]];
            out[row] = Some(others / (rows.len() - 1) as f64);
        }
    }
    Ok(out)
}

/// How often a token's nearest neighbour by cosine, among the layer-0 vectors of its sentence, is
/// its own: 1 where every token still is most like itself, 1 / length by chance.
///
/// `x` and `layer_0` are `[n, d_model]`, `sentences` `[n]`. Tokens whose layer-0 vectors are the
/// same (repeated words of a model without position embeddings) count as one another. Sentences
/// of one token say nothing and are left out, of the interval's n too.
///
/// # Errors
/// Shapes that differ, no sentence of two tokens, an entry that is not finite.
pub fn identity_retention(
    x: ArrayView2<f32>,
    layer_0: ArrayView2<f32>,
    sentences: &[usize],
    seed: u64,
) -> Result<Interval> {
    same_length("sentence numbers", x.nrows(), sentences.len())?;
    same_length("rows of layer 0", x.nrows(), layer_0.nrows())?;
    same_length("columns of layer 0", x.ncols(), layer_0.ncols())?;
    let (x, layer_0) = (unit_rows(finite(x)?), unit_rows(finite(layer_0)?));
    let groups = by_sentence(sentences);
    let long = groups.values().filter(|rows| rows.len() > 1);
    let kept: Vec<(f64, f64)> = long.map(|rows| still_nearest(&x, &layer_0, rows)).collect();
    Interval::of_ratio(&kept, seed).ok_or(GeometryError::TooFew {
        measure: "identity retention (sentences of two tokens)",
        needed: 1,
        found: 0,
    })
}

/// Of the directions of a sentence, at `rows`, those that are nearest to themselves at layer 0, and
/// how many there are.
pub(crate) fn still_nearest(x: &Array2<f64>, layer_0: &Array2<f64>, rows: &[usize]) -> (f64, f64) {
    let own = |&&i: &&usize| {
        let cosine = |j: usize| x.row(i).dot(&layer_0.row(j));
        let to_itself = cosine(i);
        rows.iter().all(|&j| cosine(j) <= to_itself || layer_0.row(j) == layer_0.row(i))
    };
    (rows.iter().filter(own).count() as f64, rows.len() as f64)
}

/// The mean cosine of the words of one sentence with the sentence's mean vector, −1 to 1
/// (Ethayarajh 2019, intra-sentence similarity): 1 where all point the same way.
///
/// `x` is `[n, d_model]`, the words of one sentence. A vector of length 0 has cosine 0. Of many
/// sentences, [`crate::LayerSums`] gives the mean.
///
/// # Errors
/// Fewer than 2 words (one is its own mean), an entry that is not finite.
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

/// The curvature of one sentence: the mean angle in radians, 0 to π, between the steps
/// v_k = x_{k+1} − x_k that follow each other (Hénaff et al. 2019; of language models' layers
/// Skean et al. 2025). 0 on a straight line; steps without a direction are about π / 2 apart in
/// many dimensions, and those of unrelated points 2π / 3.
///
/// `x` is `[n, d_model]`, the tokens or words of one sentence in order. A step of length 0 has no
/// direction: its angles are left out. Of many sentences, [`crate::LayerSums`] gives the mean.
///
/// # Errors
/// Fewer than 3 rows, no two steps in a row that both have a length, an entry that is not finite.
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
            // Half the angle from the lengths of a − b and a + b: exact near 0 and π too.
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
