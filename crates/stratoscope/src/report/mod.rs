//! The report of an exploration: its data as the schema has them, and the charts beside the map.

mod attention;
pub mod charts;
mod data;
mod others;

use crate::{Exploration, Manifest, Result, Unit};
use serde_json::json;
use stratoscope_geometry::{Edit, align_words};
use stratoscope_report::Report;

/// Tokens on one page; of more, a seeded sample of so many is.
const MOST_TOKENS: usize = 5_000;

/// The report of one exploration, or of two beside each other: two texts, or two models.
///
/// # Errors
/// Measuring likenesses and neighbours fails: an entry that is not finite.
pub fn report_of(explorations: &[(&Exploration, &Manifest)]) -> Result<Report> {
    let tool = explorations.first().map_or("", |(_, manifest)| &manifest.tool);
    let title = explorations.first().map_or_else(String::new, |(e, _)| title(e));
    let mut report = Report::new("explore", tool, &title);
    report.manifest = match explorations {
        [(e, manifest)] => made_with(e, manifest),
        both => both.iter().map(|(e, manifest)| made_with(e, manifest)).collect(),
    };
    let mut kept = Vec::new();
    for (index, (exploration, manifest)) in explorations.iter().enumerate() {
        let rows = exploration.rows_of_page();
        let mut data = exploration.data_of(manifest, &rows)?;
        // On the page these are charts.
        let charts = exploration.charts(&data, &rows, index);
        (data.profile, data.plane) = (None, None);
        for layer in &mut data.layers {
            (layer.plane, layer.cka) = (None, None);
        }
        report.explorations.push(data);
        report.charts.extend(charts);
        kept.push(rows);
    }
    if let ([(first, _), (second, _)], [of_first, of_second]) = (explorations, &kept[..]) {
        report.aligned = aligned(first, second, of_first, of_second)?;
    }
    Ok(report)
}

/// What determines every number: as `manifest.json` has it, without the command line, the threads
/// and the files, which change none that the weights do not.
fn made_with(exploration: &Exploration, manifest: &Manifest) -> serde_json::Value {
    json!({
        "model": manifest.model,
        "revision": manifest.revision,
        "family": manifest.family,
        "weights_sha256": exploration.states.origin.weights,
        "dtype": manifest.dtype,
        "device": manifest.device,
        "unit": exploration.states.unit,
        "settings": manifest.settings,
        "texts": manifest.texts,
    })
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

/// Which tokens of two explorations stand for the same word: words are aligned by their letters,
/// and the first tokens of aligned words are paired. Of several texts, those at the same place are.
fn aligned(
    first: &Exploration,
    second: &Exploration,
    of_first: &[usize],
    of_second: &[usize],
) -> Result<Vec<[usize; 2]>> {
    /// Texts longer than this are not aligned: it takes the square of their words.
    const LONGEST: usize = 2_000;
    let words = |e: &Exploration, rows: &[usize], text: usize| -> Vec<(usize, String)> {
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
    };
    let texts = first.states.texts.len().min(second.states.texts.len());
    let mut pairs = Vec::new();
    for text in 0..texts {
        let (a, b) = (words(first, of_first, text), words(second, of_second, text));
        if a.len().max(b.len()) > LONGEST {
            continue;
        }
        let forms = |words: &[(usize, String)]| -> Vec<String> {
            words.iter().map(|(_, word)| word.clone()).collect()
        };
        for edit in align_words(&forms(&a), &forms(&b))? {
            if let Edit::Equal(i, j) | Edit::Substituted(i, j) = edit {
                pairs.push([a[i].0, b[j].0]);
            }
        }
    }
    Ok(pairs)
}

impl Exploration {
    /// The exploration as the schema has it, all tokens of it: what `explore --json` prints.
    /// Similarities are left out where they would be more than the page holds.
    ///
    /// # Errors
    /// Measuring likenesses and neighbours fails: an entry that is not finite.
    pub fn data(&self, manifest: &Manifest) -> Result<stratoscope_report::Exploration> {
        let mut data = self.data_of(manifest, &(0..self.states.rows.len()).collect::<Vec<_>>())?;
        data.options = manifest.options.clone();
        Ok(data)
    }

    /// The rows that are on the page.
    fn rows_of_page(&self) -> Vec<usize> {
        let n = self.states.rows.len();
        stratoscope_geometry::choose_rows(n, MOST_TOKENS, self.settings.seed)
    }

    fn unit_name(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => "token",
            Unit::Word => "word",
            Unit::Sentence => "sentence",
        }
    }
}
