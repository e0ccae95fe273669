//! The words of a corpus for each model, and the samples of these words.

use super::Options;
use super::report::WordChange;
use crate::Result;
use crate::given::Subject;
use std::collections::{BTreeMap, HashMap, HashSet};
use stratoscope_extractor::{ChosenWords, Text};
use stratoscope_geometry::{choose_occurrences, choose_rows};

/// The words of a corpus for one model: one row per word.
pub(super) struct Words {
    pub(super) chosen: ChosenWords,
    /// `[rows]`: the index of the text, and of the word in it.
    pub(super) rows: Vec<(usize, usize)>,
    /// `[texts]`: whether the text is not equal to an earlier text.
    first: Vec<bool>,
}

/// The sampled rows, ascending.
#[derive(Default)]
pub(super) struct Drawn {
    /// The sample for neighbours and pairs of layers; it is the same words in every model.
    pub(super) sample: Vec<usize>,
    /// The sampled occurrences of word forms that occur more than once.
    pub(super) occurrences: Vec<usize>,
    /// `[occurrences]`: the number of the word form.
    pub(super) forms: Vec<usize>,
}

/// The largest number of sampled occurrences of one form.
const MAX_PER_FORM: usize = 10;

/// The number of characters of context on each side of a word.
const CONTEXT: usize = 60;

impl Words {
    pub(super) fn new(subject: Subject<'_>, texts: Vec<Text>, options: &Options) -> Result<Self> {
        let mut seen = HashSet::new();
        let first = texts.iter().map(|text| seen.insert(text.text.clone())).collect();
        let from = subject.source();
        let chosen = ChosenWords::all_words(from, texts, options.pooling, options.long)?;
        let rows = chosen.rows().collect();
        Ok(Self { chosen, rows, first })
    }

    /// `[rows]`: the index of the text of each row.
    pub(super) fn texts_of(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|&row| self.rows[row].0).collect()
    }

    /// The text of a row, and the place of its word in the text, in characters.
    fn place(&self, row: usize) -> (usize, usize, usize) {
        let (text, word) = self.rows[row];
        let range = &self.chosen.texts()[text].words[word];
        (text, range.start, range.end)
    }

    /// The rows by place, without the rows of repeated texts.
    fn places(&self) -> BTreeMap<(usize, usize, usize), usize> {
        let rows = (0..self.rows.len()).filter(|&row| self.first[self.rows[row].0]);
        rows.map(|row| (self.place(row), row)).collect()
    }

    fn occurrences(&self, options: &Options) -> (Vec<usize>, Vec<usize>) {
        let rows: Vec<usize> = self.places().into_values().collect();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut letters: (usize, Vec<char>) = (usize::MAX, Vec::new());
        let mut form = |&row: &usize| {
            let (text, start, end) = self.place(row);
            if letters.0 != text {
                letters = (text, self.chosen.texts()[text].text.chars().collect());
            }
            let form: String = letters.1.get(start..end).into_iter().flatten().collect();
            let next = numbers.len();
            *numbers.entry(form).or_insert(next)
        };
        let forms: Vec<usize> = rows.iter().map(&mut form).collect();
        let drawn = choose_occurrences(&forms, 2, MAX_PER_FORM, options.sample, options.seed);
        drawn.iter().map(|&place| (rows[place], forms[place])).unzip()
    }

    /// The word of a row with its context and its change.
    pub(super) fn shown(&self, row: usize, change: f64) -> WordChange {
        let (index, start, end) = self.place(row);
        let text = &self.chosen.texts()[index];
        let letters: Vec<char> = text.text.chars().collect();
        let of = |from: usize, to: usize| -> String {
            letters.get(from..to).into_iter().flatten().collect()
        };
        let (from, to) =
            (start.saturating_sub(CONTEXT), end.saturating_add(CONTEXT).min(letters.len()));
        let cut = |is: bool| if is { "…" } else { "" };
        WordChange {
            word: of(start, end),
            change,
            text: index + 1,
            line: text.line,
            place: [start, end],
            before: format!("{}{}", cut(from > 0), of(from, start)),
            after: format!("{}{}", of(end, to), cut(to < letters.len())),
        }
    }
}

/// Draws the samples of each model. [`Drawn::sample`] is from the words that all models have.
pub(super) fn draw(models: &[Words], options: &Options) -> Vec<Drawn> {
    let places: Vec<_> = models.iter().map(Words::places).collect();
    let Some((one, others)) = places.split_first() else { return Vec::new() };
    let shared: Vec<&(usize, usize, usize)> =
        one.keys().filter(|place| others.iter().all(|own| own.contains_key(place))).collect();
    let drawn = choose_rows(shared.len(), options.sample, options.seed);
    let of = |(words, places): (&Words, &BTreeMap<_, usize>)| {
        let (occurrences, forms) = words.occurrences(options);
        let sample = drawn.iter().map(|&row| places[shared[row]]).collect();
        Drawn { sample, occurrences, forms }
    };
    models.iter().zip(&places).map(of).collect()
}
