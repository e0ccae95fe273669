//! Mixtures of experts in configs.

use super::rules::{Rule, split, take};
use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Mixture, Weighting};

/// The keys of the number of experts.
const N_EXPERTS: [&str; 3] = ["num_experts", "num_local_experts", "n_routed_experts"];

/// All experts of a block in one tensor, and the router, with the names of transformers 5.
pub(super) const STACKED: [Rule; 5] = [
    split(
        &["blocks.{i}.mlp.experts.{e}.gate", "blocks.{i}.mlp.experts.{e}.in"],
        "layers.{i}.mlp.experts.gate_up_proj",
    ),
    take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.mlp.experts.down_proj"),
    // A GGUF file has gate and values apart.
    take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.mlp.experts.gate_proj"),
    take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.mlp.experts.up_proj"),
    take(&["blocks.{i}.mlp.router"], "layers.{i}.mlp.gate"),
];

/// A mixture in all of `n_layers` blocks, with transformers' defaults for the numbers of experts and of
/// chosen experts.
pub(super) fn mixture(
    config: &Config,
    n_layers: usize,
    d_expert: usize,
    [n_experts, n_chosen]: [usize; 2],
) -> Result<Mixture> {
    Ok(Mixture {
        // Do not fill the memory for a number of blocks that is refused later.
        blocks: vec![true; n_layers.min(1 << 16)],
        n_experts: config.size(&N_EXPERTS, n_experts)?,
        n_chosen: config.size(&["num_experts_per_tok"], n_chosen)?,
        d_expert,
        router_bias: false,
        weighting: Weighting::AmongChosen,
        limit: None,
        shared: None,
        correction: false,
        groups: None,
        scale: 1.0,
    })
}

/// Probabilities of the chosen experts, divided by their sum or not (`norm_topk_prob`).
pub(super) fn weighting(config: &Config) -> Result<Weighting> {
    Ok(match config.flag("norm_topk_prob", false)? {
        true => Weighting::AmongChosen,
        false => Weighting::AmongAll,
    })
}

/// The blocks with a mixture: every `decoder_sparse_step`-th, without those of `mlp_only_layers`.
pub(super) fn sparse_blocks(config: &Config, mixture: &mut Mixture) -> Result<()> {
    const STEP: &str = "decoder_sparse_step";
    let (step, dense) = (config.size(&[STEP], 1)?, config.sizes("mlp_only_layers")?);
    if step == 0 {
        return Err(config.error(STEP, &0.into(), "a positive number is expected"));
    }
    for (i, sparse) in mixture.blocks.iter_mut().enumerate() {
        *sparse = (i + 1) % step == 0 && !dense.contains(&i);
    }
    Ok(())
}
