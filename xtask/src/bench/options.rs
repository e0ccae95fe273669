//! The options of `cargo xtask bench peers` and `cold`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::workspace_root;

/// The options of `bench peers`.
pub(crate) const PEERS: &[&str] = &["--model", "--file", "--rounds", "--threads", "--only"];
/// The options of `bench cold`.
pub(crate) const COLD: &[&str] = &["--model", "--rounds"];

/// The values of the options.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// A folder with config.json, model.safetensors and tokenizer.json.
    pub(crate) model: PathBuf,
    /// A file with one sentence per line; `None` for made-up sentences.
    pub(crate) file: Option<PathBuf>,
    /// The number of rounds that count.
    pub(crate) rounds: usize,
    /// The number of threads of every peer.
    pub(crate) threads: usize,
    /// The wanted parts of the table ([`PARTS`]); empty for all parts.
    pub(crate) only: Vec<String>,
}

/// The parts of the table.
pub(crate) const PARTS: &[&str] =
    &["model", "bert-base", "decoder", "decoder-bf16", "deberta", "pca", "tsne"];

impl Options {
    /// Parses the arguments; only `known` options are allowed.
    pub(crate) fn parse(arguments: &[OsString], known: &[&str]) -> Result<Self, Failure> {
        let mut options = Self {
            model: workspace_root().join("crates/bundled/model"),
            file: None,
            rounds: 5,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            only: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let name = argument.to_string_lossy();
            if !known.contains(&name.as_ref()) {
                return Err(Failure::Usage(format!(
                    "unexpected argument `{name}`; the options are {}",
                    known.join(", ")
                )));
            }
            let value =
                rest.next().ok_or_else(|| Failure::Usage(format!("{name} needs a value")))?;
            match name.as_ref() {
                "--model" => options.model = value.into(),
                "--file" => options.file = Some(value.into()),
                "--rounds" => options.rounds = count(&name, value)?,
                "--threads" => options.threads = count(&name, value)?,
                _ => options.only = parts(&value.to_string_lossy())?,
            }
        }
        let of_model = ["config.json", "model.safetensors", "tokenizer.json"];
        let files = of_model.map(|name| options.model.join(name)).into_iter();
        for path in files.chain(options.file.clone()) {
            std::fs::metadata(&path).map_err(Failure::file(path))?;
        }
        Ok(options)
    }

    /// Whether a part of the table is wanted.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

fn count(name: &str, value: &OsString) -> Result<usize, Failure> {
    let number = value.to_str().and_then(|value| value.parse().ok()).filter(|&n| n > 0);
    number.ok_or_else(|| {
        let value = value.to_string_lossy();
        Failure::Usage(format!("{name} needs a number of at least 1, not `{value}`"))
    })
}

fn parts(list: &str) -> Result<Vec<String>, Failure> {
    let part = |part: &str| match PARTS.contains(&part) {
        true => Ok(part.to_owned()),
        false => Err(Failure::Usage(format!(
            "the table has no part `{part}`; the parts are {}",
            PARTS.join(", ")
        ))),
    };
    list.split(',').map(|name| part(name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Options::parse(&arguments, PEERS)
    }

    #[test]
    fn options_have_defaults() {
        let options = parse(&[]).unwrap();
        assert!(options.model.ends_with("crates/bundled/model") && options.file.is_none());
        assert!(options.rounds == 5 && options.threads >= 1 && options.wants("pca"));
        let options = parse(&["--rounds", "2", "--file", "/", "--only", "model, tsne"]).unwrap();
        assert_eq!((options.rounds, options.file), (2, Some("/".into())));
        assert_eq!(options.only, ["model", "tsne"]);
    }

    #[test]
    fn errors_name_the_wrong_option() {
        for (arguments, said) in [
            (&["--fast"][..], "unexpected argument `--fast`; the options are --model, --file"),
            (&["--rounds"], "--rounds needs a value"),
            (&["--rounds", "0"], "--rounds needs a number of at least 1, not `0`"),
            (&["--threads", "two"], "--threads needs a number of at least 1, not `two`"),
            (&["--only", "model,umap"], "no part `umap`; the parts are model, bert-base"),
            (&["--model", "nowhere"], "config.json"),
            (&["--file", "nowhere.txt"], "nowhere.txt"),
        ] {
            let message = parse(arguments).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
    }
}
