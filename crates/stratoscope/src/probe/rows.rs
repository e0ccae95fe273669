//! The rows of a probe: words or texts with labels.

use super::ProbeError;
use crate::Result;
use std::collections::BTreeMap;
use stratoscope_extractor::{ChosenWords, Text};
use stratoscope_probing::{Split, Task};

/// A row: a word or a whole text, with its labels.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The index of the text.
    pub(super) text: usize,
    /// The index of the word in the text; 0 for a whole text.
    pub(super) word: usize,
    /// `[labels]`: the class of each label.
    pub(super) labels: Vec<String>,
    /// The word form in lower case.
    pub(super) form: String,
    /// The lemma in lower case; the form if no lemma is annotated.
    pub(super) lemma: String,
    pub(super) part: Split,
}

/// All rows, in the order of texts and words.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) texts: Vec<Text>,
    /// `[texts]`: the cluster of each text; the bootstrap resamples whole clusters.
    pub(super) clusters: Vec<usize>,
    /// Whether a row is a whole text.
    pub(super) whole: bool,
    /// The names of the labels.
    pub(super) labels: Vec<String>,
    pub(super) items: Vec<Item>,
    /// The number of words that passed the filters and have no label.
    pub(super) unlabelled: usize,
    /// Whether lemmas are annotated.
    pub(super) has_lemmas: bool,
}

impl Rows {
    /// `[texts]`: the words of each text that have a row.
    pub(super) fn chosen(&self) -> Vec<Vec<usize>> {
        let mut chosen = vec![Vec::new(); self.texts.len()];
        self.items.iter().for_each(|item| chosen[item.text].push(item.word));
        chosen
    }

    /// Keeps the rows that have states.
    pub(super) fn keep(&mut self, chosen: &ChosenWords) -> Result<()> {
        let mut kept = chosen.rows().peekable();
        self.items.retain(|item| kept.next_if_eq(&(item.text, item.word)).is_some());
        self.check(|| "; all such words have no token in this model".to_owned())
    }

    /// Refuses rows without a row for training or for the test; `hint` says why there is none.
    pub(super) fn check(&self, hint: impl Fn() -> String) -> Result<()> {
        for (part, name) in [(Split::Train, "train"), (Split::Test, "test")] {
            if !self.items.iter().any(|item| item.part == part) {
                let (label, hint) = (self.labels.join(" and "), hint());
                return Err(ProbeError::NoWords { part: name, label, hint }.into());
            }
        }
        Ok(())
    }

    /// The classes of a label, sorted, with the number of rows in each part.
    pub(super) fn classes(&self, label: usize) -> BTreeMap<&str, [usize; 3]> {
        let mut classes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for item in &self.items {
            let counts = classes.entry(&item.labels[label]).or_default();
            counts[match item.part {
                Split::Train => 0,
                Split::Dev => 1,
                Split::Test => 2,
            }] += 1;
        }
        classes
    }

    /// The task of a label; the lookup baseline is by form or by lemma.
    pub(super) fn task(&self, label: usize, by_lemma: bool) -> Task {
        let numbers = |of: &dyn Fn(&Item) -> &str| -> Vec<usize> {
            let mut known: BTreeMap<&str, usize> =
                self.items.iter().map(|item| (of(item), 0)).collect();
            known.values_mut().enumerate().for_each(|(index, number)| *number = index);
            self.items.iter().map(|item| known[of(item)]).collect()
        };
        let lemmas = match self.whole {
            // Whole texts have no lemmas, so that no row counts as unseen.
            true => vec![0; self.items.len()],
            false => numbers(&|item| &item.lemma),
        };
        Task {
            labels: numbers(&|item| &item.labels[label]),
            types: numbers(&|item| if by_lemma { &item.lemma } else { &item.form }),
            lemmas,
            clusters: self.items.iter().map(|item| self.clusters[item.text]).collect(),
            splits: self.items.iter().map(|item| item.part).collect(),
        }
    }
}
