//! Computed positions: sines and cosines.

/// `[rows, width]`: row `p` has the sines of `p × f(i)`, then the cosines, where frequency `i` is
/// `10000^(-2i / width)` (Vaswani et al. 2017).
pub(super) fn sines(rows: usize, width: usize) -> Vec<f32> {
    let half = width.div_ceil(2);
    let angle =
        move |row: usize, i: usize| row as f64 / 10_000f64.powf((2 * i) as f64 / width as f64);
    let row = |row: usize| {
        let sines = (0..half).map(move |i| angle(row, i).sin() as f32);
        sines.chain((0..width - half).map(move |i| angle(row, i).cos() as f32))
    };
    (0..rows).flat_map(row).collect()
}

/// [`sines`] with frequencies `10000^(-i / (n - 1))` for `n` of them, and zeros in the row of the padding
/// id (Fan et al. 2020). Angles are in f32, as in the reference.
pub(super) fn spaced_sines(rows: usize, width: usize, padding_id: u32) -> Vec<f32> {
    let half = width / 2;
    let step = (10000f64.ln() / (half.max(2) - 1) as f64) as f32;
    let frequencies: Vec<f32> = (0..half).map(|i| (i as f32 * -step).exp()).collect();
    let row = |row: usize| {
        let there = if row == padding_id as usize { 0.0 } else { 1.0 };
        let angles = frequencies.iter().map(move |f| f64::from(row as f32 * f));
        let rest = std::iter::repeat_n(0.0, width % 2);
        let values = angles.clone().map(f64::sin).chain(angles.map(f64::cos)).chain(rest);
        values.map(move |value| (there * value) as f32)
    };
    (0..rows).flat_map(row).collect()
}
