//! How well stimuli keep apart what is to be measured from what is not, under one tokenizer.

use crate::{Design, ProbingError, Result, Stimuli, Word};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Where a target stands in one [item](crate::Item), as a tokenizer cuts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The place of its first token in the text, special tokens counted.
    pub position: usize,
    /// How many tokens it is cut into.
    pub sub_words: usize,
    /// Tokens of the whole text, special ones counted.
    pub tokens: usize,
    /// The token before the carrier (before the target, where there is none).
    pub before: String,
    /// The token after the target.
    pub after: String,
}

/// The balance of stimuli under one tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Whether every cell of a word has its target at the same positions.
    pub positions_equal: bool,
    /// The first and last position of a target, special tokens counted.
    pub positions: [usize; 2],
    /// Whether each word is cut into the same number of tokens everywhere.
    pub sub_words_equal: bool,
    /// The most tokens that a target is cut into.
    pub sub_words: usize,
    /// Mean length of the texts in tokens, by role.
    pub length_by_role: Vec<f64>,
    /// Mean length by sense, first against second sense of each word: the mean absolute difference.
    pub length_between_senses: f64,
    /// How well the two adjacent tokens alone tell the role.
    pub role_from_neighbours: Told,
    /// How well they tell the sense of a word.
    pub sense_from_neighbours: Told,
}

/// How well something is told by a naive Bayes rule (add-one smoothing) over the token before the
/// carrier and the token after the target, on contexts that it was not made from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The share of contexts that it gets right; ties count as their share.
    pub accuracy: f64,
    /// What guessing gets right.
    pub chance: f64,
}

impl Balance {
    /// Measures the balance of stimuli from the placement of the target in each of their
    /// [items](Stimuli::items), `[items]`. The role is told from the other words, the sense from the
    /// other roles of the word.
    ///
    /// # Errors
    /// A list of placements of another length.
    pub fn of(stimuli: &Stimuli, placements: &[Placement]) -> Result<Self> {
        let positions: Vec<usize> = placements.iter().map(|p| p.position).collect();
        let design = Design::new(stimuli, &positions)?;
        let items = stimuli.items();
        let contexts = stimuli.contexts();
        let first = positions.iter().copied().min();
        let last = positions.iter().copied().max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(ProbingError::Design { needed: "contexts" });
        };
        let pieces = |word: usize| {
            let own =
                items.iter().zip(placements).filter(move |(i, _)| contexts[i.context].word == word);
            own.map(|(_, p)| p.sub_words)
        };
        let words = 0..stimuli.words().len();
        let sub_words_equal = words.clone().all(|word| {
            let mut all = pieces(word);
            let first = all.next();
            all.all(|n| Some(n) == first)
        });
        let mean_length = |keep: &dyn Fn(usize) -> bool| {
            let own = items.iter().zip(placements).filter(|(i, _)| keep(i.context));
            let (sum, n) = own.fold((0, 0), |(sum, n), (_, p)| (sum + p.tokens, n + 1));
            sum as f64 / f64::from(n.max(1))
        };
        let length_by_role = (0..stimuli.roles().len())
            .map(|role| mean_length(&|context| contexts[context].role == role))
            .collect();
        let differences: Vec<f64> = words
            .map(|word| {
                let of = |sense| {
                    mean_length(&|c| contexts[c].word == word && contexts[c].sense == sense)
                };
                (of(0) - of(1)).abs()
            })
            .collect();
        Ok(Self {
            positions_equal: design.positions_balanced(),
            positions: [first, last],
            sub_words_equal,
            sub_words: placements.iter().map(|p| p.sub_words).max().unwrap_or(0),
            length_by_role,
            length_between_senses: differences.iter().sum::<f64>() / differences.len() as f64,
            role_from_neighbours: role_told(stimuli, placements),
            sense_from_neighbours: sense_told(stimuli, placements),
        })
    }
}

/// Counts of labels by neighbour; what has been counted can be taken out again.
#[derive(Default)]
struct Counts<'a> {
    of: HashMap<(bool, &'a str), HashMap<usize, f64>>,
    labels: HashMap<usize, f64>,
}

impl<'a> Counts<'a> {
    fn add(&mut self, placement: &'a Placement, label: usize, weight: f64) {
        *self.labels.entry(label).or_default() += weight;
        for key in [(false, placement.before.as_str()), (true, placement.after.as_str())] {
            *self.of.entry(key).or_default().entry(label).or_default() += weight;
        }
    }

    /// How right the rule is about one placement: 1, 0, or the share of a tie.
    fn right(&self, placement: &Placement, label: usize, labels: usize) -> f64 {
        let kinds = self.of.len() as f64;
        let score = |label: usize| -> f64 {
            let n = self.labels.get(&label).copied().unwrap_or(0.0);
            let seen = |key: (bool, &str)| {
                let hits = self.of.get(&key).and_then(|c| c.get(&label)).copied().unwrap_or(0.0);
                ((hits + 1.0) / (n + kinds)).ln()
            };
            (n + 1.0).ln() + seen((false, &placement.before)) + seen((true, &placement.after))
        };
        let scores: Vec<f64> = (0..labels).map(score).collect();
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tied = scores.iter().filter(|s| best - **s < 1e-9).count();
        if best - scores[label] < 1e-9 { 1.0 / tied as f64 } else { 0.0 }
    }
}

fn role_told(stimuli: &Stimuli, placements: &[Placement]) -> Told {
    let contexts = stimuli.contexts();
    let labelled: Vec<(usize, usize, &Placement)> = (stimuli.items().iter().zip(placements))
        .map(|(item, p)| (contexts[item.context].word, contexts[item.context].role, p))
        .collect();
    let mut counts = Counts::default();
    labelled.iter().for_each(|(_, role, p)| counts.add(p, *role, 1.0));
    let mut right = 0.0;
    for word in 0..stimuli.words().len() {
        let own = || labelled.iter().filter(|l| l.0 == word);
        own().for_each(|(_, role, p)| counts.add(p, *role, -1.0));
        right +=
            own().map(|(_, role, p)| counts.right(p, *role, stimuli.roles().len())).sum::<f64>();
        own().for_each(|(_, role, p)| counts.add(p, *role, 1.0));
    }
    let chance = 1.0 / stimuli.roles().len() as f64;
    Told { accuracy: right / labelled.len() as f64, chance }
}

/// The sense in a role is told from the other roles of the word, which have both senses equally
/// often: one context left out alone would leave its own sense the rarer one.
fn sense_told(stimuli: &Stimuli, placements: &[Placement]) -> Told {
    let contexts = stimuli.contexts();
    let items = stimuli.items();
    let (mut right, mut chance) = (0.0, 0.0);
    for (word, Word { senses, .. }) in stimuli.words().iter().enumerate() {
        let own: Vec<(usize, usize, &Placement)> = (items.iter().zip(placements))
            .map(|(item, p)| (&contexts[item.context], p))
            .filter(|(context, _)| context.word == word)
            .map(|(context, p)| (context.role, context.sense, p))
            .collect();
        for role in 0..stimuli.roles().len() {
            let mut counts = Counts::default();
            own.iter().filter(|l| l.0 != role).for_each(|(_, s, p)| counts.add(p, *s, 1.0));
            let held_out = own.iter().filter(|l| l.0 == role);
            right += held_out.map(|(_, s, p)| counts.right(p, *s, senses.len())).sum::<f64>();
        }
        chance += own.len() as f64 / senses.len() as f64;
    }
    Told { accuracy: right / items.len() as f64, chance: chance / items.len() as f64 }
}
