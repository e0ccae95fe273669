//! What one way to make and compare vectors scores on pairs of texts, also on resamples of the pairs.

use super::data::TextPairs;
use ndarray::{Array2, ArrayView1, ArrayView2};
use std::collections::HashMap;
use stratoscope_numerics::{Ranked, resampled_partial, resampled_spearman};

/// The units over which scores are computed: pairs with scores, or queries.
pub(super) enum Units {
    /// The scores of the pairs, in their order.
    Scored(Ranked),
    /// For each query its relevant texts. Candidates are all texts that are relevant to a query.
    Queries { queries: Vec<(usize, Vec<usize>)>, candidates: Vec<usize> },
}

/// One column: the similarity of each pair, or the ranks of the relevant texts of each query.
pub(super) enum Column {
    Similarities(Ranked),
    /// `[queries]`: the rank of each relevant text among the candidates, from 1, ascending.
    Ranks(Vec<Vec<f64>>),
}

/// The depths at which recall is computed.
pub(super) const DEPTHS: [usize; 3] = [1, 5, 10];

impl Units {
    pub(super) fn of(pairs: &TextPairs) -> Self {
        if pairs.has_scores() {
            let scores: Vec<f64> = pairs.pairs().iter().filter_map(|pair| pair.score).collect();
            return Self::Scored(Ranked::new(&scores));
        }
        let mut queries: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut places = HashMap::new();
        let mut candidates: Vec<usize> = Vec::new();
        for pair in pairs.pairs() {
            let [query, relevant] = pair.texts;
            let place = *places.entry(query).or_insert_with(|| {
                queries.push((query, Vec::new()));
                queries.len() - 1
            });
            if !queries[place].1.contains(&relevant) {
                queries[place].1.push(relevant);
            }
            candidates.push(relevant);
        }
        candidates.sort_unstable();
        candidates.dedup();
        Self::Queries { queries, candidates }
    }

    /// The number of units.
    pub(super) fn len(&self, pairs: &TextPairs) -> usize {
        match self {
            Self::Scored(_) => pairs.pairs().len(),
            Self::Queries { queries, .. } => queries.len(),
        }
    }

    /// `[units]`: a pair of each unit.
    pub(super) fn pair_of(&self, pairs: &TextPairs) -> Vec<usize> {
        match self {
            Self::Scored(_) => (0..pairs.pairs().len()).collect(),
            Self::Queries { queries, .. } => {
                let mut first = HashMap::new();
                for (index, pair) in pairs.pairs().iter().enumerate() {
                    first.entry(pair.texts[0]).or_insert(index);
                }
                queries.iter().map(|(query, _)| first[query]).collect()
            }
        }
    }

    /// The column of vectors `[texts, d]`, which are prepared for their metric.
    pub(super) fn column(&self, pairs: &TextPairs, vectors: Array2<f64>) -> Column {
        let unit = unit_rows(vectors);
        match self {
            Self::Scored(_) => {
                let pairs = pairs.pairs().iter();
                let cosine = |[a, b]: [usize; 2]| tied(unit.row(a).dot(&unit.row(b)));
                let cosines: Vec<f64> = pairs.map(|pair| cosine(pair.texts)).collect();
                Column::Similarities(Ranked::new(&cosines))
            }
            Self::Queries { queries, candidates } => {
                let of = unit.select(ndarray::Axis(0), candidates);
                let rank = |(query, relevant): &(usize, Vec<usize>)| {
                    ranks(unit.row(*query), of.view(), *query, relevant, candidates)
                };
                Column::Ranks(queries.iter().map(rank).collect())
            }
        }
    }

    /// The score of a column in a resample that has the units `counts` times: Spearman's correlation of
    /// similarity and score, or the mean reciprocal rank of the first relevant text.
    pub(super) fn score(&self, column: &Column, counts: &[u32], work: &mut Work) -> Option<f64> {
        match (self, column) {
            (Self::Scored(scores), Column::Similarities(similarities)) => {
                if work.of != counts {
                    scores.ranks(counts, &mut work.scores);
                    work.of = counts.to_vec();
                }
                similarities.ranks(counts, &mut work.own);
                resampled_spearman(&work.own, &work.scores, counts)
            }
            (_, Column::Ranks(ranks)) => {
                mean(ranks.iter().map(|of| of.first().map_or(0.0, |rank| 1.0 / rank)), counts)
            }
            (_, Column::Similarities(_)) => None,
        }
    }

    /// [`score`](Self::score) given the lengths of both texts, as ranks: the partial correlation.
    pub(super) fn given(
        &self,
        column: &Column,
        lengths: &[Ranked; 2],
        counts: &[u32],
        work: &mut Work,
    ) -> Option<f64> {
        let (Self::Scored(scores), Column::Similarities(similarities)) = (self, column) else {
            return None;
        };
        scores.ranks(counts, &mut work.scores);
        similarities.ranks(counts, &mut work.own);
        let mut given = vec![Vec::new(); lengths.len()];
        for (lengths, ranks) in lengths.iter().zip(&mut given) {
            lengths.ranks(counts, ranks);
        }
        resampled_partial(&work.own, &work.scores, &given, counts)
    }
}

/// Memory for ranks.
#[derive(Default)]
pub(super) struct Work {
    own: Vec<f64>,
    scores: Vec<f64>,
    /// The resample of `scores`.
    of: Vec<u32>,
}

/// The mean over queries of the share of relevant texts among the first `depth` candidates.
pub(super) fn recall(ranks: &[Vec<f64>], depth: usize, counts: &[u32]) -> Option<f64> {
    let share = |of: &Vec<f64>| {
        let found = of.iter().filter(|rank| **rank <= depth as f64).count();
        found as f64 / of.len().max(1) as f64
    };
    mean(ranks.iter().map(share), counts)
}

fn mean(values: impl Iterator<Item = f64>, counts: &[u32]) -> Option<f64> {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let sum: f64 = values.zip(counts).map(|(value, &count)| value * f64::from(count)).sum();
    (total > 0.0).then(|| sum / total)
}

/// The ranks of the relevant texts of a query among the candidates, ascending. The query itself is no
/// candidate, and other relevant texts do not count. Equal similarities share their mean rank.
fn ranks(
    query: ArrayView1<'_, f64>,
    candidates: ArrayView2<'_, f64>,
    own: usize,
    relevant: &[usize],
    texts: &[usize],
) -> Vec<f64> {
    let similarities = candidates.dot(&query).mapv_into(tied);
    let mut ranks = Vec::with_capacity(relevant.len());
    for of in relevant {
        let Ok(place) = texts.binary_search(of) else { continue };
        let (mut above, mut equal) = (0, 0);
        for (text, similarity) in texts.iter().zip(&similarities) {
            if *text == own || relevant.contains(text) {
                continue;
            }
            above += usize::from(*similarity > similarities[place]);
            equal += usize::from(*similarity == similarities[place]);
        }
        ranks.push(1.0 + above as f64 + equal as f64 / 2.0);
    }
    ranks.sort_unstable_by(f64::total_cmp);
    ranks
}

/// A cosine to twelve decimals: cosines of equal vectors are tied, although their sums round differently.
fn tied(cosine: f64) -> f64 {
    (cosine * 1e12).round() / 1e12
}

/// The rows, each divided by its length; rows of length 0 stay.
fn unit_rows(mut rows: Array2<f64>) -> Array2<f64> {
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn relevant_texts_have_their_ranks_among_the_others() {
        let pairs = TextPairs::parse(b"q\ta\nq\tb\nr\tc\na\td\n", "f").unwrap();
        let units = Units::of(&pairs);
        // In the order of the texts: q, a, b, r, c, d.
        let vectors =
            array![[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.0, 2.0], [1.0, 1.0], [2.0, 0.0],];
        let Column::Ranks(found) = units.column(&pairs, vectors) else { panic!() };
        // q: d is nearer than a; of b, also c is. r: b is nearer than c. a: itself is no candidate.
        assert_eq!(found, [vec![2.0, 3.0], vec![2.0], vec![1.0]]);
        let once = [1, 1, 1];
        assert_eq!(recall(&found, 1, &once), Some(1.0 / 3.0));
        assert_eq!(recall(&found, 2, &once), Some((0.5 + 1.0 + 1.0) / 3.0));
        assert_eq!(recall(&found, 1, &[0, 0, 2]), Some(1.0));
        let column = Column::Ranks(found);
        let mean = units.score(&column, &once, &mut Work::default()).unwrap();
        assert!((mean - 2.0 / 3.0).abs() < 1e-15, "{mean}");
    }
}
