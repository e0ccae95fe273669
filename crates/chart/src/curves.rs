//! Curves with intervals, in rows of panels.

use crate::axis::{Axis, AxisKind};
use crate::number::brief;
use crate::scale::extent;
use serde::{Deserialize, Serialize};

/// Panels of a row of small multiples.
const MULTIPLES_ACROSS: usize = 3;

/// Panels of curves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// The panels, row by row from the top; the panels of a row share its width.
    pub rows: Vec<Vec<Panel>>,
    /// Whether these are small multiples: many small panels, with the names of the curves in one
    /// legend instead of beside each curve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multiples: bool,
    /// What a reader has to know about axes and bands, as sentences below the panels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Curves {
    /// Rows of panels. Panels without a curve and rows without a panel are dropped; curves of one
    /// name get one colour.
    pub fn rows(rows: impl IntoIterator<Item = Vec<Panel>>) -> Self {
        Self::of(rows, false)
    }

    /// One panel.
    pub fn one(panel: Panel) -> Self {
        Self::rows([vec![panel]])
    }

    /// Small multiples, three in a row. Panels without a curve are dropped; every name has a colour
    /// of its own.
    pub fn multiples(panels: impl IntoIterator<Item = Panel>) -> Self {
        let kept: Vec<Panel> = panels.into_iter().filter(|p| !p.series.is_empty()).collect();
        Self::of(kept.chunks(MULTIPLES_ACROSS).map(<[Panel]>::to_vec), true)
    }

    fn of(rows: impl IntoIterator<Item = Vec<Panel>>, multiples: bool) -> Self {
        let kept = |row: Vec<Panel>| -> Vec<Panel> {
            row.into_iter().filter(|panel| !panel.series.is_empty()).collect()
        };
        let rows = rows.into_iter().map(kept).filter(|row| !row.is_empty()).collect();
        let mut curves = Self { rows, multiples, notes: Vec::new() };
        curves.paint();
        curves.notes = curves.noted();
        curves
    }

    fn noted(&self) -> Vec<String> {
        let mut notes: Vec<String> = match (self.multiples, self.panels().next()) {
            (true, Some(panel)) => vec![
                format!("Horizontal axes: {}.", panel.x.long_title()),
                "Vertical axes need not start at 0.".to_owned(),
            ],
            _ => self.panels().filter_map(Panel::note).collect(),
        };
        let mut series = self.panels().flat_map(|panel| &panel.series);
        if series.any(|series| series.intervals.iter().any(Option::is_some)) {
            notes.push("Bands: interval of each value.".to_owned());
        }
        notes
    }

    /// All panels, row by row.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flatten()
    }

    /// Gives every measure its place in the palette: the place that its name had in a panel before,
    /// or else the first that is free in its panel; of small multiples, in all panels.
    fn paint(&mut self) {
        let mut known: Vec<(String, usize)> = Vec::new();
        for panel in self.rows.iter_mut().flatten() {
            let before = |name: &str| known.iter().find(|(of, _)| of == name).map(|(_, at)| *at);
            let mut taken: Vec<usize> = match self.multiples {
                true => known.iter().map(|(_, at)| *at).collect(),
                false => panel.series.iter().filter_map(|s| before(&s.name)).collect(),
            };
            let mut given = Vec::new();
            for series in panel.series.iter_mut().filter(|s| s.kind == SeriesKind::Measure) {
                let again = before(&series.name).filter(|at| !given.contains(at));
                let free = || (0..).find(|at| !taken.contains(at));
                series.colour = again.or_else(free).unwrap_or_default();
                taken.push(series.colour);
                given.push(series.colour);
            }
            for series in panel.series.iter().filter(|s| s.kind == SeriesKind::Measure) {
                if !known.iter().any(|(name, _)| *name == series.name) {
                    known.push((series.name.clone(), series.colour));
                }
            }
        }
    }
}

/// Curves over one horizontal axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Above the panel; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// What the vertical axis measures, with its unit.
    pub y: String,
    /// The ends of the vertical axis; all values and intervals are within them.
    pub range: [f64; 2],
    /// The curves.
    pub series: Vec<Series>,
}

impl Panel {
    /// A panel of some curves over `x`; `y` is what they measure, with its unit. Curves without a
    /// value are dropped. The vertical axis holds all values, and 0 where that does not waste most
    /// of it.
    pub fn new(
        title: impl Into<String>,
        x: Axis,
        y: impl Into<String>,
        series: impl IntoIterator<Item = Series>,
    ) -> Self {
        let known = |s: &Series| s.values.iter().any(Option::is_some);
        let series: Vec<Series> = series.into_iter().filter(known).collect();
        let mut panel = Self { title: title.into(), x, y: y.into(), range: [0.0, 1.0], series };
        if let Some([low, high]) = panel.extent() {
            let room = if high > low { 0.06 * (high - low) } else { (0.1 * high.abs()).max(0.1) };
            let from_zero = low >= 0.0 && low <= 0.6 * high;
            panel.range = [if from_zero { 0.0 } else { low - room }, high + room];
        }
        panel
    }

    /// Sets the ends of the vertical axis, so that panels compare. Values beyond them widen it.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        let [least, greatest] = self.extent().unwrap_or([low, high]);
        self.range = [low.min(least), high.max(greatest)];
        self
    }

    /// The smallest and the largest of all values and ends of intervals.
    fn extent(&self) -> Option<[f64; 2]> {
        extent(self.series.iter().flat_map(Series::numbers))
    }

    /// That the vertical axis leaves 0 out, where it does.
    fn note(&self) -> Option<String> {
        let [low, high] = self.range;
        (low > 0.0 || high < 0.0).then(|| {
            let of = match self.title.is_empty() {
                true => String::new(),
                false => format!(" of “{}”", self.title),
            };
            format!("The vertical axis{of} starts at {}, not at 0.", brief(low))
        })
    }

    /// Whether every series has its own places on the horizontal axis.
    pub fn is_by_share(&self) -> bool {
        self.x.kind == AxisKind::Share
    }
}

/// One curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// `[places]`; none where the measure is not defined: the curve has a gap there.
    pub values: Vec<Option<f64>>,
    /// `[places]`: the low and the high end of the interval of each value; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Option<[f64; 2]>>,
    /// `[places]`: where the values are, as shares of the whole depth, rising, 0 to 1. Empty where
    /// the panel's axis says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<f64>,
    /// `[places]`: the layers, beside `at`; empty where the panel's axis says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<usize>,
    /// The size of the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// A measure, or what measures are compared with.
    #[serde(default)]
    pub kind: SeriesKind,
    /// The place that is ringed: that of the largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<usize>,
    /// The place of a measure's colour and marker in the palette; [`Curves`] sets it.
    #[serde(default)]
    pub colour: usize,
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

impl Series {
    /// A measure without values yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Sets values that have no interval: `[places]`.
    pub fn values(self, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        Self { values: values.into_iter().collect(), ..self }
    }

    /// Sets values with the ends of their intervals, where they have one: `[places]`.
    pub fn estimates(
        self,
        estimates: impl IntoIterator<Item = Option<(f64, Option<[f64; 2]>)>>,
    ) -> Self {
        let both = estimates.into_iter().map(|found| match found {
            Some((value, interval)) => (Some(value), interval),
            None => (None, None),
        });
        let (values, intervals): (Vec<_>, Vec<_>) = both.unzip();
        let some = intervals.iter().any(Option::is_some);
        Self { values, intervals: if some { intervals } else { Vec::new() }, ..self }
    }

    /// Sets the size of the sample.
    pub fn n(self, n: usize) -> Self {
        Self { n: Some(n), ..self }
    }

    /// Makes it a baseline or control.
    pub fn baseline(self) -> Self {
        Self { kind: SeriesKind::Baseline, ..self }
    }

    /// Has the largest of its values ringed (the first of equal ones); none where all are equal.
    pub fn peak(self) -> Self {
        let known = self.values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?)));
        let known: Vec<(usize, f64)> = known.collect();
        let differ = known.windows(2).any(|pair| pair[0].1 != pair[1].1);
        // Of equal values, `max_by` takes the last one.
        let largest = known.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| differ);
        Self { peak: largest.map(|(at, _)| *at), ..self }
    }

    /// Sets its places on [`Axis::share`]: the layers of a model of `n_layers` blocks.
    pub fn shares(self, layers: &[usize], n_layers: usize) -> Self {
        let whole = n_layers.max(1) as f64;
        let at = layers.iter().map(|&layer| layer as f64 / whole).collect();
        Self { at, layers: layers.to_vec(), ..self }
    }

    /// All values and ends of intervals.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.intervals.iter().flatten().flatten().copied();
        self.values.iter().flatten().copied().chain(ends)
    }
}
