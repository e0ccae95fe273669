//! The trajectory: every token's trail from the first layer to the last in one shared plane.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, PAPER, Rgb, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, Places, check_count, check_len, check_value};
use crate::labels::{self, Ground, Rect, Wanted};
use crate::layout::{self, Bar, Page, Plane};
use crate::style::Style;
use stratoscope_chart::Axis;

/// The most points of all trails together.
const MAX_POINTS: usize = 200_000;

/// Trails of tokens through the layers. Both axes have the same length per unit.
#[derive(Clone, Debug)]
pub struct Trajectory {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The tokens, with their groups and the special ones muted.
    pub tokens: Axis,
    /// Layer of each entry of `points`; 0 is the embedding.
    pub layers: Vec<usize>,
    /// `[layers][tokens]`: coordinates in the shared basis.
    pub points: Vec<Vec<[f64; 2]>>,
    /// Share of the total variance on each axis, 0 to 1 (of the points that the basis was fitted to);
    /// none for maps whose axes have no meaning (t-SNE).
    pub shares: Option<[f64; 2]>,
}

impl Trajectory {
    /// Draws the figure in a style.
    ///
    /// # Errors
    /// No tokens or layers; lists of different length; a value that is not finite (named).
    pub fn draw(&self, style: Style) -> Result<Figure, PlotError> {
        self.check()?;
        let mut page = Page::new(&self.title, style);
        let tokens = Places::of(&self.tokens);
        layout::legend(&mut page, &tokens);

        let left = style.margin + 38.0;
        let width = page.right() - left;
        let plane = Plane::around(
            self.points.iter().flatten().copied(),
            Rect::new(left, page.y + 2.0, width, self.height(width, style)),
        );
        let names = [0, 1].map(|i| match self.shares {
            Some(shares) => {
                format!("component {} ({:.1} % of variance)", i + 1, 100.0 * shares[i])
            }
            None => format!("axis {} (no unit)", i + 1),
        });
        plane.axes(&mut page, [&names[0], &names[1]]);

        let scale = Scale::Depth {
            low: self.layers.iter().min().copied().unwrap_or(0) as f64,
            high: self.layers.iter().max().copied().unwrap_or(0) as f64,
        };
        self.trails(&mut page, &plane, scale);
        let shown = self.names(&mut page, &plane, &tokens);
        if shown < self.tokens.len() {
            let all = self.tokens.len();
            page.note(&format!("{shown} of {all} tokens labelled: the rest would overlap."));
        }
        match self.layers[..] {
            [only] => page.note(&format!("One layer: {}.", input::layer_name(only))),
            _ => {
                let label = "layer (○ small: first layer; large marker with label: last layer)";
                let bar = Bar { scale, label, whole: true, clipped: false };
                layout::colour_bar(&mut page, left, width, &bar);
            }
        }
        let share = self.shares.map_or_else(String::new, |shares| {
            format!(" that shows {:.1} % of the variance", 100.0 * (shares[0] + shares[1]))
        });
        let shows = format!(
            "The paths of {} tokens through {} layers in one plane{share}.",
            self.tokens.len(),
            self.layers.len(),
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        self.tokens.check(&self.title)?;
        input::check_tokens(&self.tokens)?;
        input::check_layers(self.layers.len())?;
        check_count("points", self.layers.len() * self.tokens.len(), MAX_POINTS)?;
        check_len(|| "points".to_owned(), self.points.len(), self.layers.len())?;
        for (layer, points) in self.layers.iter().zip(&self.points) {
            check_len(|| format!("points of layer {layer}"), points.len(), self.tokens.len())?;
            for (token, value) in points.iter().enumerate().flat_map(|(t, p)| p.map(|v| (t, v))) {
                check_value(|| format!("the point of layer {layer}, token {token}"), value)?;
            }
        }
        for share in self.shares.into_iter().flatten() {
            check_value(|| "a share of variance".to_owned(), share)?;
        }
        Ok(())
    }

    /// The height of the panel: proportional to the points, within limits.
    fn height(&self, width: f64, style: Style) -> f64 {
        let x = layout::extent(self.points.iter().flatten().map(|p| p[0]));
        let y = layout::extent(self.points.iter().flatten().map(|p| p[1]));
        let ratio = (y.1 - y.0) / (x.1 - x.0);
        let [least, usual, most] = style.either([250.0, 320.0, 420.0], [150.0, 170.0, 200.0]);
        if ratio.is_finite() { (ratio * width).clamp(least, most) } else { usual }
    }

    fn trails(&self, page: &mut Page, plane: &Plane, scale: Scale) {
        // Thin, pale trails where there are many.
        let crowd = (self.tokens.len() as f64 / 12.0).sqrt().max(1.0);
        let (width, alpha) = (1.3 / crowd.min(2.2), (0.95 / crowd).max(0.4));
        for token in 0..self.tokens.len() {
            for (step, layers) in self.points.windows(2).zip(self.layers.windows(2)) {
                let ([a, b], [from, to]) = (step, layers) else {
                    continue;
                };
                let (Some(&a), Some(&b)) = (a.get(token), b.get(token)) else {
                    continue;
                };
                let ink = scale.colour((*from as f64 + *to as f64) / 2.0);
                page.canvas.line(&[plane.at(a), plane.at(b)], width, layout::faint(ink, alpha));
            }
        }
        let radius = if self.tokens.len() > 60 { 0.9 } else { 1.4 };
        if let (Some(first), true) = (self.points.first(), self.points.len() > 1) {
            let ink = self.layers.first().map_or(INK, |&l| scale.colour(l as f64));
            for &point in first {
                page.canvas.disc(plane.at(point), radius, ink);
                page.canvas.disc(plane.at(point), radius - 0.6, PAPER);
            }
        }
        // Dots on the way say how far each layer carried the token.
        if self.tokens.len() * self.points.len() <= 900 {
            let between = self.points.len().saturating_sub(1);
            for (points, &layer) in self.points.iter().zip(&self.layers).take(between).skip(1) {
                for &point in points {
                    page.canvas.disc(plane.at(point), 1.0, scale.colour(layer as f64));
                }
            }
        }
    }

    /// Markers and labels at the last layer; returns how many labels found a place.
    fn names(&self, page: &mut Page, plane: &Plane, tokens: &Places) -> usize {
        let Some(last) = self.points.last() else {
            return 0;
        };
        let ends: Vec<(f64, f64)> = last.iter().map(|&p| plane.at(p)).collect();
        let many = tokens.groups.len() > 1;
        let ink = |token: usize| match tokens.ink(token) {
            Some(ink) => ink,
            None if many => colour::category(tokens.at(token).0),
            None => INK,
        };
        let radius = if tokens.len() > 60 { 1.8 } else { 2.6 };
        for (token, &at) in ends.iter().enumerate() {
            let (rank, special) = tokens.at(token);
            let fill = if special { PAPER } else { ink(token) };
            layout::marker(&mut page.canvas, rank, at, radius, fill, ink(token));
        }
        let size = if tokens.len() > 30 { page.style.small } else { page.style.body };
        let soft: Vec<(f64, f64)> = self.points.iter().flatten().map(|&p| plane.at(p)).collect();
        let ground = Ground { bounds: plane.rect, marker: radius, soft: &soft };
        draw_labels(page, tokens, &ends, size, &ground, |token| colour::for_text(ink(token)))
    }
}

/// Places and draws the labels of `places` at `ends`, muted ones last; returns how many fitted.
pub(crate) fn draw_labels(
    page: &mut Page,
    places: &Places,
    ends: &[(f64, f64)],
    size: f64,
    ground: &Ground,
    ink: impl Fn(usize) -> Rgb,
) -> usize {
    let limit = (ground.bounds.width() * 0.45).min(95.0);
    let texts = page.labels(places, size, limit);
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places.at(i).1);
    let wanted: Vec<Wanted> = order
        .iter()
        .filter_map(|&i| {
            let width = fonts::width(texts.get(i)?, size);
            Some(Wanted { at: *ends.get(i)?, width: width + 1.0, height: 1.12 * size })
        })
        .collect();
    let placed = labels::place(&wanted, ground);
    for (&i, spot) in order.iter().zip(&placed) {
        let (Some(spot), Some(text)) = (spot, texts.get(i)) else {
            continue;
        };
        if let Some((a, b)) = spot.leader {
            page.canvas.line(&[a, b], 0.45, MUTED);
        }
        let halo = Rect::new(spot.rect.x0, spot.rect.y0, spot.rect.width(), spot.rect.height());
        page.canvas.rect(halo, layout::faint(PAPER, 0.72));
        let at = (spot.rect.x0 + 0.5, spot.rect.y0 + 0.86 * size);
        page.canvas.text(at, text, Look::new(size, ink(i)));
    }
    placed.iter().flatten().count()
}
