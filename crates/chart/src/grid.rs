//! Words on coloured cells: what each layer would predict at each token.

use crate::axis::Axis;
use crate::scale::Scale;
use serde::{Deserialize, Serialize};

/// Words on coloured cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// From the top; layers from the bottom.
    pub rows: Axis,
    /// From the left; its labels stand below the cells.
    pub columns: Axis,
    /// What a cell's value is, with its unit.
    pub value: String,
    /// How it becomes a colour.
    pub scale: Scale,
    /// `[rows][columns]`.
    pub cells: Vec<Vec<GridCell>>,
    /// What was to be predicted at each column: a line above the cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
    /// What a frame says; empty where no cell is framed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub framed: String,
    /// The column that is shown in any case, where paper has no room for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<usize>,
}

/// What was to be predicted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// What it is called, such as `next token`.
    pub name: String,
    /// `[columns]`; none where nothing was to be predicted.
    pub labels: Vec<Option<String>>,
}

/// One cell of a grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GridCell {
    /// What stands in it.
    pub text: String,
    /// What its colour says.
    pub value: Option<f64>,
    /// Whether it is framed: a prediction that is right, say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub framed: bool,
    /// What the page adds when it is pointed at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
}

impl Grid {
    /// A grid of `[rows][columns]` cells; `value` is what a cell's value is, with its unit.
    pub fn new(
        rows: Axis,
        columns: Axis,
        value: impl Into<String>,
        scale: Scale,
        cells: Vec<Vec<GridCell>>,
    ) -> Self {
        Self { rows, columns, value: value.into(), scale, cells, ..Self::default() }
    }

    /// Sets what was to be predicted at each column: what it is called, and `[columns]` of it.
    pub fn truth(self, name: impl Into<String>, labels: Vec<Option<String>>) -> Self {
        Self { truth: Some(Truth { name: name.into(), labels }), ..self }
    }

    /// Sets what a frame says.
    pub fn framed(self, framed: impl Into<String>) -> Self {
        Self { framed: framed.into(), ..self }
    }

    /// Sets the column that is shown in any case.
    pub fn focus(self, column: usize) -> Self {
        Self { focus: Some(column), ..self }
    }
}

impl GridCell {
    /// A cell by its text and the value of its colour.
    pub fn new(text: impl Into<String>, value: Option<f64>) -> Self {
        Self { text: text.into(), value, ..Self::default() }
    }
}
