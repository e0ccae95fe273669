//! Writes a result to an output folder. The folder is written completely or not at all.

use crate::figures::{self, FigureOptions, FigureSelection};
use crate::{Analysis, Error, Omitted, Provenance, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use stratoscope_extractor::files::{recover, write_folder};
use stratoscope_loader::path_text;

/// The file with the provenance and the list of all files.
const MANIFEST: &str = "manifest.json";

/// The file with all numbers.
const NUMBERS: &str = "numbers.json";

/// Options of writing a folder.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Whether the output of an earlier run may be replaced.
    pub overwrite: bool,
    /// The command line, for the manifest.
    pub command_line: Vec<String>,
    /// The figures.
    pub figures: FigureOptions,
    /// The warnings about the texts, such as that one was cut, for the numbers and the manifest.
    pub warnings: Vec<String>,
}

/// The files that were written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The names of its files.
    pub files: Vec<String>,
    /// The ids of the figures.
    pub figures: Vec<String>,
    /// What [`json()`] returns, as one line.
    pub json: String,
    /// The figures that are omitted because the input is too large.
    pub omitted: Vec<Omitted>,
}

/// Writes a result to a folder: the pages; each figure in its formats, with its numbers as `ID.json`
/// and `ID.csv`; `captions.md`; `numbers.json`; further files; and `manifest.json` with the
/// [`Provenance`], the list of files, and the omitted parts. If some figures are
/// selected, the folder has only these figures, with their numbers and captions, and the manifest.
/// Replaces a previous output folder atomically if [`overwrite`](WriteOptions::overwrite) is set.
///
/// # Errors
/// The errors of [`check`]; [`Error::NoFigure`] for a selected figure that the result does not have;
/// a figure that cannot be drawn; a folder that cannot be written. After an error, nothing on disk
/// has changed.
pub fn write(folder: &Path, analysis: &dyn Analysis, options: &WriteOptions) -> Result<Written> {
    check(folder, options.overwrite)?;
    let made = selected(analysis, &options.figures);
    let figures = made.of(analysis)?;
    let (mut files, too_large) = figures::files(&figures, &made)?;
    let json = match &made.selection {
        FigureSelection::Some(_) => {
            serde_json::to_string(&with_warnings(figures::numbers(&figures)?, &options.warnings))?
        }
        FigureSelection::All => {
            for (name, page) in analysis.pages(&figures)? {
                files.push((name, page.html()?.into_bytes()));
            }
            let json = serde_json::to_string(&with_warnings(analysis.json()?, &options.warnings))?;
            files.push((NUMBERS.to_owned(), format!("{json}\n").into_bytes()));
            files.extend(analysis.attachments()?);
            json
        }
    };
    let mut manifest = serde_json::to_value(provenance(analysis, &made))?;
    let omitted: Vec<Omitted> = analysis.omitted().into_iter().chain(too_large.clone()).collect();
    let mut written: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    written.push(MANIFEST.to_owned());
    manifest["command_line"] = json!(options.command_line);
    manifest["written"] = json!(written);
    manifest["omitted"] = json!(omitted);
    let manifest = with_warnings(manifest, &options.warnings);
    let mut pretty = serde_json::to_vec_pretty(&manifest)?;
    pretty.push(b'\n');
    files.push((MANIFEST.to_owned(), pretty));
    put(folder, &files)?;
    let left = |id: &String| too_large.iter().all(|omitted| omitted.what.figure() != Some(id));
    let figures = figures.into_iter().map(|figure| figure.id).filter(left).collect();
    Ok(Written { folder: folder.to_owned(), files: written, figures, json, omitted: too_large })
}

/// What `--json` prints: all numbers of a result ([`Analysis::json`]), or those of the selected
/// figures; and the warnings about the texts, if there are any.
///
/// # Errors
/// [`Error::NoFigure`] for a selected figure that the result does not have; the errors of
/// [`Analysis::json`].
pub fn json(
    analysis: &dyn Analysis,
    options: &FigureOptions,
    warnings: &[String],
) -> Result<Value> {
    let made = selected(analysis, options);
    let json = match &made.selection {
        FigureSelection::All => analysis.json()?,
        FigureSelection::Some(_) => figures::numbers(&made.of(analysis)?)?,
    };
    Ok(with_warnings(json, warnings))
}

/// A JSON object with the warnings about the texts, if there are any.
pub fn with_warnings(mut json: Value, warnings: &[String]) -> Value {
    if !warnings.is_empty() {
        json["warnings"] = json!(warnings);
    }
    json
}

/// The default output folder of the command line:
/// `stratoscope-out/<models>--<kind>--<words or file>--<hash8>`. For `explore`, the name has no
/// kind.
pub fn default_folder(analysis: &dyn Analysis, options: &FigureOptions) -> PathBuf {
    let kind = Some(analysis.kind()).filter(|kind| *kind != "explore");
    Path::new("stratoscope-out").join(provenance(analysis, options).folder_name(kind))
}

/// The options with the figures that were computed, if others are not excluded.
fn selected(analysis: &dyn Analysis, options: &FigureOptions) -> FigureOptions {
    match &options.selection {
        FigureSelection::All => FigureOptions { selection: analysis.selected(), ..options.clone() },
        FigureSelection::Some(_) => options.clone(),
    }
}

/// The provenance of a result with the options of its figures, unless they are the default.
fn provenance(analysis: &dyn Analysis, options: &FigureOptions) -> Provenance {
    let figures = Some(options.clone()).filter(|options| *options != FigureOptions::default());
    Provenance { figures, ..analysis.provenance() }
}

impl fmt::Display for Written {
    /// The folder, and then the names of its files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", path_text(&self.folder))?;
        // All figures have the same formats.
        let ends: Vec<String> = (self.figures.first().into_iter())
            .flat_map(|id| self.files.iter().filter_map(move |name| name.strip_prefix(id.as_str())))
            .filter(|end| end.starts_with('.'))
            .map(str::to_owned)
            .collect();
        let figures: Vec<&str> = self.figures.iter().map(String::as_str).collect();
        // The figures of one of several models end with `--` and the model.
        let (of_each, of_all): (Vec<&str>, Vec<&str>) =
            figures.iter().partition(|name| name.contains("--"));
        if !of_all.is_empty() {
            writeln!(f, "  {} ({})", of_all.join(" "), ends.join(" "))?;
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
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            figures.contains(&stem)
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
pub(crate) type Files = Vec<(String, Vec<u8>)>;

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
