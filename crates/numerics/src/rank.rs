//! Ranks: the largest value, and rank correlations, also of resamples.

/// The place of the largest value; of equal values, the first. None where there is no value.
pub fn largest(values: impl IntoIterator<Item = f64>) -> Option<usize> {
    let values = values.into_iter().enumerate();
    let best = values.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(place, _)| place)
}

/// Spearman's rank correlation of two lists of the same length, −1 to 1; tied values have their mean
/// rank. None where all values of one list are equal, or there is no value.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (centred_ranks(a), centred_ranks(b));
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let (of_a, of_b) = (product(&a, &a), product(&b, &b));
    (of_a > 0.0 && of_b > 0.0).then(|| product(&a, &b) / (of_a * of_b).sqrt())
}

/// The ranks of some values less their mean, `[n]`; tied values have their mean rank. All are
/// multiples of ½, so that sums of their products are exact for lists of moderate length.
pub fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mut from = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = from as f64 + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|&at| ranks[at] = rank - middle);
        from += tied.len();
    }
    ranks
}

/// Spearman's correlation of two lists of the same length where both are free of the linear effect of
/// other lists: the ranks of all lists are taken, the ranks of `given` are regressed out of the ranks of
/// `a` and `b`, and the residuals are correlated. None where a residual is constant.
pub fn partial_spearman(a: &[f64], b: &[f64], given: &[&[f64]]) -> Option<f64> {
    let given: Vec<Vec<f64>> = given.iter().map(|list| centred_ranks(list)).collect();
    resampled_partial(&centred_ranks(a), &centred_ranks(b), &given, &vec![1; a.len()])
}

/// [`partial_spearman`] in a resample that has the items `counts` times, from their
/// [ranks](Ranked::ranks) in this resample.
pub fn resampled_partial(a: &[f64], b: &[f64], given: &[Vec<f64>], counts: &[u32]) -> Option<f64> {
    let product = |x: &[f64], y: &[f64]| {
        x.iter().zip(y).zip(counts).map(|((x, y), &n)| f64::from(n) * x * y).sum::<f64>()
    };
    // An orthogonal basis of the lists that are given.
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(given.len());
    let free = |ranks: &[f64], basis: &[Vec<f64>]| {
        let mut ranks = ranks.to_vec();
        let before = product(&ranks, &ranks);
        for of in basis {
            let share = product(&ranks, of) / product(of, of);
            ranks.iter_mut().zip(of).for_each(|(rank, of)| *rank -= share * of);
        }
        // What is left of a list that the others determine is rounding.
        (product(&ranks, &ranks) > 1e-12 * before).then_some(ranks)
    };
    for list in given {
        basis.extend(free(list, &basis));
    }
    let (a, b) = (free(a, &basis)?, free(b, &basis)?);
    Some(product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt())
}

/// A list of values in their order, which gives the ranks of resamples without sorting again.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The places of the values, the smallest first.
    order: Vec<u32>,
    /// Where each run of equal values ends in `order`.
    ends: Vec<u32>,
}

impl Ranked {
    /// Orders a list, of fewer than 2³² values.
    pub fn new(values: &[f64]) -> Self {
        let value = |at: u32| values[at as usize];
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| value(a).total_cmp(&value(b)));
        let mut ends = Vec::new();
        for tied in order.chunk_by(|&a, &b| value(a) == value(b)) {
            ends.push(ends.last().copied().unwrap_or(0) + tied.len() as u32);
        }
        Self { order, ends }
    }

    /// The ranks in a resample that has the values `counts` times, less their mean, `[n]`; tied values
    /// have their mean rank. A value that is not in the resample has the rank between its neighbours.
    pub fn ranks(&self, counts: &[u32], ranks: &mut Vec<f64>) {
        let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        let middle = (total - 1.0) / 2.0;
        ranks.resize(self.order.len(), 0.0);
        let (mut start, mut before) = (0, 0.0);
        for &end in &self.ends {
            let run = &self.order[start..end as usize];
            let own: f64 = run.iter().map(|&at| f64::from(counts[at as usize])).sum();
            run.iter().for_each(|&at| ranks[at as usize] = before + (own - 1.0) / 2.0 - middle);
            (start, before) = (end as usize, before + own);
        }
    }
}

/// Spearman's correlation in a resample that has the items `counts` times, from their
/// [ranks](Ranked::ranks) in this resample. None where all values of one list are equal.
pub fn resampled_spearman(a: &[f64], b: &[f64], counts: &[u32]) -> Option<f64> {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for ((a, b), &count) in a.iter().zip(b).zip(counts) {
        let count = f64::from(count);
        ab += count * a * b;
        aa += count * a * a;
        bb += count * b * b;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_values_is_found() {
        assert_eq!(largest([1.0, 3.0, 2.0, 3.0]), Some(1));
        assert_eq!(largest([-0.0, 0.0]), Some(0));
        assert_eq!(largest([]), None);
    }

    #[test]
    fn ties_have_mean_ranks() {
        assert_eq!(centred_ranks(&[5.0, 1.0, 5.0, 0.0]), [1.0, -0.5, 1.0, -1.5]);
        assert_eq!(centred_ranks(&[0.0, -0.0]), [0.0, 0.0]);
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 2]).
        let found = spearman(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 2.0]).unwrap();
        assert!((found - 0.5).abs() < 1e-15, "{found}");
    }

    #[test]
    fn equal_values_have_no_correlation() {
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn a_resample_has_the_correlation_of_its_items() {
        let (a, b) = ([3.0, 1.0, 2.0, 2.0, 5.0], [1.0, 2.0, 2.0, 4.0, 0.0]);
        let counts = [2, 0, 1, 3, 1];
        let drawn = |values: &[f64]| -> Vec<f64> {
            let each = values.iter().zip(counts);
            each.flat_map(|(&value, n)| std::iter::repeat_n(value, n as usize)).collect()
        };
        let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
        Ranked::new(&a).ranks(&counts, &mut of_a);
        Ranked::new(&b).ranks(&counts, &mut of_b);
        let found = resampled_spearman(&of_a, &of_b, &counts).unwrap();
        assert!((found - spearman(&drawn(&a), &drawn(&b)).unwrap()).abs() < 1e-15);
        let one = [0, 0, 0, 4, 0];
        Ranked::new(&a).ranks(&one, &mut of_a);
        Ranked::new(&b).ranks(&one, &mut of_b);
        assert_eq!(resampled_spearman(&of_a, &of_b, &one), None);
    }

    #[test]
    fn what_is_given_is_regressed_out() {
        let a = [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 8.0];
        let b = [1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0];
        let (c, d) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [3.0, 1.0, 2.0, 2.0, 5.0, 1.0, 4.0]);
        assert_eq!(partial_spearman(&a, &b, &[]), spearman(&a, &b));
        let found = partial_spearman(&a, &b, &[&c, &d]).unwrap();
        assert!((found - PARTIAL).abs() < 1e-12, "{found}");
        // A list twice is that list once; a list that determines the other leaves nothing.
        assert_eq!(partial_spearman(&a, &b, &[&c, &c]), partial_spearman(&a, &b, &[&c]));
        assert_eq!(partial_spearman(&a, &b, &[&a]), None);
    }

    /// From NumPy: least squares of the ranks, and the correlation of the residuals.
    const PARTIAL: f64 = -0.836_227_909_261_777;
}
