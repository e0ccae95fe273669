//! A model with the same architecture and random weights: a control of the probes.

use crate::{Explorer, Result};
use half::{bf16, f16};
use rand::Rng;
use rand_distr::StandardNormal;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use stratoscope_loader::{DType, FileRecords, Model};
use stratoscope_numerics::{Generator, generator};
use stratoscope_transformer::{
    self as transformer, Architecture, Encoding, Norm, Placement, StoredWeight, Transformer,
    WeightSource,
};

/// The standard deviation of the random weights where the config does not say one: that of most configs.
const SPREAD: f64 = 0.02;

/// The values between two places at which the state of the generator is kept.
const STEP: usize = 1 << 14;

impl Explorer {
    /// A model with the same architecture and tokenizer and with seeded random weights. They have
    /// the distribution of Hugging Face's `_init_weights`: normal with the standard deviation of the
    /// config (`initializer_range`), or else 0.02; biases are 0, and norms are the identity; convolutions over sound have the
    /// standard deviation `√(2 / inputs)` (He et al. 2015). The score
    /// of a probe on this model does not come from training (Conneau et al. 2018; Zhang & Bowman 2018).
    ///
    /// It may take what this model leaves of the memory. If that is too little, the weights of a block are
    /// made again when the block runs: the values are the same.
    ///
    /// # Errors
    /// A device with too little memory.
    pub fn with_random_weights(&self, seed: u64) -> Result<Self> {
        let (start, model) = (Instant::now(), self.model());
        let architecture = model.transformer.architecture().clone();
        let dtype = model.info.dtype;
        let spread = model.info.initializer_range.unwrap_or(SPREAD);
        let source = RandomWeights::new(&architecture, dtype, spread, seed);
        let mut place = Placement {
            device: model.transformer.device().clone(),
            dtype,
            kernels: model.transformer.device().is_cpu(),
            resident: true,
        };
        let memory = model.memory.beside(&architecture, source.encoding, &place);
        place.resident = memory.resident;
        let transformer = Transformer::from_source(architecture, Arc::new(source), place)
            .map_err(stratoscope_extractor::Error::from)?;
        let mut info = model.info.clone();
        info.id = format!("{} (random weights, seed {seed})", info.id);
        info.files = FileRecords::default();
        let (tokenizer, without_tokenizer) =
            (model.tokenizer.clone(), model.without_tokenizer.clone());
        let (time, warnings) = (start.elapsed(), Vec::new());
        Ok(self.beside(Model {
            transformer,
            tokenizer,
            images: model.images.clone(),
            without_tokenizer,
            sounds: model.sounds.clone(),
            info,
            memory,
            time,
            warnings,
        }))
    }
}

/// Random weights, which are made whenever they are read. One stream of normal numbers gives them in the
/// order of [`Architecture::weights`].
struct RandomWeights {
    encoding: Encoding,
    weights: HashMap<String, Arc<RandomWeight>>,
}

/// One random weight.
struct RandomWeight {
    shape: Vec<usize>,
    encoding: Encoding,
    values: Values,
}

enum Values {
    /// All are equal.
    Constant(f32),
    /// Normal numbers with a standard deviation, and the generator before every [`STEP`] of them.
    Normal { spread: f64, generators: Vec<Generator> },
}

impl RandomWeights {
    /// Draws the whole stream once, to know the generator at the beginning of each part: how much of
    /// its stream a normal number takes differs from number to number.
    fn new(architecture: &Architecture, dtype: DType, spread: f64, seed: u64) -> Self {
        let encoding = match dtype {
            DType::F16 => Encoding::F16,
            DType::BF16 => Encoding::Bf16,
            _ => Encoding::F32,
        };
        let identity = match architecture.norm {
            Norm::Rms { unit_offset: true, .. } => 0.0,
            _ => 1.0,
        };
        let mut generator = generator(seed);
        let mut weights = HashMap::new();
        for spec in architecture.weights() {
            let n: usize = spec.shape.iter().product();
            let values = match spec.name.rsplit('.').collect::<Vec<_>>()[..] {
                ["bias", ..] => Values::Constant(0.0),
                ["weight", of, ..] if of.contains("norm") => Values::Constant(identity),
                // The factors of what attention and MLP give.
                ["weight", "scale" | "gate_scale", ..] => Values::Constant(1.0),
                ref name => {
                    // As deep stacks of convolutions are initialised (He et al. 2015).
                    let convolution =
                        matches!(name, [_, _, "conv", "embed"] | [_, "position_conv", ..]);
                    let inputs = spec.shape.get(1).copied().unwrap_or(1).max(1);
                    let spread = if convolution { (2.0 / inputs as f64).sqrt() } else { spread };
                    let before = |first: usize| {
                        let state = generator.clone();
                        normal(&mut generator).take((n - first).min(STEP)).for_each(drop);
                        state
                    };
                    let generators = (0..n).step_by(STEP).map(before).collect();
                    Values::Normal { spread, generators }
                }
            };
            let weight = RandomWeight { shape: spec.shape, encoding, values };
            weights.insert(spec.name, Arc::new(weight));
        }
        Self { encoding, weights }
    }
}

/// Normal numbers from a generator.
fn normal(generator: &mut Generator) -> impl Iterator<Item = f64> + '_ {
    generator.sample_iter(StandardNormal)
}

impl WeightSource for RandomWeights {
    fn open(&self, name: &str) -> transformer::Result<Arc<dyn StoredWeight>> {
        match self.weights.get(name) {
            Some(weight) => Ok(weight.clone()),
            None => Err(transformer::Error::MissingWeight { name: name.to_owned() }),
        }
    }
}

impl StoredWeight for RandomWeight {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> transformer::Result<()> {
        let width: usize = self.shape.iter().skip(1).product();
        match &self.values {
            Values::Constant(value) => self.write(std::iter::repeat(*value), bytes),
            Values::Normal { spread, generators } => {
                let first = rows.start * width;
                if let Some(before) = generators.get(first / STEP) {
                    let mut generator = before.clone();
                    let values = normal(&mut generator).skip(first % STEP);
                    self.write(values.map(|value| (spread * value) as f32), bytes);
                }
            }
        }
        Ok(())
    }
}

impl RandomWeight {
    /// Writes values in the encoding, until `bytes` is full.
    fn write(&self, values: impl Iterator<Item = f32>, bytes: &mut [u8]) {
        match self.encoding {
            Encoding::F16 => fill(bytes, values.map(|value| f16::from_f32(value).to_le_bytes())),
            Encoding::Bf16 => fill(bytes, values.map(|value| bf16::from_f32(value).to_le_bytes())),
            _ => fill(bytes, values.map(f32::to_le_bytes)),
        }
    }
}

fn fill<const N: usize>(bytes: &mut [u8], values: impl Iterator<Item = [u8; N]>) {
    bytes.as_chunks_mut().0.iter_mut().zip(values).for_each(|(out, value)| *out = value);
}

#[cfg(test)]
mod tests;
