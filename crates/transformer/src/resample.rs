//! Resampling: a row of values becomes one of another length, smoothed where it becomes shorter. Positions
//! and the pixels of images are resized so.

use std::f64::consts::PI;

/// How a value depends on those near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The mean of the values within half a step.
    Box,
    /// A weight that falls linearly to 0 within a step.
    Linear,
    /// A windowed sine within a step.
    Hamming,
    /// Cubic convolution with a = −0.5, within two steps (Keys 1981).
    Cubic,
    /// A windowed sine within three steps (Duchon 1979).
    Lanczos,
}

/// The values that one value is made of, and their weights, which sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Taps {
    /// The place of the first.
    pub first: usize,
    /// The weights of the first and of those after it.
    pub weights: Vec<f64>,
}

impl Filter {
    /// The distance from which on the weight is 0.
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Linear | Self::Hamming => 1.0,
            Self::Cubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The weight at a distance.
    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
        let far = x.abs();
        match self {
            Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Linear => (1.0 - far).max(0.0),
            Self::Hamming if far >= 1.0 => 0.0,
            Self::Hamming => sinc(x) * (0.54 + 0.46 * (x * PI).cos()),
            Self::Cubic if far < 1.0 => (1.5 * far - 2.5) * far * far + 1.0,
            Self::Cubic if far < 2.0 => ((-0.5 * far + 2.5) * far - 4.0) * far + 2.0,
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Cubic | Self::Lanczos => 0.0,
        }
    }
}

/// The taps of each of `to` values from `from` values. Where values become fewer, the filter is wider in
/// proportion, as in Pillow and in PyTorch's `interpolate` with `antialias`.
pub fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let scale = from as f64 / to.max(1) as f64;
    let wide = scale.max(1.0);
    let support = filter.support() * wide;
    (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            // Both are truncated, as in Pillow.
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weight = |place: usize| filter.weight((place as f64 - centre + 0.5) / wide);
            let mut weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            Taps { first, weights }
        })
        .collect()
}

/// Values `[rows × columns, width]` of one grid for another: first along the rows, then along the columns.
pub fn resized(
    values: &[f32],
    width: usize,
    from: [usize; 2],
    to: [usize; 2],
    filter: Filter,
) -> Vec<f32> {
    let (rows, columns) = (taps(from[0], to[0], filter), taps(from[1], to[1], filter));
    let mut narrow = vec![0.0; from[0] * to[1] * width];
    let lines = narrow.chunks_mut((to[1] * width).max(1)).enumerate();
    for (row, line) in lines {
        let own = &values[row * from[1] * width..(row + 1) * from[1] * width];
        for (taps, out) in columns.iter().zip(line.chunks_mut(width.max(1))) {
            mix(taps, own, width, out);
        }
    }
    let mut out = vec![0.0; to[0] * to[1] * width];
    for (taps, out) in rows.iter().zip(out.chunks_mut((to[1] * width).max(1))) {
        mix(taps, &narrow, to[1] * width, out);
    }
    out
}

/// The weighted sum of some rows of `width` values.
fn mix(taps: &Taps, rows: &[f32], width: usize, out: &mut [f32]) {
    for (place, &weight) in taps.weights.iter().enumerate() {
        let row = (taps.first + place) * width;
        let own = &rows[row..row + width];
        out.iter_mut().zip(own).for_each(|(out, value)| *out += weight as f32 * value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: [Filter; 5] =
        [Filter::Box, Filter::Linear, Filter::Hamming, Filter::Cubic, Filter::Lanczos];

    #[test]
    fn weights_sum_to_one_and_lie_within() {
        for filter in FILTERS {
            for (from, to) in [(1, 1), (1, 7), (7, 1), (5, 16), (16, 5), (9, 9), (100, 33)] {
                let all = taps(from, to, filter);
                assert_eq!(all.len(), to);
                for taps in all {
                    assert!(!taps.weights.is_empty() && taps.first + taps.weights.len() <= from);
                    assert!((taps.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let values: Vec<f32> = (0..3 * 4 * 2).map(|i| (i as f32 * 0.7).sin()).collect();
        for filter in FILTERS {
            let found = resized(&values, 2, [3, 4], [3, 4], filter);
            assert!(found.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-6), "{filter:?}");
        }
    }

    #[test]
    fn values_mirror_with_the_grid() {
        let values: Vec<f32> = (0..30).map(|i| ((i * i) as f32 * 0.3).cos()).collect();
        let mirrored: Vec<f32> = values.iter().rev().copied().collect();
        for filter in [Filter::Linear, Filter::Hamming, Filter::Cubic, Filter::Lanczos] {
            for to in [[3, 4], [11, 13], [2, 9]] {
                let mut found = resized(&mirrored, 1, [5, 6], to, filter);
                found.reverse();
                let expected = resized(&values, 1, [5, 6], to, filter);
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
                assert!(found.iter().zip(&expected).all(near), "{filter:?} {to:?}");
            }
        }
    }

    #[test]
    fn a_line_of_two_halves_is_their_means() {
        assert_eq!(resized(&[1.0, 3.0, 5.0, 9.0], 1, [1, 4], [1, 2], Filter::Box), [2.0, 7.0]);
    }
}
