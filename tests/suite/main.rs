//! The integration tests: one module per area.

// Helpers of tests can panic as tests do, and differences are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bank;
mod bank_states;
mod baseline;
mod cache;
mod checkpoints;
mod command;
mod compare;
mod configs;
mod corpora;
mod corpus;
mod elsewhere;
mod encoders;
mod experts;
mod explored;
mod explored_images;
mod families;
mod figures;
mod fixtures;
mod fuzz;
mod geometry;
mod gguf;
mod hooks;
mod hostile;
mod images;
mod inputs;
mod journeys;
mod kills;
mod laws;
mod lens;
mod memory;
mod models;
mod npz;
mod probing;
mod profile;
mod program;
mod published;
mod questions;
mod repeat;
mod report;
mod second_opinion;
mod sentence_settings;
mod sentences;
mod serve;
mod shards;
mod sounds;
mod stored;
mod story;
mod tokenizers;
mod unusual;
mod vectors;
mod warnings;
