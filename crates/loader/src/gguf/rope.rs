//! Rotary positions: from metadata and tensors to the `rope_scaling` of a config.

use super::keys::Keys;
use super::parse::shortest;
use crate::error::{Error, Result};
use serde_json::{Map, Value, json};
use std::f64::consts::TAU;

/// LongRoPE's factors of long texts.
pub(super) const LONG: &str = "rope_factors_long.weight";
/// LongRoPE's factors of texts that are not longer than those of the first training.
pub(super) const SHORT: &str = "rope_factors_short.weight";

/// The metadata of rotary positions.
pub(super) struct Rope<'a> {
    pub(super) theta: f64,
    kind: Option<&'a str>,
    factor: Option<f64>,
    /// The longest text of the first training.
    pub(super) original: Option<u64>,
    /// The factor of cosines and sines.
    attention: Option<f64>,
}

impl<'a> Rope<'a> {
    /// Reads the keys that all architectures share.
    pub(super) fn read(keys: &Keys<'a>, theta: f64) -> Result<Self> {
        let theta = keys.float("rope.freq_base")?.unwrap_or(theta);
        if theta <= 1.0 {
            return Err(keys.error("rope.freq_base", "a number above 1 is expected"));
        }
        // Old files have another key for the linear factor. A factor of 0 or 1 changes nothing.
        let old = keys.float("rope.scale_linear")?;
        let factor = keys.float("rope.scaling.factor")?.or(old);
        Ok(Self {
            theta,
            kind: keys.text("rope.scaling.type")?,
            factor: factor.filter(|factor| *factor != 0.0 && *factor != 1.0),
            original: keys.size("rope.scaling.original_context_length")?,
            attention: keys.float("rope.scaling.attn_factor")?,
        })
    }

    /// Writes the base and the scaling into a config.
    pub(super) fn write(&self, scaling: Option<Value>, config: &mut Map<String, Value>) {
        config.insert("rope_theta".to_owned(), self.theta.into());
        config.insert("rope_scaling".to_owned(), scaling.into());
    }

    /// The scaling, from keys alone.
    pub(super) fn scaling(&self, keys: &Keys<'_>) -> Result<Option<Value>> {
        const KIND: &str = "rope.scaling.type";
        let unscaled = |key: &str| keys.only(key, 1.0);
        unscaled("rope.scaling.attn_factor")?;
        let Some(factor) = self.factor else {
            return match self.kind {
                None | Some("none" | "linear" | "yarn") => Ok(None),
                Some(_) => Err(keys.error(KIND, "linear and yarn, with a factor, are supported")),
            };
        };
        match self.kind {
            Some("none") => Ok(None),
            None | Some("linear") => Ok(Some(json!({ "rope_type": "linear", "factor": factor }))),
            Some("yarn") => {
                unscaled("rope.scaling.yarn_ext_factor")?;
                unscaled("rope.scaling.yarn_attn_factor")?;
                let original = "rope.scaling.original_context_length";
                let mut scaling = json!({
                    "rope_type": "yarn",
                    "factor": factor,
                    "original_max_position_embeddings": keys.need(original, Ok(self.original))?,
                });
                for (key, name) in [
                    ("rope.scaling.yarn_beta_fast", "beta_fast"),
                    ("rope.scaling.yarn_beta_slow", "beta_slow"),
                ] {
                    if let Some(value) = keys.float(key)? {
                        scaling[name] = value.into();
                    }
                }
                Ok(Some(scaling))
            }
            Some(_) => Err(keys.error(KIND, "linear and yarn are supported")),
        }
    }
}

/// LongRoPE from its two tensors of factors.
pub(super) fn longrope(
    keys: &Keys<'_>,
    rope: &Rope<'_>,
    long: &[f32],
    short: &[f32],
) -> Result<Option<Value>> {
    if !matches!(rope.kind, None | Some("longrope" | "su")) {
        return Err(keys.error("rope.scaling.type", "the factors of the file are LongRoPE's"));
    }
    let list = |factors: &[f32]| factors.iter().map(|f| shortest(*f)).collect::<Value>();
    let original = "rope.scaling.original_context_length";
    let original = keys.need(original, Ok(rope.original))? as f64;
    let context = keys.need("context_length", keys.size("context_length"))? as f64;
    let mut scaling =
        json!({ "type": "longrope", "long_factor": list(long), "short_factor": list(short) });
    // Only if it differs from the value that follows from the lengths.
    let ratio = context / original;
    let usual = if ratio <= 1.0 { 1.0 } else { (1.0 + ratio.ln() / original.ln()).sqrt() };
    if let Some(attention) = rope.attention
        && (attention - usual).abs() > 1e-6
    {
        scaling["attention_factor"] = attention.into();
    }
    Ok(Some(scaling))
}

/// Llama 3's scaling from its divisors: the file has a divisor for each frequency, and not the four
/// numbers that the divisors follow from.
///
/// The divisor of a wavelength w is 1 below `original / high`, `factor` above `original / low`, and in
/// between 1 / ((1 − s) / factor + s), with s = (original / w − low) / (high − low).
pub(super) fn llama3(
    keys: &Keys<'_>,
    rope: &Rope<'_>,
    d_head: u64,
    divisors: &[f32],
) -> Result<Option<Value>> {
    // The values of all published models.
    const LOW: f64 = 1.0;
    const HIGH: f64 = 4.0;
    const PUBLISHED_ORIGINAL: u64 = 8192;
    let refuse = || Error::Config {
        file: keys.file().to_owned(),
        key: "rope_freqs.weight".to_owned(),
        value: format!("{:?}…", divisors.iter().take(8).collect::<Vec<_>>()),
        reason: "these are not the divisors of Llama 3's scaling".to_owned(),
    };
    if divisors.len() as u64 != d_head / 2 || rope.kind.is_some_and(|kind| kind != "none") {
        return Err(refuse());
    }
    let divisors: Vec<f64> = divisors.iter().map(|d| shortest(*d)).collect();
    let factor = divisors.iter().copied().fold(1.0, f64::max);
    if divisors.iter().all(|d| *d == 1.0) {
        return Ok(None);
    }
    let wavelength = |i: usize| TAU * rope.theta.powf(2.0 * i as f64 / d_head as f64);
    // The frequency nearest to the middle of the ramp determines its place best.
    let share = |divisor: f64| (1.0 / divisor - 1.0 / factor) / (1.0 - 1.0 / factor);
    let middle = (0..divisors.len())
        .map(|i| (i, share(divisors[i])))
        .filter(|(_, share)| *share > 1e-3 && *share < 1.0 - 1e-3)
        .min_by(|a, b| (a.1 - 0.5).abs().total_cmp(&(b.1 - 0.5).abs()));
    let original = match middle {
        Some((i, share)) => (wavelength(i) * (LOW + share * (HIGH - LOW))).round(),
        None => rope.original.unwrap_or(PUBLISHED_ORIGINAL) as f64,
    };
    let expected = |i: usize| {
        let wavelength = wavelength(i);
        let share = ((original / wavelength - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
        1.0 / ((1.0 - share) / factor + share)
    };
    let as_made = |i: usize| (divisors[i] - expected(i)).abs() <= 1e-4 * expected(i);
    if !(1.0..1e9).contains(&original) || !(0..divisors.len()).all(as_made) {
        return Err(refuse());
    }
    Ok(Some(json!({
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": LOW,
        "high_freq_factor": HIGH,
        "original_max_position_embeddings": original as u64,
    })))
}
