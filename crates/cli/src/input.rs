//! From TEXT, `--file` and `-` to the texts that are read.

use crate::args::{InputArgs, LongName};
use crate::exit::{Failure, Result};
use crate::progress::Progress;
use std::path::{Path, PathBuf};
use stratoscope::Text;
use stratoscope::crates::extractor::{
    Corpus, FileKind, Input, Inputs, ReadOptions, TextReader, read_bytes,
};
use stratoscope::crates::loader::path_text;

/// The texts that the arguments name, with their annotation.
pub(crate) fn texts(args: &InputArgs, progress: &Progress) -> Result<Vec<Text>> {
    match corpus(args, progress)? {
        Corpus::Texts { texts, .. } => Ok(texts),
        Corpus::File { path, options } => read_annotated(path, options, progress),
        media @ (Corpus::Images { .. } | Corpus::Sounds { .. }) => {
            read_all(&media, None, 0, progress)
        }
    }
}

/// All texts of a file, with their annotation.
fn read_annotated(path: PathBuf, options: ReadOptions, progress: &Progress) -> Result<Vec<Text>> {
    let options = ReadOptions { annotation: true, ..options };
    read_all(&Corpus::File { path, options }, None, 0, progress)
}

/// All texts of a corpus, or a sample of them.
pub(crate) fn read_all(
    corpus: &Corpus,
    sample: Option<u32>,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<Text>> {
    let inputs = corpus.read_all(sample.map(|n| n as usize), seed)?;
    Ok(items(inputs, &place(corpus), progress))
}

/// All texts, images or sounds of a corpus, or a sample of them.
pub(crate) fn read_inputs(
    corpus: &Corpus,
    sample: Option<u32>,
    seed: u64,
    progress: &Progress,
) -> Result<Vec<Input>> {
    let inputs = corpus.read_inputs(sample.map(|n| n as usize), seed)?;
    Ok(items(inputs, &place(corpus), progress))
}

/// The name of a corpus in messages.
fn place(corpus: &Corpus) -> String {
    match corpus {
        Corpus::File { path, .. } => path_text(path),
        Corpus::Texts { place, .. } => place.clone(),
        Corpus::Images { folder, .. } | Corpus::Sounds { folder, .. } => path_text(folder),
    }
}

/// The corpus that the arguments name: a file, which is not read yet, or texts.
pub(crate) fn corpus(args: &InputArgs, progress: &Progress) -> Result<Corpus> {
    match (&args.file, args.text.as_slice()) {
        (Some(path), _) if path.as_os_str() != "-" => file(path, args, progress),
        (Some(_), _) => piped(args, progress),
        (None, [one]) if one == "-" => piped(args, progress),
        (None, []) => Err(Failure::usage(
            "no input text; give a sentence in quotes, --file FILE, or - for standard input",
        )),
        (None, texts) => Ok(Corpus::Texts {
            place: "the command line".to_owned(),
            texts: from_arguments(not_files(texts, "--file")?, args.pairs)?,
        }),
    }
}

/// Refuses texts that are names: a folder of a model, or files and nothing else. `option` reads a file.
pub(crate) fn not_files<'a>(texts: &'a [String], option: &str) -> Result<&'a [String]> {
    let is_model = |text: &&String| Path::new(text).join("config.json").is_file();
    let (name, what, option) = match (texts.iter().find(is_model), texts.first()) {
        (Some(folder), _) => (folder, "the folder of a model", "--model"),
        (None, Some(first)) if texts.iter().all(|text| Path::new(text).is_file()) => {
            (first, "a file", option)
        }
        _ => return Ok(texts),
    };
    Err(Failure::usage(format!(
        "{name} is {what}; did you mean {option} {name}? (echo TEXT | stratoscope … - reads such a text)"
    )))
}

fn file(path: &Path, args: &InputArgs, progress: &Progress) -> Result<Corpus> {
    let failed =
        |error: std::io::Error| Failure::input(format!("cannot read {}: {error}", path_text(path)));
    let about = std::fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    let kind = FileKind::of(path)?;
    if args.pairs && !matches!(kind, FileKind::Lines | FileKind::Tsv) {
        return Err(Failure::usage("--pairs reads only text files with one pair per line"));
    }
    if about.is_file() {
        // Fail early.
        std::fs::File::open(path).map_err(failed)?;
        return Ok(Corpus::File { path: path.to_owned(), options: options(args) });
    }
    // A pipe or a device can be read only once.
    let texts = read_annotated(path.to_owned(), options(args), progress)?;
    Ok(Corpus::Texts { place: path_text(path), texts })
}

fn options(args: &InputArgs) -> ReadOptions {
    let cut = args.long == LongName::Cut;
    ReadOptions { pairs: args.pairs, field: args.field.clone(), cut, annotation: false }
}

/// The lines of standard input.
fn piped(args: &InputArgs, progress: &Progress) -> Result<Corpus> {
    let texts = items(lines_of_stdin(&options(args))?, STDIN, progress);
    Ok(Corpus::Texts { place: STDIN.to_owned(), texts })
}

/// The name of standard input in messages.
pub(crate) const STDIN: &str = "standard input";

/// The texts of standard input.
pub(crate) fn lines_of_stdin(options: &ReadOptions) -> Result<Inputs<Text>> {
    let reader = TextReader::of_lines(std::io::stdin(), STDIN, options);
    Ok(reader.read_all()?)
}

/// The items of a file. Notes give the number of blank lines, and a line with names of columns.
pub(crate) fn items<T>(inputs: Inputs<T>, place: &str, progress: &Progress) -> Vec<T> {
    if let Some(header) = &inputs.header {
        note_header(place, header, progress);
    }
    if inputs.blank_lines > 0 {
        let lines = if inputs.blank_lines == 1 { "line" } else { "lines" };
        progress.note(&format!("{place}: {} blank {lines} skipped", inputs.blank_lines));
    }
    inputs.items
}

/// A note that a first line has names of columns.
pub(crate) fn note_header(place: &str, header: &str, progress: &Progress) {
    let names = header.trim().replace('\t', ", ");
    progress
        .note(&format!("{place}: the first line has names of columns ({names}) and is skipped"));
}

/// The bytes of a file of lines.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    match FileKind::of(path)? {
        FileKind::Lines | FileKind::Tsv => Ok(read_bytes(path)?),
        _ => Err(Failure::input(format!(
            "{} is not a file of lines, by its extension; save its content as .txt or .tsv",
            path_text(path)
        ))),
    }
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
