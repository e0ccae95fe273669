//! A choice of layers as people type it: `0,4,8-12,-1`.

use crate::error::{Error, Result};
use std::str::FromStr;

/// Which layers to keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LayerSelection {
    /// All of them.
    #[default]
    All,
    /// Those of a text such as `0,4,8-12,-1`; negative numbers count from the end.
    Some(String),
}

impl FromStr for LayerSelection {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text.trim() == "all" { Self::All } else { Self::Some(text.to_owned()) })
    }
}

impl LayerSelection {
    /// The chosen layers of a model with blocks `1..=n_layers` (layer 0 is the embedding), in
    /// ascending order, each once.
    ///
    /// # Errors
    /// [`Error::Layers`] for what is no number or range, or lies outside of the model.
    pub fn resolve(&self, n_layers: usize) -> Result<Vec<usize>> {
        let Self::Some(text) = self else { return Ok((0..=n_layers).collect()) };
        let fail = |reason: String| Error::Layers { text: text.clone(), last: n_layers, reason };
        let one = |part: &str| -> Result<usize> {
            let number: i64 =
                part.trim().parse().map_err(|_| fail(format!("{part:?} is no number")))?;
            let layer = if number < 0 { number + n_layers as i64 + 1 } else { number };
            usize::try_from(layer)
                .ok()
                .filter(|l| *l <= n_layers)
                .ok_or_else(|| fail(format!("there is no layer {number}")))
        };
        let mut layers = Vec::new();
        for part in text.split(',') {
            // A minus after the first character is a range.
            let dash = part.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(i, _)| i);
            match dash.filter(|_| !part.trim().is_empty()) {
                Some(dash) => {
                    let (first, last) = (one(&part[..dash])?, one(&part[dash + 1..])?);
                    if first > last {
                        return Err(fail(format!("{part:?} runs backwards")));
                    }
                    layers.extend(first..=last);
                }
                None => layers.push(one(part)?),
            }
        }
        layers.sort_unstable();
        layers.dedup();
        Ok(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_ranges_and_counts_from_the_end() {
        let resolve = |text: &str| text.parse::<LayerSelection>().unwrap().resolve(12).ok();
        assert_eq!(resolve("0,4,8-10,-1"), Some(vec![0, 4, 8, 9, 10, 12]));
        assert_eq!(resolve("-3--1"), Some(vec![10, 11, 12]));
        assert_eq!(resolve("5,5, 2"), Some(vec![2, 5]));
        assert_eq!(resolve("all").map(|l| l.len()), Some(13));
        for bad in ["", "13", "-14", "4-2", "x", "1,,2", "1-", "-", "9999999999999999999", "1-é"] {
            assert_eq!(resolve(bad), None, "{bad}");
        }
    }
}
