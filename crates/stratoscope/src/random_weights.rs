//! A model with the same architecture and random weights: a control of the probes.

use crate::{Error, Explorer, Result};
use candle_core::Tensor;
use rand::Rng;
use rand_distr::StandardNormal;
use std::collections::HashMap;
use stratoscope_loader::Model;
use stratoscope_numerics::generator;
use stratoscope_transformer::{Norm, Transformer};

/// The standard deviation of the random weights where the config does not say one: that of most configs.
const SPREAD: f64 = 0.02;

impl Explorer {
    /// A model with the same architecture and tokenizer and with seeded random weights. They have
    /// the distribution of Hugging Face's `_init_weights`: normal with the standard deviation of the
    /// config (`initializer_range`), or else 0.02; biases are 0, and norms are the identity. The score
    /// of a probe on this model does not come from training (Conneau et al. 2018; Zhang & Bowman 2018).
    ///
    /// # Errors
    /// [`Error::RandomWeights`] for a model that is larger than the memory; a device with too little
    /// memory.
    pub fn with_random_weights(&self, seed: u64) -> Result<Self> {
        let model = self.model();
        if !model.memory.resident {
            let (needed, allowed) = (model.memory.weights, model.memory.budget);
            return Err(Error::RandomWeights { needed, allowed });
        }
        let architecture = model.transformer.architecture();
        let (device, dtype) = (model.transformer.device(), model.info.dtype);
        let identity = match architecture.norm {
            Norm::Rms { unit_offset: true, .. } => 0.0,
            _ => 1.0,
        };
        let spread = model.info.initializer_range.unwrap_or(SPREAD);
        let mut normal = generator(seed).sample_iter::<f64, _>(StandardNormal);
        let mut weights = HashMap::new();
        for spec in architecture.weights() {
            let n: usize = spec.shape.iter().product();
            let values: Vec<f32> = match spec.name.rsplit('.').collect::<Vec<_>>()[..] {
                ["bias", ..] => vec![0.0; n],
                ["weight", of, ..] if of.contains("norm") => vec![identity; n],
                _ => normal.by_ref().take(n).map(|v| (spread * v) as f32).collect(),
            };
            let tensor = Tensor::from_vec(values, spec.shape.as_slice(), device)
                .and_then(|tensor| tensor.to_dtype(dtype))
                .map_err(stratoscope_extractor::Error::from)?;
            weights.insert(spec.name, tensor);
        }
        let transformer = Transformer::new(architecture.clone(), weights, device)
            .map_err(stratoscope_extractor::Error::from)?;
        let mut info = model.info.clone();
        info.id = format!("{} (random weights, seed {seed})", info.id);
        info.files = Vec::new();
        let (tokenizer, without_tokenizer) =
            (model.tokenizer.clone(), model.without_tokenizer.clone());
        let (memory, times, warnings) = (model.memory, model.times, Vec::new());
        Ok(self.beside(Model {
            transformer,
            tokenizer,
            without_tokenizer,
            info,
            memory,
            times,
            warnings,
        }))
    }
}
