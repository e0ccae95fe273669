//! Writes a result to an output folder. The folder is written completely or not at all.

use crate::{Analysis, Error, Figure, Omitted, Part, Result, Why};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use stratoscope_extractor::files::{recover, write_folder};
use stratoscope_plot::PlotError;

/// The file with the provenance and the list of all files.
const MANIFEST: &str = "manifest.json";

/// The file with all numbers.
const NUMBERS: &str = "numbers.json";

/// The resolution of PNG figures, for a width of 17 cm on paper: print quality of text and lines.
const DOTS_PER_INCH: u32 = 200;

/// Options of writing a folder.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Whether the output of an earlier run may be replaced.
    pub overwrite: bool,
    /// The command line, for the manifest.
    pub command_line: Vec<String>,
}

/// The files that were written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The names of its files.
    pub files: Vec<String>,
    /// The content of `numbers.json`, as one line.
    pub json: String,
    /// The figures that are omitted because the input is too large.
    pub omitted: Vec<Omitted>,
}

/// Writes a result to a folder: the pages; each figure as `ID.svg`, `ID.png`, `ID.json` and
/// `ID.csv`; `numbers.json`; further files; and `manifest.json` with the
/// [`Provenance`](crate::Provenance), the list of files, and the omitted parts. Replaces a previous
/// output folder atomically if [`overwrite`](WriteOptions::overwrite) is set.
///
/// # Errors
/// The errors of [`check`]; a figure that cannot be drawn; a folder that cannot be written. After
/// an error, nothing on disk has changed.
pub fn write(folder: &Path, analysis: &dyn Analysis, options: &WriteOptions) -> Result<Written> {
    check(folder, options.overwrite)?;
    let figures = analysis.figures()?;
    let (mut files, too_large) = drawn(&figures)?;
    for (name, page) in analysis.pages(&figures)? {
        files.push((name, page.html()?.into_bytes()));
    }
    let json = serde_json::to_string(&analysis.json()?)?;
    files.push((NUMBERS.to_owned(), format!("{json}\n").into_bytes()));
    files.extend(analysis.attachments()?);

    let mut manifest = serde_json::to_value(analysis.provenance())?;
    let omitted: Vec<Omitted> = analysis.omitted().into_iter().chain(too_large.clone()).collect();
    let mut written: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    written.push(MANIFEST.to_owned());
    manifest["command_line"] = json!(options.command_line);
    manifest["written"] = json!(written);
    manifest["omitted"] = json!(omitted);
    let mut pretty = serde_json::to_vec_pretty(&manifest)?;
    pretty.push(b'\n');
    files.push((MANIFEST.to_owned(), pretty));
    put(folder, &files)?;
    Ok(Written { folder: folder.to_owned(), files: written, json, omitted: too_large })
}

impl fmt::Display for Written {
    /// The folder, and then the names of its files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.folder.display())?;
        let figures: Vec<&str> =
            self.files.iter().filter_map(|name| name.strip_suffix(".svg")).collect();
        // The figures of one of several models end with `--` and the model.
        let (of_each, of_all): (Vec<&str>, Vec<&str>) =
            figures.iter().partition(|name| name.contains("--"));
        if !of_all.is_empty() {
            writeln!(f, "  {} (.svg .png .json .csv)", of_all.join(" "))?;
        }
        let (mut names, mut models): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for (name, model) in of_each.iter().filter_map(|name| name.split_once("--")) {
            names.extend(Some(name).filter(|name| !names.contains(name)));
            models.extend(Some(model).filter(|model| !models.contains(model)));
        }
        if !names.is_empty() {
            let models = models.join(" or --");
            writeln!(f, "  {}, each with the ending --{models}", names.join(" "))?;
        }
        let of_figure = |name: &str| {
            let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
            figures.contains(&stem) && ["svg", "png", "json", "csv"].contains(&end)
        };
        let rest: Vec<&str> =
            self.files.iter().map(String::as_str).filter(|name| !of_figure(name)).collect();
        writeln!(f, "  {}", rest.join(" "))
    }
}

/// Fails early if a folder cannot be written. It must not exist, or be empty, or (with `overwrite`)
/// contain only the output of an earlier run. An output that was being replaced when the program was
/// killed is restored first.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::NotOurs`], [`Error::NoName`], [`Error::NotAFolder`],
/// [`Error::Link`], or
/// [`Error::Write`] for a folder that cannot be read.
pub fn check(folder: &Path, overwrite: bool) -> Result<()> {
    if folder.file_name().is_none() {
        return Err(Error::NoName { path: folder.to_owned() });
    }
    if let Ok(target) = std::fs::read_link(folder) {
        return Err(Error::Link { path: folder.to_owned(), target });
    }
    // What cannot be restored in a folder that cannot be read does not matter: the folder is refused.
    let _ = recover(folder);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::NotAFolder { path: folder.to_owned() });
        }
        Err(source) => return Err(Error::Write { path: folder.to_owned(), source }),
    };
    let names: BTreeSet<String> = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()
        .map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    if names.is_empty() {
        return Ok(());
    }
    if !overwrite {
        return Err(Error::NotEmpty { path: folder.to_owned() });
    }
    let ours = written_files(folder);
    match names.iter().find(|name| !ours.contains(*name)) {
        None => Ok(()),
        Some(file) => Err(Error::NotOurs { path: folder.to_owned(), file: file.clone() }),
    }
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// The files of the figures, and the figures that are omitted because the input is too large.
fn drawn(figures: &[Figure]) -> Result<(Files, Vec<Omitted>)> {
    // For one sentence, drawing pixels takes most of the time, so figures are drawn in parallel.
    let figures = figures.par_iter().map(|figure| {
        let id = &figure.id;
        let drawn = match figure.draw() {
            Err(Error::Plot(PlotError::TooMany { what, found, .. })) => {
                let why = Why::TooMany { what, found, hint: "give fewer or shorter texts" };
                return Ok((Files::new(), Some(Omitted::new(Part::Figure(id.clone()), why))));
            }
            drawn => drawn?,
        };
        let png = drawn.png(drawn.width_at(DOTS_PER_INCH))?;
        let files = vec![
            (format!("{id}.svg"), drawn.svg().as_bytes().to_vec()),
            (format!("{id}.png"), png),
            (format!("{id}.json"), line(&figure.json()?)?),
            (format!("{id}.csv"), figure.csv().into_bytes()),
        ];
        Ok((files, None))
    });
    let (files, too_large): (Vec<Files>, Vec<Option<Omitted>>) =
        figures.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    Ok((files.concat(), too_large.into_iter().flatten().collect()))
}

/// JSON as one line.
fn line(value: &Value) -> Result<Vec<u8>> {
    let mut json = serde_json::to_vec(value)?;
    json.push(b'\n');
    Ok(json)
}

/// Writes all files or none.
fn put(folder: &Path, files: &Files) -> Result<()> {
    let fill = |aside: &Path| {
        files.iter().try_for_each(|(name, bytes)| std::fs::write(aside.join(name), bytes))
    };
    write_folder(folder, fill).map_err(|source| Error::Write { path: folder.to_owned(), source })
}

/// The files that an earlier run wrote to this folder, from its manifest.
fn written_files(folder: &Path) -> BTreeSet<String> {
    let manifest = std::fs::read(folder.join(MANIFEST)).ok();
    let manifest: Value =
        manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let ours = manifest["tool"].as_str().is_some_and(|tool| tool.starts_with("stratoscope "));
    let names = manifest["written"].as_array().filter(|_| ours).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}
