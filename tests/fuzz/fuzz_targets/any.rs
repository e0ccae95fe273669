//! Runs the target with the name of this binary, and checks its memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::panic::{catch_unwind, set_hook};
use std::sync::{Mutex, Once};
use stratoscope_fuzz::{TARGETS, peak};

/// The memory that is allowed for any input: 16 MiB for tables of the code. A `tokenizer.json` can
/// also have regular expressions: at most sixteen of 10 MB.
const TABLES: usize = 16 << 20;
const EXPRESSIONS: usize = 256 << 20;

/// The panic hook of the fuzzer ends the program at any panic. But our code catches panics of the
/// tokenizers library, and these are not findings. So this hook only stores the last panic; it is
/// printed if no code catches it.
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
