//! Builds the `stratoscope` program in release mode and runs it in place of this process.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

use crate::failure::Failure;

/// Builds the program if necessary and runs `stratoscope COMMAND ARGUMENTS…`. The program reports
/// unknown commands.
///
/// On Unix, the program replaces this process (`exec`), so that signals and exit codes are those of
/// the program. On other systems, the exit code is passed on.
pub(crate) fn run(command_name: &OsStr, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let mut command = Command::new(build("stratoscope-cli", "stratoscope")?);
    command.arg(command_name).args(arguments);
    become_program(command)
}

/// Builds a program in release mode, and returns its path.
pub(crate) fn build(package: &str, program: &str) -> Result<PathBuf, Failure> {
    let messages = cargo_build(&["--release", "--package", package, "--bin", program])?;
    executable(&messages, program)
}

/// Runs `cargo build` with visible progress, and returns cargo's messages. The paths in them are
/// correct for every setting of the target folder.
pub(crate) fn cargo_build(arguments: &[&str]) -> Result<String, Failure> {
    let output = cargo()
        .arg("build")
        .args(arguments)
        .args(["--locked", "--message-format=json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(crate::workspace_root().join("Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: "cargo build".into(), source })?;
    if !output.status.success() {
        let command = format!("cargo build {}", arguments.join(" "));
        return Err(Failure::Status { command, status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The path of a program in cargo's messages.
pub(crate) fn executable(messages: &str, program: &str) -> Result<PathBuf, Failure> {
    let path = |message: &Value| message["executable"].as_str().map(PathBuf::from);
    artifact(messages, program, path).ok_or_else(|| {
        Failure::Check(format!("cargo built {program}, but its messages have no path"))
    })
}

/// Finds a target in cargo's messages, which have one JSON object per line, and returns the path that
/// `path` takes from its last message.
pub(crate) fn artifact(
    messages: &str,
    target: &str,
    path: impl Fn(&Value) -> Option<PathBuf>,
) -> Option<PathBuf> {
    messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_target =
            message["reason"] == "compiler-artifact" && message["target"]["name"] == target;
        path(&message).filter(|_| is_target)
    })
}

#[cfg(unix)]
fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().to_string_lossy().into_owned();
    // `exec` returns only after a failure.
    let source = command.exec();
    Err(Failure::Start { command: name, source })
}

#[cfg(not(unix))]
fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| Failure::Start { command: name, source })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// The cargo that runs this chore.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_the_messages_of_cargo() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"stratoscope"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"stratoscope"},"executable":"/t/release/stratoscope"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/release/other"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n",
        );
        let path = |message: &Value| message["executable"].as_str().map(PathBuf::from);
        assert_eq!(
            artifact(messages, "stratoscope", path),
            Some(PathBuf::from("/t/release/stratoscope"))
        );
        let none = "{\"reason\":\"build-finished\",\"success\":true}\nnot json";
        assert_eq!(artifact(none, "it", path), None);
    }
}
