//! One file for each kind of figure, and the choice among them.

pub(crate) mod activations;
mod cells;
mod curves;
mod grid;
mod matrix;
mod pictures;
mod table;
mod trails;
pub(crate) mod trajectory;

use crate::error::PlotError;
use crate::figure::Figure;
use crate::style::Style;
use stratoscope_chart::{Chart, Drawing};

/// Draws a chart in a style. Of more layers, words or rows than a page holds it draws some, and says so.
///
/// # Errors
/// [`PlotError::Chart`] for lengths that do not agree and numbers out of their range;
/// [`PlotError::Empty`], [`PlotError::TooMany`] and [`PlotError::NotDrawable`] for what no page
/// can show.
pub fn draw(chart: &Chart, style: Style) -> Result<Figure, PlotError> {
    chart.check()?;
    match &chart.drawing {
        Drawing::Curves(of) => curves::draw(chart, of, style),
        Drawing::Matrix(of) => matrix::draw(chart, of, style),
        Drawing::Grid(of) => grid::draw(chart, of, style),
        Drawing::Trails(of) => trails::draw(chart, of, style),
        Drawing::Table(of) => table::draw(chart, of, style),
        Drawing::Pictures(of) => pictures::draw(chart, of, style),
    }
}
