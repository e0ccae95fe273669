//! The integration tests, a module an area.

mod checkpoints;
mod families;
mod fixtures;
mod tokenizers;
