//! The check of licences, banned crates, sources and security advisories by cargo-deny.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::program::cargo;

/// The version that `install` installs; a newer version may need a newer Rust.
const VERSION: &str = "0.20.2";

/// Runs `cargo deny check` with the rules of `deny.toml`.
///
/// Advisories need the database of RustSec. If it cannot be fetched, the copy from an earlier run is
/// used; without a copy, a line says that advisories were not checked.
///
/// If cargo-deny is not installed and the variable `CI` is set, it is installed in `target/tools`
/// (once, about 4.5 minutes on two cores). Otherwise, the check is skipped with a note.
pub(crate) fn check() -> Result<(), Failure> {
    let tool = match (installed(), std::env::var_os("CI")) {
        (Some(tool), _) => tool,
        (None, Some(_)) => install()?,
        (None, None) => {
            println!("skipped: cargo-deny is not installed (`cargo install cargo-deny --locked`)");
            return Ok(());
        }
    };
    deny(&tool, &["check", "licenses", "bans", "sources"])?;
    let fetched = deny(&tool, &["fetch", "db"]).is_ok();
    if !fetched && !has_advisories() {
        println!(
            "NOT CHECKED: advisories (their database cannot be fetched, and there is no copy of it)"
        );
        return Ok(());
    }
    if !fetched {
        println!(
            "advisories: their database cannot be fetched; the copy of an earlier run is used"
        );
    }
    deny(&tool, &["--offline", "check", "--disable-fetch", "advisories"])
}

fn deny(tool: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new(tool)
        .args(["--all-features", "--locked"])
        .args(arguments)
        .current_dir(crate::workspace_root())
        .status()
        .map_err(|source| Failure::Start { command: tool.display().to_string(), source })?;
    match status.success() {
        true => Ok(()),
        false => {
            let command = format!("cargo deny {}", arguments.join(" "));
            Err(Failure::Status { command, status })
        }
    }
}

/// Whether the folder of `[advisories] db-path` in `deny.toml` holds a database.
fn has_advisories() -> bool {
    std::fs::read_dir(crate::workspace_root().join("target/advisories")).is_ok_and(
        |mut databases| databases.any(|entry| entry.is_ok_and(|entry| entry.path().is_dir())),
    )
}

/// Where `install` puts it.
fn tools_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| crate::workspace_root().join("target")).join("tools")
}

fn installed() -> Option<PathBuf> {
    let name = format!("cargo-deny{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([tools_folder().join("bin")])
        .map(|folder| folder.join(&name))
        .find(|candidate| candidate.is_file())
}

fn install() -> Result<PathBuf, Failure> {
    let folder = tools_folder();
    let status = cargo()
        .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--root"])
        .arg(&folder)
        .status()
        .map_err(|source| Failure::Start { command: "cargo install cargo-deny".into(), source })?;
    if !status.success() {
        return Err(Failure::Status { command: "cargo install cargo-deny".into(), status });
    }
    installed().ok_or_else(|| {
        Failure::Check(format!("cargo-deny was installed but is not in {}", folder.display()))
    })
}
