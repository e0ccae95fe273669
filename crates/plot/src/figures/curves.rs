//! Curves with intervals, in rows of panels or as small multiples.

mod panel;

use crate::canvas::Look;
use crate::colour::{INK, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::input::{check_count, check_value};
use crate::layout::{self, LEADING, Page};
use crate::style::Style;
use stratoscope_chart::{AxisKind, Chart, Curves, Panel, Series, SeriesKind};

const GAP: f64 = 16.0;
const MAX_SERIES: usize = 40;
const MAX_PANELS: usize = 24;
/// Of small multiples.
const SMALL_HEIGHT: f64 = 70.0;
const SMALL_GAP: f64 = 12.0;
const MAX_MULTIPLES: usize = 60;
const MAX_NAMES: usize = 12;
const MAX_PLACES: usize = 1_000;

pub(crate) fn draw(chart: &Chart, curves: &Curves, style: Style) -> Result<Figure, PlotError> {
    let most = if curves.multiples { MAX_MULTIPLES } else { MAX_PANELS };
    check_count("panels", curves.panels().count(), most)?;
    curves.panels().try_for_each(check)?;
    match curves.multiples {
        true => multiples(chart, curves, style),
        false => rows(chart, curves, style),
    }
}

fn check(panel: &Panel) -> Result<(), PlotError> {
    check_count("series", panel.series.len(), MAX_SERIES)?;
    for series in &panel.series {
        check_count("layers", series.values.len(), MAX_PLACES)?;
        if series.values.iter().all(Option::is_none) {
            return Err(PlotError::Empty { what: "values in a series" });
        }
        let what = || format!("a value of series {:?}", series.name);
        series.numbers().try_for_each(|value| check_value(what, value))?;
    }
    let what = || format!("the vertical axis of {:?}", panel.title);
    panel.range.iter().try_for_each(|&end| check_value(what, end))
}

fn rows(chart: &Chart, curves: &Curves, style: Style) -> Result<Figure, PlotError> {
    let mut page = Page::new(&chart.full_title(), style);
    // Of a panel that is alone in its figure, and of one among several.
    let (lone, shared) = style.either((250.0, 165.0), (140.0, 110.0));
    let height = if curves.panels().count() == 1 { lone } else { shared };
    for row in placed(curves, style.either(usize::MAX, 1)).iter().filter(|row| !row.is_empty()) {
        let count = row.len() as f64;
        let width = (style.column - 2.0 * style.margin - GAP * (count - 1.0)) / count;
        let top = page.y;
        let titles: Vec<Vec<String>> =
            row.iter().map(|panel| page.wrapped(&panel.title, style.body, width)).collect();
        let head = 1.25 * style.body * titles.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let mut bottom = top;
        for (column, (panel, title)) in row.iter().zip(&titles).enumerate() {
            let left = style.margin + column as f64 * (width + GAP);
            page.stack((left, top + style.body), title, Look::new(style.body, INK));
            page.y = top + head;
            panel::large(&mut page, panel, left, width, height);
            bottom = page.y.max(bottom);
        }
        page.y = bottom;
    }
    curves.notes.iter().for_each(|note| page.note(note));
    let shows: Vec<String> = curves.panels().map(in_words).collect();
    page.finish(&chart.caption, &shows.join(" "))
}

/// The panels in rows of at most `across`.
fn placed(curves: &Curves, across: usize) -> Vec<Vec<&Panel>> {
    if curves.rows.iter().all(|row| row.len() <= across) {
        return curves.rows.iter().map(|row| row.iter().collect()).collect();
    }
    let panels: Vec<&Panel> = curves.panels().collect();
    panels.chunks(across.max(1)).map(<[&Panel]>::to_vec).collect()
}

fn multiples(chart: &Chart, curves: &Curves, style: Style) -> Result<Figure, PlotError> {
    let mut names: Vec<&Series> = Vec::new();
    for series in curves.panels().flat_map(|panel| &panel.series) {
        if names.iter().all(|known| known.name != series.name) {
            names.push(series);
        }
    }
    check_count("curves", names.len(), MAX_NAMES)?;
    let mut page = Page::new(&chart.full_title(), style);
    if names.len() > 1 {
        let entry = |series: &&Series| {
            let ink = panel::ink(series);
            let rank = if series.kind == SeriesKind::Measure { series.colour } else { 0 };
            let room = style.column - 2.0 * style.margin - 24.0;
            (rank, ink, ink, page.label(&series.name, style.small, room))
        };
        let entries: Vec<_> = names.iter().map(entry).collect();
        layout::entries_row(&mut page, &entries);
    }
    let rows = placed(curves, style.either(usize::MAX, 2));
    let across = rows.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let across = across.max(style.either(3.0, 2.0));
    let width = (style.column - 2.0 * style.margin - SMALL_GAP * (across - 1.0)) / across;
    for row in &rows {
        let top = page.y;
        let heads: Vec<[Vec<String>; 2]> = (row.iter())
            .map(|p| {
                [page.wrapped(&p.title, style.body, width), page.wrapped(&p.y, style.small, width)]
            })
            .collect();
        let room = |part: usize| heads.iter().map(|head| head[part].len()).max().unwrap_or(0);
        let titles = LEADING * style.body * room(0) as f64;
        let head = titles + LEADING * style.small * room(1) as f64 + style.either(4.0, 6.0);
        for (column, (panel, [title, unit])) in row.iter().zip(&heads).enumerate() {
            let left = style.margin + column as f64 * (width + SMALL_GAP);
            page.stack((left, top + style.body), title, Look::new(style.body, INK));
            page.stack((left, top + titles + style.small), unit, Look::new(style.small, SOFT));
            panel::small(&mut page, panel, left, top + head, width, SMALL_HEIGHT);
        }
        page.y = top + head + SMALL_HEIGHT + 22.0;
    }
    page.note(&curves.notes.join(" "));
    let titles: Vec<&str> = curves.panels().map(|panel| panel.title.as_str()).collect();
    let names: Vec<&str> = names.iter().map(|series| series.name.as_str()).collect();
    let shows = format!("By depth, of {}: {}.", names.join(", "), titles.join(", "));
    page.finish(&chart.caption, &shows)
}

/// A panel in words.
fn in_words(panel: &Panel) -> String {
    let names: Vec<&str> = panel.series.iter().map(|s| s.name.as_str()).collect();
    let title = if panel.title.is_empty() { "" } else { ", " };
    let by = match panel.x.kind {
        AxisKind::Share => panel.x.title.clone(),
        _ => format!("{}, {} values", panel.x.title, panel.x.len()),
    };
    format!("{}{title}{} by {by}: {}.", panel.title, panel.y, names.join(", "))
}
