//! An exploration as a folder of files that appears whole or not at all.

use crate::{
    Comparison, Error, Exploration, Geometry, LeftOut, Lens, Manifest, ModelFile, NamedFigure,
    Probe, Profile, Result, SideBySide,
};
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
/// and the manifest. What `check_output` allows is replaced as a whole. Says what was written.
///
/// # Errors
/// A figure that cannot be drawn, or a folder that cannot be written; then nothing has changed.
pub fn write_folder(
    folder: &Path,
    exploration: &Exploration,
    manifest: &Manifest,
    overwrite: bool,
) -> Result<Written> {
    let (mut files, too_large) = drawn(exploration.figures(), "")?;
    let page = crate::report_of(&[(exploration, manifest)])?.html()?;
    files.push((REPORT.to_owned(), page.into_bytes()));
    files.push(("states.safetensors".to_owned(), states_bytes(&exploration.states)?));
    let manifest = with_left_out(exploration, manifest, &too_large)?;
    write_files(folder, files, manifest, too_large, overwrite)
}

/// What a folder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The names of its files.
    pub files: Vec<String>,
    /// The figures that it has not, as there is too much for them.
    pub left_out: Vec<LeftOut>,
}

/// Writes explorations side by side: the figures of all of them, those of each with the model's
/// name after theirs, the states and a manifest. What `check_output` allows is replaced as a whole.
/// Says what was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_side_by_side(
    folder: &Path,
    side: &SideBySide,
    manifests: &[Manifest],
    overwrite: bool,
) -> Result<Written> {
    let (mut files, too_large) = drawn(side.figures(), "")?;
    let mut all_too_large = too_large.clone();
    let mut models = Vec::new();
    let explored: Vec<(&Exploration, &Manifest)> =
        side.explorations.iter().zip(manifests).collect();
    for (index, (exploration, manifest)) in explored.iter().enumerate() {
        let end = format!("--{}-{}", index + 1, file_name(&exploration.states.origin.model));
        let (own, own_too_large) = drawn(exploration.figures(), &end)?;
        files.extend(own);
        files.push((format!("states{end}.safetensors"), states_bytes(&exploration.states)?));
        models.push(with_left_out(exploration, manifest, &own_too_large)?);
        all_too_large.extend(own_too_large);
    }
    // A page sets two beside each other; of more, each of the others beside the first has its own.
    for (index, pair) in explored.iter().enumerate().skip(1) {
        let page = crate::report_of(&[explored[0], *pair])?.html()?;
        let name = match explored.len() {
            2 => REPORT.to_owned(),
            _ => format!("report--1-{}.html", index + 1),
        };
        files.push((name, page.into_bytes()));
    }
    let first = manifests.first();
    let manifest = serde_json::json!({
        "tool": first.map(|m| &m.tool),
        "command_line": first.map(|m| &m.command_line),
        "models": models,
        "left_out": too_large,
    });
    write_files(folder, files, manifest, all_too_large, overwrite)
}

/// A manifest with what is not shown.
fn with_left_out(
    exploration: &Exploration,
    manifest: &Manifest,
    too_large: &[LeftOut],
) -> Result<Value> {
    let mut manifest = serde_json::to_value(manifest)?;
    let left_out: Vec<&LeftOut> = exploration.left_out.iter().chain(too_large).collect();
    manifest["left_out"] = serde_json::to_value(left_out)?;
    Ok(manifest)
}

/// A model's name as part of a file's.
fn file_name(model: &str) -> String {
    let last = model.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(model);
    slug(last.split(" (").next().unwrap_or(last))
}

/// A text as part of a file's name: letters and digits of any script, lower-cased; the rest as
/// single dashes.
pub fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Writes the profiles of one or several models: the figure as SVG and PNG, the numbers as JSON (of
/// several a list, and the figure of each with the model's name after its own), and a manifest. What
/// `check_output` allows is replaced as a whole. Says what was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_profiles(
    folder: &Path,
    profiles: &[Profile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Written> {
    let mut files = Vec::new();
    match profiles {
        [one] => add_figure(&mut files, "profile", &one.figure()?, &serde_json::to_value(one)?)?,
        several => {
            let all = serde_json::json!({ "models": several });
            add_figure(&mut files, "profile", &Profile::side_by_side(several)?, &all)?;
            for (index, profile) in several.iter().enumerate() {
                let name = format!("profile--{}-{}", index + 1, file_name(&profile.model.model));
                add_figure(&mut files, &name, &profile.figure()?, &serde_json::to_value(profile)?)?;
            }
        }
    }
    files.push((REPORT.to_owned(), Profile::report(profiles).html()?.into_bytes()));
    let of = |profile: &Profile| {
        serde_json::json!({
            "tool": profile.tool,
            "command_line": command_line,
            "model": profile.model,
            "stimuli": profile.stimuli,
            "seed": profile.seed,
        })
    };
    let manifest = match profiles {
        [one] => of(one),
        several => serde_json::json!({
            "tool": several.first().map(|p| &p.tool),
            "command_line": command_line,
            "models": several.iter().map(of).collect::<Vec<_>>(),
        }),
    };
    write_files(folder, files, manifest, Vec::new(), overwrite)
}

/// Writes a lens: the page, its figure as SVG and PNG, its numbers as JSON, and a manifest with the
/// files that the model was read from. What `check_output` allows is replaced as a whole. Says what
/// was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_lens(
    folder: &Path,
    lens: &Lens,
    model_files: &[ModelFile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Written> {
    let mut files = Vec::new();
    add_figure(&mut files, "lens", &lens.figure()?, &serde_json::to_value(lens)?)?;
    files.push((REPORT.to_owned(), lens.report().html()?.into_bytes()));
    let manifest = serde_json::json!({
        "tool": lens.tool,
        "command_line": command_line,
        "model": lens.model,
        "files": model_files,
        "settings": lens.settings,
        "texts": [lens.text],
    });
    write_files(folder, files, manifest, Vec::new(), overwrite)
}

/// Writes a probe: its figure as SVG and PNG, its numbers as JSON, and a manifest with the files
/// that the model was read from. What `check_output` allows is replaced as a whole. Says
/// what was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_probe(
    folder: &Path,
    probe: &Probe,
    model_files: &[ModelFile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Written> {
    let mut files = Vec::new();
    add_figure(&mut files, "probe", &probe.figure()?, &probe.numbers()?)?;
    let manifest = serde_json::json!({
        "tool": probe.tool,
        "command_line": command_line,
        "model": probe.model,
        "files": model_files,
        "data": probe.data,
        "labels": probe.labels.iter().map(|l| &l.label).collect::<Vec<_>>(),
    });
    write_files(folder, files, manifest, Vec::new(), overwrite)
}

/// Writes the measures of a corpus: their figures as SVG and PNG with the numbers as JSON, all
/// measures as CSV, and a manifest with the files that each model was read from. What
/// `check_output` allows is replaced as a whole. Says what was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_geometry(
    folder: &Path,
    geometry: &Geometry,
    model_files: &[Vec<ModelFile>],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Written> {
    let (mut files, too_large) = drawn(geometry.figures()?, "")?;
    files.push((REPORT.to_owned(), geometry.report().html()?.into_bytes()));
    files.push(("geometry.csv".to_owned(), geometry.csv().into_bytes()));
    let models = geometry.models.iter().zip(model_files).map(|(model, files)| {
        serde_json::json!({ "model": model.model, "files": files, "left_out": model.left_out })
    });
    let manifest = serde_json::json!({
        "tool": geometry.tool,
        "command_line": command_line,
        "models": models.collect::<Vec<_>>(),
        "input": geometry.input,
        "settings": geometry.settings,
        "left_out": too_large,
    });
    write_files(folder, files, manifest, too_large, overwrite)
}

/// Writes a comparison: its figures as SVG and PNG, their numbers as JSON (compare.json has all),
/// and a manifest with the files that the model was read from. What `check_output` allows is
/// replaced as a whole. The page has the two texts beside each other where they were explored
/// together. Says what was written.
///
/// # Errors
/// As [`write_folder`].
pub fn write_comparison(
    folder: &Path,
    comparison: &Comparison,
    explored: Option<(&Exploration, &Manifest)>,
    model_files: &[ModelFile],
    command_line: Vec<String>,
    overwrite: bool,
) -> Result<Written> {
    let mut files = Vec::new();
    for (name, drawn, numbers) in comparison.figures()? {
        add_figure(&mut files, name, &drawn, &numbers)?;
    }
    files.push((REPORT.to_owned(), comparison.report(explored)?.html()?.into_bytes()));
    let manifest = serde_json::json!({
        "tool": comparison.tool,
        "command_line": command_line,
        "model": comparison.model,
        "files": model_files,
        "settings": comparison.settings,
        "left_out": comparison.left_out,
    });
    write_files(folder, files, manifest, Vec::new(), overwrite)
}

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// The files of figures, and which were left out, as the text is too large for them: the page holds
/// more than a figure does. `end` comes after the name of each.
fn drawn(figures: Vec<NamedFigure>, end: &str) -> Result<(Files, Vec<LeftOut>)> {
    // Of a sentence, making pixels is most of the work.
    let figures = figures.into_par_iter().map(|figure| {
        let mut files = Files::new();
        let name = format!("{}{end}", figure.name);
        match figure.drawn {
            Err(Error::Plot(error @ PlotError::TooMany { .. })) => {
                let reason = error.to_string();
                return Ok((files, Some(LeftOut { name: figure.name, reason })));
            }
            drawn => add_figure(&mut files, &name, &drawn?, &figure.numbers)?,
        }
        Ok((files, None))
    });
    let (files, too_large): (Vec<Files>, Vec<Option<LeftOut>>) =
        figures.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    Ok((files.concat(), too_large.into_iter().flatten().collect()))
}

fn add_figure(files: &mut Files, name: &str, drawn: &Figure, numbers: &Value) -> Result<()> {
    let png = drawn.png(drawn.width_at(DOTS_PER_INCH))?;
    files.push((format!("{name}.svg"), drawn.svg().as_bytes().to_vec()));
    files.push((format!("{name}.png"), png));
    let mut json = serde_json::to_vec(numbers)?;
    json.push(b'\n');
    files.push((format!("{name}.json"), json));
    Ok(())
}

fn write_files(
    folder: &Path,
    mut files: Files,
    mut manifest: Value,
    left_out: Vec<LeftOut>,
    overwrite: bool,
) -> Result<Written> {
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
    Ok(Written { files: written, left_out })
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
