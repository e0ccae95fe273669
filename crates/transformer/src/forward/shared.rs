//! Values that all blocks of a forward pass share.

use crate::architecture::Span;
use crate::batch::Batch;
use crate::error::Result;
use crate::kernels::{Distances, OffsetRows};
use crate::ops;
use crate::positions::Rotary;
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Values that the blocks of one forward pass share, made at first use.
#[derive(Default)]
pub(super) struct Shared {
    biases: HashMap<usize, Tensor>,
    masks: HashMap<(Span, usize), Option<Tensor>>,
    distances: Option<Distances>,
    offset_rows: Option<OffsetRows>,
    rotations: Vec<(Rotary, Rotations)>,
}

/// Cosines and sines of one batch, `[tokens, pairs]`: as values and as tensors.
pub(super) struct Rotations {
    pub(super) values: (Vec<f32>, Vec<f32>),
    pub(super) tensors: (Tensor, Tensor),
}

impl Shared {
    /// The relative bias of a sequence of `n` tokens, `[n_heads, n, n]`.
    pub(super) fn bias(
        &mut self,
        n: usize,
        make: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Tensor> {
        Ok(match self.biases.entry(n) {
            Entry::Occupied(slot) => slot.get().clone(),
            Entry::Vacant(slot) => slot.insert(make()?).clone(),
        })
    }

    /// The mask of a sequence of `n` tokens, `[n, n]`.
    pub(super) fn mask(&mut self, span: Span, n: usize, device: &Device) -> Result<Option<Tensor>> {
        Ok(match self.masks.entry((span, n)) {
            Entry::Occupied(slot) => slot.get().clone(),
            Entry::Vacant(slot) => slot.insert(ops::mask(span, n, device)?).clone(),
        })
    }

    /// The relative bias by distance, up to the longest sequence.
    pub(super) fn distances(
        &mut self,
        make: impl FnOnce() -> Result<Distances>,
    ) -> Result<&Distances> {
        Ok(match &mut self.distances {
            Some(distances) => distances,
            slot => slot.insert(make()?),
        })
    }

    /// The vector of each distance, up to the longest sequence.
    pub(super) fn offset_rows(&mut self, make: impl FnOnce() -> OffsetRows) -> &OffsetRows {
        self.offset_rows.get_or_insert_with(make)
    }

    pub(super) fn rotation(
        &mut self,
        rotary: &Rotary,
        batch: &Batch,
        device: &Device,
    ) -> Result<&Rotations> {
        let known = self.rotations.iter().position(|(own, _)| own == rotary);
        let index = match known {
            Some(index) => index,
            None => {
                let values = rotary.tables(batch);
                let shape = (batch.tokens(), rotary.width / 2);
                let tensors = (
                    Tensor::from_slice(&values.0, shape, device)?,
                    Tensor::from_slice(&values.1, shape, device)?,
                );
                self.rotations.push((rotary.clone(), Rotations { values, tensors }));
                self.rotations.len() - 1
            }
        };
        Ok(&self.rotations[index].1)
    }
}
