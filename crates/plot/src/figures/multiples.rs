//! Small multiples: one small panel a measure, with the curves of one or several models by depth.

use crate::canvas::Look;
use crate::colour::{self, INK, RULE, Rgb, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, COLUMN, MARGIN, Page, SMALL};

const COLUMNS: usize = 3;
const GAP: f64 = 12.0;
const HEIGHT: f64 = 70.0;
const MOST_PANELS: usize = 60;
const MOST_CURVES: usize = 12;

/// Many measures by depth, a panel each, on one horizontal axis.
#[derive(Clone, Debug)]
pub struct Multiples {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// What the curves of a panel are, such as models: told in a legend where there are several.
    pub names: Vec<String>,
    /// Whether places are layers; else they are depths as a share of the whole, 0 to 1.
    pub by_layer: bool,
    /// The panels, from left to right and down.
    pub panels: Vec<SmallPanel>,
}

/// One measure.
#[derive(Clone, Debug)]
pub struct SmallPanel {
    /// What it measures.
    pub title: String,
    /// Its unit, shown below the title; may be empty.
    pub unit: String,
    /// `[names]`: the curves, which may be empty.
    pub curves: Vec<Vec<CurvePoint>>,
}

/// A value at a depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The layer, or the share of the depth.
    pub at: f64,
    /// The value; none where it is not defined: the curve has a gap there.
    pub value: Option<f64>,
    /// Low and high end of its interval.
    pub interval: Option<(f64, f64)>,
}

impl Multiples {
    /// Draws the figure.
    ///
    /// # Errors
    /// No panel or no name; curves that are not one a name; places that do not rise; a panel without
    /// a value; a value that is not finite (named), an interval that ends below its start.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        check_count("panels", self.panels.len(), MOST_PANELS)?;
        check_count("curves", self.names.len(), MOST_CURVES)?;
        self.panels.iter().try_for_each(|panel| self.check(panel))?;
        let mut page = Page::new(&self.title, COLUMN);
        if self.names.len() > 1 {
            let entry = |(rank, name): (usize, &String)| {
                let ink = colour::category(rank);
                (rank, ink, ink, page.label(name, SMALL, 210.0))
            };
            let entries: Vec<_> = self.names.iter().enumerate().map(entry).collect();
            layout::entries_row(&mut page, &entries);
        }
        let width = (COLUMN - 2.0 * MARGIN - GAP * (COLUMNS - 1) as f64) / COLUMNS as f64;
        for row in self.panels.chunks(COLUMNS) {
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + column as f64 * (width + GAP);
                self.panel(&mut page, panel, left, width);
            }
            page.y += HEIGHT + 46.0;
        }
        let axis = if self.by_layer {
            "Horizontal axes: layer (0: embedding)."
        } else {
            "Horizontal axes: depth as a share of the whole (0: embedding, 1: last layer)."
        };
        let bands = "Bands: interval of each value. Vertical axes need not start at 0.";
        page.note(&format!("{axis} {bands}"));
        let names: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();
        let shows = format!("By depth, of {}: {}.", self.names.join(", "), names.join(", "));
        page.finish(&self.caption, &shows)
    }

    fn panel(&self, page: &mut Page, panel: &SmallPanel, left: f64, width: f64) {
        let top = page.y;
        let title = page.label(&panel.title, BODY, width);
        page.canvas.text((left, top + BODY), &title, Look::new(BODY, INK));
        let unit = page.label(&panel.unit, SMALL, width);
        page.canvas.text((left, top + BODY + 10.0), &unit, Look::new(SMALL, SOFT));

        let (low, high) = range(panel);
        let ticks = layout::ticks(low, high, 4);
        let widest = ticks.iter().map(|(_, tick)| fonts::width(tick, SMALL)).fold(18.0, f64::max);
        let axis = left + widest + 5.0;
        let rect = Rect::new(axis, top + 24.0, left + width - axis, HEIGHT);
        let (from, to) = self.ends();
        let x = |at: f64| {
            let share = if to > from { (at - from) / (to - from) } else { 0.5 };
            rect.x0 + 6.0 + share * (rect.width() - 12.0)
        };
        let y = |value: f64| rect.y1 - (value - low) / (high - low) * rect.height();
        for (value, tick) in &ticks {
            let at = y(*value);
            let ink = if *value == 0.0 { SOFT } else { RULE };
            page.canvas.line(&[(rect.x0, at), (rect.x1, at)], 0.5, ink);
            let look = Look::new(SMALL, SOFT).end();
            page.canvas.text((rect.x0 - 3.0, at + 0.36 * SMALL), tick, look);
        }
        let marks = if self.by_layer {
            layout::whole_ticks(from, to, 7)
        } else {
            layout::ticks(0.0, 1.0, 4)
        };
        for (value, mark) in &marks {
            let at = x(*value);
            page.canvas.line(&[(at, rect.y1), (at, rect.y1 + 2.0)], 0.5, SOFT);
            let look = Look::new(SMALL, SOFT).middle();
            page.canvas.text((at, rect.y1 + 3.0 + SMALL), mark, look);
        }
        page.canvas.frame(rect, 0.6, SOFT);
        for (rank, points) in panel.curves.iter().enumerate() {
            let ink = colour::category(rank);
            bands(page, points, x, y, ink);
            for run in points.split(|point| point.value.is_none()) {
                let run: Vec<(f64, f64)> =
                    run.iter().filter_map(|p| p.value.map(|v| (x(p.at), y(v)))).collect();
                page.canvas.line(&run, 1.2, ink);
                // Many layers would be nothing but markers.
                if points.len() <= 26 || run.len() == 1 {
                    run.iter().for_each(|&at| {
                        layout::marker(&mut page.canvas, rank, at, 1.7, ink, ink);
                    });
                }
            }
        }
    }

    /// The first and the last place of all curves.
    fn ends(&self) -> (f64, f64) {
        if !self.by_layer {
            return (0.0, 1.0);
        }
        layout::extent(self.panels.iter().flat_map(|p| p.curves.iter().flatten()).map(|p| p.at))
    }

    fn check(&self, panel: &SmallPanel) -> Result<(), PlotError> {
        let title = &panel.title;
        check_len(|| format!("curves of {title:?}"), panel.curves.len(), self.names.len())?;
        if panel.curves.iter().flatten().all(|point| point.value.is_none()) {
            return Err(PlotError::Empty { what: "values in a panel" });
        }
        for points in panel.curves.iter().filter(|points| !points.is_empty()) {
            input::check_layers(points.len())?;
            let mut before = f64::NEG_INFINITY;
            for point in points {
                let what = |of: &str| format!("{of} of {title:?} at {}", point.at);
                check_value(|| what("the place"), point.at)?;
                let least = if self.by_layer { f64::NEG_INFINITY } else { 0.0 };
                let most = if self.by_layer { f64::INFINITY } else { 1.0 };
                if point.at <= before || point.at < least || point.at > most {
                    let (low, value) = (before.max(least), point.at);
                    let what = what("the place");
                    return Err(PlotError::OutOfRange { what, value, low, high: most });
                }
                before = point.at;
                if let Some(value) = point.value {
                    check_value(|| what("the value"), value)?;
                }
                let Some((low, high)) = point.interval else { continue };
                check_value(|| what("the low end"), low)?;
                check_value(|| what("the high end"), high)?;
                if low > high {
                    let what = what("the low end");
                    let least = f64::NEG_INFINITY;
                    return Err(PlotError::OutOfRange { what, value: low, low: least, high });
                }
            }
        }
        Ok(())
    }
}

/// The vertical axis of a panel: from 0 where that does not waste most of it.
fn range(panel: &SmallPanel) -> (f64, f64) {
    let ends = |point: &CurvePoint| {
        point.interval.into_iter().flat_map(|(low, high)| [low, high]).chain(point.value)
    };
    let (low, high) = layout::extent(panel.curves.iter().flatten().flat_map(ends));
    let room = if high > low { 0.06 * (high - low) } else { (0.1 * high.abs()).max(0.1) };
    let from_zero = low >= 0.0 && low <= 0.6 * high;
    (if from_zero { 0.0 } else { low - room }, high + room)
}

/// The intervals of a curve, as an area; of a lone value as a bar.
fn bands(
    page: &mut Page,
    points: &[CurvePoint],
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
    ink: Rgb,
) {
    for run in points.split(|point| point.interval.is_none()) {
        let ends: Vec<(f64, f64, f64)> = run
            .iter()
            .filter_map(|p| p.interval.map(|(low, high)| (x(p.at), y(low), y(high))))
            .collect();
        if let [(x, low, high)] = ends[..] {
            page.canvas.line(&[(x, low), (x, high)], 2.4, layout::faint(ink, 0.3));
            continue;
        }
        let above = ends.iter().map(|&(x, _, high)| (x, high));
        let below = ends.iter().rev().map(|&(x, low, _)| (x, low));
        let outline: Vec<(f64, f64)> = above.chain(below).collect();
        page.canvas.area(&outline, layout::faint(ink, 0.2));
    }
}
