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
    /// Whether a learned number is added to the score of each expert when experts are chosen. It does not
    /// change their weights (Wang et al. 2024).
    pub correction: bool,
    /// Groups of experts, of which a token uses some.
    pub groups: Option<Groups>,
    /// The factor of the weights.
    pub scale: f64,
}

/// How the logits of a router become the weights of the chosen experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// The softmax over all experts: the weights sum to less than 1.
    AmongAll,
    /// The softmax over the chosen experts. It equals the softmax over all experts, divided by the sum of
    /// the chosen probabilities.
    AmongChosen,
    /// The sigmoid of the logit of the expert.
    Sigmoid,
    /// The sigmoid of the logit of the expert, divided by the sum of those of the chosen experts.
    SigmoidAmongChosen,
}

/// Groups of experts (DeepSeek-AI 2024): the experts of a token are those with the largest scores in the
/// groups with the largest scores. Experts that follow each other form a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups {
    /// Groups per block; all have the same number of experts.
    pub n_groups: usize,
    /// Groups that a token uses.
    pub n_chosen: usize,
    /// The score of a group.
    pub score: GroupScore,
}

/// The score of a group of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupScore {
    /// The largest score of its experts.
    Largest,
    /// The sum of the two largest scores of its experts.
    TwoLargest,
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
    /// The routing margin: the least change of a logit that can change the choice, as far as slopes
    /// tell. Without sigmoids and groups, by how much the smallest logit of a chosen expert exceeds the
    /// largest of the others. Infinite if all experts are chosen.
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
    /// The experts of a token, from its logits `[n_experts]` and the numbers that are added to the scores
    /// `[n_experts]`; none if nothing is added. Of equal scores the first is larger.
    pub fn route(&self, logits: &[f32], correction: &[f32]) -> Routing {
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        let sigmoids = matches!(self.weighting, Weighting::Sigmoid | Weighting::SigmoidAmongChosen);
        // The order of probabilities is that of logits.
        let score = |expert: usize| match sigmoids {
            true => sigmoid(logits[expert]) + correction.get(expert).unwrap_or(&0.0),
            false => logits[expert] + correction.get(expert).unwrap_or(&0.0),
        };
        let scores: Vec<f32> = (0..logits.len()).map(score).collect();
        let (allowed, group_margin) = self.allowed(&scores);
        let order = sorted(&scores, allowed);
        let (chosen, others) = order.split_at(self.n_chosen.min(order.len()));
        let margin = match (chosen.last(), others.first()) {
            (Some(&last), Some(&next)) => scores[last] - scores[next],
            _ => f32::INFINITY,
        };
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = |&expert: &usize| (logits[expert] - max).exp();
        let all = 0..logits.len();
        let total: f32 = match self.weighting {
            Weighting::AmongAll => all.map(|expert| exp(&expert)).sum(),
            Weighting::AmongChosen => chosen.iter().map(exp).sum(),
            Weighting::Sigmoid => 1.0,
            Weighting::SigmoidAmongChosen => chosen.iter().map(|&e| sigmoid(logits[e])).sum(),
        };
        let weight = |expert: &usize| {
            let own = if sigmoids { sigmoid(logits[*expert]) } else { exp(expert) };
            own / total * self.scale as f32
        };
        Routing {
            experts: chosen.iter().map(|expert| (*expert, weight(expert))).collect(),
            // The slope of a sigmoid is at most 1/4.
            margin: margin.min(group_margin) * if sigmoids { 4.0 } else { 1.0 },
            largest: logits.iter().fold(0.0, |largest, logit| logit.abs().max(largest)),
        }
    }

    /// The experts of the groups that a token uses, and by how much the score of the last of these groups
    /// exceeds that of the next.
    fn allowed(&self, scores: &[f32]) -> (Vec<usize>, f32) {
        let Some(groups) = self.groups else { return ((0..scores.len()).collect(), f32::INFINITY) };
        let size = (scores.len() / groups.n_groups.max(1)).max(1);
        let of_group = |group: &[f32]| {
            let order = sorted(group, (0..group.len()).collect());
            let largest = order.iter().map(|&expert| group[expert]);
            match groups.score {
                GroupScore::Largest => largest.take(1).sum::<f32>(),
                GroupScore::TwoLargest => largest.take(2).sum(),
            }
        };
        let of_groups: Vec<f32> = scores.chunks(size).map(of_group).collect();
        let order = sorted(&of_groups, (0..of_groups.len()).collect());
        let (chosen, others) = order.split_at(groups.n_chosen.min(order.len()));
        let margin = match (chosen.last(), others.first()) {
            // Of two scores, each changes the sum.
            (Some(&last), Some(&next)) => match groups.score {
                GroupScore::Largest => of_groups[last] - of_groups[next],
                GroupScore::TwoLargest => (of_groups[last] - of_groups[next]) / 2.0,
            },
            _ => f32::INFINITY,
        };
        let of_group = |group: &usize| group * size..((group + 1) * size).min(scores.len());
        let mut allowed: Vec<usize> = chosen.iter().flat_map(of_group).collect();
        allowed.sort_unstable();
        (allowed, margin)
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
        if let Some(groups) = self.groups {
            let Groups { n_groups, n_chosen: groups, .. } = groups;
            if n_groups == 0 || !n_experts.is_multiple_of(n_groups) {
                return fail(format!("{n_experts} experts in {n_groups} groups"));
            }
            if groups == 0 || groups > n_groups || n_chosen > n_experts / n_groups * groups {
                return fail(format!("{n_chosen} experts of {groups} of {n_groups} groups"));
            }
        }
        if self.limit.is_some() && !a.mlp.gated {
            return fail("limits of experts without a gate".to_owned());
        }
        Ok(())
    }
}

/// The places of scores, the largest score first.
fn sorted(scores: &[f32], mut places: Vec<usize>) -> Vec<usize> {
    places.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    places
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
            correction: false,
            groups: None,
            scale: 1.0,
        }
    }

    /// The weights are those of the sigmoid without what is added to the scores.
    #[test]
    fn experts_of_the_best_groups_are_chosen_by_corrected_scores() {
        let groups = Groups { n_groups: 2, n_chosen: 1, score: GroupScore::TwoLargest };
        let of = |weighting, groups, scale| Mixture { groups, scale, ..mixture(weighting) };
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        // The expert with the largest logit is not in the group with the largest sum.
        let logits = [2.0, -3.0, 1.0, 0.5];
        let experts = |mixture: Mixture, correction: &[f32]| mixture.route(&logits, correction);
        let chosen = experts(of(Weighting::Sigmoid, Some(groups), 1.0), &[]);
        assert_eq!(chosen.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [2, 3]);
        let first = sigmoid(2.0) + sigmoid(-3.0);
        near(chosen.margin, (sigmoid(1.0) + sigmoid(0.5) - first) * 2.0);
        // What is added changes the choice, and no weight.
        let moved = experts(of(Weighting::SigmoidAmongChosen, None, 2.5), &[0.0, 3.0, 0.0, 0.0]);
        assert_eq!(moved.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [1, 0]);
        near(moved.experts[0].1, 2.5 * sigmoid(-3.0) / first);
        near(moved.margin, 4.0 * (sigmoid(2.0) - sigmoid(1.0)));
        let largest = Groups { score: GroupScore::Largest, ..groups };
        let softmax = experts(of(Weighting::AmongAll, Some(largest), 1.0), &[]);
        assert_eq!(softmax.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1]);
        near(softmax.margin, 1.0);
    }

    /// The weights are those of softmax over all, then top-k, then a division by the sum.
    #[test]
    fn chosen_experts_have_the_weights_of_the_softmax() {
        let logits = [0.5, -1.0, 2.0, 0.25];
        let probabilities: Vec<f64> = logits.iter().map(|&x| f64::from(x).exp()).collect();
        let total: f64 = probabilities.iter().sum();
        let all = mixture(Weighting::AmongAll).route(&logits, &[]);
        assert_eq!(all.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [2, 0]);
        assert_eq!((all.margin, all.largest), (0.25, 2.0));
        let chosen = mixture(Weighting::AmongChosen).route(&logits, &[]);
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
        let routing = mixture(Weighting::AmongChosen).route(&[1.0, 3.0, 1.0, 1.0], &[]);
        assert_eq!(routing.experts.iter().map(|e| e.0).collect::<Vec<_>>(), [1, 0]);
        assert!(routing.margin == 0.0 && routing.is_within(0.0));
    }
}
