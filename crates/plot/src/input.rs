//! What figures share: the places of an axis, and the checks that make data drawable.

use crate::colour::{MUTED, Rgb, UNKNOWN};
use crate::error::PlotError;
use stratoscope_chart::{Axis, ChartError};

/// The most tokens in one figure.
const MAX_TOKENS: usize = 2_000;
/// The most layers in one figure.
const MAX_LAYERS: usize = 1_000;
/// Larger values would overflow in the arithmetic of the page.
const LARGEST: f64 = 1e100;

/// The places of an axis, ready to be drawn.
pub(crate) struct Places {
    /// `[places]`: the labels as given.
    pub(crate) labels: Vec<String>,
    /// `[places]`: the rank of each place's group, by first appearance.
    pub(crate) ranks: Vec<usize>,
    /// `[places]`: whether the label is grey.
    pub(crate) muted: Vec<bool>,
    /// `[places]`: whether it is an unknown token.
    pub(crate) unknown: Vec<bool>,
    /// The numbers of the groups, by rank.
    pub(crate) groups: Vec<usize>,
}

impl Places {
    pub(crate) fn of(axis: &Axis) -> Self {
        let mut groups: Vec<usize> = Vec::new();
        let mut ranks = vec![0; axis.len()];
        for (rank, &group) in ranks.iter_mut().zip(&axis.groups) {
            *rank = groups.iter().position(|&known| known == group).unwrap_or_else(|| {
                groups.push(group);
                groups.len() - 1
            });
        }
        let marks = |places: &[usize]| {
            let mut marks = vec![false; axis.len()];
            for &place in places {
                if let Some(mark) = marks.get_mut(place) {
                    *mark = true;
                }
            }
            marks
        };
        let (muted, unknown) = (marks(&axis.muted), marks(&axis.unknown));
        Self { labels: axis.labels.clone(), ranks, muted, unknown, groups }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Rank and muting of a place.
    pub(crate) fn at(&self, place: usize) -> (usize, bool) {
        let rank = self.ranks.get(place).copied().unwrap_or(0);
        (rank, self.muted.get(place).copied().unwrap_or(false))
    }

    /// The colour of a place that is not an ordinary one: grey if it is muted, red if it is an unknown
    /// token.
    pub(crate) fn ink(&self, place: usize) -> Option<Rgb> {
        let is = |marks: &[bool]| marks.get(place).copied().unwrap_or(false);
        if is(&self.muted) { Some(MUTED) } else { is(&self.unknown).then_some(UNKNOWN) }
    }

    /// The places after which another group begins.
    pub(crate) fn boundaries(&self) -> impl Iterator<Item = usize> + '_ {
        let pairs = self.ranks.windows(2).enumerate();
        pairs.filter(|(_, pair)| matches!(pair, [a, b] if a != b)).map(|(index, _)| index + 1)
    }

    /// The places at some indices.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        fn of<T: Clone>(all: &[T], indices: &[usize]) -> Vec<T> {
            indices.iter().filter_map(|&i| all.get(i).cloned()).collect()
        }
        Self {
            labels: of(&self.labels, indices),
            ranks: of(&self.ranks, indices),
            muted: of(&self.muted, indices),
            unknown: of(&self.unknown, indices),
            groups: self.groups.clone(),
        }
    }
}

pub(crate) fn check_tokens(tokens: &Axis) -> Result<(), PlotError> {
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
    match found == expected {
        true => Ok(()),
        false => Err(ChartError::Shape { what: what(), expected, found }.into()),
    }
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
