//! A selection of layers as users type it: `0,4,8-12,-1`.

use crate::error::{Error, Result};
use std::str::FromStr;

/// A selection of layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LayerSelection {
    /// All layers.
    #[default]
    All,
    /// The layers of a text such as `0,4,8-12,-1`. Negative numbers count from the end.
    Some(String),
}

impl FromStr for LayerSelection {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text.trim() == "all" { Self::All } else { Self::Some(text.to_owned()) })
    }
}

impl LayerSelection {
    /// The selected layers of a model with `n_layers` blocks (layer 0 is the embedding), ascending, each
    /// once.
    ///
    /// # Errors
    /// [`Error::Layers`] for a part that is not a number or range, or is outside of the model.
    pub fn resolve(&self, n_layers: usize) -> Result<Vec<usize>> {
        let Self::Some(text) = self else { return Ok((0..=n_layers).collect()) };
        let fail = |reason: String| Error::Layers { text: text.clone(), last: n_layers, reason };
        let one = |part: &str| -> Result<usize> {
            let number: i64 =
                part.trim().parse().map_err(|_| fail(format!("{part:?} is not a number")))?;
            let layer = if number < 0 { number + n_layers as i64 + 1 } else { number };
            usize::try_from(layer)
                .ok()
                .filter(|l| *l <= n_layers)
                .ok_or_else(|| fail(format!("there is no layer {number}")))
        };
        let mut layers = Vec::new();
        for part in text.split(',') {
            // A minus sign after the first character is a range.
            let dash = part.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(i, _)| i);
            match dash.filter(|_| !part.trim().is_empty()) {
                Some(dash) => {
                    let (first, last) = (one(&part[..dash])?, one(&part[dash + 1..])?);
                    if first > last {
                        return Err(fail(format!("{part:?} is descending")));
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
