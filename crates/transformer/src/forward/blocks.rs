//! The blocks of a transformer: all in memory, or read from their source one by one.

use super::layers::Block;
use crate::architecture::Architecture;
use crate::error::Result;
use crate::weights::{Placement, WeightSource, Weights};
use candle_core::Tensor;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The blocks, by set of weights.
pub(super) enum Blocks {
    /// All are in memory.
    Resident(Vec<Arc<Block>>),
    /// One is in memory; the next is read into its memory.
    Streamed(Box<Streamed>),
}

/// Blocks that are read when they run.
pub(super) struct Streamed {
    source: Arc<dyn WeightSource>,
    shapes: HashMap<String, Vec<usize>>,
    place: Placement,
    distances: Option<Tensor>,
    /// The block that ran last, with its set of weights.
    last: Mutex<Option<(usize, Arc<Block>)>>,
}

impl Blocks {
    /// Reads all blocks, or prepares to read them when they run.
    pub(super) fn new(
        a: &Architecture,
        source: Arc<dyn WeightSource>,
        shapes: HashMap<String, Vec<usize>>,
        place: Placement,
        distances: Option<Tensor>,
    ) -> Result<Self> {
        if !place.resident {
            let last = Mutex::default();
            let streamed = Streamed { source, shapes, place, distances, last };
            return Ok(Self::Streamed(Box::new(streamed)));
        }
        let mut weights =
            Weights { source: &*source, shapes: &shapes, place: &place, spare: Vec::new() };
        let mut blocks = Vec::with_capacity(a.n_weight_sets);
        for set in 0..a.n_weight_sets {
            blocks.push(Arc::new(Block::new(a, &mut weights, set, distances.as_ref())?));
        }
        Ok(Self::Resident(blocks))
    }

    /// The block of a set of weights.
    pub(super) fn get(&self, a: &Architecture, set: usize) -> Result<Arc<Block>> {
        let streamed = match self {
            Self::Resident(blocks) => return Ok(blocks[set].clone()),
            Self::Streamed(streamed) => streamed,
        };
        // Others that want the block wait until it is there.
        let mut last = streamed.last.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = match last.take() {
            Some((own, block)) if own == set => {
                *last = Some((set, block.clone()));
                return Ok(block);
            }
            Some((_, block)) => Arc::into_inner(block).map_or_else(Vec::new, Block::into_values),
            None => Vec::new(),
        };
        let mut weights = Weights {
            source: &*streamed.source,
            shapes: &streamed.shapes,
            place: &streamed.place,
            spare,
        };
        let block = Arc::new(Block::new(a, &mut weights, set, streamed.distances.as_ref())?);
        *last = Some((set, block.clone()));
        Ok(block)
    }
}
