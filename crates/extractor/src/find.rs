//! Finds the rows of a word in states, and gives their vectors.

use crate::{Activations, unicode_words};
use ndarray::{Array1, Axis};
use std::ops::Range;

/// An occurrence of a word in the texts of some states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text, counted from 0.
    pub text: usize,
    /// Where the word stands in the text, in characters.
    pub characters: Range<usize>,
    /// The rows of the states that cover it: the sub-words of the word.
    pub rows: Range<usize>,
}

impl Activations {
    /// Every occurrence of a word, or of several words that follow each other, as it is written; by
    /// Unicode's rule for words, so that `bank` is not found in `banker`. Occurrences without a row
    /// are passed over.
    ///
    /// ```
    /// # fn show(states: &stratoscope_extractor::Activations) {
    /// for place in states.find("bank") {
    ///     println!("text {}: {:?}", place.text, states.vector(&place, 6));
    /// }
    /// # }
    /// ```
    pub fn find(&self, word: &str) -> Vec<Place> {
        let offsets = self.sequence_offsets();
        let mut places = Vec::new();
        for (text, rows) in offsets.windows(2).enumerate() {
            for characters in occurrences(&self.texts[text].text, word) {
                let covers = |row: usize| {
                    let row = &self.rows[row];
                    let [start, end] = row.char_offsets;
                    !row.special
                        && row.text_id == 0
                        && start < characters.end
                        && characters.start < end
                };
                let mut found = (rows[0]..rows[1]).filter(|&row| covers(row));
                if let Some(first) = found.next() {
                    let last = found.next_back().unwrap_or(first);
                    places.push(Place { text, characters, rows: first..last + 1 });
                }
            }
        }
        places
    }

    /// `[d_model]`: the mean vector of the rows of a place at a layer, by its number; `None` where the
    /// layer or the rows are not among the states.
    pub fn vector(&self, place: &Place, layer: usize) -> Option<Array1<f32>> {
        let index = self.layers.iter().position(|kept| *kept == layer)?;
        if place.rows.is_empty() || place.rows.end > self.rows.len() {
            return None;
        }
        let rows: Vec<usize> = place.rows.clone().collect();
        let sum = self.layer(index).select(Axis(0), &rows).mapv(f64::from).sum_axis(Axis(0));
        Some(sum.mapv(|v| (v / rows.len() as f64) as f32))
    }
}

/// Where a word, or several that follow each other, stand in a text, in characters.
fn occurrences(text: &str, word: &str) -> Vec<Range<usize>> {
    let letters: Vec<char> = text.chars().collect();
    let sought: Vec<char> = word.chars().collect();
    let words = unicode_words(text);
    let parts = unicode_words(word).len();
    if parts == 0 {
        return Vec::new();
    }
    let place = |some: &[Range<usize>]| some.first().zip(some.last()).map(|(a, b)| a.start..b.end);
    let hits = words.windows(parts).filter_map(place);
    hits.filter(|place| letters.get(place.clone()) == Some(&sought)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_found_in_characters() {
        assert_eq!(occurrences("é bank, the banker's bank", "bank"), [2..6, 21..25]);
        assert_eq!(occurrences("in New York, New York", "New York"), [3..11, 13..21]);
        assert!(occurrences("a b", "").is_empty());
        assert!(occurrences("a b", "c").is_empty());
    }
}
