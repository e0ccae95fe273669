//! The alignment of the words of two sentences.

use crate::error::{GeometryError, Result};

/// An edit from one sentence to another, with the indices of the words, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The same word in both.
    Equal(usize, usize),
    /// A word that is replaced by another.
    Substituted(usize, usize),
    /// A word of the first sentence alone.
    Deleted(usize),
    /// A word of the second sentence alone.
    Inserted(usize),
}

/// The largest table; words that both sentences begin or end with are not in it.
const MAX_CELLS: usize = 1 << 26;

/// The shortest sequence of edits of whole words from `a` to `b` (Levenshtein 1966; Wagner & Fischer
/// 1974), in order. Words are compared as strings. Of several shortest sequences the choice is
/// deterministic: a common beginning and end of the sentences is aligned first, then, from the end
/// backwards, a pair of words is preferred to a deletion, and a deletion to an insertion.
///
/// # Errors
/// Sentences whose differing parts are so long that the table has more than 2²⁶ cells.
pub fn align_words<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B]) -> Result<Vec<Edit>> {
    let same = |i: usize, j: usize| a[i].as_ref() == b[j].as_ref();
    let shorter = a.len().min(b.len());
    let start = (0..shorter).take_while(|&i| same(i, i)).count();
    let tail = (1..=shorter - start).take_while(|k| same(a.len() - k, b.len() - k)).count();
    let (rows, columns) = (a.len() - start - tail, b.len() - start - tail);
    let width = columns + 1;
    let cells = (rows + 1).saturating_mul(width);
    if cells > MAX_CELLS {
        let what = "cells of an alignment of words";
        return Err(GeometryError::TooMany { what, max: MAX_CELLS, found: cells });
    }
    // costs[i][j]: the number of edits between the first i and the first j words of the middle.
    let mut costs = vec![0u32; cells];
    for i in 0..=rows {
        for j in 0..=columns {
            let mut fewest = if i + j == 0 { 0 } else { u32::MAX };
            if i > 0 && j > 0 {
                let change = u32::from(!same(start + i - 1, start + j - 1));
                fewest = costs[(i - 1) * width + j - 1] + change;
            }
            if i > 0 {
                fewest = fewest.min(costs[(i - 1) * width + j] + 1);
            }
            if j > 0 {
                fewest = fewest.min(costs[i * width + j - 1] + 1);
            }
            costs[i * width + j] = fewest;
        }
    }
    let mut back = Vec::new();
    let (mut i, mut j) = (rows, columns);
    while i + j > 0 {
        let cost = costs[i * width + j];
        let (word_a, word_b) = ((start + i).wrapping_sub(1), (start + j).wrapping_sub(1));
        let equal = i > 0 && j > 0 && same(word_a, word_b);
        if i > 0 && j > 0 && costs[(i - 1) * width + j - 1] + u32::from(!equal) == cost {
            let edit = if equal { Edit::Equal } else { Edit::Substituted };
            back.push(edit(word_a, word_b));
            (i, j) = (i - 1, j - 1);
        } else if i > 0 && costs[(i - 1) * width + j] + 1 == cost {
            back.push(Edit::Deleted(word_a));
            i -= 1;
        } else {
            back.push(Edit::Inserted(word_b));
            j -= 1;
        }
    }
    let first = (0..start).map(|i| Edit::Equal(i, i));
    let last = (1..=tail).rev().map(|k| Edit::Equal(a.len() - k, b.len() - k));
    Ok(first.chain(back.into_iter().rev()).chain(last).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Edit::*;

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    fn aligned(a: &str, b: &str) -> Vec<Edit> {
        align_words(&words(a), &words(b)).unwrap()
    }

    #[test]
    fn alignments_with_known_answers() {
        assert_eq!(aligned("a b c", "a b c"), [Equal(0, 0), Equal(1, 1), Equal(2, 2)]);
        assert_eq!(aligned("a b c", "a x c"), [Equal(0, 0), Substituted(1, 1), Equal(2, 2)]);
        assert_eq!(aligned("a c", "a b c"), [Equal(0, 0), Inserted(1), Equal(1, 2)]);
        assert_eq!(aligned("a b c", "c"), [Deleted(0), Deleted(1), Equal(2, 0)]);
        assert_eq!(aligned("", "a b"), [Inserted(0), Inserted(1)]);
        assert_eq!(aligned("", ""), []);
        assert_eq!(aligned("b a", "a b"), [Substituted(0, 0), Substituted(1, 1)]);
        let moved = [Substituted(0, 0), Equal(1, 1), Deleted(2), Equal(3, 2), Equal(4, 3)];
        assert_eq!(aligned("the old bank has closed", "an old has closed"), moved);
        assert_eq!(aligned("a a a", "a a"), [Equal(0, 0), Equal(1, 1), Deleted(2)]);
    }

    #[test]
    fn every_word_is_named_once_and_in_order() {
        let letters = ["a", "b", "c"];
        for code in 0..3usize.pow(6) {
            let digit = |k: u32| letters[code / 3usize.pow(k) % 3];
            let (a, b) = ([0, 1, 2, 3].map(digit), [4, 5, 0, 2].map(digit));
            let edits = align_words(&a, &b).unwrap();
            let (mut i, mut j) = (0, 0);
            for edit in edits {
                let (word_a, word_b) = match edit {
                    Equal(i, j) => (Some(i), Some(j)),
                    Substituted(i, j) => (Some(i), Some(j)),
                    Deleted(i) => (Some(i), None),
                    Inserted(j) => (None, Some(j)),
                };
                assert_eq!(matches!(edit, Equal(..)), word_a.map(|i| a[i]) == word_b.map(|j| b[j]));
                i += usize::from(word_a.is_some_and(|at| at == i));
                j += usize::from(word_b.is_some_and(|at| at == j));
            }
            assert_eq!((i, j), (4, 4));
        }
    }

    #[test]
    fn sentences_that_are_too_long() {
        let (a, b) = (vec!["a"; 20_000], vec!["b"; 20_000]);
        assert!(matches!(align_words(&a, &b), Err(GeometryError::TooMany { .. })));
        assert_eq!(align_words(&a, &a).unwrap().len(), 20_000);
    }
}
