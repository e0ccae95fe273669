//! A choice of hook points as people type it, and what was seen there.

use crate::error::{Error, Result};
use ndarray::Array2;
use std::fmt;
use std::str::FromStr;
use stratoscope_transformer::{Architecture, Error as Transformer, HookPoint};

/// Which hook points to keep; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookSelection {
    names: Vec<String>,
}

/// Something to keep beside hidden states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capture {
    /// The value at a hook point.
    Hook(HookPoint),
    /// `blocks.{i}.attn.value_weighted_norms`: the pattern of block `i`, each probability times the
    /// norm of what that key's value brings (Kobayashi et al. 2020), `[n_heads, Σ n²]`.
    ValueWeightedNorms(usize),
}

/// What was kept of one hook point.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Where it was seen.
    pub capture: Capture,
    /// `[tokens, width]`, the rows of the hidden states; or of patterns `[n_heads, Σ n²]`: the
    /// `n × n` probabilities (query rows, key columns) of each text of `n` tokens, one after the
    /// other.
    pub values: Array2<f32>,
}

/// What follows the block's number in the name of value-weighted norms.
const NORMS: &str = "attn.value_weighted_norms";

impl Capture {
    /// Whether it is by pairs of tokens, not by token.
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
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The points of a model that are asked for, each once, kind by kind and block by block. `*`
    /// stands for every block that has the point.
    ///
    /// # Errors
    /// A name that no hook point bears, or a point that the model has not.
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

/// The point of a name, if this model has it.
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
