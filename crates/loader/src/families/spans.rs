//! Blocks with full attention, and blocks with a sliding window.

use crate::config::Config;
use crate::error::Result;
use serde_json::Value;
use stratoscope_transformer::{Attention, Span};

/// `[n_layers]`: whether each block has a window, from `layer_types` if the config has it (transformers
/// 5), else by the rule of the family.
pub(super) fn windowed(
    config: &Config,
    n_layers: usize,
    rule: impl Fn(usize) -> bool,
) -> Result<Vec<bool>> {
    const KEY: &str = "layer_types";
    let Some(types) = config.texts(KEY)? else {
        // Do not fill the memory for a number of blocks that is refused later.
        return Ok((0..n_layers.min(1 << 16)).map(rule).collect());
    };
    if types.len() != n_layers {
        let reason = format!("an entry for each of the {n_layers} blocks is expected");
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

/// The tokens of a window, the query included. Null means no window, a missing key the default.
pub(super) fn window(config: &Config, default: Option<usize>) -> Result<Option<usize>> {
    if config.is_null(WINDOW) {
        return Ok(None);
    }
    match config.optional_size(&[WINDOW])?.or(default) {
        Some(0) => {
            Err(config.error(WINDOW, &0.into(), "a window of at least one token is expected"))
        }
        window => Ok(window),
    }
}

const WINDOW: &str = "sliding_window";

/// Sets the window of the blocks that have one.
pub(super) fn set_windows(
    config: &Config,
    attention: &mut Attention,
    windowed: &[bool],
    window: Option<usize>,
) -> Result<()> {
    if window.is_none() && windowed.contains(&true) {
        return Err(config.error(WINDOW, &Value::Null, "layer_types has blocks with a window"));
    }
    for (layer, &windowed) in attention.layers.iter_mut().zip(windowed) {
        layer.span = causal(window.filter(|_| windowed));
    }
    Ok(())
}

/// Removes the rotary positions of some blocks.
pub(super) fn unrotate(attention: &mut Attention, blocks: impl Iterator<Item = bool>) {
    for (layer, unrotated) in attention.layers.iter_mut().zip(blocks) {
        if unrotated {
            layer.rotary = None;
        }
    }
}

/// Sets the window of all blocks.
pub(super) fn set_window(attention: &mut Attention, window: Option<usize>) {
    attention.layers.iter_mut().for_each(|layer| layer.span = causal(window));
}

/// Causal attention, within a window of `window` tokens if there is one.
pub(super) fn causal(window: Option<usize>) -> Span {
    Span { before: window.map(|w| w.saturating_sub(1)), ..Span::CAUSAL }
}
