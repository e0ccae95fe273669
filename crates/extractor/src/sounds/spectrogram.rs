//! The picture of a sound: its mel spectrogram, low frequencies at the bottom, in colours.

use stratoscope_loader::{Picture, mel_spectrogram};

/// The rows of pixels; two for each band.
const HEIGHT: usize = 160;
const BANDS: usize = HEIGHT / 2;
/// Pixels that a picture has at least in its width, if the sound has so many windows, and at most.
const WIDTH: usize = 1000;
const MAX_WIDTH: usize = 8000;

/// viridis (Smith & van der Walt 2015), at 9 even steps.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 45, 123],
    [59, 82, 139],
    [44, 114, 142],
    [33, 145, 140],
    [40, 174, 128],
    [94, 201, 98],
    [173, 220, 48],
    [253, 231, 37],
];

/// The spectrogram of samples, whose width is that of `frames` frames of `seconds` seconds.
pub(crate) fn spectrogram(samples: &[f32], rate: u32, frames: usize, seconds: f64) -> Picture {
    let per_frame = WIDTH.div_ceil(frames.max(1)).clamp(1, 16);
    let width = (frames * per_frame).clamp(1, MAX_WIDTH);
    let (values, hop) = mel_spectrogram(samples, rate, BANDS);
    let windows = values.len() / BANDS;
    let loudest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let quietest = values.iter().copied().fold(loudest, f32::min);
    let range = (loudest - quietest).max(1e-6);
    let mut rgb = Vec::with_capacity(3 * width * HEIGHT);
    for row in 0..HEIGHT {
        let band = (HEIGHT - 1 - row) * BANDS / HEIGHT;
        for column in 0..width {
            let time = (column as f64 + 0.5) / width as f64 * frames as f64 * seconds;
            // Window `i` is around the time `i × hop`.
            let window = ((time / hop).round() as usize).min(windows.saturating_sub(1));
            let value = values.get(window * BANDS + band).copied().unwrap_or(quietest);
            rgb.extend(colour((value - quietest) / range));
        }
    }
    Picture { width: width as u32, height: HEIGHT as u32, rgb }
}

/// The colour of a value from 0 to 1.
fn colour(value: f32) -> [u8; 3] {
    let place = value.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f32;
    let first = (place as usize).min(VIRIDIS.len() - 2);
    let share = place - first as f32;
    let [from, to] = [VIRIDIS[first], VIRIDIS[first + 1]];
    std::array::from_fn(|i| {
        (f32::from(from[i]) * (1.0 - share) + f32::from(to[i]) * share).round() as u8
    })
}
