//! Layers against layers: several matrices side by side on one colour scale, not all of them square.

use crate::canvas::{Cells, Look};
use crate::colour::{self, INK, PAPER, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, Bar, COLUMN, MARGIN, Page, SMALL};

const COLUMNS: usize = 3;
const GAP: f64 = 14.0;
/// Room left of a matrix for its labels.
const SIDE: f64 = 30.0;
const MOST_MAPS: usize = 60;

/// Several layer by layer matrices.
#[derive(Clone, Debug)]
pub struct LayerMaps {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// What the values are: named on the colour bar, which all maps share.
    pub measure: String,
    /// The maps, from left to right and down.
    pub maps: Vec<LayerMap>,
}

/// One matrix.
#[derive(Clone, Debug)]
pub struct LayerMap {
    /// Above it.
    pub title: String,
    /// What its rows and its columns are, such as two models.
    pub names: [String; 2],
    /// The layers of the rows, and those of the columns.
    pub layers: [Vec<usize>; 2],
    /// `[rows * columns]`, row by row; none where the value is not defined: a crossed cell.
    pub values: Vec<Option<f64>>,
}

impl LayerMaps {
    /// Draws the figure.
    ///
    /// # Errors
    /// No maps; a map without layers or of a wrong length; a value that is not finite (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        check_count("maps", self.maps.len(), MOST_MAPS)?;
        self.maps.iter().try_for_each(LayerMap::check)?;
        let mut page = Page::new(&self.title, COLUMN);
        let found = layout::extent(self.maps.iter().flat_map(|map| &map.values).copied().flatten());
        let low = ((found.0 * 10.0).floor() / 10.0).min(0.9);
        let scale = Scale::Size { low, high: found.1.max(1.0) };
        let columns = self.maps.len().clamp(2, COLUMNS);
        let width = (COLUMN - 2.0 * MARGIN - GAP * (columns - 1) as f64) / columns as f64;
        let sides = |map: &LayerMap| map.layers[0].len().max(map.layers[1].len());
        let most = self.maps.iter().map(sides).max().unwrap_or(1).max(4);
        let pitch = (width - SIDE) / most as f64;
        let mut undefined = false;
        for row in self.maps.chunks(columns) {
            let top = page.y;
            let mut bottom = top;
            for (column, map) in row.iter().enumerate() {
                let left = MARGIN + column as f64 * (width + GAP);
                bottom = map.draw(&mut page, (left, top), width, pitch, scale).max(bottom);
                undefined |= map.values.contains(&None);
            }
            page.y = bottom + 8.0;
        }
        let label = page.label(&self.measure, SMALL, 300.0);
        let bar = Bar { scale, label: &label, whole: false, clipped: false };
        layout::colour_bar(&mut page, MARGIN + SIDE, 220.0, &bar);
        if undefined {
            page.note("Crossed cells: not defined.");
        }
        let titles: Vec<&str> = self.maps.iter().map(|map| map.title.as_str()).collect();
        let shows = format!("{} between layers: {}.", self.measure, titles.join(", "));
        page.finish(&self.caption, &shows)
    }
}

/// Two decimals without the zero before them, as cells are narrow.
fn short(value: f64) -> String {
    let text = layout::number(value, 2);
    let (sign, digits) = match text.strip_prefix('−') {
        Some(digits) => ("−", digits),
        None => ("", text.as_str()),
    };
    match digits.strip_prefix("0.") {
        Some("00") => "0".to_owned(),
        Some(digits) => format!("{sign}.{digits}"),
        None if digits == "1.00" => format!("{sign}1"),
        None => text,
    }
}

impl LayerMap {
    fn check(&self) -> Result<(), PlotError> {
        let [rows, columns] = &self.layers;
        input::check_layers(rows.len())?;
        input::check_layers(columns.len())?;
        let title = &self.title;
        let expected = rows.len() * columns.len();
        check_len(|| format!("values of {title:?}"), self.values.len(), expected)?;
        for (i, value) in self.values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let layer = |of: &[usize], i: usize| of.get(i).copied().unwrap_or(i);
            let (row, column) = (layer(rows, i / columns.len()), layer(columns, i % columns.len()));
            check_value(|| format!("{title:?}, layers {row} and {column}"), value)?;
        }
        Ok(())
    }

    /// Draws it from `at` on, in cells of `pitch`; where it ends below.
    fn draw(&self, page: &mut Page, at: (f64, f64), width: f64, pitch: f64, scale: Scale) -> f64 {
        let [rows, columns] = &self.layers;
        let title = page.label(&self.title, BODY, width);
        page.canvas.text((at.0, at.1 + BODY), &title, Look::new(BODY, INK));
        let size = (pitch * columns.len() as f64, pitch * rows.len() as f64);
        let rect = Rect::new(at.0 + SIDE, at.1 + 14.0, size.0, size.1);
        let colour = |value: &Option<f64>| value.map_or(PAPER, |value| scale.colour(value));
        let colours = self.values.iter().map(colour).collect();
        let cells = Cells { columns: columns.len(), rows: rows.len(), colours };
        page.canvas.picture(rect, cells);
        page.canvas.frame(rect, 0.5, SOFT);
        let corner = |i: usize| {
            let (row, column) = (i / columns.len(), i % columns.len());
            (rect.x0 + column as f64 * pitch, rect.y0 + row as f64 * pitch)
        };
        let texts = self.values.iter().map(|v| v.map(short));
        let texts: Vec<Option<String>> = texts.collect();
        let widest = texts.iter().flatten().map(|t| fonts::width(t, SMALL)).fold(0.0, f64::max);
        for (i, (value, text)) in self.values.iter().zip(&texts).enumerate() {
            let (x, y) = corner(i);
            match (value, text) {
                (Some(value), Some(text)) if widest + 2.0 <= pitch => {
                    let ink = colour::over(scale.colour(*value));
                    let middle = (x + pitch / 2.0, y + pitch / 2.0 + 0.36 * SMALL);
                    page.canvas.text(middle, text, Look::new(SMALL, ink).middle());
                }
                (None, _) => page.canvas.line(&[(x, y), (x + pitch, y + pitch)], 0.5, SOFT),
                _ => {}
            }
        }
        self.labels(page, rect, pitch, at.0)
    }

    /// Layers at the sides, and what they are of; where that ends below.
    fn labels(&self, page: &mut Page, rect: Rect, pitch: f64, left: f64) -> f64 {
        let [rows, columns] = &self.layers;
        let every = |room: f64| (room / pitch).ceil().max(1.0) as usize;
        for (i, layer) in rows.iter().enumerate().step_by(every(1.1 * SMALL)) {
            let at = (rect.x0 - 3.0, rect.y0 + (i as f64 + 0.5) * pitch + 0.36 * SMALL);
            page.canvas.text(at, &layer.to_string(), Look::new(SMALL, INK).end());
        }
        let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let widest = names.iter().map(|name| fonts::width(name, SMALL)).fold(0.0, f64::max) + 3.0;
        for (i, name) in names.iter().enumerate().step_by(every(widest)) {
            let at = (rect.x0 + (i as f64 + 0.5) * pitch, rect.y1 + 3.0 + SMALL);
            page.canvas.text(at, name, Look::new(SMALL, INK).middle());
        }
        let middle = ((rect.x0 + rect.x1) / 2.0, (rect.y0 + rect.y1) / 2.0);
        let [row, column] = &self.names;
        // Beside a few rows there is no room for a name.
        if rect.height() >= 24.0 {
            let row = page.label(row, SMALL, rect.height());
            let up = Look::new(SMALL, SOFT).middle().upward();
            page.canvas.text((left + SMALL, middle.1), &row, up);
        }
        let column = page.label(column, SMALL, rect.width().max(30.0));
        let below = rect.y1 + 3.0 + 2.4 * SMALL;
        page.canvas.text((middle.0, below), &column, Look::new(SMALL, SOFT).middle());
        below + 4.0
    }
}
