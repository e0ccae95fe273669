//! A stack machine for pickles, with the few instructions of weights and the four Python objects that
//! they need. It describes tensors, and executes nothing.
//!
//! Values are small copies; containers are in one table and referred to by index. So shared values,
//! values that contain themselves, and depth cost nothing. Memory is bounded by the number of
//! instructions, and that number by the size of the file.

use super::cursor::Cursor;
use crate::error::{Error, Result};
use safetensors::Dtype;
use std::collections::HashMap;

/// A value on the stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// None, or a floating-point number, which weights do not need.
    Nothing,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text of the file.
    Text(&'a str),
    /// A Python object that weights need.
    Global(Global),
    /// A tuple, by its place in `Machine::cells`.
    Tuple(usize),
    /// A list, likewise.
    List(usize),
    /// A dictionary, likewise: key, value, key, value.
    Dict(usize),
    /// A storage, by its place in `Machine::storages`.
    Storage(usize),
    /// A tensor, by its place in `Machine::tensors`.
    Tensor(usize),
}

/// The Python objects that a checkpoint may name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// Numbers in a file, of which tensors are views.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: Dtype,
    /// The number of numbers.
    pub(super) len: usize,
}

/// A view of a storage, in numbers (not bytes), unchecked.
#[derive(Debug)]
pub(super) struct View {
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// The machine and what it has built.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) input: Cursor<'a>,
    pub(super) cells: Vec<Vec<Value<'a>>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<View>,
    stack: Vec<Value<'a>>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Value<'a>>,
    steps: usize,
}

/// The instructions of any file (about 35 per tensor, so this is 1,800 tensors), and the bytes of the
/// file that allow one more, which is about the memory of an instruction.
const MIN_STEPS: usize = 1 << 16;
const BYTES_PER_STEP: usize = 128;

/// The most dimensions of a tensor.
const MAX_RANK: usize = 8;

impl<'a> Machine<'a> {
    /// A machine at the start of a pickle in a file of `file_len` bytes.
    pub(super) fn new(input: Cursor<'a>, file_len: usize) -> Self {
        Self {
            input,
            cells: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            steps: MIN_STEPS + file_len / BYTES_PER_STEP,
        }
    }

    /// Runs one pickle to its end, and returns its value.
    pub(super) fn run(&mut self) -> Result<Value<'a>> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            if let Some(value) = self.step()? {
                return Ok(value);
            }
            self.steps = self
                .steps
                .checked_sub(1)
                .ok_or_else(|| self.input.wrong("its pickle is too long for the weights in it"))?;
        }
    }

    /// One instruction; a value after the last.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let at = self.input.at();
        let value = match self.input.number(1)? as u8 {
            b'.' => return self.pop().map(Some),
            0x80 => {
                self.input.take(1)?;
                return Ok(None);
            }
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'q' => return self.put(1),
            b'r' => return self.put(4),
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            b'N' => Value::Nothing,
            b'G' => {
                self.input.take(8)?;
                Value::Nothing
            }
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.input.number(1)? as i64),
            b'M' => Value::Int(self.input.number(2)? as i64),
            b'J' => Value::Int(i64::from(self.input.number(4)? as i32)),
            0x8a => self.long()?,
            b'U' => self.text(1)?,
            b'X' | b'T' => self.text(4)?,
            b'c' => self.global()?,
            b')' => self.cell(Value::Tuple, Vec::new()),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let parts = self.since_mark()?;
                self.cell(Value::Tuple, parts)
            }
            b']' => self.cell(Value::List, Vec::new()),
            b'}' => self.cell(Value::Dict, Vec::new()),
            b'a' => {
                let parts = vec![self.pop()?];
                self.extend(parts, false)?
            }
            b's' => {
                let value = self.pop()?;
                let parts = vec![self.pop()?, value];
                self.extend(parts, true)?
            }
            b'e' => {
                let parts = self.since_mark()?;
                self.extend(parts, false)?
            }
            b'u' => {
                let parts = self.since_mark()?;
                self.extend(parts, true)?
            }
            // What a dictionary carries besides its entries (versions of modules) is not needed.
            b'b' => {
                self.pop()?;
                match self.pop()? {
                    dict @ Value::Dict(_) => dict,
                    _ => return Err(self.input.wrong("it sets the state of an object")),
                }
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            other => {
                let reason = format!("its pickle has the instruction {other:#04x} at byte {at}");
                return Err(self.input.wrong(reason));
            }
        };
        self.stack.push(value);
        Ok(None)
    }

    /// The value on top, which no mark may cover.
    fn pop(&mut self) -> Result<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop().filter(|_| self.stack.len() >= floor) {
            Some(value) => Ok(value),
            None => Err(self.input.wrong("its pickle takes a value that is not there")),
        }
    }

    /// All values above the last mark.
    fn since_mark(&mut self) -> Result<Vec<Value<'a>>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark.min(self.stack.len()))),
            None => Err(self.input.wrong("its pickle takes values to a mark that is not there")),
        }
    }

    fn put(&mut self, size: usize) -> Result<Option<Value<'a>>> {
        let key = self.input.number(size)?;
        let value = self.pop()?;
        self.memo.insert(key, value);
        self.stack.push(value);
        Ok(None)
    }

    fn get(&mut self, size: usize) -> Result<Value<'a>> {
        let key = self.input.number(size)?;
        let value = self.memo.get(&key).copied();
        value.ok_or_else(|| self.input.wrong(format!("its pickle has no value {key} to repeat")))
    }

    /// A whole number of up to eight bytes, in two's complement.
    fn long(&mut self) -> Result<Value<'a>> {
        let size = self.input.number(1)? as usize;
        if size > 8 {
            return Err(self.input.wrong("it has a whole number that is too large"));
        }
        let shift = 64 - 8 * size as u32;
        let number = self.input.number(size)?;
        // Shifted up and down again, so that the sign spreads; of no bytes nothing is left.
        Ok(Value::Int(number.checked_shl(shift).map_or(0, |number| number as i64 >> shift)))
    }

    fn text(&mut self, size: usize) -> Result<Value<'a>> {
        let length = self.input.number(size)?;
        Ok(Value::Text(self.input.text(length)?))
    }

    fn global(&mut self) -> Result<Value<'a>> {
        let names = (self.input.line()?, self.input.line()?);
        Ok(Value::Global(match names {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", "FloatStorage") => Global::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Global::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Global::Storage(Dtype::BF16),
            ("torch", "DoubleStorage") => Global::Storage(Dtype::F64),
            ("torch", "LongStorage") => Global::Storage(Dtype::I64),
            ("torch", "IntStorage") => Global::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Global::Storage(Dtype::I16),
            ("torch", "CharStorage") => Global::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Global::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Global::Storage(Dtype::BOOL),
            (module, name) => {
                let global: String = format!("{module}.{name}").chars().take(80).collect();
                return Err(Error::PickleGlobal { file: self.input.file().to_owned(), global });
            }
        }))
    }

    fn cell(&mut self, kind: fn(usize) -> Value<'a>, parts: Vec<Value<'a>>) -> Value<'a> {
        self.cells.push(parts);
        kind(self.cells.len() - 1)
    }

    fn tuple(&mut self, size: usize) -> Result<Value<'a>> {
        let mut parts = vec![Value::Nothing; size];
        for part in parts.iter_mut().rev() {
            *part = self.pop()?;
        }
        Ok(self.cell(Value::Tuple, parts))
    }

    /// Adds parts to the list or the dictionary below them.
    fn extend(&mut self, parts: Vec<Value<'a>>, pairs: bool) -> Result<Value<'a>> {
        let target = self.pop()?;
        match target {
            Value::List(cell) if !pairs => self.cells[cell].extend(parts),
            Value::Dict(cell) if pairs && parts.len().is_multiple_of(2) => {
                self.cells[cell].extend(parts)
            }
            _ => return Err(self.input.wrong("its pickle adds to what is no list or dictionary")),
        }
        Ok(target)
    }

    /// What `("storage", type, key, device, length)` stands for. Files of the first format have a
    /// sixth part for views of a storage, which none has written since.
    fn storage(&mut self) -> Result<Value<'a>> {
        let id = self.pop()?;
        let (key, dtype, len) = match self.parts(id) {
            [
                Value::Text("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Text(key),
                _,
                Value::Int(len),
            ]
            | [
                Value::Text("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Text(key),
                _,
                Value::Int(len),
                Value::Nothing,
            ] => (*key, *dtype, usize::try_from(*len)),
            _ => return Err(self.input.wrong("it refers to something that is no storage")),
        };
        let len = len.map_err(|_| self.input.wrong("it has a storage of a negative length"))?;
        self.storages.push(Storage { key, dtype, len });
        Ok(Value::Storage(self.storages.len() - 1))
    }

    /// A call of one of the few things that may be called.
    fn call(&mut self) -> Result<Value<'a>> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        match (callee, self.parts(arguments)) {
            (Value::Global(Global::OrderedDict), []) => Ok(self.cell(Value::Dict, Vec::new())),
            (
                Value::Global(Global::RebuildTensor),
                [Value::Storage(storage), Value::Int(offset), shape, strides, _, _, ..],
            ) => {
                let offset = usize::try_from(*offset).ok();
                let (shape, strides) = (self.sizes(*shape), self.sizes(*strides));
                match (offset, shape, strides) {
                    (Some(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => {
                        let storage = *storage;
                        self.tensors.push(View { storage, offset, shape, strides });
                        Ok(Value::Tensor(self.tensors.len() - 1))
                    }
                    _ => Err(self.input.wrong("it has a tensor of no sensible shape")),
                }
            }
            (Value::Global(Global::RebuildParameter), [tensor @ Value::Tensor(_), _, _]) => {
                Ok(*tensor)
            }
            _ => Err(self.input.wrong("its pickle calls something as weights do not")),
        }
    }

    /// The parts of a tuple; of anything else, none.
    fn parts(&self, value: Value<'a>) -> &[Value<'a>] {
        match value {
            Value::Tuple(cell) => &self.cells[cell],
            _ => &[],
        }
    }

    /// A tuple of few whole numbers that are not negative.
    fn sizes(&self, value: Value<'a>) -> Option<Vec<usize>> {
        let Value::Tuple(cell) = value else { return None };
        let parts = &self.cells[cell];
        let size = |part: &Value<'_>| match part {
            Value::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        if parts.len() <= MAX_RANK { parts.iter().map(size).collect() } else { None }
    }
}
