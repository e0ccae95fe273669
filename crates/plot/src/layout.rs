//! The page: title, notes, caption; and the parts figures share: axes, colour bars, markers, legends.

use crate::canvas::{Canvas, Cells, Ink, Look};
use crate::colour::{self, INK, PAPER, RULE, Rgb, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::Places;
use crate::labels::Rect;
use crate::style::Style;
use crate::svg;
use crate::text::{self, Changes};
pub(crate) use stratoscope_chart::{brief, number};

/// From one line of a title or a name to the next, as a multiple of its size.
pub(crate) const LEADING: f64 = 1.2;

type Point = (f64, f64);

/// A page that is filled from top to bottom.
pub(crate) struct Page {
    pub(crate) canvas: Canvas,
    pub(crate) style: Style,
    pub(crate) width: f64,
    /// Where the next thing goes.
    pub(crate) y: f64,
    title: String,
    notes: Vec<String>,
    changes: Changes,
}

impl Page {
    /// A page that begins with its title.
    pub(crate) fn new(title: &str, style: Style) -> Self {
        Self::wide(title, style, style.column)
    }

    /// A page `width` wide.
    pub(crate) fn wide(title: &str, style: Style, width: f64) -> Self {
        let mut page = Self {
            canvas: Canvas::default(),
            style,
            width,
            y: style.margin,
            title: text::clean(title).0,
            notes: Vec::new(),
            changes: Changes::default(),
        };
        if !style.is_paper {
            page.lines(title, style.title, INK);
            page.y += 4.0;
        }
        page
    }

    /// A small grey sentence across the page; of a figure for a paper, a part of its caption.
    pub(crate) fn note(&mut self, sentence: &str) {
        self.notes.push(sentence.to_owned());
        if !self.style.is_paper {
            self.lines(sentence, self.style.small, SOFT);
            self.y += 3.0;
        }
    }

    /// The right edge of what is drawn.
    pub(crate) fn right(&self) -> f64 {
        self.width - self.style.margin
    }

    fn lines(&mut self, content: &str, size: f64, ink: Rgb) {
        let margin = self.style.margin;
        let (lines, changes) = text::wrap(content, size, self.width - 2.0 * margin);
        self.changes.add(changes);
        for line in lines {
            self.canvas.text((margin, self.y + 0.95 * size), &line, Look::new(size, ink));
            self.y += 1.32 * size;
        }
    }

    /// The labels of `places`, each at most `limit` wide at `size`.
    pub(crate) fn labels(&mut self, places: &Places, size: f64, limit: f64) -> Vec<String> {
        places.labels.iter().map(|label| self.label(label, size, limit)).collect()
    }

    /// A short text as one label; the caption reports what had to be changed.
    pub(crate) fn label(&mut self, content: &str, size: f64, limit: f64) -> String {
        let (label, changes) = text::label(content, size, limit);
        self.changes.add(changes);
        label
    }

    /// A title or a name in lines, each at most `limit` wide at `size`.
    pub(crate) fn wrapped(&mut self, content: &str, size: f64, limit: f64) -> Vec<String> {
        let (lines, changes) = text::lines(content, size, limit);
        self.changes.add(changes);
        lines
    }

    /// Writes lines beside each other in the direction of reading, the first with its baseline at
    /// `(x, y)`. Returns the room that they take.
    pub(crate) fn stack(&mut self, (x, y): Point, lines: &[String], look: Look) -> f64 {
        let pitch = LEADING * look.size;
        for (i, line) in lines.iter().enumerate() {
            let away = i as f64 * pitch;
            let at = if look.upward { (x + away, y) } else { (x, y + away) };
            self.canvas.text(at, line, look);
        }
        lines.len() as f64 * pitch
    }

    /// Writes the caption and closes the page.
    pub(crate) fn finish(mut self, caption: &str, shows: &str) -> Result<Figure, PlotError> {
        let (_, seen) = text::wrap(caption, self.style.body, self.width - 2.0 * self.style.margin);
        self.changes.add(seen);
        let caption = format!("{}{}", caption.trim_end(), self.changes.notes());
        let caption = caption.trim_start();
        if !self.style.is_paper {
            self.y += 4.0;
            if !caption.is_empty() {
                self.lines(caption, self.style.body, INK);
            }
        }
        let notes = self.notes.iter().flat_map(|note| note.split_whitespace());
        let caption = caption.split_whitespace().chain(notes).collect::<Vec<_>>().join(" ");
        let size = (self.width, self.y + self.style.margin);
        let (title, (shows, _)) = (self.title, text::clean(shows));
        let description = if title.is_empty() {
            shows
        } else {
            format!("{}. {shows}", title.trim_end_matches('.'))
        };
        let svg = svg::document(&self.canvas, size, &title, &description)?;
        Ok(Figure { canvas: self.canvas, svg, title, caption, description, size })
    }
}

/// About `count` round values within `low..=high`, with their labels.
pub(crate) fn ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if span <= 0.0 || !span.is_finite() {
        return vec![(low, number(low, 0))];
    }
    let rough = span / count.max(1) as f64;
    let power = rough.log10().floor();
    let unit = 10f64.powi(power as i32);
    let share = rough / unit;
    let factor = if share <= 1.0 {
        1.0
    } else if share <= 2.0 {
        2.0
    } else if share <= 5.0 {
        5.0
    } else {
        10.0
    };
    let step = factor * unit;
    let first = (low / step - 1e-9).ceil();
    let digits = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    (0..4 * count.max(1))
        .map(|i| (first + i as f64) * step)
        .take_while(|&v| v <= high + 1e-9 * span)
        .map(|v| (v, number(v, digits)))
        .collect()
}

/// A colour bar.
pub(crate) struct Bar<'a> {
    pub(crate) scale: Scale,
    pub(crate) label: &'a str,
    /// Whether the scale counts whole things (layers, positions).
    pub(crate) whole: bool,
    /// Whether values beyond the ends were clipped to them.
    pub(crate) clipped: bool,
}

/// Draws a horizontal colour bar with its label above, `width` wide from `x`, and moves the page below
/// it.
pub(crate) fn colour_bar(page: &mut Page, x: f64, width: f64, bar: &Bar) {
    let (low, high) = bar.scale.range();
    let Style { small, margin, .. } = page.style;
    let lines = page.wrapped(bar.label, small, width);
    let top = page.y + page.stack((x, page.y + small), &lines, Look::new(small, INK)) + 2.0;
    let rect = Rect::new(x, top, width, 7.0);
    const STEPS: usize = 200;
    let at = |i: usize| low + (high - low) * (i as f64 + 0.5) / STEPS as f64;
    let colours = (0..STEPS).map(|i| bar.scale.colour(at(i))).collect();
    page.canvas.picture(rect, Cells { columns: STEPS, rows: 1, colours, fine: false });
    page.canvas.frame(rect, 0.4, SOFT);
    let mut marks = match bar.whole {
        true => whole_ticks(low, high, page.style.either(15, 10)),
        false => ticks(low, high, page.style.either(5, ((width / 45.0) as usize).clamp(1, 4))),
    };
    if bar.clipped {
        let edge = page.style.either(0.12, 0.22) * (high - low);
        marks.retain(|(v, _)| (v - low) > edge && (high - v) > edge);
        marks.insert(0, (low, format!("≤ {}", brief(low))));
        marks.push((high, format!("≥ {}", brief(high))));
    }
    for (value, mark) in &marks {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        let tick = x + share * width;
        page.canvas.line(&[(tick, rect.y1), (tick, rect.y1 + 2.0)], 0.5, SOFT);
        let half = fonts::width(mark, small) / 2.0;
        // Texts at the ends stay on the page.
        let centre =
            tick.clamp(x + half.min(width / 2.0) - margin / 2.0, x + width - half + margin / 2.0);
        page.canvas.text((centre, rect.y1 + 3.0 + small), mark, Look::new(small, SOFT).middle());
    }
    page.y = rect.y1 + 8.0 + small;
}

/// Whole numbers from `low` to `high` in even steps of 1, 2, 5, 10, …, about `count` of them.
pub(crate) fn whole_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let span = (high - low).max(0.0);
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let step = steps.into_iter().find(|step| span / step <= count as f64);
    let step = step.unwrap_or((span / count.max(1) as f64).ceil());
    let first = (low / step).ceil() * step;
    (0..=(span / step) as usize)
        .map(|i| first + i as f64 * step)
        .filter(|&v| v <= high)
        .map(|v| (v, number(v, 0)))
        .collect()
}

/// A marker, whose shape follows from its rank.
pub(crate) fn marker(
    canvas: &mut Canvas,
    rank: usize,
    at: Point,
    radius: f64,
    fill: Rgb,
    edge: Rgb,
) {
    let (x, y) = at;
    let r = radius;
    let outline: Vec<Point> = match rank % 6 {
        0 => {
            canvas.disc(at, r, edge);
            canvas.disc(at, r - 0.8, fill);
            return;
        }
        1 => vec![
            (x - 0.88 * r, y - 0.88 * r),
            (x + 0.88 * r, y - 0.88 * r),
            (x + 0.88 * r, y + 0.88 * r),
            (x - 0.88 * r, y + 0.88 * r),
        ],
        2 => vec![(x, y - 1.25 * r), (x + 1.15 * r, y + 0.8 * r), (x - 1.15 * r, y + 0.8 * r)],
        3 => vec![(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)],
        4 => vec![(x, y + 1.25 * r), (x + 1.15 * r, y - 0.8 * r), (x - 1.15 * r, y - 0.8 * r)],
        _ => {
            let (a, b) = (0.45 * r, 1.25 * r);
            vec![
                (x - a, y - b),
                (x + a, y - b),
                (x + a, y - a),
                (x + b, y - a),
                (x + b, y + a),
                (x + a, y + a),
                (x + a, y + b),
                (x - a, y + b),
                (x - a, y + a),
                (x - b, y + a),
                (x - b, y - a),
                (x - a, y - a),
            ]
        }
    };
    canvas.area(&outline, fill);
    let closed: Vec<Point> = outline.iter().chain(outline.iter().take(2)).copied().collect();
    canvas.line(&closed, 0.8, edge);
}

/// What an unknown token is.
const UNKNOWN: &str = "its letters are not in the vocabulary";

/// A note on the red labels of unknown tokens, where there are any.
pub(crate) fn note_unknown<'a>(page: &mut Page, all: impl IntoIterator<Item = &'a Places>) {
    if all.into_iter().any(|places| places.unknown.contains(&true)) {
        page.note(&format!("A red label is an unknown token: {UNKNOWN}."));
    }
}

/// The legend of the groups (none where there is one), of muted places and of unknown tokens.
pub(crate) fn legend(page: &mut Page, places: &Places) {
    let mut entries: Vec<(usize, Rgb, Rgb, String)> = Vec::new();
    if places.groups.len() > 1 {
        for (rank, group) in places.groups.iter().enumerate() {
            let own = |place: &usize| places.at(*place) == (rank, false);
            let labels = (0..places.len()).filter(own).filter_map(|place| places.labels.get(place));
            let words: Vec<&str> = labels.map(String::as_str).take(40).collect();
            let name =
                page.label(&format!("{}: {}", group + 1, words.join(" ")), page.style.small, 190.0);
            let ink = colour::category(rank);
            entries.push((rank, ink, ink, name));
        }
    }
    if places.muted.contains(&true) {
        entries.push((0, PAPER, colour::MUTED, "special token".to_owned()));
    }
    if places.unknown.contains(&true) {
        let name = format!("unknown token: {UNKNOWN}");
        entries.push((0, colour::UNKNOWN, colour::UNKNOWN, name));
    }
    entries_row(page, &entries);
}

/// In place of the rank of a marker: a dashed line.
pub(crate) const DASHED: usize = usize::MAX;

/// Markers with names in as many rows as they need.
pub(crate) fn entries_row(page: &mut Page, entries: &[(usize, Rgb, Rgb, String)]) {
    if entries.is_empty() {
        return;
    }
    let Style { small, margin, .. } = page.style;
    let (mut x, mut y) = (margin, page.y + 5.0);
    for (rank, fill, edge, name) in entries {
        let wide = 12.0 + fonts::width(name, small) + 12.0;
        if x > margin && x + wide > page.right() {
            x = margin;
            y += small + 4.0;
        }
        match *rank {
            DASHED => page.canvas.dashed(&[(x, y), (x + 8.0, y)], 1.2, *edge, 3.0, 2.0),
            rank => marker(&mut page.canvas, rank, (x + 4.0, y), 2.6, *fill, *edge),
        }
        page.canvas.text((x + 11.0, y + 0.36 * small), name, Look::new(small, INK));
        x += wide;
    }
    page.y = y + 10.0;
}

/// Data to page for one panel, the same length per unit on both axes.
pub(crate) struct Plane {
    pub(crate) rect: Rect,
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
}

impl Plane {
    /// The panel `rect` with room around `points`. Points that are all equal get a span of 1.
    pub(crate) fn around(points: impl Iterator<Item = [f64; 2]> + Clone, rect: Rect) -> Self {
        let (x, y) = (extent(points.clone().map(|p| p[0])), extent(points.map(|p| p[1])));
        let middle = ((x.0 + x.1) / 2.0, (y.0 + y.1) / 2.0);
        let per_pt = ((x.1 - x.0) / rect.width()).max((y.1 - y.0) / rect.height()) * 1.12;
        let floor = f64::MIN_POSITIVE.max((middle.0.abs() + middle.1.abs()) * 1e-9);
        let per_pt = if per_pt > floor { per_pt } else { 1.0f64.max(floor) / rect.width() };
        let half = (rect.width() / 2.0 * per_pt, rect.height() / 2.0 * per_pt);
        Self {
            rect,
            x: (middle.0 - half.0, middle.0 + half.0),
            y: (middle.1 - half.1, middle.1 + half.1),
        }
    }

    pub(crate) fn at(&self, [x, y]: [f64; 2]) -> Point {
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = (y - self.y.0) / (self.y.1 - self.y.0);
        (self.rect.x0 + across * self.rect.width(), self.rect.y1 - up * self.rect.height())
    }

    /// Grid, frame, ticks and the names of both axes.
    pub(crate) fn axes(&self, page: &mut Page, names: [&str; 2]) {
        let Style { small, body, margin, .. } = page.style;
        let count = page.style.either(6, 4);
        let names = [(names[0], self.rect.width()), (names[1], self.rect.height())]
            .map(|(name, room)| page.wrapped(name, body, room.max(60.0)));
        let r = self.rect;
        for (value, label) in ticks(self.x.0, self.x.1, count) {
            let (x, _) = self.at([value, self.y.0]);
            page.canvas.line(&[(x, r.y0), (x, r.y1)], 0.4, RULE);
            page.canvas.text((x, r.y1 + 3.0 + small), &label, Look::new(small, SOFT).middle());
        }
        for (value, label) in ticks(self.y.0, self.y.1, count) {
            let (_, y) = self.at([self.x.0, value]);
            page.canvas.line(&[(r.x0, y), (r.x1, y)], 0.4, RULE);
            page.canvas.text((r.x0 - 3.0, y + 0.36 * small), &label, Look::new(small, SOFT).end());
        }
        page.canvas.frame(r, 0.6, SOFT);
        let middle = ((r.x0 + r.x1) / 2.0, (r.y0 + r.y1) / 2.0);
        let look = Look::new(body, INK).middle();
        let below = page.stack((middle.0, r.y1 + 24.0), &names[0], look) - LEADING * body;
        page.y = r.y1 + 32.0 + below;
        page.stack((margin + body, middle.1), &names[1], look.upward());
    }
}

/// Smallest and largest; `(0, 0)` for none.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let range = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if range.0 <= range.1 { range } else { (0.0, 0.0) }
}

/// A translucent ink.
pub(crate) fn faint(colour: Rgb, alpha: f64) -> Ink {
    Ink { colour, alpha }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let texts = |low, high| ticks(low, high, 5).into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(texts(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(-12.0, 9.0), ["−10", "−5", "0", "5"]);
        assert_eq!(texts(3.0, 3.0), ["3"]);
        for (low, high) in [(1e-12, 2e-12), (-1e99, 1e99), (0.1, 0.1 + 1e-16), (5.0, 5.0 + 1e-12)] {
            let found = ticks(low, high, 5);
            assert!(found.len() <= 20, "{found:?}");
        }
    }

    #[test]
    fn a_plane_of_equal_points_has_a_span() {
        for point in [[0.0, 0.0], [1e90, -1e90], [3.0, 4.0]] {
            let plane = Plane::around([point, point].into_iter(), Rect::new(0.0, 0.0, 100.0, 50.0));
            let (x, y) = plane.at(point);
            assert!((x - 50.0).abs() < 1e-3 && (y - 25.0).abs() < 1e-3, "{x} {y}");
        }
    }
}
