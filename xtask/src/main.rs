//! The chores of the workspace: `cargo xtask …`. Each chore is one file; this one picks among them.
//!
//! It links nothing heavy. The commands of the program are handed to the program itself
//! (`program.rs`), so that help and chores never wait for the numerical crates.

// This binary talks to people: it is one of the two that may print.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod assets;
mod bench;
mod browser;
mod ci;
mod failure;
mod licences;
mod msrv;
mod program;
mod readme;

use std::ffi::OsString;
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
    let chore = arguments.next().unwrap_or_else(|| "help".into());
    match dispatch(&chore.to_string_lossy(), arguments.collect()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(chore: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    match chore {
        "ci" => none_left(&arguments).and_then(|()| ci::run()),
        "assets" => assets::run(&arguments),
        "bench" => bench::run(&arguments),
        "browser" => {
            none_left(&arguments).and_then(|()| browser::run()).map(|()| ExitCode::SUCCESS)
        }
        "help" | "--help" | "-h" => {
            print!("{}", help());
            Ok(ExitCode::SUCCESS)
        }
        name if program::COMMANDS.iter().any(|command| command.name == name) => {
            program::run(name, arguments)
        }
        other => Err(Failure::Usage(format!(
            "there is no chore `{other}`; `cargo xtask help` lists what there is"
        ))),
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

fn help() -> String {
    let mut text = String::from(
        "Usage: cargo xtask COMMAND [ARGUMENTS]\n\n\
         The program, built in release mode and then run with the arguments:\n",
    );
    for command in program::COMMANDS {
        text.push_str(&format!("  {:<10} {}\n", command.name, command.summary));
    }
    text.push_str(
        "  (`cargo xtask COMMAND --help` explains one of them)\n\n\
         Chores:\n\
         \x20 ci         every check that a change must pass, cheap ones first\n\
         \x20 assets     make the bundled model from the upstream files, or check it\n\
         \x20            [--from FOLDER] [--check]\n\
         \x20 bench      how fast it is: every bench of the workspace, or in turns with others:\n\
         \x20            peers [--model FOLDER] [--file TEXT] [--rounds N] [--threads N]\n\
         \x20                  [--only PART,…]  PyTorch, ONNX Runtime, scikit-learn, openTSNE\n\
         \x20            cold [--model FOLDER] [--rounds N]  from process start to files written\n\
         \x20 browser    the report's page in a headless Chromium, where one is here\n\
         \x20 help       this text\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        let text = help();
        for name in program::COMMANDS
            .iter()
            .map(|command| command.name)
            .chain(["ci", "assets", "bench", "browser"])
        {
            assert!(text.contains(&format!("  {name} ")), "{name} is missing from\n{text}");
        }
    }

    #[test]
    fn an_unknown_chore_is_a_usage_error() {
        assert!(matches!(dispatch("paint", vec![]), Err(Failure::Usage(_))));
        assert!(matches!(dispatch("ci", vec!["--fast".into()]), Err(Failure::Usage(_))));
    }
}
