//! From the bytes of a GGUF file to its metadata and the places of its tensors. Every number is
//! compared with the length of the file before memory is allocated for it.

use super::dtype::Dtype;
use std::collections::BTreeMap;
use std::io::Read;

/// The error is the end of a message about the file.
pub(super) type Result<T> = std::result::Result<T, String>;

/// A value of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    /// Numbers or truth values of one kind, as bytes, since lists may be as long as the file.
    Numbers(Scalar, Vec<u8>),
}

/// The kinds of value with a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

/// The place and shape of a tensor, outermost dimension first.
#[derive(Debug, Clone)]
pub(super) struct TensorInfo {
    pub(super) shape: Vec<usize>,
    pub(super) elements: usize,
    pub(super) dtype: Dtype,
    /// The place of its first byte in the file.
    pub(super) start: u64,
    /// The file that has it, of a model in several files.
    pub(super) part: usize,
}

/// The part of the file before the values.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, Value>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

/// The kinds of texts and lists; the others are [`Scalar`]s.
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// The bytes of the shortest entry of each table: the length of a name, a kind and a byte; the length of
/// a name, the number of dimensions, one dimension, a type and an offset.
const SHORTEST_KEY: u64 = 8 + 4 + 1;
const SHORTEST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

impl Header {
    /// Reads the header of a file of `length` bytes.
    pub(super) fn read(reader: impl Read, length: u64) -> Result<Self> {
        let mut bytes = Bytes { reader, position: 0, length };
        let magic = bytes.take(4).map_err(|_| "it is shorter than a header".to_owned())?;
        if magic != b"GGUF" {
            return Err(match &magic[..] {
                b"vers" => "it is a git-lfs pointer to the file (git lfs pull)".to_owned(),
                _ => "it does not begin with GGUF".to_owned(),
            });
        }
        match bytes.u32()? {
            2 | 3 => {}
            version if (1..256).contains(&version.swap_bytes()) => {
                return Err("it is big-endian; only little-endian is supported".to_owned());
            }
            version => {
                return Err(format!("it has version {version}; 2 and 3 are supported"));
            }
        }
        let n_tensors = bytes.count(SHORTEST_TENSOR, "tensors")?;
        let n_keys = bytes.count(SHORTEST_KEY, "metadata keys")?;
        let mut metadata = BTreeMap::new();
        for _ in 0..n_keys {
            let key = bytes.text("a metadata key")?;
            let kind = bytes.u32()?;
            let value = bytes.value(kind).map_err(|reason| format!("{key:?}: {reason}"))?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(format!("the key {key:?} occurs twice"));
            }
        }
        let mut tensors = BTreeMap::new();
        for _ in 0..n_tensors {
            let name = bytes.text("a tensor's name")?;
            let info = bytes.tensor().map_err(|reason| format!("tensor {name:?}: {reason}"))?;
            if tensors.insert(name.clone(), info).is_some() {
                return Err(format!("the tensor {name:?} occurs twice"));
            }
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => value
                .unsigned()
                .filter(|a| a.is_power_of_two())
                .ok_or_else(|| format!("its alignment is {}, not a power of two", value.shown()))?,
        };
        place(&mut tensors, bytes.position, alignment, length)?;
        Ok(Self { metadata, tensors })
    }
}

/// Turns offsets into places in the file: aligned, inside the file, without overlaps.
fn place(
    tensors: &mut BTreeMap<String, TensorInfo>,
    header: u64,
    alignment: u64,
    length: u64,
) -> Result<()> {
    let data = header.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    let mut places = Vec::new();
    for (name, info) in tensors {
        if !info.start.is_multiple_of(alignment) {
            let offset = info.start;
            return Err(format!("tensor {name:?} is at {offset}, not a multiple of {alignment}"));
        }
        let bytes = info.dtype.bytes(info.elements) as u64;
        let start = data.saturating_add(info.start);
        let end = start.saturating_add(bytes);
        if end > length {
            return Err(format!(
                "tensor {name:?} ends at byte {end} of {length}: the file is cut or damaged"
            ));
        }
        info.start = start;
        places.push((start, end, name));
    }
    places.sort();
    match places.iter().zip(places.iter().skip(1)).find(|(a, b)| a.1 > b.0) {
        None => Ok(()),
        Some((a, b)) => Err(format!("the tensors {:?} and {:?} overlap", a.2, b.2)),
    }
}

/// A reader with its place in the file.
struct Bytes<R> {
    reader: R,
    position: u64,
    length: u64,
}

impl<R: Read> Bytes<R> {
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>> {
        let size = usize::try_from(count).ok().filter(|_| count <= self.left());
        let size = size.ok_or_else(|| {
            format!(
                "{count} bytes at {} are past the end: the file is cut or damaged",
                self.position
            )
        })?;
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes).map_err(|e| e.to_string())?;
        self.position += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(&self.take(N as u64)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of items, each of at least `each` bytes.
    fn count(&mut self, each: u64, what: &str) -> Result<u64> {
        let count = self.u64()?;
        match count.checked_mul(each) {
            Some(bytes) if bytes <= self.left() => Ok(count),
            _ => Err(format!("{count} {what} do not fit into the file: it is cut or damaged")),
        }
    }

    fn text(&mut self, what: &str) -> Result<String> {
        let length = self.count(1, "characters")?;
        String::from_utf8(self.take(length)?).map_err(|_| format!("{what} is not UTF-8"))
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        match kind {
            TEXT => self.text("its text").map(Value::Text),
            LIST => {
                let kind = self.u32()?;
                if kind == TEXT {
                    let count = self.count(8, "texts")?;
                    let texts = (0..count).map(|_| self.text("a text of it"));
                    return texts.collect::<Result<_>>().map(Value::Texts);
                }
                let scalar = Scalar::of(kind)
                    .ok_or_else(|| format!("lists of kind {kind} are not supported"))?;
                let count = self.count(scalar.size(), "values")?;
                Ok(Value::Numbers(scalar, self.take(count * scalar.size())?))
            }
            _ => {
                let scalar = Scalar::of(kind).ok_or_else(|| format!("there is no kind {kind}"))?;
                scalar.value(&self.take(scalar.size())?)
            }
        }
    }

    fn tensor(&mut self) -> Result<TensorInfo> {
        let rank = self.u32()?;
        if !(1..=4).contains(&rank) {
            return Err(format!("it has {rank} dimensions; 1 to 4 are possible"));
        }
        let mut shape = Vec::new();
        for _ in 0..rank {
            let dimension = self.u64()?;
            let size = usize::try_from(dimension).ok().filter(|d| *d > 0);
            shape.push(size.ok_or_else(|| format!("it has a dimension of {dimension}"))?);
        }
        // The file has the innermost first.
        shape.reverse();
        let dtype = Dtype::of(self.u32()?);
        let start = self.u64()?;
        let elements = shape.iter().try_fold(1_usize, |product, d| product.checked_mul(*d));
        // Every type has at least a bit per element, so this also bounds the memory of the tensor.
        let elements = elements.filter(|e| (*e as u64) / 8 <= self.length);
        let elements =
            elements.ok_or_else(|| format!("its shape {shape:?} does not fit into the file"))?;
        let row = shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(dtype.block()) {
            return Err(format!("rows of {row} are not whole blocks of {}", dtype.block()));
        }
        Ok(TensorInfo { shape, elements, dtype, start, part: 0 })
    }
}

impl Scalar {
    fn of(kind: u32) -> Option<Self> {
        Some(match kind {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// A value from the bytes of its kind.
    fn value(self, bytes: &[u8]) -> Result<Value> {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(wide);
        Ok(match self {
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => Value::Unsigned(bits),
            Self::I8 => Value::Signed(i64::from(bits as i8)),
            Self::I16 => Value::Signed(i64::from(bits as i16)),
            Self::I32 => Value::Signed(i64::from(bits as i32)),
            Self::I64 => Value::Signed(bits as i64),
            Self::F32 => Value::Float(shortest(f32::from_bits(bits as u32))),
            Self::F64 => Value::Float(f64::from_bits(bits)),
            Self::Bool if bits <= 1 => Value::Bool(bits == 1),
            Self::Bool => return Err(format!("{bits} is not a truth value")),
        })
    }
}

/// The shortest number that rounds to an f32: 1e-5, not 9.999999747378752e-6.
pub(super) fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

impl Value {
    /// A whole number that is not negative.
    pub(super) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(*value),
            Self::Signed(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// A number that is finite.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Unsigned(value) => Some(*value as f64),
            Self::Signed(value) => Some(*value as f64),
            Self::Float(value) => Some(*value).filter(|v| v.is_finite()),
            _ => None,
        }
    }

    /// The values of a list that is not of texts.
    pub(super) fn list(&self) -> Option<Vec<Value>> {
        let Self::Numbers(scalar, bytes) = self else { return None };
        bytes.chunks_exact(scalar.size() as usize).map(|b| scalar.value(b).ok()).collect()
    }

    /// The value in messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Unsigned(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(text) if text.chars().count() > 80 => {
                format!("{:?}…", text.chars().take(79).collect::<String>())
            }
            Self::Text(text) => format!("{text:?}"),
            Self::Texts(texts) => format!("a list of {} texts", texts.len()),
            Self::Numbers(scalar, bytes) => {
                format!("a list of {} values", bytes.len() as u64 / scalar.size())
            }
        }
    }
}
