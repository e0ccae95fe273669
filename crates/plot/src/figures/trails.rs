//! Small maps: the points of every layer in a plane, as t-SNE, a random projection or PCA gives it.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, PAPER, Rgb, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::trajectory::draw_labels;
use crate::input::{self, Places, check_count, check_layers, check_value};
use crate::labels::{Ground, Rect};
use crate::layout::{self, Bar, Page, Plane};
use crate::style::Style;
use stratoscope_chart::{AxisKind, Chart, Trails};

/// More items than this want wide panels, and fewer of them.
const CROWD: usize = 24;
const GAP: f64 = 10.0;

pub(crate) fn draw(chart: &Chart, trails: &Trails, style: Style) -> Result<Figure, PlotError> {
    input::check_tokens(&trails.items)?;
    check_layers(trails.steps.len())?;
    let known = || trails.points.iter().flatten().flatten().copied();
    check_count("points", known().count(), usize::MAX)?;
    known().flatten().try_for_each(|value| check_value(|| "a point".to_owned(), value))?;

    let items = Places::of(&trails.items);
    let crowded = items.len() > CROWD;
    let most = if crowded { style.either(8, 4) } else { style.either(12, 6) };
    let picked = input::evenly(trails.steps.len(), most);
    let columns = match picked.len() {
        1 => 1,
        2 | 4 => 2,
        _ if crowded || style.is_paper => 2,
        _ => 3,
    };
    let mut page = Page::new(&chart.full_title(), style);
    layout::legend(&mut page, &items);
    if picked.len() < trails.steps.len() {
        let (some, all) = (picked.len(), trails.steps.len());
        page.note(&format!("{some} of {all} layers shown, evenly spaced."));
    }
    let width = (style.column - 2.0 * style.margin - GAP * (columns as f64 - 1.0)) / columns as f64;
    let height = if columns == 1 { 0.7 * width } else { 0.92 * width };
    let noted = trails.notes.iter().any(|note| !note.is_empty());
    for row in picked.chunks(columns) {
        let top = page.y + if noted { 22.0 } else { 12.0 };
        let mut note_room = 0.0;
        for (column, &step) in row.iter().enumerate() {
            let x = style.margin + column as f64 * (width + GAP);
            let map = Map { trails, items: &items, step, rect: Rect::new(x, top, width, height) };
            let (shown, all) = map.draw(&mut page);
            if shown < all {
                let at = (x + width, top + height + 1.2 * page.style.small);
                let note = format!("{shown} of {all} labelled");
                page.canvas.text(at, &note, Look::new(page.style.small, SOFT).end());
                note_room = 1.4 * page.style.small;
            }
        }
        page.y = top + height + 7.0 + note_room;
    }
    if items.groups.len() < 2 {
        let bar = Bar {
            scale: positions(&items),
            label: "place in the text",
            whole: true,
            clipped: false,
        };
        layout::colour_bar(&mut page, style.margin, style.column - 2.0 * style.margin, &bar);
    }
    let axes = match trails.x.is_empty() && trails.y.is_empty() {
        true => "axes have no meaning".to_owned(),
        false => format!("horizontal: {}, vertical: {}", trails.x, trails.y),
    };
    if !trails.x.is_empty() || !trails.y.is_empty() {
        page.note(&format!("Axes: {axes}."));
    }
    let shows = format!(
        "{} maps of {} points, one for each layer; {axes}. Near points are near in the space of the \
         layer.",
        picked.len(),
        items.len()
    );
    page.finish(&chart.caption, &shows)
}

/// Colours by place, where there is one group.
fn positions(items: &Places) -> Scale {
    Scale::Depth { low: 1.0, high: items.len().max(1) as f64 }
}

/// One map.
struct Map<'a> {
    trails: &'a Trails,
    items: &'a Places,
    step: usize,
    rect: Rect,
}

impl Map<'_> {
    /// Draws it; returns how many points are labelled, and how many there are.
    fn draw(&self, page: &mut Page) -> (usize, usize) {
        let rect = self.rect;
        let mut above = rect.y0 - 4.0;
        if let Some(note) = self.trails.notes.get(self.step).filter(|note| !note.is_empty()) {
            let note = page.label(note, page.style.small, rect.width());
            page.canvas.text((rect.x0, above), &note, Look::new(page.style.small, SOFT));
            above -= 1.35 * page.style.small;
        }
        let title = self.title(page);
        page.canvas.text((rect.x0, above), &title, Look::new(page.style.body, INK));
        page.canvas.frame(rect, 0.6, colour::RULE);

        let points = self.trails.points.get(self.step).map_or(&[][..], Vec::as_slice);
        let own = || points.iter().flatten().copied();
        let all = || self.trails.points.iter().flatten().flatten().copied();
        let plane = match self.trails.shared {
            true => Plane::around(all(), rect),
            false => Plane::around(own(), rect),
        };
        let known: Vec<usize> = (0..points.len()).filter(|&i| points[i].is_some()).collect();
        let ends: Vec<(f64, f64)> = own().map(|point| plane.at(point)).collect();
        let radius = if self.items.len() > 60 { 1.8 } else { 2.4 };
        for (&item, &at) in known.iter().zip(&ends) {
            let (rank, muted) = self.items.at(item);
            let ink = self.ink(item);
            let (fill, edge) = if muted { (PAPER, MUTED) } else { (ink, ink) };
            layout::marker(&mut page.canvas, rank, at, radius, fill, edge);
        }
        let ground = Ground { bounds: rect, marker: radius, soft: &[] };
        let many = self.items.groups.len() > 1;
        let places = self.items.select(&known);
        let shown =
            draw_labels(page, &places, &ends, page.style.small, &ground, |item| {
                match places.ink(item) {
                    Some(ink) => colour::for_text(ink),
                    None if many => colour::for_text(colour::category(places.at(item).0)),
                    None => INK,
                }
            });
        (shown, known.len())
    }

    fn title(&self, page: &mut Page) -> String {
        let steps = &self.trails.steps;
        match (steps.kind, steps.numbers.get(self.step), steps.labels.get(self.step)) {
            (AxisKind::Layers, Some(&layer), _) => input::layer_name(layer),
            (_, _, Some(label)) => page.label(label, page.style.body, self.rect.width()),
            _ => String::new(),
        }
    }

    fn ink(&self, item: usize) -> Rgb {
        match self.items.groups.len() {
            0 | 1 => positions(self.items).colour(item as f64 + 1.0),
            _ => colour::category(self.items.at(item).0),
        }
    }
}
