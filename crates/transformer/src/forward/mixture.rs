//! The MLP of a block, or a mixture of experts in its place.

use super::Transformer;
use crate::architecture::{Architecture, Mixture};
use crate::error::Result;
use crate::hooks::{HookPoint, HookRunner};
use crate::kernels::{self, Rounding, Values};
use crate::ops::{self, Linear};
use crate::weights::Weights;
use candle_core::{DType, Tensor};

/// What stands between the residual stream of attention and the output of a block.
pub(super) enum Mlp {
    One(Layers),
    Mixture(Box<Experts>),
}

/// The two layers of an MLP.
pub(super) struct Layers {
    /// The first layer: of a gated MLP the gate, then the values that it multiplies.
    first: Linear,
    second: Linear,
}

/// The layers of a mixture of experts.
pub(super) struct Experts {
    router: Linear,
    experts: Vec<Layers>,
    /// The expert that every token uses, and the layer whose sigmoid multiplies its output.
    shared: Option<(Layers, Option<Linear>)>,
}

/// The tokens that use an expert, with its weight for each.
type Group = Vec<(usize, f32)>;

impl Mlp {
    /// The layers of a set of weights.
    pub(super) fn new(a: &Architecture, weights: &mut Weights, set: usize) -> Result<Self> {
        let name = |part: &str| format!("blocks.{set}.mlp{part}");
        let layers = |weights: &mut Weights, part: &str| -> Result<Layers> {
            let of = |layer: &str| name(&format!("{part}.{layer}"));
            let first = if a.mlp.gated { vec![of("gate"), of("in")] } else { vec![of("in")] };
            let first = Linear::new(weights, &first)?;
            Ok(Layers { first, second: Linear::new(weights, &[of("out")])? })
        };
        let Some(mixture) = a.mixture.as_ref().filter(|mixture| mixture.blocks[set]) else {
            return Ok(Self::One(layers(weights, "")?));
        };
        let experts = (0..mixture.n_experts).map(|e| layers(weights, &format!(".experts.{e}")));
        let experts = experts.collect::<Result<_>>()?;
        let shared = match mixture.shared {
            None => None,
            Some(shared) => {
                let expert = layers(weights, ".shared")?;
                let gate = match shared.gated {
                    true => Some(Linear::new(weights, &[name(".shared_gate")])?),
                    false => None,
                };
                Some((expert, gate))
            }
        };
        let router = Linear::new(weights, &[name(".router")])?;
        Ok(Self::Mixture(Box::new(Experts { router, experts, shared })))
    }

    /// The memory of the matrices, for another block.
    pub(super) fn into_values(self) -> Vec<Values> {
        let mut layers = Vec::new();
        let both = |layers: Layers| [layers.first, layers.second];
        match self {
            Self::One(own) => layers.extend(both(own)),
            Self::Mixture(own) => {
                let Experts { router, experts, shared } = *own;
                layers.extend(experts.into_iter().flat_map(both));
                layers.push(router);
                if let Some((expert, gate)) = shared {
                    layers.extend(both(expert).into_iter().chain(gate));
                }
            }
        }
        layers.into_iter().filter_map(Linear::into_values).collect()
    }
}

impl Transformer {
    /// The MLP of a block, `[tokens, d_model]` to the same shape.
    pub(super) fn mlp(
        &self,
        layer: usize,
        mlp: &Mlp,
        x: &Tensor,
        hooks: &mut HookRunner,
    ) -> Result<Tensor> {
        let a = &self.architecture;
        let one = |layers: &Layers, x: &Tensor, limit: Option<f64>| {
            ops::mlp(x, &layers.first, a.mlp, limit, &layers.second)
        };
        let (experts, mixture) = match (mlp, &a.mixture) {
            (Mlp::Mixture(experts), Some(mixture)) => (experts, mixture),
            (Mlp::One(layers), _) => return one(layers, x, None),
            (Mlp::Mixture(_), None) => {
                return Err(crate::Error::MissingWeight {
                    name: HookPoint::Router(layer).to_string(),
                });
            }
        };
        let logits = hooks.at(HookPoint::Router(layer), experts.router.apply(x)?)?;
        let groups = groups(mixture, &logits, self.correction(layer))?;
        let mut out = match self.kernels {
            Some(rounding) => self.experts(experts, mixture, &groups, x, rounding)?,
            None => {
                let mut sum = x.zeros_like()?;
                for (layers, group) in experts.experts.iter().zip(&groups) {
                    if group.is_empty() {
                        continue;
                    }
                    let (rows, weights): (Vec<u32>, Vec<f32>) =
                        group.iter().map(|&(row, weight)| (row as u32, weight)).unzip();
                    let rows = Tensor::new(rows, self.device())?;
                    let weights = Tensor::new(weights, self.device())?.to_dtype(x.dtype())?;
                    let out = one(layers, &x.index_select(&rows, 0)?, mixture.limit)?;
                    let out = out.broadcast_mul(&weights.unsqueeze(1)?)?;
                    sum = sum.index_add(&rows, &out, 0)?;
                }
                sum
            }
        };
        if let Some((layers, gate)) = &experts.shared {
            let mut shared = one(layers, x, mixture.limit)?;
            if let Some(gate) = gate {
                shared = ops::times_sigmoid(&shared, &gate.apply(x)?, self.kernels)?;
            }
            out = ops::sum(&out, &shared, self.kernels)?;
        }
        Ok(out)
    }

    /// The weighted sum of the outputs of the experts, through the kernels.
    fn experts(
        &self,
        experts: &Experts,
        mixture: &Mixture,
        groups: &[Group],
        x: &Tensor,
        rounding: Rounding,
    ) -> Result<Tensor> {
        let packed = experts.experts.iter().zip(groups).filter_map(|(layers, group)| {
            match (&layers.first, &layers.second) {
                _ if group.is_empty() => None,
                (Linear::Packed(first, _), Linear::Packed(second, _)) => {
                    Some(kernels::Expert { first, second, group })
                }
                _ => None,
            }
        });
        let packed: Vec<_> = packed.collect();
        let mlp = (self.architecture.mlp, mixture.limit);
        let d = self.architecture.d_model;
        let run = |x: &[f32]| kernels::experts(x, &packed, mlp, d, rounding);
        Ok(kernels::apply("experts", x, d, d, run)?)
    }
}

/// The tokens of each expert, in their order.
fn groups(mixture: &Mixture, logits: &Tensor, correction: &[f32]) -> Result<Vec<Group>> {
    let logits = ops::values(&logits.to_dtype(DType::F32)?)?;
    let mut groups = vec![Group::new(); mixture.n_experts];
    for (row, logits) in logits.chunks(mixture.n_experts).enumerate() {
        for (expert, weight) in mixture.route(logits, correction).experts {
            groups[expert].push((row, weight));
        }
    }
    Ok(groups)
}
