//! A selection of hook points as users type it, and the values at these points.

use crate::error::{Error, Result};
use ndarray::Array2;
use std::fmt;
use std::str::FromStr;
use stratoscope_transformer::{Architecture, Error as Transformer, HookPoint};

/// A selection of hook points; empty by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookSelection {
    names: Vec<String>,
}

/// A value that is kept besides hidden states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capture {
    /// The value at a hook point.
    Hook(HookPoint),
    /// `blocks.{i}.attn.value_weighted_norms`: the pattern of block `i`, with each probability times the
    /// norm of the transformed value of the key (Kobayashi et al. 2020), `[n_heads, Σ n²]`.
    ValueWeightedNorms(usize),
}

/// The values of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// The capture.
    pub capture: Capture,
    /// `[tokens, width]`, with the rows of the hidden states. Patterns are `[n_heads, Σ n²]`: for each
    /// text of `n` tokens its `n × n` probabilities (query rows, key columns), one after the other.
    pub values: Array2<f32>,
}

/// The end of the name of value-weighted norms.
const NORMS: &str = "attn.value_weighted_norms";

impl Capture {
    /// Whether values belong to pairs of tokens, not to tokens.
    pub fn is_pattern(self) -> bool {
        matches!(self, Self::Hook(HookPoint::Pattern(_)) | Self::ValueWeightedNorms(_))
    }
}

impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook(point) => point.fmt(f),
            Self::ValueWeightedNorms(i) => write!(f, "blocks.{i}.{NORMS}"),
        }
    }
}

impl FromStr for HookSelection {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self { names: names.map(str::to_owned).collect() })
    }
}

impl HookSelection {
    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The selected captures of a model, each once, kind by kind and block by block. `*` means every
    /// block that has the hook point.
    ///
    /// # Errors
    /// A name that is not a hook point, or a hook point that the model does not have.
    pub fn resolve(&self, architecture: &Architecture) -> Result<Vec<Capture>> {
        let mut captures = Vec::new();
        for name in &self.names {
            let Some((before, after)) = name.split_once('*') else {
                captures.push(capture(name, architecture)?);
                continue;
            };
            let of_block = |i: usize| capture(&format!("{before}{i}{after}"), architecture);
            let mut any = false;
            let mut refused = None;
            for i in 0..architecture.n_layers {
                match of_block(i) {
                    Ok(capture) => {
                        captures.push(capture);
                        any = true;
                    }
                    Err(error) => refused = Some(error),
                }
            }
            if let (false, Some(error)) = (any, refused) {
                return Err(error);
            }
        }
        captures.sort();
        captures.dedup();
        Ok(captures)
    }
}

/// The capture of a name.
fn capture(name: &str, architecture: &Architecture) -> Result<Capture> {
    let norms = name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'));
    if let Some((layer, NORMS)) = norms {
        let unknown = || Error::from(Transformer::UnknownHookPoint { name: name.to_owned() });
        let layer = layer.parse().map_err(|_| unknown())?;
        architecture.require(HookPoint::Pattern(layer))?;
        return Ok(Capture::ValueWeightedNorms(layer));
    }
    let point: HookPoint = name.parse()?;
    architecture.require(point)?;
    Ok(Capture::Hook(point))
}
