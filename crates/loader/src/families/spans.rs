//! Which blocks look at the whole text, and which through a window.

use crate::Result;
use crate::config::Config;
use serde_json::Value;
use stratoscope_transformer::{Attention, Span};

/// Which blocks have a window: as `layer_types` says where it is there (the newer spelling), else
/// by the family's rule.
pub(super) fn windowed(
    config: &Config,
    n_layers: usize,
    rule: impl Fn(usize) -> bool,
) -> Result<Vec<bool>> {
    const KEY: &str = "layer_types";
    let Some(types) = config.texts(KEY)? else {
        // A number of blocks that will be refused must not fill the memory before.
        return Ok((0..n_layers.min(1 << 16)).map(rule).collect());
    };
    if types.len() != n_layers {
        let reason = format!("it must name the {n_layers} blocks");
        return Err(config.error(KEY, &types.len().into(), &reason));
    }
    types
        .into_iter()
        .map(|name| match name {
            "full_attention" => Ok(false),
            "sliding_attention" => Ok(true),
            other => {
                let reason = "full_attention and sliding_attention are supported";
                Err(config.error(KEY, &other.into(), reason))
            }
        })
        .collect()
}

/// How many tokens a window has, the token itself counted: null is none, a missing key the default.
pub(super) fn window(config: &Config, default: Option<usize>) -> Result<Option<usize>> {
    if config.is_null(WINDOW) {
        return Ok(None);
    }
    match config.optional_size(&[WINDOW])?.or(default) {
        Some(0) => Err(config.error(WINDOW, &0.into(), "a token has to see itself")),
        window => Ok(window),
    }
}

const WINDOW: &str = "sliding_window";

/// Lets the blocks that have one look back through a window.
pub(super) fn set_windows(
    config: &Config,
    attention: &mut Attention,
    windowed: &[bool],
    window: Option<usize>,
) -> Result<()> {
    if window.is_none() && windowed.contains(&true) {
        return Err(config.error(WINDOW, &Value::Null, "some blocks look through a window"));
    }
    for (layer, &windowed) in attention.layers.iter_mut().zip(windowed) {
        layer.span = causal(window.filter(|_| windowed));
    }
    Ok(())
}

/// The window, where there is one, in all blocks.
pub(super) fn set_window(attention: &mut Attention, window: Option<usize>) {
    attention.layers.iter_mut().for_each(|layer| layer.span = causal(window));
}

/// A query sees itself and what is before it, `window` tokens in all where there is one.
pub(super) fn causal(window: Option<usize>) -> Span {
    Span { before: window.map(|w| w.saturating_sub(1)), ..Span::CAUSAL }
}
