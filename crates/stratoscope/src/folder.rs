//! An exploration as a folder of files that appears whole or not at all.

use crate::{Error, Exploration, LeftOut, Lens, Manifest, ModelFile, Probe, Profile, Result};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use stratoscope_extractor::states_bytes;
use stratoscope_plot::{Figure, PlotError};

/// The name of the file that says what made the others, and which they are.
const MANIFEST: &str = "manifest.json";

/// The name of the page.
const REPORT: &str = "report.html";

/// The figures' width on paper is 17 cm; this is print quality for text and lines.
const DOTS_PER_INCH: u32 = 200;

/// Checks that a folder may be written, before anything is computed: it is not there, or empty, or
/// (with `overwrite`) holds an exploration and nothing else.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::NotOurs`], [`Error::NoName`], or [`Error::Write`] where it is no
/// folder.
pub fn check_output(folder: &Path, overwrite: bool) -> Result<()> {
    if folder.file_name().is_none() {
        return Err(Error::NoName { path: folder.to_owned() });
    }
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

/// Writes an exploration: the page, the figures as SVG and PNG, their numbers as JSON, the states
/// and the manifest. What `check_output` allows is replaced as a whole. Returns the names of the files.
///
/// # Errors
/// A figure that cannot be drawn, or a folder that cannot be written; then nothing has changed.
pub fn write_folder(
    folder: &Path,
    exploration: &Exploration,
    manifest: &Manifest,
    overwrite: bool,
) -> Result<Vec<String>> {
    // Of a sentence, making pixels is most of the work.
    let figures = exploration.figures().into_par_iter().map(|figure| {
        let mut files = Files::new();
        match figure.drawn {
            // The page holds more than a figure does.
            Err(Error::Plot(error @ PlotError::TooMany { .. })) => {
                let reason = error.to_string();
                return Ok((files, Some(LeftOut { name: figure.name, reason })));
            }
            drawn => add_figure(&mut files, figure.name, &drawn?, json_bytes(&figure.numbers)?)?,
        }
        Ok((files, None))
    });
    let (files, too_large): (Vec<Files>, Vec<Option<LeftOut>>) =
        figures.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let mut files = files.concat();
    let page = crate::report_of(&[(exploration, manifest)])?.html()?;
    files.push((REPORT.to_owned(), page.into_bytes()));
    files.push(("states.safetensors".to_owned(), states_bytes(&exploration.states)?));
    let mut manifest = serde_json::to_value(manifest)?;
    let left_out: Vec<&LeftOut> =
        exploration.left_out.iter().chain(too_large.iter().flatten()).collect();
    manifest["left_out"] = serde_json::to_value(left_out)?;
    write_files(folder, files, manifest, overwrite)
}

/// Writes a profile: the page, its figure as SVG and PNG, its numbers as JSON, and a manifest. What
/// `check_output` allows is replaced as a whole. Returns the names of the files.
///
/// # Errors
/// As [`write_folder`].
pub fn write_profile(
    folder: &Path,
    profile: &Profile,
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let numbers = json_bytes(&serde_json::to_value(profile)?)?;
    add_figure(&mut files, "profile", &profile.figure()?, numbers)?;
    files.push((REPORT.to_owned(), profile.report().html()?.into_bytes()));
    let manifest = serde_json::json!({
        "tool": profile.tool,
        "command_line": command_line,
        "model": profile.model,
        "stimuli": profile.stimuli,
        "seed": profile.seed,
    });
    write_files(folder, files, manifest, overwrite)
}

/// Writes a lens: the page, its figure as SVG and PNG, its numbers as JSON, and a manifest with the
/// files that the model was read from. What `check_output` allows is replaced as a whole. Returns the names of the files.
///
/// # Errors
/// As [`write_folder`].
pub fn write_lens(
    folder: &Path,
    lens: &Lens,
    model_files: &[ModelFile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Vec<String>> {
    let mut files = Vec::new();
    add_figure(&mut files, "lens", &lens.figure()?, json_bytes(&serde_json::to_value(lens)?)?)?;
    files.push((REPORT.to_owned(), lens.report().html()?.into_bytes()));
    let manifest = serde_json::json!({
        "tool": lens.tool,
        "command_line": command_line,
        "model": lens.model,
        "files": model_files,
        "settings": lens.settings,
        "texts": [lens.text],
    });
    write_files(folder, files, manifest, overwrite)
}

/// Writes a probe: its figure as SVG and PNG, its numbers as JSON, and a manifest with the files
/// that the model was read from. What `check_output` allows is replaced as a whole. Returns the
/// names of the files.
///
/// # Errors
/// As [`write_folder`].
pub fn write_probe(
    folder: &Path,
    probe: &Probe,
    model_files: &[ModelFile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Vec<String>> {
    let mut files = Vec::new();
    add_figure(&mut files, "probe", &probe.figure()?, json_bytes(&probe.numbers()?)?)?;
    let manifest = serde_json::json!({
        "tool": probe.tool,
        "command_line": command_line,
        "model": probe.model,
        "files": model_files,
        "data": probe.data,
        "labels": probe.labels.iter().map(|l| &l.label).collect::<Vec<_>>(),
    });
    write_files(folder, files, manifest, overwrite)
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

fn add_figure(files: &mut Files, name: &str, drawn: &Figure, numbers: Vec<u8>) -> Result<()> {
    let png = drawn.png(drawn.width_at(DOTS_PER_INCH))?;
    files.push((format!("{name}.svg"), drawn.svg().as_bytes().to_vec()));
    files.push((format!("{name}.png"), png));
    files.push((format!("{name}.json"), numbers));
    Ok(())
}

fn write_files(
    folder: &Path,
    mut files: Files,
    mut manifest: Value,
    overwrite: bool,
) -> Result<Vec<String>> {
    let mut written: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    written.push(MANIFEST.to_owned());
    manifest["written"] = written.clone().into();
    let mut pretty = serde_json::to_vec_pretty(&manifest)?;
    pretty.push(b'\n');
    files.push((MANIFEST.to_owned(), pretty));

    check_output(folder, overwrite)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    std::fs::create_dir_all(&parent).map_err(fail(folder))?;
    // Beside the folder, so that a rename is all that is left to do.
    let aside = aside(folder, &parent, "part");
    let result = fill(&aside, &files).and_then(|()| replace(folder, &aside, &parent));
    result.map_err(|source| {
        // What is half written must not lie about; that it cannot be removed changes nothing.
        let _ = std::fs::remove_dir_all(&aside);
        fail(folder)(source)
    })?;
    Ok(written)
}

fn fill(aside: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    std::fs::create_dir(aside)?;
    files.iter().try_for_each(|(name, bytes)| std::fs::write(aside.join(name), bytes))
}

/// Puts `aside` where `folder` is, and the old folder back if that fails.
fn replace(folder: &Path, aside_new: &Path, parent: &Path) -> io::Result<()> {
    if !folder.exists() {
        return std::fs::rename(aside_new, folder);
    }
    let old = aside(folder, parent, "old");
    std::fs::rename(folder, &old)?;
    if let Err(error) = std::fs::rename(aside_new, folder) {
        std::fs::rename(&old, folder)?;
        return Err(error);
    }
    std::fs::remove_dir_all(&old)
}

fn aside(folder: &Path, parent: &Path, what: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    parent.join(format!(".{name}.{}.{what}", std::process::id()))
}

/// The files that an exploration in this folder has written, by its manifest.
fn written_files(folder: &Path) -> BTreeSet<String> {
    let manifest = std::fs::read(folder.join(MANIFEST)).ok();
    let manifest: Value =
        manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let ours = manifest["tool"].as_str().is_some_and(|tool| tool.starts_with("stratoscope "));
    let names = manifest["written"].as_array().filter(|_| ours).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn json_bytes(value: &Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
