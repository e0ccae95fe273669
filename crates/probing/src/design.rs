//! The design: word, sense, role and position of each context.

use crate::error::{ProbingError, Result};
use crate::stimuli::Stimuli;
use std::collections::BTreeMap;

/// The crossed design of some contexts, with one vector per context.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// `[contexts]`: index of the word, from 0, without gaps.
    pub word: Vec<usize>,
    /// `[contexts]`: index of the sense within its word.
    pub sense: Vec<usize>,
    /// `[contexts]`: index of the role.
    pub role: Vec<usize>,
    /// `[contexts]`: the positions of the target; the vector is the mean over them.
    pub positions: Vec<Vec<usize>>,
}

impl Design {
    /// The design of stimuli; `positions` `[items]` are the positions of the target in the
    /// [items](Stimuli::items).
    ///
    /// # Errors
    /// A list of positions of a different length.
    pub fn new(stimuli: &Stimuli, positions: &[usize]) -> Result<Self> {
        let items = stimuli.items();
        if items.len() != positions.len() {
            let (expected, found) = (items.len(), positions.len());
            return Err(ProbingError::Length { what: "positions", expected, found });
        }
        let mut of = vec![Vec::new(); stimuli.contexts().len()];
        for (item, &position) in items.iter().zip(positions) {
            of[item.context].push(position);
        }
        Ok(Self {
            word: stimuli.contexts().iter().map(|c| c.word).collect(),
            sense: stimuli.contexts().iter().map(|c| c.sense).collect(),
            role: stimuli.contexts().iter().map(|c| c.role).collect(),
            positions: of,
        })
    }

    /// Whether every cell of a word has the target at the same positions, equally often. Otherwise
    /// position is confounded with sense or role, and has to be removed first.
    pub fn positions_balanced(&self) -> bool {
        let mut cells: BTreeMap<(usize, usize, usize), BTreeMap<usize, f64>> = BTreeMap::new();
        let mut sizes: BTreeMap<(usize, usize, usize), f64> = BTreeMap::new();
        for (context, positions) in self.positions.iter().enumerate() {
            let cell = (self.word[context], self.sense[context], self.role[context]);
            *sizes.entry(cell).or_default() += 1.0;
            for &position in positions {
                *cells.entry(cell).or_default().entry(position).or_default() +=
                    1.0 / positions.len() as f64;
            }
        }
        for (cell, shares) in &mut cells {
            let size = sizes.get(cell).copied().unwrap_or(1.0);
            shares.values_mut().for_each(|share| *share /= size);
        }
        let alike = |a: &BTreeMap<usize, f64>, b: &BTreeMap<usize, f64>| {
            a.len() == b.len()
                && a.iter().zip(b).all(|((p, x), (q, y))| p == q && (x - y).abs() < 1e-9)
        };
        let mut first: BTreeMap<usize, &BTreeMap<usize, f64>> = BTreeMap::new();
        cells.iter().all(|(&(word, _, _), shares)| {
            let reference = first.entry(word).or_insert(shares);
            alike(reference, shares)
        })
    }

    /// The contexts of each word, `[words]`.
    pub(crate) fn by_word(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.word.iter().map(|w| w + 1).max().unwrap_or(0)];
        for (context, &word) in self.word.iter().enumerate() {
            rows[word].push(context);
        }
        rows
    }

    pub(crate) fn check(&self) -> Result<()> {
        let n = self.word.len();
        for (what, found) in [
            ("senses", self.sense.len()),
            ("roles", self.role.len()),
            ("positions", self.positions.len()),
        ] {
            if found != n {
                return Err(ProbingError::Length { what, expected: n, found });
            }
        }
        if self.by_word().iter().filter(|rows| !rows.is_empty()).count() < 2 {
            return Err(ProbingError::Design { needed: "at least two words" });
        }
        Ok(())
    }
}
