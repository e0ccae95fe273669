//! The plane of role and sense: one trail a word, from the first layer to the last.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, PAPER, RULE, Rgb, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::trajectory::draw_labels;
use crate::input::{self, Token, check_count, check_len, check_value};
use crate::labels::{Ground, Rect};
use crate::layout::{self, BODY, COLUMN, MARGIN, Page, Plane, SMALL};

/// Trails with a name; more cannot be told apart.
const MOST_NAMED: usize = 12;
const MOST_WORDS: usize = 500;
/// Logarithms beyond this are none of shares.
const FARTHEST: f64 = 100.0;
/// What the lines at 0 say.
const ZERO: &str = "0: as much as in a random one";

/// Words by how much of what changes them lies where roles and where senses are told apart.
#[derive(Clone, Debug)]
pub struct SensePlane {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The layers, rising; 0 is the embedding.
    pub layers: Vec<usize>,
    /// The words, in order.
    pub words: Vec<SenseWord>,
}

/// A word's trail.
#[derive(Clone, Debug)]
pub struct SenseWord {
    /// Display text. Any text is safe.
    pub text: String,
    /// The sentence it belongs to. Words of one sentence stand together.
    pub sentence: usize,
    /// Whether it is drawn in colour and named first.
    pub emphasised: bool,
    /// `[layers]`: logarithms to base 2, of role and of sense; None where the word has no place.
    pub points: Vec<Option<[f64; 2]>>,
}

impl SensePlane {
    /// Draws the figure.
    ///
    /// # Errors
    /// No words, layers or points; lists of unequal length; a value that is not finite or beyond 100
    /// (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let named = self.named();
        let tokens: Vec<Token> = named.iter().map(|&w| self.token(w)).collect();
        let mut page = Page::new(&self.title, COLUMN);
        if self.sentences().len() > 1 {
            let all: Vec<Token> = (0..self.words.len()).map(|w| self.token(w)).collect();
            layout::legend(&mut page, &all);
        }
        let left = MARGIN + 38.0;
        let width = COLUMN - MARGIN - 12.0 - left;
        let points = || self.words.iter().flat_map(|w| &w.points).flatten().copied();
        // Both zeros are always seen, and a small difference does not look like a large one.
        let around = || points().chain([[-1.0, -1.0], [1.0, 1.0]]);
        let spread = |axis: usize| {
            let (low, high) = layout::extent(around().map(|p| p[axis]));
            high - low
        };
        let ratio = spread(1) / spread(0);
        let height = if ratio.is_finite() { (ratio * width).clamp(260.0, 400.0) } else { 320.0 };
        let plane = Plane::around(around(), Rect::new(left, page.y + 12.0, width, height));
        plane.axes(
            &mut page.canvas,
            [
                "role: share of the change, log2 against random subspaces",
                "sense: share of the change, log2 against random subspaces",
            ],
        );
        self.zeros(&mut page, &plane);
        page.y = plane.rect.y1 + 32.0;

        // Trails without a name would only hide the others: their words are dots.
        for word in (0..self.words.len()).filter(|w| !named.contains(w)) {
            if let Some(end) = self.end(word) {
                page.canvas.disc(plane.at(end), 1.8, RULE);
            }
        }
        let (strong, weak): (Vec<usize>, Vec<usize>) =
            named.iter().partition(|&&w| self.words.get(w).is_some_and(|w| w.emphasised));
        for word in weak.into_iter().chain(strong) {
            self.trail(&mut page, &plane, word);
        }
        let ends: Vec<(f64, f64)> =
            named.iter().filter_map(|&w| self.end(w)).map(|p| plane.at(p)).collect();
        let soft: Vec<(f64, f64)> = points().map(|p| plane.at(p)).collect();
        let ground = Ground { bounds: plane.rect, marker: 3.0, soft: &soft };
        let inks: Vec<Rgb> = named.iter().map(|&w| colour::for_text(self.ink(w))).collect();
        let shown = draw_labels(&mut page, &tokens, &ends, BODY, &ground, |index, _| {
            inks.get(index).copied().unwrap_or(INK)
        });
        self.notes(&mut page, shown);
        let shows = format!(
            "The paths of {} words through {} layers, to the right where more of a word's change \
             lies along the directions of role, up where more lies along those of sense.",
            self.words.len(),
            self.layers.len(),
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        check_count("words", self.words.len(), MOST_WORDS)?;
        input::check_layers(self.layers.len())?;
        for (index, word) in self.words.iter().enumerate() {
            check_len(|| format!("points of word {index}"), word.points.len(), self.layers.len())?;
            for (layer, point) in self.layers.iter().zip(&word.points) {
                for value in point.iter().flatten() {
                    let what = || format!("the point of word {index}, layer {layer}");
                    check_value(what, *value)?;
                    if value.abs() > FARTHEST {
                        let (low, high) = (-FARTHEST, FARTHEST);
                        let (what, value) = (what(), *value);
                        return Err(PlotError::OutOfRange { what, value, low, high });
                    }
                }
            }
        }
        let points = self.words.iter().flat_map(|w| &w.points).flatten().count();
        check_count("points", points, usize::MAX)
    }

    fn token(&self, word: usize) -> Token {
        let word = self.words.get(word);
        Token {
            text: word.map_or_else(String::new, |w| w.text.clone()),
            sentence: word.map_or(0, |w| w.sentence),
            special: false,
        }
    }

    fn sentences(&self) -> Vec<usize> {
        let all: Vec<Token> = (0..self.words.len()).map(|w| self.token(w)).collect();
        input::sentences(&all)
    }

    /// The words with a name, in order: those emphasised before the others.
    fn named(&self) -> Vec<usize> {
        let has = |&w: &usize| self.end(w).is_some();
        let (first, then): (Vec<usize>, Vec<usize>) = (0..self.words.len())
            .filter(has)
            .partition(|&w| self.words.get(w).is_some_and(|w| w.emphasised));
        let mut named: Vec<usize> = first.into_iter().chain(then).take(MOST_NAMED).collect();
        named.sort_unstable();
        named
    }

    /// Where a trail ends.
    fn end(&self, word: usize) -> Option<[f64; 2]> {
        self.words.get(word)?.points.iter().rev().flatten().next().copied()
    }

    /// Which shape and colour a word has: its sentence's, or its own where there is one sentence.
    fn rank(&self, word: usize) -> usize {
        let sentences = self.sentences();
        if sentences.len() > 1 {
            let own = self.words.get(word).map(|w| w.sentence);
            return sentences.iter().position(|&s| Some(s) == own).unwrap_or(0);
        }
        self.words.iter().take(word).filter(|w| w.emphasised).count()
    }

    fn ink(&self, word: usize) -> Rgb {
        match self.words.get(word) {
            Some(w) if w.emphasised => colour::category(self.rank(word)),
            _ => MUTED,
        }
    }

    /// The lines at 0, their meaning outside of the frame, where no label is.
    fn zeros(&self, page: &mut Page, plane: &Plane) {
        let r = plane.rect;
        let (x, y) = plane.at([0.0, 0.0]);
        page.canvas.line(&[(x, r.y0), (x, r.y1)], 0.9, SOFT);
        page.canvas.line(&[(r.x0, y), (r.x1, y)], 0.9, SOFT);
        let half = crate::fonts::width(ZERO, SMALL) / 2.0;
        let look = Look::new(SMALL, SOFT).middle();
        page.canvas.text((x.clamp(r.x0 + half, r.x1 - half), r.y0 - 3.0), ZERO, look);
        let look = Look::new(SMALL, SOFT).middle().upward();
        page.canvas.text((r.x1 + 9.0, y.clamp(r.y0 + half, r.y1 - half)), ZERO, look);
    }

    fn trail(&self, page: &mut Page, plane: &Plane, word: usize) {
        let Some(trail) = self.words.get(word) else { return };
        let (strong, ink) = (trail.emphasised, self.ink(word));
        let points: Vec<(f64, f64)> = trail.points.iter().flatten().map(|&p| plane.at(p)).collect();
        let width = if strong { 1.3 } else { 0.7 };
        for step in points.windows(2) {
            page.canvas.line(step, width, layout::faint(ink, if strong { 0.75 } else { 0.6 }));
        }
        let last = points.len().saturating_sub(1);
        for (step, &at) in points.iter().enumerate() {
            if step == last {
                let (rank, radius) = if strong { (self.rank(word), 3.0) } else { (0, 1.8) };
                layout::marker(&mut page.canvas, rank, at, radius, ink, ink);
            } else if step == 0 {
                page.canvas.disc(at, if strong { 2.0 } else { 1.3 }, ink);
                page.canvas.disc(at, if strong { 1.2 } else { 0.7 }, PAPER);
            } else if strong {
                page.canvas.disc(at, 1.2, ink);
            }
        }
    }

    fn notes(&self, page: &mut Page, shown: usize) {
        let layers: Vec<String> = self.layers.iter().map(usize::to_string).collect();
        match (self.layers.first(), self.layers.last()) {
            (Some(first), Some(last)) if first != last => {
                let all = match self.layers.len() {
                    n if n <= 40 => layers.join(", "),
                    _ => format!("{first} to {last}"),
                };
                page.note(&format!(
                    "Layers {all}: from the ring by a dot a layer to the marker with the name."
                ));
            }
            _ => page.note(&format!("One layer: {}.", layers.join(""))),
        }
        let all = self.words.len();
        let grey = self.words.iter().any(|w| !w.emphasised);
        let grey = if grey { "Grey lines: function words. " } else { "" };
        match all - shown.min(all) {
            0 if grey.is_empty() => {}
            0 => page.note(grey.trim_end()),
            _ => page.note(&format!(
                "{grey}{shown} of {all} words named; grey dots: the others at their last layer."
            )),
        }
    }
}
