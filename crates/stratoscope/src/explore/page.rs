//! The page of an exploration: its data, and the charts beside the map.

mod attention;
mod charts;
mod data;

use super::{Exploration, Options};
use crate::{Analysis, Result};
use serde_json::json;
use stratoscope_extractor::{Activations, Row, Unit};
use stratoscope_geometry::{Edit, align_words, choose_rows};
use stratoscope_report::Report;

/// Tokens on one page; of more, a seeded sample of so many is.
const MAX_TOKENS: usize = 5_000;

/// The page of one exploration, or of two beside each other: two texts, or two models.
///
/// # Errors
/// An entry of the states that is not finite.
pub fn report_of(explorations: &[&Exploration]) -> Result<Report> {
    let title = explorations.first().map_or_else(String::new, |e| title(e));
    let mut report = Report::new("explore", crate::analysis::TOOL, &title);
    report.manifest = match explorations {
        [one] => made_with(one),
        several => several.iter().map(|e| made_with(e)).collect(),
    };
    let mut kept = Vec::new();
    for (index, exploration) in explorations.iter().enumerate() {
        let rows = rows_of_page(&exploration.states, &exploration.options);
        let mut data = match rows.len() == exploration.states.rows.len() {
            true => exploration.data()?.clone(),
            false => exploration.data_of(&rows)?,
        };
        // On the page these are charts.
        let charts = exploration.charts(&data, &rows, index);
        data.profile = None;
        for layer in &mut data.layers {
            layer.cka = None;
        }
        report.explorations.push(data);
        report.charts.extend(charts);
        kept.push(rows);
    }
    if let ([first, second], [of_first, of_second]) = (explorations, &kept[..]) {
        report.aligned = aligned(first, second, of_first, of_second)?;
    }
    Ok(report)
}

/// What determines every number.
fn made_with(exploration: &Exploration) -> serde_json::Value {
    json!({
        "model": exploration.states.origin,
        "settings": exploration.provenance().settings,
        "texts": exploration.texts(),
    })
}

/// The rows of the states that are on the page: all, or a seeded sample.
pub(super) fn rows_of_page(states: &Activations, options: &Options) -> Vec<usize> {
    choose_rows(states.rows.len(), MAX_TOKENS, options.seed)
}

/// The first text, as far as a title holds it.
fn title(exploration: &Exploration) -> String {
    const LONGEST: usize = 90;
    let states = &exploration.states;
    let Some(first) = states.texts.first() else {
        return states.origin.model.clone();
    };
    let mut title: String = first.text.chars().take(LONGEST).collect();
    if first.text.chars().nth(LONGEST).is_some() {
        title.push('…');
    }
    match states.texts.len() {
        1 => title,
        n => format!("{title} and {} more", n - 1),
    }
}

/// The words of a text by their letters, lower-cased, each with the place of its first token among
/// `rows`.
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

/// Pairs of words of two texts that stand for each other, by the fewest edits.
fn pairs(a: &[(usize, String)], b: &[(usize, String)]) -> Result<Vec<[usize; 2]>> {
    /// Texts longer than this are not aligned: it takes the square of their words.
    const LONGEST: usize = 2_000;
    if a.len().max(b.len()) > LONGEST {
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

/// Which tokens of two explorations stand for the same word: words are aligned by their letters,
/// and the first tokens of aligned words are paired. Of several texts, those at the same place are.
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

/// Adds the two texts of an exploration to a page, beside each other: their maps have one basis.
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
            (layer.cka, layer.to_layer_0, layer.to_sentence) = (None, None, None);
        }
        // These numbers are of both texts together.
        (data.cka_tokens, data.moves) = (None, None);
        data.left_out.retain(|left| !["profile", "neighbour_change", "cka"].contains(&&*left.name));
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
    /// The data of the page for all tokens, made once.
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

    fn unit_name(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => "token",
            Unit::Word => "word",
            Unit::Sentence => "sentence",
        }
    }
}
