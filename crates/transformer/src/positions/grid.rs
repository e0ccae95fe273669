//! Positions in a grid: the centres of its cells, and a table of positions for another grid.

use std::f32::consts::PI;

/// The centres of the cells of a grid, row by row: row and column, from −2π to 2π between the edges.
pub(crate) fn centres(grid: [usize; 2]) -> impl Iterator<Item = [f32; 2]> {
    // Each step in f32, as in the reference.
    let centre = |i: usize, n: usize| 2.0 * PI * (2.0 * ((i as f32 + 0.5) / n as f32) - 1.0);
    let [rows, columns] = grid;
    (0..rows).flat_map(move |row| {
        (0..columns).map(move |column| [centre(row, rows), centre(column, columns)])
    })
}

/// The cells that one cell is interpolated from, and their weights.
type Taps = [(usize, f32); 4];

/// Interpolates positions `[rows × columns, width]` of one grid for another, by cubic convolution with
/// a = −0.75 (Keys 1981), as PyTorch's `interpolate` does with `bicubic` and without `align_corners`. It does
/// not smooth before it makes a grid smaller.
pub(crate) fn bicubic(values: &[f32], width: usize, from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let taps = |axis: usize| -> Vec<Taps> {
        (0..to[axis]).map(|i| taps(i, from[axis], to[axis])).collect()
    };
    let (rows, columns) = (taps(0), taps(1));
    let mut out = vec![0.0; to[0] * to[1] * width];
    let cells = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
    for ((row, column), out) in cells.zip(out.chunks_mut(width.max(1))) {
        for &(i, of_row) in row {
            for &(j, of_column) in column {
                let cell = (i * from[1] + j) * width;
                let weight = of_row * of_column;
                let own = &values[cell..cell + width];
                out.iter_mut().zip(own).for_each(|(out, value)| *out += weight * value);
            }
        }
    }
    out
}

/// The cells of a row of `from` cells for cell `i` of `to`. Beyond the edges the last cell repeats.
fn taps(i: usize, from: usize, to: usize) -> Taps {
    const A: f32 = -0.75;
    let scale = from as f32 / to as f32;
    let place = scale * (i as f32 + 0.5) - 0.5;
    let first = place.floor();
    let t = place - first;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
    std::array::from_fn(|tap| {
        let cell = first as i64 + tap as i64 - 1;
        (cell.clamp(0, from as i64 - 1) as usize, weights[tap])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_pytorch() {
        // torch.nn.functional.interpolate(torch.arange(6.).view(1, 1, 2, 3) ** 2, size=(3, 4),
        // mode="bicubic", align_corners=False)
        let values: Vec<f32> = (0..6).map(|i| (i * i) as f32).collect();
        let expected: [f32; 12] = [
            -0.815644, -0.747121, 0.643931, 2.355032, 4.212891, 6.399414, 11.101562, 14.930664,
            9.241423, 13.545948, 21.559193, 27.506296,
        ];
        let found = bicubic(&values, 1, [2, 3], [3, 4]);
        let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-5, "{found:?}");
    }

    #[test]
    fn a_grid_for_itself_does_not_change() {
        let values: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
        assert_eq!(bicubic(&values, 2, [3, 4], [3, 4]), values);
    }

    #[test]
    fn equal_positions_stay_equal() {
        let found = bicubic(&[0.5; 4 * 4 * 3], 3, [4, 4], [7, 2]);
        assert_eq!(found.len(), 7 * 2 * 3);
        assert!(found.iter().all(|value| (value - 0.5).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn centres_are_symmetric() {
        let all: Vec<_> = centres([2, 3]).collect();
        assert_eq!([all[0][0], all[1][1]], [-PI, 0.0]);
        assert!((all[0][1] + 4.0 * PI / 3.0).abs() < 1e-6);
        assert!(all.iter().zip(all.iter().rev()).all(|(a, b)| (a[0] + b[0]).abs() < 1e-6));
    }
}
