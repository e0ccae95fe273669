//! `cargo xtask ci`: all checks that a change must pass, the fast ones first.

use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::failure::Failure;
use crate::program::cargo;
use crate::{assets, browser, licences, msrv, python, readme, workspace_root};

/// A step: its name and its function.
type Step = (&'static str, fn() -> Result<(), Failure>);

const STEPS: &[Step] = &[
    ("format", || run_cargo(&["fmt", "--all", "--check"], &[])),
    ("bundled model", || assets::check(None)),
    ("oldest Rust", msrv::check),
    ("licences", licences::check),
    ("clippy", || {
        run_cargo(
            &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
            &[],
        )
    }),
    ("tests, as the README runs them", readme_tests),
    ("the Python package", python::run),
    ("the report in a browser", browser::run),
    ("documentation", || {
        let arguments = ["doc", "--workspace", "--no-deps", "--locked"];
        run_cargo(&arguments, &[("RUSTDOCFLAGS", "-D warnings")])
    }),
];

/// Runs the steps in order, prints their durations, and stops at the first failure.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        println!("== {}/{} {name}", number + 1, STEPS.len());
        let step_begin = Instant::now();
        let outcome = step();
        let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
        println!("== {name}: {verdict} in {:.1} s\n", step_begin.elapsed().as_secs_f64());
        outcome?;
    }
    println!("== all {} steps passed in {:.1} s", STEPS.len(), begin.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

fn run_cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(arguments).envs(environment.iter().copied());
    run_command(command, &format!("cargo {}", arguments.join(" ")))
}

/// Runs the commands of the README's code block after `<!-- ci: test -->`, so that they are tested.
fn readme_tests() -> Result<(), Failure> {
    let path = workspace_root().join("README.md");
    let text = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
    let block = readme::marked_block(&text, "test").ok_or_else(|| {
        Failure::Check("README.md has no code block after a line `<!-- ci: test -->`".into())
    })?;
    let mut command = Command::new("sh");
    command.args(["-euxc", &block]);
    run_command(command, block.trim())
}

fn run_command(mut command: Command, shown: &str) -> Result<(), Failure> {
    let status = command
        .current_dir(workspace_root())
        .status()
        .map_err(|source| Failure::Start { command: shown.into(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Status { command: shown.into(), status })
}
