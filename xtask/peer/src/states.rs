//! The hidden states of all layers by Stratoscope.

use crate::clock::{clocked, timed};
use crate::{Peer, Result, Settings, unknown};
use ndarray::{ArrayView2, Axis, s};
use serde_json::{Value, json};
use std::path::PathBuf;
use stratoscope::crates::extractor::write_states;
use stratoscope::crates::transformer::{Architecture, Batch, NoHooks, Sequence};
use stratoscope::{Activations, DType, Explorer, Source};

/// The number of forward passes of one sentence in a round, as in `peers.py`; the median counts.
const PASSES: usize = 50;

/// A loaded model and the token ids of its input.
pub(crate) struct States {
    explorer: Explorer,
    /// Whether it computes in bf16.
    half: bool,
    sequences: Vec<Vec<u32>>,
    sentence: Vec<u32>,
    flop: f64,
    /// The largest number of rows for the reducers.
    most_rows: usize,
    out: PathBuf,
}

impl States {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let half = settings.text("dtype").is_ok_and(|dtype| dtype == "bf16");
        let dtype = if half { DType::BF16 } else { DType::F32 };
        let source = Source::Folder(settings.path("model")?);
        let explorer = Explorer::builder(source).dtype(dtype).open()?;
        let (sequences, sentence) = settings.ids()?;
        let flop = flop(explorer.model().transformer.architecture(), &sequences);
        let (most_rows, out) = (settings.size("most_rows")?, settings.path("out")?);
        Ok(Self { explorer, half, sequences, sentence, flop, most_rows, out })
    }

    fn answer(&self, states: &Activations, mut answer: Value) -> Value {
        answer["tokens"] = states.rows.len().into();
        answer["check"] = (0..states.layers.len()).map(|i| mean(states.layer(i))).collect();
        answer["flop"] = self.flop.into();
        answer
    }

    fn disk(&self) -> Result<Value> {
        let path = self.out.join("stratoscope.safetensors");
        let (states, answer) = clocked(|| -> Result<_> {
            let states = self.explorer.extract_ids(&self.sequences)?;
            write_states(&path, &states)?;
            Ok(states)
        });
        let mut answer = self.answer(&states?, answer);
        answer["bytes"] = std::fs::metadata(&path)?.len().into();
        std::fs::remove_file(&path)?;
        Ok(answer)
    }

    /// Times only the forward pass, as the Python peers do.
    fn one_sentence(&self) -> Result<Value> {
        let transformer = &self.explorer.model().transformer;
        let sequence = Sequence::from_ids(self.sentence.clone());
        let batch = Batch::new(transformer.architecture(), &[sequence])?;
        let mut times = Vec::with_capacity(PASSES);
        let mut check = Vec::new();
        for _ in 0..PASSES {
            let (states, seconds) = timed(|| transformer.forward(&batch, &mut NoHooks));
            times.push(seconds);
            check = states?;
        }
        let check = check.iter().map(|states| {
            Ok(states.abs()?.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?)
        });
        let check = check.collect::<Result<Vec<_>>>()?;
        times.sort_by(f64::total_cmp);
        let median = (times[PASSES / 2 - 1] + times[PASSES / 2]) / 2.0;
        Ok(json!({ "seconds": median, "tokens": self.sentence.len(), "check": check }))
    }

    /// Writes the input of the reducers: the first states of the layer at two thirds of the depth.
    fn rows(&self) -> Result<Value> {
        let layers = self.explorer.model().transformer.architecture().n_layers;
        let states = self.explorer.extract_ids(&self.sequences)?;
        let layer = states.layer(layers * 2 / 3);
        let layer = layer.slice(s![..layer.nrows().min(self.most_rows), ..]);
        let bytes: Vec<u8> = layer.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(self.out.join("rows.f32"), bytes)?;
        Ok(json!({ "rows": layer.nrows(), "columns": layer.ncols() }))
    }
}

impl Peer for States {
    fn name(&self) -> [&str; 2] {
        match self.half {
            true => ["Stratoscope in bf16", env!("CARGO_PKG_VERSION")],
            false => ["Stratoscope", env!("CARGO_PKG_VERSION")],
        }
    }

    fn round(&mut self, job: &str) -> Result<Value> {
        match job {
            "memory" => {
                let (states, answer) =
                    clocked(|| -> Result<_> { Ok(self.explorer.extract_ids(&self.sequences)?) });
                Ok(self.answer(&states?, answer))
            }
            "disk" => self.disk(),
            "one_sentence" => self.one_sentence(),
            "rows" => self.rows(),
            other => Err(unknown(other)),
        }
    }
}

/// The mean absolute value of a layer, summed in f64.
fn mean(layer: ArrayView2<'_, f32>) -> f64 {
    let sum: f64 = layer.axis_iter(Axis(0)).flatten().map(|&v| f64::from(v).abs()).sum();
    sum / layer.len() as f64
}

/// The floating-point operations of the matrix products; a multiply-add counts as two. A block has
/// d (q + 2 kv) + q d + m d d_mlp multiply-adds per token (m is 2, or 3 for a gated MLP), and 2 q
/// per pair of a query and a visible key. Padding is not counted.
fn flop(a: &Architecture, sequences: &[Vec<u32>]) -> f64 {
    let (q, kv) = (a.n_heads * a.d_head, a.n_kv_heads * a.d_head);
    let linear = a.d_model * (2 * q + 2 * kv + (2 + usize::from(a.mlp.gated)) * a.d_mlp);
    let of_sequence = |n: usize| {
        let pairs = if a.is_causal() { n * (n + 1) / 2 } else { n * n };
        n * linear + 2 * q * pairs
    };
    let multiply_adds: usize = sequences.iter().map(|ids| of_sequence(ids.len())).sum();
    2.0 * a.n_layers as f64 * multiply_adds as f64
}
