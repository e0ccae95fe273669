//! Pixels and their changes: another size, as Pillow makes it, and a window.

use stratoscope_transformer::resample::{self, Filter, Taps};

/// How pixels between others are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resampling {
    /// The nearest pixel.
    Nearest,
    /// A filter.
    Filtered(Filter),
}

/// `[height, width, 3]`: the pixels of an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pixels {
    pub(super) size: [usize; 2],
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// Grey levels, which each change rounds.
    Bytes(Vec<u8>),
    /// Grey levels, which no change rounds.
    Floats(Vec<f32>),
}

impl Pixels {
    /// The pixels of an image of height and width `size`.
    pub(super) fn of(rgb: &[u8], size: [usize; 2], floats: bool) -> Self {
        let values = match floats {
            true => Values::Floats(rgb.iter().map(|&level| f32::from(level)).collect()),
            false => Values::Bytes(rgb.to_vec()),
        };
        Self { size, values }
    }

    /// A grey level.
    pub(super) fn level(&self, [y, x]: [usize; 2], channel: usize) -> f32 {
        let place = 3 * (y * self.size[1] + x) + channel;
        match &self.values {
            Values::Bytes(values) => f32::from(values[place]),
            Values::Floats(values) => values[place],
        }
    }

    /// The grey levels as bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::Bytes(values) => values.clone(),
            // A float as u8 is clamped.
            Values::Floats(values) => values.iter().map(|level| level.round() as u8).collect(),
        }
    }

    /// The image in another size.
    pub(super) fn resized(self, size: [usize; 2], resampling: Resampling) -> Self {
        if size == self.size {
            return self;
        }
        let values = match (self.values, resampling) {
            (Values::Bytes(bytes), Resampling::Nearest) => {
                Values::Bytes(nearest(&bytes, self.size, size))
            }
            (Values::Bytes(bytes), Resampling::Filtered(filter)) => {
                Values::Bytes(filtered(bytes, self.size, size, filter))
            }
            (Values::Floats(values), Resampling::Nearest) => {
                Values::Floats(nearest(&values, self.size, size))
            }
            (Values::Floats(values), Resampling::Filtered(filter)) => {
                Values::Floats(resample::resized(&values, 3, self.size, size, filter))
            }
        };
        Self { size, values }
    }

    /// A window that begins at row and column `from`. What lies outside of the image is black.
    pub(super) fn window(self, from: [i64; 2], size: [usize; 2]) -> Self {
        if from == [0, 0] && size == self.size {
            return self;
        }
        let values = match self.values {
            Values::Bytes(values) => Values::Bytes(window(&values, self.size, from, size)),
            Values::Floats(values) => Values::Floats(window(&values, self.size, from, size)),
        };
        Self { size, values }
    }
}

/// Where the middle of an image begins: negative where the image is smaller.
pub(super) fn offsets(image: [usize; 2], kept: [usize; 2]) -> [i64; 2] {
    std::array::from_fn(|axis| {
        let (image, kept) = (image[axis], kept[axis]);
        match image >= kept {
            true => ((image - kept) / 2) as i64,
            false => -((kept - image).div_ceil(2) as i64),
        }
    })
}

fn window<T: Copy + Default>(
    values: &[T],
    [height, width]: [usize; 2],
    [top, left]: [i64; 2],
    size: [usize; 2],
) -> Vec<T> {
    let mut out = vec![T::default(); 3 * size[0] * size[1]];
    // The columns of the window that the image has.
    let first = left.min(0).unsigned_abs() as usize;
    let skipped = left.max(0) as usize;
    let count = size[1].saturating_sub(first).min(width.saturating_sub(skipped));
    for (row, line) in out.chunks_mut((3 * size[1]).max(1)).enumerate() {
        let y = top + row as i64;
        if y < 0 || y >= height as i64 || count == 0 {
            continue;
        }
        let from = 3 * (y as usize * width + skipped);
        line[3 * first..3 * (first + count)].copy_from_slice(&values[from..from + 3 * count]);
    }
    out
}

/// The nearest pixels. The place is a sum of steps, as in Pillow.
fn nearest<T: Copy>(values: &[T], from: [usize; 2], to: [usize; 2]) -> Vec<T> {
    let places = |axis: usize| -> Vec<usize> {
        let step = from[axis] as f64 / to[axis] as f64;
        let mut place = step * 0.5;
        let next = |_| {
            let own = (place as usize).min(from[axis] - 1);
            place += step;
            own
        };
        (0..to[axis]).map(next).collect()
    };
    let columns = places(1);
    let mut out = Vec::with_capacity(3 * to[0] * to[1]);
    for row in places(0) {
        for column in &columns {
            let place = 3 * (row * from[1] + column);
            out.extend_from_slice(&values[place..place + 3]);
        }
    }
    out
}

/// The digits of a weight after the point.
const DIGITS: u32 = 22;

/// Taps whose weights are whole numbers.
struct WholeTaps {
    first: usize,
    weights: Vec<i64>,
}

impl WholeTaps {
    fn of(Taps { first, weights }: Taps) -> Self {
        let whole = |weight: f64| {
            let half = if weight < 0.0 { -0.5 } else { 0.5 };
            (half + weight * f64::from(1u32 << DIGITS)) as i64
        };
        Self { first, weights: weights.into_iter().map(whole).collect() }
    }

    /// The weighted sum of the values at every `step` places from `start` on.
    fn level(&self, values: &[u8], start: usize, step: usize) -> u8 {
        let own = values[start + self.first * step..].iter().step_by(step);
        let sum: i64 = own.zip(&self.weights).map(|(&v, &w)| i64::from(v) * w).sum();
        ((sum + (1 << (DIGITS - 1))) >> DIGITS).clamp(0, 255) as u8
    }
}

/// Filters along one axis, rounds, and filters along the other, with whole numbers, as Pillow 13 does: the
/// columns come first if the image loses many more rows than columns.
fn filtered(mut bytes: Vec<u8>, from: [usize; 2], to: [usize; 2], filter: Filter) -> Vec<u8> {
    let columns_first = to[0] < from[0] && from[0] + 2 * to[1] > to[0] + 2 * from[1];
    let mut size = from;
    for axis in if columns_first { [0, 1] } else { [1, 0] } {
        if from[axis] != to[axis] {
            let taps = resample::taps(from[axis], to[axis], filter);
            let taps: Vec<_> = taps.into_iter().map(WholeTaps::of).collect();
            bytes = along(&bytes, size, axis, &taps);
            size[axis] = to[axis];
        }
    }
    bytes
}

/// Filters along one axis of an image of height and width `size`.
fn along(bytes: &[u8], size: [usize; 2], axis: usize, taps: &[WholeTaps]) -> Vec<u8> {
    let line = 3 * size[1];
    let mut out = Vec::with_capacity(3 * size[1 - axis] * taps.len());
    if axis == 0 {
        for taps in taps {
            out.extend((0..line).map(|place| taps.level(bytes, place, line)));
        }
    } else {
        for line in bytes.chunks(line) {
            for taps in taps {
                out.extend((0..3).map(|channel| taps.level(line, channel, 3)));
            }
        }
    }
    out
}
