//! The words of a text, and the vectors of words in texts at every layer.

use super::CompareError;
use super::error::start_of;
use crate::progress::{Progress, TextWarnings};
use crate::{Explorer, Result};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use stratoscope_extractor::{Activations, ChosenWords, LongText, Text, Unit, unicode_words};
use stratoscope_loader::Pooling;

/// A word and its place in its text, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Range<usize>,
}

impl Word {
    /// Whether the word has a letter or a digit.
    pub(super) fn has_letters(&self) -> bool {
        self.text.chars().any(char::is_alphanumeric)
    }
}

/// The words and punctuation marks of a text by Unicode's segmentation (UAX 29), which does not
/// depend on a tokenizer.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let letters: Vec<char> = text.chars().collect();
    let word = |place: Range<usize>| Word {
        text: letters.get(place.clone()).into_iter().flatten().collect(),
        place,
    };
    unicode_words(text).into_iter().map(word).collect()
}

/// The words of a text; a text without words is an error.
pub(super) fn some_words_of(text: &str, place: impl FnOnce() -> String) -> Result<Vec<Word>> {
    let words = words_of(text);
    match words.is_empty() {
        true => Err(CompareError::NoWords { place: place(), text: start_of(text) }.into()),
        false => Ok(words),
    }
}

/// A text, and the places of words in it, in characters from 0.
#[derive(Debug, Clone, Default)]
pub(super) struct TextPlaces<'a> {
    pub(super) text: &'a str,
    pub(super) line: Option<usize>,
    pub(super) places: Vec<Range<usize>>,
}

/// The vectors of words in texts, at every layer.
pub(super) struct Vectors {
    /// `[n_layers + 1, rows, d_model]`: the vectors.
    states: Array3<f32>,
    /// `[texts][places]`: the row; `None` if the tokenizer has no token for the place.
    pub(super) rows: Vec<Vec<Option<usize>>>,
    /// The warnings about the texts, which are not reported yet.
    pub(super) warnings: TextWarnings,
}

impl Vectors {
    /// Runs the model on the texts; repeated texts are read once.
    pub(super) fn of(
        explorer: &Explorer,
        wanted: &[TextPlaces<'_>],
        pooling: Pooling,
        progress: &dyn Progress,
    ) -> Result<Self> {
        Self::read(explorer, wanted, pooling, LongText::Refuse, progress)
    }

    /// As [`of`](Self::of), for built-in texts. They are cut if the model has few positions.
    pub(super) fn of_builtin(
        explorer: &Explorer,
        wanted: &[TextPlaces<'_>],
        pooling: Pooling,
    ) -> Result<Self> {
        Self::read(explorer, wanted, pooling, LongText::Cut, explorer.progress())
    }

    fn read(
        explorer: &Explorer,
        wanted: &[TextPlaces<'_>],
        pooling: Pooling,
        long: LongText,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut texts: Vec<Text> = Vec::new();
        let mut places: Vec<BTreeSet<(usize, usize)>> = Vec::new();
        for one in wanted {
            let number = *numbers.entry(one.text).or_insert_with(|| {
                texts.push(Text { line: one.line, ..Text::from(one.text) });
                places.push(BTreeSet::new());
                texts.len() - 1
            });
            places[number].extend(one.places.iter().map(|p| (p.start, p.end)));
        }
        for (text, places) in texts.iter_mut().zip(&places) {
            text.words = places.iter().map(|&(start, end)| start..end).collect();
        }
        let chosen = texts.iter().map(|text| (0..text.words.len()).collect()).collect();
        let model = explorer.model();
        let words = ChosenWords::words(model, texts.clone(), chosen, pooling, long)?;
        let mut row_of: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
        for (row, (text, word)) in words.rows().enumerate() {
            let place = &texts[text].words[word];
            row_of.insert((text, place.start, place.end), row);
        }
        let layers: Vec<usize> = (0..=model.transformer.architecture().n_layers).collect();
        let mut step = |p: stratoscope_extractor::Progress| {
            progress.part("reading", p.done, p.total);
        };
        let states = words.states(model, &layers, &mut step)?;
        let rows = wanted.iter().map(|one| {
            let number = numbers[one.text];
            let row = |p: &Range<usize>| row_of.get(&(number, p.start, p.end)).copied();
            one.places.iter().map(row).collect()
        });
        Ok(Self { rows: rows.collect(), states, warnings: (&words).into() })
    }

    /// Takes the vectors from token states of the texts of `wanted`, whose warnings are reported already.
    /// The annotated words of the states must be the places of `wanted`.
    pub(super) fn of_states(
        states: &Activations,
        wanted: &[TextPlaces<'_>],
        pooling: Pooling,
    ) -> Result<Self> {
        let special = states.rows.iter().all(|row| row.word_id.is_none());
        let none = || wanted.iter().map(|one| vec![None; one.places.len()]).collect();
        if special {
            let (layers, _, d_model) = states.hidden_states.dim();
            let states = Array3::zeros((layers, 0, d_model));
            return Ok(Self { states, rows: none(), warnings: TextWarnings::default() });
        }
        let words = states.pooled(Unit::Word, pooling)?;
        let mut rows: Vec<Vec<Option<usize>>> = none();
        for (row, word) in words.rows.iter().enumerate() {
            let of_text = &mut rows[word.sequence];
            let place = word.word_id.and_then(|word| of_text.get_mut(word as usize));
            if let Some(place) = place {
                *place = Some(row);
            }
        }
        Ok(Self { states: words.hidden_states, rows, warnings: TextWarnings::default() })
    }

    /// The number of layers: `n_layers + 1`.
    pub(super) fn n_layers(&self) -> usize {
        self.states.len_of(Axis(0))
    }

    /// All vectors of a layer, `[rows, d_model]`.
    pub(super) fn layer(&self, layer: usize) -> ArrayView2<'_, f32> {
        self.states.index_axis(Axis(0), layer)
    }

    /// Some vectors of a layer, `[rows, d_model]`.
    pub(super) fn some(&self, layer: usize, rows: &[usize]) -> Array2<f32> {
        self.layer(layer).select(Axis(0), rows)
    }

    /// The mean of some vectors of a layer, `[1, d_model]`, summed in f64.
    pub(super) fn mean(&self, layer: usize, rows: &[usize]) -> Array2<f32> {
        let some = self.some(layer, rows).mapv(f64::from);
        let n = rows.len().max(1) as f64;
        some.sum_axis(Axis(0)).mapv(|v| (v / n) as f32).insert_axis(Axis(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_segmented_by_unicode() {
        let of = |text: &str| -> Vec<(String, usize, usize)> {
            let word = |w: Word| (w.text, w.place.start, w.place.end);
            words_of(text).into_iter().map(word).collect()
        };
        let word = |text: &str, start, end| (text.to_owned(), start, end);
        let expected =
            [word("Don't", 0, 5), word("go", 6, 8), word(",", 8, 9), word("Zoë", 11, 14)];
        assert_eq!(of("Don't go,  Zoë\n"), expected);
        assert_eq!(of("中文 3.5"), [word("中", 0, 1), word("文", 1, 2), word("3.5", 3, 6)]);
        assert_eq!(of(" \t\u{7}\u{a0}"), []);
    }
}
