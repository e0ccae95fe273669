//! Words that change their company: for every step between layers, how many neighbours words keep,
//! and which words keep the fewest.

use crate::canvas::Look;
use crate::colour::{self, INK, RULE, SOFT};
use crate::error::PlotError;
use crate::figure::Figure;
use crate::fonts;
use crate::input::{self, check_count};
use crate::labels::Rect;
use crate::layout::{self, BODY, COLUMN, MARGIN, Page, SMALL};

const HEIGHT: f64 = 58.0;
/// Where the words begin, right of the histogram.
const WORDS: f64 = 150.0;
const LINE: f64 = 9.6;
const MOST_STEPS: usize = 1_000;
const SHOWN_STEPS: usize = 12;
const SHOWN_WORDS: usize = 6;
/// Neighbours that can be counted apart.
const MOST_KEPT: usize = 40;

/// Steps from layer to layer.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Above the figure.
    pub title: String,
    /// Below the figure; any length.
    pub caption: String,
    /// The steps, by depth. Of more than 12 as many are drawn, evenly spaced.
    pub steps: Vec<MovedStep>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct MovedStep {
    /// Which, e.g. `layer 0 to 1`.
    pub title: String,
    /// Words by how many neighbours they kept: none, one, …
    pub kept: Vec<usize>,
    /// The words that kept the fewest, the first six of which are drawn: how many they kept, the
    /// word, and what stands before and after it.
    pub words: Vec<(usize, String, [String; 2])>,
}

impl Moved {
    /// Draws the figure.
    ///
    /// # Errors
    /// No steps; a step without words.
    pub fn draw(&self) -> Result<Figure, PlotError> {
        check_count("steps", self.steps.len(), MOST_STEPS)?;
        for step in &self.steps {
            check_count("kept neighbours", step.kept.len(), MOST_KEPT)?;
            if step.kept.iter().all(|&count| count == 0) {
                return Err(PlotError::Empty { what: "words in a step" });
            }
        }
        let mut page = Page::new(&self.title, COLUMN);
        let shown = input::evenly(self.steps.len(), SHOWN_STEPS);
        // One vertical scale, so that steps compare.
        let share = |step: &MovedStep, kept: usize| {
            let all: usize = step.kept.iter().sum();
            step.kept.get(kept).map_or(0.0, |&count| count as f64 / all.max(1) as f64)
        };
        let shares = |step: &MovedStep| {
            (0..step.kept.len()).map(|kept| share(step, kept)).fold(0.0, f64::max)
        };
        let highest = self.steps.iter().map(shares).fold(0.05, f64::max);
        for step in shown.iter().filter_map(|&i| self.steps.get(i)) {
            step.draw(&mut page, highest, |kept| share(step, kept));
        }
        if shown.len() < self.steps.len() {
            let (n, of) = (shown.len(), self.steps.len());
            page.note(&format!("{n} of {of} steps shown, evenly spaced."));
        }
        page.note(
            "Left: share of words by how many nearest neighbours they keep. Right: of those that \
             keep the fewest, the number kept, and the word within its text.",
        );
        let titles: Vec<&str> = self.steps.iter().map(|step| step.title.as_str()).collect();
        page.finish(&self.caption, &format!("Words that move most, {}.", titles.join(", ")))
    }
}

impl MovedStep {
    fn draw(&self, page: &mut Page, highest: f64, share: impl Fn(usize) -> f64) {
        let top = page.y;
        let title = page.label(&self.title, BODY, COLUMN - 2.0 * MARGIN);
        page.canvas.text((MARGIN, top + BODY), &title, Look::new(BODY, INK));
        let rect = Rect::new(MARGIN + 30.0, top + 15.0, WORDS - MARGIN - 48.0, HEIGHT);
        for (value, tick) in layout::ticks(0.0, highest, 3) {
            let y = rect.y1 - value / highest * rect.height();
            page.canvas.line(&[(rect.x0, y), (rect.x1, y)], 0.5, RULE);
            let look = Look::new(SMALL, SOFT).end();
            page.canvas.text((rect.x0 - 3.0, y + 0.36 * SMALL), &tick, look);
        }
        let wide = rect.width() / self.kept.len() as f64;
        let mut free = f64::NEG_INFINITY;
        for kept in 0..self.kept.len() {
            let (x, height) = (rect.x0 + kept as f64 * wide, share(kept) / highest * rect.height());
            let bar = Rect::new(x + 0.1 * wide, rect.y1 - height, 0.8 * wide, height);
            if height > 0.0 {
                page.canvas.rect(bar, colour::category(0));
            }
            let (label, middle) = (kept.to_string(), x + wide / 2.0);
            let half = fonts::width(&label, SMALL) / 2.0;
            if middle - half > free {
                let look = Look::new(SMALL, SOFT).middle();
                page.canvas.text((middle, rect.y1 + 3.0 + SMALL), &label, look);
                free = middle + half + 0.5;
            }
        }
        page.canvas.frame(rect, 0.6, SOFT);
        let shown = self.words.len().min(SHOWN_WORDS);
        for (line, (kept, word, [before, after])) in self.words.iter().take(shown).enumerate() {
            let y = top + 15.0 + SMALL + line as f64 * LINE;
            page.canvas.text((WORDS + 12.0, y), &kept.to_string(), Look::new(SMALL, SOFT).end());
            let middle = WORDS + 140.0;
            let before = beside(page, before.trim_end(), middle - WORDS - 20.0, true);
            if !before.is_empty() {
                page.canvas.text((middle, y), &before, Look::new(SMALL, SOFT).end());
            }
            let word = page.label(word, SMALL, 90.0);
            let ink = colour::for_text(colour::category(1));
            page.canvas.text((middle + 3.0, y), &word, Look::new(SMALL, ink));
            let from = middle + 6.0 + fonts::width(&word, SMALL);
            let after = beside(page, after.trim_start(), COLUMN - MARGIN - from, false);
            if !after.is_empty() {
                page.canvas.text((from, y), &after, Look::new(SMALL, SOFT));
            }
        }
        page.y = rect.y1 + 22.0;
    }
}

/// The end of a text, or its beginning, that is at most `limit` wide: whole words, where it was
/// cut.
fn beside(page: &mut Page, text: &str, limit: f64, end: bool) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fits = |shown: &str| fonts::width(shown, SMALL) <= limit - 2.0;
    let spaces = text.match_indices(' ').map(|(i, _)| i);
    let shown = if fits(text) {
        Some(text.to_owned())
    } else if end {
        spaces.map(|i| format!("…{}", &text[i + 1..])).find(|shown| fits(shown))
    } else {
        spaces.rev().map(|i| format!("{}…", &text[..i])).find(|shown| fits(shown))
    };
    // What has no space to cut at is shortened in its middle.
    page.label(&shown.unwrap_or_else(|| text.to_owned()), SMALL, limit)
}
