//! Mel spectrograms: the logarithm of the power in bands of frequencies, window by window, as Whisper's
//! feature extractor computes them (Radford et al. 2023). All steps are in f64.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// The highest frequency of the bands, in hertz.
const HIGHEST: f64 = 8000.0;
/// The smallest power whose logarithm is taken.
const FLOOR: f64 = 1e-10;
/// The range below the loudest value that is kept, as a power of ten.
const RANGE: f64 = 8.0;

/// The spectrogram of sounds of one length: shorter ones are padded with zeros.
#[derive(Clone)]
pub(super) struct MelSpectrogram {
    bands: Vec<Band>,
    /// The factors of the samples of a window (Hann).
    window: Vec<f64>,
    hop: usize,
    samples: usize,
    transform: Arc<dyn Fft<f64>>,
}

/// A triangle of frequencies.
#[derive(Clone)]
struct Band {
    /// The first frequency with a factor.
    first: usize,
    factors: Vec<f64>,
}

impl std::fmt::Debug for MelSpectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes = (self.bands.len(), self.window.len(), self.hop, self.samples);
        f.debug_tuple("MelSpectrogram").field(&sizes).finish()
    }
}

impl MelSpectrogram {
    /// A spectrogram of sounds of `samples` samples.
    pub(super) fn new(rate: f64, bands: usize, window: usize, hop: usize, samples: usize) -> Self {
        let turn = |i: usize| 2.0 * std::f64::consts::PI * i as f64 / window as f64;
        Self {
            bands: filters(rate, bands, window / 2 + 1),
            window: (0..window).map(|i| 0.5 - 0.5 * turn(i).cos()).collect(),
            hop,
            samples,
            transform: FftPlanner::new().plan_fft_forward(window),
        }
    }

    /// The samples of a sound.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// The samples between two windows.
    pub(super) fn hop(&self) -> usize {
        self.hop
    }

    /// The spectrogram of a sound, `[windows, bands]`, of which the windows that reach beyond the end are
    /// padded. Values are within 2 of the largest.
    pub(super) fn of(&self, sound: &[f32]) -> Vec<f32> {
        let size = self.window.len();
        let mut values = vec![FLOOR.log10(); self.samples / self.hop * self.bands.len()];
        let mut spectrum = vec![Complex::default(); size];
        let mut scratch = vec![Complex::default(); self.transform.get_inplace_scratch_len()];
        for (place, out) in values.chunks_mut(self.bands.len()).enumerate() {
            let first = (place * self.hop) as isize - (size / 2) as isize;
            if first >= sound.len() as isize && first + size as isize <= self.samples as isize {
                // Silence.
                continue;
            }
            for (i, (out, factor)) in spectrum.iter_mut().zip(&self.window).enumerate() {
                *out = Complex::new(factor * self.sample(sound, first + i as isize), 0.0);
            }
            self.transform.process_with_scratch(&mut spectrum, &mut scratch);
            for (out, band) in out.iter_mut().zip(&self.bands) {
                let powers = spectrum[band.first..].iter().map(Complex::norm_sqr);
                let sum: f64 = powers.zip(&band.factors).map(|(power, f)| power * f).sum();
                *out = sum.max(FLOOR).log10();
            }
        }
        let loudest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        values.iter().map(|value| ((value.max(loudest - RANGE) + 4.0) / 4.0) as f32).collect()
    }

    /// A sample of the padded sound, which is mirrored at both ends.
    fn sample(&self, sound: &[f32], place: isize) -> f64 {
        let last = self.samples as isize - 1;
        let place = place.abs();
        let place = if place > last { 2 * last - place } else { place };
        sound.get(place as usize).map_or(0.0, |&sample| f64::from(sample))
    }
}

/// The bands of the scale of Slaney (1998): linear up to 1000 Hz, logarithmic above. The area of each
/// triangle is 1.
fn filters(rate: f64, bands: usize, bins: usize) -> Vec<Band> {
    // Up to 1000 Hz, 15 steps of 200 / 3 Hz; above, 27 steps per factor 6.4.
    const EDGE: (f64, f64) = (1000.0, 15.0);
    let step = 6.4f64.ln() / 27.0;
    let mel = |hertz: f64| match hertz >= EDGE.0 {
        true => EDGE.1 + (hertz / EDGE.0).ln() / step,
        false => 3.0 * hertz / 200.0,
    };
    let hertz = |mel: f64| match mel >= EDGE.1 {
        true => EDGE.0 * (step * (mel - EDGE.1)).exp(),
        false => 200.0 * mel / 3.0,
    };
    let edge = |i: usize| hertz(mel(HIGHEST) * i as f64 / (bands + 1) as f64);
    let frequency = |bin: usize| (rate / 2.0).floor() * bin as f64 / (bins - 1) as f64;
    let band = |i: usize| {
        let [low, middle, high] = [edge(i), edge(i + 1), edge(i + 2)];
        let factor = |bin: usize| {
            let (up, down) = (
                (frequency(bin) - low) / (middle - low),
                (high - frequency(bin)) / (high - middle),
            );
            up.min(down).max(0.0) * 2.0 / (high - low)
        };
        let within = |bin: &usize| factor(*bin) > 0.0;
        let first = (0..bins).find(within).unwrap_or(bins);
        let factors = (first..bins).map(factor).take_while(|factor| *factor > 0.0).collect();
        Band { first, factors }
    };
    (0..bands).map(band).collect()
}
