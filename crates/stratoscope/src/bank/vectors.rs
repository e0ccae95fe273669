//! The vectors of the words of a bank: 16-bit floats, as the bytes of the file that stores them. They are
//! large, so that they are neither copied nor converted before they are needed.

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use rayon::prelude::*;
use std::fmt;
use std::ops::Range;

/// The bytes of a 16-bit float.
const WIDTH: usize = 2;

/// f16 `[layers, rows, d_model]` in little-endian bytes.
#[derive(Clone)]
pub(super) struct Vectors {
    dim: (usize, usize, usize),
    /// The bytes of a file or of the vectors alone.
    bytes: Vec<u8>,
    /// Where the vectors begin.
    start: usize,
}

impl Vectors {
    /// The vectors in some bytes from `start` on; `None` if there are too few bytes.
    pub(super) fn new(dim: (usize, usize, usize), bytes: Vec<u8>, start: usize) -> Option<Self> {
        let (layers, rows, d_model) = dim;
        let length = layers.checked_mul(rows)?.checked_mul(d_model)?.checked_mul(WIDTH)?;
        (start.checked_add(length)? <= bytes.len()).then_some(Self { dim, bytes, start })
    }

    /// Vectors of 0.
    pub(super) fn zeros(dim: (usize, usize, usize)) -> Self {
        let (layers, rows, d_model) = dim;
        Self { dim, bytes: vec![0; layers * rows * d_model * WIDTH], start: 0 }
    }

    /// `[layers, rows, d_model]`.
    pub(super) fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    /// The bytes of all vectors.
    pub(super) fn bytes(&self) -> &[u8] {
        let (layers, rows, d_model) = self.dim;
        &self.bytes[self.start..self.start + layers * rows * d_model * WIDTH]
    }

    /// The bytes of each layer, to be written.
    pub(super) fn layers_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [u8]> {
        let (layers, rows, d_model) = self.dim;
        let of_layer = rows * d_model * WIDTH;
        let all = &mut self.bytes[self.start..self.start + layers * of_layer];
        all.par_chunks_mut(of_layer.max(1))
    }

    /// Reads some rows of a layer into `values`, `[rows, d_model]`.
    pub(super) fn read(&self, layer: usize, rows: Range<usize>, values: &mut [f32]) {
        let (_, of_layer, d_model) = self.dim;
        let place = |row: usize| (layer * of_layer + row) * d_model * WIDTH;
        let bytes = &self.bytes()[place(rows.start)..place(rows.end)];
        match bytemuck::try_cast_slice::<u8, u16>(bytes) {
            Ok(bits) if cfg!(target_endian = "little") => {
                bits.reinterpret_cast::<f16>().convert_to_f32_slice(values);
            }
            _ => {
                let (halves, _) = bytes.as_chunks::<WIDTH>();
                for (value, half) in values.iter_mut().zip(halves) {
                    *value = f16::from_le_bytes(*half).to_f32();
                }
            }
        }
    }
}

/// Rounds values to 16 bits, and writes them as bytes.
pub(super) fn round(values: &[f32], bytes: &mut [u8]) {
    for (value, half) in values.iter().zip(bytes.as_chunks_mut::<WIDTH>().0) {
        *half = f16::from_f32(*value).to_le_bytes();
    }
}

impl PartialEq for Vectors {
    fn eq(&self, other: &Self) -> bool {
        self.dim == other.dim && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Vectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors").field("dim", &self.dim).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_any_place_in_the_bytes() {
        let values: Vec<f32> = (0..24).map(|i| i as f32 / 8.0 - 1.0).collect();
        for start in [0, 1, 8] {
            let mut bytes = vec![7; start + 48 + 3];
            round(&values, &mut bytes[start..start + 48]);
            let vectors = Vectors::new((2, 4, 3), bytes, start).unwrap();
            let mut read = [0.0; 6];
            vectors.read(1, 1..3, &mut read);
            assert_eq!(read, values[15..21]);
            assert_eq!(vectors, Vectors::new((2, 4, 3), vectors.bytes().to_vec(), 0).unwrap());
        }
        assert!(Vectors::new((2, 4, 3), vec![0; 47], 0).is_none());
        assert!(Vectors::new((usize::MAX, 4, 3), vec![0; 48], 0).is_none());
    }
}
