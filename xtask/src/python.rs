//! `cargo xtask python`: makes a wheel of the Python package, installs it in a fresh environment, and
//! runs its tests.
//!
//! The extension is built by the same cargo command line as the libraries and the tests of the
//! workspace, so that cargo takes their artifacts (maturin builds one package, for which cargo chooses
//! other features, and would compile most of the dependencies again); `xtask/python/wheel.py` packs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::program::{artifact, cargo_build};
use crate::workspace_root;

/// Runs the tests. If there is no Python with venv, or its packages cannot be installed, the tests are
/// skipped and a line says so.
pub(crate) fn run() -> Result<(), Failure> {
    let Some(system) = python() else {
        println!(
            "skipped: there is no Python 3.11 or newer with venv (`apt-get install python3-venv`)"
        );
        return Ok(());
    };
    let package = workspace_root().join("crates").join("python");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target.unwrap_or_else(|| workspace_root().join("target")).join("python");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    }
    let environment = folder.join("venv");
    run_command(Command::new(system).args(["-m", "venv"]).arg(&environment), "python -m venv")?;
    let bin = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let python = bin.join(if cfg!(windows) { "python.exe" } else { "python" });
    let pip = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip
    };
    let requirements = workspace_root().join("xtask").join("python").join("requirements.txt");
    if run_command(pip().arg("--requirement").arg(requirements), "pip install").is_err() {
        println!("skipped: the packages of the tests cannot be installed (from PyPI)");
        return Ok(());
    }
    let wheel = wheel(&python, &package, &extension()?, &folder)?;
    run_command(pip().arg("--no-deps").arg(&wheel), "pip install WHEEL")?;
    let mut tests = Command::new(&python);
    // The tests are of the installed package: the folder of its sources is not where Python looks.
    tests.args(["-m", "pytest", "--import-mode=append", "--durations=5"]);
    tests.arg("-p").arg("no:cacheprovider").arg(&package).current_dir(&folder);
    run_command(&mut tests, "pytest")
}

/// Builds the extension, and returns the path of the library.
fn extension() -> Result<PathBuf, Failure> {
    let messages = cargo_build(&["--workspace", "--lib", "--test", "suite"])?;
    artifact(&messages, "_native", |message| message["filenames"][0].as_str().map(PathBuf::from))
        .ok_or_else(|| {
            Failure::Check("cargo built the extension, but its messages have no path".into())
        })
}

/// Packs the wheel, and returns its path.
fn wheel(python: &Path, package: &Path, library: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let shown = || "wheel.py".to_owned();
    let output = Command::new(python)
        .arg(workspace_root().join("xtask").join("python").join("wheel.py"))
        .args([package, library, folder])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: shown(), source })?;
    if !output.status.success() {
        return Err(Failure::Status { command: shown(), status: output.status });
    }
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    println!("{path}");
    Ok(path.into())
}

/// The name of a Python that can make an environment, and read a file of TOML.
fn python() -> Option<&'static str> {
    let works = |name: &&str| {
        let mut python = Command::new(name);
        python.args(["-c", "import ensurepip, tomllib, venv"]);
        python.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    ["python3", "python"].into_iter().find(works)
}

fn run_command(command: &mut Command, shown: &str) -> Result<(), Failure> {
    let status =
        command.status().map_err(|source| Failure::Start { command: shown.to_owned(), source })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Status { command: shown.to_owned(), status }),
    }
}
