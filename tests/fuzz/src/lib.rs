//! What is fuzzed. The bodies are in `targets.rs`, which the integration tests include too.

#![warn(missing_docs)]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod peak;
mod targets;

pub use targets::TARGETS;
