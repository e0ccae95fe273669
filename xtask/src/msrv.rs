//! The check that no dependency needs a newer Rust than the `rust-version` of the workspace.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::Failure;
use crate::program::cargo;

/// Compares the `rust-version` of the workspace with that of every package in the lock file.
///
/// Cargo's resolver respects `rust-version` when it chooses versions, but a lock file can be
/// edited, and an older cargo does not respect it.
pub(crate) fn check() -> Result<(), Failure> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--all-features", "--locked"])
        .current_dir(crate::workspace_root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: "cargo metadata".into(), source })?;
    if !output.status.success() {
        return Err(Failure::Status { command: "cargo metadata".into(), status: output.status });
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::Check(format!("cargo metadata is not JSON: {error}")))?;
    let (promised, newer) = compare(&metadata)?;
    if newer.is_empty() {
        println!("no dependency needs a newer Rust than {promised}");
        return Ok(());
    }
    Err(Failure::Check(format!(
        "the workspace has rust-version {promised}, but these dependencies need a newer Rust: {}",
        newer.join(", ")
    )))
}

/// The `rust-version` of the workspace, and the dependencies that need a newer version.
fn compare(metadata: &Value) -> Result<(String, Vec<String>), Failure> {
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let is_member = |package: &Value| package["id"].as_str().is_some_and(|id| members.contains(id));
    // The oldest version of all members is the version of the workspace.
    let promised = packages()
        .filter(|package| is_member(package))
        .map(|package| {
            package["rust_version"].as_str().ok_or_else(|| {
                Failure::Check(format!("{} declares no rust-version", package["name"]))
            })
        })
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .min_by_key(|version| parse(version))
        .ok_or_else(|| Failure::Check("the workspace has no members".into()))?;
    let newer = packages()
        .filter(|package| !is_member(package))
        .filter_map(|package| {
            let needed = package["rust_version"].as_str()?;
            let name = package["name"].as_str()?;
            let version = package["version"].as_str()?;
            (parse(needed) > parse(promised)).then(|| format!("{name} {version} (Rust {needed})"))
        })
        .collect();
    Ok((promised.to_owned(), newer))
}

/// Parses a version; `1.89` is equal to `1.89.0`.
fn parse(version: &str) -> [u64; 3] {
    let mut parts = [0; 3];
    for (slot, part) in parts.iter_mut().zip(version.split('.')) {
        *slot = part.parse().unwrap_or(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(dependency: &str) -> Value {
        json!({
            "workspace_members": ["us"],
            "packages": [
                {"id": "us", "name": "us", "version": "0.1.0", "rust_version": "1.89"},
                {"id": "a", "name": "a", "version": "2.0.0", "rust_version": dependency},
                {"id": "b", "name": "b", "version": "1.0.0", "rust_version": null},
            ],
        })
    }

    #[test]
    fn only_a_newer_rust_is_reported() {
        for (dependency, expected) in [
            ("1.9", vec![]),
            ("1.89.0", vec![]),
            ("1.89.1", vec!["a 2.0.0 (Rust 1.89.1)"]),
            ("1.90", vec!["a 2.0.0 (Rust 1.90)"]),
        ] {
            let (promised, newer) = compare(&metadata(dependency)).unwrap();
            assert_eq!(
                (promised.as_str(), newer),
                ("1.89", expected.iter().map(|s| s.to_string()).collect())
            );
        }
    }

    #[test]
    fn a_member_without_a_rust_version_is_an_error() {
        let mut silent = metadata("1.80");
        silent["packages"][0]["rust_version"] = Value::Null;
        assert!(matches!(compare(&silent), Err(Failure::Check(_))));
    }
}
