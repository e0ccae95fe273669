//! Functions of single values, and sums over a row.
//!
//! They have no branches, so that a loop over a slice becomes vector instructions. On a machine with
//! an instruction that multiplies and adds with one rounding they use it, so that the last digit may
//! differ between machines, as in matrix products. Sums have a fixed order.

use super::product::fused;
use super::rounding::Rounding;
use crate::architecture::Activation;
use pulp::Simd;
use std::ops::Range;

/// `a b + c`.
#[inline(always)]
fn sum_of_product<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if fused::<S>() { a.mul_add(b, c) } else { a * b + c }
}

/// `e^(high + low)` for a `low` that is small beside 1; NaN stays NaN.
///
/// Largest error for `low = 0`: 1.0 units in the last place (ulp), over all normal results.
#[inline(always)]
fn exp_of_sum<S: Simd>(high: f32, low: f32) -> f32 {
    let add = sum_of_product::<S>;
    // 1.5 × 2^23: what is added to it loses its fraction, and stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let high = if high > 100.0 { 100.0 } else { high };
    let high = if high < -110.0 { -110.0 } else { high };
    let rounded = add(high, std::f32::consts::LOG2_E, ROUND);
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let n = rounded - ROUND;
    // ln 2 in two parts (Cody & Waite 1980), the first short enough for an exact product.
    let r = add(n, 2.121_944_4e-4, add(n, -0.693_359_4, high)) + low;
    let p = 1.987_569_1e-4;
    let p = add(p, r, 1.398_2e-3);
    let p = add(p, r, 8.333_452e-3);
    let p = add(p, r, 4.166_579_6e-2);
    let p = add(p, r, 1.666_666_5e-1);
    let p = add(p, r, 5e-1);
    let p = add(p * r, r, r) + 1.0;
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
pub(super) fn exp<S: Simd>(x: f32) -> f32 {
    exp_of_sum::<S>(x, 0.0)
}

/// `x Φ(x)`, exact. Largest error: 5.5 ulp over all normal results, the far tail included.
#[inline(always)]
fn gelu<S: Simd>(x: f32) -> f32 {
    let add = sum_of_product::<S>;
    // x Φ(x) = max(x, 0) − |x| Φ(−|x|), and Φ(−u) = e^(−u²/2) R(u): no difference of near numbers.
    let u = x.abs();
    let u = if u > 16.0 { 16.0 } else { u };
    // u² in two parts, the first exact: the exponential would multiply its rounding.
    let short = f32::from_bits(u.to_bits() & 0xffff_f000);
    let e = exp_of_sum::<S>(-0.5 * (short * short), -0.5 * ((u - short) * (u + short)));
    // (u + 2) R(u) as a polynomial of (u - 2) / (u + 2), which was fitted on 0..15 to a relative
    // error of 2.5e-8 (Lawson's weighted least squares).
    let t = 1.0 / (u + 2.0);
    let s = (u - 2.0) * t;
    let p = -7.917_701e-5;
    let p = add(p, s, 2.667_312e-5);
    let p = add(p, s, 7.267_991e-4);
    let p = add(p, s, 8.892_506e-4);
    let p = add(p, s, -1.891_199_2e-3);
    let p = add(p, s, -6.753_652_4e-3);
    let p = add(p, s, -4.832_387_8e-4);
    let p = add(p, s, 3.672_191_5e-2);
    let p = add(p, s, 2.879_840_9e-2);
    let p = add(p, s, -3.314_045_7e-1);
    let p = add(p, s, 6.724_08e-1);
    // The exponential last: the rest of the product is near 0.4, so that nothing underflows early.
    relu(x) - e * (u * (p * t))
}

/// `1 / (1 + e^(−x))`. Largest error: 2.3 ulp; times `x` (SiLU) 3.1 ulp.
#[inline(always)]
fn logistic<S: Simd>(x: f32) -> f32 {
    let e = exp::<S>(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The tanh approximation of GELU: `x (1 + tanh y) / 2` is `x σ(2 y)`.
///
/// Largest error: 3.8 ulp for `x > -1`; below, the rounding of `y` itself grows with it. (The
/// sigmoid approximation likewise: 2.5 ulp.)
#[inline(always)]
fn gelu_tanh<S: Simd>(x: f32) -> f32 {
    // 2 √(2/π)
    let cubic = sum_of_product::<S>(0.044_715 * x, x, 1.0);
    x * logistic::<S>(1.595_769 * x * cubic)
}

/// `tanh x`. Largest error: 1.7 ulp.
#[inline(always)]
fn tanh<S: Simd>(x: f32) -> f32 {
    let add = sum_of_product::<S>;
    // Near 0 an odd polynomial, fitted on |x| < 0.65 to a relative error of 7e-9; beyond, where 1
    // minus the rest loses nothing, the exponential.
    let z = x * x;
    let p = -5.515_25e-3;
    let p = add(p, z, 2.046_951e-2);
    let p = add(p, z, -5.368_806e-2);
    let p = add(p, z, 1.333_083e-1);
    let p = add(p, z, -3.333_326e-1);
    let near = add(x, z * p, x);
    let u = x.abs();
    let far = 1.0 - 2.0 / (exp::<S>(2.0 * u) + 1.0);
    let far = if x < 0.0 { -far } else { far };
    if u < 0.6 { near } else { far }
}

/// `c tanh(x / c)` of each value, in place.
#[inline(always)]
pub(super) fn soft_cap<S: Simd>(values: &mut [f32], cap: f32) {
    for x in values {
        *x = cap * tanh::<S>(*x / cap);
    }
}

/// Rotates pairs `(a[i], b[i])` by the angles of these cosines and sines, in place. With a rounding every
/// number on the way is rounded.
#[inline(always)]
pub(super) fn rotate(
    a: &mut [f32],
    b: &mut [f32],
    cosines: &[f32],
    sines: &[f32],
    rounding: Rounding,
) {
    if rounding == Rounding::None {
        for ((a, b), (cosine, sine)) in a.iter_mut().zip(b).zip(cosines.iter().zip(sines)) {
            let (x, y) = (*a, *b);
            *a = x * cosine - y * sine;
            *b = y * cosine + x * sine;
        }
        return;
    }
    for ((a, b), (&cosine, &sine)) in a.iter_mut().zip(b).zip(cosines.iter().zip(sines)) {
        let (x, y, cosine, sine) = (*a, *b, rounding.of(cosine), rounding.of(sine));
        *a = rounding.of(rounding.of(x * cosine) - rounding.of(y * sine));
        *b = rounding.of(rounding.of(y * cosine) + rounding.of(x * sine));
    }
}

/// `max(x, 0)`; NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// The activation of each value, in place.
#[inline(always)]
pub(super) fn activate<S: Simd>(activation: Activation, values: &mut [f32]) {
    // Plain loops: the closures of iterators are not compiled for the machine's vectors.
    match activation {
        Activation::Gelu => {
            for x in values {
                *x = gelu::<S>(*x);
            }
        }
        Activation::GeluTanh => {
            for x in values {
                *x = gelu_tanh::<S>(*x);
            }
        }
        Activation::GeluSigmoid => {
            for x in values {
                *x *= logistic::<S>(1.702 * *x);
            }
        }
        Activation::Relu => {
            for x in values {
                *x = relu(*x);
            }
        }
        Activation::ReluSquared => {
            for x in values {
                let positive = relu(*x);
                *x = positive * positive;
            }
        }
        Activation::Silu => {
            for x in values {
                *x *= logistic::<S>(*x);
            }
        }
    }
}

/// The number of values that are added, or compared, in parallel.
pub(super) const LANES: usize = 16;

/// The sum of the lanes, added by halves.
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
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            let other = lanes[i + half];
            lanes[i] = if other > lanes[i] { other } else { lanes[i] };
        }
        half /= 2;
    }
    lanes[0]
}

/// The norm of one row, in place: layer norm if it is centred, else root mean square norm. The bias
/// may be empty.
#[inline(always)]
pub(super) fn norm(row: &mut [f32], weight: &[f32], bias: &[f32], centred: bool, eps: f32) {
    let n = row.len() as f32;
    // Mean first, then the variance of the centred values, as the plain version.
    if centred {
        let mean = sum(row) / n;
        for x in row.iter_mut() {
            *x -= mean;
        }
    }
    let scale = 1.0 / (sum_of_squares(row) / n + eps).sqrt();
    for (x, weight) in row.iter_mut().zip(weight) {
        *x = *x * scale * weight;
    }
    for (x, bias) in row.iter_mut().zip(bias) {
        *x += bias;
    }
}

/// Writes a value outside of a range of a row.
#[inline(always)]
fn fill_outside(row: &mut [f32], own: &Range<usize>, value: f32) {
    row[..own.start].fill(value);
    row[own.end..].fill(value);
}

/// Softmax of a range of a row, in place; the rest becomes 0. The score `sink` takes part, and has no
/// place in the row. Fastest for a row of whole [`LANES`].
#[inline(always)]
pub(super) fn softmax<S: Simd>(row: &mut [f32], own: Range<usize>, sink: Option<f32>) {
    fill_outside(row, &own, f32::NEG_INFINITY);
    let max = sink.unwrap_or(f32::NEG_INFINITY).max(largest(row));
    // Their exponentials become 1, since subnormal numbers are slow.
    fill_outside(row, &own, max);
    for x in row.iter_mut() {
        *x = exp::<S>(*x - max);
    }
    fill_outside(row, &own, 0.0);
    let mut total = sum(row);
    if let Some(sink) = sink {
        total += exp::<S>(sink - max);
    }
    for x in row {
        *x /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Scalar, Scalar128b};

    /// The largest error of `f` in units in the last place of the true value, over every `step`th
    /// f32 of a range whose true value is a normal number.
    fn worst(
        step: usize,
        range: std::ops::Range<f32>,
        f: impl Fn(f32) -> f32,
        truth: impl Fn(f64) -> f64,
    ) -> f64 {
        let mut worst = 0.0f64;
        for sign in [1.0, -1.0] {
            for bits in (0..f32::MAX.to_bits()).step_by(step) {
                let x = sign * f32::from_bits(bits);
                let expected = truth(f64::from(x));
                let normal = f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX);
                if range.contains(&x) && normal.contains(&expected.abs()) {
                    let ulp = 2f64.powi(expected.abs().log2().floor() as i32 - 23);
                    worst = worst.max((f64::from(f(x)) - expected).abs() / ulp);
                }
            }
        }
        worst
    }

    fn check(name: &str, worst: f64, limit: f64) {
        assert!(worst <= limit, "{name}: {worst} ulp, at most {limit} expected");
    }

    fn true_logistic(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn errors_are_as_documented() {
        errors::<Scalar128b>(397);
        // In one rounding, which is slow where no instruction does it.
        errors::<Scalar>(9_973);
    }

    fn errors<S: Simd>(step: usize) {
        let (exp, gelu, tanh) = (exp::<S>, gelu::<S>, tanh::<S>);
        let (logistic, gelu_tanh) = (logistic::<S>, gelu_tanh::<S>);
        check("exp", worst(step, -88.0..88.7, exp, f64::exp), 1.5);
        let true_gelu = |x: f64| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        check("gelu", worst(step, -20.0..1e30, gelu, true_gelu), 5.6);
        check("logistic", worst(step, -80.0..1e30, logistic, true_logistic), 3.0);
        check("silu", worst(step, -80.0..1e30, |x| x * logistic(x), |x| x * true_logistic(x)), 4.0);
        // The exponent's own rounding grows with it, in any evaluation in f32.
        let true_tanh = |x: f64| {
            x * true_logistic(
                2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x),
            )
        };
        check("gelu_tanh", worst(step, -1.0..1e9, gelu_tanh, true_tanh), 8.0);
        let sigmoid = |x: f32| x * logistic(1.702 * x);
        check("tanh", worst(step, -30.0..30.0, tanh, f64::tanh), 2.0);
        check(
            "gelu_sigmoid",
            worst(step, -1.0..1e30, sigmoid, |x| x * true_logistic(1.702 * x)),
            6.0,
        );
    }

    #[test]
    fn extremes_come_out_as_they_should() {
        for activation in crate::kernels::tests::ACTIVATIONS {
            let mut values = [f32::NAN, 0.0, 1e-45, 1e30, f32::INFINITY, -1e30];
            activate::<Scalar128b>(activation, &mut values);
            assert!(values[0].is_nan(), "{activation:?}");
            let large = if activation == Activation::ReluSquared { f32::INFINITY } else { 1e30 };
            assert_eq!(values[1..], [0.0, values[2], large, f32::INFINITY, 0.0], "{activation:?}");
            assert!(values[2] >= 0.0 && values[2] < 1e-44);
        }
        let exp = exp::<Scalar128b>;
        assert_eq!((exp(-200.0), exp(f32::NEG_INFINITY), exp(200.0)), (0.0, 0.0, f32::INFINITY));
        assert!(exp(-100.0) > 0.0, "results below the normal numbers are kept");
        let mut row = [1.0, f32::NAN, 0.0];
        softmax::<Scalar128b>(&mut row, 0..3, None);
        assert!(row.iter().all(|x| x.is_nan()));
    }
}
