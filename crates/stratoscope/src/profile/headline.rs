//! The headline: what the curves of a model say, in one or two sentences.
//!
//! Layers share their queries, so that statements about two layers use the paired difference over the
//! same resamples of the sentences. All intervals are 95 %.
//!
//! **Grammar** is *clearest at* the layer that is the highest in 95 % of the resamples; otherwise at the
//! smallest range of adjacent layers that has the highest in 95 % of them. If that range is all layers,
//! no difference between layers was found. After the range, grammar *fades* if the interval of the
//! highest value less that of the last layer is above 0 and the last layer has at most half of the
//! highest value; with more than half, it *weakens*. If it does neither, it *rises* if the interval of the
//! highest value less that of layer 0 is above 0. It is *not above chance* if no layer has an interval
//! above 0.
//!
//! **Word meaning** is *there* at the layers that have an interval above 0 and at least half of the highest
//! value. If these are not all layers, the adjacent ones around the highest are named. If they are, it is
//! there *from the start*, and its course is named. A layer is *weak* if it has less than two thirds of
//! the highest value, and the interval of the highest value less that of the layer is above 0. Word meaning
//! *stays about level* if no layer is weak. It *weakens* at the first weak layer, or from it on, if all
//! layers after it are weak; it *grows* up to the first layer that is not weak, if all before it are; it is
//! *weaker* at adjacent weak layers between two ends that are not weak; otherwise, it is *strongest at* the
//! adjacent layers around the highest that are not weak.
//!
//! **Sentence**: the words of a sentence *become more alike* from the first layer on, from which the share stays at
//! least half of its highest value. If the last layer has less than half, they are *most alike* at the
//! adjacent layers with at least half around the highest; if all layers have at least half, they are alike
//! at every layer. They do *not* become more alike if the highest value is below 0.1 (one neighbour in ten), or
//! if the interval of the highest value less that of layer 0 is not above 0 although layer 0 has less than
//! half.
//!
//! **Random weights**: a second sentence warns if grammar or word meaning of a model with random weights
//! is at least 0.05, or the sentence share of both at least 0.1, and that of random weights at least half of
//! the highest value of the model.
//!
//! A curve without values is left out. With intervals missing, because there are fewer than five
//! sentences, only that is said.

#[cfg(test)]
mod tests;

use super::curves::{Curve, Curves, Drawn};
use crate::text::{listed, short};
use std::ops::RangeInclusive;
use stratoscope_numerics::{MIN_UNITS, largest};

/// The share of the resamples in which the named layers have the highest value.
const SURE: f64 = 0.95;
/// The share of the highest value with which a curve is still there.
const STILL: f64 = 0.5;
/// The share of the highest value with which word meaning is about level.
const STRONG: f64 = 2.0 / 3.0;
/// The smallest sentence share that is worth a statement.
const ALIKE: f64 = 0.1;
/// The smallest value of random weights that is worth a warning.
const UNTRAINED: f64 = 0.05;

/// Layers that follow each other.
pub type Layers = RangeInclusive<usize>;

/// What is known of a curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The bank has no values for it.
    NotMeasured,
    /// The bank has too few sentences for intervals.
    TooFew,
    /// A finding.
    Found(T),
}

/// What the curve of grammar shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grammar {
    /// No layer is above chance.
    Absent,
    /// No difference between layers was found.
    Level,
    /// It is highest at some layers.
    Clearest {
        /// The layers.
        at: Layers,
        /// The course from layer 0 to them, and from them to the last layer.
        course: Course,
    },
}

/// The course of a curve around its highest values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It falls to half or less at the last layer.
    Fades,
    /// It falls, to more than half.
    Weakens,
    /// It is higher than at layer 0, and does not fall.
    Rises,
    /// Neither a rise nor a fall was found.
    Unclear,
}

/// What the curve of word meaning shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordMeaning {
    /// No layer is above chance.
    Absent,
    /// It is there at every layer.
    FromTheStart(Strength),
    /// It is there at some layers.
    At(Layers),
}

/// The course of word meaning that is there at every layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strength {
    /// No layer is weak.
    Level,
    /// It is weak from this layer on.
    Weakens(usize),
    /// It is weak up to the layer before this one.
    Grows(usize),
    /// It is weak at these layers, and neither before nor after them.
    Dips(Layers),
    /// It is weak at other layers than these.
    Strongest(Layers),
}

/// What the sentence share shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sentence {
    /// The words of a sentence do not become more alike.
    Apart,
    /// They are alike at every layer.
    Throughout,
    /// They become more alike at the first of these layers, and stay so to the last layer.
    From(Layers),
    /// They are most alike at some layers, and less at the last one.
    At(Layers),
}

/// What the curves of a model show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The last layer.
    pub last: usize,
    /// Of grammar.
    pub grammar: Known<Grammar>,
    /// Of word meaning.
    pub word_meaning: Known<WordMeaning>,
    /// Of the sentence share.
    pub sentence: Known<Sentence>,
    /// The curves that random weights have too, in hundredths of their highest value there.
    pub untrained: Vec<(Curve, u32)>,
}

impl Findings {
    /// Applies the rules to curves.
    pub fn of(curves: &Curves) -> Self {
        Self {
            last: curves.layers.len().saturating_sub(1),
            grammar: known(curves, Curve::Grammar, grammar),
            word_meaning: known(curves, Curve::WordMeaning, word_meaning),
            sentence: known(curves, Curve::Sentence, sentence),
            untrained: untrained(curves),
        }
    }

    /// The findings as one or two sentences; none if nothing was measured.
    pub fn in_words(&self, model: &str) -> Vec<String> {
        let last = self.last;
        let parts = [
            self.grammar.words(|found| found.words()),
            self.word_meaning.words(|found| found.words(last)),
            self.sentence.words(|found| found.words(last)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            let few = [
                self.grammar == Known::TooFew,
                self.word_meaning == Known::TooFew,
                self.sentence == Known::TooFew,
            ];
            let text = format!(
                "Nothing is said of {model}: the bank has fewer than {MIN_UNITS} sentences with words \
                 to compare."
            );
            return if few.contains(&true) { vec![text] } else { Vec::new() };
        }
        let mut sentences = vec![format!("In {model}, {}.", parts.join("; "))];
        if !self.untrained.is_empty() {
            let part = |(curve, value): &(Curve, u32)| {
                let name = match curve {
                    Curve::Grammar | Curve::WordMeaning => curve.name(),
                    Curve::Sentence => "a sentence share",
                };
                format!("{name} of {}", short(f64::from(*value) / 100.0))
            };
            let parts: Vec<String> = self.untrained.iter().map(part).collect();
            sentences.push(format!(
                "With random weights, the model reaches {}: this part need not be learned.",
                listed(&parts)
            ));
        }
        sentences
    }
}

/// Applies a rule to a curve with intervals.
fn known<T>(curves: &Curves, curve: Curve, rule: fn(&Drawn) -> T) -> Known<T> {
    match Drawn::of(curves, curve) {
        Some(drawn) if !drawn.estimates.is_empty() => Known::Found(rule(&drawn)),
        _ if curves.estimates(curve).iter().any(Option::is_some) => Known::TooFew,
        _ => Known::NotMeasured,
    }
}

impl<T> Known<T> {
    fn words(&self, words: impl Fn(&T) -> String) -> Option<String> {
        match self {
            Self::Found(found) => Some(words(found)),
            Self::NotMeasured | Self::TooFew => None,
        }
    }
}

/// The layer with the highest value.
fn top(drawn: &Drawn) -> usize {
    largest(drawn.estimates.iter().map(|estimate| estimate.value)).unwrap_or(0)
}

/// Whether a value has an interval above 0.
fn above(estimate: &crate::Estimate) -> bool {
    estimate.low().is_some_and(|low| low > 0.0)
}

/// The layers around `middle` at which `there` holds; `middle` alone if it does not hold there.
fn around(middle: usize, layers: usize, there: impl Fn(usize) -> bool) -> Layers {
    let first = (0..middle).rev().take_while(|&layer| there(layer)).last().unwrap_or(middle);
    let last = (middle + 1..layers).take_while(|&layer| there(layer)).last().unwrap_or(middle);
    first..=last
}

fn grammar(drawn: &Drawn) -> Grammar {
    if !drawn.estimates.iter().any(above) {
        return Grammar::Absent;
    }
    let at = clearest(&drawn.highest());
    let (top, last) = (top(drawn), drawn.estimates.len() - 1);
    if at == (0..=last) {
        return Grammar::Level;
    }
    let value = |layer: usize| drawn.estimates[layer].value;
    let course = if *at.end() < last && above(&drawn.difference(top, last)) {
        if value(last) <= STILL * value(top) { Course::Fades } else { Course::Weakens }
    } else if *at.start() > 0 && above(&drawn.difference(top, 0)) {
        Course::Rises
    } else {
        Course::Unclear
    };
    Grammar::Clearest { at, course }
}

/// The smallest range of layers with the highest value in 95 % of the resamples; of equally small
/// ranges, the one with the most resamples. `times` is `[layers]`.
fn clearest(times: &[f64]) -> Layers {
    // Shares of resamples are sums of 1 / RESAMPLES, so that they have rounding.
    let enough = SURE - 1e-9;
    for width in 1..times.len() {
        let ranges: Vec<f64> = times.windows(width).map(|range| range.iter().sum()).collect();
        if let Some(first) = largest(ranges.iter().copied())
            && ranges[first] >= enough
        {
            return first..=first + width - 1;
        }
    }
    0..=times.len().saturating_sub(1)
}

fn word_meaning(drawn: &Drawn) -> WordMeaning {
    let top = top(drawn);
    let highest = drawn.estimates[top].value;
    let there = |layer: usize| {
        let estimate = &drawn.estimates[layer];
        above(estimate) && estimate.value >= STILL * highest
    };
    let layers = drawn.estimates.len();
    if !there(top) {
        return WordMeaning::Absent;
    }
    match around(top, layers, there) {
        all if all == (0..=layers - 1) => WordMeaning::FromTheStart(strength(drawn, top)),
        some => WordMeaning::At(some),
    }
}

/// The course of a curve with its highest value at `top`.
fn strength(drawn: &Drawn, top: usize) -> Strength {
    let layers = drawn.estimates.len();
    let enough = STRONG * drawn.estimates[top].value;
    // A fall that may be chance is none.
    let weak = |&layer: &usize| {
        drawn.estimates[layer].value < enough && above(&drawn.difference(top, layer))
    };
    let all: Vec<usize> = (0..layers).filter(weak).collect();
    let (Some(&first), Some(&last)) = (all.first(), all.last()) else { return Strength::Level };
    match (first, last) {
        _ if last - first + 1 > all.len() => {
            Strength::Strongest(around(top, layers, |layer| !weak(&layer)))
        }
        (_, last) if last + 1 == layers => Strength::Weakens(first),
        (0, last) => Strength::Grows(last + 1),
        (first, last) => Strength::Dips(first..=last),
    }
}

fn sentence(drawn: &Drawn) -> Sentence {
    let (top, layers) = (top(drawn), drawn.estimates.len());
    let highest = drawn.estimates[top].value;
    let there = |layer: usize| drawn.estimates[layer].value >= STILL * highest;
    let rises = top > 0 && above(&drawn.difference(top, 0));
    if highest < ALIKE || !(there(0) || rises) {
        return Sentence::Apart;
    }
    let from = (0..layers).rev().take_while(|&layer| there(layer)).last();
    match from {
        Some(0) => Sentence::Throughout,
        Some(from) => Sentence::From(from..=layers - 1),
        None => Sentence::At(around(top, layers, there)),
    }
}

/// The curves that random weights have too.
fn untrained(curves: &Curves) -> Vec<(Curve, u32)> {
    let highest = |layers: &[super::CurvesLayer], curve: Curve| {
        let values = layers.iter().filter_map(|layer| curve.of(layer)).map(|found| found.value);
        values.fold(0.0, f64::max)
    };
    let of = |curve: Curve| {
        let random = highest(&curves.random_weights, curve);
        let own = highest(&curves.layers, curve);
        let least = match curve {
            Curve::Grammar | Curve::WordMeaning => random >= UNTRAINED,
            Curve::Sentence => random.min(own) >= ALIKE,
        };
        (least && random >= STILL * own).then(|| (curve, (100.0 * random).round() as u32))
    };
    Curve::ALL.into_iter().filter_map(of).collect()
}

/// `layer 3`, `layers 3 and 4`, `layers 3 to 5`.
fn named(layers: &Layers) -> String {
    match (layers.start(), layers.end()) {
        (a, b) if a == b => format!("layer {a}"),
        (a, b) if a + 1 == *b => format!("layers {a} and {b}"),
        (a, b) => format!("layers {a} to {b}"),
    }
}

impl Grammar {
    fn words(&self) -> String {
        match self {
            Self::Absent => "grammar is not above chance at any layer".to_owned(),
            Self::Level => "no difference in grammar between layers was found".to_owned(),
            Self::Clearest { at, course } => {
                let at = named(at);
                match course {
                    Course::Fades => format!("grammar is clearest at {at} and then fades"),
                    Course::Weakens => format!("grammar is clearest at {at} and then weakens"),
                    Course::Rises => format!("grammar rises and is clearest at {at}"),
                    Course::Unclear => format!("grammar is clearest at {at}"),
                }
            }
        }
    }
}

impl WordMeaning {
    fn words(&self, last: usize) -> String {
        match self {
            Self::Absent => "word meaning is not above chance at any layer".to_owned(),
            Self::FromTheStart(strength) => {
                let course = match strength {
                    Strength::Level => "stays about level".to_owned(),
                    Strength::Weakens(at) if *at == last => format!("weakens at layer {at}"),
                    Strength::Weakens(from) => format!("weakens from layer {from} on"),
                    Strength::Grows(to) => format!("grows up to layer {to}"),
                    Strength::Dips(layers) => format!("is weaker at {}", named(layers)),
                    Strength::Strongest(layers) => format!("is strongest at {}", named(layers)),
                };
                format!("word meaning is there from the start and {course}")
            }
            Self::At(layers) => {
                let place = match (layers.start(), layers.end()) {
                    (a, b) if a == b => format!("at layer {a}"),
                    (0, b) => format!("up to layer {b}"),
                    (a, b) if *b == last => format!("from layer {a} on"),
                    (a, b) => format!("from layer {a} to layer {b}"),
                };
                format!("word meaning is there {place}")
            }
        }
    }
}

impl Sentence {
    fn words(&self, last: usize) -> String {
        match self {
            Self::Apart => "the words of a sentence do not become more alike".to_owned(),
            Self::Throughout => "the words of a sentence are alike at every layer".to_owned(),
            Self::From(layers) if *layers.start() == last => {
                format!("at layer {last}, the words of a sentence become more alike")
            }
            Self::From(layers) => {
                let from = layers.start();
                format!("from layer {from} on, the words of a sentence become more alike")
            }
            Self::At(layers) => {
                format!("the words of a sentence are most alike at {}", named(layers))
            }
        }
    }
}
