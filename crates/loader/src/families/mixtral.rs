//! Mixtral (Jiang et al. 2024): Mistral with a mixture of experts in every block.

use super::llama::{self, DEFAULTS, Defaults};
use super::mixture::{self, mixture};
use super::rope::{ROPE, Rope};
use super::rules::{tables, take};
use super::{Family, Rule, spans};
use stratoscope_transformer::Architecture;

pub(super) const FAMILY: Family = Family {
    name: "Mixtral",
    types: &[("mixtral", "Mixtral")],
    architecture: |config| {
        let mut llama = llama::architecture(
            config,
            &Defaults {
                n_kv_heads: Some(8),
                d_mlp: 14336,
                context: 131_072,
                eps: 1e-5,
                rope: Rope { default_theta: 1e6, ..ROPE },
                ..DEFAULTS
            },
        )?;
        spans::set_window(&mut llama.attention, spans::window(config, None)?);
        let mixture = mixture(config, llama.n_layers, llama.d_mlp, [8, 2])?;
        Ok(Architecture { mixture: Some(mixture), ..llama })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::NORMS,
    llama::ATTENTION,
    [
        take(&["blocks.{i}.mlp.experts.{e}.gate"], "layers.{i}.block_sparse_moe.experts.{e}.w1"),
        take(&["blocks.{i}.mlp.experts.{e}.in"], "layers.{i}.block_sparse_moe.experts.{e}.w3"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.block_sparse_moe.experts.{e}.w2"),
        take(&["blocks.{i}.mlp.router"], "layers.{i}.block_sparse_moe.gate"),
    ],
    mixture::STACKED,
    llama::FINAL,
];
