//! Granite 3's mixtures (Granite team 2024): Granite with a mixture of experts, in some models with an
//! expert that every token uses.

use super::granite;
use super::llama;
use super::mixture::mixture;
use super::rules::{split, tables, take};
use super::{Family, Rule};
use stratoscope_transformer::{Architecture, Mixture, SharedExpert};

pub(super) const FAMILY: Family = Family {
    name: "Granite-MoE",
    types: &[("granitemoe", "GraniteMoe"), ("granitemoeshared", "GraniteMoeShared")],
    architecture: |config| {
        let granite = granite::architecture(config)?;
        let shared = match config.text("model_type")? {
            "granitemoeshared" => config.optional_size(&["shared_intermediate_size"])?,
            _ => None,
        };
        let shared = shared.filter(|width| *width > 0);
        let mixture = Mixture {
            shared: shared.map(|d_mlp| SharedExpert { d_mlp, gated: false }),
            ..mixture(config, granite.n_layers, granite.d_mlp, [8, 2])?
        };
        Ok(Architecture { mixture: Some(mixture), ..granite })
    },
    names: NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};

/// The gates and values of all experts.
const FIRST: &[&str] = &["blocks.{i}.mlp.experts.{e}.gate", "blocks.{i}.mlp.experts.{e}.in"];

const NAMES: &[Rule] = tables![
    llama::EMBED,
    llama::NORMS,
    llama::ATTENTION,
    [
        split(FIRST, "layers.{i}.block_sparse_moe.experts.gate_up_proj"),
        split(FIRST, "layers.{i}.block_sparse_moe.input_linear"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.block_sparse_moe.experts.down_proj"),
        take(&["blocks.{i}.mlp.experts.{e}.out"], "layers.{i}.block_sparse_moe.output_linear"),
        take(&["blocks.{i}.mlp.router"], "layers.{i}.block_sparse_moe.router"),
        take(&["blocks.{i}.mlp.router"], "layers.{i}.block_sparse_moe.router.layer"),
        split(
            &["blocks.{i}.mlp.shared.gate", "blocks.{i}.mlp.shared.in"],
            "layers.{i}.shared_mlp.input_linear"
        ),
        take(&["blocks.{i}.mlp.shared.out"], "layers.{i}.shared_mlp.output_linear"),
    ],
    llama::FINAL,
];
