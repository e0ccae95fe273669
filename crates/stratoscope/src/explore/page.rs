//! The report of an exploration: its data as the schema has them, and the charts beside the map.

mod attention;
pub mod charts;
mod data;
mod others;

use crate::{Exploration, Manifest, Result, Unit};
use serde_json::json;
use stratoscope_extractor::Row;
use stratoscope_geometry::{Edit, align_words, choose_rows};
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
        data.profile = None;
        for layer in &mut data.layers {
            layer.cka = None;
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

/// Lays the two texts of an exploration beside each other in a report: their maps are of one basis.
pub(crate) fn beside(
    report: &mut Report,
    exploration: &Exploration,
    manifest: &Manifest,
) -> Result<()> {
    let states = &exploration.states;
    let mut words_of = Vec::new();
    for (text, manifest_text) in manifest.texts.iter().enumerate() {
        let of_text = |(index, row): (usize, &Row)| (row.sequence == text).then_some(index);
        let all: Vec<usize> = states.rows.iter().enumerate().filter_map(of_text).collect();
        let chosen = choose_rows(all.len(), MOST_TOKENS / 2, exploration.settings.seed);
        let rows: Vec<usize> = chosen.into_iter().map(|place| all[place]).collect();
        let mut data = exploration.data_of(manifest, &rows)?;
        data.texts = vec![manifest_text.clone()];
        data.sampled = (rows.len() < all.len()).then_some(stratoscope_report::Sampled {
            of: all.len(),
            seed: exploration.settings.seed,
        });
        data.tokens.iter_mut().for_each(|token| token.sentence = 0);
        for layer in &mut data.layers {
            (layer.cka, layer.to_layer_0, layer.to_sentence) = (None, None, None);
        }
        // What both have in common, and what no panel beside each other shows.
        (data.cka_tokens, data.moves) = (None, None);
        data.left_out.retain(|left| !["profile", "moves", "layers"].contains(&&*left.name));
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
        choose_rows(n, MOST_TOKENS, self.settings.seed)
    }

    fn unit_name(&self) -> &'static str {
        match self.states.unit {
            Unit::Token => "token",
            Unit::Word => "word",
            Unit::Sentence => "sentence",
        }
    }
}
