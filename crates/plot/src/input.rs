//! What all figures take: tokens, and the checks that make data drawable.

use crate::error::PlotError;

/// The most tokens in one figure.
const MAX_TOKENS: usize = 2_000;
/// The most layers in one figure.
const MAX_LAYERS: usize = 1_000;
/// Sizes beyond this would overflow on the way to the page.
const LARGEST: f64 = 1e100;

/// One token, as it is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Display text. Any text is safe: what cannot be seen is shown by its code.
    pub text: String,
    /// The sentence it belongs to. Tokens of one sentence stand together.
    pub sentence: usize,
    /// Whether it is a special token (`[CLS]`, `</s>`): drawn hollow and grey.
    pub special: bool,
}

/// Distinct sentences in order of first appearance.
pub(crate) fn sentences(tokens: &[Token]) -> Vec<usize> {
    let mut seen = Vec::new();
    for token in tokens {
        if seen.last() != Some(&token.sentence) && !seen.contains(&token.sentence) {
            seen.push(token.sentence);
        }
    }
    seen
}

pub(crate) fn check_tokens(tokens: &[Token]) -> Result<(), PlotError> {
    check_count("tokens", tokens.len(), MAX_TOKENS)
}

pub(crate) fn check_layers(count: usize) -> Result<(), PlotError> {
    check_count("layers", count, MAX_LAYERS)
}

pub(crate) fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), PlotError> {
    match found {
        0 => Err(PlotError::Empty { what }),
        n if n > limit => Err(PlotError::TooMany { what, found, limit }),
        _ => Ok(()),
    }
}

pub(crate) fn check_len(
    what: impl FnOnce() -> String,
    found: usize,
    expected: usize,
) -> Result<(), PlotError> {
    if found == expected { Ok(()) } else { Err(PlotError::Shape { what: what(), expected, found }) }
}

pub(crate) fn check_value(what: impl FnOnce() -> String, value: f64) -> Result<(), PlotError> {
    // Not `value.abs() > LARGEST`, which NaN would pass.
    if value.abs() <= LARGEST {
        Ok(())
    } else {
        Err(PlotError::NotDrawable { what: what(), value })
    }
}

/// `limit` indices out of `count`, evenly, first and last among them.
pub(crate) fn evenly(count: usize, limit: usize) -> Vec<usize> {
    if count <= limit || count < 2 {
        return (0..count).collect();
    }
    if limit < 2 {
        return vec![count - 1];
    }
    (0..limit).map(|i| (2 * i * (count - 1) + (limit - 1)) / (2 * (limit - 1))).collect()
}

/// A layer's name on the page.
pub(crate) fn layer_name(layer: usize) -> String {
    if layer == 0 { "layer 0 (embedding)".to_owned() } else { format!("layer {layer}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenly_keeps_both_ends() {
        assert_eq!(evenly(31, 4), [0, 10, 20, 30]);
        assert_eq!(evenly(3, 8), [0, 1, 2]);
        assert_eq!(evenly(5, 1), [4]);
        for count in 2..50 {
            let picked = evenly(count, 7);
            assert!(picked.windows(2).all(|w| w[0] < w[1]), "{count}: {picked:?}");
            assert_eq!(picked.last(), Some(&(count - 1)));
        }
    }

    #[test]
    fn nan_is_named() {
        let error = check_value(|| "layer 3, token 5".to_owned(), f64::NAN);
        assert_eq!(
            error.unwrap_err().to_string(),
            "layer 3, token 5 is NaN, which cannot be drawn"
        );
    }
}
