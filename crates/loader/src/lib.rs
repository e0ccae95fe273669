//! Where a checkpoint comes from, and how its names and config become an Architecture.

pub mod hub;
