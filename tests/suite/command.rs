//! Runs the program as a user does: a temporary folder, a command line, and its outcome.

use crate::checkpoints::Checkpoint;
use crate::fixtures::path;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The program, built by cargo with this suite.
const PROGRAM: &str = env!("CARGO_BIN_EXE_stratoscope-under-test");

/// The stored states of banks, in a place.
pub(crate) const BANKS: &str = "home/.cache/stratoscope/banks";

/// The stored states of banks that all places share.
pub(crate) const SHARED_BANKS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/banks");

/// A temporary folder in which the program runs. It also has the home folder of the program.
pub(crate) struct Place(TempDir);

/// The outcome of a command.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("stratoscope-").tempdir().unwrap())
    }

    /// A place with a tiny model in the folder `tiny`.
    pub(crate) fn with_tiny() -> Self {
        let place = Self::new();
        tiny().write(&place.path("tiny"));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// The command line, ready to run in this place. The settings of the user are removed from the
    /// environment, and the hub is an address on loopback without a server.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.share_banks();
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            let ours = ["HF_", "TRANSFORMERS_", "XDG_", "RAYON_", "NO_COLOR", "CLICOLOR"];
            if ours.iter().any(|start| shown.starts_with(start)) {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.0.path())
            .env("HOME", self.path("home"))
            .env("HF_ENDPOINT", "http://127.0.0.1:1")
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    /// Links the stored states of banks to a folder that all places share: the bundled model computes
    /// them once, and not in every test. A test compares them with those of a place of its own.
    fn share_banks(&self) {
        let (own, shared) = (self.path(BANKS), Path::new(SHARED_BANKS));
        if own.symlink_metadata().is_err() {
            std::fs::create_dir_all(shared).unwrap();
            std::fs::create_dir_all(own.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(shared, own).unwrap();
        }
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.finish(&mut self.command(args))
    }

    /// Runs a command line; text in single quotes is one argument.
    pub(crate) fn line(&self, line: &str) -> Outcome {
        self.run(words(line))
    }

    pub(crate) fn finish(&self, command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        let text = |bytes| self.redact(&String::from_utf8(bytes).unwrap());
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Outcome { code: output.status.code(), stdout, stderr }
    }

    /// Runs a command line with text on standard input.
    pub(crate) fn line_reading(&self, line: &str, stdin: &[u8]) -> Outcome {
        let mut command = self.command(words(line));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that has already ended reads no input; this is not an error.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| self.redact(&String::from_utf8(bytes).unwrap());
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Outcome { code: output.status.code(), stdout, stderr }
    }

    /// Replaces the path of the place.
    fn redact(&self, text: &str) -> String {
        text.replace(&self.0.path().display().to_string(), "[HERE]")
    }

    /// All files and folders in a folder of this place, with the bytes of files.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let root = self.path(folder);
        walk(&root, &mut |path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            // The home folder has the stored states of banks, which all places share.
            if folder.is_empty() && (name == "home" || name.starts_with("home/")) {
                return;
            }
            found.insert(name, path.is_file().then(|| std::fs::read(path).unwrap()));
        });
        found
    }

    /// The only folder below the default output folder.
    pub(crate) fn default_output(&self) -> String {
        let folders: Vec<_> = std::fs::read_dir(self.path("stratoscope-out")).unwrap().collect();
        let [Ok(folder)] = folders.as_slice() else { panic!("{folders:?}") };
        format!("stratoscope-out/{}", folder.file_name().to_string_lossy())
    }
}

impl Outcome {
    /// Asserts that the exit code is 0.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// The JSON on stdout, of a command that ends with exit code 0.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done().stdout).unwrap()
    }
}

/// The number of a JSON value.
#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

/// The lower end, the value and the upper end of an estimate in JSON.
#[track_caller]
pub(crate) fn interval(estimate: &Value) -> [f64; 3] {
    let [low, high] = [0, 1].map(|end| number(&estimate["interval"][end]));
    [low, number(&estimate["value"]), high]
}

/// The JSON in a file of a folder that [`Place::files`] has read.
#[track_caller]
pub(crate) fn json_of(files: &BTreeMap<String, Option<Vec<u8>>>, name: &str) -> Value {
    serde_json::from_slice(files[name].as_ref().unwrap()).unwrap()
}

/// Splits a command line at spaces, except within single quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn walk(folder: &Path, seen: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        seen(&path);
        if path.is_dir() {
            walk(&path, seen);
        }
    }
}

/// A random BERT of 3 blocks, 24 dimensions and 37 positions, with a tokenizer.
pub(crate) fn tiny() -> Checkpoint {
    let mut model = Checkpoint::fixture("bert").with_rows(2000);
    for name in ["vocab.txt", "tokenizer_config.json"] {
        let bytes = std::fs::read(path("tokenizers/bert-uncased").join(name)).unwrap();
        model.files.insert(name.to_owned(), bytes);
    }
    // The tokenizer also uses rows that the fixture does not have: they get small random values.
    let table = model.tensors.iter_mut().find(|(n, _)| n.ends_with("word_embeddings.weight"));
    let bytes = &mut table.unwrap().1.bytes;
    let mut generator = Generator::new(7);
    for value in bytes.chunks_exact_mut(4).skip(61 * 24) {
        let unit = f64::from(generator.below(1 << 20) as u32) / f64::from(1 << 20);
        value.copy_from_slice(&((unit - 0.5) as f32).to_le_bytes());
    }
    model
}

/// A small seeded generator of numbers (SplitMix64, Steele et al. 2014).
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}
