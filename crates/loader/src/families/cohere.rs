//! Cohere's Command R, Aya and Command R7B (Cohere 2024): attention and MLP in parallel after one norm,
//! interleaved pairs, scaled logits. In Command R7B, the blocks without a window have no positions.

use super::llama::{self, DEFAULTS, Defaults};
use super::rope::{ROPE, Rope};
use super::{Family, spans};
use stratoscope_transformer::{Architecture, Attention, Head, Layout, Norm, QueryKeyNorm};

pub(super) const FAMILY: Family = Family {
    name: "Cohere",
    types: &[("cohere", "Cohere"), ("cohere2", "Cohere2")],
    architecture: |config| {
        let second = config.text("model_type")? == "cohere2";
        let default_theta = if second { 10_000.0 } else { 500_000.0 };
        let defaults = Defaults { rope: Rope { default_theta, ..ROPE }, ..COHERE };
        let llama = llama::architecture(config, &defaults)?;
        let mut llama = llama::with_attention_biases(config, llama)?;
        let normed = !second && config.flag("use_qk_norm", false)?;
        if second {
            let period = config.size(&["sliding_window_pattern"], 4)?.max(1);
            let windowed = spans::windowed(config, llama.n_layers, |i| (i + 1) % period != 0)?;
            let window = spans::window(config, Some(4096))?;
            spans::set_windows(config, &mut llama.attention, &windowed, window)?;
            let whole = windowed.into_iter().map(|windowed| !windowed);
            spans::unrotate(&mut llama.attention, whole);
        }
        let scale = Some(config.positive(&["logit_scale"])?.unwrap_or(0.0625));
        Ok(Architecture {
            norm: Norm::Layer { eps: config.epsilon(&["layer_norm_eps"], 1e-5)?, bias: false },
            layout: Layout::Parallel { one_norm: true },
            attention: Attention {
                query_key_norm: normed.then_some(QueryKeyNorm::EachHead),
                ..llama.attention
            },
            head: llama.head.map(|head| Head { scale, ..head }),
            ..llama
        })
    },
    names: llama::INTERLEAVED,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const COHERE: Defaults = Defaults {
    d_vocab: 256_000,
    d_model: 8192,
    n_layers: 40,
    n_heads: 64,
    d_mlp: 22528,
    context: 8192,
    tied: true,
    ..DEFAULTS
};
