//! The Python environment of the benches, from `xtask/bench/requirements.txt`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::workspace_root;

/// The oldest Python with which the pinned versions can be installed.
const OLDEST: (u32, u32) = (3, 11);

/// The path of a script of the benches.
pub(crate) fn script(name: &str) -> PathBuf {
    workspace_root().join("xtask/bench").join(name)
}

/// The Python of the environment. The environment is made if it does not exist or has other
/// requirements. This takes minutes and some gigabytes on Linux, and needs the network.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, Failure> {
    let requirements = script("requirements.txt");
    let wanted = std::fs::read(&requirements).map_err(Failure::file(&requirements))?;
    let wanted = format!("{:x}\n", Sha256::digest(&wanted));
    let environment = folder.join("venv");
    let python = match cfg!(windows) {
        true => environment.join("Scripts/python.exe"),
        false => environment.join("bin/python"),
    };
    // Written last, so that an environment without this file is incomplete.
    let stamp = environment.join("requirements.sha256");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    let system = system_python()?;
    eprintln!("making a Python environment in {}", environment.display());
    if environment.exists() {
        std::fs::remove_dir_all(&environment).map_err(Failure::file(&environment))?;
    }
    run(Command::new(system).args(["-m", "venv"]).arg(&environment), "python3 -m venv", "")?;
    let hint = "; it needs the package registry (PyPI)";
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"]);
    run(pip.arg(&requirements), "pip install", hint)?;
    std::fs::write(&stamp, wanted).map_err(Failure::file(&stamp))?;
    Ok(python)
}

/// Runs a script of the benches and returns the last line of its output.
pub(crate) fn last_line<A: AsRef<OsStr>>(
    python: &Path,
    name: &str,
    arguments: &[A],
) -> Result<String, Failure> {
    let output = Command::new(python)
        .arg(script(name))
        .args(arguments)
        .env("HF_HUB_OFFLINE", "1")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: name.to_owned(), source })?;
    if !output.status.success() {
        return Err(Failure::Status { command: name.to_owned(), status: output.status });
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.lines().last().unwrap_or_default().to_owned())
}

/// The name of a Python that is new enough.
fn system_python() -> Result<&'static str, Failure> {
    let mut found = String::new();
    for name in ["python3", "python"] {
        let Ok(output) = Command::new(name).arg("--version").output() else { continue };
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if version(&text).is_some_and(|version| version >= OLDEST) {
            return Ok(name);
        }
        found = format!("; `{name}` is {text}");
    }
    let (major, minor) = OLDEST;
    Err(Failure::Check(format!(
        "this bench needs Python {major}.{minor} or newer as `python3`{found}"
    )))
}

/// The major and minor version in `Python 3.11.7`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("Python ")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn run(command: &mut Command, shown: &str, hint: &str) -> Result<(), Failure> {
    // Only the table is printed on stdout.
    let status = command
        .stdout(std::io::stderr())
        .status()
        .map_err(|source| Failure::Start { command: shown.to_owned(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Check(format!("`{shown}` failed ({status}){hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("Python 3.14.0rc1"), Some((3, 14)));
        assert!(version("Python 3.9.18").unwrap() < OLDEST);
        assert_eq!(version("Python 3"), None);
        assert_eq!(version("pypy 3.11"), None);
    }

    #[test]
    fn every_requirement_is_pinned() {
        let text = std::fs::read_to_string(script("requirements.txt")).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("==")), "{lines:?}");
    }
}
