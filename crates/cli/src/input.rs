//! TEXT, `--file` and `-` to the texts that are to be read.

use crate::args::InputArgs;
use crate::outcome::{Failure, Result};
use crate::progress::Progress;
use std::io::Read;
use std::path::Path;
use stratoscope::Text;
use stratoscope::extractor::{Inputs, parse_lines, parse_pairs};

/// The texts that the arguments give.
pub(crate) fn texts(args: &InputArgs, progress: &Progress) -> Result<Vec<Text>> {
    let (bytes, place) = match (&args.file, args.text.as_slice()) {
        (Some(path), _) if path.as_os_str() == "-" => (stdin()?, "standard input".to_owned()),
        (Some(path), _) => (read(path)?, path.display().to_string()),
        (None, [one]) if one == "-" => (stdin()?, "standard input".to_owned()),
        (None, []) => {
            return Err(Failure::usage(
                "there is no text; give a sentence in quotes, --file FILE, or - for standard input",
            ));
        }
        (None, texts) => return from_arguments(texts, args.pairs),
    };
    let parse = if args.pairs { parse_pairs } else { parse_lines };
    let inputs = parse(&bytes, &place)?;
    Ok(items(inputs, &place, progress))
}

/// The items of a file; that blank lines were skipped is said.
pub(crate) fn items<T>(inputs: Inputs<T>, place: &str, progress: &Progress) -> Vec<T> {
    if inputs.blank_lines > 0 {
        let lines = if inputs.blank_lines == 1 { "line" } else { "lines" };
        progress.note(&format!("{place}: {} blank {lines} skipped", inputs.blank_lines));
    }
    inputs.items
}

/// A file's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))
}

fn from_arguments(texts: &[String], pairs: bool) -> Result<Vec<Text>> {
    if !pairs {
        return Ok(texts.iter().map(|text| Text::from(text.as_str())).collect());
    }
    let chunks = texts.chunks(2).map(|pair| match pair {
        [text, second] => Ok(Text { text: text.clone(), pair: Some(second.clone()), line: None }),
        _ => Err(Failure::usage("--pairs takes TEXTs two by two; one is left over")),
    });
    chunks.collect()
}

/// Standard input, all of it.
pub(crate) fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}
