//! RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2020), CamemBERT (Martin et al. 2020), and models
//! with the same computation: BERT with positions numbered from the padding id on.

use super::bert::Sizes;
use super::{Family, bert};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Norm, Numbering, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "RoBERTa / XLM-R / CamemBERT",
    types: &[
        ("roberta", "Roberta"),
        ("xlm-roberta", "XLMRoberta"),
        ("camembert", "Camembert"),
        ("data2vec-text", "Data2VecText"),
        ("ibert", "IBert"),
        ("luke", "Luke"),
    ],
    architecture: |config| {
        let d_vocab = match config.text("model_type")? {
            "roberta" => 50265,
            "luke" => 50267,
            "ibert" => {
                // In whole numbers.
                config.only("quant_mode", false.into())?;
                config.only("hidden_act", "gelu".into())?;
                30522
            }
            _ => 30522,
        };
        architecture(config, &Sizes { d_vocab, ..bert::BASE })
    },
    names: bert::NAMES,
    head: bert::LM_HEAD,
    prefixes: &["roberta.", "data2vec_text.", "ibert.", "luke."],
    // Of LUKE, what only texts with entities need.
    unused: &[
        "pooler.",
        "entity_embeddings.",
        "encoder.layer.{i}.attention.self.w2e_query.",
        "encoder.layer.{i}.attention.self.e2w_query.",
        "encoder.layer.{i}.attention.self.e2e_query.",
    ],
};

/// RoBERTa-PreLayerNorm (Ott et al. 2019) and XLM-RoBERTa-XL (Goyal et al. 2021): RoBERTa with norms before
/// attention and MLP. The second has no norm of the embedding.
pub(super) const PRE_NORM: Family = Family {
    name: "RoBERTa-PreLayerNorm / XLM-R XL",
    types: &[("roberta-prelayernorm", "RobertaPreLayerNorm"), ("xlm-roberta-xl", "XLMRobertaXL")],
    architecture: |config| {
        let xl = config.text("model_type")? == "xlm-roberta-xl";
        let roberta = match xl {
            true => {
                let sizes = Sizes {
                    d_vocab: 250_880,
                    d_model: 2560,
                    n_layers: 36,
                    n_heads: 32,
                    d_mlp: 10240,
                    rows: 514,
                };
                let eps = config.epsilon(&["layer_norm_eps"], 1e-5)?;
                let roberta = architecture(config, &sizes)?;
                Architecture { norm: Norm::Layer { eps, bias: true }, ..roberta }
            }
            false => architecture(config, &Sizes { d_vocab: 50265, ..bert::BASE })?,
        };
        Ok(Architecture {
            embedding: Embedding { norm: !xl, ..roberta.embedding },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            ..roberta
        })
    },
    prefixes: &["roberta_prelayernorm.", "roberta."],
    ..FAMILY
};

/// Longformer (Beltagy et al. 2020): RoBERTa with windows. No token has global attention, as in
/// transformers without a `global_attention_mask`.
pub(super) const LONGFORMER: Family = Family {
    name: "Longformer",
    types: &[("longformer", "Longformer")],
    architecture: |config| {
        let mut roberta = architecture(config, &bert::BASE)?;
        set_windows(config, &mut roberta.attention)?;
        Ok(roberta)
    },
    prefixes: &["longformer."],
    unused: &[
        "pooler.",
        "encoder.layer.{i}.attention.self.query_global.",
        "encoder.layer.{i}.attention.self.key_global.",
        "encoder.layer.{i}.attention.self.value_global.",
    ],
    ..FAMILY
};

fn architecture(config: &Config, sizes: &Sizes) -> Result<Architecture> {
    let padding_id = config.token_id("pad_token_id", 1)?;
    let bert = bert::architecture(config, Numbering::AfterPadding { padding_id }, sizes)?;
    // The head has GELU, whatever the activation of the blocks is.
    Ok(Architecture { head: bert::head(config, Activation::Gelu)?, ..bert })
}

/// `attention_window`: the keys beside a query, both sides together, for all blocks or for each.
fn set_windows(config: &Config, attention: &mut Attention) -> Result<()> {
    const KEY: &str = "attention_window";
    let n_layers = attention.layers.len();
    let windows = match config.get(KEY) {
        Some(value) if value.is_array() => config.numbers(KEY)?,
        _ => vec![config.size(&[KEY], 512)? as f64; n_layers],
    };
    let is_fit = |window: &f64| *window > 0.0 && window % 2.0 == 0.0;
    if windows.len() != n_layers || !windows.iter().all(is_fit) {
        let reason = format!("an even window for each of the {n_layers} blocks is expected");
        return Err(config.error(KEY, config.get(KEY).unwrap_or(&512.into()), &reason));
    }
    for (layer, window) in attention.layers.iter_mut().zip(windows) {
        let side = Some((window / 2.0) as usize);
        layer.span = Span { before: side, after: side };
    }
    Ok(())
}
