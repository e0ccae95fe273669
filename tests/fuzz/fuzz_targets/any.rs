//! Runs the target that this binary is named after, and holds it to its memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stratoscope_fuzz::{TARGETS, peak};

/// What code tables and such may take, whatever the input: 16 MiB.
const TABLES: usize = 16 << 20;

fuzz_target!(|input: &[u8]| {
    let (_, target) = TARGETS.iter().find(|(name, _)| *name == env!("CARGO_BIN_NAME")).unwrap();
    let taken = peak::of(|| target(input));
    let allowed = TABLES + 2 * input.len();
    assert!(taken <= allowed, "{taken} bytes for an input of {}", input.len());
});
