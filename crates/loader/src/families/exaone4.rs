//! EXAONE 4 (LG AI Research 2025): norms of outputs and of heads. Of its large models, the blocks without
//! a window have no positions.

use super::llama::{self, Defaults};
use super::olmo2::{self, OLMO};
use super::{Family, spans};
use stratoscope_transformer::QueryKeyNorm;

pub(super) const FAMILY: Family = Family {
    name: "EXAONE 4",
    types: &[("exaone4", "Exaone4")],
    architecture: |config| {
        let sizes = Defaults { d_vocab: 102_400, d_mlp: 16384, n_kv_heads: Some(32), ..OLMO };
        let mut exaone = olmo2::architecture(config, &sizes, QueryKeyNorm::Head)?;
        (exaone.attention.input_bias, exaone.attention.output_bias) = (false, false);
        let window = spans::window(config, Some(4096))?;
        // Beside layer_types the pattern may be a text, such as LLLG.
        let period = match config.has("layer_types") {
            true => 1,
            false => config.size(&["sliding_window_pattern"], 4)?.max(1),
        };
        let rule = |i: usize| window.is_some() && !(i + 1).is_multiple_of(period);
        let windowed = spans::windowed(config, exaone.n_layers, rule)?;
        spans::set_windows(config, &mut exaone.attention, &windowed, window)?;
        if window.is_some() {
            let whole = windowed.into_iter().map(|windowed| !windowed);
            spans::unrotate(&mut exaone.attention, whole);
        }
        Ok(exaone)
    },
    names: olmo2::NAMES,
    head: llama::HEAD,
    prefixes: llama::PREFIXES,
    unused: &[],
};
