//! Points in a plane, layer by layer.

use crate::axis::Axis;
use serde::{Deserialize, Serialize};

/// Points in a plane, one map for each layer. Points of several groups are coloured by group, points
/// of one group by their place in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trails {
    /// What the horizontal axis measures; empty where axes have no meaning.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub x: String,
    /// What the vertical axis measures; empty where axes have no meaning.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub y: String,
    /// The layers.
    pub steps: Axis,
    /// `[steps]`: what is to be said of each map, such as its trustworthiness; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What moves.
    pub items: Axis,
    /// `[steps][items]`: where it is; none where that is not defined.
    pub points: Vec<Vec<Option<[f64; 2]>>>,
    /// Whether all maps share one plane, so that the way from one to the next has a meaning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Trails {
    /// Maps of `items` at each of `steps`: `[steps][items]` points.
    pub fn new(steps: Axis, items: Axis, points: Vec<Vec<Option<[f64; 2]>>>) -> Self {
        Self { steps, items, points, ..Self::default() }
    }

    /// Sets what the axes measure.
    pub fn axes(self, x: impl Into<String>, y: impl Into<String>) -> Self {
        Self { x: x.into(), y: y.into(), ..self }
    }

    /// Sets what is to be said of each map: `[steps]`.
    pub fn notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// Says that all maps share one plane.
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }
}
