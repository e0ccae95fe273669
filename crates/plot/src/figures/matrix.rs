//! Matrices of coloured cells: tokens by tokens at every layer, layers by layers, heads by layers,
//! words by layers.

mod tile;

use crate::canvas::Look;
use crate::colour::{INK, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::cells;
use crate::input::{self, Places, check_count, check_value};
use crate::layout::{self, Bar, Page};
use crate::style::Style;
use stratoscope_chart::{AxisKind, Chart, Matrix, MatrixPanel};
use tile::{Sizes, Tile};

/// The widest colour bar below several matrices.
const BAR: f64 = 320.0;
const MAX_PANELS: usize = 64;
const MAX_SIDE: usize = 2_000;

pub(crate) fn draw(chart: &Chart, matrix: &Matrix, style: Style) -> Result<Figure, PlotError> {
    check_count("panels", matrix.panels.len(), MAX_PANELS)?;
    matrix.panels.iter().try_for_each(check)?;
    let groups = groups(matrix, style);
    let lone = groups.iter().map(|group| group.tiles.len()).sum::<usize>() == 1;
    let sizes: Vec<Sizes> = groups.iter().map(|group| Sizes::of(group, lone, style)).collect();
    let width = sizes.iter().map(|sizes| sizes.page_width).fold(style.column, f64::max);
    let mut page = Page::wide(&chart.full_title(), style, width);
    let mut noted = Vec::new();
    for note in groups.iter().zip(&sizes).flat_map(|(group, sizes)| notes(group, sizes)) {
        if !noted.contains(&note) {
            page.note(&note);
            noted.push(note);
        }
    }

    let tiles = groups.iter().flat_map(|group| &group.tiles);
    layout::note_unknown(&mut page, tiles.flat_map(|tile| [&tile.rows, &tile.columns]));
    let mut drawn = Vec::new();
    for (group, sizes) in groups.iter().zip(&sizes) {
        if !group.heading.is_empty() {
            let heading = page.wrapped(group.heading, style.heading, width - 2.0 * style.margin);
            let at = (style.margin, page.y + style.heading);
            page.y += page.stack(at, &heading, Look::new(style.heading, INK)) + 3.0;
        }
        drawn.push(group.draw(&mut page, sizes));
        if let (Bars::Group, Some(tile)) = (group.bars, group.tiles.first()) {
            bar(&mut page, tile.panel, tile.panel.n, (style.margin, BAR), group.tiles.len() > 1);
            page.y += 8.0;
        }
    }
    let of_figure = groups.iter().all(|group| group.bars == Bars::Figure);
    if let (true, Some(first), Some(panel)) = (of_figure, drawn.first(), matrix.panels.first()) {
        let (x, width) = if lone { (first.x, first.width.max(200.0)) } else { (style.margin, BAR) };
        // Where samples differ, titles have their sizes.
        let n = panel.n.filter(|_| has_one_n(matrix));
        bar(&mut page, panel, n, (x, width), !lone);
    }
    if drawn.iter().any(|drawn| drawn.grey) {
        page.note("Grey: not defined.");
    }
    page.finish(&chart.caption, &in_words(matrix))
}

fn check(panel: &MatrixPanel) -> Result<(), PlotError> {
    check_count(
        "rows of a matrix",
        panel.rows.len(),
        if panel.is_square() { MAX_SIDE } else { 100_000 },
    )?;
    check_count("columns of a matrix", panel.columns.len(), MAX_SIDE)?;
    if panel.known().next().is_none() {
        return Err(PlotError::Empty { what: "values in a matrix" });
    }
    panel.known().try_for_each(|value| check_value(|| panel.value.clone(), value))
}

/// Where the colour bar of some matrices is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bars {
    /// One for the whole figure.
    Figure,
    /// One below the group.
    Group,
    /// One below each matrix.
    Tile,
}

/// Matrices that are drawn in rows.
struct Group<'a> {
    heading: &'a str,
    tiles: Vec<Tile<'a>>,
    /// How many stand beside each other.
    across: usize,
    /// How many slices there are, where only some are drawn, and what they are.
    of: Option<(usize, &'static str)>,
    bars: Bars,
}

/// What was drawn of a group.
struct Drawn {
    /// The left edge and the width of the first matrix.
    x: f64,
    width: f64,
    /// Whether a cell without a value was drawn.
    grey: bool,
}

/// A panel of several slices is a group of its own; panels of one slice stand together.
fn groups(matrix: &Matrix, style: Style) -> Vec<Group<'_>> {
    let panels = &matrix.panels;
    let first = panels.first();
    let of_first =
        |p: &MatrixPanel| first.is_some_and(|f| p.value == f.value && p.scale == f.scale);
    let one_bar = panels.iter().all(of_first);
    let one_n = has_one_n(matrix);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for panel in panels {
        if let [slice] = &panel.slices[..] {
            let n = panel.n.filter(|_| one_bar && !one_n);
            let title = tile::title(slice, &panel.title, n);
            let tile = Tile::new(panel, slice, title, style);
            match groups.last_mut() {
                Some(group)
                    if group.heading.is_empty()
                        && group.of.is_none()
                        && group.bars != Bars::Group =>
                {
                    group.tiles.push(tile);
                }
                _ => groups.push(Group {
                    heading: "",
                    tiles: vec![tile],
                    across: 0,
                    of: None,
                    bars: if one_bar { Bars::Figure } else { Bars::Tile },
                }),
            }
            continue;
        }
        let (across, most) = match panel.columns.len() {
            _ if style.is_paper => paper_across(panel, style),
            0..=12 => (4, 8),
            13..=30 => (3, 9),
            _ => (2, 4),
        };
        let all = panel.slices.len();
        let most = if matrix.across.is_some() { all } else { most };
        let picked = input::evenly(all, most);
        let layers = panel.slices.iter().all(|s| s.layer.is_some() && s.name.is_empty());
        let slices = picked.iter().filter_map(|&i| panel.slices.get(i));
        let tile = |s| Tile::new(panel, s, tile::title(s, "", None), style);
        let tiles: Vec<_> = slices.map(tile).collect();
        groups.push(Group {
            heading: &panel.title,
            across: matrix.across.unwrap_or(across).clamp(1, tiles.len().max(1)),
            tiles,
            of: Some((all, if layers { "layers" } else { "matrices" })),
            bars: if one_bar { Bars::Figure } else { Bars::Group },
        });
    }
    for group in groups.iter_mut().filter(|group| group.across == 0) {
        let count = group.tiles.len();
        group.across = match (matrix.across, count) {
            (Some(across), _) => across.clamp(1, count),
            (None, 1) => 1,
            (None, _) => count.clamp(2, style.either(3, 2)),
        };
    }
    groups
}

/// How many matrices of a panel stand beside each other in a column of a paper, and how many there are
/// at most: three if every label can be read, else two.
fn paper_across(panel: &MatrixPanel, style: Style) -> (usize, usize) {
    let side = cells::widest(&panel.rows.labels, label(style), style) + 6.0;
    let need = cells::pitch(&Places::of(&panel.columns), style) * panel.columns.len() as f64;
    let room = style.column - 2.0 * style.margin - side - 2.0 * tile::gap(false, style);
    if room / 3.0 >= need { (3, 6) } else { (2, 4) }
}

/// Longest label of a row or column.
fn label(style: Style) -> f64 {
    style.either(70.0, 48.0)
}

/// What of a group is not shown.
fn notes(group: &Group, sizes: &Sizes) -> Vec<String> {
    let mut notes = Vec::new();
    let shown = group.tiles.len();
    if let Some((all, what)) = group.of.filter(|(all, _)| *all > shown) {
        notes.push(format!("{shown} of {all} {what} shown, evenly spaced."));
    }
    let Some(tile) = group.tiles.first() else { return notes };
    let (rows, all) = (tile.rows.len(), tile.panel.rows.len());
    if rows < all {
        notes.push(format!("The first {rows} of {all} rows shown."));
    }
    let (columns, all) = (tile.columns.len(), tile.panel.columns.len());
    if columns < all {
        notes.push(format!("{columns} of {all} layers shown, evenly spaced."));
    }
    let step = cells::label_step(sizes.tall, tile.style());
    if step > 1 && tile.panel.rows.kind == AxisKind::Tokens {
        notes.push(format!("One token in {step} is labelled."));
    }
    notes
}

fn has_one_n(matrix: &Matrix) -> bool {
    let first = matrix.panels.first().map(|panel| panel.n);
    matrix.panels.iter().all(|panel| Some(panel.n) == first)
}

/// The colour bar of a panel, from `x` on and at most `width` wide.
fn bar(page: &mut Page, of: &MatrixPanel, n: Option<usize>, (x, width): (f64, f64), several: bool) {
    let n = n.map_or_else(String::new, |n| format!(", n = {n}"));
    let one = if several { ", one scale for all" } else { "" };
    let label = format!("{}{n}{one}", of.value);
    let bar = Bar { scale: Scale::from(&of.scale), label: &label, whole: false, clipped: false };
    layout::colour_bar(page, x, width.min(page.right() - x), &bar);
}

fn in_words(matrix: &Matrix) -> String {
    let panel = |panel: &MatrixPanel| {
        let several = match panel.slices.len() {
            1 => String::new(),
            n => format!(", {n} matrices"),
        };
        let n = panel.n.map_or_else(String::new, |n| format!(", n = {n}"));
        let title =
            if panel.title.is_empty() { String::new() } else { format!("{}: ", panel.title) };
        let (rows, columns) = (&panel.rows.title, &panel.columns.title);
        format!("{title}{} of {rows} by {columns}{several}{n}.", panel.value)
    };
    matrix.panels.iter().map(panel).collect::<Vec<_>>().join(" ")
}
