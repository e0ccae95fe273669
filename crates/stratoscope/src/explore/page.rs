//! The page of an exploration: its data and its charts.

mod data;
mod labels;

use super::{Exploration, Options};
use crate::{Analysis, Part, Result};
use serde_json::json;
use stratoscope_chart::Chart;
use stratoscope_extractor::{Activations, Row};
use stratoscope_geometry::{Edit, align_words, choose_rows};
use stratoscope_report::Report;

/// The largest number of tokens on a page; of more tokens, the page shows a seeded sample.
const MAX_TOKENS: usize = 5_000;

/// The page of one exploration, or of two explorations (two texts or two models) side by side.
///
/// # Errors
/// An entry of the states that is not finite.
pub fn report_of(explorations: &[&Exploration]) -> Result<Report> {
    let ends: Vec<String> = (0..explorations.len())
        .map(|index| if index == 0 { String::new() } else { format!("-{}", index + 1) })
        .collect();
    let sides: Vec<(&Exploration, &str)> =
        explorations.iter().copied().zip(ends.iter().map(String::as_str)).collect();
    page_of(&sides)
}

/// The page of explorations; each exploration has a suffix for the ids of its charts.
pub(super) fn page_of(sides: &[(&Exploration, &str)]) -> Result<Report> {
    let title = sides.first().map_or_else(String::new, |(first, _)| first.title());
    let mut report = Report::new("explore", crate::analysis::TOOL, &title);
    report.manifest = match sides {
        [(one, _)] => made_with(one),
        several => several.iter().map(|(exploration, _)| made_with(exploration)).collect(),
    };
    let mut kept = Vec::new();
    for (index, (exploration, end)) in sides.iter().enumerate() {
        let rows = rows_of_page(&exploration.states, &exploration.options);
        let mut data = match exploration.is_sampled() {
            false => exploration.data()?.clone(),
            true => exploration.data_of(&rows)?,
        };
        // On the page, charts show these numbers.
        (data.profile, data.cka_tokens, data.neighbour_change) = (None, None, None);
        for layer in &mut data.layers {
            (layer.cka, layer.heads) = (None, None);
            (layer.steps, layer.neighbour_change, layer.experts) = (None, None, None);
        }
        // The panel of attention shows the patterns, by token and head.
        let has_patterns = data.attention.is_some();
        report.explorations.push(data);
        let charts = exploration.charts().iter().map(|described| &described.chart);
        let charts = charts.filter(|chart| !(has_patterns && chart.id == "patterns"));
        report.charts.extend(charts.map(|chart| Chart {
            id: format!("{}{end}", chart.id),
            exploration: Some(index),
            ..chart.clone()
        }));
        kept.push(rows);
    }
    if let ([(first, _), (second, _)], [of_first, of_second]) = (sides, &kept[..]) {
        report.aligned = aligned(first, second, of_first, of_second)?;
    }
    Ok(report)
}

/// The model, the settings and the texts of an exploration.
fn made_with(exploration: &Exploration) -> serde_json::Value {
    json!({
        "model": exploration.states.origin,
        "settings": exploration.options.of_measures(),
        "texts": exploration.texts(),
    })
}

/// The rows of the states that are on the page: all rows, or a seeded sample.
pub(super) fn rows_of_page(states: &Activations, options: &Options) -> Vec<usize> {
    choose_rows(states.rows.len(), MAX_TOKENS, options.seed)
}

/// The words of a text in lower case; each has the index of its first token in `rows`.
fn words(e: &Exploration, rows: &[usize], text: usize) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String, Option<u32>)> = Vec::new();
    for (place, &row) in rows.iter().enumerate() {
        let row = &e.states.rows[row];
        if row.sequence != text || row.special {
            continue;
        }
        let label = row.label.strip_prefix("##").unwrap_or(&row.label);
        match words.last_mut() {
            Some((_, word, id)) if row.word_id.is_some() && *id == row.word_id => {
                word.push_str(label);
            }
            _ => words.push((place, label.to_lowercase(), row.word_id)),
        }
    }
    words.into_iter().map(|(place, word, _)| (place, word)).collect()
}

/// Texts with more words are not aligned: the time grows with the square of the number of words.
const MAX_ALIGNED: usize = 2_000;

/// The pairs of corresponding words of two texts, by the smallest number of edits.
fn pairs(a: &[(usize, String)], b: &[(usize, String)]) -> Result<Vec<[usize; 2]>> {
    if a.len().max(b.len()) > MAX_ALIGNED {
        return Ok(Vec::new());
    }
    let forms = |words: &[(usize, String)]| -> Vec<String> {
        words.iter().map(|(_, word)| word.clone()).collect()
    };
    let edits = align_words(&forms(a), &forms(b))?;
    let both = edits.into_iter().filter_map(|edit| match edit {
        Edit::Equal(i, j) | Edit::Substituted(i, j) => Some([a[i].0, b[j].0]),
        _ => None,
    });
    Ok(both.collect())
}

/// The pairs of first tokens of corresponding words in two explorations. The first text of one
/// exploration is aligned with the first text of the other exploration, and so on.
fn aligned(
    first: &Exploration,
    second: &Exploration,
    of_first: &[usize],
    of_second: &[usize],
) -> Result<Vec<[usize; 2]>> {
    let texts = first.states.texts.len().min(second.states.texts.len());
    let of_text = |text| pairs(&words(first, of_first, text), &words(second, of_second, text));
    Ok((0..texts).map(of_text).collect::<Result<Vec<_>>>()?.concat())
}

/// Adds the two texts of an exploration to a page, side by side. Their maps have the same basis.
pub(crate) fn beside(report: &mut Report, exploration: &Exploration) -> Result<()> {
    let states = &exploration.states;
    let mut words_of = Vec::new();
    for (text, letters) in exploration.texts().into_iter().enumerate() {
        let of_text = |(index, row): (usize, &Row)| (row.sequence == text).then_some(index);
        let all: Vec<usize> = states.rows.iter().enumerate().filter_map(of_text).collect();
        let chosen = choose_rows(all.len(), MAX_TOKENS / 2, exploration.options.seed);
        let rows: Vec<usize> = chosen.into_iter().map(|place| all[place]).collect();
        let mut data = exploration.data_of(&rows)?;
        data.texts = vec![letters];
        data.sampled = (rows.len() < all.len()).then_some(stratoscope_report::Sampled {
            of: all.len(),
            seed: exploration.options.seed,
        });
        data.tokens.iter_mut().for_each(|token| token.sentence = 0);
        for layer in &mut data.layers {
            (layer.cka, layer.steps, layer.neighbour_change) = (None, None, None);
            (layer.to_layer_0, layer.to_sentence) = (None, None);
        }
        // These numbers are about both texts together, and the story is about the model alone.
        (data.cka_tokens, data.neighbour_change, data.profile) = (None, None, None);
        data.story = None;
        let of_both = [Part::Story, Part::Profile, Part::NeighbourChange, Part::Cka];
        let of_both = of_both.map(|part| part.to_string());
        data.omitted.retain(|omitted| !of_both.contains(&omitted.what));
        words_of.push(words(exploration, &rows, text));
        report.explorations.push(data);
    }
    if let [first, second] = &words_of[..] {
        report.aligned = pairs(first, second)?;
        report.one_basis = true;
    }
    Ok(())
}

impl Exploration {
    /// The data of all tokens, computed once.
    ///
    /// # Errors
    /// An entry of the states that is not finite.
    pub fn data(&self) -> Result<&stratoscope_report::Exploration> {
        if let Some(data) = self.data.get() {
            return Ok(data);
        }
        let data = self.data_of(&(0..self.states.rows.len()).collect::<Vec<_>>())?;
        Ok(self.data.get_or_init(|| data))
    }

    /// Whether the page has only a sample of the tokens.
    pub(super) fn is_sampled(&self) -> bool {
        self.states.rows.len() > MAX_TOKENS
    }
}
