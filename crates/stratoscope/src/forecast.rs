//! The memory and the time that a model needs until the states of a sentence are there, predicted before
//! its weights are read: two blocks are read, and one of them runs.

use crate::{Explorer, Result};
use std::time::{Duration, Instant};
use stratoscope_extractor::Error;
use stratoscope_loader::used_memory;
use stratoscope_transformer::{Batch, NoHooks};

/// The tokens of a short sentence.
const TOKENS: usize = 10;

/// What a model needs until the states of a sentence are there.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// The memory of the process, in bytes, where the system tells that of this one.
    pub memory: Option<u64>,
    /// The time.
    pub time: Duration,
    /// Whether the weights stay in memory. If they do not, each block is read when it runs.
    pub resident: bool,
}

impl Explorer {
    /// Predicts memory and time of a model whose weights are read later
    /// ([`LoadOptions::later`](crate::LoadOptions::later)). The throughput is that of this machine at
    /// this moment: one block is read into new memory and runs, and the next is read into its memory.
    ///
    /// One thread computes the sha256 of the files while all threads read the weights and run: together
    /// they take at least the time of the sha256, and the time that all cores need for all.
    ///
    /// # Errors
    /// A file or a block that cannot be read, or a forward pass that fails.
    pub fn forecast(&self) -> Result<Forecast> {
        let model = self.model();
        let (transformer, plan) = (&model.transformer, model.memory);
        let architecture = transformer.architecture();
        // It is over before anything is measured.
        let hashing = model.info.files.time().map_err(Error::from)?;
        let used = used_memory();
        let timed = |run: &mut dyn FnMut() -> Result<(), stratoscope_transformer::Error>| {
            let start = Instant::now();
            run().map_err(Error::from)?;
            Ok::<_, crate::Error>(start.elapsed())
        };
        let first = timed(&mut || transformer.read_block(0))?;
        let example = architecture.example(TOKENS);
        let batch = Batch::new(architecture, &[example]).map_err(Error::from)?;
        let mut pass = transformer.start(&batch, &mut NoHooks).map_err(Error::from)?;
        let block = timed(&mut || pass.advance(&mut NoHooks))?;
        let sets = architecture.n_weight_sets as u32;
        let reading = match (plan.resident, sets) {
            // Of all weights, in blocks of the size of the largest.
            (true, _) => first.mul_f64(plan.weights as f64 / plan.block.max(1) as f64),
            (false, 1) => first,
            (false, _) => first + timed(&mut || transformer.read_block(1))? * (sets - 1),
        };
        let work = reading + block * architecture.n_layers as u32;
        let threads = rayon::current_num_threads() as u32;
        let time = model.time + hashing.max(work + hashing / threads);
        let weights = if plan.resident { plan.weights } else { plan.block };
        let memory = used.map(|used| used.saturating_add(weights));
        Ok(Forecast { memory, time, resident: plan.resident })
    }
}
