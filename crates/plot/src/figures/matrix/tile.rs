//! One matrix of a figure, how large its cells are, and how it is drawn.

use super::{BAR, Bars, Drawn, Group, bar, label};
use crate::canvas::Look;
use crate::colour::{self, INK, PAPER, RULE, Rgb, Scale};
use crate::figures::cells::{self, Block};
use crate::fonts;
use crate::input::{self, Places};
use crate::labels::Rect;
use crate::layout::{self, LEADING, Page};
use crate::style::Style;
use crate::text;
use stratoscope_chart::{AxisKind, MatrixPanel, Slice};

/// The widest cell, and the widest square one.
const WIDEST: f64 = 40.0;
const SQUARE: f64 = 34.0;
/// The lowest row whose label can be read, and the tallest row.
const LOWEST: f64 = 11.0;
const TALLEST: f64 = 18.0;
/// The height that rows share before they have to be lower.
const TALL: f64 = 560.0;
/// Layers beyond which only some have a column.
const MAX_LAYERS: usize = 60;
/// Words beyond which only the first have a row.
const MAX_ROWS: usize = 150;
/// Above matrices that are taller than this, columns are named too.
const FAR: f64 = 300.0;

/// One matrix, as far as it is drawn: its rows from the top.
pub(super) struct Tile<'a> {
    pub(super) panel: &'a MatrixPanel,
    title: String,
    pub(super) rows: Places,
    pub(super) columns: Places,
    /// `[rows * columns]`
    values: Vec<Option<f64>>,
    /// Framed cells, as places in `values`.
    framed: Vec<usize>,
    style: Style,
}

/// The title of a slice, in a panel that may have one.
pub(super) fn title(slice: &Slice, panel: &str, n: Option<usize>) -> String {
    let layer = slice.layer.map(input::layer_name);
    let known = [panel, &slice.name].into_iter().filter(|part| !part.is_empty());
    let parts: Vec<String> = known.map(str::to_owned).chain(layer).collect();
    match n {
        Some(n) => format!("{} (n = {n})", parts.join(", ")),
        None => parts.join(", "),
    }
}

impl<'a> Tile<'a> {
    pub(super) fn new(
        panel: &'a MatrixPanel,
        slice: &'a Slice,
        title: String,
        style: Style,
    ) -> Self {
        let (n_rows, n_columns) = (panel.rows.len(), panel.columns.len());
        let square = panel.is_square();
        let many_layers = panel.columns.kind == AxisKind::Layers && !square;
        let limit = if many_layers { MAX_LAYERS } else { n_columns };
        let columns = input::evenly(n_columns, limit);
        let listed = panel.rows.kind != AxisKind::Layers && !square;
        let mut rows: Vec<usize> =
            (0..if listed { n_rows.min(MAX_ROWS) } else { n_rows }).collect();
        if panel.rows.rises() {
            rows.reverse();
        }
        let cells = rows.iter().flat_map(|row| columns.iter().map(move |c| row * n_columns + c));
        let cells: Vec<usize> = cells.collect();
        let framed = (0..cells.len()).filter(|&i| slice.framed.contains(&cells[i])).collect();
        Self {
            panel,
            title,
            rows: Places::of(&panel.rows).select(&rows),
            columns: Places::of(&panel.columns).select(&columns),
            values: cells.iter().map(|&i| slice.values.get(i).copied().flatten()).collect(),
            framed,
            style,
        }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Room left of the cells.
    fn side(&self, limit: f64) -> f64 {
        let title = if self.panel.rows.title.is_empty() { 0.0 } else { self.style.body + 4.0 };
        cells::widest(&self.rows.labels, limit, self.style) + 6.0 + title
    }

    /// Whether its rows are those of another matrix beside it.
    fn same_rows(&self, other: &Self) -> bool {
        self.panel.rows == other.panel.rows
    }

    /// Whether names of columns fit as they are, or every few of them; else they read upward.
    fn is_level(&self, pitch: f64) -> bool {
        let widest = cells::widest(&self.columns.labels, label(self.style), self.style);
        let short = || self.columns.labels.iter().all(|label| label.chars().count() <= 3);
        let numbered = self.panel.columns.kind != AxisKind::Tokens && widest <= 40.0 && short();
        widest + 2.0 <= pitch || self.panel.columns.kind == AxisKind::Layers || numbered
    }

    /// Whether columns are named above the cells too.
    fn is_far(&self, sizes: &Sizes) -> bool {
        !self.panel.is_square() && sizes.tall * self.rows.len() as f64 > FAR
    }

    /// The lines above the cells: the title, and the title of the rows where it is too long to stand
    /// beside them.
    fn above(&self, sizes: &Sizes) -> Vec<String> {
        let body = self.style.body;
        let mut above = text::lines(&self.title, body, sizes.slot).0;
        let rows = &self.panel.rows.title;
        if fonts::width(rows, body) > self.beside(sizes) {
            above.extend(text::lines(&format!("rows: {rows}"), body, sizes.slot).0);
        }
        above
    }

    /// The room for the title of the rows beside the cells.
    fn beside(&self, sizes: &Sizes) -> f64 {
        (sizes.tall * self.rows.len() as f64).max(24.0)
    }

    /// Room above the cells.
    fn head(&self, sizes: &Sizes) -> f64 {
        let title = match self.above(sizes).len() {
            0 => 2.0,
            lines => LEADING * self.style.body * lines as f64 + 3.4,
        };
        let names = match self.is_level(sizes.pitch) {
            true if self.is_far(sizes) => self.style.small + 4.0,
            true => 0.0,
            false => cells::widest(&self.columns.labels, label(self.style), self.style) + 4.0,
        };
        title + names
    }

    /// The texts of the cells.
    fn numbers(&self, format: Format) -> Vec<Option<String>> {
        self.values.iter().map(|v| v.map(|v| format.write(v, self.panel.decimals))).collect()
    }

    /// Whether all of its numbers fit into cells of a width.
    fn fits(&self, format: Format, pitch: f64) -> bool {
        let texts = self.numbers(format);
        let widths = texts.iter().flatten().map(|text| fonts::width(text, self.style.small));
        widths.fold(0.0, f64::max) + 2.0 <= pitch
    }

    /// The rows that have a value; the others are words with nothing to compare, and stay white.
    fn colours(&self) -> Vec<Rgb> {
        let scale = Scale::from(&self.panel.scale);
        let row = |row: &[Option<f64>]| -> Vec<Rgb> {
            let empty = if row.iter().all(Option::is_none) { PAPER } else { RULE };
            row.iter().map(|value| value.map_or(empty, |v| scale.colour(v))).collect()
        };
        self.values.chunks(self.columns.len().max(1)).flat_map(row).collect()
    }

    fn has_grey(&self) -> bool {
        let rows = self.values.chunks(self.columns.len().max(1));
        rows.filter(|row| row.iter().any(Option::is_some)).flatten().any(Option::is_none)
    }
}

/// The room between matrices; more between those with a colour bar each.
pub(super) fn gap(bars: bool, style: Style) -> f64 {
    if bars { style.either(24.0, 16.0) } else { style.either(14.0, 8.0) }
}

/// How the numbers in cells are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// With all decimals.
    Full,
    /// Without the zero before them, for narrow cells.
    Short,
}

impl Format {
    fn write(self, value: f64, decimals: usize) -> String {
        let text = layout::number(value, decimals);
        if self == Self::Full {
            return text;
        }
        let (sign, digits) = match text.strip_prefix('−') {
            Some(digits) => ("−", digits),
            None => ("", text.as_str()),
        };
        match digits.strip_prefix("0.") {
            Some(zero) if zero.bytes().all(|digit| digit == b'0') => "0".to_owned(),
            Some(digits) => format!("{sign}.{digits}"),
            None if value.abs() == 1.0 => format!("{sign}1"),
            None => text,
        }
    }
}

/// How large the parts of a group are.
pub(super) struct Sizes {
    /// The width and the height of a cell.
    pub(super) pitch: f64,
    pub(super) tall: f64,
    /// `[across]`: room left of the cells; 0 where the matrix before has the same rows.
    sides: Vec<f64>,
    /// The width of a matrix without its side.
    slot: f64,
    gap: f64,
    /// Longest label of a row.
    label: f64,
    /// How the numbers in the cells are written; none where they do not fit.
    numbers: Option<Format>,
    pub(super) page_width: f64,
}

impl Sizes {
    pub(super) fn of(group: &Group, lone: bool, style: Style) -> Self {
        let across = group.across.max(1);
        let square = group.tiles.iter().all(|tile| tile.panel.is_square());
        let label = if lone && !square { style.either(150.0, 70.0) } else { label(style) };
        let mut sides = vec![0.0f64; across];
        for row in group.tiles.chunks(across) {
            for (column, tile) in row.iter().enumerate() {
                let before = column.checked_sub(1).and_then(|before| row.get(before));
                if !before.is_some_and(|before| tile.same_rows(before)) {
                    sides[column] = sides[column].max(tile.side(label));
                }
            }
        }
        let gap = gap(group.bars == Bars::Tile, style);
        let rest = 2.0 * style.margin + sides.iter().sum::<f64>() + gap * (across - 1) as f64;
        let slot = ((style.column - rest) / across as f64).max(20.0);
        let longest = |tile: &Tile| match tile.panel.is_square() {
            true => tile.columns.len().max(tile.rows.len()),
            false => tile.columns.len(),
        };
        let most = group.tiles.iter().map(longest).max().unwrap_or(1).max(1) as f64;
        let tokens = group.tiles.iter().find(|t| t.panel.rows.kind == AxisKind::Tokens);
        let pitch = match (square, tokens) {
            (true, Some(_)) if style.is_paper => slot.min(210.0) / most,
            // As large as labels need; the page may have to be wider for that.
            (true, Some(tile)) => {
                let readable = (cells::pitch(&tile.rows, style) * most).min(TALL - 10.0);
                slot.clamp(60.0, 210.0).max(readable) / most
            }
            (true, None) if group.tiles.len() == 1 => {
                (SQUARE * most).clamp(120.0f64.min(slot), slot.min(400.0)) / most
            }
            (true, None) => (slot / most.max(4.0)).min(SQUARE),
            (false, _) => (slot / most).min(WIDEST),
        };
        let slot = slot.max(pitch * most);
        let rows = group.tiles.iter().map(|tile| tile.rows.len()).max().unwrap_or(1) as f64;
        let by_layer = group.tiles.iter().all(|t| t.panel.rows.kind == AxisKind::Layers);
        let tall = match (square, by_layer) {
            (true, _) => pitch,
            (false, true) => pitch.clamp(7.5, TALLEST).min((TALL / rows).max(1.0)),
            (false, false) => pitch.clamp(LOWEST, TALLEST).min((TALL / rows).max(LOWEST)),
        };
        let fits = |format: &Format| group.tiles.iter().all(|tile| tile.fits(*format, pitch));
        let numbers = [Format::Full, Format::Short].into_iter().find(fits);
        let numbers = numbers.filter(|_| style.small + 2.0 <= tall);
        let page_width = rest + across as f64 * slot;
        Self { pitch, tall, sides, slot, gap, label, numbers, page_width }
    }
}

impl Group<'_> {
    /// Draws the matrices row by row, and moves the page below them.
    pub(super) fn draw(&self, page: &mut Page, sizes: &Sizes) -> Drawn {
        let rows = self.tiles.chunks(self.across.max(1));
        let count = rows.len();
        for (index, row) in rows.enumerate() {
            let top = page.y;
            // Side by side, matrices begin at one height.
            let head = row.iter().map(|tile| tile.head(sizes)).fold(0.0, f64::max);
            let mut bottom = top;
            let mut x = page.style.margin;
            for (column, tile) in row.iter().enumerate() {
                x += sizes.sides.get(column).copied().unwrap_or(0.0);
                page.y = top;
                let before = column.checked_sub(1).and_then(|before| row.get(before));
                let named = !before.is_some_and(|before| tile.same_rows(before));
                tile.draw(page, sizes, (x, top, head), named);
                if self.bars == Bars::Tile {
                    let width = sizes
                        .slot
                        .min(BAR)
                        .min((sizes.pitch * tile.columns.len() as f64).max(110.0));
                    bar(page, tile.panel, tile.panel.n, (x, width), false);
                }
                bottom = bottom.max(page.y);
                x += sizes.slot + sizes.gap;
            }
            page.y = bottom + if index + 1 < count { 6.0 } else { 0.0 };
        }
        Drawn {
            x: page.style.margin + sizes.sides.first().copied().unwrap_or(0.0),
            width: self.tiles.first().map_or(0.0, |t| sizes.pitch * t.columns.len() as f64),
            grey: self.tiles.iter().any(Tile::has_grey),
        }
    }
}

impl Tile<'_> {
    /// Draws it with its cells from `x` on; `named` is whether its rows are.
    fn draw(&self, page: &mut Page, sizes: &Sizes, (x, top, head): (f64, f64, f64), named: bool) {
        let Style { small, body, .. } = self.style;
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let size = (sizes.pitch * columns as f64, sizes.tall * rows as f64);
        page.stack((x, top + body), &self.above(sizes), Look::new(body, INK));
        let block = Block {
            rect: Rect::new(x, top + head, size.0, size.1),
            columns,
            rows,
            title: "",
            title_at: top,
        };
        let colours = self.colours();
        block.draw(page, colours.clone());
        block.row_boundaries(page, &self.rows);
        block.column_boundaries(page, &self.columns);
        if let Some(format) = sizes.numbers {
            let texts = self.numbers(format);
            for (i, (text, ground)) in texts.iter().zip(&colours).enumerate() {
                let Some(text) = text else { continue };
                let cell = block.cell(i / columns, i % columns);
                let at = ((cell.x0 + cell.x1) / 2.0, (cell.y0 + cell.y1) / 2.0 + 0.36 * small);
                page.canvas.text(at, text, Look::new(small, colour::over(*ground)).middle());
            }
        }
        for &i in &self.framed {
            let Some(&ground) = colours.get(i) else { continue };
            let c = block.cell(i / columns, i % columns);
            let inset = 0.8f64.min(0.2 * c.width());
            let inside =
                Rect { x0: c.x0 + inset, y0: c.y0 + inset, x1: c.x1 - inset, y1: c.y1 - inset };
            page.canvas.frame(inside, 1.0, colour::over(ground));
        }
        if named {
            let labels = page.labels(&self.rows, small, sizes.label);
            block.row_labels(page, &labels, &self.rows, cells::label_step(sizes.tall, self.style));
            self.row_title(page, &block, sizes);
        }
        page.y = block.rect.y1 + self.column_names(page, &block, sizes) + 8.0;
    }

    /// What the rows are, left of their labels.
    fn row_title(&self, page: &mut Page, block: &Block, sizes: &Sizes) {
        let body = self.style.body;
        let title = page.wrapped(&self.panel.rows.title, body, f64::INFINITY);
        if fonts::width(&self.panel.rows.title, body) <= self.beside(sizes) {
            let x = block.rect.x0 - self.side(sizes.label) + body;
            let y = (block.rect.y0 + block.rect.y1) / 2.0;
            page.stack((x, y), &title, Look::new(body, INK).middle().upward());
        }
    }

    /// The names of the columns and of their axis; returns the room that they took below.
    fn column_names(&self, page: &mut Page, block: &Block, sizes: &Sizes) -> f64 {
        let Style { small, body, .. } = self.style;
        let labels = page.labels(&self.columns, small, label(self.style));
        let mut below = 0.0;
        if self.is_level(sizes.pitch) {
            let widest = labels.iter().map(|l| fonts::width(l, small)).fold(0.0, f64::max);
            let step = ((widest + 3.0) / sizes.pitch).ceil().max(1.0) as usize;
            let y = block.rect.y1 + 3.0 + small;
            block.level_labels(page, &labels, &self.columns, step, y);
            if self.is_far(sizes) {
                block.level_labels(page, &labels, &self.columns, step, block.rect.y0 - 3.0);
            }
            below += 4.0 + small;
        } else {
            let step = cells::label_step(sizes.pitch, self.style);
            block.upright_labels(page, &labels, &self.columns, step);
        }
        let axis = &self.panel.columns;
        if axis.title.is_empty() {
            return below;
        }
        below += 3.0;
        let (rect, y) = (block.rect, block.rect.y1 + below + body);
        // Beside a narrow matrix there is room at its right.
        let title = page.wrapped(&axis.long_title(), body, rect.width().max(sizes.slot));
        let fits = title.iter().all(|line| fonts::width(line, body) <= rect.width());
        let (x, look) = match fits {
            true => ((rect.x0 + rect.x1) / 2.0, Look::new(body, INK).middle()),
            false => (rect.x0, Look::new(body, INK)),
        };
        below + page.stack((x, y), &title, look) - (LEADING - 1.0) * body
    }
}
