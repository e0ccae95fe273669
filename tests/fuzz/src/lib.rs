//! The fuzz targets. They are in `targets.rs`, which the integration tests also include.

#![warn(missing_docs)]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod peak;
mod targets;

pub use targets::TARGETS;
