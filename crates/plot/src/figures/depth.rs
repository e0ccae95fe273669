//! Curves by layer: several named series with intervals and n, and dashed baselines.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, RULE, Rgb, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count, check_len, check_value};
use crate::labels::Rect;
use crate::layout::{self, BODY, COLUMN, MARGIN, Page, SMALL};

const HEIGHT: f64 = 250.0;
const MOST_SERIES: usize = 40;

/// Measures by depth.
#[derive(Clone, Debug)]
pub struct Depth {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// What the vertical axis measures, with its unit.
    pub y_label: String,
    /// The layers, rising; 0 is the embedding.
    pub layers: Vec<usize>,
    /// The curves.
    pub series: Vec<Series>,
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
        Self { name: name.into(), values, interval: Vec::new(), n: None, kind: SeriesKind::Measure }
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
    /// No layers or series; a series without a value; lists of unequal length; a value that is not
    /// finite (named); an interval that ends below its start; layers that do not rise.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let mut page = Page::new(&self.title, COLUMN);
        let (low, high) = layout::extent(self.series.iter().flat_map(Series::numbers));
        let room = if high > low { 0.06 * (high - low) } else { (0.1 * high.abs()).max(0.1) };
        // Zero is part of the axis unless that would waste most of it.
        let from_zero = low >= 0.0 && low <= 0.6 * high;
        let low = if from_zero { 0.0 } else { low - room };
        let high = high + room;

        let names = self.names(&mut page);
        let right = names.iter().map(|name| fonts::width(name, SMALL)).fold(0.0, f64::max) + 14.0;
        let left = MARGIN + 44.0;
        let panel = Rect::new(left, page.y + 4.0, COLUMN - MARGIN - left - right, HEIGHT);
        let axes = Axes { panel, layers: &self.layers, low, high };
        axes.draw(&mut page);
        let label = page.label(&self.y_label, BODY, HEIGHT);
        let middle = (panel.y0 + panel.y1) / 2.0;
        page.canvas.text((MARGIN + BODY, middle), &label, Look::new(BODY, INK).middle().upward());

        let styles = self.styles();
        for (series, &(rank, ink)) in self.series.iter().zip(&styles) {
            axes.band(&mut page, series, ink);
            axes.curve(&mut page, series, rank, ink);
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
        let has_zero = from_zero || (low < 0.0 && high > 0.0);
        if !has_zero {
            page.note(&format!("The vertical axis starts at {}, not at 0.", layout::brief(low)));
        }
        if self.series.iter().any(|s| s.interval.iter().any(Option::is_some)) {
            page.note("Bands: interval of each value.");
        }
        let shows = format!(
            "{} by layer, {} layers: {}.",
            self.y_label,
            self.layers.len(),
            names.join(", ")
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        input::check_layers(self.layers.len())?;
        check_count("series", self.series.len(), MOST_SERIES)?;
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

    fn names(&self, page: &mut Page) -> Vec<String> {
        let name = |series: &Series| match series.n {
            Some(n) => (page.label(&series.name, SMALL, 110.0), format!(" (n = {n})")),
            None => (page.label(&series.name, SMALL, 140.0), String::new()),
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
        for i in input::evenly(self.layers.len(), 16) {
            let Some(&layer) = self.layers.get(i) else {
                continue;
            };
            let x = self.x(layer);
            page.canvas.line(&[(x, p.y1), (x, p.y1 + 2.5)], 0.5, SOFT);
            let look = Look::new(SMALL, SOFT).middle();
            page.canvas.text((x, p.y1 + 4.0 + SMALL), &layer.to_string(), look);
        }
        page.canvas.frame(p, 0.6, SOFT);
        let middle = ((p.x0 + p.x1) / 2.0, p.y1 + 24.0);
        page.canvas.text(middle, "layer (0: embedding)", Look::new(BODY, INK).middle());
    }

    fn x(&self, layer: usize) -> f64 {
        let first = self.layers.first().copied().unwrap_or(0) as f64;
        let last = self.layers.last().copied().unwrap_or(0) as f64;
        let share = if last > first { (layer as f64 - first) / (last - first) } else { 0.5 };
        self.panel.x0 + 8.0 + share * (self.panel.width() - 16.0)
    }

    fn y(&self, value: f64) -> f64 {
        self.panel.y1 - (value - self.low) / (self.high - self.low) * self.panel.height()
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
