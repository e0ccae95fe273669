//! Rows of words and numbers.

use serde::{Deserialize, Serialize};

/// Rows of words and numbers. Neighbouring rows with the same text in the first column form a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// `[rows][columns]`.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub title: String,
    /// Where the texts of its cells begin or end.
    #[serde(default, skip_serializing_if = "Align::is_start")]
    pub align: Align,
}

/// The side at which texts are aligned. A text that is too long loses its other side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Texts begin at one place.
    #[default]
    Start,
    /// Texts end at one place, as numbers do: what stands before a word, say.
    End,
}

impl Align {
    fn is_start(&self) -> bool {
        *self == Self::Start
    }
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// Words.
    Text(String),
    /// A value that is not defined.
    None,
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::None, Self::Number)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Column {
    fn from(title: &str) -> Self {
        Self { title: title.to_owned(), align: Align::Start }
    }
}

impl Column {
    /// A column whose texts end at one place, as numbers do.
    pub fn end(title: &str) -> Self {
        Self { title: title.to_owned(), align: Align::End }
    }
}

impl Table {
    /// A table of `[rows][columns]` cells.
    pub fn new(
        columns: impl IntoIterator<Item = impl Into<Column>>,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().collect(),
        }
    }
}
