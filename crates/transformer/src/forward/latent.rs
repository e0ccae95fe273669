//! Queries, keys and values by way of narrow vectors (multi-head latent attention).

use crate::architecture::{Architecture, Latent};
use crate::error::Result;
use crate::kernels::Values;
use crate::ops::{Linear, NormLayer};
use crate::weights::Weights;
use candle_core::Tensor;

/// The layers between the state of a block and its queries, keys and values.
pub(super) enum Projections {
    /// One layer for queries, keys and values.
    One(Linear),
    /// Layers to narrow vectors, and from them.
    Latent(Box<LatentLayers>),
}

/// The layers of latent attention.
pub(super) struct LatentLayers {
    /// To the vector of queries, if there is one, with its norm.
    query_vector: Option<(Linear, NormLayer)>,
    queries: Linear,
    /// To the vector of keys and values and, side by side, the values of keys that all heads share.
    vector: Linear,
    norm: NormLayer,
    /// The other values of the keys of each head and, side by side, the values.
    keys_and_values: Linear,
}

impl Projections {
    /// The layers of a set of weights.
    pub(super) fn new(a: &Architecture, weights: &mut Weights, set: usize) -> Result<Self> {
        let name = |part: &str| format!("blocks.{set}.attn.{part}");
        let linear = |weights: &mut Weights, parts: &[&str]| {
            Linear::new(weights, &parts.iter().map(|part| name(part)).collect::<Vec<_>>())
        };
        let Some(latent) = a.attention.latent else {
            return linear(weights, &["q", "k", "v"]).map(Self::One);
        };
        let query_vector = match latent.d_query {
            None => None,
            Some(_) => {
                let layer = linear(weights, &["q_a"])?;
                Some((layer, NormLayer::new(weights, latent.norm, &name("q_a_norm"))?))
            }
        };
        Ok(Self::Latent(Box::new(LatentLayers {
            query_vector,
            queries: linear(weights, &["q"])?,
            vector: linear(weights, &["kv_a", "k_shared"])?,
            norm: NormLayer::new(weights, latent.norm, &name("kv_a_norm"))?,
            keys_and_values: linear(weights, &["k", "v"])?,
        })))
    }

    /// `[tokens, d_model]` to queries, keys and values side by side,
    /// `[tokens, (n_heads + 2 n_kv_heads) d_head]`.
    pub(super) fn apply(&self, a: &Architecture, x: &Tensor) -> Result<Tensor> {
        match (self, a.attention.latent) {
            (Self::One(layer), _) => layer.apply(x),
            (Self::Latent(layers), Some(latent)) => layers.apply(a, latent, x),
            (Self::Latent(layers), None) => layers.queries.apply(x),
        }
    }

    /// The memory of the matrices, for another block.
    pub(super) fn into_values(self) -> Vec<Values> {
        let layers = match self {
            Self::One(layer) => vec![layer],
            Self::Latent(layers) => {
                let LatentLayers { query_vector, queries, vector, keys_and_values, .. } = *layers;
                let query_vector = query_vector.map(|(layer, _)| layer);
                query_vector.into_iter().chain([queries, vector, keys_and_values]).collect()
            }
        };
        layers.into_iter().filter_map(Linear::into_values).collect()
    }
}

impl LatentLayers {
    fn apply(&self, a: &Architecture, latent: Latent, x: &Tensor) -> Result<Tensor> {
        let (tokens, heads) = (x.dim(0)?, a.n_heads);
        let Latent { d_key_value, d_shared, d_value, .. } = latent;
        let queries = match &self.query_vector {
            None => self.queries.apply(x)?,
            Some((layer, norm)) => self.queries.apply(&norm.apply(&layer.apply(x)?)?)?,
        };
        let both = self.vector.apply(x)?;
        let vector = self.norm.apply(&both.narrow(1, 0, d_key_value)?.contiguous()?)?;
        let shared = both.narrow(1, d_key_value, d_shared)?.unsqueeze(1)?;
        let shared = shared.broadcast_as((tokens, heads, d_shared))?;
        let of_heads = self.keys_and_values.apply(&vector)?;
        let d_own = a.d_head - d_shared;
        let own = of_heads.narrow(1, 0, heads * d_own)?.reshape((tokens, heads, d_own))?;
        let keys = Tensor::cat(&[&shared.contiguous()?, &own], 2)?.flatten_from(1)?;
        let values = of_heads.narrow(1, heads * d_own, heads * d_value)?;
        let values = widened(a, &values)?;
        Ok(Tensor::cat(&[&queries, &keys, &values], 1)?)
    }
}

/// Values `[tokens, n_kv_heads × d_value]` with zeros at the end of each head,
/// `[tokens, n_kv_heads × d_head]`.
pub(super) fn widened(a: &Architecture, values: &Tensor) -> Result<Tensor> {
    if a.d_value() == a.d_head {
        return Ok(values.clone());
    }
    let heads = values.reshape(((), a.n_kv_heads, a.d_value()))?;
    Ok(heads.pad_with_zeros(2, 0, a.d_head - a.d_value())?.flatten_from(1)?)
}

/// Heads `[tokens, heads × d_head]` of values, or of mixed values, without the zeros:
/// `[tokens, heads × d_value]`.
pub(super) fn narrowed(a: &Architecture, x: &Tensor) -> Result<Tensor> {
    if a.d_value() == a.d_head {
        return Ok(x.clone());
    }
    let heads = x.reshape(((), x.dim(1)? / a.d_head, a.d_head))?;
    Ok(heads.narrow(2, 0, a.d_value())?.contiguous()?.flatten_from(1)?)
}
