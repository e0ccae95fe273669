//! The progress of downloads.

/// Receives the progress of a download. Any `FnMut(&str, u64, u64)` is one.
pub trait Progress {
    /// `done` of `total` bytes of `file` are on disk. `done` falls when a download restarts.
    fn advance(&mut self, file: &str, done: u64, total: u64);

    /// Another process downloads `file`, and this one waits for it.
    fn waiting(&mut self, file: &str) {
        let _ = file;
    }
}

impl<F: FnMut(&str, u64, u64)> Progress for F {
    fn advance(&mut self, file: &str, done: u64, total: u64) {
        self(file, done, total);
    }
}

/// Ignores progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advance(&mut self, _: &str, _: u64, _: u64) {}
}
