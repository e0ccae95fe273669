//! Memory aligned to cache lines.

/// Values that begin at a cache line.
#[derive(Default)]
pub(crate) struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    const LINE: usize = 64;

    /// The first `len` values, not initialised anew. The memory is kept between calls.
    pub(super) fn sized(&mut self, len: usize) -> &mut [f32] {
        let spare = Self::LINE / size_of::<f32>();
        if self.buffer.len() < len + spare {
            self.buffer = vec![0.0; len + spare];
            // An unknown offset costs speed alone.
            self.start = self.buffer.as_ptr().align_offset(Self::LINE).min(spare);
        }
        self.len = len;
        &mut self.buffer[self.start..self.start + len]
    }

    /// The values of the last call of [`Self::sized`].
    pub(super) fn slice(&self) -> &[f32] {
        &self.buffer[self.start..self.start + self.len]
    }
}
