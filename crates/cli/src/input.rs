//! From TEXT, `--file` and `-` to the texts that are read.

use crate::args::InputArgs;
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use std::io::Read;
use std::path::Path;
use stratoscope::Text;
use stratoscope::crates::extractor::{
    Corpus, FileKind, Inputs, ReadOptions, parse_lines, parse_pairs,
};

/// The texts that the arguments name.
pub(crate) fn texts(args: &InputArgs, progress: &Progress) -> Result<Vec<Text>> {
    match corpus(args, progress)? {
        Corpus::Texts { texts, .. } => Ok(texts),
        file => read_all(&file, None, 0, progress),
    }
}

/// All texts of a corpus, or a sample of them.
pub(crate) fn read_all(
    corpus: &Corpus,
    sample: Option<u32>,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<Text>> {
    let inputs = corpus.read_all(sample.map(|n| n as usize), seed)?;
    let place = match corpus {
        Corpus::File { path, .. } => path.display().to_string(),
        Corpus::Texts { place, .. } => place.clone(),
    };
    Ok(items(inputs, &place, progress))
}

/// The corpus that the arguments name: a file, which is not read yet, or texts.
pub(crate) fn corpus(args: &InputArgs, progress: &Progress) -> Result<Corpus> {
    match (&args.file, args.text.as_slice()) {
        (Some(path), _) if path.as_os_str() != "-" => file(path, args),
        (Some(_), _) => piped(args, progress),
        (None, [one]) if one == "-" => piped(args, progress),
        (None, []) => Err(Failure::usage(
            "no input text; give a sentence in quotes, --file FILE, or - for standard input",
        )),
        (None, texts) => Ok(Corpus::Texts {
            place: "the command line".to_owned(),
            texts: from_arguments(texts, args.pairs)?,
        }),
    }
}

fn file(path: &Path, args: &InputArgs) -> Result<Corpus> {
    let read = std::fs::File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(std::io::ErrorKind::IsADirectory.into()),
        false => Ok(()),
    });
    read.map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    if args.pairs && FileKind::of(path) != FileKind::Lines {
        return Err(Failure::usage("--pairs reads only text files with one pair per line"));
    }
    let options = ReadOptions { pairs: args.pairs, field: args.field.clone() };
    Ok(Corpus::File { path: path.to_owned(), options })
}

/// The lines of standard input.
fn piped(args: &InputArgs, progress: &Progress) -> Result<Corpus> {
    const PLACE: &str = "standard input";
    let parse = if args.pairs { parse_pairs } else { parse_lines };
    let texts = items(parse(&stdin()?, PLACE)?, PLACE, progress);
    Ok(Corpus::Texts { place: PLACE.to_owned(), texts })
}

/// The items of a file. A note gives the number of blank lines.
pub(crate) fn items<T>(inputs: Inputs<T>, place: &str, progress: &Progress) -> Vec<T> {
    if inputs.blank_lines > 0 {
        let lines = if inputs.blank_lines == 1 { "line" } else { "lines" };
        progress.note(&format!("{place}: {} blank {lines} skipped", inputs.blank_lines));
    }
    inputs.items
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))
}

fn from_arguments(texts: &[String], pairs: bool) -> Result<Vec<Text>> {
    if !pairs {
        return Ok(texts.iter().map(|text| Text::from(text.as_str())).collect());
    }
    let chunks = texts.chunks(2).map(|pair| match pair {
        [text, second] => Ok(Text { pair: Some(second.clone()), ..Text::from(text.as_str()) }),
        _ => Err(Failure::usage(
            "--pairs reads the TEXTs two by two, but the number of TEXTs is odd",
        )),
    });
    chunks.collect()
}

/// All bytes of standard input.
pub(crate) fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}
