//! `pytorch_model.bin`, as `torch.save` writes it in its zip format and in its older format. The pickle
//! is read by a machine that can only describe tensors (`machine.rs`); values are read on demand.

mod cursor;
mod machine;
mod objects;
#[cfg(test)]
mod tests;
mod zip;

pub use objects::{PickledObjects, read_objects};

use crate::error::Result;
use crate::stored::{Stored, StoredTensors, encoding_of, narrow, width};
use crate::weights::WeightsFile;
use cursor::Cursor;
use machine::{Machine, Storage, Value, View};
use safetensors::tensor::Dtype;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use stratoscope_transformer::Encoding;

/// The beginning of a file of the older format: a pickle of torch's magic number.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// How often the numbers of a file may be shared. T5 shares its embedding four times.
const SHARED: usize = 4;

/// The tensors of all files together.
///
/// # Errors
/// A file that is cut, damaged or in another format; a pickle with objects that weights do not need; a
/// tensor outside of its storage; a name that occurs twice.
pub(crate) fn tensors(files: &[WeightsFile]) -> Result<StoredTensors> {
    let mut tensors = StoredTensors::new();
    for WeightsFile { name, bytes } in files {
        read(name, &Arc::new(bytes.whole()?), &mut tensors)?;
    }
    Ok(tensors)
}

fn read(file: &str, all: &Arc<Cow<'static, [u8]>>, tensors: &mut StoredTensors) -> Result<()> {
    visit(file, all, &mut |machine, root, storage| collect(machine, root, all, storage, tensors))
}

/// What is done with the object of a file: the machine that read it, the object, and the bytes of a
/// storage by its key.
type Visit<'v> = dyn for<'a> FnMut(&Machine<'a>, Value<'a>, &dyn Fn(&str) -> Option<&'a [u8]>) -> Result<()>
    + 'v;

/// Reads the pickle of a file.
fn visit(file: &str, all: &Arc<Cow<'static, [u8]>>, with: &mut Visit<'_>) -> Result<()> {
    let bytes: &[u8] = all;
    let input = Cursor::new(file, bytes);
    if bytes.starts_with(zip::BEGINNING) {
        let members = zip::members(file, bytes)?;
        let mut pickles = members.iter().filter_map(|(name, content)| {
            let folder = name.strip_suffix("data.pkl")?;
            (folder.is_empty() || folder.ends_with('/')).then_some((folder, *content))
        });
        let (Some((folder, pickle)), None) = (pickles.next(), pickles.next()) else {
            return Err(input.wrong("its archive should have one data.pkl"));
        };
        if let Some(order) = members.get(&*format!("{folder}byteorder"))
            && *order != b"little"
        {
            return Err(input.wrong("it was written on a big-endian machine"));
        }
        let mut machine = Machine::new(Cursor::new(file, pickle), bytes.len());
        let root = machine.run()?;
        let storage = |key: &str| members.get(&*format!("{folder}data/{key}")).copied();
        with(&machine, root, &storage)
    } else if bytes.starts_with(LEGACY) {
        let mut machine = Machine::new(input, bytes.len());
        machine.input.take(LEGACY.len())?;
        let (version, system, root, keys) =
            (machine.run()?, machine.run()?, machine.run()?, machine.run()?);
        if !matches!(version, Value::Int(1001)) || !is_little_endian(&machine, system) {
            return Err(machine.input.wrong("it is of another version, or of another byte order"));
        }
        let storages = legacy_storages(&mut machine, keys)?;
        with(&machine, root, &|key: &str| storages.get(key).copied())
    } else if bytes.starts_with(b"version https://git-lfs") {
        Err(input.wrong("it is a git-lfs pointer to the file (git lfs pull)"))
    } else {
        Err(input.wrong("it does not begin as either format of torch.save does"))
    }
}

fn is_little_endian(machine: &Machine<'_>, system: Value<'_>) -> bool {
    let Value::Dict(cell) = system else { return false };
    machine.cells[cell]
        .chunks_exact(2)
        .any(|entry| matches!(entry, [Value::Text("little_endian"), Value::Bool(true)]))
}

/// The storages after the pickles of the older format: for each key a length, then the numbers.
fn legacy_storages<'a>(
    machine: &mut Machine<'a>,
    keys: Value<'a>,
) -> Result<HashMap<&'a str, &'a [u8]>> {
    let dtypes: HashMap<_, _> = machine.storages.iter().map(|s| (s.key, s.dtype)).collect();
    let mut found = HashMap::new();
    let Value::List(cell) = keys else {
        return Err(machine.input.wrong("it has no list of its storages"));
    };
    for key in &machine.cells[cell] {
        let Value::Text(key) = *key else {
            return Err(machine.input.wrong("a storage of it has no name"));
        };
        let Some(dtype) = dtypes.get(key) else {
            return Err(machine.input.wrong(format!("its storage {key:?} belongs to no tensor")));
        };
        let length = machine.input.number(8)?.saturating_mul(size_of(*dtype) as u64);
        found.insert(key, machine.input.count(length)?);
    }
    Ok(found)
}

/// Adds the tensors of a state dict to `tensors`.
fn collect<'a>(
    machine: &Machine<'a>,
    root: Value<'a>,
    all: &Arc<Cow<'static, [u8]>>,
    storage: &dyn Fn(&str) -> Option<&'a [u8]>,
    tensors: &mut StoredTensors,
) -> Result<()> {
    let mut left = all.len().saturating_mul(SHARED);
    for entry in state_dict(machine, root)?.chunks_exact(2) {
        let &[Value::Text(name), Value::Tensor(index)] = entry else {
            let name = if let Value::Text(name) = entry[0] { name } else { "(not a text)" };
            return Err(machine.input.wrong(format!("its entry {name:?} is not a tensor")));
        };
        let tensor = strided(machine, index, name, all, storage, &mut left)?;
        if tensors.insert(name.to_owned(), Arc::new(tensor)).is_some() {
            return Err(machine.input.wrong(format!("the tensor {name:?} occurs twice")));
        }
    }
    Ok(())
}

/// A tensor of the machine, within its storage. `left` counts down the bytes that tensors may have.
fn strided<'a>(
    machine: &Machine<'a>,
    index: usize,
    name: &str,
    all: &Arc<Cow<'static, [u8]>>,
    storage: &dyn Fn(&str) -> Option<&'a [u8]>,
    left: &mut usize,
) -> Result<Strided> {
    let view = &machine.tensors[index];
    let of = &machine.storages[view.storage];
    let placed = storage(of.key).and_then(|bytes| place(view, of, bytes));
    let Some(bytes) = placed else {
        let reason = format!("its tensor {name:?} is not within its storage");
        return Err(machine.input.wrong(reason));
    };
    let count = view.shape.iter().product::<usize>();
    let Some(rest) = left.checked_sub(count * size_of(of.dtype)) else {
        return Err(machine.input.wrong("its tensors are much larger than the file"));
    };
    *left = rest;
    let (shape, strides) = (view.shape.clone(), view.strides.clone());
    // The bytes are a part of the file.
    let start = bytes.as_ptr().addr() - all.as_ptr().addr();
    Ok(Strided { all: all.clone(), start, dtype: of.dtype, shape, strides })
}

/// The dictionary of tensors: the whole object, or its entry `state_dict` or `model`.
fn state_dict<'m, 'a>(machine: &'m Machine<'a>, root: Value<'a>) -> Result<&'m [Value<'a>]> {
    let mut dict = root;
    // A dictionary may contain itself, so the depth is limited.
    for _ in 0..4 {
        let Value::Dict(cell) = dict else { break };
        let entries = &machine.cells[cell];
        let nested = entries.chunks_exact(2).find_map(|entry| match entry {
            [Value::Text("state_dict" | "model"), inner @ Value::Dict(_)] => Some(*inner),
            _ => None,
        });
        match nested {
            Some(inner) => dict = inner,
            None => return Ok(entries),
        }
    }
    Err(machine.input.wrong("it holds no dictionary of tensors"))
}

/// The bytes of a storage from the first number of a view on; none if the view is not within the
/// storage, or has more numbers than the storage.
fn place<'a>(view: &View, storage: &Storage<'_>, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let size = size_of(storage.dtype);
    let bytes = bytes.get(..storage.len.checked_mul(size)?)?;
    let count = view.shape.iter().try_fold(1usize, |count, &d| count.checked_mul(d))?;
    let from_first = bytes.get(view.offset.checked_mul(size)?..)?;
    let mut last = 0usize;
    for (&d, &stride) in view.shape.iter().zip(&view.strides).filter(|_| count > 0) {
        last = last.checked_add((d - 1).checked_mul(stride)?)?;
    }
    let fits = count == 0 || count <= storage.len && last < from_first.len() / size;
    fits.then_some(from_first)
}

/// The bytes of a number.
fn size_of(dtype: Dtype) -> usize {
    dtype.bitsize() / 8
}

/// A tensor with strides.
struct Strided {
    /// The file.
    all: Arc<Cow<'static, [u8]>>,
    /// The place of its first number in the file.
    start: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl Strided {
    /// The numbers of some rows in row-major order, as they are in the file.
    fn row_major(&self, rows: Range<usize>) -> Vec<u8> {
        let (size, bytes) = (size_of(self.dtype), &self.all[self.start..]);
        let width = width(&self.shape);
        let count = rows.len() * width;
        // Without numbers the strides do not matter.
        if count == 0 {
            return Vec::new();
        }
        let mut expected = 1;
        let mut in_order = self.shape.iter().zip(&self.strides).rev().map(|(&d, &stride)| {
            let fits = d == 1 || stride == expected;
            expected *= d;
            fits
        });
        if in_order.all(|fits| fits) {
            let first = rows.start * width;
            return bytes.get(first * size..(first + count) * size).unwrap_or_default().to_vec();
        }
        let mut ordered = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        if let Some(first) = index.first_mut() {
            *first = rows.start;
        }
        for _ in 0..count {
            let at = index.iter().zip(&self.strides).map(|(i, s)| i * s).sum::<usize>();
            ordered.extend_from_slice(&bytes[at * size..][..size]);
            for (i, d) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *d {
                    break;
                }
                *i = 0;
            }
        }
        ordered
    }
}

impl Stored for Strided {
    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        encoding_of(self.dtype, name)
    }

    fn read(&self, rows: Range<usize>, bytes: &mut [u8]) -> Result<()> {
        let stored = self.row_major(rows);
        match self.dtype {
            Dtype::F64 => narrow(&stored, bytes),
            _ => bytes.copy_from_slice(&stored),
        }
        Ok(())
    }

    fn part(&self, index: usize) -> Option<Arc<dyn Stored>> {
        let start = self.start + index * self.strides[0] * size_of(self.dtype);
        let (shape, strides) = (self.shape[1..].to_vec(), self.strides[1..].to_vec());
        Some(Arc::new(Self { all: self.all.clone(), start, dtype: self.dtype, shape, strides }))
    }
}
