//! The peer candle-transformers: the last hidden states of BERT. It does not return other layers.

use crate::clock::clocked;
use crate::{Peer, Result, Settings, unknown};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use serde_json::Value;

/// The number of sequences in a batch, as in `peers.py`.
const BATCH: usize = 32;

/// The model and its input: ids, token types and masks of batches sorted by length.
pub(crate) struct Candle {
    model: BertModel,
    batches: Vec<[Tensor; 3]>,
    tokens: usize,
}

impl Candle {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let folder = settings.path("model")?;
        let config: Config = serde_json::from_slice(&std::fs::read(folder.join("config.json"))?)?;
        let device = Device::Cpu;
        let tensors = candle_core::safetensors::load(folder.join("model.safetensors"), &device)?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &device);
        let model = BertModel::load(weights, &config)?;
        let (mut sequences, _) = settings.ids()?;
        sequences.sort_by_key(Vec::len);
        let batches = sequences.chunks(BATCH).map(padded).collect::<Result<_>>()?;
        Ok(Self { model, batches, tokens: sequences.iter().map(Vec::len).sum() })
    }
}

impl Peer for Candle {
    fn name(&self) -> [&str; 2] {
        // The version in the manifest of the workspace.
        ["candle-transformers", "0.11.1"]
    }

    fn round(&mut self, job: &str) -> Result<Value> {
        if job != "memory" {
            return Err(unknown(job));
        }
        let (states, mut answer) = clocked(|| {
            let states = self
                .batches
                .iter()
                .map(|[ids, types, mask]| Ok(self.model.forward(ids, types, Some(mask))?));
            states.collect::<Result<Vec<Tensor>>>()
        });
        let (mut sum, mut width) = (0.0, 0);
        for (states, [_, _, mask]) in states?.iter().zip(&self.batches) {
            let mask = mask.unsqueeze(2)?.to_dtype(DType::F64)?;
            let real = states.abs()?.to_dtype(DType::F64)?.broadcast_mul(&mask)?;
            sum += real.sum_all()?.to_scalar::<f64>()?;
            width = states.dim(2)?;
        }
        answer["tokens"] = self.tokens.into();
        answer["check"] = vec![sum / (self.tokens * width) as f64].into();
        Ok(answer)
    }
}

/// The ids, token types and mask of a batch, each `[sequences, longest]`.
fn padded(sequences: &[Vec<u32>]) -> Result<[Tensor; 3]> {
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
    let filled = |value: &dyn Fn(u32) -> u32| {
        let rows = sequences.iter().flat_map(|ids| {
            let rest = std::iter::repeat_n(0, longest - ids.len());
            ids.iter().map(|&id| value(id)).chain(rest).collect::<Vec<u32>>()
        });
        Tensor::from_vec(rows.collect(), (sequences.len(), longest), &Device::Cpu)
    };
    Ok([filled(&|id| id)?, filled(&|_| 0)?, filled(&|_| 1)?])
}
