//! The balance of stimuli under one tokenizer: confounds of sense and role.

use crate::design::Design;
use crate::error::{ProbingError, Result};
use crate::stimuli::{Stimuli, Word};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The target in the tokens of one [item](crate::Item).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The index of the first token of the target in the text, special tokens included.
    pub position: usize,
    /// The number of tokens of the target.
    pub sub_words: usize,
    /// The number of tokens of the text, special tokens included.
    pub tokens: usize,
    /// The token before the carrier, or before the target where there is no carrier.
    pub before: String,
    /// The token after the target.
    pub after: String,
}

/// The balance of stimuli under one tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Whether every cell of a word has the target at the same positions.
    pub positions_equal: bool,
    /// The first and last position of a target, special tokens included.
    pub positions: [usize; 2],
    /// Whether each word has the same number of tokens in all contexts.
    pub sub_words_equal: bool,
    /// The largest number of tokens of a target.
    pub sub_words: usize,
    /// The mean length of the texts in tokens, by role.
    pub length_by_role: Vec<f64>,
    /// The mean absolute difference in length between the first and second sense of each word.
    pub length_between_senses: f64,
    /// The prediction of the role from the two adjacent tokens alone.
    pub role_from_neighbours: Predictability,
    /// The prediction of the sense of a word from the two adjacent tokens alone.
    pub sense_from_neighbours: Predictability,
}

/// The cross-validated accuracy of naive Bayes (add-one smoothing) on the token before the carrier and
/// the token after the target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Predictability {
    /// The share of correct predictions; a tie of k labels counts 1 / k.
    pub accuracy: f64,
    /// The accuracy by chance.
    pub chance: f64,
}

impl Balance {
    /// Measures the balance of stimuli; `placements` `[items]` are those of the target in the
    /// [items](Stimuli::items). The role is predicted from the other words, the sense from the other
    /// roles of the same word.
    ///
    /// # Errors
    /// A list of placements of a different length.
    pub fn of(stimuli: &Stimuli, placements: &[Placement]) -> Result<Self> {
        let positions: Vec<usize> = placements.iter().map(|p| p.position).collect();
        let design = Design::new(stimuli, &positions)?;
        let items = stimuli.items();
        let contexts = stimuli.contexts();
        let first = positions.iter().copied().min();
        let last = positions.iter().copied().max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(ProbingError::Design { needed: "at least one context" });
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
            role_from_neighbours: role_predictability(stimuli, placements),
            sense_from_neighbours: sense_predictability(stimuli, placements),
        })
    }
}

/// Counts of labels by adjacent token; a negative weight removes a count.
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

    /// The score of the prediction of one placement: 1, 0, or 1 / k for a tie of k labels.
    fn score(&self, placement: &Placement, label: usize, labels: usize) -> f64 {
        let kinds = self.of.len() as f64;
        let log_score = |label: usize| -> f64 {
            let n = self.labels.get(&label).copied().unwrap_or(0.0);
            let seen = |key: (bool, &str)| {
                let hits = self.of.get(&key).and_then(|c| c.get(&label)).copied().unwrap_or(0.0);
                ((hits + 1.0) / (n + kinds)).ln()
            };
            (n + 1.0).ln() + seen((false, &placement.before)) + seen((true, &placement.after))
        };
        let scores: Vec<f64> = (0..labels).map(log_score).collect();
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tied = scores.iter().filter(|s| best - **s < 1e-9).count();
        if best - scores[label] < 1e-9 { 1.0 / tied as f64 } else { 0.0 }
    }
}

fn role_predictability(stimuli: &Stimuli, placements: &[Placement]) -> Predictability {
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
            own().map(|(_, role, p)| counts.score(p, *role, stimuli.roles().len())).sum::<f64>();
        own().for_each(|(_, role, p)| counts.add(p, *role, 1.0));
    }
    let chance = 1.0 / stimuli.roles().len() as f64;
    Predictability { accuracy: right / labelled.len() as f64, chance }
}

/// The sense in a role is predicted from the other roles of the word, in which all senses are equally
/// frequent. Leaving out a single context would make its own sense less frequent.
fn sense_predictability(stimuli: &Stimuli, placements: &[Placement]) -> Predictability {
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
            right += held_out.map(|(_, s, p)| counts.score(p, *s, senses.len())).sum::<f64>();
        }
        chance += own.len() as f64 / senses.len() as f64;
    }
    Predictability { accuracy: right / items.len() as f64, chance: chance / items.len() as f64 }
}
