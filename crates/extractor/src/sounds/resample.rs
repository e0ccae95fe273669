//! Samples at another rate: band-limited interpolation by a windowed sinc (Smith & Gossett 1984).

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 48.0;
/// The highest frequency that is kept, as a share of half of the lower rate.
const BAND: f64 = 0.95;
/// The most factors that are kept in memory.
const MAX_TABLE: usize = 1 << 22;

/// The samples at the rate `to`. Sample `n` is at the time `n / to`; what is before and after the sound is
/// silence.
pub(crate) fn resampled(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to || from == 0 || to == 0 {
        return samples.to_vec();
    }
    let divisor = gcd(from, to);
    let (up, down) = ((to / divisor) as usize, (from / divisor) as usize);
    let cutoff = BAND * (f64::from(to) / f64::from(from)).min(1.0);
    let half = (CROSSINGS / cutoff).ceil() as usize;
    // The factors of the samples around a time that is `phase / up` after one of them.
    let factors = |phase: usize| -> Vec<f64> {
        let at = phase as f64 / up as f64;
        let own = (0..2 * half).map(|i| {
            let distance = i as f64 - (half as f64 - 1.0) - at;
            let window = (0.5 * PI * distance / half as f64).cos().powi(2);
            let turn = PI * cutoff * distance;
            if turn.abs() < 1e-9 { window } else { window * turn.sin() / turn }
        });
        let own: Vec<f64> = own.collect();
        let sum: f64 = own.iter().sum();
        own.into_iter().map(|factor| factor / sum).collect()
    };
    let table: Vec<Vec<f64>> = match up.saturating_mul(2 * half) <= MAX_TABLE {
        true => (0..up).map(factors).collect(),
        false => Vec::new(),
    };
    let count = (samples.len() * up).div_ceil(down);
    let sample = |n: usize| {
        let (place, phase) = (n * down / up, n * down % up);
        let made;
        let factors = match table.get(phase) {
            Some(factors) => factors,
            None => {
                made = factors(phase);
                &made
            }
        };
        // The first sample with a factor is at `place + 1 - half`.
        let skipped = (half - 1).saturating_sub(place);
        let first = (place + skipped + 1).saturating_sub(half);
        let read = samples.get(first..).unwrap_or_default().iter();
        let products = factors[skipped..].iter().zip(read).map(|(f, &x)| f * f64::from(x));
        products.sum::<f64>() as f32
    };
    (0..count).map(sample).collect()
}

/// The greatest common divisor.
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
