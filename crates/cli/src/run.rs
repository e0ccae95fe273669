//! The end of every command that has a result: write the folder, print JSON or the summary.

use crate::args::{CommonArgs, OutputArgs};
use crate::exit::{Failure, Result, command_line_text, print, print_text};
use crate::progress::Progress;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use stratoscope::crates::loader::path_text;
use stratoscope::folder::{self, WriteOptions, Written};
use stratoscope::{Analysis, FigureOptions, FigureSelection, Omitted, Part, Why};

/// A command that will have a result.
pub(crate) struct Run<'a> {
    output: &'a OutputArgs,
    common: &'a CommonArgs,
    figures: FigureOptions,
    pub(crate) progress: Progress,
}

impl<'a> Run<'a> {
    /// Fail early if the folder cannot be written, or if a chosen figure is not one of `known`.
    pub(crate) fn new(
        output: &'a OutputArgs,
        common: &'a CommonArgs,
        known: &[&str],
    ) -> Result<Self> {
        let figures = output.figures();
        figures.selection.check(known)?;
        if let Some(folder) = &output.folder {
            check_folder(folder, "the output is a folder of figures and numbers")?;
            folder::check(folder, output.overwrite)?;
        }
        Ok(Self { output, common, figures, progress: Progress::new(common) })
    }

    /// Writes the folder and prints. With `--json`, writes a folder only if `--output` names one.
    /// `also` are other files that the command has written.
    pub(crate) fn finish(self, analysis: &dyn Analysis, also: &[&Path]) -> Result<()> {
        let warnings = self.progress.take_warnings();
        let folder = match &self.output.folder {
            Some(folder) => Some(folder.clone()),
            None if self.common.json => None,
            None => Some(folder::default_folder(analysis, &self.figures)),
        };
        let written = match folder {
            Some(folder) => {
                self.progress.part("drawing");
                // The default folder is named after its provenance, so the same run may replace it.
                let overwrite = self.output.overwrite || self.output.folder.is_none();
                let command_line = command_line_text();
                let figures = self.figures.clone();
                let warnings = warnings.clone();
                let options = WriteOptions { overwrite, command_line, figures, warnings };
                Some(folder::write(&folder, analysis, &options)?)
            }
            None => None,
        };
        self.progress.finish();
        let page = written.as_ref().and_then(page_of);
        let opened = self.output.open && self.opens(page.as_deref());
        if self.common.json {
            return match written {
                Some(written) => print(&format!("{}\n", written.json)),
                None => {
                    let json = folder::json(analysis, &self.figures, &warnings)?;
                    print(&format!("{json}\n"))
                }
            };
        }
        if self.common.quiet {
            return Ok(());
        }
        // The summary is about numbers that chosen figures may not need.
        let mut text = match self.figures.selection {
            FigureSelection::All => analysis.summary(),
            FigureSelection::Some(_) => String::new(),
        };
        let too_large = written.iter().flat_map(|written| &written.omitted);
        let omitted: Vec<Omitted> = analysis.omitted().iter().chain(too_large).cloned().collect();
        // Writing to a String cannot fail.
        if !omitted.is_empty() && !text.is_empty() {
            let _ = writeln!(text);
        }
        for omitted in &omitted {
            let _ = writeln!(text, "omitted: {omitted}{}", hint(omitted));
        }
        if (written.is_some() || !also.is_empty()) && !text.is_empty() {
            let _ = writeln!(text);
        }
        if let Some(written) = &written {
            let _ = write!(text, "{written}");
        }
        for path in also {
            let _ = writeln!(text, "{}", path_text(path));
        }
        if let Some(page) = page.filter(|_| !opened) {
            let _ = writeln!(text, "open {} in a browser (--open does it)", path_text(&page));
        }
        print_text(&text)
    }

    /// Opens a page in the browser. A failure is a warning: the results are written.
    fn opens(&self, page: Option<&Path>) -> bool {
        let Some(page) = page else {
            self.progress.warning("--open found no page: nothing with a page was written");
            return false;
        };
        let opened = open::that_detached(page).is_ok();
        if !opened {
            self.progress.warning("--open found no program that opens the page");
        }
        opened
    }
}

/// The page among the files that were written.
fn page_of(written: &Written) -> Option<PathBuf> {
    const PAGE: &str = "report.html";
    written.files.iter().any(|name| name == PAGE).then(|| written.folder.join(PAGE))
}

/// How to get a missing part.
fn hint(omitted: &Omitted) -> &'static str {
    match (&omitted.what, &omitted.why) {
        (Part::Baseline, Why::NotStored) => "; --baseline computes it",
        (Part::Story | Part::Profile | Part::Journeys, Why::NotStored) => {
            "; `stratoscope profile` with the same --model computes it"
        }
        _ => "",
    }
}

/// Endings of the names of files. A folder with such a name would be a mistake.
const FILES: &[&str] = &[
    "arrow",
    "bin",
    "csv",
    "feather",
    "gz",
    "h5",
    "hdf5",
    "htm",
    "html",
    "jpg",
    "json",
    "jsonl",
    "md",
    "ndjson",
    "npy",
    "npz",
    "parquet",
    "pdf",
    "pkl",
    "png",
    "pt",
    "pth",
    "safetensors",
    "svg",
    "tsv",
    "txt",
    "xlsx",
    "zip",
];

/// Refuses a new folder with the name of a file, a folder inside a file, and one inside a folder that is
/// read-only. `advice` tells what the output is.
pub(crate) fn check_folder(folder: &Path, advice: &str) -> Result<()> {
    let end = folder.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if FILES.contains(&end.as_str()) && !folder.exists() {
        let name = path_text(folder);
        return Err(Failure::usage(format!(
            "{name} has the ending of a file of another kind; {advice}"
        )));
    }
    let existing = folder.ancestors().find(|a| a.as_os_str().is_empty() || a.exists());
    match existing.map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a }) {
        Some(parent) if !parent.is_dir() => {
            Err(Failure::usage(format!("{} is a file, not a folder", path_text(parent))))
        }
        Some(parent) if parent.metadata().is_ok_and(|m| m.permissions().readonly()) => {
            Err(Failure::usage(format!("{} is read-only", path_text(parent))))
        }
        _ => Ok(()),
    }
}
