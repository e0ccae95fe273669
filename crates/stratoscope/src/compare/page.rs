//! The page of a comparison.

use super::sentences::{Aligned, sides};
use super::{Compared, Comparison, EditKind, SentenceComparison, WordComparison};
use crate::analysis;
use crate::explore::{self, Exploration};
use crate::progress::Silent;
use crate::{Figure, Result};
use std::ops::Range;
use stratoscope_report::{Contexts, Overlay, OverlayDisplaced, OverlayStep, Report};

impl Comparison {
    /// The verdict and the charts, and for two sentences or contexts also both texts side by side, in one
    /// basis.
    pub(super) fn page(&self, figures: &[Figure]) -> Result<Report> {
        let mut page = analysis::page(self, figures);
        page.verdict.clone_from(&self.verdict);
        if let Some((states, artifacts)) = &self.states {
            let options = explore::Options {
                metric: self.settings.metric,
                seed: self.settings.seed,
                ..explore::Options::default()
            };
            let mut exploration = Exploration::of(states.clone(), &options, artifacts, &Silent)?;
            if let Compared::Word(of) = &self.result {
                exploration.journeys.clone_from(&of.journeys);
            }
            explore::beside(&mut page, &exploration)?;
            match &self.result {
                Compared::Sentences(of) => add_overlay(&mut page, of)?,
                Compared::Word(of) => add_contexts(&mut page, of),
                _ => {}
            }
        }
        Ok(page)
    }
}

/// The first token of a place in the text of a side.
fn token_at(page: &Report, side: usize, place: &Range<usize>) -> Option<usize> {
    page.explorations.get(side)?.tokens.iter().position(|token| {
        let [from, to] = token.char_offsets;
        !token.special && from < place.end && to > place.start
    })
}

/// Adds the word in its two contexts; nothing without journeys.
fn add_contexts(page: &mut Report, of: &WordComparison) {
    let ([first, second], Some(_)) = (&of.contexts[..], &of.journeys) else { return };
    let places = [first, second].map(|context| context.place);
    let token = |side: usize| token_at(page, side, &(places[side][0]..places[side][1]));
    let (Some(a), Some(b)) = (token(0), token(1)) else { return };
    // The texts have nothing else in common, and the panels of journeys show the table.
    page.aligned = vec![[a, b]];
    page.charts.retain(|chart| chart.id != "journeys");
    page.contexts = Some(Contexts {
        words: [first, second].map(|context| context.word.clone()),
        tokens: [a, b],
        places,
        parts: of.parts,
        in_common: of.in_common.clone(),
    });
}

/// Adds the words of two sentences with their tokens on the page. Words at other places are aligned with
/// themselves, and not with what stands in their place.
fn add_overlay(page: &mut Report, of: &SentenceComparison) -> Result<()> {
    let [first, second] = &of.texts;
    let aligned = Aligned::of([first, second], |side| format!("text {}", side + 1))?;
    let token =
        |side: usize, word: Option<usize>| token_at(page, side, &aligned.words[side][word?].place);
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
    let steps: Vec<OverlayStep> = steps.collect();
    let displaced = of.displaced.iter().enumerate().map(|(index, word)| OverlayDisplaced {
        word: word.word.clone(),
        steps: word.steps,
        parts: word.parts,
        distances: of.layers.iter().map(|layer| Some(layer.displaced[index]?.distance)).collect(),
    });
    for word in &of.displaced {
        let [a, b] = [steps[word.steps[0]].tokens[0], steps[word.steps[1]].tokens[1]];
        if let (Some(a), Some(b)) = (a, b) {
            page.aligned.retain(|pair| pair[0] != a && pair[1] != b);
            page.aligned.push([a, b]);
        }
    }
    page.aligned.sort_unstable();
    page.overlay = Some(Overlay {
        steps,
        displaced: displaced.collect(),
        folds: of.folds().iter().map(|run| [run.start, run.end]).collect(),
        same_word: of.layers.iter().map(|layer| layer.same_word.value).collect(),
        random: of.layers.iter().map(|layer| layer.random.value).collect(),
        moved: of.moved.map(|moved| [moved.word, moved.layer]),
    });
    Ok(())
}
