//! Bootstrap intervals of means over sentences.

use stratoscope_numerics::{Estimate, bootstrap, generator};

use crate::checks::same_length;
use crate::error::Result;
use crate::groups::rows_by_group;

/// The mean of some values with its bootstrap interval (Efron 1979), or None where there is no value.
/// Values of one group (a sentence, for example) are resampled together.
///
/// `values` and `groups` are `[n]`; the `n` of the result is the number of groups.
///
/// # Errors
/// Different lengths.
pub fn grouped_mean(values: &[f64], groups: &[usize], seed: u64) -> Result<Option<Estimate>> {
    same_length("groups", values.len(), groups.len())?;
    let sums: Vec<(f64, f64)> = rows_by_group(groups)
        .values()
        .map(|rows| (rows.iter().map(|&r| values[r]).sum(), rows.len() as f64))
        .collect();
    Ok(ratio(&sums, seed))
}

/// Σ value / Σ weight of pairs (value, weight), one pair for each resampled group. None where all
/// weights are 0.
pub(crate) fn ratio(pairs: &[(f64, f64)], seed: u64) -> Option<Estimate> {
    let mean = |counts: &[u32]| {
        let (sum, n) = pairs.iter().zip(counts).fold((0.0, 0.0), |(sum, n), (pair, &count)| {
            (sum + f64::from(count) * pair.0, n + f64::from(count) * pair.1)
        });
        (n > 0.0).then_some(sum / n)
    };
    let value = mean(&vec![1; pairs.len()])?;
    Some(bootstrap(value, pairs.len(), &mut generator(seed), mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_lies_in_its_interval_and_groups_widen_it() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 8)).collect();
        let alone: Vec<usize> = (0..40).collect();
        let grouped: Vec<usize> = (0..40).map(|i| i / 8).collect();
        let a = grouped_mean(&values, &alone, 7).unwrap().unwrap();
        let b = grouped_mean(&values, &grouped, 7).unwrap().unwrap();
        assert_eq!((a.value, a.n), (2.0, 40));
        assert_eq!((b.value, b.n), (2.0, 5));
        let ([low, high], [wide_low, wide_high]) = (a.interval.unwrap(), b.interval.unwrap());
        assert!(low < 2.0 && 2.0 < high);
        assert!(wide_high - wide_low > high - low);
        assert_eq!(grouped_mean(&[], &[], 7).unwrap(), None);
        assert!(grouped_mean(&[1.0], &[], 7).is_err());
    }
}
