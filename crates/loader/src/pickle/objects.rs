//! Tensors and whole numbers of any object that `torch.save` wrote, by their paths in it.

use super::machine::{Machine, Value};
use super::{SHARED, strided, visit};
use crate::error::{Error, Result};
use crate::source::path_text;
use crate::stored::{Stored, values_of};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The deepest nesting of dictionaries and lists.
const DEPTH: usize = 6;
/// The most objects of a file.
const OBJECTS: usize = 1 << 16;

/// The tensors and whole numbers of a file, by path: keys and places joined by dots, such as `J.3`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PickledObjects {
    /// Tensors: shape, and values in row-major order.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Whole numbers.
    pub integers: BTreeMap<String, i64>,
}

/// Reads the tensors and whole numbers of a file of `torch.save`. Nothing of the file is executed; other
/// values are left out.
///
/// # Errors
/// A file that cannot be read; one that is cut, damaged or in another format; a pickle with objects that
/// are neither containers nor tensors; an object that is nested too deeply.
pub fn read_objects(path: &Path) -> Result<PickledObjects> {
    let file = path_text(path);
    let bytes =
        std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let all: Arc<Cow<'static, [u8]>> = Arc::new(Cow::Owned(bytes));
    let mut found = PickledObjects::default();
    visit(&file, &all, &mut |machine, root, storage| {
        let mut left = all.len().saturating_mul(SHARED);
        let mut waiting = vec![(String::new(), root, 0)];
        let mut seen = 0;
        while let Some((path, value, depth)) = waiting.pop() {
            seen += 1;
            if depth > DEPTH || seen > OBJECTS {
                return Err(machine.input.wrong("its objects are nested too deeply, or too many"));
            }
            match value {
                Value::Int(number) => drop(found.integers.insert(path, number)),
                Value::Tensor(index) => {
                    let tensor = strided(machine, index, &path, &all, storage, &mut left)?;
                    let (shape, values) = (tensor.shape().to_vec(), values_of(&tensor, &path)?);
                    found.tensors.insert(path, (shape, values));
                }
                _ => waiting.extend(
                    inner(machine, value)
                        .map(|(key, value)| (joined(&path, &key), value, depth + 1)),
                ),
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The keys and values of a container; none of anything else.
fn inner<'a>(machine: &Machine<'a>, value: Value<'a>) -> impl Iterator<Item = (String, Value<'a>)> {
    let mut found = Vec::new();
    match value {
        Value::List(cell) | Value::Tuple(cell) => {
            let of = machine.cells[cell].iter().enumerate();
            found.extend(of.map(|(place, value)| (place.to_string(), *value)));
        }
        Value::Dict(cell) => {
            for entry in machine.cells[cell].chunks_exact(2) {
                match entry[0] {
                    Value::Text(key) => found.push((key.to_owned(), entry[1])),
                    Value::Int(key) => found.push((key.to_string(), entry[1])),
                    _ => {}
                }
            }
        }
        _ => {}
    }
    found.into_iter()
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
