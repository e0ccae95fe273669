//! `cargo xtask bench`: the speed of the workspace, alone and in comparison with other tools.
//!
//! Without an argument, it runs the benches of the workspace. `peers` compares the library with
//! other libraries; `cold` compares the program with a script, from process start to written files.
//! Both make a Python environment and print a table.

mod agreement;
mod cold;
mod machine;
mod options;
mod peer;
mod peers;
mod python;
mod rounds;
mod stat;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use crate::failure::Failure;
use crate::program::cargo;
use crate::workspace_root;
use options::Options;

/// Runs the chore with the arguments `[peers | cold] [OPTIONS]`.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let Some((first, rest)) = arguments.split_first() else { return own() };
    match first.to_str() {
        Some("peers") => peers::run(&Options::parse(rest, options::PEERS)?)?,
        Some("cold") => cold::run(&Options::parse(rest, options::COLD)?)?,
        _ => {
            let shown = first.to_string_lossy();
            return Err(Failure::Usage(format!(
                "there is no bench `{shown}`; the benches are `peers` and `cold`"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs every bench target of the workspace.
fn own() -> Result<ExitCode, Failure> {
    let targets = bench_targets(&metadata()?);
    let mut command = cargo();
    command.arg("bench").current_dir(workspace_root());
    for (package, bench) in &targets {
        command.args(["--package", package, "--bench", bench]);
    }
    let status = command
        .status()
        .map_err(|source| Failure::Start { command: "cargo bench".into(), source })?;
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Status { command: "cargo bench".into(), status })
}

/// The metadata of the workspace from cargo.
fn metadata() -> Result<Value, Failure> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(workspace_root().join("Cargo.toml"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: "cargo metadata".into(), source })?;
    if !output.status.success() {
        return Err(Failure::Status { command: "cargo metadata".into(), status: output.status });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Check(format!("cargo metadata did not print JSON: {error}")))
}

/// The folder for all files of the benches, in cargo's target folder.
fn folder() -> Result<PathBuf, Failure> {
    let metadata = metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .ok_or_else(|| Failure::Check("cargo metadata has no target folder".into()))?;
    let folder = PathBuf::from(target).join("bench");
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    Ok(folder)
}

/// The package and the name of every bench target.
fn bench_targets(metadata: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut targets = Vec::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            if list(&target["kind"]).iter().any(|kind| kind == "bench") {
                targets.push((text(&package["name"]), text(&target["name"])));
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bench_targets_are_found_in_the_metadata() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "a", "targets": [{ "name": "a", "kind": ["lib"] }] },
            { "name": "b", "targets": [
                { "name": "b", "kind": ["lib"] },
                { "name": "forward", "kind": ["bench"] },
            ] },
        ] });
        assert_eq!(bench_targets(&metadata), [("b".to_owned(), "forward".to_owned())]);
        assert!(bench_targets(&serde_json::json!({})).is_empty());
    }

    #[test]
    fn other_benches_are_refused() {
        assert!(matches!(run(&["all".into()]), Err(Failure::Usage(_))));
        assert!(matches!(run(&["cold".into(), "--file".into()]), Err(Failure::Usage(_))));
    }
}
