//! The bootstrap: how a measure varies over resamples of its units.

use rand::Rng;

use crate::estimate::Estimate;
use crate::generator::Generator;

/// The number of resamples behind every bootstrap interval.
pub const RESAMPLES: usize = 1000;

/// Draws `n` units with replacement, [`RESAMPLES`] times, and calls `visit` with the number of
/// times that each unit was drawn, `[n]`. The same `n` and generator give the same resamples, so
/// that the measures of several calls are paired.
pub fn resample(n: usize, rng: &mut Generator, mut visit: impl FnMut(&[u32])) {
    let mut counts = vec![0u32; n];
    for _ in 0..RESAMPLES {
        counts.fill(0);
        (0..n).for_each(|_| counts[rng.gen_range(0..n)] += 1);
        visit(&counts);
    }
}

/// A `value` over `n` units with its percentile bootstrap interval (Efron 1979). `measure` computes
/// the value of a resample from the number of times that each unit was drawn, `[n]`; a resample
/// without a value (None) is left out.
pub fn bootstrap(
    value: f64,
    n: usize,
    rng: &mut Generator,
    measure: impl Fn(&[u32]) -> Option<f64>,
) -> Estimate {
    let mut samples = Vec::with_capacity(RESAMPLES);
    resample(n, rng, |counts| samples.extend(measure(counts)));
    Estimate::of_samples(value, n, samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::generator;

    #[test]
    fn the_interval_of_a_mean_is_near_the_textbook_one() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let mean = |counts: &[u32]| {
            let sum: f64 = values.iter().zip(counts).map(|(v, &c)| v * f64::from(c)).sum();
            Some(sum / 100.0)
        };
        let found = bootstrap(4.5, 100, &mut generator(1), mean);
        let half = 1.96 * (8.25f64 / 100.0).sqrt();
        assert!((found.low().unwrap() - (4.5 - half)).abs() < 0.06, "{found:?}");
        assert!((found.high().unwrap() - (4.5 + half)).abs() < 0.06, "{found:?}");
        assert_eq!(found, bootstrap(4.5, 100, &mut generator(1), mean));
        assert_eq!(bootstrap(1.0, 1, &mut generator(1), |_| Some(1.0)), Estimate::exact(1.0, 1));
        assert_eq!(bootstrap(1.0, 9, &mut generator(1), |_| None), Estimate::exact(1.0, 9));
    }
}
