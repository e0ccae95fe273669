//! Building the `stratoscope` program in release mode and becoming it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::failure::Failure;

/// A command of the program that `cargo xtask` passes on.
pub(crate) struct ProgramCommand {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
}

/// The commands that the program has. The only list of them here.
pub(crate) const COMMANDS: &[ProgramCommand] = &[
    ProgramCommand {
        name: "explore",
        summary: "pictures of how one or several sentences are represented by depth",
    },
    ProgramCommand { name: "extract", summary: "hidden states of a text or a corpus, as a file" },
    ProgramCommand {
        name: "profile",
        summary: "what a model's layers know of a word: its sense against its role, by depth",
    },
    ProgramCommand {
        name: "compare",
        summary: "two sentences, one word in several contexts, or pairs from a file, by depth",
    },
    ProgramCommand {
        name: "probe",
        summary: "what each layer knows of a label: linear and structural probes",
    },
    ProgramCommand {
        name: "geometry",
        summary: "measures of the representation space over a corpus, by layer",
    },
    ProgramCommand { name: "lens", summary: "what each layer would predict" },
    ProgramCommand {
        name: "serve",
        summary: "the page of explore with a text box, in a browser on this machine",
    },
    ProgramCommand { name: "info", summary: "what a model is" },
    ProgramCommand { name: "models", summary: "the models at hand" },
    ProgramCommand { name: "fetch", summary: "bring a model into the cache" },
    ProgramCommand {
        name: "verify",
        summary: "a model held against candle-transformers (a build with the second opinion)",
    },
    ProgramCommand { name: "doctor", summary: "what this machine and its settings mean" },
    ProgramCommand { name: "completions", summary: "completions for a shell" },
];

/// Builds the program where needed and runs `stratoscope NAME ARGUMENTS…`.
///
/// On Unix this process becomes the program, so that signals and exit codes are its own. Elsewhere
/// the program's exit code is passed on.
pub(crate) fn run(name: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let mut command = Command::new(build("stratoscope-cli", "stratoscope", Profile::Release)?);
    command.arg(name).args(arguments);
    become_program(command)
}

/// How a program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// To be used, and timed
    Release,
    /// As the tests are
    Dev,
}

/// Runs `cargo build`, its progress visible, and returns where cargo says the program is: that is
/// right for every way of setting the target folder.
pub(crate) fn build(package: &str, program: &str, profile: Profile) -> Result<PathBuf, Failure> {
    let mut command = cargo();
    command
        .args(["build", "--package", package, "--bin", program])
        .args((profile == Profile::Release).then_some("--release"))
        .arg("--message-format=json-render-diagnostics")
        .arg("--manifest-path")
        .arg(crate::workspace_root().join("Cargo.toml"))
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|source| Failure::Start { command: "cargo build".into(), source })?;
    if !output.status.success() {
        let command = format!("cargo build --package {package}");
        return Err(Failure::Status { command, status: output.status });
    }
    executable(&String::from_utf8_lossy(&output.stdout), program)
        .ok_or_else(|| Failure::Check("cargo built the program but did not say where it is".into()))
}

/// Finds the program among cargo's messages, one JSON object a line.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" || message["target"]["name"] != program {
            return None;
        }
        message["executable"].as_str().map(PathBuf::from)
    })
}

#[cfg(unix)]
fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().to_string_lossy().into_owned();
    // `exec` returns only when it fails.
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
    fn the_program_is_found_among_the_messages_of_cargo() {
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
        assert_eq!(
            executable(messages, "stratoscope"),
            Some(PathBuf::from("/t/release/stratoscope"))
        );
        assert_eq!(
            executable("{\"reason\":\"build-finished\",\"success\":true}\nnot json", "it"),
            None
        );
    }
}
