//! Word-in-context pairs: whether the two vectors of a word are more similar if the word has the
//! same sense in both sentences.

use super::error::start_of;
use super::reference_distribution::ReferenceDistribution;
use super::word_vectors::{TextPlaces, Vectors};
use super::{CompareError, Compared, Comparison, Options, digest, omitted};
use crate::progress::{Silent, TextWarnings};
use crate::text::counted;
use crate::{Estimate, Explorer, Omitted, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use stratoscope_extractor::parse_lines;
use stratoscope_geometry::{auc_by_group, grouped_mean};
use stratoscope_numerics::largest;

/// The number of pairs that are read at a time, which limits memory.
const AT_ONCE: usize = 512;

/// The required columns.
const REQUIRED: [&str; 7] = ["same", "start1", "end1", "start2", "end2", "sentence1", "sentence2"];

/// The columns of a file without column names.
const DEFAULT: [&str; 11] = [
    "lemma",
    "pos",
    "same",
    "start1",
    "end1",
    "start2",
    "end2",
    "lexfile1",
    "lexfile2",
    "sentence1",
    "sentence2",
];

/// A word in two sentences, and whether it has the same sense in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WicPair {
    /// The line in the file, from 1.
    pub line: usize,
    /// The lemma of the word, if the file has one.
    pub lemma: Option<String>,
    /// Whether the word has the same sense in both sentences.
    pub same: bool,
    /// The sentences.
    pub sentences: [String; 2],
    /// The place of the word in each sentence, in characters from 0.
    pub places: [Range<usize>; 2],
}

/// How well the similarity of a word's two vectors separates pairs of the same sense from pairs of
/// two senses, by layer.
#[derive(Debug, Clone, Serialize)]
pub struct WicComparison {
    /// The name of the file.
    pub file: String,
    /// The sha256 of the pairs as JSON.
    pub sha256: String,
    /// The number of pairs with vectors.
    pub pairs: usize,
    /// The number of these pairs that have the same sense.
    pub same: usize,
    /// The units that the bootstrap resamples: `lemmas` (each with all its pairs), or `pairs`.
    pub resampled: &'static str,
    /// The layer of the largest AUC; of equal layers, the first.
    pub best: usize,
    /// `[n_layers + 1]`: the numbers of each layer.
    pub layers: Vec<WicLayer>,
}

/// Word-in-context pairs at one layer.
#[derive(Debug, Clone, Serialize)]
pub struct WicLayer {
    /// The layer; 0 is the embedding output.
    pub layer: usize,
    /// The probability that a pair of the same sense is more similar than a pair of two senses (the
    /// area under the ROC curve). Chance is 0.5.
    pub auc: Estimate,
    /// The mean similarity of pairs of the same sense.
    pub same: Option<Estimate>,
    /// The mean similarity of pairs of two senses.
    pub different: Option<Estimate>,
}

/// Parses word-in-context pairs from lines of fields that are separated by tabs. Returns the pairs
/// and the number of blank lines. `place` is the name of the file in messages.
///
/// The required columns are `same` (1 or 0, T or F), `start1`, `end1`, `start2`, `end2` (in
/// characters from 0; the end is the character after the last), `sentence1` and `sentence2`;
/// `lemma` is optional. The names of the columns are the first line, or the last words of a comment
/// before it (`# … lemma pos same …`). A file without names has eleven columns: lemma pos same
/// start1 end1 start2 end2 lexfile1 lexfile2 sentence1 sentence2.
///
/// # Errors
/// A missing column; a line with a wrong number of fields, a value that its column does not allow,
/// or a place outside its sentence (the error names the line); no pairs; bytes that are not UTF-8.
pub fn parse_wic(bytes: &[u8], place: &str) -> Result<(Vec<WicPair>, usize)> {
    let read = parse_lines(bytes, place)?;
    let mut lines = read.items.iter().map(|text| (text.line.unwrap_or(0), text.text.as_str()));
    let mut names: Option<Vec<&str>> = None;
    let (mut first, mut tabs) = (None, true);
    for (line, text) in lines.by_ref() {
        let comment = text.strip_prefix('#');
        let words = comment.unwrap_or(text);
        let has = |name| words.split_whitespace().any(|word| word == name);
        if has("sentence1") && has("sentence2") {
            tabs = words.contains('\t');
            names = Some(match tabs {
                true => words.split('\t').map(str::trim).collect(),
                false => words.split_whitespace().collect(),
            });
        } else if comment.is_none() {
            first = Some((line, text));
            break;
        }
    }
    let no_pair =
        || stratoscope_extractor::Error::NoText { place: format!("{place} has no pairs") };
    let (first_line, first_text) = first.ok_or_else(no_pair)?;
    let n = first_text.split('\t').count();
    let names = names.unwrap_or_else(|| DEFAULT.to_vec());
    // A comment can have other words before the names.
    let names = if tabs { &names } else { &names[names.len().saturating_sub(n)..] };
    let column = |name: &str| names.iter().position(|found| *found == name);
    let mut at = [0; REQUIRED.len()];
    for (at, name) in at.iter_mut().zip(REQUIRED) {
        *at =
            column(name).ok_or(CompareError::NoColumn { place: place.to_owned(), column: name })?;
    }
    let lemma = column("lemma");
    let rows = std::iter::once((first_line, first_text)).chain(lines);
    let pairs = rows.map(|(line, text)| {
        let fields: Vec<&str> = text.split('\t').collect();
        match fields.len() == names.len() {
            true => pair(&fields, at, lemma, line, place),
            false => Err(CompareError::Fields {
                place: place.to_owned(),
                line,
                found: fields.len(),
                expected: names.len(),
            }),
        }
    });
    Ok((pairs.collect::<Result<_, _>>()?, read.blank_lines))
}

/// Parses one line; `at` has the indices of the required columns.
fn pair(
    fields: &[&str],
    at: [usize; REQUIRED.len()],
    lemma: Option<usize>,
    line: usize,
    place: &str,
) -> Result<WicPair, CompareError> {
    let wrong = |index: usize, expected| CompareError::Field {
        place: place.to_owned(),
        line,
        column: REQUIRED[index],
        value: start_of(fields[at[index]]),
        expected,
    };
    let same = match fields[at[0]].trim() {
        "1" | "T" | "true" => true,
        "0" | "F" | "false" => false,
        _ => return Err(wrong(0, "1 or 0")),
    };
    let number = |index: usize| {
        let value = fields[at[index]].trim().parse::<usize>();
        value.map_err(|_| wrong(index, "a number of characters"))
    };
    let mut places = [0..0, 0..0];
    for (side, range) in places.iter_mut().enumerate() {
        let (start, end) = (number(1 + 2 * side)?, number(2 + 2 * side)?);
        let length = fields[at[5 + side]].chars().count();
        if start >= end || end > length {
            let (place, column) = (place.to_owned(), REQUIRED[5 + side]);
            return Err(CompareError::Outside { place, line, column, start, end, length });
        }
        *range = start..end;
    }
    let sentences = [fields[at[5]].to_owned(), fields[at[6]].to_owned()];
    let lemma = lemma.map(|at| fields[at].to_owned());
    Ok(WicPair { line, lemma, same, sentences, places })
}

impl Explorer {
    /// Scores word-in-context pairs by the similarity of the word's two vectors at every layer, and
    /// measures how well the scores separate pairs of the same sense from pairs of two senses. The
    /// measure is the area under the ROC curve, which needs no threshold. Intervals are by
    /// bootstrap over lemmas, because the pairs of a lemma are not independent; if lemmas are not
    /// known, over pairs. `file` is the name in messages.
    ///
    /// # Errors
    /// [`CompareError::OneKind`]; a sentence that is too long for the model (the error names the
    /// line); a forward pass that fails.
    pub fn compare_wic(
        &self,
        pairs: &[WicPair],
        file: &str,
        options: &Options,
    ) -> Result<Comparison> {
        one_kind(file, pairs.iter().map(|p| p.same))?;
        let reference = ReferenceDistribution::plain(self, options)?;
        let n_layers = self.model().transformer.architecture().n_layers + 1;
        let mut scores = vec![Vec::new(); n_layers];
        let (mut scored, mut unread) = (Vec::new(), Vec::new());
        let mut warnings = TextWarnings::default();
        for (number, some) in pairs.chunks(AT_ONCE).enumerate() {
            self.progress().part("pairs", number * AT_ONCE, pairs.len());
            let side = |pair, side: usize| {
                let WicPair { line, sentences, places, .. }: &WicPair = pair;
                let places = vec![places[side].clone()];
                TextPlaces { text: &sentences[side], line: Some(*line), places }
            };
            let wanted: Vec<TextPlaces<'_>> =
                some.iter().flat_map(|pair| [side(pair, 0), side(pair, 1)]).collect();
            let mut vectors = Vectors::of(self, &wanted, options.pooling, &Silent)?;
            warnings.add(std::mem::take(&mut vectors.warnings));
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for (pair, rows) in some.iter().zip(vectors.rows.chunks(2)) {
                match (rows[0][0], rows[1][0]) {
                    (Some(first), Some(second)) => {
                        scored.push(pair);
                        a.push(first);
                        b.push(second);
                    }
                    _ => unread.push(pair.line.to_string()),
                }
            }
            for (layer, scores) in scores.iter_mut().enumerate() {
                let (a, b) = (vectors.some(layer, &a), vectors.some(layer, &b));
                scores.extend(reference.similarities(layer, a.view(), b.view())?);
            }
        }
        self.progress().part("pairs", pairs.len(), pairs.len());
        warnings.report(self.progress());

        let labels: Vec<bool> = scored.iter().map(|p| p.same).collect();
        one_kind(file, labels.iter().copied())?;
        let (groups, resampled) = groups(&scored);
        let mut layers = Vec::new();
        for (layer, scores) in scores.iter().enumerate() {
            let mean = |same: bool| -> Result<Option<Estimate>> {
                let own = scores.iter().zip(&groups).zip(&labels).filter(|(_, l)| **l == same);
                let (own, groups): (Vec<f64>, Vec<usize>) =
                    own.map(|((score, group), _)| (*score, *group)).unzip();
                Ok(grouped_mean(&own, &groups, options.seed)?)
            };
            layers.push(WicLayer {
                layer,
                auc: auc_by_group(scores, &labels, &groups, options.seed)?,
                same: mean(true)?,
                different: mean(false)?,
            });
        }
        let best = largest(layers.iter().map(|l| l.auc.value)).unwrap_or(0);
        let mut out = Vec::new();
        if !unread.is_empty() {
            let n = counted(unread.len(), "pair", "pairs");
            let some = unread.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
            let reason = format!("{n} omitted, because the word has no token: lines {some}");
            out.push(omitted("pairs without a token", reason));
        }
        if let Some(layer) = layers.first() {
            let means = [
                ("AUC", Some(layer.auc)),
                ("similarity in one sense", layer.same),
                ("similarity in two senses", layer.different),
            ];
            let interval = |(name, of)| Omitted::interval(name, resampled, of);
            out.extend(means.into_iter().filter_map(interval));
        }
        let same = labels.iter().filter(|l| **l).count();
        let (file, sha256) = (file.to_owned(), digest(pairs)?);
        let pairs = scored.len();
        let found = WicComparison { file, sha256, pairs, same, resampled, best, layers };
        Ok(Comparison::new(self, options, Compared::Wic(found), out))
    }
}

/// Refuses pairs that are all of the same sense, or all of two senses.
fn one_kind(file: &str, labels: impl Iterator<Item = bool>) -> Result<(), CompareError> {
    let (mut pairs, mut same) = (0, 0);
    for label in labels {
        pairs += 1;
        same += usize::from(label);
    }
    match same == 0 || same == pairs {
        true => Err(CompareError::OneKind {
            place: file.to_owned(),
            pairs,
            same,
            different: pairs - same,
        }),
        false => Ok(()),
    }
}

/// The unit of the bootstrap to which each pair belongs, and the name of these units: lemmas, if
/// all are known.
fn groups(pairs: &[&WicPair]) -> (Vec<usize>, &'static str) {
    let lemmas: Option<Vec<&str>> = pairs.iter().map(|p| p.lemma.as_deref()).collect();
    let Some(lemmas) = lemmas else { return ((0..pairs.len()).collect(), "pairs") };
    let mut numbers = BTreeMap::new();
    let number = |lemma| {
        let next = numbers.len();
        *numbers.entry(lemma).or_insert(next)
    };
    (lemmas.into_iter().map(number).collect(), "lemmas")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "bank\tn\t1\t4\t8\t2\t6\tx\ty\tThe bank lent\tA bank";

    fn line_of(text: &str) -> String {
        parse_wic(text.as_bytes(), "f").unwrap_err().to_string()
    }

    #[test]
    fn columns_are_found_by_name() {
        let expected = WicPair {
            line: 1,
            lemma: Some("bank".to_owned()),
            same: true,
            sentences: ["The bank lent".to_owned(), "A bank".to_owned()],
            places: [4..8, 2..6],
        };
        assert_eq!(parse_wic(ROW.as_bytes(), "f").unwrap(), (vec![expected.clone()], 0));
        let other = "# A set of mine.\n#sentence2\tsentence1\tend2\tstart2\tend1\tstart1\tsame\n\
                     A bank\tThe bank lent\t6\t2\t8\t4\tT\n";
        let found = parse_wic(other.as_bytes(), "f").unwrap().0;
        assert_eq!(found, [WicPair { line: 3, lemma: None, ..expected.clone() }]);
        let said = format!("# Pairs (licence). {}\n\n{ROW}\r\n", DEFAULT.join(" "));
        let found = parse_wic(said.as_bytes(), "f").unwrap();
        assert_eq!(found, (vec![WicPair { line: 3, ..expected }], 1));
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(line_of("# only\n"), "no input text: f has no pairs");
        assert!(line_of("").contains("f has"));
        assert!(line_of("a\tb\n").contains("line 1: 2 fields"));
        assert!(line_of("sentence1\tsentence2\na\tb\n").contains("has no column \"same\""));
        assert!(line_of(&format!("{ROW}\n{ROW}\tmore")).contains("line 2: 12 fields"));
        let with = |from: &str, to: &str| line_of(&format!("{ROW}\n{}", ROW.replacen(from, to, 1)));
        assert_eq!(with("\t1\t", "\tyes\t"), "f, line 2: same is \"yes\", expected 1 or 0");
        assert!(with("\t8\t", "\t-8\t").contains("line 2: end1 is \"-8\""));
        let outside =
            "f, line 2: characters 4 to 14 are outside sentence1, which has 13 characters";
        assert_eq!(with("\t8\t", "\t14\t"), outside);
        assert!(with("\t8\t", "\t4\t").contains("characters 4 to 4"));
        assert!(with("\t8\t", "\t99999999999999999999\t").contains("end1"));
    }

    #[test]
    fn auc_needs_pairs_of_both_kinds() {
        assert!(one_kind("f", [true, false].into_iter()).is_ok());
        let found = one_kind("f", [true, true].into_iter()).unwrap_err().to_string();
        assert!(found.starts_with("the AUC is not defined: of 2 pairs in f, 2 are"), "{found}");
        assert!(one_kind("f", std::iter::empty()).is_err());
    }
}
