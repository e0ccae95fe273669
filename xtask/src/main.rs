//! The chores of the workspace: `cargo xtask …`. Each chore has its own file; this file chooses
//! one.
//!
//! All other words are commands of the program and are passed to it (`program.rs`). This binary has
//! no large dependencies, so that help and chores do not wait for the numerical crates.

// Only this binary and the program may print.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod assets;
mod bench;
mod browser;
mod ci;
mod failure;
mod licences;
mod msrv;
mod program;
mod python;
mod readme;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use failure::Failure;

/// The folder of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let word = arguments.next().unwrap_or_else(|| "help".into());
    match dispatch(&word, arguments.collect()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(word: &OsStr, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    match word.to_string_lossy().as_ref() {
        "ci" => none_left(&arguments).and_then(|()| ci::run()),
        "assets" => assets::run(&arguments),
        "bench" => bench::run(&arguments),
        "browser" => {
            none_left(&arguments).and_then(|()| browser::run()).map(|()| ExitCode::SUCCESS)
        }
        "python" => none_left(&arguments).and_then(|()| python::run()).map(|()| ExitCode::SUCCESS),
        "help" => {
            print!("{}", help());
            Ok(ExitCode::SUCCESS)
        }
        _ => program::run(word, arguments),
    }
}

fn none_left(arguments: &[OsString]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => {
            Err(Failure::Usage(format!("unexpected argument `{}`", first.to_string_lossy())))
        }
    }
}

fn help() -> &'static str {
    "Usage: cargo xtask COMMAND [ARGUMENTS]

The program (it is built in release mode first):
  explore \"A sentence.\"   measures and figures of the sentence, layer by layer
  COMMAND                 any other command of the program: extract, compare, profile, probe, …
  COMMAND --help          explains one command
  --help                  lists all commands of the program

Chores:
  ci         all checks that a change must pass, the fast ones first
  assets     make the bundled model from the upstream files, or check it
             [--from FOLDER] [--check]
  bench      speed: all benches of the workspace, or comparisons with other tools:
             peers [--model FOLDER] [--file TEXT] [--rounds N] [--threads N]
                   [--only PART,…]  PyTorch, ONNX Runtime, scikit-learn, openTSNE
             cold [--model FOLDER] [--rounds N]  whole programs, until all files are written
  browser    test the report page in a headless Chromium, if one is installed
  python     make a wheel of the Python package, and run its tests in a fresh environment
  help       this text
"
}
