//! The search for the nearest occurrences of words.

use super::lookup::Lookup;
use super::{MIN_OCCURRENCES, NEIGHBOURS, senses};
use crate::bank::mean_of;
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use stratoscope_extractor::Activations;
use stratoscope_numerics::product_into;
use stratoscope_report::{Journey, JourneyLayer, Journeys, Majority, Neighbour, Occurrence};

/// Similarities have four decimals.
const DIGITS: f64 = 1e4;

/// The words of the bank that are compared at once, so that their vectors stay in the cache of a core.
const BLOCK: usize = 256;

/// A word of a text.
pub(super) struct Query {
    /// The text, without spaces at its ends.
    pub(super) text: String,
    /// The rows of the states.
    pub(super) rows: Vec<usize>,
    pub(super) word: String,
    /// Which occurrence in the text it is, if there are several.
    pub(super) occurrence: Option<usize>,
    /// Its lemmas in the bank.
    pub(super) lemmas: Vec<usize>,
}

/// The nearest occurrences of a word at a layer, nearest first, with their similarities.
struct Nearest {
    same_word: Vec<(usize, f64)>,
    other_words: Vec<(usize, f64)>,
}

/// What may be a neighbour of a word.
struct Allowed {
    /// The occurrences of the word in other sentences; empty if they are too few.
    same_word: Vec<usize>,
    /// The number of these sentences, however few.
    occurrences: usize,
    /// Content words with other lemmas in other sentences.
    other_words: Vec<usize>,
}

/// The journeys of words; none is chosen as the most telling one.
pub(super) fn search(states: &Activations, lookup: &Lookup<'_>, queries: &[Query]) -> Journeys {
    let allowed: Vec<Allowed> =
        queries.par_iter().map(|query| Allowed::to(query, lookup)).collect();
    let layers: Vec<Vec<Nearest>> = (0..states.layers.len())
        .into_par_iter()
        .map(|index| nearest(states, index, lookup, queries, &allowed))
        .collect();
    let mut journeys = Journeys::default();
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    for (place, (query, allowed)) in queries.iter().zip(&allowed).enumerate() {
        let mut listed = |found: &[(usize, f64)]| -> Vec<Neighbour> {
            let neighbour = |&(occurrence, similarity): &(usize, f64)| Neighbour {
                occurrence: *numbers.entry(occurrence).or_insert_with(|| {
                    journeys.occurrences.push(lookup.shown(occurrence));
                    journeys.occurrences.len() - 1
                }),
                similarity,
            };
            found.iter().map(neighbour).collect()
        };
        let layers = states.layers.iter().zip(&layers).map(|(layer, nearest)| JourneyLayer {
            layer: *layer,
            same_word: listed(&nearest[place].same_word),
            other_words: listed(&nearest[place].other_words),
            ..JourneyLayer::default()
        });
        journeys.words.push(Journey {
            tokens: query.rows.clone(),
            word: query.word.clone(),
            occurrence: query.occurrence,
            occurrences_of_word: allowed.occurrences,
            layers: layers.collect(),
        });
    }
    let occurrences = &journeys.occurrences;
    for layer in journeys.words.iter_mut().flat_map(|word| &mut word.layers) {
        let majority = |list: &[Neighbour], label: fn(&Occurrence) -> Option<&String>| {
            most_frequent(
                list.iter().map(|n| label(&occurrences[n.occurrence]).map(String::as_str)),
            )
        };
        layer.relation = majority(&layer.same_word, |o| o.relation.as_ref());
        layer.supersense = majority(&layer.same_word, |o| o.supersense.as_ref());
        layer.other_relation = majority(&layer.other_words, |o| o.relation.as_ref());
        layer.other_supersense = majority(&layer.other_words, |o| o.supersense.as_ref());
    }
    journeys.senses = senses(&journeys);
    journeys
}

impl Allowed {
    fn to(query: &Query, lookup: &Lookup<'_>) -> Self {
        let sentences = &lookup.bank.sentences;
        let own: HashSet<usize> = (0..sentences.len())
            .filter(|&sentence| sentences[sentence].text.text.trim() == query.text)
            .collect();
        let words = lookup.bank.words.iter().chain(&lookup.bank.stimuli).enumerate();
        let elsewhere = words.filter(|(_, word)| !own.contains(&word.sentence));
        let (same, other): (Vec<_>, Vec<_>) =
            elsewhere.partition(|(index, _)| query.lemmas.contains(&lookup.lemma_of[*index]));
        let occurrences = same.iter().map(|(_, word)| word.sentence).collect::<HashSet<_>>().len();
        let indices = |of: Vec<(usize, _)>| of.into_iter().map(|(index, _)| index).collect();
        Self {
            same_word: if occurrences < MIN_OCCURRENCES { Vec::new() } else { indices(same) },
            occurrences,
            other_words: indices(other),
        }
    }
}

/// The nearest occurrences of all words at a layer.
fn nearest(
    states: &Activations,
    index: usize,
    lookup: &Lookup<'_>,
    queries: &[Query],
    allowed: &[Allowed],
) -> Vec<Nearest> {
    let bank = lookup.bank;
    let (layer, view) = (states.layers[index], states.layer(index));
    let (rows, d_model) = (bank.words.len() + bank.stimuli.len(), bank.means.ncols());
    let mut own = Array2::zeros((queries.len(), d_model));
    let mut mean = Vec::new();
    for (query, mut row) in queries.iter().zip(own.outer_iter_mut()) {
        mean_of(view, &query.rows, &mut mean);
        row.assign(&ArrayView1::from(&mean));
        bank.standardise(layer, row);
    }
    let norms = |of: ArrayView2<'_, f32>| -> Vec<f32> {
        of.outer_iter().map(|row| row.dot(&row).sqrt()).collect()
    };
    let of_queries = norms(own.view());
    let mut products = Array2::zeros((queries.len(), rows));
    let mut of_vectors = Vec::with_capacity(rows);
    let mut block = Array2::zeros((BLOCK.min(rows), d_model));
    for start in (0..rows).step_by(BLOCK) {
        let end = (start + BLOCK).min(rows);
        let mut part = block.slice_mut(s![..end - start, ..]);
        bank.read(layer, start..end, part.as_slice_mut().unwrap_or_default());
        let to = products.slice_mut(s![.., start..end]);
        product_into(own.view(), part.t(), to);
        of_vectors.extend(norms(part.view()));
    }
    let found = allowed.iter().zip(products.outer_iter()).zip(&of_queries);
    found
        .map(|((allowed, products), norm)| {
            let similarity = |occurrence: usize| {
                let norms = norm * of_vectors[occurrence];
                if norms > 0.0 { products[occurrence] / norms } else { 0.0 }
            };
            let first = |of: &[usize], once: bool| first(of, similarity, lookup, once);
            Nearest {
                same_word: first(&allowed.same_word, false),
                other_words: first(&allowed.other_words, true),
            }
        })
        .collect()
}

/// The nearest of some occurrences, each sentence once, and each lemma once if asked: as many as
/// [`NEIGHBOURS`], and those that are as near as the last of them. (At layer 0 of many models, all
/// occurrences of a word are equal.) Of equally near ones, the first in the bank comes first.
/// Similarities are compared with [`DIGITS`].
fn first(
    of: &[usize],
    similarity: impl Fn(usize) -> f32,
    lookup: &Lookup<'_>,
    lemmas_once: bool,
) -> Vec<(usize, f64)> {
    let near = |&occurrence: &usize| {
        let rounded = (f64::from(similarity(occurrence)) * DIGITS).round() as i64;
        (rounded, Reverse(occurrence))
    };
    let mut heap: BinaryHeap<_> = of.iter().map(near).collect();
    let (mut sentences, mut lemmas) = (HashSet::new(), HashSet::new());
    let mut found: Vec<(usize, i64)> = Vec::new();
    while let Some((similarity, Reverse(occurrence))) = heap.pop() {
        if found.get(NEIGHBOURS - 1).is_some_and(|(_, last)| similarity < *last) {
            break;
        }
        let (lemma, Some(word)) = (lookup.lemma_of[occurrence], lookup.word(occurrence)) else {
            break;
        };
        let seen = sentences.contains(&word.sentence) || lemmas_once && lemmas.contains(&lemma);
        if !seen {
            sentences.insert(word.sentence);
            lemmas.insert(lemma);
            found.push((occurrence, similarity));
        }
    }
    found.into_iter().map(|(occurrence, rounded)| (occurrence, rounded as f64 / DIGITS)).collect()
}

/// The most frequent label, of equally frequent ones that of the nearest neighbour. None if fewer than
/// half of the neighbours are annotated, or each label occurs once.
fn most_frequent<'a>(labels: impl Iterator<Item = Option<&'a str>>) -> Option<Majority> {
    let labels: Vec<Option<&str>> = labels.collect();
    let known: Vec<&str> = labels.iter().flatten().copied().collect();
    let mut best: Option<(&str, usize)> = None;
    for label in &known {
        let count = known.iter().filter(|other| *other == label).count();
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((label, count));
        }
    }
    let (label, count) = best.filter(|(_, count)| *count > 1)?;
    let of = known.len();
    (2 * of >= labels.len()).then(|| Majority { label: label.to_owned(), count, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_label_needs_two_neighbours_and_half_of_the_annotation() {
        let of = |labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label != "_").then_some(*label));
            most_frequent(labels).map(|m| (m.label, m.count, m.of))
        };
        let found = |label: &str, count, of| Some((label.to_owned(), count, of));
        assert_eq!(of(&["a", "b", "b", "_"]), found("b", 2, 3));
        assert_eq!(of(&["a", "b", "b", "a"]), found("a", 2, 4));
        assert_eq!(of(&["a", "b"]), None);
        assert_eq!(of(&["a", "a", "_", "_", "_"]), None);
        assert_eq!(of(&[]), None);
    }
}
