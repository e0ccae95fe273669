//! Computed positions: sines and cosines (Vaswani et al. 2017).

/// `[rows, width]`: row `p` has the sines of `p × f(i)`, then the cosines, where frequency `i` of `n` is
/// `10000^(-i / (n - 1))`. Every step is in f32, as in the reference.
pub(crate) fn spaced_sines(rows: usize, width: usize) -> Vec<f32> {
    let half = width / 2;
    let step = (10000f64.ln() / (half.max(2) - 1) as f64) as f32;
    let frequencies: Vec<f32> = (0..half).map(|i| (i as f32 * -step).exp()).collect();
    let row = |place: usize| {
        let angles = frequencies.iter().map(move |f| f64::from(place as f32 * f));
        let rest = std::iter::repeat_n(0.0, width % 2);
        angles.clone().map(f64::sin).chain(angles.map(f64::cos)).map(|x| x as f32).chain(rest)
    };
    (0..rows).flat_map(row).collect()
}
