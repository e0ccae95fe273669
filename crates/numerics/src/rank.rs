//! Ranks: the largest value, and rank correlation.

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
}
