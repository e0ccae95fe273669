//! A chart: what is drawn, and what a reader has to know about it.

use crate::curves::Curves;
use crate::grid::Grid;
use crate::matrix::{Matrix, MatrixPanel};
use crate::pictures::Pictures;
use crate::table::Table;
use crate::trails::Trails;
use serde::{Deserialize, Serialize};

/// One chart. The same value is drawn on paper, drawn on the page, and written as JSON and CSV.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The name of its files and links: letters, digits and dashes; unique in a report.
    pub id: String,
    /// Above it.
    pub title: String,
    /// What it is about, such as a model. On paper it follows the title; the page says it in its
    /// head.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What it shows, how that is computed, and what it cannot show.
    pub caption: String,
    /// The source of the measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<Paper>,
    /// The exploration of the report that it belongs to, counted from 0; none where it belongs to
    /// no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration: Option<usize>,
    /// The numbers.
    #[serde(flatten)]
    pub drawing: Drawing,
}

/// A paper that a measure comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// Authors and year.
    pub name: String,
    /// Its DOI, without the resolver.
    pub doi: String,
}

impl Paper {
    /// A paper by its authors with the year, and its DOI.
    pub fn new(name: &str, doi: &str) -> Self {
        Self { name: name.to_owned(), doi: doi.to_owned() }
    }
}

/// What a chart draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Drawing {
    /// Curves with intervals.
    Curves(Curves),
    /// Coloured cells.
    Matrix(Matrix),
    /// Words on coloured cells.
    Grid(Grid),
    /// Points in a plane, layer by layer.
    Trails(Trails),
    /// Rows of words and numbers.
    Table(Table),
    /// Values of the cells of pictures.
    Pictures(Pictures),
}

impl Default for Drawing {
    fn default() -> Self {
        Self::Table(Table::default())
    }
}

impl From<Curves> for Drawing {
    fn from(curves: Curves) -> Self {
        Self::Curves(curves)
    }
}

impl From<Matrix> for Drawing {
    fn from(matrix: Matrix) -> Self {
        Self::Matrix(matrix)
    }
}

impl From<MatrixPanel> for Drawing {
    fn from(panel: MatrixPanel) -> Self {
        Self::Matrix(Matrix::new([panel]))
    }
}

impl From<Grid> for Drawing {
    fn from(grid: Grid) -> Self {
        Self::Grid(grid)
    }
}

impl From<Trails> for Drawing {
    fn from(trails: Trails) -> Self {
        Self::Trails(trails)
    }
}

impl From<Table> for Drawing {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Pictures> for Drawing {
    fn from(pictures: Pictures) -> Self {
        Self::Pictures(pictures)
    }
}

impl Chart {
    /// A chart without a caption yet.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        drawing: impl Into<Drawing>,
    ) -> Self {
        Self { id: id.into(), title: title.into(), drawing: drawing.into(), ..Self::default() }
    }

    /// Sets what it shows, how that is computed, and what it cannot show.
    pub fn caption(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }

    /// Sets what it is about, such as a model.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// Sets the source of the measure.
    pub fn paper(self, name: &str, doi: &str) -> Self {
        Self { paper: Some(Paper::new(name, doi)), ..self }
    }

    /// Sets the exploration of the report that it belongs to.
    pub fn exploration(self, index: usize) -> Self {
        Self { exploration: Some(index), ..self }
    }

    /// The title with what the chart is about.
    pub fn full_title(&self) -> String {
        match self.subject.is_empty() {
            true => self.title.clone(),
            false => format!("{}: {}", self.title, self.subject),
        }
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        match &self.drawing {
            Drawing::Curves(curves) => curves.rows.is_empty(),
            Drawing::Matrix(matrix) => matrix.panels.is_empty(),
            Drawing::Grid(grid) => grid.cells.is_empty(),
            Drawing::Trails(trails) => trails.points.is_empty(),
            Drawing::Table(table) => table.rows.is_empty(),
            Drawing::Pictures(pictures) => {
                pictures.panels.iter().all(|panel| panel.slices.is_empty())
            }
        }
    }
}
