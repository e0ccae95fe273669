//! Sources of weights: blocks that are read when they run, and quantised weights.

use super::*;
use crate::weights::{Encoding, StoredWeight};
use std::ops::Range;

/// A model whose blocks are read when they run has the bytes of one whose blocks stay in memory.
#[test]
fn blocks_that_are_read_give_the_same_bytes() {
    for (name, architecture) in architectures() {
        for (dtype, kernels) in [(DType::F32, true), (DType::BF16, true), (DType::F32, false)] {
            let stored: HashMap<String, Tensor> = weights(&architecture)
                .into_iter()
                .map(|(name, weight)| {
                    let dtype = if weight.rank() == 2 { dtype } else { DType::F32 };
                    (name, weight.to_dtype(dtype).unwrap())
                })
                .collect();
            let source = std::sync::Arc::new(stored);
            let [held, read] = [true, false].map(|resident| {
                let (device, dtype) = (Device::Cpu, DType::F32);
                let place = Placement { device, dtype, kernels, resident };
                Transformer::from_source(architecture.clone(), source.clone(), place).unwrap()
            });
            assert!(held.is_resident() && !read.is_resident());
            let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
            let points = architecture.hook_points();
            let mut seen = [Recorder::new(points.clone()), Recorder::new(points)];
            let expected = held.forward(&batch, &mut seen[0]).unwrap();
            let found = read.forward(&batch, &mut seen[1]).unwrap();
            let same = |a: &Tensor, b: &Tensor| {
                assert_eq!(ops::values(a).unwrap(), ops::values(b).unwrap(), "{name}");
            };
            found.iter().zip(&expected).for_each(|(a, b)| same(a, b));
            for (point, value) in &seen[0].values {
                same(value, &seen[1].values[point]);
            }
            if !kernels {
                continue;
            }
            // Two batches, block by block, without hooks.
            let expected = held.forward(&batch, &mut NoHooks).unwrap();
            let parts = [&sequences(&architecture)[..2], &sequences(&architecture)[2..]];
            let parts = parts.map(|part| Batch::new(&architecture, part).unwrap());
            let mut passes = parts.each_ref().map(|part| read.start(part, &mut NoHooks).unwrap());
            for (layer, state) in expected.iter().enumerate() {
                let states = passes.each_ref().map(Pass::state);
                same(&Tensor::cat(&states, 0).unwrap(), state);
                if layer < LAYERS {
                    passes.iter_mut().for_each(|pass| pass.advance(&mut NoHooks).unwrap());
                }
            }
        }
    }
}

/// Rows of blocks of four values: a scale in f32, then a signed byte for each value.
struct Quantised {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Quantised {
    const BLOCKS: Encoding = Encoding::Blocks(crate::Blocks {
        values: 4,
        bytes: 8,
        decode: |bytes, out| {
            for (block, out) in bytes.chunks(8).zip(out.chunks_mut(4)) {
                let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
                let values = block[4..].iter().map(|&value| scale * f32::from(value as i8));
                out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
            }
        },
    });

    fn of(tensor: &Tensor) -> Self {
        let quantise = |block: &[f32]| {
            let scale = block.iter().fold(0.0f32, |a, b| a.max(b.abs())) / 127.0;
            let values = block.iter().map(|value| (value / scale) as i8 as u8);
            [scale.to_le_bytes().to_vec(), values.collect()].concat()
        };
        let bytes = ops::values(tensor).unwrap().chunks(4).flat_map(quantise).collect();
        Self { shape: tensor.dims().to_vec(), bytes }
    }

    fn values(&self) -> Tensor {
        let mut values = vec![0.0; self.shape.iter().product()];
        Self::BLOCKS.decode(&self.bytes, &mut values);
        Tensor::from_vec(values, self.shape.as_slice(), &Device::Cpu).unwrap()
    }
}

impl StoredWeight for Quantised {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self) -> Encoding {
        Self::BLOCKS
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let row = 2 * self.shape[1];
        bytes.copy_from_slice(&self.bytes[rows.start * row..rows.end * row]);
        Ok(())
    }
}

/// Some weights in blocks, the others as tensors.
struct Mixed {
    tensors: HashMap<String, Tensor>,
    blocks: HashMap<String, Arc<Quantised>>,
}

impl WeightSource for Mixed {
    fn open(&self, name: &str) -> Result<Arc<dyn StoredWeight>> {
        match self.blocks.get(name) {
            Some(weight) => Ok(weight.clone()),
            None => self.tensors.open(name),
        }
    }
}

/// Quantised weights are computed with as the f32 numbers that they are, also beside others in one layer.
#[test]
fn quantised_weights_are_their_values_in_f32() {
    for (name, architecture) in architectures() {
        let mut tensors = weights(&architecture);
        let mut blocks = HashMap::new();
        for (index, spec) in architecture.weights().into_iter().enumerate() {
            // The values of one layer may be in blocks while its keys are not.
            let in_blocks = spec.shape.len() == 2 && spec.shape[1] % 4 == 0 && index % 5 != 0;
            if in_blocks && !spec.name.starts_with("relative") {
                let weight = Quantised::of(&tensors[&spec.name]);
                tensors.insert(spec.name.clone(), weight.values());
                blocks.insert(spec.name, Arc::new(weight));
            }
        }
        assert!(blocks.len() >= 5, "{name}");
        let wide = Transformer::new(architecture.clone(), tensors.clone(), &Device::Cpu).unwrap();
        let source = Arc::new(Mixed { tensors, blocks });
        let batch = Batch::new(&architecture, &sequences(&architecture)).unwrap();
        let expected = wide.forward(&batch, &mut NoHooks).unwrap();
        for resident in [true, false] {
            let place =
                Placement { device: Device::Cpu, dtype: DType::F32, kernels: true, resident };
            let found =
                Transformer::from_source(architecture.clone(), source.clone(), place).unwrap();
            for (a, b) in found.forward(&batch, &mut NoHooks).unwrap().iter().zip(&expected) {
                assert_eq!(ops::values(a).unwrap(), ops::values(b).unwrap(), "{name}");
            }
            if architecture.head.is_some() {
                let last = &expected[LAYERS];
                let (a, b) = (found.unembed(last).unwrap(), wide.unembed(last).unwrap());
                assert_eq!(ops::values(&a).unwrap(), ops::values(&b).unwrap(), "{name}");
            }
        }
    }
}
