//! Files: atomic writing, checksums, and the name of this program in them.

pub use stratoscope_loader::files::*;

/// The program and its version, as files name them.
pub fn tool() -> String {
    format!("stratoscope {}", env!("CARGO_PKG_VERSION"))
}
