//! Charts that any command can fill: curves, matrices, grids of words, trails, tables.

use serde::{Deserialize, Serialize};

/// One chart, with what a reader has to know of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Names it in links and file names: letters, digits and dashes, one of its kind in a report.
    pub id: String,
    /// Above it.
    pub title: String,
    /// What it shows, how that is computed, and what it cannot show.
    pub shows: String,
    /// Where the measure is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<Paper>,
    /// Which of the report's explorations it is of, counted from 0; none where it is of no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration: Option<usize>,
    /// The numbers.
    #[serde(flatten)]
    pub drawing: Drawing,
}

/// A paper that a measure is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[non_exhaustive]
pub enum Drawing {
    /// Curves with intervals.
    Curves(Curves),
    /// Coloured cells.
    Matrix(Matrix),
    /// Coloured cells with words in them.
    Grid(Grid),
    /// Points that move in a plane.
    Trails(Trails),
    /// Rows of words and numbers.
    Table(Table),
}

impl Default for Drawing {
    fn default() -> Self {
        Self::Table(Table::default())
    }
}

/// What the places along an axis are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// What it measures or lists.
    pub title: String,
    /// `[places]`: their names.
    pub labels: Vec<String>,
    /// Whether they are layers or tokens, which the page links with all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AxisOf>,
    /// `[places]`: the numbers of these layers, or the places of these tokens in
    /// [`Exploration::tokens`](crate::Exploration::tokens); empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<usize>,
}

/// What an axis is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AxisOf {
    /// Layers; 0 is the embedding output.
    Layers,
    /// Tokens of the chart's exploration.
    Tokens,
}

impl Axis {
    /// An axis of layers.
    pub fn layers(layers: &[usize]) -> Self {
        Self {
            title: "layer".to_owned(),
            labels: layers.iter().map(usize::to_string).collect(),
            of: Some(AxisOf::Layers),
            ids: layers.to_vec(),
        }
    }

    /// An axis of tokens: their names, and their places in the exploration.
    pub fn tokens(labels: Vec<String>, ids: Vec<usize>) -> Self {
        Self { title: "token".to_owned(), labels, of: Some(AxisOf::Tokens), ids }
    }

    /// An axis of things that only this chart has.
    pub fn named(title: &str, labels: Vec<String>) -> Self {
        Self { title: title.to_owned(), labels, of: None, ids: Vec::new() }
    }
}

/// Curves over one axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// The horizontal axis.
    pub x: Axis,
    /// What the vertical axis measures, with its unit.
    pub y: String,
    /// The ends of the vertical axis; as wide as the values are where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The curves.
    pub series: Vec<Series>,
}

/// One curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// `[x]`; null where the measure is not defined.
    pub values: Vec<Option<f64>>,
    /// `[x]`: the low ends of the intervals; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub low: Vec<Option<f64>>,
    /// `[x]`: the high ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub high: Vec<Option<f64>>,
    /// The size of the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// A measure, or what it is to be compared with.
    #[serde(default)]
    pub kind: SeriesKind,
}

/// What a curve is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeriesKind {
    /// A measure: a coloured line with markers.
    #[default]
    Measure,
    /// A baseline or control: a grey dashed line.
    Baseline,
}

/// How values become colours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// The value of the first colour.
    pub low: f64,
    /// The value of the last colour.
    pub high: f64,
    /// Whether the sign matters: then the scale is centred on 0, and its ends are opposite numbers.
    pub signed: bool,
}

impl Scale {
    /// From the least to the greatest of some values.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            Self { low: 0.0, high: 1.0, signed: false }
        } else {
            Self { low, high, signed: false }
        }
    }

    /// Of signed values, alike on both sides of 0.
    pub fn signed(values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(0.0, |most: f64, v| most.max(v.abs()));
        Self { low: -most, high: most, signed: true }
    }
}

/// Coloured cells: one matrix, or several of the same axes to choose from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// From the top.
    pub rows: Axis,
    /// From the left.
    pub columns: Axis,
    /// What a cell's value is.
    pub value: String,
    /// How it becomes a colour.
    pub scale: Scale,
    /// The matrices.
    pub slices: Vec<Slice>,
}

/// One matrix of several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What tells it from the others of its layer (a head, say); may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The layer that it is of; it is shown when the page is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// `[rows * columns]`, row by row; null where there is none.
    pub values: Vec<Option<f64>>,
}

/// Words on colours: what each layer would predict at each token, say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// From the top.
    pub rows: Axis,
    /// From the left.
    pub columns: Axis,
    /// What a cell's value is.
    pub value: String,
    /// How it becomes a colour.
    pub scale: Scale,
    /// `[rows][columns]`.
    pub cells: Vec<Vec<GridCell>>,
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
    /// What is told of it when it is looked at, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
}

/// Points that move in a plane from layer to layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trails {
    /// What the horizontal axis measures.
    pub x: String,
    /// What the vertical axis measures.
    pub y: String,
    /// The layers.
    pub steps: Axis,
    /// What moves.
    pub items: Vec<Trail>,
}

/// One thing that moves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Its tokens, by their places in the exploration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<usize>,
    /// Whether it stands out.
    #[serde(default)]
    pub emphasised: bool,
    /// `[steps]`: where it is; null where that is not defined.
    pub points: Vec<Option<[f64; 2]>>,
}

/// Rows of words and numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// `[rows][columns]`.
    pub rows: Vec<Vec<Cell>>,
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// Words.
    Text(String),
    /// Nothing: a value that is not defined.
    None,
}
