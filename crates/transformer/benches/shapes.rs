//! Architectures in the sizes of well-known models, with random weights: they are as much work as
//! trained ones.

// Each bench uses a part of it.
#![allow(dead_code)]

use candle_core::{DType, Device, Tensor};
use stratoscope_transformer::{
    Activation, Architecture, Attention, Batch, Disentangled, Embedding, Layout, Mlp, Norm,
    Numbering, Positions, Relative, Rotary, Sequence, Span, Transformer,
};

/// An encoder like BERT: blocks, width, heads; its MLP is four times as wide.
pub(crate) fn bert(n_layers: usize, d_model: usize, n_heads: usize) -> Architecture {
    let d_head = d_model / n_heads;
    Architecture {
        d_vocab: VOCABULARY,
        d_model,
        n_layers,
        n_weight_sets: n_layers,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: 4 * d_model,
        embedding: Embedding {
            positions: Some(Positions { rows: 1024, numbering: Numbering::From(0) }),
            token_types: 2,
            norm: true,
            ..Embedding::default()
        },
        norm: Norm::Layer { eps: 1e-12, bias: true },
        layout: Layout::PostNorm,
        attention: Attention::uniform(n_layers, d_head, Span::ALL),
        mlp: Mlp { activation: Activation::Gelu, gated: false, bias: true },
        ..Architecture::BASE
    }
}

/// A decoder like Llama: blocks, width, heads of queries and of keys, width of its gated MLP.
pub(crate) fn llama(
    n_layers: usize,
    d_model: usize,
    [n_heads, n_kv_heads]: [usize; 2],
    d_mlp: usize,
) -> Architecture {
    let d_head = d_model / n_heads;
    let mut attention = Attention::uniform(n_layers, d_head, Span::CAUSAL);
    (attention.input_bias, attention.output_bias) = (false, false);
    for layer in &mut attention.layers {
        layer.rotary = Some(Rotary::new(1e5, d_head));
    }
    Architecture {
        n_heads,
        n_kv_heads,
        d_head,
        d_mlp,
        embedding: Embedding::default(),
        norm: Norm::Rms { eps: 1e-5, unit_offset: false },
        layout: Layout::PreNorm { first: true },
        final_norm: true,
        attention,
        mlp: Mlp { activation: Activation::Silu, gated: true, bias: false },
        ..bert(n_layers, d_model, n_heads)
    }
}

/// An encoder like DeBERTa-base: as BERT, with products with vectors of distances in its attention.
pub(crate) fn deberta(n_layers: usize, d_model: usize, n_heads: usize) -> Architecture {
    let base = bert(n_layers, d_model, n_heads);
    let relative = Relative::Disentangled(Disentangled {
        span: 256,
        log_buckets_up_to: Some(512),
        content_to_position: true,
        position_to_content: true,
        shared_weights: true,
        norm: true,
    });
    Architecture {
        embedding: Embedding { norm: true, ..Embedding::default() },
        attention: Attention { relative: Some(relative), ..base.attention },
        ..base
    }
}

/// Rows of the token embedding: few, since which tokens they are makes no difference.
const VOCABULARY: usize = 1000;

/// A transformer of random weights in f32: matrices small, the weights of norms 1, biases 0.
pub(crate) fn random(architecture: Architecture) -> Transformer {
    random_in(DType::F32, architecture)
}

/// [`random`] in a number type.
pub(crate) fn random_in(dtype: DType, architecture: Architecture) -> Transformer {
    let weights = architecture.weights().into_iter().map(|spec| {
        let tensor = match (spec.shape.len(), spec.name.ends_with(".bias")) {
            (1, true) => Tensor::zeros(spec.shape, DType::F32, &Device::Cpu),
            (1, false) => Tensor::ones(spec.shape, DType::F32, &Device::Cpu),
            _ => Tensor::randn(0f32, 0.02, spec.shape, &Device::Cpu),
        };
        (spec.name, tensor.and_then(|tensor| tensor.to_dtype(dtype)).unwrap())
    });
    let weights = weights.collect();
    Transformer::new(architecture, weights, &Device::Cpu).unwrap()
}

/// A batch of sequences of equal length.
pub(crate) fn batch(transformer: &Transformer, sequences: usize, tokens: usize) -> Batch {
    let ids = |s: usize| (0..tokens).map(|t| ((31 * s + 17 * t) % VOCABULARY) as u32).collect();
    let sequences: Vec<_> = (0..sequences).map(|s| Sequence::from_ids(ids(s))).collect();
    Batch::new(transformer.architecture(), &sequences).unwrap()
}
