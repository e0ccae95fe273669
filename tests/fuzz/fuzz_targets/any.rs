//! Runs the target that this binary is named after, and holds it to its memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::panic::{catch_unwind, set_hook};
use std::sync::{Mutex, Once};
use stratoscope_fuzz::{TARGETS, peak};

/// What may be taken whatever the input: 16 MiB for tables of the code; and for a `tokenizer.json`
/// its regular expressions too, sixteen of 10 MB at most.
const TABLES: usize = 16 << 20;
const EXPRESSIONS: usize = 256 << 20;

/// The fuzzer's own hook ends the program at any panic. Those of the tokenizers library are caught
/// by ours, and so are no findings: here the last one is kept, and shown where nothing caught it.
static HOOK: Once = Once::new();
static LAST: Mutex<String> = Mutex::new(String::new());

fuzz_target!(|input: &[u8]| {
    HOOK.call_once(|| set_hook(Box::new(|panic| *LAST.lock().unwrap() = panic.to_string())));
    let name = env!("CARGO_BIN_NAME");
    let (_, target) = TARGETS.iter().find(|target| target.0 == name).unwrap();
    let taken = peak::of(|| {
        if catch_unwind(|| target(input)).is_err() {
            eprintln!("{}", LAST.lock().unwrap());
            std::process::abort();
        }
    });
    let fixed = if name == "tokenizer" { EXPRESSIONS } else { TABLES };
    let allowed = fixed + 2 * input.len();
    if taken > allowed {
        eprintln!("{taken} bytes for an input of {}", input.len());
        std::process::abort();
    }
});
