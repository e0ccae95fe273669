//! The named arrays of a states file of any format. Floats are borrowed, not copied.

use crate::activations::Activations;
use crate::error::{Error, Result};
use crate::rows::Unit;
use half::f16;
use half::slice::HalfFloatSliceExt;
use ndarray::Axis;
use std::borrow::Cow;
use std::io::{self, Write};

/// A named array.
pub(crate) struct Array<'a> {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values<'a>,
}

/// The values of an array, in order.
pub(crate) enum Values<'a> {
    /// Floats, in pieces; written as f16 if `half`.
    Floats {
        pieces: Vec<Cow<'a, [f32]>>,
        half: bool,
    },
    Integers(Vec<i64>),
}

/// The arrays of consecutive parts, as those of one whole.
pub(crate) fn of(parts: &[Activations], half: bool) -> Vec<Array<'_>> {
    let Some(first) = parts.first() else { return Vec::new() };
    let rows = || parts.iter().flat_map(|part| &part.rows);
    let n_rows = rows().count();
    let floats = |pieces| Values::Floats { pieces, half };
    let states = (0..first.layers.len()).flat_map(|layer| parts.iter().map(move |p| (layer, p)));
    let mut arrays = vec![Array {
        name: "hidden_states".to_owned(),
        shape: vec![first.layers.len(), n_rows, first.d_model()],
        values: floats(states.map(|(layer, part)| layer_of(part, layer)).collect()),
    }];
    let mut integers = |name: &str, shape: &[usize], values: Vec<i64>| {
        let shape = shape.to_vec();
        arrays.push(Array { name: name.to_owned(), shape, values: Values::Integers(values) });
    };
    let layers: Vec<i64> = first.layers.iter().map(|&l| l as i64).collect();
    integers("layers", &[layers.len()], layers);
    let places = rows().flat_map(|r| r.char_offsets).map(|c| c as i64);
    integers("char_offsets", &[n_rows, 2], places.collect());
    let words = rows().map(|r| r.word_id.map_or(-1, i64::from));
    integers("word_ids", &[n_rows], words.collect());
    let lengths: Vec<usize> = parts.iter().flat_map(lengths).collect();
    let offsets = offsets(lengths.iter().copied());
    match first.unit {
        Unit::Token => {
            let ids = rows().map(|r| r.token_id.map_or(-1, i64::from));
            integers("input_ids", &[n_rows], ids.collect());
            let special = rows().map(|r| i64::from(r.special));
            integers("special_tokens_mask", &[n_rows], special.collect());
            integers("sequence_offsets", &[offsets.len()], offsets);
        }
        Unit::Word => integers("word_sequence_offsets", &[offsets.len()], offsets),
        Unit::Sentence => {}
    }
    if first.hooks.iter().any(|hook| hook.capture.is_pattern()) {
        let offsets = self::offsets(lengths.iter().map(|n| n * n));
        integers("pattern_offsets", &[offsets.len()], offsets);
    }
    for (index, hook) in first.hooks.iter().enumerate() {
        let values = || parts.iter().map(move |part| &part.hooks[index].values);
        let (shape, pieces) = match hook.capture.is_pattern() {
            true => {
                let heads = hook.values.nrows();
                let width = values().map(|v| v.ncols()).sum();
                let rows = (0..heads).flat_map(|head| values().map(move |v| v.row(head)));
                (vec![heads, width], rows.map(|row| piece(row.into_dyn())).collect())
            }
            false => {
                let rows = values().map(|v| v.nrows()).sum();
                (
                    vec![rows, hook.values.ncols()],
                    values().map(|v| piece(v.view().into_dyn())).collect(),
                )
            }
        };
        arrays.push(Array { name: hook.capture.to_string(), shape, values: floats(pieces) });
    }
    arrays
}

/// The number of rows of each text.
fn lengths(part: &Activations) -> Vec<usize> {
    part.sequence_offsets().windows(2).map(|w| w[1] - w[0]).collect()
}

/// The start of each of consecutive lengths, and the end of the last.
fn offsets(lengths: impl Iterator<Item = usize>) -> Vec<i64> {
    let mut sum = 0;
    let ends = lengths.map(|n| {
        sum += n as i64;
        sum
    });
    std::iter::once(0).chain(ends).collect()
}

/// A layer of a part, row by row.
pub(crate) fn layer_of(part: &Activations, layer: usize) -> Cow<'_, [f32]> {
    piece(part.hidden_states.index_axis(Axis(0), layer).into_dyn())
}

/// The values of an array in order, borrowed if they are contiguous.
pub(crate) fn piece(values: ndarray::ArrayViewD<'_, f32>) -> Cow<'_, [f32]> {
    match values.to_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(values.iter().copied().collect()),
    }
}

/// Refuses values that are too large for f16.
///
/// # Errors
/// [`Error::BeyondHalf`] with the first such value.
pub(crate) fn check_half(states: &Activations) -> Result<()> {
    // From here on f16 rounds to infinity.
    const LIMIT: f32 = 65520.0;
    let beyond = |values: &[f32]| {
        let any = values.iter().fold(false, |any, v| any | (v.abs() >= LIMIT));
        if any { values.iter().position(|v| v.abs() >= LIMIT) } else { None }
    };
    let error = |name: String, row: usize, value: f32| {
        let row = &states.rows[row];
        let text = &states.texts[row.sequence];
        let place = text.place(row.sequence);
        Error::BeyondHalf { name, place, row: format!("{:?}", row.label), value }
    };
    for (index, layer) in states.layers.iter().enumerate() {
        let values = layer_of(states, index);
        if let Some(at) = beyond(&values) {
            return Err(error(format!("layer {layer}"), at / states.d_model(), values[at]));
        }
    }
    // Patterns are probabilities, or bounded by norms of states.
    for hook in states.hooks.iter().filter(|hook| !hook.capture.is_pattern()) {
        let values = piece(hook.values.view().into_dyn());
        if let Some(at) = beyond(&values) {
            return Err(error(hook.capture.to_string(), at / hook.values.ncols(), values[at]));
        }
    }
    Ok(())
}

impl Array<'_> {
    /// The length in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let width = match self.values {
            Values::Floats { half: true, .. } => 2,
            Values::Floats { half: false, .. } => 4,
            Values::Integers(_) => 8,
        };
        self.shape.iter().product::<usize>() * width
    }

    /// Writes the values, little-endian.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.values {
            Values::Integers(values) => little_endian(values, |v| v.to_le_bytes(), out),
            Values::Floats { pieces, half: false } => {
                pieces.iter().try_for_each(|p| little_endian(p, |v| v.to_le_bytes(), out))
            }
            Values::Floats { pieces, half: true } => {
                let mut halves = vec![f16::ZERO; 1 << 12];
                pieces.iter().flat_map(|piece| piece.chunks(1 << 12)).try_for_each(|values| {
                    let halves = &mut halves[..values.len()];
                    halves.convert_from_f32_slice(values);
                    little_endian(halves.reinterpret_cast(), |v| v.to_le_bytes(), out)
                })
            }
        }
    }
}

/// Writes numbers as little-endian bytes, without a conversion on most machines.
fn little_endian<T: bytemuck::NoUninit, const N: usize>(
    values: &[T],
    bytes: impl Fn(&T) -> [u8; N],
    out: &mut dyn Write,
) -> io::Result<()> {
    if cfg!(target_endian = "little") {
        return out.write_all(bytemuck::cast_slice(values));
    }
    values.iter().try_for_each(|value| out.write_all(&bytes(value)))
}
