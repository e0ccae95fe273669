//! Rotary positions in configs: `rope_theta` and `rope_scaling` (transformers 4), or `rope_parameters`
//! (transformers 5).

use crate::config::Config;
use crate::error::Result;
use stratoscope_transformer::{Rotary, RotaryScaling};

/// How the configs of a family describe its rotation.
pub(super) struct Rope {
    /// The entry of `rope_parameters` for these blocks, where blocks differ.
    pub(super) set: Option<&'static str>,
    /// The older key of the base.
    pub(super) theta: &'static str,
    /// The base of a config that does not state it.
    pub(super) default_theta: f64,
    /// The older key of the share of a head that rotates, and its default; none if the whole head
    /// always rotates.
    pub(super) partial: Option<(&'static str, f64)>,
    /// Whether the older `rope_scaling` applies to these blocks.
    pub(super) scaled: bool,
    /// Older names of `longrope`.
    pub(super) longrope_names: &'static [&'static str],
    /// The first training length if `original_max_position_embeddings` is not at the top of the
    /// config. It takes precedence over the one within the scaling.
    pub(super) default_original: Option<f64>,
}

/// The whole head rotates, at base 10,000.
pub(super) const ROPE: Rope = Rope {
    set: None,
    theta: "rope_theta",
    default_theta: 10_000.0,
    partial: None,
    scaled: true,
    longrope_names: &[],
    default_original: None,
};

/// The rotation of a config.
pub(super) fn rotary(config: &Config, d_head: usize, rope: &Rope) -> Result<Rotary> {
    let old = if rope.scaled { config.within("rope_scaling")? } else { None };
    let mut own = if old.is_some() { old } else { config.within("rope_parameters")? };
    if let (Some(set), Some(all)) = (rope.set, &own)
        && let Some(of_set) = all.within(set)?
    {
        own = Some(of_set);
    }
    // Without either object the config itself has the keys; without a type nothing is scaled.
    let own = own.as_ref();
    let number = |key: &str, older: &str| -> Result<Option<f64>> {
        let own = own.map_or(Ok(None), |own| own.positive(&[key]))?;
        if own.is_some() { Ok(own) } else { config.positive(&[older]) }
    };
    let base = number("rope_theta", rope.theta)?.unwrap_or(rope.default_theta);
    const PARTIAL: &str = "partial_rotary_factor";
    let width = match rope.partial {
        Some((older, default)) => {
            (d_head as f64 * number(PARTIAL, older)?.unwrap_or(default)) as usize
        }
        None => {
            own.map_or(Ok(()), |own| own.only(PARTIAL, 1.into()))?;
            config.only(PARTIAL, 1.into())?;
            d_head
        }
    };
    let scaling = match own {
        Some(own) => scaling(config, own, rope)?,
        None => RotaryScaling::None,
    };
    Ok(Rotary { scaling, ..Rotary::new(base, width) })
}

fn scaling(config: &Config, own: &Config, rope: &Rope) -> Result<RotaryScaling> {
    let key = if own.has("rope_type") { "rope_type" } else { "type" };
    let Some(kind) = own.optional_text(key)? else { return Ok(RotaryScaling::None) };
    let kind = if rope.longrope_names.contains(&kind) { "longrope" } else { kind };
    const ORIGINAL: &str = "original_max_position_embeddings";
    const LONGEST: &str = "max_position_embeddings";
    let original = || -> Result<f64> {
        if let (Some(default), false) = (rope.default_original, config.has(ORIGINAL)) {
            return Ok(default);
        }
        for (place, key) in [(config, ORIGINAL), (own, ORIGINAL), (config, LONGEST)] {
            if let Some(number) = place.positive(&[key])? {
                return Ok(number);
            }
        }
        config.needed(LONGEST)
    };
    match kind {
        // Positions of three kinds, which are equal for the tokens of a text (Wang et al. 2024).
        "default" | "mrope" => Ok(RotaryScaling::None),
        "linear" => Ok(RotaryScaling::Linear { factor: own.needed("factor")? }),
        "dynamic" => {
            // It scales texts longer than `max_position_embeddings`.
            own.needed("factor")?;
            Ok(RotaryScaling::Within)
        }
        "llama3" => Ok(RotaryScaling::ByWavelength {
            factor: own.needed("factor")?,
            low: own.needed("low_freq_factor")?,
            high: own.needed("high_freq_factor")?,
            original: original()?,
        }),
        "yarn" => {
            let original = original()?;
            let factor = own.needed("factor")?;
            let grown = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
            let [mscale, all] = ["mscale", "mscale_all_dim"].map(|key| own.positive(&[key]));
            let attention = match (own.positive(&["attention_factor"])?, mscale?, all?) {
                (Some(attention), ..) => attention,
                (None, Some(mscale), Some(all)) => grown(mscale) / grown(all),
                _ => grown(1.0),
            };
            Ok(RotaryScaling::Yarn {
                factor,
                fast: own.positive(&["beta_fast"])?.unwrap_or(32.0),
                slow: own.positive(&["beta_slow"])?.unwrap_or(1.0),
                original,
                truncate: own.flag("truncate", true)?,
                attention,
            })
        }
        "longrope" => {
            let original = original()?;
            let factor = match own.positive(&["factor"])? {
                Some(factor) => factor,
                None => config.needed(LONGEST)? / original,
            };
            let attention = match own.positive(&["attention_factor"])? {
                Some(attention) => attention,
                None if factor <= 1.0 => 1.0,
                None => (1.0 + factor.ln() / original.ln()).sqrt(),
            };
            let (short, long) = (own.numbers("short_factor")?, own.numbers("long_factor")?);
            let original = original as usize;
            Ok(RotaryScaling::ByIndex { short, long, original, attention })
        }
        other => {
            let reason = "default, linear, dynamic, llama3, yarn and longrope are supported";
            Err(own.error(key, &other.into(), reason))
        }
    }
}
