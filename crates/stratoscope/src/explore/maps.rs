//! Maps of the hidden states of all layers in a plane, in one basis or aligned layer by layer.

use super::options::{Alignment, Reducer};
use crate::Result;
use linfa::traits::{Fit, Transformer};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use serde::Serialize;
use stratoscope_extractor::Activations;
use stratoscope_reducer::{
    Pca, Scaling, Tsne, continuity, procrustes, random_projection, trustworthiness,
};

/// The maps of all layers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerMaps {
    /// How they were made.
    pub reducer: Reducer,
    /// How they were aligned.
    pub alignment: Alignment,
    /// The rows of the states that are on the maps, in order.
    pub rows: Vec<usize>,
    /// Of these, which were placed on a basis that was fitted without them: special tokens, and
    /// tokens whose norm is more than 10 times the layer's median.
    pub placed: Vec<usize>,
    /// `[layers][rows]`: the coordinates.
    pub points: Vec<Vec<[f64; 2]>>,
    /// The share of the variance of the fitted tokens along each axis, where axes have one.
    pub shares: Option<[f64; 2]>,
    /// The third component, which the report's map can turn to; of a joint PCA alone.
    #[serde(skip)]
    pub third: Option<ThirdComponent>,
    /// t-SNE's perplexity.
    pub perplexity: Option<f64>,
    /// The principal components that t-SNE was given in place of the states; none where it was
    /// given these, as up to 1,000 points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    /// `[layers]`: whether neighbours on the map are neighbours in the space of the layer
    /// (Venna & Kaski 2001), among the fitted tokens; none for fewer than 3.
    pub trustworthiness: Vec<Option<f64>>,
    /// `[layers]`: the reverse.
    pub continuity: Vec<Option<f64>>,
    /// The neighbours that these two count.
    pub k: Option<usize>,
}

/// The third principal component of maps that share one basis.
#[derive(Debug, Clone, PartialEq)]
pub struct ThirdComponent {
    /// The share of the variance of the fitted tokens along it.
    pub share: f64,
    /// `[layers][rows]`: the coordinates.
    pub values: Vec<Vec<f64>>,
}

/// A token whose norm is this many times its layer's median is an attention sink.
const SINK: f64 = 10.0;

/// Neighbours for trustworthiness and continuity, where there are enough tokens.
const NEIGHBOURS: usize = 5;

/// The principal components that are kept: two are drawn, the third is for the report.
const AXES: usize = 3;

/// t-SNE of more points than this is of their first [`COMPONENTS`] principal components: distances
/// hardly change, and cost a fraction (van der Maaten & Hinton 2008 do so).
const FULL_POINTS: usize = 1000;
const COMPONENTS: usize = 50;

/// Brings the states of all layers to the plane. The basis is fitted without special tokens and
/// attention sinks; t-SNE, which cannot place what it did not fit, leaves them out. It maps more
/// than 1,000 points by their first 50 principal components.
///
/// # Errors
/// Too few tokens for the method.
pub fn reduce(
    states: &Activations,
    reducer: Reducer,
    alignment: Alignment,
    seed: u64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<LayerMaps> {
    let fitted = fitted_rows(states);
    let rows = match reducer {
        Reducer::Tsne => fitted.clone(),
        _ => (0..states.rows.len()).collect(),
    };
    let layers: Vec<Array2<f32>> =
        (0..states.layers.len()).map(|l| states.layer(l).select(Axis(0), &rows)).collect();
    // The fitted rows by their place among those on the maps.
    let fit: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| fitted.binary_search(row).is_ok())
        .map(|(place, _)| place)
        .collect();
    let n = rows.len();
    // Layers that have a map each turn in its plane, which a third component is not in.
    let axes = if alignment == Alignment::Joint { AXES } else { 2 };
    let (mut perplexity, mut components) = (None, None);
    let mut map = |x: ArrayView2<f32>, fit: &[usize], step: usize, steps: usize| {
        let placed = match reducer {
            Reducer::Pca => {
                let pca = Pca::params(axes).fit(&DatasetBase::from(x.select(Axis(0), fit)))?;
                pca.transform(&x)?
            }
            Reducer::Random => random_projection(x, x.ncols().min(2), seed)?,
            Reducer::Tsne => {
                let params = Tsne::params().seed(seed).check()?;
                let mut heard = |done, all| progress(step * all + done, steps * all);
                let scores = if x.nrows() > FULL_POINTS && x.ncols() > COMPONENTS {
                    let pca = Pca::params(COMPONENTS).fit(&DatasetBase::from(x))?;
                    Some(pca.transform(&x)?)
                } else {
                    None
                };
                // States without any spread have no components.
                let scores = scores.filter(|scores| scores.ncols() > 0);
                let map = match &scores {
                    Some(scores) => params.embed(scores.view(), &mut heard)?,
                    None => params.embed(x, &mut heard)?,
                };
                components = scores.map(|scores| scores.ncols());
                perplexity = Some(map.perplexity);
                map.embedding
            }
        };
        // Points without spread have fewer than two components.
        let mut plane = Array2::zeros((x.nrows(), placed.ncols().max(2)));
        plane.slice_mut(s![.., ..placed.ncols()]).assign(&placed);
        Ok::<_, crate::Error>(plane)
    };
    let mut planes: Vec<Array2<f64>> = match alignment {
        Alignment::Joint => {
            let views: Vec<_> = layers.iter().map(Array2::view).collect();
            let stacked = concatenate(Axis(0), &views).unwrap_or_else(|_| Array2::zeros((0, 0)));
            let fit: Vec<usize> = (0..layers.len())
                .flat_map(|l| fit.iter().map(move |place| l * n + place))
                .collect();
            let plane = map(stacked.view(), &fit, 0, 1)?;
            (0..layers.len()).map(|l| plane.slice(s![l * n..(l + 1) * n, ..]).to_owned()).collect()
        }
        Alignment::Procrustes | Alignment::None => {
            let mut planes: Vec<Array2<f64>> = Vec::new();
            for (step, layer) in layers.iter().enumerate() {
                let mut plane = map(layer.view(), &fit, step, layers.len())?;
                if let (Alignment::Procrustes, Some(last)) = (alignment, planes.last()) {
                    // The size of a t-SNE map has no meaning; that of the others has.
                    let scaling =
                        if reducer == Reducer::Tsne { Scaling::Fit } else { Scaling::Keep };
                    let (source, target) =
                        (plane.select(Axis(0), &fit), last.select(Axis(0), &fit));
                    plane =
                        procrustes(source.view(), target.view(), scaling)?.apply(plane.view())?;
                }
                planes.push(plane);
            }
            planes
        }
    };
    let all_shares = (reducer != Reducer::Tsne).then(|| shares(&layers, &planes, &fit, alignment));
    let third = planes.iter().all(|plane| plane.ncols() == AXES).then(|| ThirdComponent {
        share: all_shares.as_ref().and_then(|s| s.get(2)).copied().unwrap_or(0.0),
        values: planes.iter().map(|plane| plane.column(2).to_vec()).collect(),
    });
    for plane in &mut planes {
        *plane = plane.slice(s![.., ..2]).to_owned();
    }
    let mut maps = LayerMaps {
        reducer,
        alignment,
        placed: rows.iter().filter(|r| fitted.binary_search(r).is_err()).copied().collect(),
        points: planes
            .iter()
            .map(|p| p.rows().into_iter().map(|r| [r[0], r[1]]).collect())
            .collect(),
        shares: all_shares.map(|all| [all[0], all[1]]),
        third,
        perplexity,
        components,
        trustworthiness: Vec::new(),
        continuity: Vec::new(),
        k: None,
        rows,
    };
    for (layer, plane) in layers.iter().zip(&planes) {
        let (x, y) = (layer.select(Axis(0), &fit), plane.select(Axis(0), &fit));
        let measured = (fit.len() >= 3).then(|| {
            Ok::<_, crate::Error>((
                trustworthiness(x.view(), y.view(), NEIGHBOURS)?,
                continuity(x.view(), y.view(), NEIGHBOURS)?,
            ))
        });
        let measured = measured.transpose()?;
        maps.trustworthiness.push(measured.map(|(t, _)| t.value));
        maps.continuity.push(measured.map(|(_, c)| c.value));
        maps.k = measured.map(|(t, _)| t.k).or(maps.k);
    }
    Ok(maps)
}

/// The rows that a basis is fitted to: neither special tokens nor attention sinks; all where
/// nothing would be left.
pub(crate) fn fitted_rows(states: &Activations) -> Vec<usize> {
    let mut sink = vec![false; states.rows.len()];
    for layer in 0..states.layers.len() {
        let norms: Vec<f64> = states
            .layer(layer)
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt())
            .collect();
        let mut sorted = norms.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        for (sink, norm) in sink.iter_mut().zip(norms) {
            *sink |= norm > SINK * median && median > 0.0;
        }
    }
    let rows = |keep: &dyn Fn(usize) -> bool| (0..sink.len()).filter(|&r| keep(r)).collect();
    let fitted: Vec<usize> = rows(&|r| !states.rows[r].special && !sink[r]);
    if fitted.is_empty() { rows(&|_| true) } else { fitted }
}

/// The variance of the fitted points along each axis, over the variance of what was reduced: about
/// one mean under a joint basis, about each layer's own mean otherwise.
fn shares(
    layers: &[Array2<f32>],
    planes: &[Array2<f64>],
    fit: &[usize],
    alignment: Alignment,
) -> Vec<f64> {
    let mut total = 0.0;
    let mut along = vec![0.0; planes.first().map_or(2, Array2::ncols)];
    let groups: Vec<Vec<usize>> = match alignment {
        Alignment::Joint => vec![(0..layers.len()).collect()],
        _ => (0..layers.len()).map(|l| vec![l]).collect(),
    };
    let spread = |columns: &mut dyn Iterator<Item = f64>| {
        // Two passes over one column at a time would need them twice: Welford's update does not.
        let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in columns {
            n += 1.0;
            let step = value - mean;
            mean += step / n;
            squares += step * (value - mean);
        }
        squares
    };
    for group in groups {
        for (axis, along) in along.iter_mut().enumerate() {
            let points = group.iter().flat_map(|&l| fit.iter().map(move |&r| planes[l][[r, axis]]));
            *along += spread(&mut { points });
        }
        for column in 0..layers.first().map_or(0, Array2::ncols) {
            let values = group
                .iter()
                .flat_map(|&l| fit.iter().map(move |&r| f64::from(layers[l][[r, column]])));
            total += spread(&mut { values });
        }
    }
    along.into_iter().map(|v| if total > 0.0 { v / total } else { 0.0 }).collect()
}
