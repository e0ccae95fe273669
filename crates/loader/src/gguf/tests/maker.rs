//! GGUF files made by hand, a key and a tensor at a time.

/// A file in the making.
#[derive(Clone, Default)]
pub(super) struct Maker {
    keys: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    pub(super) data: Vec<u8>,
}

/// A text with its length.
pub(super) fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

pub(super) fn u32s(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(super) fn u64s(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl Maker {
    /// Adds a key of a kind, with the bytes of its value.
    pub(super) fn key(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.keys.push([text(key), u32s(&[kind]), value.to_vec()].concat());
        self
    }

    pub(super) fn text(self, key: &str, value: &str) -> Self {
        self.key(key, 8, &text(value))
    }

    pub(super) fn number(self, key: &str, value: u32) -> Self {
        self.key(key, 4, &u32s(&[value]))
    }

    pub(super) fn float(self, key: &str, value: f32) -> Self {
        self.key(key, 6, &value.to_le_bytes())
    }

    /// Adds a tensor; dimensions as in the file, innermost first.
    pub(super) fn tensor(
        mut self,
        name: &str,
        dimensions: &[u64],
        dtype: u32,
        offset: u64,
    ) -> Self {
        let rank = u32s(&[dimensions.len() as u32]);
        let rest = [u64s(dimensions), u32s(&[dtype]), u64s(&[offset])].concat();
        self.tensors.push([text(name), rank, rest].concat());
        self
    }

    pub(super) fn data(mut self, bytes: usize) -> Self {
        self.data = vec![0; bytes];
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let counts = u64s(&[self.tensors.len() as u64, self.keys.len() as u64]);
        let mut bytes = [b"GGUF".to_vec(), u32s(&[3]), counts].concat();
        bytes.extend(self.keys.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(&self.data);
        bytes
    }
}

/// Metadata of a small llama.
pub(super) fn llama() -> Maker {
    Maker::default()
        .text("general.architecture", "llama")
        .number("llama.block_count", 1)
        .number("llama.context_length", 16)
        .number("llama.embedding_length", 4)
        .number("llama.feed_forward_length", 4)
        .number("llama.attention.head_count", 2)
        .float("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .tensor("token_embd.weight", &[4, 2], 0, 0)
        .data(4096)
}
