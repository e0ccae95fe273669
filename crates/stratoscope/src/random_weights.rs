//! A model with the same architecture and random weights: a control of the probes.

use crate::{Explorer, Result};
use candle_core::Tensor;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use std::collections::HashMap;
use stratoscope_loader::Model;
use stratoscope_transformer::{Norm, Transformer};

/// The standard deviation of the random weights: the `initializer_range` of most configs.
const SPREAD: f64 = 0.02;

impl Explorer {
    /// A model with the same architecture and tokenizer and with seeded random weights. They have
    /// the distribution of Hugging Face's `_init_weights`: normal with standard deviation 0.02;
    /// biases are 0, and norms are the identity. The score of a probe on this model does not come
    /// from training (Conneau et al. 2018; Zhang & Bowman 2018).
    ///
    /// # Errors
    /// A device with too little memory.
    pub fn with_random_weights(&self, seed: u64) -> Result<Self> {
        let model = self.model();
        let architecture = model.transformer.architecture();
        let (device, dtype) = (model.transformer.device(), model.transformer.dtype());
        let identity = match architecture.norm {
            Norm::Rms { unit_offset: true, .. } => 0.0,
            _ => 1.0,
        };
        let mut normal = Normal { random: Xoshiro256Plus::seed_from_u64(seed), second: None };
        let mut weights = HashMap::new();
        for spec in architecture.weights() {
            let n: usize = spec.shape.iter().product();
            let values: Vec<f32> = match spec.name.rsplit('.').collect::<Vec<_>>()[..] {
                ["bias", ..] => vec![0.0; n],
                ["weight", of, ..] if of.contains("norm") => vec![identity; n],
                _ => (0..n).map(|_| (SPREAD * normal.next()) as f32).collect(),
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
        let tokenizer = model.tokenizer.clone();
        Ok(self.beside(Model { transformer, tokenizer, info, warnings: Vec::new() }))
    }
}

/// A generator of standard normal numbers (Box & Muller 1958), which makes two at a time.
struct Normal {
    random: Xoshiro256Plus,
    second: Option<f64>,
}

impl Normal {
    fn next(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        // Uniform in (0, 1].
        let mut unit = || ((self.random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
        self.second = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_normal() {
        let mut normal = Normal { random: Xoshiro256Plus::seed_from_u64(3), second: None };
        let numbers: Vec<f64> = (0..100_000).map(|_| normal.next()).collect();
        let mean = |of: &dyn Fn(f64) -> f64| numbers.iter().map(|&v| of(v)).sum::<f64>() / 1e5;
        assert!(mean(&|v| v).abs() < 0.02);
        assert!((mean(&|v| v * v) - 1.0).abs() < 0.02);
        assert!((mean(&|v| v.powi(4)) - 3.0).abs() < 0.2);
    }
}
