//! Models with BERT's names and small changes of its computation: ERNIE (Sun et al. 2020), LayoutLM without
//! boxes (Xu et al. 2020), BigBird with full attention (Zaheer et al. 2020), Splinter (Ram et al. 2021),
//! BertGeneration (Rothe et al. 2020), Megatron-BERT (Shoeybi et al. 2019) and RemBERT (Chung et al. 2021).

use super::bert::Sizes;
use super::{Family, bert};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Constant, Embedding, Head, Layout, Mlp, Numbering,
    Projection, ProjectionPlace,
};

pub(super) const FAMILY: Family = Family {
    name: "BERT relatives",
    types: &[
        ("ernie", "Ernie"),
        ("layoutlm", "LayoutLM"),
        ("big_bird", "BigBird"),
        ("splinter", "Splinter"),
        ("bert-generation", "BertGeneration"),
        ("megatron-bert", "MegatronBert"),
        ("rembert", "RemBert"),
    ],
    architecture: |config| match config.text("model_type")? {
        "layoutlm" => {
            // The box of every token is [0, 0, 0, 0]: its left and its right end take the same row.
            let rows = config.size(&["max_2d_position_embeddings"], 1024)?;
            with_constants(
                config,
                [2.0, 2.0, 1.0, 1.0].map(|times| Constant { rows, times }).into(),
            )
        }
        "big_bird" => big_bird(config),
        "bert-generation" => {
            let bert = relative(config, LARGE)?;
            Ok(Architecture {
                embedding: Embedding { token_types: 0, ..bert.embedding },
                head: None,
                ..bert
            })
        }
        "megatron-bert" => {
            let bert = relative(config, Sizes { d_vocab: 29056, ..LARGE })?;
            Ok(Architecture {
                embedding: Embedding { norm: false, ..bert.embedding },
                layout: Layout::PreNorm { first: true },
                final_norm: true,
                ..bert
            })
        }
        "rembert" => rembert(config),
        // Every token has the first kind of task.
        "ernie" if config.flag("use_task_id", false)? => {
            let rows = config.size(&["task_type_vocab_size"], 3)?;
            with_constants(config, vec![Constant { rows, times: 1.0 }])
        }
        _ => relative(config, bert::BASE),
    },
    names: bert::NAMES,
    head: bert::HEAD,
    prefixes: &["bert.", "ernie.", "layoutlm.", "splinter.", "rembert."],
    unused: &["pooler."],
};

/// The sizes of BERT-large, with BertGeneration's vocabulary.
const LARGE: Sizes =
    Sizes { d_vocab: 50358, d_model: 1024, n_layers: 24, n_heads: 16, d_mlp: 4096, ..bert::BASE };

fn relative(config: &Config, sizes: Sizes) -> Result<Architecture> {
    bert::architecture(config, Numbering::From(0), &sizes)
}

fn with_constants(config: &Config, constants: Vec<Constant>) -> Result<Architecture> {
    let bert = relative(config, bert::BASE)?;
    Ok(Architecture { embedding: Embedding { constants, ..bert.embedding }, ..bert })
}

/// Longer texts than those of full attention are not supported.
fn big_bird(config: &Config) -> Result<Architecture> {
    const KIND: &str = "attention_type";
    let longest = match config.optional_text(KIND)? {
        Some("original_full") => None,
        None | Some("block_sparse") => {
            let random = config.size(&["num_random_blocks"], 3)?;
            let block = config.size(&["block_size"], 64)?;
            Some(random.saturating_mul(2).saturating_add(5).saturating_mul(block))
        }
        Some(other) => {
            let reason = "original_full and block_sparse are supported";
            return Err(config.error(KIND, &other.into(), reason));
        }
    };
    let bert = relative(config, Sizes { d_vocab: 50358, rows: 4096, ..bert::BASE })?;
    let activation = config.activation("hidden_act", Activation::GeluTanh)?;
    let rescaled = config.flag("rescale_embeddings", false)?;
    Ok(Architecture {
        longest,
        embedding: Embedding {
            scale: rescaled.then(|| (bert.d_model as f64).sqrt()),
            ..bert.embedding
        },
        attention: Attention { input_bias: config.flag("use_bias", true)?, ..bert.attention },
        mlp: Mlp { activation, ..bert.mlp },
        head: bert::head(config, activation)?,
        ..bert
    })
}

/// The embedding is narrower than the blocks, and the unembedding has a width of its own.
fn rembert(config: &Config) -> Result<Architecture> {
    let sizes = Sizes {
        d_vocab: 250_300,
        d_model: 1152,
        n_layers: 32,
        n_heads: 18,
        d_mlp: 4608,
        ..bert::BASE
    };
    let bert = relative(config, sizes)?;
    let width = config.size(&["input_embedding_size"], 256)?;
    let place = ProjectionPlace::Normed;
    let out = config.size(&["output_embedding_size"], 1664)?;
    let tied = config.flag("tie_word_embeddings", false)?;
    let projection = Some(Projection { width, place, bias: true });
    Ok(Architecture {
        embedding: Embedding { projection, ..bert.embedding },
        head: bert.head.map(|head| Head { width: Some(out), tied, ..head }),
        ..bert
    })
}
