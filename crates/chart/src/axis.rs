//! An axis: the places along one side of a chart.

use serde::{Deserialize, Serialize};

/// The places along one side of a chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What the axis measures or lists.
    pub title: String,
    /// What the places are.
    #[serde(default)]
    pub kind: AxisKind,
    /// `[places]`: the name of each place. Empty for [`AxisKind::Share`].
    pub labels: Vec<String>,
    /// `[places]`: the layers' numbers, the tokens' places in the exploration, or the counts.
    /// Empty where the places are not linked to anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<usize>,
    /// `[places]`: the text that each token belongs to. A line separates the groups. Empty for one
    /// group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<usize>,
    /// The places whose label is grey: special tokens, words without a counterpart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted: Vec<usize>,
    /// The places that are unknown tokens, or words with such a token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<usize>,
}

/// What the places of an axis are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AxisKind {
    /// Things that only this chart has.
    #[default]
    Named,
    /// Layers; 0 is the embedding output. On a vertical axis, layers rise: layer 0 is at the bottom.
    Layers,
    /// Tokens, words or texts.
    Tokens,
    /// Counts, on a logarithmic scale; 0 is drawn at 1.
    Counts,
    /// Depth as a share of the whole, 0 to 1: the places are those of each series
    /// ([`Series::at`](crate::Series::at)).
    Share,
}

impl Axis {
    /// Layers, which the page links to its own layers.
    pub fn layers(layers: &[usize]) -> Self {
        Self { numbers: layers.to_vec(), ..Self::layers_of("layer", layers) }
    }

    /// Layers that the page does not link: of another model, say. `title` names the axis.
    pub fn layers_of(title: impl Into<String>, layers: &[usize]) -> Self {
        Self {
            title: title.into(),
            kind: AxisKind::Layers,
            labels: layers.iter().map(usize::to_string).collect(),
            ..Self::default()
        }
    }

    /// Tokens or words. `places` are their places in the exploration, which the page links; empty
    /// where they are not in it.
    pub fn tokens(labels: Vec<String>, places: Vec<usize>) -> Self {
        Self {
            title: "token".to_owned(),
            kind: AxisKind::Tokens,
            labels,
            numbers: places,
            ..Self::default()
        }
    }

    /// Things that only this chart has.
    pub fn named(title: impl Into<String>, labels: Vec<String>) -> Self {
        Self { title: title.into(), labels, ..Self::default() }
    }

    /// Counts, rising, on a logarithmic scale.
    pub fn counts(title: impl Into<String>, counts: &[usize]) -> Self {
        Self {
            title: title.into(),
            kind: AxisKind::Counts,
            labels: counts.iter().map(usize::to_string).collect(),
            numbers: counts.to_vec(),
            ..Self::default()
        }
    }

    /// Depth as a share of the whole, for models of different depth: every series has its own
    /// places ([`Series::shares`](crate::Series::shares)).
    pub fn share() -> Self {
        Self {
            title: "depth as a share of the whole".to_owned(),
            kind: AxisKind::Share,
            ..Self::default()
        }
    }

    /// Gives the axis another title.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets the text that each token belongs to: `[places]`.
    pub fn groups(self, groups: Vec<usize>) -> Self {
        Self { groups, ..self }
    }

    /// Sets the places whose label is grey.
    pub fn muted(self, places: impl IntoIterator<Item = usize>) -> Self {
        Self { muted: places.into_iter().collect(), ..self }
    }

    /// Sets the places that are unknown tokens.
    pub fn unknown(self, places: impl IntoIterator<Item = usize>) -> Self {
        Self { unknown: places.into_iter().collect(), ..self }
    }

    /// The number of places.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The title, which says what layer 0 is.
    pub fn long_title(&self) -> String {
        let at_0 = self.kind == AxisKind::Layers && self.labels.first().is_some_and(|l| l == "0");
        match self.kind {
            AxisKind::Share => format!("{} (0: embedding, 1: last layer)", self.title),
            _ if at_0 => format!("{} (0: embedding)", self.title),
            _ => self.title.clone(),
        }
    }

    /// Whether the first place is at the bottom of a vertical axis.
    pub fn rises(&self) -> bool {
        self.kind == AxisKind::Layers
    }
}
