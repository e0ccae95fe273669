//! The area under the ROC curve, and percentile ranks.

use stratoscope_numerics::{Estimate, bootstrap, generator};

use crate::checks::same_length;
use crate::error::{GeometryError, Result};
use crate::groups::rows_by_group;

/// The area under the ROC curve: the probability that a positive item has a higher score than a
/// negative one, where a tie counts one half (Mann & Whitney 1947). 0.5 by chance, 1 where a
/// threshold separates the two classes.
///
/// `scores` and `positive` are `[n]`. In the word-in-context task an item is a pair of sentences, its
/// score a cosine, and a positive pair has one sense. The interval is a bootstrap over the n items;
/// resamples of one class are left out.
///
/// # Errors
/// Different lengths, no positive or no negative item, a score that is not finite.
pub fn auc(scores: &[f64], positive: &[bool], seed: u64) -> Result<Estimate> {
    auc_by_group(scores, positive, &(0..scores.len()).collect::<Vec<_>>(), seed)
}

/// [`auc`] with an interval over groups: the bootstrap resamples items of one group (pairs of
/// sentences with the same word, for example) together. `groups` is `[n]`; the `n` of the result is
/// the number of groups.
///
/// # Errors
/// As [`auc`].
pub fn auc_by_group(
    scores: &[f64],
    positive: &[bool],
    groups: &[usize],
    seed: u64,
) -> Result<Estimate> {
    same_length("labels", scores.len(), positive.len())?;
    same_length("groups", scores.len(), groups.len())?;
    check(scores)?;
    for (kind, measure) in [(true, "AUC (positive pairs)"), (false, "AUC (negative pairs)")] {
        if positive.iter().all(|&p| p != kind) {
            return Err(GeometryError::TooFew { measure, needed: 1, found: 0 });
        }
    }
    let members = rows_by_group(groups);
    let mut group_of = vec![0; scores.len()];
    for (group, rows) in members.values().enumerate() {
        rows.iter().for_each(|&row| group_of[row] = group);
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let equal: Vec<&[usize]> = order.chunk_by(|&a, &b| scores[a] == scores[b]).collect();
    let area = |counts: &[u32]| {
        let (mut wins, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for ties in &equal {
            let (mut above, mut below) = (0.0, 0.0);
            for &i in *ties {
                let count = f64::from(counts[group_of[i]]);
                if positive[i] { above += count } else { below += count }
            }
            wins += above * (negatives + below / 2.0);
            positives += above;
            negatives += below;
        }
        let pairs: f64 = positives * negatives;
        (pairs > 0.0).then(|| wins / pairs)
    };
    let value = area(&vec![1; members.len()]).unwrap_or(0.5);
    Ok(bootstrap(value, members.len(), &mut generator(seed), area))
}

/// The area under the ROC curve within strata: the probability that a positive item has a higher score
/// than a negative item of its stratum, over all such pairs; a tie counts one half. Scores of different
/// strata are not compared: of folds with different directions, or of texts of different lengths. None if
/// no stratum has items of both classes; the interval is a bootstrap over the n items.
///
/// # Errors
/// Different lengths, a score that is not finite.
pub fn auc_within(
    scores: &[f64],
    positive: &[bool],
    strata: &[usize],
    seed: u64,
) -> Result<Option<Estimate>> {
    same_length("labels", scores.len(), positive.len())?;
    same_length("strata", scores.len(), strata.len())?;
    check(scores)?;
    let within = Within::new(scores, positive, strata);
    let area = |counts: &[u32]| within.area(counts);
    let value = area(&vec![1; scores.len()]);
    Ok(value.map(|value| bootstrap(value, scores.len(), &mut generator(seed), area)))
}

/// Scores in their order within each stratum, for the areas of resamples.
pub(crate) struct Within<'a> {
    scores: &'a [f64],
    positive: &'a [bool],
    orders: Vec<Vec<usize>>,
}

impl<'a> Within<'a> {
    pub(crate) fn new(scores: &'a [f64], positive: &'a [bool], strata: &[usize]) -> Self {
        let mut orders: Vec<Vec<usize>> = rows_by_group(strata).into_values().collect();
        for order in &mut orders {
            order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        }
        Self { scores, positive, orders }
    }

    /// The area where each item counts so many times; None without a pair of both classes.
    pub(crate) fn area(&self, counts: &[u32]) -> Option<f64> {
        let (mut wins, mut pairs) = (0.0, 0.0);
        for order in &self.orders {
            let (mut positives, mut negatives) = (0.0, 0.0);
            for ties in order.chunk_by(|&a, &b| self.scores[a] == self.scores[b]) {
                let (mut above, mut below) = (0.0, 0.0);
                for &i in ties {
                    let count = f64::from(counts[i]);
                    if self.positive[i] { above += count } else { below += count }
                }
                wins += above * (negatives + below / 2.0);
                positives += above;
                negatives += below;
            }
            pairs += positives * negatives;
        }
        (pairs > 0.0).then(|| wins / pairs)
    }
}

/// The percentile rank of each value among `reference` values: the percentage of reference values
/// below it, where a tie counts one half, `[values]`.
///
/// # Errors
/// No reference value, a value that is not finite.
pub fn percentiles(values: &[f64], reference: &[f64]) -> Result<Vec<f64>> {
    check(values)?;
    check(reference)?;
    if reference.is_empty() {
        return Err(GeometryError::TooFew { measure: "a percentile", needed: 1, found: 0 });
    }
    let mut sorted = reference.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = |value: &f64| {
        let below = sorted.partition_point(|v| v < value);
        let up_to = sorted.partition_point(|v| v <= value);
        50.0 * (below + up_to) as f64 / sorted.len() as f64
    };
    Ok(values.iter().map(place).collect())
}

fn check(values: &[f64]) -> Result<()> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((row, &value)) => {
            Err(GeometryError::NotFinite { row, column: 0, value: value as f32 })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn items_are_compared_within_their_stratum() {
        let scores = [1.0, 2.0, 30.0, 20.0, 5.0];
        let positive = [false, true, false, true, true];
        let within = |strata: &[usize]| auc_within(&scores, &positive, strata, 0).unwrap();
        // One of two pairs; the fifth item has no partner.
        assert_eq!(within(&[0, 0, 1, 1, 2]).unwrap().value, 0.5);
        let one = within(&[0; 5]).unwrap();
        assert_eq!(one, auc(&scores, &positive, 0).unwrap());
        assert_eq!(within(&[0, 1, 2, 3, 4]), None);
    }

    #[test]
    fn areas_with_known_answers() {
        let of = |scores: &[f64], positive: &[bool]| auc(scores, positive, 0).unwrap().value;
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0], &[false, false, true, true]), 1.0);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0], &[true, true, false, false]), 0.0);
        assert_eq!(of(&[5.0; 6], &[true, false, true, false, false, false]), 0.5);
        assert_eq!(of(&[0.0, -0.0], &[true, false]), 0.5);
        // 3 of 4 pairs, one of them a tie: sklearn.metrics.roc_auc_score gives 0.625.
        assert_eq!(of(&[0.1, 0.4, 0.4, 0.3], &[false, false, true, true]), 0.625);

        let mut rng = generator(1);
        let scores: Vec<f64> = (0..200).map(|_| f64::from(rng.gen_range(0..9u8))).collect();
        let positive: Vec<bool> = (0..200).map(|i| i % 3 == 0).collect();
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&positive).filter(|(_, p)| **p) {
            for (b, _) in scores.iter().zip(&positive).filter(|(_, p)| !**p) {
                wins += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
        }
        let found = auc(&scores, &positive, 4).unwrap();
        assert!((found.value - wins / pairs).abs() < 1e-12);
        let [low, high] = found.interval.unwrap();
        assert!(low < 0.5 && 0.5 < high && found.n == 200, "{found:?}");
        // The standard error of an area of 0.5 (Hanley & McNeil 1982) is 0.044 here.
        assert!((high - low - 4.0 * 0.043).abs() < 0.03, "{found:?}");
        assert_eq!(found, auc(&scores, &positive, 4).unwrap());
    }

    #[test]
    fn groups_are_resampled_together() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from(i % 7) + f64::from(i / 20)).collect();
        let positive: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
        let alone: Vec<usize> = (100..160).rev().collect();
        let pairs = auc(&scores, &positive, 3).unwrap();
        let found = auc_by_group(&scores, &positive, &alone, 3).unwrap();
        assert_eq!((found.value, found.n), (pairs.value, 60));
        // Ten copies of six items are worth six items.
        let copied =
            |of: &[usize]| -> Vec<usize> { (0..of.len() * 10).map(|i| of[i / 10]).collect() };
        let six: Vec<usize> = (0..6).collect();
        let (few, many) = (&scores[..6], copied(&six));
        let repeated: Vec<f64> = many.iter().map(|&i| scores[i]).collect();
        let labels: Vec<bool> = many.iter().map(|&i| positive[i]).collect();
        let found = auc_by_group(&repeated, &labels, &many, 5).unwrap();
        assert_eq!(found, auc(few, &positive[..6], 5).unwrap());
        assert!(auc_by_group(&scores, &positive, &[0], 3).is_err());
    }

    #[test]
    fn an_area_needs_two_classes() {
        assert!(auc(&[], &[], 0).is_err() && auc(&[1.0], &[], 0).is_err());
        let single = auc(&[1.0, 2.0], &[true, true], 0);
        assert!(matches!(single, Err(GeometryError::TooFew { .. })), "{single:?}");
        assert!(auc(&[1.0, f64::NAN], &[true, false], 0).is_err());
        assert_eq!(auc(&[1.0, 0.0], &[true, false], 0).unwrap(), Estimate::exact(1.0, 2));
    }

    #[test]
    fn percentile_ranks() {
        let found = percentiles(&[0.0, 1.0, 2.5, 9.0], &[2.0, 1.0, 3.0, 1.0]).unwrap();
        assert_eq!(found, [0.0, 25.0, 75.0, 100.0]);
        assert!(percentiles(&[1.0], &[]).is_err() && percentiles(&[f64::NAN], &[1.0]).is_err());
    }
}
