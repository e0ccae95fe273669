//! From hidden states to logits and predictions, with the final norm and the head of a model.

use super::{Cell, Distribution, Layer, LensError, Position, Token, Translators, Truth};
use crate::Result;
use crate::progress::Progress;
use candle_core::{DType, Device, Tensor};
use ndarray::{ArrayView2, ArrayView3, Axis, s};
use rayon::prelude::*;
use stratoscope_transformer::Transformer;

/// The number of positions for which logits are in memory at a time, for two layers, so that memory
/// does not grow with the text.
const POSITIONS: usize = 64;

/// The part of a model that computes logits from states.
pub(super) trait Readout {
    /// Whether the model has a head.
    fn has_head(&self) -> bool;
    /// Whether the model is causal.
    fn is_causal(&self) -> bool;
    /// The final norm of states: `[tokens, d_model]` to `[tokens, d_model]`.
    fn final_norm(&self, x: &Tensor) -> stratoscope_transformer::Result<Tensor>;
    /// The logits of states after the final norm: `[tokens, d_model]` to `[tokens, d_vocab]`.
    fn unembed(&self, normed: &Tensor) -> stratoscope_transformer::Result<Tensor>;
}

impl Readout for Transformer {
    fn has_head(&self) -> bool {
        self.architecture().head.is_some()
    }

    fn is_causal(&self) -> bool {
        self.architecture().is_causal()
    }

    fn final_norm(&self, x: &Tensor) -> stratoscope_transformer::Result<Tensor> {
        Transformer::final_norm(self, &placed(self, x)?)
    }

    fn unembed(&self, normed: &Tensor) -> stratoscope_transformer::Result<Tensor> {
        Transformer::unembed(self, &placed(self, normed)?)
    }
}

/// Converts a tensor to the device and the type of the model.
fn placed(transformer: &Transformer, x: &Tensor) -> stratoscope_transformer::Result<Tensor> {
    Ok(x.to_device(transformer.device())?.to_dtype(transformer.dtype())?)
}

/// The logits `[tokens, d_vocab]` of states `[tokens, d_model]`. `last` means that the states are
/// the output of the final norm.
pub(super) fn logits(
    readout: &dyn Readout,
    states: ArrayView2<'_, f32>,
    last: bool,
) -> Result<Rows> {
    let tensor = |error| crate::Error::from(stratoscope_extractor::Error::Tensor(error));
    let forward = |error| crate::Error::from(stratoscope_extractor::Error::Transformer(error));
    let (tokens, _) = states.dim();
    let flat: Vec<f32> = states.iter().copied().collect();
    let x = Tensor::from_vec(flat, states.dim(), &Device::Cpu).map_err(tensor)?;
    let normed = if last { x } else { readout.final_norm(&x).map_err(forward)? };
    let logits = readout.unembed(&normed).map_err(forward)?;
    let values: Vec<f32> =
        logits.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1()).map_err(tensor)?;
    let d_vocab = logits.dims().last().copied().unwrap_or(0);
    if d_vocab == 0 || values.len() != tokens * d_vocab {
        let (found, expected) = (values.len(), tokens * d_vocab.max(1));
        return Err(LensError::Shape { what: "logits", found, expected }.into());
    }
    Ok(Rows { values, d_vocab })
}

/// Logits, `[tokens, d_vocab]`.
pub(super) struct Rows {
    pub(super) values: Vec<f32>,
    pub(super) d_vocab: usize,
}

impl Rows {
    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.d_vocab..(index + 1) * self.d_vocab]
    }
}

/// The size of the vocabulary, and the predictions of every layer of `states`,
/// `[n_layers + 1, tokens, d_model]`. The last layer must be the output of the final norm.
pub(super) fn layers(
    readout: &dyn Readout,
    states: ArrayView3<'_, f32>,
    positions: &[Position],
    top: usize,
    name: &(dyn Fn(u32) -> String + Sync),
    translators: Option<&Translators>,
    progress: &dyn Progress,
) -> Result<(usize, Vec<Layer>)> {
    let (n, tokens, _) = states.dim();
    if n == 0 || tokens != positions.len() {
        let (found, expected) = (tokens, positions.len());
        return Err(LensError::Shape { what: "rows of states", found, expected }.into());
    }
    let mut layers: Vec<Layer> =
        (0..n).map(|layer| Layer { layer, cells: Vec::with_capacity(tokens) }).collect();
    let chunks = tokens.div_ceil(POSITIONS);
    let mut d_vocab = 0;
    for chunk in 0..chunks {
        let range = chunk * POSITIONS..((chunk + 1) * POSITIONS).min(tokens);
        let of = |layer: usize| states.index_axis(Axis(0), layer).slice_move(s![range.clone(), ..]);
        let end = logits(readout, of(n - 1), true)?;
        d_vocab = end.d_vocab;
        for (layer, read) in layers.iter_mut().enumerate() {
            progress.part("layers", chunk * n + layer, chunks * n);
            let own = match layer + 1 == n {
                true => None,
                false => Some(match translators {
                    Some(maps) => logits(readout, maps.apply(layer, of(layer)).view(), false)?,
                    None => logits(readout, of(layer), false)?,
                }),
            };
            let own = own.as_ref().unwrap_or(&end);
            let cells = (0..range.len()).into_par_iter().map(|i| {
                let truth = positions[range.start + i].truth.as_ref();
                cell(own.row(i), end.row(i), truth, top, name)
            });
            read.cells.extend(cells.collect::<Result<Vec<_>, LensError>>()?);
        }
    }
    progress.part("layers", chunks * n, chunks * n);
    Ok((d_vocab, layers))
}

/// The prediction of a row of logits. `last` is the row of the last layer at this position.
fn cell(
    logits: &[f32],
    last: &[f32],
    truth: Option<&Token>,
    top: usize,
    name: &(dyn Fn(u32) -> String + Sync),
) -> Result<Cell, LensError> {
    let (own, last) = (Distribution::of(logits)?, Distribution::of(last)?);
    let truth = match truth {
        None => None,
        Some(&Token { id, .. }) => match (own.rank(id), own.log_probability(id)) {
            (Some(rank), Some(log)) => {
                Some(Truth { rank, probability: log.exp(), nats: 0.0 - log })
            }
            _ => return Err(LensError::TokenId { id, d_vocab: own.d_vocab() }),
        },
    };
    Ok(Cell {
        top: (own.top(top.max(1)).into_iter())
            .map(|(id, probability)| super::TopToken { id, text: name(id), probability })
            .collect(),
        entropy_nats: own.entropy(),
        kl_nats: last.kl(&own)?,
        truth,
    })
}
