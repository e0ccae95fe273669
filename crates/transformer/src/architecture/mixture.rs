//! Mixtures of experts: their sizes, and which experts a token uses.

use super::Architecture;
use crate::error::{Error, Result};

/// A mixture of experts in the place of the MLP (Shazeer et al. 2017): a router gives each token a logit
/// for every expert; the outputs of the experts with the largest logits are summed, each times its
/// weight. An expert is an MLP with the activation, the gate and the biases of
/// [`Architecture::mlp`](crate::Architecture::mlp).
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// `[n_weight_sets]`: whether a block has the mixture; other blocks have one MLP of the width
    /// `d_mlp`.
    pub blocks: Vec<bool>,
    /// Experts per block.
    pub n_experts: usize,
    /// Experts that a token uses.
    pub n_chosen: usize,
    /// Width of the inner layer of an expert.
    pub d_expert: usize,
    /// Whether the router has a bias.
    pub router_bias: bool,
    /// How logits become weights.
    pub weighting: Weighting,
    /// `c` of experts whose gate `g` and values `v` are limited (OpenAI 2025): `g` becomes `min(g, c)`, and
    /// `v` becomes `1 + max(-c, min(v, c))`.
    pub limit: Option<f64>,
    /// An expert that every token uses, beside the chosen ones.
    pub shared: Option<SharedExpert>,
}

/// How the logits of a router become the weights of the chosen experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// The softmax over all experts: the weights sum to less than 1.
    AmongAll,
    /// The softmax over the chosen experts. It equals the softmax over all experts, divided by the sum of
    /// the chosen probabilities.
    AmongChosen,
}

/// An expert that every token uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedExpert {
    /// Width of its inner layer.
    pub d_mlp: usize,
    /// Whether its output is multiplied by the sigmoid of a linear layer with one output.
    pub gated: bool,
}

/// The experts of one token in one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// `[n_chosen]`: the chosen experts with their weights, the largest logit first.
    pub experts: Vec<(usize, f32)>,
    /// The routing margin: by how much the smallest logit of a chosen expert exceeds the largest of the
    /// others. Infinite if all experts are chosen.
    pub margin: f32,
    /// The largest absolute logit.
    pub largest: f32,
}

impl Routing {
    /// Whether the margin is within `error` times the largest logit, so that rounding may decide which
    /// expert is chosen.
    pub fn is_within(&self, error: f32) -> bool {
        self.margin <= error * self.largest
    }
}

impl Mixture {
    /// The experts of a token, from its logits `[n_experts]`. Of equal logits the first is larger.
    pub fn route(&self, logits: &[f32]) -> Routing {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let (chosen, others) = order.split_at(self.n_chosen.min(order.len()));
        let max = chosen.first().map_or(0.0, |&expert| logits[expert]);
        let exp = |&expert: &usize| (logits[expert] - max).exp();
        let total: f32 = match self.weighting {
            Weighting::AmongAll => order.iter().map(exp).sum(),
            Weighting::AmongChosen => chosen.iter().map(exp).sum(),
        };
        let margin = match (chosen.last(), others.first()) {
            (Some(&last), Some(&next)) => logits[last] - logits[next],
            _ => f32::INFINITY,
        };
        Routing {
            experts: chosen.iter().map(|expert| (*expert, exp(expert) / total)).collect(),
            margin,
            largest: logits.iter().fold(0.0, |largest, logit| logit.abs().max(largest)),
        }
    }

    /// Checks that the sizes fit together and to those of the architecture.
    pub(super) fn check(&self, a: &Architecture) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        let Self { n_experts, n_chosen, d_expert, .. } = *self;
        if self.blocks.len() != a.n_weight_sets {
            let (own, blocks) = (self.blocks.len(), a.n_weight_sets);
            return fail(format!("mixtures of experts of {own} blocks for {blocks}"));
        }
        if n_chosen == 0 || n_chosen > n_experts {
            return fail(format!("{n_chosen} of {n_experts} experts cannot be chosen"));
        }
        // Memory for the names of weights grows with it.
        if n_experts.saturating_mul(a.n_weight_sets) > MAX_EXPERTS {
            return fail(format!("{n_experts} experts in each of {} blocks", a.n_weight_sets));
        }
        let d_shared = self.shared.map_or(1, |shared| shared.d_mlp);
        for (name, size) in [("d_expert", d_expert), ("d_mlp of the shared expert", d_shared)] {
            if size == 0 || size > 1 << 24 {
                return fail(format!("{name} is {size}"));
            }
        }
        if self.limit.is_some() && !a.mlp.gated {
            return fail("limits of experts without a gate".to_owned());
        }
        Ok(())
    }
}

/// More experts in all blocks together than any model has.
const MAX_EXPERTS: usize = 1 << 17;

impl Architecture {
    /// The mixture of experts of block `i`; none if the block has one MLP.
    pub fn mixture_of(&self, i: usize) -> Option<&Mixture> {
        let mixture = self.mixture.as_ref()?;
        (mixture.blocks.get(self.weight_set(i)) == Some(&true)).then_some(mixture)
    }

    /// The number of parameters that a token uses: those of the chosen experts, and of all else.
    pub fn active_parameters(&self) -> usize {
        let Some(mixture) = &self.mixture else { return self.parameters() };
        let weights = self.weights().into_iter();
        let sizes = weights.filter(|w| {
            let expert = w.name.split_once(".experts.").and_then(|(_, rest)| rest.split_once('.'));
            let expert = expert.and_then(|(expert, _)| expert.parse::<usize>().ok());
            expert.is_none_or(|expert| expert < mixture.n_chosen)
        });
        sizes.map(|w| w.shape.iter().product::<usize>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture(weighting: Weighting) -> Mixture {
        Mixture {
            blocks: vec![true],
            n_experts: 4,
            n_chosen: 2,
            d_expert: 3,
            router_bias: false,
            weighting,
            limit: None,
            shared: None,
        }
    }

    /// The weights are those of softmax over all, then top-k, then a division by the sum.
    #[test]
    fn chosen_experts_have_the_weights_of_the_softmax() {
        let logits = [0.5, -1.0, 2.0, 0.25];
        let probabilities: Vec<f64> = logits.iter().map(|&x| f64::from(x).exp()).collect();
        let total: f64 = probabilities.iter().sum();
        let all = mixture(Weighting::AmongAll).route(&logits);
        assert_eq!(all.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [2, 0]);
        assert_eq!((all.margin, all.largest), (0.25, 2.0));
        let chosen = mixture(Weighting::AmongChosen).route(&logits);
        let of_both = probabilities[2] + probabilities[0];
        for (index, expert) in [2, 0].into_iter().enumerate() {
            let near = |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 1e-7, "{a} {b}");
            near(all.experts[index].1, probabilities[expert] / total);
            near(chosen.experts[index].1, probabilities[expert] / of_both);
        }
        assert!(all.is_within(0.125) && !all.is_within(0.124));
    }

    #[test]
    fn of_equal_logits_the_first_expert_is_chosen() {
        let routing = mixture(Weighting::AmongChosen).route(&[1.0, 3.0, 1.0, 1.0]);
        assert_eq!(routing.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [1, 0]);
        assert!(routing.margin == 0.0 && routing.is_within(0.0));
    }
}
