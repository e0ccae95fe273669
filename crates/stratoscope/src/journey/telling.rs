//! What changes between layers: the word that a reader sees first, and the layer at which two contexts
//! of a word part.

use std::collections::{BTreeSet, HashSet};
use stratoscope_report::{Journey, JourneyLayer, Journeys, Neighbour};

/// The word whose neighbours change most: an index of the words. Of equal ones the first.
///
/// Words with occurrences of their own come before words that have only other words as neighbours. Then
/// the word counts whose neighbours have the most different supersenses at two layers ([`senses`]), and
/// among words with equal supersenses the one with the most new neighbours from layer to layer. In a
/// causal model, the first content word comes last, since it has little context.
pub(crate) fn telling(journeys: &Journeys, causal: bool) -> Option<usize> {
    let score = |index: usize, word: &Journey| {
        let has_own = word.layers.iter().any(|layer| !layer.same_word.is_empty());
        let layers = &word.layers;
        let pairs = layers
            .iter()
            .enumerate()
            .flat_map(|(i, a)| layers[i + 1..].iter().map(move |b| (a, b)));
        let most = pairs.map(|(a, b)| senses(journeys, a, b)).fold(0.0, f64::max);
        let new: f64 = layers.windows(2).map(|pair| change(&pair[0], &pair[1])).sum();
        (!(causal && index == 0), has_own, most, new)
    };
    let mut best: Option<(usize, (bool, bool, f64, f64))> = None;
    for (index, word) in journeys.words.iter().enumerate() {
        let own = score(index, word);
        if best.is_none_or(|(_, most)| own > most) {
            best = Some((index, own));
        }
    }
    best.map(|(index, _)| index)
}

/// The neighbours that are shown first: the same word, or else other words.
pub(super) fn leading(layer: &JourneyLayer) -> &[Neighbour] {
    if layer.same_word.is_empty() { &layer.other_words } else { &layer.same_word }
}

/// The total variation distance between the supersenses of the neighbours at two layers, 0 to 1: half of
/// the sum of the differences of their shares. It is 0 if no neighbour has a supersense.
pub(super) fn senses(journeys: &Journeys, a: &JourneyLayer, b: &JourneyLayer) -> f64 {
    let labels = |layer| {
        let label = |n: &Neighbour| journeys.occurrences.get(n.occurrence)?.supersense.as_deref();
        leading(layer).iter().filter_map(label).collect::<Vec<&str>>()
    };
    let (a, b) = (labels(a), labels(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let names: BTreeSet<&str> = a.iter().chain(&b).copied().collect();
    let share = |labels: &[&str], name: &str| {
        labels.iter().filter(|label| **label == name).count() as f64 / labels.len() as f64
    };
    names.into_iter().map(|name| (share(&a, name) - share(&b, name)).abs()).sum::<f64>() / 2.0
}

/// The share of the neighbours of a layer that are not neighbours at another layer, 0 to 1.
pub(super) fn change(from: &JourneyLayer, to: &JourneyLayer) -> f64 {
    let of = |layer| leading(layer).iter().map(|n| n.occurrence).collect::<HashSet<_>>();
    let (before, after) = (of(from), of(to));
    match after.len() {
        0 => 0.0,
        n => after.difference(&before).count() as f64 / n as f64,
    }
}

/// `[layers]`: how many of the nearest neighbours two contexts of a word have in common, and of how many: of
/// the longer list. The neighbours are occurrences of the word if both contexts have them, and other words
/// if not.
pub(crate) fn in_common(first: &Journey, second: &Journey) -> Vec<[usize; 2]> {
    first.layers.iter().zip(&second.layers).map(|(a, b)| common(a, b)).collect()
}

fn common(a: &JourneyLayer, b: &JourneyLayer) -> [usize; 2] {
    let (a, b) = match a.same_word.is_empty() || b.same_word.is_empty() {
        true => (&a.other_words, &b.other_words),
        false => (&a.same_word, &b.same_word),
    };
    let known: HashSet<usize> = a.iter().map(|n| n.occurrence).collect();
    let common = b.iter().filter(|n| known.contains(&n.occurrence)).count();
    [common, a.len().max(b.len())]
}

/// The layer at which two contexts of a word part: the first layer from which on, up to the last, their
/// nearest neighbours have fewer than half in common. None if they share half at the last layer. Layer 0
/// does not count: it has not read the contexts, and its neighbours differ by the position of the word
/// alone. The neighbours are occurrences of the word if both contexts have them, and other words if not.
pub(crate) fn parting(first: &Journey, second: &Journey) -> Option<usize> {
    let apart = |(a, b): &(&JourneyLayer, &JourneyLayer)| {
        let [common, of] = common(a, b);
        2 * common < of
    };
    let layers = first.layers.iter().zip(&second.layers).filter(|(layer, _)| layer.layer > 0);
    let layers: Vec<_> = layers.collect();
    let last = layers.iter().rev().take_while(|pair| apart(pair)).last();
    last.map(|(layer, _)| layer.layer)
}
