//! Maps: the hidden states of all layers, reduced to a plane in one basis or aligned layer by
//! layer.

use super::options::{Alignment, Reducer};
use crate::{Result, sinks};
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
    /// The reduction.
    pub reducer: Reducer,
    /// The alignment.
    pub alignment: Alignment,
    /// Whether each state was divided by its norm first, so that the maps compare directions. This is
    /// so if there are attention sinks, or if the median norms of two layers differ by more than a
    /// factor of 10.
    pub unit_length: bool,
    /// The rows of the states that are on the maps, ascending.
    pub rows: Vec<usize>,
    /// The rows that are on the maps although the basis was not fitted to them: special tokens, and
    /// tokens with a norm of more than 10 times the median of the layer.
    pub placed: Vec<usize>,
    /// `[layers][rows]`: the coordinates.
    pub points: Vec<Vec<[f64; 2]>>,
    /// The share of the variance of the fitted tokens along each axis; `None` for t-SNE.
    pub shares: Option<[f64; 2]>,
    /// The third component, to which the map of the page can be turned; only for a joint PCA.
    #[serde(skip)]
    pub third: Option<ThirdComponent>,
    /// The perplexity of t-SNE.
    pub perplexity: Option<f64>,
    /// The number of principal components that were the input of t-SNE; `None` if the states were
    /// the input, as for up to 1,000 points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    /// `[layers]`: trustworthiness (Venna & Kaski 2001), 0 to 1: the extent to which neighbours on
    /// the map are neighbours in the full space, among the fitted tokens; `None` for fewer than 3.
    pub trustworthiness: Vec<Option<f64>>,
    /// `[layers]`: continuity, 0 to 1: the extent to which neighbours in the full space are
    /// neighbours on the map; `None` for fewer than 3 tokens.
    pub continuity: Vec<Option<f64>>,
    /// The number of neighbours in trustworthiness and continuity.
    pub k: Option<usize>,
}

impl LayerMaps {
    /// Why and how lengths were removed, for captions; empty if they were not.
    pub(super) fn length_note(&self) -> &'static str {
        match self.unit_length {
            true => {
                " The norms of the states differ by more than a factor of 10, so each state is \
                 divided by its norm first: the map compares directions."
            }
            false => "",
        }
    }
}

/// The third principal component of maps that share one basis.
#[derive(Debug, Clone, PartialEq)]
pub struct ThirdComponent {
    /// The share of the variance of the fitted tokens along this component.
    pub share: f64,
    /// `[layers][rows]`: the coordinates.
    pub values: Vec<Vec<f64>>,
}

/// The number of neighbours for trustworthiness and continuity, if there are enough tokens.
const NEIGHBOURS: usize = 5;

/// The number of principal components: two are drawn, the third is for the page.
const AXES: usize = 3;

/// With more points than this, the input of t-SNE is the first [`COMPONENTS`] principal components,
/// as in van der Maaten & Hinton 2008: distances are almost unchanged and much faster to compute.
const FULL_POINTS: usize = 1000;
const COMPONENTS: usize = 50;

/// Reduces the states of all layers, `[layers, tokens, d_model]`, to a plane. The basis is fitted
/// without special tokens and attention sinks. t-SNE cannot place further points on a map, so these
/// tokens are not on its maps. For more than 1,000 points, the input of t-SNE is the first 50
/// principal components. Where norms are far apart, the largest would decide the basis and the scale
/// of the map, so each state is divided by its norm first. `progress` receives the numbers of finished
/// and of all steps.
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
    let norms = sinks::norms_by_layer(states);
    let unit_length = sinks::are_norms_far_apart(&norms);
    let fitted = sinks::ordinary_of(states, &norms);
    let rows = match reducer {
        Reducer::Tsne => fitted.clone(),
        _ => (0..states.rows.len()).collect(),
    };
    let of_layer = |(l, norms): (usize, &Vec<f64>)| {
        let mut layer = states.layer(l).select(Axis(0), &rows);
        if unit_length {
            for (mut state, &row) in layer.rows_mut().into_iter().zip(&rows) {
                let norm = norms[row];
                state.mapv_inplace(|v| if norm > 0.0 { (f64::from(v) / norm) as f32 } else { v });
            }
        }
        layer
    };
    let layers: Vec<Array2<f32>> = norms.iter().enumerate().map(of_layer).collect();
    // The indices of the fitted rows in `rows`.
    let fit: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| fitted.binary_search(row).is_ok())
        .map(|(place, _)| place)
        .collect();
    let n = rows.len();
    // Separate maps of layers are rotated in the plane, so that a third component has no place.
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
                let mut report = |done, all| progress(step * all + done, steps * all);
                let scores = if x.nrows() > FULL_POINTS && x.ncols() > COMPONENTS {
                    let pca = Pca::params(COMPONENTS).fit(&DatasetBase::from(x))?;
                    Some(pca.transform(&x)?)
                } else {
                    None
                };
                // States without variance have no components.
                let scores = scores.filter(|scores| scores.ncols() > 0);
                let map = match &scores {
                    Some(scores) => params.embed(scores.view(), &mut report)?,
                    None => params.embed(x, &mut report)?,
                };
                components = scores.map(|scores| scores.ncols());
                perplexity = Some(map.perplexity);
                map.embedding
            }
        };
        // Points without variance have fewer than two components.
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
                    // The scale of a t-SNE map has no meaning, in contrast to that of other maps.
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
        unit_length,
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

/// The variance of the fitted points along each axis, divided by the variance of the states. With a
/// joint basis, the variance is about one mean; otherwise, it is about the mean of each layer.
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
        // Welford's update needs one pass over the values.
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
