//! Checks that the lengths of a chart agree and that its numbers can be drawn.

use crate::axis::{Axis, AxisKind};
use crate::chart::{Chart, Drawing};
use crate::curves::{Curves, Panel, Series};
use crate::error::ChartError;
use crate::grid::Grid;
use crate::matrix::{Matrix, MatrixPanel};
use crate::pictures::{PNG_URI, PicturePanel, Pictures};
use crate::scale::Scale;
use crate::table::{Cell, Table};
use crate::trails::Trails;

type Checked = Result<(), ChartError>;

impl Chart {
    /// Checks that lengths agree, that numbers are finite and within their ranges, and that axes
    /// rise.
    ///
    /// # Errors
    /// [`ChartError`], which names the chart and the number.
    pub fn check(&self) -> Checked {
        let id = &self.id;
        match &self.drawing {
            Drawing::Curves(of) => curves(id, of),
            Drawing::Matrix(of) => matrix(id, of),
            Drawing::Grid(of) => grid(id, of),
            Drawing::Trails(of) => trails(id, of),
            Drawing::Table(of) => table(id, of),
            Drawing::Pictures(of) => pictures(id, of),
        }
    }
}

fn curves(id: &str, curves: &Curves) -> Checked {
    for panel in curves.panels() {
        let name = match panel.title.is_empty() {
            true => id.to_owned(),
            false => format!("{id}, {}", panel.title),
        };
        panel.x.check(&name)?;
        if matches!(panel.x.kind, AxisKind::Layers | AxisKind::Counts) {
            rising(&name, panel.x.numbers.iter().map(|&n| n as f64))?;
        }
        let [low, high] = panel.range;
        finite(|| format!("{name}: the start of the vertical axis"), low)?;
        finite(|| format!("{name}: the end of the vertical axis"), high)?;
        if low >= high {
            let what = format!("{name}: the end of the vertical axis");
            return Err(ChartError::OutOfRange { what, value: high, low, high: f64::INFINITY });
        }
        panel.series.iter().try_for_each(|series| check_series(&name, panel, series))?;
    }
    Ok(())
}

fn check_series(name: &str, panel: &Panel, series: &Series) -> Checked {
    let name = format!("{name}: {}", series.name);
    let places = if panel.is_by_share() { series.at.len() } else { panel.x.len() };
    length(|| format!("{name}, values"), places, series.values.len())?;
    if !series.intervals.is_empty() {
        length(|| format!("{name}, intervals"), places, series.intervals.len())?;
    }
    let own = if panel.is_by_share() { places } else { 0 };
    length(|| format!("{name}, places"), own, series.at.len())?;
    if !series.layers.is_empty() {
        length(|| format!("{name}, layers"), own, series.layers.len())?;
    }
    series.peak.map_or(Ok(()), |at| below(&format!("{name}, the ring"), at, places))?;
    rising(&name, series.at.iter().copied())?;
    for &at in &series.at {
        within(|| format!("{name}: a place"), at, [0.0, 1.0])?;
    }
    for (place, value) in series.values.iter().enumerate() {
        let what = |of: &str| format!("{name}, {of} {}", label(panel, series, place));
        if let Some(value) = *value {
            within(|| what("the value at"), value, panel.range)?;
        }
        let Some(&Some([low, high])) = series.intervals.get(place) else { continue };
        within(|| what("the low end of the interval at"), low, panel.range)?;
        within(|| what("the high end of the interval at"), high, panel.range)?;
        let what = || what("the low end of the interval at");
        within(what, low, [f64::NEG_INFINITY, high])?;
    }
    Ok(())
}

/// A place of a series in words.
fn label(panel: &Panel, series: &Series, place: usize) -> String {
    match (panel.x.labels.get(place), series.at.get(place)) {
        (Some(label), _) => format!("{} {label}", panel.x.title),
        (None, Some(at)) => format!("depth {at}"),
        (None, None) => format!("place {place}"),
    }
}

fn matrix(id: &str, matrix: &Matrix) -> Checked {
    matrix.panels.iter().try_for_each(|panel| matrix_panel(id, panel))
}

fn matrix_panel(id: &str, panel: &MatrixPanel) -> Checked {
    let id = match panel.title.is_empty() {
        true => id.to_owned(),
        false => format!("{id}, {}", panel.title),
    };
    panel.rows.check(&id)?;
    panel.columns.check(&id)?;
    scale(&id, &panel.scale)?;
    let cells = panel.rows.len() * panel.columns.len();
    for slice in &panel.slices {
        length(|| format!("{id}: cells"), cells, slice.values.len())?;
        for (i, value) in slice.values.iter().enumerate() {
            let name = |axis: &Axis, i: usize| axis.labels.get(i).cloned().unwrap_or_default();
            let what = || {
                let (row, column) = (i / panel.columns.len(), i % panel.columns.len());
                let (row, column) = (name(&panel.rows, row), name(&panel.columns, column));
                format!("{id}: the cell of row {row} and column {column}")
            };
            value.map_or(Ok(()), |value| coloured(what, value, &panel.scale))?;
        }
        slice.framed.iter().try_for_each(|&cell| below(&format!("{id}: a frame"), cell, cells))?;
    }
    Ok(())
}

fn grid(id: &str, grid: &Grid) -> Checked {
    grid.rows.check(id)?;
    grid.columns.check(id)?;
    scale(id, &grid.scale)?;
    length(|| format!("{id}: rows"), grid.rows.len(), grid.cells.len())?;
    for (row, cells) in grid.rows.labels.iter().zip(&grid.cells) {
        length(|| format!("{id}: cells of row {row}"), grid.columns.len(), cells.len())?;
        for (column, cell) in grid.columns.labels.iter().zip(cells) {
            let what = || format!("{id}: the value of row {row} and column {column}");
            cell.value.map_or(Ok(()), |value| coloured(what, value, &grid.scale))?;
        }
    }
    if let Some(truth) = &grid.truth {
        length(|| format!("{id}: {}", truth.name), grid.columns.len(), truth.labels.len())?;
    }
    grid.focus.map_or(Ok(()), |focus| below(&format!("{id}: the focus"), focus, grid.columns.len()))
}

fn trails(id: &str, trails: &Trails) -> Checked {
    trails.steps.check(id)?;
    trails.items.check(id)?;
    length(|| format!("{id}: steps"), trails.steps.len(), trails.points.len())?;
    if !trails.notes.is_empty() {
        length(|| format!("{id}: notes"), trails.steps.len(), trails.notes.len())?;
    }
    for (step, points) in trails.steps.labels.iter().zip(&trails.points) {
        let title = &trails.steps.title;
        length(|| format!("{id}: points of {title} {step}"), trails.items.len(), points.len())?;
        for (item, point) in trails.items.labels.iter().zip(points) {
            let what = || format!("{id}: the point of {item} at {title} {step}");
            point.iter().flatten().try_for_each(|&value| finite(what, value))?;
        }
    }
    Ok(())
}

fn table(id: &str, table: &Table) -> Checked {
    // Readers of the CSV find a column by its title.
    for (place, column) in table.columns.iter().enumerate() {
        if table.columns[..place].iter().any(|other| other.title == column.title) {
            return Err(ChartError::SameTitle { id: id.to_owned(), title: column.title.clone() });
        }
    }
    for row in &table.rows {
        length(|| format!("{id}: cells"), table.columns.len(), row.len())?;
        for (column, cell) in table.columns.iter().zip(row) {
            if let Cell::Number(value) = cell {
                finite(|| format!("{id}: a cell of {}", column.title), *value)?;
            }
        }
    }
    Ok(())
}

fn pictures(id: &str, pictures: &Pictures) -> Checked {
    // A colour map, or red, green and blue.
    let channels = pictures.channels.len();
    let expected = if channels == 1 { 1 } else { 3 };
    length(|| format!("{id}: channels"), expected, channels)?;
    pictures.channels.iter().try_for_each(|channel| scale(id, &channel.scale))?;
    pictures
        .panels
        .iter()
        .try_for_each(|panel| picture(&format!("{id}, {}", panel.title), panel, pictures))
}

fn picture(id: &str, panel: &PicturePanel, of: &Pictures) -> Checked {
    let begin = panel.picture.get(..PNG_URI.len());
    if begin != Some(PNG_URI) {
        let found = begin.unwrap_or_default().to_owned();
        return Err(ChartError::NotAPicture { what: id.to_owned(), found });
    }
    let cells = panel.cells();
    panel.chosen.map_or(Ok(()), |cell| below(&format!("{id}: the chosen cell"), cell, cells))?;
    if let Some(seconds) = panel.seconds {
        within(|| format!("{id}: the seconds"), seconds, [0.0, f64::MAX])?;
    }
    for slice in &panel.slices {
        let values = cells.saturating_mul(of.channels.len());
        length(|| format!("{id}: values at layer {}", slice.layer), values, slice.values.len())?;
        for (place, value) in slice.values.iter().enumerate() {
            let channel = &of.channels[place % of.channels.len()];
            let what = || {
                let cell = place / of.channels.len();
                format!("{id}: {} of cell {cell} at layer {}", channel.value, slice.layer)
            };
            value.map_or(Ok(()), |value| coloured(what, value, &channel.scale))?;
        }
    }
    Ok(())
}

impl Axis {
    /// Checks that the lists of the axis have one length; `of` is what it is an axis of.
    ///
    /// # Errors
    /// [`ChartError`], which names the list.
    pub fn check(&self, of: &str) -> Checked {
        let n = self.labels.len();
        let name = || format!("{of}: {}", self.title);
        if !self.numbers.is_empty() || self.kind == AxisKind::Counts {
            length(|| format!("{}, numbers", name()), n, self.numbers.len())?;
        }
        if !self.groups.is_empty() {
            length(|| format!("{}, groups", name()), n, self.groups.len())?;
        }
        let mut places = self.muted.iter().chain(&self.unknown);
        places.try_for_each(|&place| below(&format!("{}, a place", name()), place, n))
    }
}

fn scale(id: &str, scale: &Scale) -> Checked {
    finite(|| format!("{id}: the low end of the scale"), scale.low)?;
    finite(|| format!("{id}: the high end of the scale"), scale.high)?;
    let least = if scale.signed { -scale.low } else { scale.low };
    let most = if scale.signed { -scale.low } else { f64::INFINITY };
    within(|| format!("{id}: the high end of the scale"), scale.high, [least, most])
}

/// A value that has a colour. It may pass the ends of the scale by rounding.
fn coloured(what: impl FnOnce() -> String, value: f64, scale: &Scale) -> Checked {
    let room = 1e-3 * (scale.high - scale.low);
    within(what, value, [scale.low - room, scale.high + room])
}

fn length(what: impl FnOnce() -> String, expected: usize, found: usize) -> Checked {
    match expected == found {
        true => Ok(()),
        false => Err(ChartError::Shape { what: what(), expected, found }),
    }
}

fn below(what: &str, found: usize, count: usize) -> Checked {
    let high = count.saturating_sub(1) as f64;
    match found < count {
        true => Ok(()),
        false => {
            let what = what.to_owned();
            Err(ChartError::OutOfRange { what, value: found as f64, low: 0.0, high })
        }
    }
}

fn rising(name: &str, values: impl Iterator<Item = f64>) -> Checked {
    let mut before = None;
    for value in values {
        if let Some(low) = before.filter(|&before| value <= before) {
            let what = format!("{name}: a place of the horizontal axis, which has to rise,");
            return Err(ChartError::OutOfRange { what, value, low, high: f64::INFINITY });
        }
        before = Some(value);
    }
    Ok(())
}

fn within(what: impl FnOnce() -> String, value: f64, [low, high]: [f64; 2]) -> Checked {
    if !value.is_finite() {
        return Err(ChartError::NotFinite { what: what(), value });
    }
    match value >= low && value <= high {
        true => Ok(()),
        false => Err(ChartError::OutOfRange { what: what(), value, low, high }),
    }
}

fn finite(what: impl FnOnce() -> String, value: f64) -> Checked {
    match value.is_finite() {
        true => Ok(()),
        false => Err(ChartError::NotFinite { what: what(), value }),
    }
}
