//! One panel of curves: its axes, bands, curves, rings and names.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, RULE, Rgb, SOFT};
use crate::fonts;
use crate::input;
use crate::labels::Rect;
use crate::layout::{self, LEADING, Page};
use crate::style::Style;
use stratoscope_chart::{Axis, AxisKind, Panel, Series, SeriesKind};

/// More markers than this are nothing but markers in a small panel.
const MAX_SMALL_MARKERS: usize = 26;

/// How large the parts of a panel are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Names beside the curves, and titles at both axes.
    Large,
    /// Curves alone: a legend above all panels has the names.
    Small,
}

/// Draws a large panel between `left` and `left + width`, and moves the page below it. The names of
/// the curves are beside their ends, or above the panel if it is narrow.
pub(super) fn large(page: &mut Page, panel: &Panel, left: f64, width: f64, height: f64) {
    let Style { small, body, is_paper, .. } = page.style;
    let [low, high] = panel.range;
    // Names take at most two fifths of a narrow panel.
    let names = match is_paper {
        true => Vec::new(),
        false => names(page, panel, (0.4 * width).min(140.0)),
    };
    if is_paper {
        legend(page, panel);
    }
    let widths = names.iter().flatten().map(|line| fonts::width(line, small));
    let right = widths.fold(0.0, f64::max) + page.style.either(14.0, 4.0);
    let ticks = layout::ticks(low, high, page.style.either(6, 4));
    let widest = ticks.iter().map(|(_, tick)| fonts::width(tick, small)).fold(0.0, f64::max);
    let measure = page.wrapped(&panel.y, body, height);
    let more = LEADING * body * measure.len().saturating_sub(1) as f64;
    let axis = left + page.style.either((widest + 22.0).max(44.0), widest + 16.0) + more;
    let rect = Rect::new(axis, page.y + 4.0, left + width - axis - right, height);
    let frame = Frame::new(panel, rect, Size::Large);
    frame.axes(page, &ticks);
    let middle = ((rect.x0 + rect.x1) / 2.0, (rect.y0 + rect.y1) / 2.0);
    page.stack((left + body, middle.1), &measure, Look::new(body, INK).middle().upward());
    let title = page.wrapped(&panel.x.long_title(), body, rect.width());
    let below = page.stack((middle.0, rect.y1 + 24.0), &title, Look::new(body, INK).middle());
    frame.curves(page);

    let ends: Vec<f64> = panel.series.iter().map(|s| frame.end(s)).collect();
    let tall: Vec<f64> = names.iter().map(|lines| 1.25 * small * lines.len() as f64).collect();
    let places = apart(&ends[..names.len()], &tall, rect.y0, rect.y1);
    for ((name, series), (&end, &place)) in
        names.iter().zip(&panel.series).zip(ends.iter().zip(&places))
    {
        let (from, ink) = (rect.x1 + 1.0, ink(series));
        page.canvas.line(&[(from, end), (from + 8.0, place)], 0.6, ink);
        let look = Look::new(small, colour::for_text(ink));
        let first = place - 0.5 * LEADING * small * name.len().saturating_sub(1) as f64;
        page.stack((from + 10.0, first + 0.36 * small), name, look);
    }
    let lowest = places.iter().zip(&tall).map(|(place, tall)| place + tall / 2.0);
    page.y = (rect.y1 + 22.0 + below.max(LEADING * body)).max(lowest.fold(0.0, f64::max) + 4.0);
}

/// The names of the curves in rows.
fn legend(page: &mut Page, panel: &Panel) {
    let room = page.style.column - 2.0 * page.style.margin - 24.0;
    let entries: Vec<_> = (names(page, panel, f64::INFINITY).into_iter().zip(&panel.series))
        .map(|(lines, series)| {
            let ink = ink(series);
            let is_measure = series.kind == SeriesKind::Measure;
            let rank = if is_measure { series.colour } else { layout::DASHED };
            (rank, ink, ink, page.label(&lines.join(" "), page.style.small, room))
        })
        .collect();
    layout::entries_row(page, &entries);
}

/// Draws a small panel without its title; its curves begin at `top` and are `height` tall.
pub(super) fn small(page: &mut Page, panel: &Panel, left: f64, top: f64, width: f64, height: f64) {
    let small = page.style.small;
    let ticks = layout::ticks(panel.range[0], panel.range[1], 4);
    let widest = ticks.iter().map(|(_, tick)| fonts::width(tick, small)).fold(18.0, f64::max);
    let axis = left + widest + 5.0;
    let rect = Rect::new(axis, top, left + width - axis, height);
    let frame = Frame::new(panel, rect, Size::Small);
    frame.axes(page, &ticks);
    frame.curves(page);
}

/// The colour of a curve; baselines are grey.
pub(super) fn ink(series: &Series) -> Rgb {
    match series.kind {
        SeriesKind::Baseline => MUTED,
        SeriesKind::Measure => colour::category(series.colour),
    }
}

/// The names of the curves, each with its n, in lines.
fn names(page: &mut Page, panel: &Panel, limit: f64) -> Vec<Vec<String>> {
    let small = page.style.small;
    let mut name = |series: &Series| {
        let mut lines = page.wrapped(&series.name, small, limit);
        let Some(n) = series.n.map(|n| format!("(n = {n})")) else { return lines };
        match lines.last_mut() {
            Some(last) if fonts::width(&format!("{last} {n}"), small) <= limit => {
                *last += &format!(" {n}");
            }
            _ => lines.push(n),
        }
        lines
    };
    panel.series.iter().map(&mut name).collect()
}

/// The places of a series along the horizontal axis.
fn places(axis: &Axis, series: &Series) -> Vec<f64> {
    match axis.kind {
        AxisKind::Share => series.at.clone(),
        AxisKind::Counts => axis.numbers.iter().map(|&n| (n.max(1) as f64).ln()).collect(),
        AxisKind::Layers if !axis.numbers.is_empty() => {
            axis.numbers.iter().map(|&n| n as f64).collect()
        }
        _ => (0..axis.len()).map(|place| place as f64).collect(),
    }
}

/// Data to page for one panel.
struct Frame<'a> {
    panel: &'a Panel,
    rect: Rect,
    size: Size,
    /// The first and the last place of the horizontal axis.
    ends: (f64, f64),
}

impl<'a> Frame<'a> {
    fn new(panel: &'a Panel, rect: Rect, size: Size) -> Self {
        let ends = match panel.x.kind {
            AxisKind::Share => (0.0, 1.0),
            _ => layout::extent(places(&panel.x, &Series::default()).into_iter()),
        };
        Self { panel, rect, size, ends }
    }

    fn x(&self, at: f64) -> f64 {
        let (from, to) = self.ends;
        let share = if to > from { (at - from) / (to - from) } else { 0.5 };
        let inset = if self.size == Size::Large { 8.0 } else { 6.0 };
        self.rect.x0 + inset + share * (self.rect.width() - 2.0 * inset)
    }

    fn y(&self, value: f64) -> f64 {
        let [low, high] = self.panel.range;
        self.rect.y1 - (value - low) / (high - low) * self.rect.height()
    }

    /// Grid, frame and the marks of both axes; `ticks` are those of the vertical one.
    fn axes(&self, page: &mut Page, ticks: &[(f64, String)]) {
        let small = page.style.small;
        let r = self.rect;
        for (value, label) in ticks {
            let y = self.y(*value);
            let ink = if *value == 0.0 { SOFT } else { RULE };
            page.canvas.line(&[(r.x0, y), (r.x1, y)], 0.5, ink);
            page.canvas.text((r.x0 - 4.0, y + 0.36 * small), label, Look::new(small, SOFT).end());
        }
        let mut free = f64::NEG_INFINITY;
        for (at, label) in self.marks() {
            let x = self.x(at);
            page.canvas.line(&[(x, r.y1), (x, r.y1 + 2.5)], 0.5, SOFT);
            // On a logarithmic scale the later ones crowd.
            let label = page.label(&label, small, 40.0);
            let half = fonts::width(&label, small) / 2.0;
            if x - half < free {
                continue;
            }
            free = x + half + 2.0;
            page.canvas.text((x, r.y1 + 4.0 + small), &label, Look::new(small, SOFT).middle());
        }
        page.canvas.frame(r, 0.6, SOFT);
    }

    /// The marks of the horizontal axis.
    fn marks(&self) -> Vec<(f64, String)> {
        let axis = &self.panel.x;
        let most = ((self.rect.width() / 16.0) as usize).clamp(2, 16);
        if axis.kind == AxisKind::Share {
            return layout::ticks(0.0, 1.0, if self.size == Size::Large { 5 } else { 2 });
        }
        let at = places(axis, &Series::default());
        let steps = at.windows(2).all(|pair| matches!(pair, [a, b] if b - a == 1.0));
        if axis.kind == AxisKind::Layers && steps && at.len() > most {
            return layout::whole_ticks(self.ends.0, self.ends.1, most);
        }
        let shown = input::evenly(at.len(), most).into_iter();
        shown.filter_map(|i| Some((*at.get(i)?, axis.labels.get(i)?.clone()))).collect()
    }

    fn curves(&self, page: &mut Page) {
        self.panel.series.iter().for_each(|series| self.band(page, series));
        self.panel.series.iter().for_each(|series| self.curve(page, series));
        let mut taken = Vec::new();
        for series in &self.panel.series {
            self.ring(page, series, &mut taken);
        }
    }

    /// Whether a curve passes through a place.
    fn is_crossed(&self, place: Rect) -> bool {
        self.panel.series.iter().any(|series| {
            let at = places(&self.panel.x, series);
            let spots: Vec<Option<(f64, f64)>> = (at.iter().zip(&series.values))
                .map(|(&at, value)| value.map(|v| (self.x(at), self.y(v))))
                .collect();
            let passes = |pair: &[Option<(f64, f64)>]| match pair {
                [Some(a), Some(b)] => place.crossed_by(*a, *b),
                _ => false,
            };
            spots.windows(2).any(passes)
        })
    }

    /// The height at which a series ends.
    fn end(&self, series: &Series) -> f64 {
        series.values.iter().flatten().last().map_or(self.rect.y1, |&v| self.y(v))
    }

    /// The intervals of a series, as an area; of a lone value as a bar.
    fn band(&self, page: &mut Page, series: &Series) {
        let ink = ink(series);
        let at = places(&self.panel.x, series);
        let spot = |(&at, ends): (&f64, &Option<[f64; 2]>)| {
            ends.map(|[low, high]| (self.x(at), self.y(low), self.y(high)))
        };
        let spots: Vec<_> = at.iter().zip(&series.intervals).map(spot).collect();
        let wide = if self.size == Size::Large { 3.0 } else { 2.4 };
        for run in spots.split(Option::is_none) {
            let run: Vec<(f64, f64, f64)> = run.iter().flatten().copied().collect();
            if let [(x, low, high)] = run[..] {
                page.canvas.line(&[(x, low), (x, high)], wide, layout::faint(ink, 0.25));
                continue;
            }
            let above = run.iter().map(|&(x, _, high)| (x, high));
            let below = run.iter().rev().map(|&(x, low, _)| (x, low));
            let outline: Vec<(f64, f64)> = above.chain(below).collect();
            page.canvas.area(&outline, layout::faint(ink, 0.18));
        }
    }

    fn curve(&self, page: &mut Page, series: &Series) {
        let ink = ink(series);
        let at = places(&self.panel.x, series);
        let spots: Vec<Option<(f64, f64)>> = (at.iter().zip(&series.values))
            .map(|(&at, value)| value.map(|v| (self.x(at), self.y(v))))
            .collect();
        let (wide, radius) = if self.size == Size::Large { (1.5, 2.2) } else { (1.2, 1.7) };
        for run in spots.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            if series.kind == SeriesKind::Baseline {
                page.canvas.dashed(&run, 0.8 * wide, ink, 4.0, 2.5);
                if let [(x, y)] = run[..] {
                    page.canvas.line(&[(x - 4.0, y), (x + 4.0, y)], 0.8 * wide, ink);
                }
                continue;
            }
            page.canvas.line(&run, wide, ink);
            let few = spots.len() <= MAX_SMALL_MARKERS || run.len() == 1;
            if self.size == Size::Large || few {
                for &at in &run {
                    layout::marker(&mut page.canvas, series.colour, at, radius, ink, ink);
                }
            }
        }
    }

    /// The ring around the largest value, and in a large panel its place, where no other ring's is
    /// written.
    fn ring(&self, page: &mut Page, series: &Series, taken: &mut Vec<Rect>) {
        let ink = ink(series);
        let Some(place) = series.peak else { return };
        let at = places(&self.panel.x, series).get(place).copied();
        let Some((at, value)) = at.zip(series.values.get(place).copied().flatten()) else { return };
        let (x, y) = (self.x(at), self.y(value));
        let ring: Vec<(f64, f64)> = (0..=24)
            .map(|i| f64::from(i) * std::f64::consts::TAU / 24.0)
            .map(|angle| (x + 4.4 * angle.cos(), y + 4.4 * angle.sin()))
            .collect();
        page.canvas.line(&ring, 0.9, ink);
        if self.size == Size::Small {
            return;
        }
        let small = page.style.small;
        let axis = &self.panel.x;
        let label = match (axis.kind, axis.labels.get(place), series.layers.get(place)) {
            (AxisKind::Layers, Some(layer), _) => format!("layer {layer}"),
            (_, Some(label), _) => page.label(label, small, 60.0),
            (_, None, Some(layer)) => format!("layer {layer}"),
            (_, None, None) => layout::brief(at),
        };
        let half = fonts::width(&label, small) / 2.0 + 1.0;
        let (left, right) = (self.rect.x0 + half, self.rect.x1 - half);
        let centre = x.clamp(left, right.max(left));
        // Above the ring where there is room, else below, else farther off.
        let near = (0..6).flat_map(|step| {
            let away = 7.0 + 1.3 * small * f64::from(step);
            [y - away, y + away + small]
        });
        let of = |at: f64| Rect::new(centre - half, at - small, 2.0 * half, 1.2 * small);
        let free = |&at: &f64| {
            let own = of(at);
            own.y0 > self.rect.y0 && own.y1 < self.rect.y1 && !taken.iter().any(|t| t.overlaps(own))
        };
        // In a low panel, other curves are near.
        let clear = |&at: &f64| free(&at) && (!page.style.is_paper || !self.is_crossed(of(at)));
        let at = near.clone().find(clear).or_else(|| near.clone().find(free)).unwrap_or(y - 7.0);
        taken.push(of(at));
        let look = Look::new(small, colour::for_text(ink)).middle();
        page.canvas.text((centre, at), &label, look);
    }
}

/// Moves things that are `tall` apart, in the order of their `wanted` heights, so that none covers
/// another one. Their middles are within `top..=bottom` if they fit.
fn apart(wanted: &[f64], tall: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<(f64, f64, usize)> = (wanted.iter().zip(tall).enumerate())
        .map(|(index, (&wanted, &tall))| (wanted, tall, index))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let gaps: Vec<f64> = order.windows(2).map(|w| (w[0].1 + w[1].1) / 2.0).collect();
    let mut least = top;
    for (i, item) in order.iter_mut().enumerate() {
        item.0 = item.0.max(least);
        least = item.0 + gaps.get(i).copied().unwrap_or(0.0);
    }
    let mut most = bottom.max(top + gaps.iter().sum::<f64>());
    for (i, item) in order.iter_mut().enumerate().rev() {
        item.0 = item.0.min(most);
        most = item.0 - i.checked_sub(1).and_then(|i| gaps.get(i)).copied().unwrap_or(0.0);
    }
    order.sort_by_key(|item| item.2);
    order.into_iter().map(|item| item.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_in_order() {
        let places = apart(&[50.0, 50.0, 49.0, 99.0], &[10.0; 4], 0.0, 100.0);
        assert_eq!(places, [59.0, 69.0, 49.0, 99.0]);
        let tight = apart(&[100.0; 4], &[10.0; 4], 0.0, 100.0);
        assert_eq!(tight, [70.0, 80.0, 90.0, 100.0]);
        let uneven = apart(&[0.0, 0.0, 0.0], &[10.0, 30.0, 10.0], 0.0, 100.0);
        assert_eq!(uneven, [0.0, 20.0, 40.0]);
        let many = apart(&[0.0; 30], &[10.0; 30], 0.0, 100.0);
        assert!(many.windows(2).all(|w| w[1] - w[0] >= 10.0));
    }
}
