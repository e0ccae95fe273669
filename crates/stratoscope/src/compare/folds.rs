//! The runs of an alignment that are folded where it is written: they are long and say little.

use super::{AlignedWord, EditKind, SentenceComparison};
use std::ops::Range;

/// A run of so many adjacent words that only one sentence has is folded, but for its two ends.
const UNMATCHED: usize = 5;

/// A run of so many adjacent kept words is folded, but for two words at each end.
const KEPT: usize = 12;

impl SentenceComparison {
    /// The folded runs of steps, in order.
    ///
    /// A run of 5 or more adjacent steps of words that only one sentence has is folded, without its
    /// first and its last step; a run of 12 or more adjacent kept words, without two at each end. Words
    /// that part, the kept word that moves most and words at other places are not folded: they end a run.
    pub(super) fn folds(&self) -> Vec<Range<usize>> {
        let named = |step: usize| {
            self.alignment[step].parts.is_some()
                || self.moved.is_some_and(|moved| moved.word == step)
                || self.displaced.iter().any(|word| word.steps.contains(&step))
        };
        folds(&self.alignment, named)
    }
}

/// What a run is of.
#[derive(PartialEq)]
enum Kind {
    Kept,
    First,
    Second,
}

fn folds(alignment: &[AlignedWord], named: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let kind = |step: usize| match alignment[step].edit {
        _ if named(step) => None,
        EditKind::Kept => Some(Kind::Kept),
        EditKind::Deleted => Some(Kind::First),
        EditKind::Inserted => Some(Kind::Second),
        EditKind::Replaced => None,
    };
    let mut found = Vec::new();
    let mut start = 0;
    while start < alignment.len() {
        let own = kind(start);
        let end = (start..alignment.len()).find(|&step| kind(step) != own);
        let end = end.unwrap_or(alignment.len());
        let (least, ends) = match own {
            Some(Kind::Kept) => (KEPT, 2),
            Some(Kind::First | Kind::Second) => (UNMATCHED, 1),
            None => (usize::MAX, 0),
        };
        if end - start >= least {
            found.push(start + ends..end - ends);
        }
        start = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `=` kept, `-` deleted, `+` inserted, `/` replaced.
    fn of(edits: &str, named: &[usize]) -> Vec<[usize; 2]> {
        let word = |edit: char| AlignedWord {
            edit: match edit {
                '=' => EditKind::Kept,
                '-' => EditKind::Deleted,
                '+' => EditKind::Inserted,
                _ => EditKind::Replaced,
            },
            first: None,
            second: None,
            content: true,
            begins: None,
            parts: None,
        };
        let all: Vec<AlignedWord> = edits.chars().map(word).collect();
        let found = folds(&all, |step| named.contains(&step));
        found.iter().map(|run| [run.start, run.end]).collect()
    }

    #[test]
    fn long_runs_are_folded_and_their_ends_are_not() {
        assert_eq!(of("==++++==", &[]), [[0; 2]; 0]);
        assert_eq!(of("=+++++=", &[]), [[2, 5]]);
        assert_eq!(of("------+++++", &[]), [[1, 5], [7, 10]]);
        assert_eq!(of("===========/", &[]), [[0; 2]; 0]);
        assert_eq!(of("============/", &[]), [[2, 10]]);
        assert_eq!(of("//////", &[]), [[0; 2]; 0]);
        assert_eq!(of("", &[]), [[0; 2]; 0]);
        // A named word ends a run.
        assert_eq!(of("+++++", &[2]), [[0; 2]; 0]);
        assert_eq!(of("=============", &[0]), [[3, 11]]);
    }
}
