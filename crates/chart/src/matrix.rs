//! Coloured cells, in panels of one or several matrices.

use crate::axis::Axis;
use crate::scale::Scale;
use serde::{Deserialize, Serialize};

/// Panels of coloured cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// The panels. Panels of one `value` and one `scale` share a colour bar.
    pub panels: Vec<MatrixPanel>,
    /// How many matrices stand beside each other on paper; as many as fit where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<usize>,
}

impl Matrix {
    /// Some panels; those without a value are dropped.
    pub fn new(panels: impl IntoIterator<Item = MatrixPanel>) -> Self {
        let known = |panel: &MatrixPanel| panel.known().next().is_some();
        Self { panels: panels.into_iter().filter(known).collect(), across: None }
    }

    /// Sets how many matrices stand beside each other on paper.
    pub fn across(self, across: usize) -> Self {
        Self { across: Some(across), ..self }
    }
}

/// One matrix, or several of the same axes and scale.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MatrixPanel {
    /// Above the panel; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// From the top; layers from the bottom.
    pub rows: Axis,
    /// From the left.
    pub columns: Axis,
    /// What a cell's value is, with its unit.
    pub value: String,
    /// How it becomes a colour.
    pub scale: Scale,
    /// Decimals of the numbers in the cells.
    #[serde(default = "two")]
    pub decimals: usize,
    /// The size of the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// The matrices.
    pub slices: Vec<Slice>,
}

fn two() -> usize {
    2
}

impl MatrixPanel {
    /// A panel without matrices yet; `value` is what a cell's value is, with its unit.
    pub fn new(rows: Axis, columns: Axis, value: impl Into<String>, scale: Scale) -> Self {
        Self { rows, columns, value: value.into(), scale, decimals: two(), ..Self::default() }
    }

    /// Sets what stands above it.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets the size of the sample.
    pub fn n(self, n: usize) -> Self {
        Self { n: Some(n), ..self }
    }

    /// Sets the decimals of the numbers in the cells: two otherwise.
    pub fn decimals(self, decimals: usize) -> Self {
        Self { decimals, ..self }
    }

    /// Adds a matrix without a name: `[rows * columns]`, row by row; none where it is not defined.
    pub fn values(self, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.slices([Slice::new(values)])
    }

    /// Adds matrices.
    pub fn slices(mut self, slices: impl IntoIterator<Item = Slice>) -> Self {
        self.slices.extend(slices);
        self
    }

    /// All values that are defined.
    pub fn known(&self) -> impl Iterator<Item = f64> + '_ {
        self.slices.iter().flat_map(|slice| slice.values.iter().flatten().copied())
    }

    /// Whether cells are squares: rows and columns are of one kind, which is not
    /// [`AxisKind::Named`](crate::AxisKind::Named).
    pub fn is_square(&self) -> bool {
        self.rows.kind == self.columns.kind && self.rows.kind != crate::AxisKind::Named
    }
}

/// One matrix of a panel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What tells it from the other matrices of its layer (a head, say); may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The layer that it belongs to. The page shows the matrix of its current layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// `[rows * columns]`, row by row; none where it is not defined.
    pub values: Vec<Option<f64>>,
    /// The cells that are framed, as places in `values`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub framed: Vec<usize>,
}

impl Slice {
    /// A matrix: `[rows * columns]`, row by row; none where it is not defined.
    pub fn new(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { values: values.into_iter().collect(), ..Self::default() }
    }

    /// Sets what tells it from the other matrices of its layer.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets the layer that it belongs to.
    pub fn layer(self, layer: usize) -> Self {
        Self { layer: Some(layer), ..self }
    }

    /// Sets the cells that are framed, as places in `values`.
    pub fn framed(self, cells: impl IntoIterator<Item = usize>) -> Self {
        Self { framed: cells.into_iter().collect(), ..self }
    }
}
