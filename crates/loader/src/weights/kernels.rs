//! Convolutions over time as matrices.

use super::names::SourceTensor;
use crate::error::{Error, Result};
use crate::stored::{Stored, values_of, width};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use stratoscope_transformer::Encoding;

/// The kernel `[out, in, time]` of a convolution as the matrix `[out, time × in]`: the inputs of one time
/// are side by side.
struct Kernel {
    tensor: Arc<dyn Stored>,
    name: String,
    shape: [usize; 2],
    inputs: usize,
    times: usize,
}

/// The matrix of the kernel of a convolution, for the shape `[out, time × in]` of the weight.
///
/// # Errors
/// A tensor that is not such a kernel.
pub(super) fn kernel(found: &SourceTensor, shape: &[usize]) -> Result<Arc<dyn Stored>> {
    let (tensor, name) = (found.tensor.clone(), found.name.clone());
    match (tensor.shape(), shape) {
        (&[out, inputs, times], &[rows, columns])
            if out == rows && inputs.checked_mul(times) == Some(columns) =>
        {
            Ok(Arc::new(Kernel { tensor, name, shape: [out, columns], inputs, times }))
        }
        (found, expected) => {
            let found = found.to_vec();
            Err(Error::TensorShape { tensor: name, expected: expected.to_vec(), found })
        }
    }
}

impl Stored for Kernel {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        match self.tensor.encoding(name)? {
            Encoding::Blocks(_) => {
                let dtype = "blocks".to_owned();
                Err(Error::TensorType { tensor: name.to_owned(), dtype })
            }
            encoding => Ok(encoding),
        }
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let size = self.encoding(&self.name)?.bytes(1);
        let mut stored = vec![0; bytes.len()];
        self.tensor.read(rows, &mut stored)?;
        let row = (self.inputs * self.times * size).max(1);
        for (out, stored) in bytes.chunks_mut(row).zip(stored.chunks(row)) {
            for (place, out) in out.chunks_mut(size).enumerate() {
                let (time, input) = (place / self.inputs, place % self.inputs);
                let from = (input * self.times + time) * size;
                out.copy_from_slice(&stored[from..from + size]);
            }
        }
        Ok(())
    }
}

/// A kernel `[out, in, time]` in two parts: a direction `v` and a length `g` for each time, of which the
/// kernel is `g v / |v|` (Salimans & Kingma 2016).
struct Normed {
    directions: Arc<dyn Stored>,
    lengths: Arc<dyn Stored>,
    name: String,
    lengths_name: String,
    /// The factor of each time, which is computed once.
    factors: OnceLock<Vec<f64>>,
}

/// The kernel of a convolution with weight normalisation.
///
/// # Errors
/// Lengths that are missing, or that do not fit the directions.
pub(super) fn normed(found: &SourceTensor) -> Result<Arc<dyn Stored>> {
    let (directions, name) = (found.tensor.clone(), found.name.clone());
    let Some((lengths_name, lengths)) = found.beside.clone() else {
        let missing = [("weight_v", "weight_g"), ("original1", "original0")];
        let tensor = missing.iter().fold(name, |name, (own, other)| name.replace(own, other));
        return Err(Error::MissingTensor { tensor });
    };
    let times = directions.shape().last().copied().unwrap_or(0);
    if lengths.shape() != [1, 1, times] {
        let (expected, found) = (vec![1, 1, times], lengths.shape().to_vec());
        return Err(Error::TensorShape { tensor: lengths_name, expected, found });
    }
    let factors = OnceLock::new();
    Ok(Arc::new(Normed { directions, lengths, name, lengths_name, factors }))
}

impl Normed {
    /// `g / |v|` of each time.
    fn factors(&self) -> Result<&[f64]> {
        if let Some(factors) = self.factors.get() {
            return Ok(factors);
        }
        let directions = values_of(&*self.directions, &self.name)?;
        let lengths = values_of(&*self.lengths, &self.lengths_name)?;
        let mut squares = vec![0.0; lengths.len()];
        for values in directions.chunks(lengths.len().max(1)) {
            let values = squares.iter_mut().zip(values);
            values.for_each(|(sum, &value)| *sum += f64::from(value).powi(2));
        }
        let factor = |(&length, &square): (&f32, &f64)| f64::from(length) / square.sqrt();
        let factors = lengths.iter().zip(&squares).map(factor).collect();
        Ok(self.factors.get_or_init(|| factors))
    }
}

impl Stored for Normed {
    fn shape(&self) -> &[usize] {
        self.directions.shape()
    }

    fn encoding(&self, _: &str) -> Result<Encoding> {
        Ok(Encoding::F32)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let encoding = self.directions.encoding(&self.name)?;
        let width = width(self.directions.shape());
        let mut stored = vec![0; encoding.bytes(rows.len() * width)];
        self.directions.read(rows.clone(), &mut stored)?;
        let mut values = vec![0.0; rows.len() * width];
        encoding.decode(&stored, &mut values);
        let scaled = values.iter().zip(self.factors()?.iter().cycle());
        let out = bytes.as_chunks_mut().0.iter_mut().zip(scaled);
        out.for_each(|(out, (&value, factor))| {
            *out = ((f64::from(value) * factor) as f32).to_le_bytes();
        });
        Ok(())
    }
}
