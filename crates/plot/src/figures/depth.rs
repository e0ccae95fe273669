//! Curves by layer: several named series with intervals and n, and dashed baselines.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, RULE, Rgb, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, COLUMN, MARGIN, Page, SMALL};

/// Height of a panel that is alone in its figure, and of one among several.
const HEIGHT: f64 = 250.0;
const SHARED_HEIGHT: f64 = 165.0;
const GAP: f64 = 16.0;
const MOST_SERIES: usize = 40;
const MOST_PANELS: usize = 24;

/// Measures by depth, in rows of panels.
#[derive(Clone, Debug)]
pub struct Depth {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The panels, row by row from the top; those of one row share its width.
    pub rows: Vec<Vec<Panel>>,
}

/// Curves over the same layers.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Above the panel; may be empty.
    pub title: String,
    /// What the vertical axis measures, with its unit.
    pub y_label: String,
    /// The layers, rising; 0 is the embedding. Or the counts of another horizontal axis.
    pub layers: Vec<usize>,
    /// What the horizontal axis is.
    pub x: XAxis,
    /// The ends of the vertical axis, so that panels compare; by itself as wide as the values are.
    pub range: Option<(f64, f64)>,
    /// The curves.
    pub series: Vec<Series>,
}

/// The horizontal axis of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum XAxis {
    /// Layers.
    #[default]
    Layers,
    /// Counts of what is named here, on a logarithmic scale; 0 stands at 1.
    Counts(String),
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// Shown at the end of the curve.
    pub name: String,
    /// `[layers]`; `None` where the measure is undefined: the curve has a gap there.
    pub values: Vec<Option<f64>>,
    /// `[layers]`: low and high end of the interval; empty for none.
    pub interval: Vec<Option<(f64, f64)>>,
    /// The size of the sample, shown after the name.
    pub n: Option<usize>,
    /// A measure, or what it is to be compared with.
    pub kind: SeriesKind,
    /// Whether the layer of its largest value is ringed and named.
    pub peak: bool,
}

/// What a curve is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// A measure: a coloured line with markers.
    Measure,
    /// A baseline or control: a grey dashed line.
    Baseline,
}

impl Series {
    /// A measure without interval and n.
    pub fn line(name: impl Into<String>, values: Vec<Option<f64>>) -> Self {
        Self {
            name: name.into(),
            values,
            interval: Vec::new(),
            n: None,
            kind: SeriesKind::Measure,
            peak: false,
        }
    }

    fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.interval.iter().flatten().flat_map(|&(low, high)| [low, high]);
        self.values.iter().flatten().copied().chain(ends)
    }
}

impl Depth {
    /// Draws the figure.
    ///
    /// # Errors
    /// No panels; a panel without layers or series; a series without a value; lists of unequal
    /// length; a value that is not finite (named); an interval or a range that ends below its start;
    /// layers that do not rise.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        let panels: Vec<&Panel> = self.rows.iter().flatten().collect();
        check_count("panels", panels.len(), MOST_PANELS)?;
        for panel in &panels {
            panel.check()?;
        }
        let mut page = Page::new(&self.title, COLUMN);
        let mut notes = Vec::new();
        for row in self.rows.iter().filter(|row| !row.is_empty()) {
            let count = row.len() as f64;
            let width = (COLUMN - 2.0 * MARGIN - GAP * (count - 1.0)) / count;
            let height = if panels.len() == 1 { HEIGHT } else { SHARED_HEIGHT };
            let top = page.y;
            let mut bottom = top;
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + column as f64 * (width + GAP);
                page.y = top;
                notes.extend(panel.draw(&mut page, left, width, height));
                bottom = page.y.max(bottom);
            }
            page.y = bottom;
        }
        notes.iter().for_each(|note| page.note(note));
        if panels.iter().flat_map(|p| &p.series).any(|s| s.interval.iter().any(Option::is_some)) {
            page.note("Bands: interval of each value.");
        }
        let shows: Vec<String> = panels.iter().map(|panel| panel.shows()).collect();
        page.finish(&self.caption, &shows.join(" "))
    }
}

impl Panel {
    /// Draws the panel between `left` and `left + width`, moves the page below it, and returns
    /// what has to be noted of it.
    fn draw(&self, page: &mut Page, left: f64, width: f64, height: f64) -> Option<String> {
        let numbers = || self.series.iter().flat_map(Series::numbers);
        let (low, high) = layout::extent(numbers());
        let room = if high > low { 0.06 * (high - low) } else { (0.1 * high.abs()).max(0.1) };
        // Zero is part of the axis unless that would waste most of it.
        let from_zero = low >= 0.0 && low <= 0.6 * high;
        let (low, high) = match self.range {
            Some((from, to)) => (from.min(low), to.max(high)),
            None => (if from_zero { 0.0 } else { low - room }, high + room),
        };

        if !self.title.is_empty() {
            let title = page.label(&self.title, BODY, width);
            page.canvas.text((left, page.y + BODY), &title, Look::new(BODY, INK));
            page.y += 1.5 * BODY;
        }
        // Names take at most two fifths of a narrow panel.
        let names = self.names(page, (0.4 * width).min(140.0));
        let right = names.iter().map(|name| fonts::width(name, SMALL)).fold(0.0, f64::max) + 14.0;
        let ticks = layout::ticks(low, high, 6);
        let widest = ticks.iter().map(|(_, tick)| fonts::width(tick, SMALL)).fold(0.0, f64::max);
        let axis = left + (widest + 22.0).max(44.0);
        let panel = Rect::new(axis, page.y + 4.0, left + width - axis - right, height);
        let axes = Axes { panel, layers: &self.layers, x: &self.x, low, high };
        axes.draw(page);
        let label = page.label(&self.y_label, BODY, height);
        let middle = (panel.y0 + panel.y1) / 2.0;
        page.canvas.text((left + BODY, middle), &label, Look::new(BODY, INK).middle().upward());

        let styles = self.styles();
        for (series, &(rank, ink)) in self.series.iter().zip(&styles) {
            axes.band(page, series, ink);
            axes.curve(page, series, rank, ink);
        }
        let mut taken = Vec::new();
        for (series, &(_, ink)) in self.series.iter().zip(&styles).filter(|(s, _)| s.peak) {
            axes.peak(page, series, ink, &mut taken);
        }
        let ends: Vec<f64> = self.series.iter().map(|s| axes.end(s)).collect();
        let places = apart(&ends, 1.25 * SMALL, panel.y0, panel.y1);
        for ((name, &(_, ink)), (&end, &place)) in
            names.iter().zip(&styles).zip(ends.iter().zip(&places))
        {
            let from = panel.x1 + 1.0;
            page.canvas.line(&[(from, end), (from + 8.0, place)], 0.6, ink);
            page.canvas.text(
                (from + 10.0, place + 0.36 * SMALL),
                name,
                Look::new(SMALL, colour::for_text(ink)),
            );
        }
        let lowest = places.iter().copied().fold(panel.y1, f64::max);
        page.y = (panel.y1 + 32.0).max(lowest + 8.0);
        (low > 0.0 || high < 0.0).then(|| {
            let of =
                if self.title.is_empty() { String::new() } else { format!(" of {}", self.title) };
            format!("The vertical axis{of} starts at {}, not at 0.", layout::brief(low))
        })
    }

    /// The panel in words.
    fn shows(&self) -> String {
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let title = if self.title.is_empty() { "" } else { ", " };
        let by = match &self.x {
            XAxis::Layers => format!("layer, {} layers", self.layers.len()),
            XAxis::Counts(what) => format!("{what}, {} values", self.layers.len()),
        };
        format!("{}{title}{} by {by}: {}.", self.title, self.y_label, names.join(", "))
    }

    fn check(&self) -> Result<(), PlotError> {
        input::check_layers(self.layers.len())?;
        check_count("series", self.series.len(), MOST_SERIES)?;
        if let Some((low, high)) = self.range {
            let what = || format!("the vertical axis of {:?}", self.title);
            check_value(what, low)?;
            check_value(what, high)?;
            if low >= high {
                let what = format!("the end of {}", what());
                return Err(PlotError::OutOfRange { what, value: high, low, high: f64::INFINITY });
            }
        }
        for pair in self.layers.windows(2) {
            if let &[a, b] = pair
                && b <= a
            {
                return Err(PlotError::OutOfRange {
                    what: format!("the layer after layer {a}"),
                    value: b as f64,
                    low: a as f64 + 1.0,
                    high: f64::INFINITY,
                });
            }
        }
        for series in &self.series {
            let name = &series.name;
            check_len(
                || format!("values of series {name:?}"),
                series.values.len(),
                self.layers.len(),
            )?;
            if !series.interval.is_empty() {
                let found = series.interval.len();
                check_len(|| format!("intervals of series {name:?}"), found, self.layers.len())?;
            }
            if series.values.iter().all(Option::is_none) {
                return Err(PlotError::Empty { what: "values in a series" });
            }
            for (i, (&layer, value)) in self.layers.iter().zip(&series.values).enumerate() {
                let what = || format!("series {name:?}, layer {layer}");
                if let Some(value) = *value {
                    check_value(what, value)?;
                }
                let Some(&Some((low, high))) = series.interval.get(i) else {
                    continue;
                };
                check_value(what, low)?;
                check_value(what, high)?;
                if low > high {
                    return Err(PlotError::OutOfRange {
                        what: format!("the lower end of the interval of {}", what()),
                        value: low,
                        low: f64::NEG_INFINITY,
                        high,
                    });
                }
            }
        }
        Ok(())
    }

    fn names(&self, page: &mut Page, limit: f64) -> Vec<String> {
        let name = |series: &Series| match series.n {
            Some(n) => {
                let n = format!(" (n = {n})");
                let limit = (limit - fonts::width(&n, SMALL)).max(20.0);
                (page.label(&series.name, SMALL, limit), n)
            }
            None => (page.label(&series.name, SMALL, limit), String::new()),
        };
        self.series.iter().map(name).map(|(name, n)| name + &n).collect()
    }

    /// Rank (marker) and colour of each series; baselines are grey.
    fn styles(&self) -> Vec<(usize, Rgb)> {
        let mut measures = 0;
        let style = |series: &Series| match series.kind {
            SeriesKind::Baseline => (0, MUTED),
            SeriesKind::Measure => {
                measures += 1;
                (measures - 1, colour::category(measures - 1))
            }
        };
        self.series.iter().map(style).collect()
    }
}

struct Axes<'a> {
    panel: Rect,
    layers: &'a [usize],
    x: &'a XAxis,
    low: f64,
    high: f64,
}

impl Axes<'_> {
    fn draw(&self, page: &mut Page) {
        let p = self.panel;
        for (value, label) in layout::ticks(self.low, self.high, 6) {
            let y = self.y(value);
            let ink = if value == 0.0 { SOFT } else { RULE };
            page.canvas.line(&[(p.x0, y), (p.x1, y)], 0.5, ink);
            page.canvas.text((p.x0 - 4.0, y + 0.36 * SMALL), &label, Look::new(SMALL, SOFT).end());
        }
        let mut free = f64::NEG_INFINITY;
        for i in input::evenly(self.layers.len(), ((p.width() / 16.0) as usize).clamp(2, 16)) {
            let Some(&layer) = self.layers.get(i) else {
                continue;
            };
            let (x, label) = (self.x(layer), layer.to_string());
            page.canvas.line(&[(x, p.y1), (x, p.y1 + 2.5)], 0.5, SOFT);
            // On a logarithmic scale the later ones crowd.
            let half = fonts::width(&label, SMALL) / 2.0;
            if x - half < free {
                continue;
            }
            free = x + half + 2.0;
            page.canvas.text((x, p.y1 + 4.0 + SMALL), &label, Look::new(SMALL, SOFT).middle());
        }
        page.canvas.frame(p, 0.6, SOFT);
        let middle = ((p.x0 + p.x1) / 2.0, p.y1 + 24.0);
        let label = match self.x {
            XAxis::Layers => "layer (0: embedding)".to_owned(),
            XAxis::Counts(what) => page.label(what, BODY, p.width()),
        };
        page.canvas.text(middle, &label, Look::new(BODY, INK).middle());
    }

    fn x(&self, layer: usize) -> f64 {
        let at = |layer: usize| match self.x {
            XAxis::Layers => layer as f64,
            XAxis::Counts(_) => (layer.max(1) as f64).ln(),
        };
        let first = at(self.layers.first().copied().unwrap_or(0));
        let last = at(self.layers.last().copied().unwrap_or(0));
        let share = if last > first { (at(layer) - first) / (last - first) } else { 0.5 };
        self.panel.x0 + 8.0 + share * (self.panel.width() - 16.0)
    }

    fn y(&self, value: f64) -> f64 {
        self.panel.y1 - (value - self.low) / (self.high - self.low) * self.panel.height()
    }

    /// A ring around the largest value, of equals the first, and its layer, where no other peak's
    /// is written.
    fn peak(&self, page: &mut Page, series: &Series, ink: Rgb, taken: &mut Vec<Rect>) {
        let known = self.layers.iter().zip(&series.values);
        let known = known.filter_map(|(&layer, value)| value.map(|v| (layer, v)));
        let Some((layer, value)) = known.rev().max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
        let (x, y) = (self.x(layer), self.y(value));
        let ring: Vec<(f64, f64)> = (0..=24)
            .map(|i| f64::from(i) * std::f64::consts::TAU / 24.0)
            .map(|angle| (x + 4.4 * angle.cos(), y + 4.4 * angle.sin()))
            .collect();
        page.canvas.line(&ring, 0.9, ink);
        let label = match self.x {
            XAxis::Layers => format!("layer {layer}"),
            XAxis::Counts(_) => layer.to_string(),
        };
        let half = fonts::width(&label, SMALL) / 2.0 + 1.0;
        let centre =
            x.clamp(self.panel.x0 + half, (self.panel.x1 - half).max(self.panel.x0 + half));
        // Above the ring where there is room, else below, else farther off.
        let near = (0..6).flat_map(|step| {
            let away = 7.0 + 1.3 * SMALL * f64::from(step);
            [y - away, y + away + SMALL]
        });
        let of = |at: f64| Rect::new(centre - half, at - SMALL, 2.0 * half, 1.2 * SMALL);
        let free = |&at: &f64| {
            let own = of(at);
            own.y0 > self.panel.y0
                && own.y1 < self.panel.y1
                && !taken.iter().any(|t| t.overlaps(own))
        };
        let at = near.clone().find(free).unwrap_or(y - 7.0);
        taken.push(of(at));
        let look = Look::new(SMALL, colour::for_text(ink)).middle();
        page.canvas.text((centre, at), &label, look);
    }

    /// The height at which a series ends.
    fn end(&self, series: &Series) -> f64 {
        series.values.iter().flatten().last().map_or(self.panel.y1, |&v| self.y(v))
    }

    fn band(&self, page: &mut Page, series: &Series, ink: Rgb) {
        let spots: Vec<Option<(f64, f64, f64)>> = self
            .layers
            .iter()
            .zip(&series.interval)
            .map(|(&layer, ends)| {
                ends.map(|(low, high)| (self.x(layer), self.y(low), self.y(high)))
            })
            .collect();
        for run in spots.split(Option::is_none) {
            let run: Vec<(f64, f64, f64)> = run.iter().flatten().copied().collect();
            if let [(x, low, high)] = run[..] {
                page.canvas.line(&[(x, low), (x, high)], 3.0, layout::faint(ink, 0.25));
                continue;
            }
            let above = run.iter().map(|&(x, _, high)| (x, high));
            let below = run.iter().rev().map(|&(x, low, _)| (x, low));
            let outline: Vec<(f64, f64)> = above.chain(below).collect();
            page.canvas.area(&outline, layout::faint(ink, 0.18));
        }
    }

    fn curve(&self, page: &mut Page, series: &Series, rank: usize, ink: Rgb) {
        let spots: Vec<Option<(f64, f64)>> = self
            .layers
            .iter()
            .zip(&series.values)
            .map(|(&layer, value)| value.map(|v| (self.x(layer), self.y(v))))
            .collect();
        for run in spots.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            match series.kind {
                SeriesKind::Measure => page.canvas.line(&run, 1.5, ink),
                SeriesKind::Baseline => {
                    page.canvas.dashed(&run, 1.2, ink, 4.0, 2.5);
                    if let [(x, y)] = run[..] {
                        page.canvas.line(&[(x - 4.0, y), (x + 4.0, y)], 1.2, ink);
                    }
                }
            }
            if series.kind == SeriesKind::Measure {
                for &at in &run {
                    layout::marker(&mut page.canvas, rank, at, 2.2, ink, ink);
                }
            }
        }
    }
}

/// Moves `wanted` heights apart by at least `gap`, in their order, within `top..=bottom` if they fit.
fn apart(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let height = |i: &usize| wanted.get(*i).copied().unwrap_or(0.0);
    order.sort_by(|a, b| height(a).total_cmp(&height(b)));
    let mut heights: Vec<f64> = Vec::with_capacity(order.len());
    for index in &order {
        let least = heights.last().map_or(top, |last| last + gap);
        heights.push(height(index).max(least));
    }
    let mut most = bottom.max(top + gap * (wanted.len().saturating_sub(1)) as f64);
    for height in heights.iter_mut().rev() {
        *height = height.min(most);
        most = *height - gap;
    }
    let mut places = vec![0.0; wanted.len()];
    for (index, height) in order.into_iter().zip(heights) {
        if let Some(place) = places.get_mut(index) {
            *place = height;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_in_order() {
        let places = apart(&[50.0, 50.0, 49.0, 99.0], 10.0, 0.0, 100.0);
        assert_eq!(places, [59.0, 69.0, 49.0, 99.0]);
        let tight = apart(&[100.0; 4], 10.0, 0.0, 100.0);
        assert_eq!(tight, [70.0, 80.0, 90.0, 100.0]);
        let many = apart(&[0.0; 30], 10.0, 0.0, 100.0);
        assert!(many.windows(2).all(|w| w[1] - w[0] >= 10.0));
    }
}
