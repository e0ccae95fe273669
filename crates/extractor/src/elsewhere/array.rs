//! An array of a file: its type, its shape, and its values as numbers or texts.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use std::borrow::Cow;

/// The type of the values of an array, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    /// Integers of so many bytes; booleans are one byte without a sign.
    Integer {
        bytes: usize,
        signed: bool,
    },
    /// Texts of at most so many letters, each 4 bytes.
    Letters(usize),
    /// Texts of at most so many bytes.
    Bytes(usize),
}

impl Kind {
    /// The bytes of a value.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Integer { bytes, .. } | Self::Bytes(bytes) => bytes,
            Self::Letters(letters) => letters.saturating_mul(4),
        }
    }

    /// The name, as results give it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Integer { .. } => "integers",
            Self::Letters(_) | Self::Bytes(_) => "texts",
        }
    }
}

/// An array.
pub(crate) struct Array<'a> {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// Whether the first axis, not the last, is the one whose values follow each other.
    pub(crate) fortran: bool,
    /// The values, as many as the shape says.
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// The number of values of a shape; none if no memory has so many.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size))
}

impl Array<'_> {
    /// The values as f32.
    ///
    /// # Errors
    /// An array of another type, or a value beyond f32.
    pub(crate) fn floats(&self, name: &str) -> Result<ArrayD<f32>, String> {
        let bytes = &*self.bytes;
        let values: Vec<f32> = match self.kind {
            Kind::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Kind::F16 => {
                bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect()
            }
            Kind::Bf16 => {
                bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32()).collect()
            }
            Kind::F64 => {
                bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()
            }
            other => return Err(format!("{name} has {}, not floats", other.name())),
        };
        self.shaped(name, values)
    }

    /// The values as integers.
    ///
    /// # Errors
    /// An array of another type, or a number beyond 63 bits.
    pub(crate) fn integers(&self, name: &str) -> Result<ArrayD<i64>, String> {
        let Kind::Integer { bytes: width, signed } = self.kind else {
            return Err(format!("{name} has {}, not integers", self.kind.name()));
        };
        let of = |bytes: &[u8]| {
            let mut all = [0; 8];
            if signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
                all = [0xFF; 8];
            }
            all[..width].copy_from_slice(bytes);
            let value = i64::from_le_bytes(all);
            match !signed && value < 0 {
                true => Err(format!("{name} has a number beyond 2⁶³")),
                false => Ok(value),
            }
        };
        let values = self.bytes.chunks_exact(width).map(of).collect::<Result<_, _>>()?;
        self.shaped(name, values)
    }

    /// The values as texts, without the zeros that fill them up.
    ///
    /// # Errors
    /// An array of another type, or a text that is not Unicode.
    pub(crate) fn texts(&self, name: &str) -> Result<ArrayD<String>, String> {
        let wrong = || format!("{name} has a text that is not Unicode");
        let width = self.kind.width();
        let of = |bytes: &[u8]| match self.kind {
            Kind::Letters(_) => {
                let letters = bytes.as_chunks().0.iter().map(|&b| u32::from_le_bytes(b));
                let text: Option<String> = letters.map(char::from_u32).collect();
                text.map(|text| text.trim_end_matches('\0').to_owned()).ok_or_else(wrong)
            }
            _ => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                std::str::from_utf8(&bytes[..end]).map(str::to_owned).map_err(|_| wrong())
            }
        };
        match self.kind {
            Kind::Letters(_) | Kind::Bytes(_) if width == 0 => {
                self.shaped(name, vec![String::new(); count(&self.shape).unwrap_or(0)])
            }
            Kind::Letters(_) | Kind::Bytes(_) => {
                let values = self.bytes.chunks_exact(width).map(of).collect::<Result<_, _>>()?;
                self.shaped(name, values)
            }
            other => Err(format!("{name} has {}, not texts", other.name())),
        }
    }

    fn shaped<T>(&self, name: &str, values: Vec<T>) -> Result<ArrayD<T>, String> {
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayD::from_shape_vec(shape, values).map_err(|error| format!("{name}: {error}"))
    }
}
