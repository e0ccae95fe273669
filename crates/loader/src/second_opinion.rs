//! The second opinion: candle-transformers' own forward of the same checkpoint.
//!
//! It shares nothing with this crate but the bytes: the config is read again for its structs, and
//! the tensors go to it by the checkpoint's own names. [`SecondOpinion::opinions`] runs every
//! sequence alone, since candle-transformers pads a batch, and [`compare`] holds hidden states and
//! logits against it. Where it is known to differ from transformers, and so from us,
//! [`SecondOpinion::deviations`] says why.
//!
//! What its models give is turned into hidden states in two ways. An encoder with the norm at the
//! end of its blocks, cut after k blocks, ends with the hidden state k. A decoder gives the logits
//! of the last token only: its vocabulary is extended by one word a dimension whose logit is that
//! dimension of the last hidden state, and the sequence is run up to every token.

mod checkpoint;
mod compare;
mod decoders;
mod deviations;
mod encoders;
mod error;

pub use compare::{Comparison, Quantity, compare};
pub use error::{Error, Result};

use crate::hub::Progress;
use crate::{FileRecord, Source};
use candle_core::{Device, Tensor};
use checkpoint::Checkpoint;
use stratoscope_transformer::Sequence;

/// Decoders of sequences up to this long are run once a token; of longer ones only the last token
/// is known.
const EVERY_TOKEN: usize = 32;

/// A model of candle-transformers: a sequence to a tensor.
type Run = Box<dyn FnMut(&Sequence) -> candle_core::Result<Tensor>>;

/// Builds a model for sequences of at most so many tokens.
type Build = fn(&Checkpoint, usize) -> Result<Run>;

/// The same for a model with a head, where the checkpoint has one.
type BuildHead = fn(&Checkpoint, usize) -> Result<Option<Run>>;

/// How a model of candle-transformers is built and what it gives.
enum Kind {
    /// `[1, tokens, d_model]`, of a model cut after so many blocks where the norm is at their end.
    Encoder {
        /// The model.
        states: Build,
        /// The config's number of blocks, where a cut model ends with a hidden state.
        cut: Option<&'static str>,
        /// The model with its head, where there is one.
        logits: Option<BuildHead>,
    },
    /// `[d_vocab + d_model]`: the logits of the last token, and behind them its hidden state.
    Decoder(Build),
}

/// A family that candle-transformers has.
struct Family {
    model_types: &'static [&'static str],
    /// What its names begin with; checkpoints without a head lack it.
    prefix: &'static str,
    kind: Kind,
}

/// The families that candle-transformers has and this project knows of.
const FAMILIES: &[Family] = &[
    Family {
        model_types: &["bert"],
        prefix: "bert.",
        kind: Kind::Encoder {
            states: encoders::bert,
            cut: Some("num_hidden_layers"),
            logits: Some(encoders::bert_logits),
        },
    },
    Family {
        // Its head leaves out the bias.
        model_types: &["roberta", "xlm-roberta", "camembert"],
        prefix: "roberta.",
        kind: Kind::Encoder {
            states: encoders::roberta,
            cut: Some("num_hidden_layers"),
            logits: None,
        },
    },
    Family {
        model_types: &["distilbert"],
        prefix: "distilbert.",
        kind: Kind::Encoder {
            states: encoders::distilbert,
            cut: Some("n_layers"),
            logits: Some(encoders::distilbert_logits),
        },
    },
    Family {
        model_types: &["deberta-v2"],
        prefix: "deberta.",
        kind: Kind::Encoder {
            states: encoders::deberta,
            cut: Some("num_hidden_layers"),
            logits: None,
        },
    },
    Family {
        model_types: &["modernbert"],
        prefix: "model.",
        kind: Kind::Encoder {
            states: encoders::modernbert,
            cut: None,
            logits: Some(encoders::modernbert_logits),
        },
    },
    Family {
        model_types: &["nomic_bert"],
        prefix: "",
        kind: Kind::Encoder { states: encoders::nomic, cut: Some("n_layer"), logits: None },
    },
    Family {
        model_types: &["t5", "mt5"],
        prefix: "",
        kind: Kind::Encoder { states: encoders::t5, cut: None, logits: None },
    },
    decoder(&["llama"], decoders::llama),
    decoder(&["mistral"], decoders::mistral),
    decoder(&["qwen2"], decoders::qwen2),
    decoder(&["qwen3"], decoders::qwen3),
    decoder(&["gemma"], decoders::gemma),
    decoder(&["gemma2"], decoders::gemma2),
    decoder(&["gemma3_text"], decoders::gemma3),
    decoder(&["phi"], decoders::phi),
    decoder(&["phi3"], decoders::phi3),
    decoder(&["olmo2"], decoders::olmo2),
];

const fn decoder(model_types: &'static [&'static str], run: Build) -> Family {
    Family { model_types, prefix: "model.", kind: Kind::Decoder(run) }
}

/// What candle-transformers makes of one sequence.
#[derive(Debug, Clone)]
pub struct Opinion {
    /// The hidden states of all layers, `n_layers + 1` of `[tokens, d_model]`, where they can be had.
    pub hidden_states: Option<Vec<Tensor>>,
    /// The last hidden state, `[rows, d_model]`: of all tokens, or of the last one alone.
    pub last_hidden_state: Tensor,
    /// The logits of the same rows, `[rows, d_vocab]`, where checkpoint and candle-transformers have
    /// a head.
    pub logits: Option<Tensor>,
}

/// A checkpoint as candle-transformers is to read it.
pub struct SecondOpinion {
    checkpoint: Checkpoint,
    family: &'static Family,
}

impl SecondOpinion {
    /// Reads a checkpoint once more, as config and safetensors.
    ///
    /// # Errors
    /// A family that candle-transformers does not have, or files that cannot be read.
    pub fn read(source: &Source, progress: &mut dyn Progress) -> Result<Self> {
        let mut checkpoint = Checkpoint::read(source, progress)?;
        let model_type = checkpoint.text("model_type").unwrap_or_default().to_owned();
        let family = FAMILIES.iter().find(|f| f.model_types.contains(&model_type.as_str()));
        let Some(family) = family else {
            let has: Vec<_> = FAMILIES.iter().flat_map(|f| f.model_types).copied().collect();
            return Err(Error::NoFamily { model_type, has: has.join(", ") });
        };
        checkpoint.add_prefix(family.prefix);
        Ok(Self { checkpoint, family })
    }

    /// The files that were read.
    pub fn files(&self) -> &[FileRecord] {
        &self.checkpoint.files
    }

    /// Why candle-transformers is known to differ from transformers on this checkpoint, for
    /// sequences of up to so many tokens; nothing where it should agree.
    pub fn deviations(&self, tokens: usize) -> Vec<&'static str> {
        deviations::of(&self.checkpoint, tokens)
    }

    /// What candle-transformers makes of each sequence, f32 on the CPU.
    ///
    /// # Errors
    /// A config that candle-transformers cannot express, an empty sequence, or a run that fails.
    pub fn opinions(&self, sequences: &[Sequence]) -> Result<Vec<Opinion>> {
        if let Some(sequence) = sequences.iter().position(|s| s.token_ids.is_empty()) {
            return Err(Error::Empty { sequence });
        }
        let longest = sequences.iter().map(|s| s.token_ids.len()).max().unwrap_or(0).max(1);
        self.checkpoint.check()?;
        match &self.family.kind {
            Kind::Encoder { states, cut, logits } => {
                self.encoder(*states, *cut, *logits, sequences, longest)
            }
            Kind::Decoder(run) => self.decoder(*run, sequences, longest),
        }
    }

    fn encoder(
        &self,
        states: Build,
        cut: Option<&str>,
        logits: Option<BuildHead>,
        sequences: &[Sequence],
        longest: usize,
    ) -> Result<Vec<Opinion>> {
        let mut whole = states(&self.checkpoint, longest)?;
        let mut cuts = Vec::new();
        if let Some(key) = cut {
            for layers in 0..self.checkpoint.blocks()? {
                cuts.push(states(&self.checkpoint.with(key, layers.into()), longest)?);
            }
        }
        let mut head = match logits {
            Some(logits) => logits(&self.checkpoint, longest)?,
            None => None,
        };
        let mut one = |sequence: &Sequence| {
            let last = whole(sequence)?.squeeze(0)?;
            let mut hidden_states = Vec::new();
            for cut in &mut cuts {
                hidden_states.push(cut(sequence)?.squeeze(0)?);
            }
            hidden_states.push(last.clone());
            let logits = match &mut head {
                Some(head) => Some(head(sequence)?.squeeze(0)?),
                None => None,
            };
            Ok(Opinion {
                hidden_states: cut.map(|_| hidden_states),
                last_hidden_state: last,
                logits,
            })
        };
        sequences.iter().map(&mut one).collect()
    }

    fn decoder(&self, run: Build, sequences: &[Sequence], longest: usize) -> Result<Vec<Opinion>> {
        let (extended, sizes) = self.checkpoint.extended()?;
        // A cap on the logits would cap the hidden state behind them.
        let cap = "final_logit_softcapping";
        let mut whole = run(&extended.with(cap, serde_json::Value::Null), longest)?;
        let mut capped = match self.checkpoint.number(cap) {
            Some(_) => Some(run(&extended, longest)?),
            None => None,
        };
        let mut one = |sequence: &Sequence| {
            let tokens = sequence.token_ids.len();
            let first = if tokens <= EVERY_TOKEN { 1 } else { tokens };
            let (mut states, mut logits) = (Vec::new(), Vec::new());
            for end in first..=tokens {
                let begin = Sequence::from_ids(sequence.token_ids[..end].to_vec());
                let row = whole(&begin)?.flatten_all()?;
                states.push(row.narrow(0, sizes.d_vocab, sizes.d_model)?);
                let row = match &mut capped {
                    Some(capped) => capped(&begin)?.flatten_all()?,
                    None => row,
                };
                logits.push(row.narrow(0, 0, sizes.d_vocab)?);
            }
            Ok(Opinion {
                hidden_states: None,
                last_hidden_state: Tensor::stack(&states, 0)?,
                logits: sizes.head.then(|| Tensor::stack(&logits, 0)).transpose()?,
            })
        };
        sequences.iter().map(&mut one).collect()
    }
}

/// Token ids as candle-transformers' models take them, `[1, tokens]`.
fn row(ids: &[u32]) -> candle_core::Result<Tensor> {
    Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)
}
