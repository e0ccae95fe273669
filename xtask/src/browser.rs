//! Tests the report page: the types and the format of its script, and pages of made-up reports in a
//! headless Chromium (`xtask/browser/suite.mjs`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::program::{cargo_build, executable};

/// The names of Chromium programs.
const BROWSERS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs the tests. If Node.js, its packages or a browser are missing, the tests are skipped and a
/// line says what to install. If the variable `CI` is set, the packages are installed.
pub(crate) fn run() -> Result<(), Failure> {
    let folder = crate::workspace_root().join("xtask").join("browser");
    let Some(node) = find(&["node"]) else {
        println!("skipped: Node.js is not installed (`apt-get install nodejs npm`)");
        return Ok(());
    };
    if !folder.join("node_modules").is_dir() && !install(&folder)? {
        println!(
            "skipped: the packages are not installed (`npm ci --ignore-scripts` in {})",
            folder.display()
        );
        return Ok(());
    }
    command(
        Command::new(&node).arg("node_modules/typescript/bin/tsc").current_dir(&folder),
        "tsc",
    )?;
    let page = crate::workspace_root().join("crates").join("report").join("page");
    let prettier =
        ["node_modules/prettier/bin/prettier.cjs", "--config", "prettier.json", "--check"];
    command(
        Command::new(&node)
            .args(prettier)
            .args(["*.js", "*.css"].map(|files| page.join(files)))
            .current_dir(&folder),
        "prettier (`npm run format` in xtask/browser formats the page)",
    )?;
    println!("the types and the format of the script are checked");
    let Some(browser) = find(BROWSERS) else {
        println!("skipped: Chromium is not installed (`apt-get install chromium`)");
        return Ok(());
    };
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| crate::workspace_root().join("target")).join("browser");
    let pages = target.join("pages");
    // Cargo chooses the features of the dependencies by the packages of a command line. With those of
    // the tests, it takes the artifacts of the tests.
    let messages =
        cargo_build(&["--workspace", "--example", "pages", "--bin", "stratoscope-under-test"])?;
    command(Command::new(executable(&messages, "pages")?).arg(&pages), "the pages")?;
    let program = executable(&messages, "stratoscope-under-test")?;
    let suite = Command::new(&node)
        .arg("suite.mjs")
        .args([&pages, &target.join("pictures"), &browser, &program])
        .current_dir(&folder)
        .status();
    ended(suite, "node suite.mjs")
}

/// Installs the packages if the variable `CI` is set. Returns whether they are installed.
fn install(folder: &Path) -> Result<bool, Failure> {
    let npm = find(&["npm"]).filter(|_| std::env::var_os("CI").is_some());
    let Some(npm) = npm else { return Ok(false) };
    let status = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .status()
        .map_err(|source| Failure::Start { command: "npm ci".into(), source })?;
    // Without a network or npm, the tests are skipped.
    Ok(status.success())
}

fn command(command: &mut Command, shown: &str) -> Result<(), Failure> {
    ended(command.status(), shown)
}

fn ended(status: std::io::Result<std::process::ExitStatus>, shown: &str) -> Result<(), Failure> {
    let status = status.map_err(|source| Failure::Start { command: shown.into(), source })?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Status { command: shown.into(), status }),
    }
}

/// The first of several programs that is in `PATH`.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = names.iter().flat_map(|name| {
        folders
            .iter()
            .map(move |folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    });
    candidates.into_iter().find(|candidate| candidate.is_file())
}
