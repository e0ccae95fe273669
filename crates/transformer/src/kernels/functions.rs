//! The functions of a forward pass that take a value, and the sums over a row.
//!
//! All are branch-free, so that a loop over a slice becomes vector instructions, and without fused
//! multiply-add, so that they give the same digits on any machine. Sums have a fixed order.

use crate::Activation;

/// `e^(high + low)` for a `low` that is small beside 1; NaN stays NaN.
///
/// Largest error for `low = 0`: 1.1 units in the last place (ulp) of normal results.
#[inline(always)]
fn exp_of_sum(high: f32, low: f32) -> f32 {
    // 1.5 × 2^23: what is added to it loses its fraction, and stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let high = if high > 100.0 { 100.0 } else { high };
    let high = if high < -110.0 { -110.0 } else { high };
    let rounded = high * std::f32::consts::LOG2_E + ROUND;
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let n = rounded - ROUND;
    // ln 2 in two parts (Cody & Waite 1980), the first short enough for an exact product.
    let r = (high - n * 0.693_359_4) + n * 2.121_944_4e-4 + low;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let p = (p * r) * r + r + 1.0;
    // In two steps, so that neither factor leaves the range where the result does not.
    let half = power >> 1;
    p * power_of_two(half) * power_of_two(power - half)
}

/// `2^n` for `n` in `-126..128`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `e^x`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    exp_of_sum(x, 0.0)
}

/// `x Φ(x)`, exact. Largest error: ULP_GELU over all normal results, the far tail included.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    // x Φ(x) = max(x, 0) − |x| Φ(−|x|), and Φ(−u) = e^(−u²/2) R(u): no difference of near numbers.
    let u = x.abs();
    let u = if u > 16.0 { 16.0 } else { u };
    // u² in two parts, the first exact: the exponential would multiply its rounding.
    let short = f32::from_bits(u.to_bits() & 0xffff_f000);
    let e = exp_of_sum(-0.5 * (short * short), -0.5 * ((u - short) * (u + short)));
    // (u + 3.75) R(u) as a polynomial of (u − 3.75) / (u + 3.75), which was fitted on 0..15 to a
    // relative error of 1.5e-8 (Lawson's weighted least squares).
    let t = 1.0 / (u + 3.75);
    let s = (u - 3.75) * t;
    let p = 4.434_509_5e-4;
    let p = p * s + 5.096_306e-4;
    let p = p * s - 4.169_018e-3;
    let p = p * s + 1.200_072_1e-3;
    let p = p * s + 3.749_250_6e-2;
    let p = p * s - 1.515_208_3e-1;
    let p = p * s + 3.529_396e-1;
    let p = p * s - 5.881_883e-1;
    let p = p * s + 7.502_941e-1;
    relu(x) - u * (e * (p * t))
}

/// `1 / (1 + e^(−x))`.
#[inline(always)]
fn logistic(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The tanh approximation of GELU: `x (1 + tanh y) / 2` is `x σ(2 y)`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    // 2 √(2/π)
    x * logistic(1.595_769_1 * x * (1.0 + 0.044_715 * x * x))
}

/// `max(x, 0)`; NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// The activation of each value, in place.
#[inline(always)]
pub(super) fn activate(activation: Activation, values: &mut [f32]) {
    // Plain loops: the closures of iterators are not compiled for the machine's vectors.
    match activation {
        Activation::Gelu => {
            for x in values {
                *x = gelu(*x);
            }
        }
        Activation::GeluTanh => {
            for x in values {
                *x = gelu_tanh(*x);
            }
        }
        Activation::GeluSigmoid => {
            for x in values {
                *x *= logistic(1.702 * *x);
            }
        }
        Activation::Relu => {
            for x in values {
                *x = relu(*x);
            }
        }
        Activation::Silu => {
            for x in values {
                *x *= logistic(*x);
            }
        }
    }
}

/// Values that are added, or compared, side by side.
const LANES: usize = 16;

/// The lanes of a row added by halves.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of the values of a row.
#[inline(always)]
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    total(lanes)
}

/// The sum of the squares of a row.
#[inline(always)]
fn sum_of_squares(values: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += chunk[i] * chunk[i];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x * x;
    }
    total(lanes)
}

/// The largest value of a row.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = if x > *lane { x } else { *lane };
    }
    let mut largest = lanes[0];
    for lane in lanes {
        largest = if lane > largest { lane } else { largest };
    }
    largest
}

/// Layer norm of one row, in place.
#[inline(always)]
pub(super) fn layer_norm(row: &mut [f32], weight: &[f32], bias: &[f32], eps: f32) {
    let n = row.len() as f32;
    // Mean first, then the variance of the centred values, as the plain version.
    let mean = sum(row) / n;
    for x in row.iter_mut() {
        *x -= mean;
    }
    let deviation = (sum_of_squares(row) / n + eps).sqrt();
    for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *x = *x / deviation * weight + bias;
    }
}

/// Softmax of one row, in place.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32]) {
    let max = largest(row);
    for x in row.iter_mut() {
        *x = exp(*x - max);
    }
    let total = sum(row);
    for x in row {
        *x /= total;
    }
}
