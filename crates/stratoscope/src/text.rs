//! Numbers, names and lists as text for summaries and captions.

use std::collections::{BTreeSet, HashMap};
use stratoscope_extractor::{Origin, Row};
use stratoscope_geometry::Estimate;
use stratoscope_numerics::largest;

/// The width of the terminal text.
pub(crate) const WIDTH: usize = 96;

/// The digits of a commit in the name of a revision.
const COMMIT: usize = 7;

/// A number with two decimals and without the leading 0, as in papers: `.25`.
pub(crate) fn short(value: f64) -> String {
    with_decimals(value, 2)
}

/// A number with three decimals and without the leading 0: `.254`.
pub(crate) fn fine(value: f64) -> String {
    with_decimals(value, 3)
}

fn with_decimals(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix("-0").or(text.strip_prefix('0')) {
        Some(rest) if text.starts_with('-') && !rest.trim_matches(['.', '0']).is_empty() => {
            format!("−{rest}")
        }
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// An estimate with its interval, if it has one; `write` formats each number.
pub(crate) fn with_interval(found: Estimate, write: impl Fn(f64) -> String) -> String {
    let value = write(found.value);
    match found.interval {
        Some([low, high]) => format!("{value} [{}, {}]", write(low), write(high)),
        None => value,
    }
}

/// A value as a cell of a row: a bar from `low` to `high`, or a dot for no value.
pub(crate) fn cell(value: Option<f64>, low: f64, high: f64) -> char {
    const CELLS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some(value) = value else { return '·' };
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    CELLS[((share * 8.0) as usize).min(7)]
}

/// The text that a function writes.
pub(crate) fn written(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text);
    text
}

/// Breaks a text at spaces into lines of at most [`WIDTH`] characters.
pub(crate) fn wrapped(text: &str) -> String {
    lines(text, WIDTH).into_iter().map(|line| line + "\n").collect()
}

fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What CKA between two layers means, for captions.
pub(crate) const CKA: &str = "1: two layers have the same geometry up to rotation and scale. About \
    0 (also negative): their geometries are unrelated. The directions of the largest variance \
    dominate CKA, so that layers which differ only in directions of small variance seem similar.";

/// Removes the spaces at the end of the last line, and ends the line.
pub(crate) fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

/// `1 word`, `2 words`.
pub(crate) fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

/// `1st`, `2nd`, `11th`.
pub(crate) fn ordinal(n: usize) -> String {
    let end = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

/// `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The texts in their order, but those without a letter or digit last: a punctuation mark tells a
/// reader little.
pub(crate) fn words_first<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let (mut words, marks): (Vec<&str>, Vec<&str>) =
        texts.into_iter().partition(|text| text.chars().any(char::is_alphanumeric));
    words.extend(marks);
    words
}

/// The place of the first of the largest values; None if all of several values are equal, because then
/// no place differs from the others.
pub(crate) fn highest(values: impl IntoIterator<Item = f64>) -> Option<usize> {
    let values: Vec<f64> = values.into_iter().collect();
    let differ = values.len() == 1 || values.iter().any(|value| *value != values[0]);
    largest(values).filter(|_| differ)
}

/// The blocks of a model, and layer 0: `6 layers and the embeddings`.
pub(crate) fn layers_of(n_layers: usize) -> String {
    format!("{} and the embeddings", counted(n_layers, "layer", "layers"))
}

/// The name of a model in figures and file names: the last part of its path or of its id on the hub.
pub(crate) fn short_name(model: &str) -> &str {
    model.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(model)
}

/// A text as a part of a file name: letters and digits in lower case; all other characters become
/// single dashes.
pub(crate) fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The names of several models in figures: the short names, or the whole names where different models
/// have one short name. Revisions of one model have their commits, and equal names are numbered.
pub(crate) fn model_names<'a>(models: impl Iterator<Item = &'a Origin>) -> Vec<String> {
    let models: Vec<&Origin> = models.collect();
    let whole: BTreeSet<&str> = models.iter().map(|origin| origin.model.as_str()).collect();
    let short: BTreeSet<&str> = whole.iter().map(|model| short_name(model)).collect();
    let name = |origin: &&Origin| {
        let model = &origin.model;
        let name = if short.len() == whole.len() { short_name(model) } else { model };
        let differs = |other: &&Origin| other.model == *model && other.revision != origin.revision;
        match &origin.revision {
            Some(commit) if models.iter().any(differs) => {
                format!("{name}@{}", commit.chars().take(COMMIT).collect::<String>())
            }
            _ => name.to_owned(),
        }
    };
    numbered(models.iter().map(|origin| (0, name(origin))))
}

/// The names of rows in a figure. Repeated words of a text are numbered, and a single punctuation
/// mark is quoted.
pub(crate) fn display_names(rows: &[Row]) -> Vec<String> {
    numbered(rows.iter().map(|row| {
        let name = &row.label;
        let mark = name.len() == 1 && name.chars().all(|c| c.is_ascii_punctuation());
        let name = if mark && !row.special { format!("“{name}”") } else { name.clone() };
        (row.sequence, name)
    }))
}

/// Numbers the repeated names of each text; the input is pairs of text and name.
pub(crate) fn numbered(names: impl Iterator<Item = (usize, String)>) -> Vec<String> {
    let mut seen: HashMap<(usize, String), usize> = HashMap::new();
    names
        .map(|(text, mut name)| {
            let count = seen.entry((text, name.clone())).or_default();
            *count += 1;
            // After right-to-left letters, a number would be displayed before them.
            let leftward = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
            if *count > 1 && !name.chars().any(leftward) {
                name = format!("{name} ({count})");
            }
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_after_words_and_equal_values_have_no_highest() {
        assert_eq!(words_first([".", "bank", "##s", ",", "2"]), ["bank", "##s", "2", ".", ","]);
        assert_eq!((highest([1.0, 3.0, 3.0]), highest([2.0])), (Some(1), Some(0)));
        assert_eq!((highest([1.0, 1.0]), highest([])), (None, None));
        assert_eq!(layers_of(1), "1 layer and the embeddings");
    }

    #[test]
    fn numbers_are_short_and_lines_are_cut_at_spaces() {
        assert_eq!(
            [0.254, 1.0, -0.004, -0.05, 0.0].map(short),
            [".25", "1.00", ".00", "−.05", ".00"]
        );
        assert_eq!([0.2546, -0.004, -0.0004].map(fine), [".255", "−.004", ".000"]);
        let found = Estimate { value: 0.5, interval: Some([0.25, 0.75]), n: 9 };
        assert_eq!(with_interval(found, short), ".50 [.25, .75]");
        assert_eq!(with_interval(Estimate::exact(0.5, 1), short), ".50");
        assert_eq!(lines("a bb ccc", 4), ["a bb", "ccc"]);
    }

    #[test]
    fn names_of_models_are_short_if_they_are_different() {
        let origin = |(model, revision): &(&str, Option<&str>)| -> Origin {
            let json = serde_json::json!({
                "model": model, "revision": revision, "family": "", "n_layers": 1,
            });
            serde_json::from_value(json).unwrap()
        };
        let named = |models: &[(&str, Option<&str>)]| {
            let origins: Vec<Origin> = models.iter().map(origin).collect();
            model_names(origins.iter())
        };
        let of = |models: &[&str]| {
            named(&models.iter().map(|model| (*model, Some("0123456789"))).collect::<Vec<_>>())
        };
        assert_eq!(
            of(&["org/a", "./models/b/", "c (bundled, f16)"]),
            ["a", "b", "c (bundled, f16)"]
        );
        assert_eq!(of(&["org/a", "other/a"]), ["org/a", "other/a"]);
        assert_eq!(of(&["a", "a"]), ["a", "a (2)"]);
        let revisions = [("org/a", Some("0123456789")), ("org/a", Some("fedcba9876"))];
        assert_eq!(named(&revisions), ["a@0123456", "a@fedcba9"]);
        let all = [revisions[0], revisions[1], ("other/a", Some("0")), ("b", None)];
        assert_eq!(named(&all), ["org/a@0123456", "org/a@fedcba9", "other/a", "b"]);
    }
}
