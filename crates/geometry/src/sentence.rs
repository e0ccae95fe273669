//! Measures of tokens among the tokens of their own sentence.

use ndarray::{Array1, ArrayView2, Axis};

use crate::anisotropy::by_sentence;
use crate::error::{GeometryError, Result};
use crate::interval::{Interval, bootstrap, generator};
use crate::similarity::{Metric, Reference, finite, same_length, similarity_matrix, unit_rows};

/// The mean similarity of each token to the other tokens of its sentence, `[n]`.
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
    // Per sentence: tokens that are nearest to themselves, and tokens.
    let mut kept = Vec::new();
    for rows in by_sentence(sentences).values().filter(|rows| rows.len() > 1) {
        let own = |&&i: &&usize| {
            let cosine = |j: usize| x.row(i).dot(&layer_0.row(j));
            let to_itself = cosine(i);
            rows.iter().all(|&j| cosine(j) <= to_itself || layer_0.row(j) == layer_0.row(i))
        };
        kept.push((rows.iter().filter(own).count() as f64, rows.len() as f64));
    }
    let share = |counts: &[u32]| {
        let (hits, tokens) = kept.iter().zip(counts).fold((0.0, 0.0), |sum, (k, &count)| {
            let count = f64::from(count);
            (sum.0 + count * k.0, sum.1 + count * k.1)
        });
        (tokens > 0.0).then_some(hits / tokens)
    };
    match share(&vec![1; kept.len()]) {
        Some(value) => Ok(bootstrap(value, kept.len(), &mut generator(seed), share)),
        None => Err(GeometryError::TooFew {
            measure: "identity retention (sentences of two tokens)",
            needed: 1,
            found: 0,
        }),
    }
}

/// The Euclidean length of each row of `x` `[n, d_model]`: `[n]`.
///
/// # Errors
/// An entry that is not finite.
pub fn norms(x: ArrayView2<f32>) -> Result<Array1<f64>> {
    Ok(finite(x)?.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect())
}
