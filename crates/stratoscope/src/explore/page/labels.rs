//! The labels of tokens, from the annotation of their words.

use crate::probe::Column;
use crate::{Omitted, Part, Why};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use stratoscope_extractor::{Activations, AnnotatedWord};
use stratoscope_report::Label;

/// A label with more values is not a class of words, but a text about each word.
const MAX_VALUES: usize = 100;

/// The largest number of labels × tokens; it keeps pages small.
const MAX_CELLS: usize = 100_000;

/// The labels of some rows, in the order of the columns. A row that is part of several words, such as
/// the token of a contraction, has their different values with `+` between them.
pub(super) fn labels(
    states: &Activations,
    rows: &[usize],
    omitted: &mut Vec<Omitted>,
) -> Vec<Label> {
    let words = states.annotated_words();
    // By the rank of the column, and the name.
    let mut found: BTreeMap<(usize, String), Vec<Option<String>>> = BTreeMap::new();
    for (place, &row) in rows.iter().enumerate() {
        let annotation = &states.texts[states.rows[row].sequence].annotation;
        for word in words[row].iter().filter_map(|&word| annotation.get(word)) {
            for (rank, column) in columns(word) {
                let Some(value) = column.of(word) else { continue };
                let values = found
                    .entry((rank, column.to_string()))
                    .or_insert_with(|| vec![None; rows.len()]);
                match &mut values[place] {
                    Some(known) if known.split('+').any(|one| one == value) => {}
                    Some(known) => *known += &format!("+{value}"),
                    none => *none = Some(value.to_owned()),
                }
            }
        }
    }
    let room = MAX_CELLS / rows.len().max(1);
    let kinds = found.len();
    let mut labels = Vec::new();
    for ((_, name), of_rows) in found {
        let label = label(name, &of_rows);
        let (values, name) = (label.values.len(), || Part::Label(label.name.clone()));
        if values > MAX_VALUES {
            let hint = "a label has 100 at most";
            let why = Why::TooMany { what: "values", found: values, hint };
            omitted.push(Omitted::new(name(), why));
        } else if labels.len() == room {
            let hint = "choose fewer texts";
            let why = Why::TooMany { what: "labels", found: kinds, hint };
            omitted.push(Omitted::new(name(), why));
        } else {
            labels.push(label);
        }
    }
    labels
}

/// The columns of a word that are labels, each with its rank. Forms and lemmas are not labels, and
/// neither is the white space around a word (`SpaceAfter` and others).
fn columns(word: &AnnotatedWord) -> impl Iterator<Item = (usize, Column)> {
    let features = word.features().map(|(key, _)| (3, Column::Feature(key.to_owned())));
    let misc = word.misc_values().filter(|(key, _)| !key.starts_with("Space"));
    let misc = misc.map(|(key, _)| (4, Column::Misc(key.to_owned())));
    let fixed = [(0, Column::Upos), (1, Column::Relation), (2, Column::Xpos)];
    fixed.into_iter().chain(features).chain(misc)
}

/// A label from the values of all rows; the most frequent value is the first.
fn label(name: String, of_rows: &[Option<String>]) -> Label {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in of_rows.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let mut values: Vec<(&str, usize)> = counts.into_iter().collect();
    // A stable sort: equally frequent values are in the order of the alphabet.
    values.sort_by_key(|&(_, count)| Reverse(count));
    let places: BTreeMap<&str, usize> =
        values.iter().enumerate().map(|(place, &(value, _))| (value, place)).collect();
    let of_tokens = of_rows.iter().map(|value| places.get(value.as_deref()?).copied()).collect();
    let values = values.iter().map(|&(value, _)| value.to_owned()).collect();
    Label { name, values, of_tokens }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use stratoscope_extractor::{Row, Text, Unit, parse_annotated};

    /// Token states of an annotated sentence, whose tokens are at these places.
    fn states(file: &str, places: &[[usize; 2]]) -> Activations {
        let [sentence] = &parse_annotated(file.as_bytes(), "f").unwrap()[..] else { panic!() };
        let row = |&char_offsets: &[usize; 2]| Row {
            sequence: 0,
            label: String::new(),
            token_id: None,
            char_offsets,
            text_id: 0,
            word_id: None,
            special: char_offsets == [0, 0],
            unknown: false,
        };
        let annotation = sentence.words.clone();
        Activations {
            origin: crate::bank::tests::planted(&["water"], &[vec![[0.0; 3]]]).origin,
            unit: Unit::Token,
            layers: vec![0],
            texts: vec![Text { annotation, ..sentence.text.clone() }],
            media: Vec::new(),
            rows: places.iter().map(row).collect(),
            hidden_states: Array3::zeros((1, places.len(), 1)),
            hooks: Vec::new(),
        }
    }

    #[test]
    fn tokens_have_the_labels_of_their_words() {
        let file = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=Yes|Of=Both\n\
                    1\tde\t_\tADP\t_\t_\t3\tcase\t_\t_\n\
                    2\tle\t_\tDET\t_\tGender=Masc|Number=Sing\t3\tdet\t_\t_\n\
                    2.1\tx\t_\tVERB\t_\tMood=Ind\t_\t_\t_\tNote=no\n\
                    3\tport\t_\tNOUN\tNN\tNumber=Sing\t0\troot\t_\tSpaceAfter=No|Note=x|Bare\n\
                    4\t.\t_\tPUNCT\t_\t_\t3\tpunct\t_\t_\n";
        // [CLS], du, po, ##rt, full stop.
        let states = states(file, &[[0, 0], [0, 2], [3, 5], [5, 7], [7, 8]]);
        let mut omitted = Vec::new();
        let found = labels(&states, &[0, 1, 2, 3, 4], &mut omitted);
        let told: Vec<String> = found
            .iter()
            .map(|label| {
                let value = |at: &Option<usize>| at.map_or("-", |at| &label.values[at]);
                let values: Vec<&str> = label.of_tokens.iter().map(value).collect();
                format!("{}: {}", label.name, values.join(" "))
            })
            .collect();
        let expected = [
            "upos: - ADP+DET NOUN NOUN PUNCT",
            "deprel: - case+det root root punct",
            "xpos: - - NN NN -",
            "feats.Gender: - Masc - - -",
            "feats.Number: - Sing Sing Sing -",
            "misc.Note: - - x x -",
        ];
        assert_eq!(told, expected);
        // The most frequent value comes first, and equal ones in the order of the alphabet.
        assert_eq!(found[0].values, ["NOUN", "ADP+DET", "PUNCT"]);
        assert!(omitted.is_empty());
        assert_eq!(labels(&states, &[2], &mut omitted)[0].of_tokens, [Some(0)]);
    }

    #[test]
    fn a_text_about_each_word_is_no_label() {
        let line = |i: usize| format!("{i}\ta\t_\tX\t_\t_\t_\t_\t_\tGloss=g{i}\n");
        let file: String = (1..=101).map(line).collect();
        let places: Vec<[usize; 2]> = (0..101).map(|i| [2 * i, 2 * i + 1]).collect();
        let states = states(&file, &places);
        let mut omitted = Vec::new();
        let all: Vec<usize> = (0..101).collect();
        assert_eq!(labels(&states, &all, &mut omitted).len(), 1);
        let said: Vec<String> = omitted.iter().map(ToString::to_string).collect();
        let reason = "101 values are too many; a label has 100 at most";
        assert_eq!(said, [format!("label misc.Gloss ({reason})")]);
        assert_eq!(labels(&states, &all[..100], &mut omitted).len(), 2);
    }
}
