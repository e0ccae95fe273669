//! The integration tests: one module per area.

// Helpers of tests can panic as tests do, and differences are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod baseline;
mod checkpoints;
mod command;
mod compare;
mod configs;
mod corpora;
mod corpus;
mod explored;
mod families;
mod fixtures;
mod fuzz;
mod geometry;
mod gguf;
mod hooks;
mod hostile;
mod laws;
mod lens;
mod models;
mod probing;
mod profile;
mod program;
mod repeat;
mod report;
mod second_opinion;
mod serve;
mod tokenizers;
