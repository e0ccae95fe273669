//! Images and sounds of an exploration: values of their cells by layer, which are drawn over the picture.

mod charts;
mod page;
mod png;

use super::attention::patterns_of;
use super::{Exploration, Options};
use crate::Result;
use crate::sinks::ordinary_rows;
use linfa::DatasetBase;
use linfa::traits::{Fit, Transformer};
use ndarray::{Array2, ArrayView2, Axis, s};
use stratoscope_extractor::{Activations, Media, Unit};
use stratoscope_geometry::{Metric, Reference, similarity_to};
use stratoscope_reducer::{Pca, Scaling, procrustes};

/// The number of components that become colours: red, green and blue.
const CHANNELS: usize = 3;

/// Values of the cells of images or sounds by layer; rows are those of the states.
#[derive(Debug, Clone)]
pub struct CellValues {
    /// The row of the chosen cell.
    pub chosen: usize,
    /// The metric of `similarity`: [`Metric::Centred`] in place of the raw cosine, which is high for all
    /// pairs.
    pub metric: Metric,
    /// `[layers][rows]`: the similarity of the chosen cell to every row.
    pub similarity: Vec<Vec<f64>>,
    /// The first principal components of the cells; `None` if there are too few cells.
    pub components: Option<CellComponents>,
}

/// The three directions of largest variance of the cells of each layer.
#[derive(Debug, Clone)]
pub struct CellComponents {
    /// `[layers][rows]`: the place of each row along the directions, from 0 (the smallest of the cells of
    /// the layer) to 1 (the largest).
    pub places: Vec<Vec<[f64; CHANNELS]>>,
    /// `[layers]`: the share of the variance of the cells along the three directions.
    pub shares: Vec<f64>,
}

/// The attention that the first token of each input gives to the tokens of its input.
#[derive(Debug, Clone)]
pub struct FromFirst {
    /// The layer that is the output of the block.
    pub layer: usize,
    /// `[heads][rows]`: the weights.
    pub weights: Vec<Vec<f64>>,
}

impl CellValues {
    /// The values of the cells of states; `None` if they have no media, or if their rows are not its
    /// cells.
    ///
    /// # Errors
    /// An entry of the states that is not finite.
    pub(super) fn of(states: &Activations, options: &Options) -> Result<Option<Self>> {
        if states.unit != Unit::Token {
            return Ok(None);
        }
        let Some(first) = states.media.first() else { return Ok(None) };
        let chosen = first.first + chosen_cell(first, options.cell);
        let metric = match options.metric {
            Metric::Cosine => Metric::Centred,
            other => other,
        };
        let ordinary = ordinary_rows(states);
        let mut similarity = Vec::new();
        for layer in 0..states.layers.len() {
            let x = states.layer(layer);
            let reference = Reference::of(x.select(Axis(0), &ordinary).view())?;
            let to = similarity_to(x, &[chosen], metric, &reference)?;
            similarity.push(to.into_iter().collect());
        }
        let components = CellComponents::of(states, &ordinary)?;
        Ok(Some(Self { chosen, metric, similarity, components }))
    }
}

/// The chosen cell of a picture, or the one in the middle.
fn chosen_cell(media: &Media, cell: Option<[usize; 2]>) -> usize {
    let [rows, columns] = media.grid;
    let [row, column] = cell.unwrap_or([rows / 2, columns / 2]);
    row.min(rows.saturating_sub(1)) * columns + column.min(columns.saturating_sub(1))
}

impl CellComponents {
    fn of(states: &Activations, ordinary: &[usize]) -> Result<Option<Self>> {
        if ordinary.len() <= CHANNELS {
            return Ok(None);
        }
        let mut found = Self { places: Vec::new(), shares: Vec::new() };
        let mut last: Option<Array2<f64>> = None;
        for layer in 0..states.layers.len() {
            let x = states.layer(layer);
            let cells = x.select(Axis(0), ordinary);
            let pca = Pca::params(CHANNELS).fit(&DatasetBase::from(cells.clone()))?;
            let of_cells = padded(&pca.transform(&cells.view())?);
            let total: f64 = variance(cells.mapv(f64::from).view());
            found.shares.push(if total > 0.0 { variance(of_cells.view()) / total } else { 0.0 });
            let mut all = padded(&pca.transform(&x)?);
            let mut fitted = of_cells;
            if let Some(last) = &last {
                let turn = procrustes(fitted.view(), last.view(), Scaling::Keep)?;
                (all, fitted) = (turn.apply(all.view())?, turn.apply(fitted.view())?);
            }
            let ranges: Vec<[f64; 2]> = fitted.columns().into_iter().map(range).collect();
            let place = |row: ndarray::ArrayView1<'_, f64>| {
                std::array::from_fn(|channel| {
                    let [low, high] = ranges[channel];
                    let share = (row[channel] - low) / (high - low).max(f64::MIN_POSITIVE);
                    share.clamp(0.0, 1.0)
                })
            };
            found.places.push(all.rows().into_iter().map(place).collect());
            last = Some(fitted);
        }
        Ok(Some(found))
    }
}

/// The smallest and the largest of some values.
fn range(values: ndarray::ArrayView1<'_, f64>) -> [f64; 2] {
    let ends = [f64::INFINITY, f64::NEG_INFINITY];
    values.iter().fold(ends, |[low, high], v| [low.min(*v), high.max(*v)])
}

/// The scores on three components, `[rows, 3]`; cells without variance have fewer.
fn padded(scores: &Array2<f64>) -> Array2<f64> {
    let mut all = Array2::zeros((scores.nrows(), CHANNELS));
    let n = scores.ncols().min(CHANNELS);
    all.slice_mut(s![.., ..n]).assign(&scores.slice(s![.., ..n]));
    all
}

/// The sum of squared distances from the mean.
fn variance(x: ArrayView2<'_, f64>) -> f64 {
    let Some(mean) = x.mean_axis(Axis(0)) else { return 0.0 };
    (&x - &mean).mapv(|v| v * v).sum()
}

impl FromFirst {
    /// The attention of the first tokens of images or sounds, block by block; `None` without attention
    /// patterns, or if the first tokens are cells.
    pub(super) fn of(states: &Activations) -> Option<Vec<Self>> {
        let has_first = !states.media.is_empty() && states.media.iter().all(|m| m.first > 0);
        let patterns = patterns_of(states);
        if !has_first || patterns.is_empty() || states.unit != Unit::Token {
            return None;
        }
        let offsets = states.sequence_offsets();
        let lengths: Vec<usize> = offsets.windows(2).map(|ends| ends[1] - ends[0]).collect();
        let of_block = |(layer, hook): &(usize, &stratoscope_extractor::Captured)| {
            let of_head = |head: usize| {
                let (mut weights, mut begin) = (Vec::with_capacity(states.rows.len()), 0);
                for &n in &lengths {
                    // The first row of the n × n matrix of an input.
                    let row = hook.values.slice(s![head, begin..begin + n]);
                    weights.extend(row.iter().map(|&weight| f64::from(weight)));
                    begin += n * n;
                }
                weights
            };
            Self { layer: *layer, weights: (0..hook.values.nrows()).map(of_head).collect() }
        };
        Some(patterns.iter().map(of_block).collect())
    }

    /// `[rows]`: the mean over the heads.
    pub(super) fn mean(&self) -> Vec<f64> {
        let heads = self.weights.len().max(1) as f64;
        let n = self.weights.first().map_or(0, Vec::len);
        (0..n).map(|row| self.weights.iter().map(|head| head[row]).sum::<f64>() / heads).collect()
    }
}

impl Exploration {
    /// The rows of the cells of each picture.
    fn cells_of(&self) -> Vec<std::ops::Range<usize>> {
        let offsets = self.states.sequence_offsets();
        let cells = self.states.media.iter().zip(&offsets);
        cells
            .map(|(media, begin)| begin + media.first..begin + media.first + media.cells())
            .collect()
    }
}

#[cfg(test)]
mod tests;
