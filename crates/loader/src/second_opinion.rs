//! The second opinion: candle-transformers' forward pass of the same checkpoint.
//!
//! It shares only the bytes with this crate: the config is parsed again, and the tensors keep the names
//! of the checkpoint. [`SecondOpinion::opinions`] runs every sequence alone, since candle-transformers
//! pads a batch, and [`compare`] compares hidden states and logits. [`SecondOpinion::deviations`] lists
//! known differences between candle-transformers and transformers.
//!
//! Hidden states come from its models in two ways. A post-norm encoder that is cut after k blocks ends
//! with hidden state k. A decoder gives the logits of the last token alone: its vocabulary is extended
//! by one token per dimension, whose logit is that dimension of the last hidden state, and each
//! beginning of the sequence is run.

mod checkpoint;
mod compare;
mod decoders;
mod deviations;
mod encoders;
mod error;
mod experts;
mod vision;

pub use compare::{Comparison, Quantity, compare};
pub use error::{Error, Result};

use crate::hub::Progress;
use crate::records::FileRecord;
use crate::source::Source;
use candle_core::{Device, Tensor};
use checkpoint::Checkpoint;
use stratoscope_transformer::Sequence;

/// Up to this length a decoder runs once per token; for longer sequences it runs for the last token
/// alone.
const EVERY_TOKEN: usize = 32;

/// A model of candle-transformers: from a sequence to a tensor.
type Run = Box<dyn FnMut(&Sequence) -> candle_core::Result<Tensor>>;

/// Builds a model for sequences up to a number of tokens.
type Build = fn(&Checkpoint, usize) -> Result<Run>;

/// Builds a model with a head, if the checkpoint has one.
type BuildHead = fn(&Checkpoint, usize) -> Result<Option<Run>>;

/// How a model of candle-transformers is built, and its output.
enum Kind {
    /// `[1, tokens, d_model]`.
    Encoder {
        /// The model.
        states: Build,
        /// The config key of the number of blocks, if a model with fewer blocks ends with a hidden state.
        cut: Option<&'static str>,
        /// The model with its head, if there is one.
        logits: Option<BuildHead>,
    },
    /// `[d_vocab + d_model]`: the logits of the last token, then its hidden state.
    Decoder(Build),
}

/// A family of candle-transformers.
struct Family {
    model_types: &'static [&'static str],
    /// The prefix of its names, which checkpoints without a head do not have.
    prefix: &'static str,
    kind: Kind,
}

/// The supported families of candle-transformers.
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
    Family {
        model_types: &["vit"],
        prefix: "vit.",
        kind: Kind::Encoder { states: vision::vit, cut: Some("num_hidden_layers"), logits: None },
    },
    Family {
        model_types: &["siglip_vision_model"],
        prefix: "vision_model.",
        kind: Kind::Encoder { states: vision::siglip, cut: None, logits: None },
    },
    decoder(&["llama"], decoders::llama),
    decoder(&["mistral"], decoders::mistral),
    decoder(&["mixtral"], experts::mixtral),
    decoder(&["qwen2_moe"], experts::qwen2_moe),
    decoder(&["qwen3_moe"], experts::qwen3_moe),
    decoder(&["qwen2"], decoders::qwen2),
    decoder(&["qwen3"], decoders::qwen3),
    decoder(&["gemma"], decoders::gemma),
    decoder(&["gemma2"], decoders::gemma2),
    decoder(&["gemma3_text"], decoders::gemma3),
    decoder(&["phi"], decoders::phi),
    decoder(&["phi3"], decoders::phi3),
    decoder(&["olmo"], decoders::olmo),
    decoder(&["olmo2"], decoders::olmo2),
    decoder(&["stablelm"], decoders::stablelm),
    decoder(&["starcoder2"], decoders::starcoder2),
    decoder(&["glm4"], decoders::glm4),
    decoder(&["helium"], decoders::helium),
];

const fn decoder(model_types: &'static [&'static str], run: Build) -> Family {
    Family { model_types, prefix: "model.", kind: Kind::Decoder(run) }
}

/// The output of candle-transformers for one sequence.
#[derive(Debug, Clone)]
pub struct Opinion {
    /// The hidden states of all layers, `n_layers + 1` of `[tokens, d_model]`, if they are available.
    pub hidden_states: Option<Vec<Tensor>>,
    /// The last hidden state, `[rows, d_model]`: of all tokens, or of the last token alone.
    pub last_hidden_state: Tensor,
    /// The logits of these rows, `[rows, d_vocab]`, if both checkpoint and candle-transformers have a
    /// head.
    pub logits: Option<Tensor>,
}

/// A checkpoint for candle-transformers.
pub struct SecondOpinion {
    checkpoint: Checkpoint,
    family: &'static Family,
}

impl SecondOpinion {
    /// Reads config and safetensors of a checkpoint.
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

    /// Known differences between candle-transformers and transformers on this checkpoint, for sequences
    /// up to a number of tokens.
    pub fn deviations(&self, tokens: usize) -> Vec<&'static str> {
        deviations::of(&self.checkpoint, tokens)
    }

    /// The output of candle-transformers for each sequence, f32 on the CPU.
    ///
    /// # Errors
    /// A config that candle-transformers cannot express, an empty sequence, or a run that fails.
    pub fn opinions(&self, sequences: &[Sequence]) -> Result<Vec<Opinion>> {
        if let Some(sequence) = sequences.iter().position(|s| s.tokens() == 0) {
            return Err(Error::Empty { sequence });
        }
        let longest = sequences.iter().map(|s| s.tokens()).max().unwrap_or(0).max(1);
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
        // A soft cap of the logits would also cap the hidden state among them.
        let cap = "final_logit_softcapping";
        let mut whole = run(&extended.with(cap, serde_json::Value::Null), longest)?;
        let mut capped = match self.checkpoint.number(cap) {
            Some(_) => Some(run(&extended, longest)?),
            None => None,
        };
        let mut one = |sequence: &Sequence| {
            let tokens = sequence.tokens();
            let first = if tokens <= EVERY_TOKEN { 1 } else { tokens };
            let (mut states, mut logits) = (Vec::new(), Vec::new());
            for end in first..=tokens {
                let begin = Sequence::from_ids(sequence.token_ids()[..end].to_vec());
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

/// Token ids, `[1, tokens]`.
fn row(ids: &[u32]) -> candle_core::Result<Tensor> {
    Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)
}
