//! ESM-1b and ESM-2 (Rives et al. 2021; Lin et al. 2023), which read proteins: RoBERTa with norms before
//! attention and MLP, and with learned or rotary positions.

use super::rope::{ROPE, rotary};
use super::{Family, bert};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Embedding, Layout, Mlp, Norm, Numbering, Positions, Span,
};

pub(super) const FAMILY: Family = Family {
    name: "ESM",
    types: &[("esm", "Esm")],
    architecture: |config| {
        super::refuse_decoders(config)?;
        config.only("is_folding_model", false.into())?;
        let n_layers = config.size(&["num_hidden_layers"], 12)?;
        let d_model = config.size(&["hidden_size"], 768)?;
        let n_heads = config.size(&["num_attention_heads"], 12)?;
        let d_head = config.d_head("num_attention_heads", d_model, n_heads)?;
        let rows = config.size(&["max_position_embeddings"], 1026)?;
        let mut attention = Attention::uniform(n_layers, d_head, Span::ALL);
        let positions = match config.optional_text("position_embedding_type")? {
            None | Some("absolute") => {
                let padding_id = config.token_id("pad_token_id", 1)?;
                Some(Positions { rows, numbering: Numbering::AfterPadding { padding_id } })
            }
            Some("rotary") => {
                let rotary = rotary(config, d_head, &ROPE)?;
                attention.layers.iter_mut().for_each(|layer| layer.rotary = Some(rotary.clone()));
                None
            }
            Some(other) => {
                let reason = "absolute and rotary are supported";
                return Err(config.error("position_embedding_type", &other.into(), reason));
            }
        };
        // A mask is a token without a value. The others have the size that they had in training, when 12 %
        // of the tokens were masks.
        let dropout = config.flag("token_dropout", false)?;
        let mask_id = config.token_id("mask_token_id", 32)?;
        Ok(Architecture {
            d_vocab: config.size(&["vocab_size"], 33)?,
            d_model,
            n_layers,
            n_weight_sets: n_layers,
            n_heads,
            n_kv_heads: n_heads,
            d_head,
            d_mlp: config.size(&["intermediate_size"], 3072)?,
            context: Some(rows),
            embedding: Embedding {
                positions,
                scale: dropout.then_some(1.0 - 0.15 * 0.8),
                dropped: dropout.then_some(mask_id),
                norm: config.flag("emb_layer_norm_before", false)?,
                ..Embedding::default()
            },
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-12)?, bias: true },
            layout: Layout::PreNorm { first: true },
            final_norm: true,
            attention,
            // Constants in the reference's code; `hidden_act` has no effect.
            mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
            head: bert::head(config, Activation::Gelu)?,
            ..Architecture::BASE
        })
    },
    names: bert::NAMES,
    head: bert::LM_HEAD,
    prefixes: &["esm."],
    // Published checkpoints keep the table of positions although they rotate.
    unused: &["pooler.", "contact_head.", "embeddings.position_embeddings."],
};
