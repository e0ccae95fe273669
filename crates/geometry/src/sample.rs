//! Random samples of rows.

use rand::Rng;
use rand::seq::{SliceRandom, index};
use stratoscope_numerics::generator;

use crate::groups::rows_by_group;

/// `max` of n row numbers, drawn without replacement, ascending; all where n is not above `max`. For
/// measures of all pairs: take the same rows at every layer.
pub fn choose_rows(n: usize, max: usize, seed: u64) -> Vec<usize> {
    if n <= max {
        return (0..n).collect();
    }
    let mut rows = index::sample(&mut generator(seed), n, max).into_vec();
    rows.sort_unstable();
    rows
}

/// At most `max` rows of word types that occur at least `occurrences` times, ascending. Types are
/// taken in a random order, each with up to `per_type` random rows, until the next type would exceed
/// `max`. `words` `[n]` names the type of each row.
pub fn choose_occurrences(
    words: &[usize],
    occurrences: usize,
    per_type: usize,
    max: usize,
    seed: u64,
) -> Vec<usize> {
    let mut rng = generator(seed);
    let mut types: Vec<Vec<usize>> =
        rows_by_group(words).into_values().filter(|rows| rows.len() >= occurrences).collect();
    types.shuffle(&mut rng);
    let mut chosen = Vec::new();
    for rows in types {
        let take = rows.len().min(per_type);
        if take == 0 || chosen.len() + take > max {
            break;
        }
        let drawn = index::sample(&mut rng, rows.len(), take);
        chosen.extend(drawn.iter().map(|place| rows[place]));
    }
    chosen.sort_unstable();
    chosen
}

/// `count` random pairs of rows from different sentences: the reference of a difference between two
/// words. `sentences` `[n]` names the sentence of each row. None where all rows are of one sentence.
pub fn random_pairs(sentences: &[usize], count: usize, seed: u64) -> Option<Vec<(usize, usize)>> {
    let groups: Vec<Vec<usize>> = rows_by_group(sentences).into_values().collect();
    if groups.len() < 2 {
        return None;
    }
    // Rows in the order of their sentences, each with the start and length of its sentence.
    let runs = groups.iter().scan(0, |end, rows| {
        let start = *end;
        *end += rows.len();
        Some(vec![(start, rows.len()); rows.len()])
    });
    let runs: Vec<(usize, usize)> = runs.flatten().collect();
    let rows: Vec<usize> = groups.concat();
    let mut rng = generator(seed);
    let pair = || {
        let first = rng.gen_range(0..rows.len());
        let (start, length) = runs[first];
        let second = rng.gen_range(0..rows.len() - length);
        let second = if second < start { second } else { second + length };
        (rows[first], rows[second])
    };
    Some(std::iter::repeat_with(pair).take(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_seeded_and_bounded() {
        let rows = choose_rows(1000, 50, 4);
        assert_eq!(rows.len(), 50);
        assert!(rows.windows(2).all(|w| w[0] < w[1]) && rows[49] < 1000);
        assert_eq!(rows, choose_rows(1000, 50, 4));
        assert_ne!(rows, choose_rows(1000, 50, 5));
        assert_eq!(choose_rows(3, 50, 4), [0, 1, 2]);
        assert!(choose_rows(0, 0, 0).is_empty());

        // Type t occurs t times.
        let words: Vec<usize> = (0..30).flat_map(|t| vec![t; t]).collect();
        let chosen = choose_occurrences(&words, 5, 8, 100, 1);
        assert!(chosen.len() <= 100 && chosen.len() > 90);
        for t in 0..30 {
            let rows = chosen.iter().filter(|&&row| words[row] == t).count();
            assert!(rows == 0 || (t >= 5 && rows == t.min(8)), "{t}: {rows}");
        }
        assert!(choose_occurrences(&[], 5, 8, 100, 1).is_empty());
        assert!(choose_occurrences(&words, 0, 0, 100, 1).is_empty());
    }

    #[test]
    fn random_pairs_are_of_two_sentences() {
        let sentences = [0, 0, 0, 1, 2, 2];
        let pairs = random_pairs(&sentences, 200, 3).unwrap();
        assert_eq!(pairs.len(), 200);
        assert!(pairs.iter().all(|&(a, b)| sentences[a] != sentences[b]));
        let one: Vec<bool> = (0..6).map(|row| pairs.iter().any(|p| p.1 == row)).collect();
        assert_eq!(one, [true; 6]);
        assert_eq!(random_pairs(&[4, 4], 3, 3), None);
        assert_eq!(random_pairs(&[], 3, 3), None);
    }
}
