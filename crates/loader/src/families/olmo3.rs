//! OLMo 3 (OLMo team 2025): OLMo 2 with a window in three of four blocks, where rotations are not scaled.

use super::llama::{self, Defaults};
use super::olmo2::{self, OLMO};
use super::rope::{ROPE, Rope, rotary};
use super::{Family, spans};
use stratoscope_transformer::QueryKeyNorm;

pub(super) const FAMILY: Family = Family {
    name: "OLMo 3",
    types: &[("olmo3", "Olmo3")],
    architecture: |config| {
        let whole = Rope { set: Some("full_attention"), default_theta: 500_000.0, ..ROPE };
        let defaults = Defaults { rope: whole, ..OLMO };
        let mut olmo = olmo2::architecture(config, &defaults, QueryKeyNorm::Projection)?;
        let windowed = spans::windowed(config, olmo.n_layers, |i| (i + 1) % 4 != 0)?;
        let window = spans::window(config, Some(4096))?;
        spans::set_windows(config, &mut olmo.attention, &windowed, window)?;
        let local = Rope { set: Some("sliding_attention"), scaled: false, ..defaults.rope };
        let local = rotary(config, olmo.d_head, &local)?;
        for (layer, _) in olmo.attention.layers.iter_mut().zip(windowed).filter(|(_, w)| *w) {
            layer.rotary = Some(local.clone());
        }
        Ok(olmo)
    },
    names: olmo2::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
