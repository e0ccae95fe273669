//! Small multiples: one map of the tokens per layer, as t-SNE, a random projection or PCA gives it.

use crate::canvas::Look;
use crate::colour::{self, INK, MUTED, PAPER, Rgb, SOFT, Scale};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::figures::trajectory::draw_labels;
use crate::input::{self, Token, check_len, check_value};
use crate::labels::{Ground, Rect};
use crate::layout::{self, BODY, Bar, COLUMN, MARGIN, Page, Plane, SMALL};

/// More tokens than this want wide panels, and fewer of them.
const CROWD: usize = 24;
const GAP: f64 = 10.0;

/// Maps of the same tokens, one per layer. Each has its own plane: only neighbourhoods compare.
#[derive(Clone, Debug)]
pub struct Maps {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The tokens.
    pub tokens: Vec<Token>,
    /// One map per layer, in the order to be drawn.
    pub maps: Vec<Map>,
    /// What the colour of a point tells.
    pub colour: MapColour,
}

/// One layer's map.
#[derive(Clone, Debug)]
pub struct Map {
    /// 0 is the embedding.
    pub layer: usize,
    /// What the panel says of itself, e.g. `trustworthiness 0.93`; may be empty.
    pub note: String,
    /// `[tokens]`: coordinates in this map.
    pub points: Vec<[f64; 2]>,
}

/// What the colour of a point tells.
#[derive(Clone, Debug)]
pub enum MapColour {
    /// The place of the token in its sentence, from first to last.
    Position,
    /// Its sentence.
    Sentence,
    /// A category of its own, such as its part of speech.
    Category {
        /// The categories' names.
        names: Vec<String>,
        /// `[tokens]`: index into `names`; `None` is drawn grey.
        of: Vec<Option<usize>>,
    },
}

impl Maps {
    /// Draws the figure.
    ///
    /// # Errors
    /// No tokens or maps; lists of unequal length; a value that is not finite (named).
    pub fn draw(&self) -> Result<Figure, PlotError> {
        self.check()?;
        let crowded = self.tokens.len() > CROWD;
        let picked = input::evenly(self.maps.len(), if crowded { 8 } else { 12 });
        let columns = match picked.len() {
            1 => 1,
            2 | 4 => 2,
            _ if crowded => 2,
            _ => 3,
        };
        let mut page = Page::new(&self.title, COLUMN);
        layout::legend(&mut page, &self.tokens);
        self.category_legend(&mut page);
        if picked.len() < self.maps.len() {
            page.note(&format!(
                "{} of {} layers shown, evenly spaced.",
                picked.len(),
                self.maps.len()
            ));
        }
        let width = (COLUMN - 2.0 * MARGIN - GAP * (columns as f64 - 1.0)) / columns as f64;
        let height = if columns == 1 { 0.7 * width } else { 0.92 * width };
        for row in picked.chunks(columns) {
            let maps: Vec<&Map> = row.iter().filter_map(|&i| self.maps.get(i)).collect();
            let tall = maps.iter().any(|m| !m.note.is_empty());
            let top = page.y + if tall { 22.0 } else { 12.0 };
            let mut note_room = 0.0;
            for (column, map) in maps.iter().enumerate() {
                let x = MARGIN + column as f64 * (width + GAP);
                let shown = self.panel(&mut page, map, Rect::new(x, top, width, height));
                if shown < self.tokens.len() {
                    let note = format!("{shown} of {} labelled", self.tokens.len());
                    let at = (x + width, top + height + 1.2 * SMALL);
                    page.canvas.text(at, &note, Look::new(SMALL, SOFT).end());
                    note_room = 1.4 * SMALL;
                }
            }
            page.y = top + height + 7.0 + note_room;
        }
        if let MapColour::Position = self.colour {
            let bar = Bar {
                scale: self.positions(),
                label: "position in the sentence",
                whole: true,
                clipped: false,
            };
            layout::colour_bar(&mut page, MARGIN, COLUMN - 2.0 * MARGIN, &bar);
        }
        let shows = format!(
            "{} maps of {} tokens, one per layer. Near points are near in the layer's own space; \
             axes and distances between panels mean nothing.",
            picked.len(),
            self.tokens.len()
        );
        page.finish(&self.caption, &shows)
    }

    fn check(&self) -> Result<(), PlotError> {
        input::check_tokens(&self.tokens)?;
        input::check_layers(self.maps.len())?;
        for map in &self.maps {
            let layer = map.layer;
            check_len(|| format!("points of layer {layer}"), map.points.len(), self.tokens.len())?;
            for (token, value) in map.points.iter().enumerate().flat_map(|(t, p)| p.map(|v| (t, v)))
            {
                check_value(|| format!("the point of layer {layer}, token {token}"), value)?;
            }
        }
        if let MapColour::Category { names, of } = &self.colour {
            check_len(|| "categories of tokens".to_owned(), of.len(), self.tokens.len())?;
            for (token, category) in of.iter().enumerate() {
                if let Some(category) = category.filter(|&c| c >= names.len()) {
                    return Err(PlotError::OutOfRange {
                        what: format!("the category of token {token}"),
                        value: category as f64,
                        low: 0.0,
                        high: names.len() as f64 - 1.0,
                    });
                }
            }
        }
        Ok(())
    }

    fn panel(&self, page: &mut Page, map: &Map, rect: Rect) -> usize {
        let mut above = rect.y0 - 4.0;
        if !map.note.is_empty() {
            let note = page.label(&map.note, SMALL, rect.width());
            page.canvas.text((rect.x0, above), &note, Look::new(SMALL, SOFT));
            above -= 1.35 * SMALL;
        }
        page.canvas.text((rect.x0, above), &input::layer_name(map.layer), Look::new(BODY, INK));
        page.canvas.frame(rect, 0.6, colour::RULE);
        let plane = Plane::around(map.points.iter().copied(), rect);
        let ends: Vec<(f64, f64)> = map.points.iter().map(|&p| plane.at(p)).collect();
        let radius = if self.tokens.len() > 60 { 1.8 } else { 2.4 };
        let sentences = input::sentences(&self.tokens);
        let inks = self.inks(&sentences);
        for ((token, &at), &ink) in self.tokens.iter().zip(&ends).zip(&inks) {
            let rank = sentences.iter().position(|s| *s == token.sentence).unwrap_or(0);
            let (fill, edge) = if token.special { (PAPER, MUTED) } else { (ink, ink) };
            layout::marker(&mut page.canvas, rank, at, radius, fill, edge);
        }
        let ground = Ground { bounds: rect, marker: radius, soft: &[] };
        let many = sentences.len() > 1;
        draw_labels(page, &self.tokens, &ends, SMALL, &ground, |_, token| {
            let rank = sentences.iter().position(|s| *s == token.sentence).unwrap_or(0);
            match token.special {
                true => colour::for_text(MUTED),
                false if many => colour::for_text(colour::category(rank)),
                false => INK,
            }
        })
    }

    /// `[tokens]`: the colours of the markers.
    fn inks(&self, sentences: &[usize]) -> Vec<Rgb> {
        match &self.colour {
            MapColour::Position => {
                let scale = self.positions();
                self.places().into_iter().map(|place| scale.colour(place as f64)).collect()
            }
            MapColour::Sentence => {
                let rank = |t: &Token| sentences.iter().position(|s| *s == t.sentence).unwrap_or(0);
                self.tokens.iter().map(|t| colour::category(rank(t))).collect()
            }
            MapColour::Category { of, .. } => {
                of.iter().map(|c| c.map_or(colour::RULE, colour::category)).collect()
            }
        }
    }

    /// `[tokens]`: 1 for the first token of a sentence.
    fn places(&self) -> Vec<usize> {
        let mut place = 0;
        let mut before = None;
        let mut places = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            place = if before == Some(token.sentence) { place + 1 } else { 1 };
            before = Some(token.sentence);
            places.push(place);
        }
        places
    }

    fn positions(&self) -> Scale {
        Scale::Depth { low: 1.0, high: self.places().into_iter().max().unwrap_or(1) as f64 }
    }

    fn category_legend(&self, page: &mut Page) {
        let MapColour::Category { names, of } = &self.colour else {
            return;
        };
        let mut entries = Vec::new();
        for (index, name) in names.iter().enumerate().filter(|(i, _)| of.contains(&Some(*i))) {
            let ink = colour::category(index);
            entries.push((0, ink, ink, page.label(name, SMALL, 120.0)));
        }
        if of.contains(&None) {
            entries.push((0, colour::RULE, colour::RULE, "none".to_owned()));
        }
        layout::entries_row(page, &entries);
    }
}
