//! The page of a comparison.

use super::sentences::{Aligned, sides};
use super::{Compared, Comparison, EditKind, SentenceComparison};
use crate::analysis;
use crate::explore::{self, Exploration};
use crate::progress::Silent;
use crate::{Figure, Result};
use stratoscope_report::{Overlay, OverlayStep, Report};

impl Comparison {
    /// The verdict and the charts, and for two sentences also the sentences side by side, in one basis.
    pub(super) fn page(&self, figures: &[Figure]) -> Result<Report> {
        let mut page = analysis::page(self, figures);
        page.verdict.clone_from(&self.verdict);
        if let Some((states, artifacts)) = &self.states {
            let options = explore::Options {
                metric: self.settings.metric,
                seed: self.settings.seed,
                ..explore::Options::default()
            };
            let exploration = Exploration::of(states.clone(), &options, artifacts, &Silent)?;
            explore::beside(&mut page, &exploration)?;
            if let Compared::Sentences(of) = &self.result {
                page.overlay = Some(overlay(of, &page)?);
            }
        }
        Ok(page)
    }
}

/// The words of two sentences with their tokens on the page.
fn overlay(of: &SentenceComparison, page: &Report) -> Result<Overlay> {
    let [first, second] = &of.texts;
    let aligned = Aligned::of([first, second], |side| format!("text {}", side + 1))?;
    let token = |side: usize, word: Option<usize>| {
        let place = &aligned.words[side][word?].place;
        page.explorations.get(side)?.tokens.iter().position(|token| {
            let [from, to] = token.char_offsets;
            !token.special && from < place.end && to > place.start
        })
    };
    let steps = of.alignment.iter().zip(&aligned.edits).enumerate().map(|(step, (word, &edit))| {
        let (a, b) = sides(edit);
        let distances = of.layers.iter().map(|layer| Some(layer.words[step]?.distance));
        OverlayStep {
            edit: match word.edit {
                EditKind::Kept => "kept",
                EditKind::Replaced => "replaced",
                EditKind::Deleted => "deleted",
                EditKind::Inserted => "inserted",
            }
            .to_owned(),
            words: [word.first.clone(), word.second.clone()],
            tokens: [token(0, a), token(1, b)],
            content: word.content,
            begins: word.begins,
            parts: word.parts,
            distances: distances.collect(),
        }
    });
    Ok(Overlay {
        steps: steps.collect(),
        same_word: of.layers.iter().map(|layer| layer.same_word.value).collect(),
        random: of.layers.iter().map(|layer| layer.random.value).collect(),
        moved: of.moved.map(|moved| [moved.word, moved.layer]),
    })
}
