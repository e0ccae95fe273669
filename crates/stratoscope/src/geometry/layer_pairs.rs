//! Measures of pairs of layers over the same words, within each model and between models.

use super::Options;
use super::layers::Undefined;
use super::report::{Across, LayerPairs, ModelGeometry, PairKind, PairMeasure};
use crate::{Estimate, Part};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use std::collections::BTreeMap;
use std::ops::Range;
use stratoscope_geometry::{CkaMap, Dissimilarity, GeometryError, choose_rows, cka_map, rsa_map};

/// The largest number of words of RSA: the time grows with the square of the number of words.
const RSA_WORDS: usize = 700;

/// Measures all pairs of layers. Stores the results within each model in `models`, and returns the
/// results between models. `samples` has one array for each model, `[layers, words, d_model]`, over
/// the same words; `sentences`, `[words]`, has the number of the sentence of each word.
pub(super) fn layer_pairs(
    samples: &[Array3<f32>],
    sentences: &[usize],
    options: &Options,
    models: &mut [ModelGeometry],
    undefined: &mut [Undefined],
) -> Vec<Across> {
    let all: Vec<ArrayView2<f32>> = samples.iter().flat_map(Array3::outer_iter).collect();
    let map = match options.figures.has("cka").then(|| cka_map(&all, sentences, options.seed)) {
        Some(Ok(map)) => Some(map),
        Some(Err(error)) => {
            undefined.iter_mut().for_each(|own| own.of_all(&Part::Cka, &error));
            None
        }
        None => None,
    };
    // `[models]`: the rows and columns of each model in the map.
    let ends = samples.iter().scan(0, |end, sample| {
        let start = *end;
        *end += sample.dim().0;
        Some(start..*end)
    });
    let places: Vec<Range<usize>> = ends.collect();
    let block = |rows: usize, columns: usize| {
        let of = |map| cka(map, sentences.len(), &places[rows], &places[columns]);
        map.as_ref().map(of)
    };
    for (index, model) in models.iter_mut().enumerate() {
        model.layer_pairs.insert(PairMeasure::Cka, block(index, index));
        if !options.figures.has("rsa") {
            continue;
        }
        let rsa = rsa(&samples[index], sentences, options.seed);
        let rsa = rsa.map_err(|error| undefined[index].of_all(&Part::Number("RSA"), &error));
        model.layer_pairs.insert(PairMeasure::Rsa, rsa.ok());
    }
    let mut across = Vec::new();
    for (a, row_model) in models.iter().enumerate() {
        for (b, column_model) in models.iter().enumerate().skip(a + 1) {
            across.push(Across {
                row_model: row_model.model.model.clone(),
                column_model: column_model.model.model.clone(),
                cka: block(a, b),
            });
        }
    }
    across
}

/// RSA between the layers of one model, over at most [`RSA_WORDS`] of the sampled words
/// `[layers, words, d_model]`.
fn rsa(sample: &Array3<f32>, sentences: &[usize], seed: u64) -> Result<LayerPairs, GeometryError> {
    let rows = choose_rows(sentences.len(), RSA_WORDS, seed);
    let sample = sample.select(Axis(1), &rows);
    let sentences: Vec<usize> = rows.iter().map(|&row| sentences[row]).collect();
    let layers: Vec<ArrayView2<f32>> = sample.outer_iter().collect();
    let map = rsa_map(&layers, &sentences, Dissimilarity::Cosine, seed)?;
    let numbers: Vec<usize> = (0..layers.len()).collect();
    Ok(LayerPairs {
        words: rows.len(),
        row_layers: numbers.clone(),
        column_layers: numbers,
        kinds: BTreeMap::from([(
            PairKind::Cosine,
            map.outer_iter().map(|row| row.to_vec()).collect(),
        )]),
    })
}

/// The block of a CKA map for two models.
fn cka(map: &CkaMap, words: usize, rows: &Range<usize>, columns: &Range<usize>) -> LayerPairs {
    let of = |all: &Array2<Option<Estimate>>| {
        let block = all.slice(s![rows.clone(), columns.clone()]);
        block.outer_iter().map(|row| row.to_vec()).collect()
    };
    LayerPairs {
        words,
        row_layers: (0..rows.len()).collect(),
        column_layers: (0..columns.len()).collect(),
        kinds: BTreeMap::from([
            (PairKind::Linear, of(&map.linear)),
            (PairKind::Debiased, of(&map.debiased)),
            (PairKind::Rbf, of(&map.rbf)),
        ]),
    }
}
