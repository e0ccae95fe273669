//! Differences of two sets of hidden states and logits.

use super::{Opinion, Result};
use candle_core::Tensor;
use std::fmt;

/// A quantity that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The hidden state of a layer, 0 being the embedding output.
    HiddenState(usize),
    /// The last hidden state, if the others are not available.
    LastHiddenState,
    /// The logits.
    Logits,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HiddenState(layer) => write!(f, "hidden_states.{layer}"),
            Self::LastHiddenState => f.write_str("last_hidden_state"),
            Self::Logits => f.write_str("logits"),
        }
    }
}

/// The difference of one quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The quantity.
    pub quantity: Quantity,
    /// The number of tokens that were compared: the last ones.
    pub tokens: usize,
    /// The largest difference; infinite if a number is not finite.
    pub largest_absolute: f32,
    /// The largest difference relative to the largest number of the token. It is per token, since an
    /// attention sink can be a thousand times larger than other tokens.
    pub largest_relative: f32,
    /// The largest number of the token with the largest relative difference.
    pub of: f32,
}

/// Compares hidden states, `n_layers + 1` of `[tokens, d_model]`, and logits, `[tokens, d_vocab]`, of one
/// sequence with the opinion. Quantities that one side does not have are left out.
///
/// # Errors
/// Tensors of different shapes.
pub fn compare(
    hidden_states: &[Tensor],
    logits: Option<&Tensor>,
    opinion: &Opinion,
) -> Result<Vec<Comparison>> {
    let mut found = Vec::new();
    match (&opinion.hidden_states, hidden_states.last()) {
        (Some(theirs), _) if theirs.len() == hidden_states.len() => {
            for (layer, (ours, theirs)) in hidden_states.iter().zip(theirs).enumerate() {
                found.push(one(Quantity::HiddenState(layer), ours, theirs)?);
            }
        }
        (_, Some(last)) => {
            found.push(one(Quantity::LastHiddenState, last, &opinion.last_hidden_state)?);
        }
        _ => {}
    }
    if let (Some(ours), Some(theirs)) = (logits, &opinion.logits) {
        found.push(one(Quantity::Logits, ours, theirs)?);
    }
    Ok(found)
}

/// Compares the last rows of `ours` with all rows of `theirs`.
fn one(quantity: Quantity, ours: &Tensor, theirs: &Tensor) -> Result<Comparison> {
    let (rows, width) = theirs.dims2()?;
    let first = ours.dim(0)?.saturating_sub(rows);
    // Different shapes are an error of candle that names both.
    let ours = ours.narrow(0, first, rows)?.reshape(theirs.shape())?;
    let (ours, theirs): (Vec<f32>, Vec<f32>) =
        (ours.flatten_all()?.to_vec1()?, theirs.flatten_all()?.to_vec1()?);
    let mut found = Comparison {
        quantity,
        tokens: rows,
        largest_absolute: 0.0,
        largest_relative: 0.0,
        of: 0.0,
    };
    let width = width.max(1);
    for (ours, theirs) in ours.chunks(width).zip(theirs.chunks(width)) {
        let (mut apart, mut largest) = (0f32, 0f32);
        for (a, b) in ours.iter().zip(theirs) {
            let difference =
                if a.is_finite() && b.is_finite() { (a - b).abs() } else { f32::INFINITY };
            apart = apart.max(difference);
            largest = largest.max(b.abs());
        }
        let relative = match apart {
            0.0 => 0.0,
            f32::INFINITY => f32::INFINITY,
            _ => apart / largest,
        };
        found.largest_absolute = found.largest_absolute.max(apart);
        if relative >= found.largest_relative {
            (found.largest_relative, found.of) = (relative, largest);
        }
    }
    Ok(found)
}
