//! `stratoscope explore`: pictures and numbers of sentences, by depth.

use crate::args::ExploreArgs;
use crate::outcome::{Failure, Result, hold_interrupts, print};
use crate::progress::Progress;
use crate::{baseline, extract, input, model, plane, profile, summary};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use stratoscope::extractor::{prepare, read_states};
use stratoscope::{
    Activations, Baseline, Exploration, HookSelection, Known, LayerSelection, Manifest, ModelFile,
    NamedStimuli, Neutral, Plane, Pooling, Profile, Settings, Unit, check_output, explore,
    write_folder,
};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    if let Some(folder) = &args.output {
        check_parent(folder)?;
        check_output(folder, args.overwrite)?;
    }
    let mut settings = Settings {
        metric: args.metric.into(),
        reducer: args.reducer.into(),
        align: args.align.into(),
        seed: args.seed,
        activations: Vec::new(),
    };
    let Found { states, baseline, profile, plane, neutral, files } = match &args.from {
        Some(path) => from_file(args, path, &mut progress)?,
        None => from_model(args, &mut progress)?,
    };
    if args.rows.layers.is_some() {
        settings.activations = states.layers.clone();
    }
    let mut manifest = Manifest::new(&states, None, &settings);
    manifest.files = files;
    manifest.options = options(args, baseline.as_ref(), profile.as_ref(), plane.as_ref());
    manifest.command_line = std::env::args().collect();
    manifest.threads = rayon::current_num_threads();

    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    let known = Known {
        baseline: baseline.as_ref(),
        profile: profile.as_ref(),
        plane: plane.as_ref(),
        neutral: neutral.as_ref(),
    };
    let exploration = explore(states, &settings, known, &mut step)?;

    let folder = match &args.output {
        Some(folder) => Some(folder.clone()),
        None if args.common.json => None,
        None => Some(default_folder(args, &exploration, &manifest)),
    };
    let mut written = Vec::new();
    if let Some(folder) = &folder {
        progress.at("drawing", 0, 1);
        let _guard = hold_interrupts();
        // The default folder is named by what made it, so the same run may replace it.
        let overwrite = args.overwrite || args.output.is_none();
        written = write_folder(folder, &exploration, &manifest, overwrite)?;
    }
    progress.finish();
    if args.common.json {
        let data = exploration.data(&manifest)?.json().map_err(stratoscope::Error::from)?;
        return print(&format!("{data}\n"));
    }
    if args.common.quiet {
        return Ok(());
    }
    let hint = args.from.is_none();
    print(&summary::of(&exploration, folder.as_deref(), &written, hint))
}

/// States and what is known of where they come from.
struct Found {
    states: Activations,
    baseline: Option<Baseline>,
    profile: Option<Profile>,
    plane: Option<Plane>,
    neutral: Option<Neutral>,
    files: Vec<ModelFile>,
}

fn from_model(args: &ExploreArgs, progress: &mut Progress) -> Result<Found> {
    let texts = input::texts(&args.input, progress)?;
    let explorer = model::open(&args.model, progress)?;
    let prepared = prepare(explorer.model(), texts, args.input.long.into())?;
    let hooks = HookSelection::default();
    let states = extract::states(&explorer, prepared, &args.rows, false, &hooks, progress)?;
    let compute_with = Some(&explorer).filter(|_| args.baseline);
    let baseline = baseline::find(&args.model, &states.origin, compute_with, progress)?;
    let profile = profile::find(
        &args.model,
        &states.origin,
        &NamedStimuli::homographs()?.for_model(&states.origin)?,
    )?;
    let plane = plane::find(&args.model, &states.origin)?;
    // Its subspaces are of words as means.
    let means = args.rows.pooling.is_none_or(|p| Pooling::from(p) == Pooling::Mean);
    let neutral = match &plane {
        Some(plane) if means => {
            progress.at("neutral frames", 0, 1);
            Some(explorer.neutral(plane, &states)?)
        }
        _ => None,
    };
    let files = explorer.model().info.files.iter().map(ModelFile::from).collect();
    Ok(Found { states, baseline, profile, plane, neutral, files })
}

fn from_file(args: &ExploreArgs, path: &Path, progress: &mut Progress) -> Result<Found> {
    let mut states = read_states(path)?;
    if let Some(selection) = &args.rows.layers {
        states = keep_layers(&states, selection)?;
    }
    let unit = if args.rows.words { Unit::Word } else { Unit::Token };
    if unit != Unit::Token {
        states = states.pooled(unit, args.rows.pooling.map(Pooling::from).unwrap_or_default())?;
    }
    if args.rows.no_special_tokens {
        states = states.without_special()?;
    }
    let file = ModelFile::read(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    let baseline = baseline::find(&args.model, &states.origin, None, progress)?;
    let profile = profile::find(
        &args.model,
        &states.origin,
        &NamedStimuli::homographs()?.for_model(&states.origin)?,
    )?;
    let plane = plane::find(&args.model, &states.origin)?;
    Ok(Found { states, baseline, profile, plane, neutral: None, files: vec![file] })
}

fn keep_layers(states: &Activations, selection: &LayerSelection) -> Result<Activations> {
    let wanted = selection.resolve(states.origin.n_layers)?;
    if let Some(missing) = wanted.iter().find(|l| !states.layers.contains(l)) {
        return Err(Failure::input(format!("the states file does not hold layer {missing}")));
    }
    Ok(states.with_layers(&wanted))
}

/// What besides the settings determines the result.
fn options(
    args: &ExploreArgs,
    baseline: Option<&Baseline>,
    profile: Option<&Profile>,
    plane: Option<&Plane>,
) -> Value {
    json!({
        "pairs": args.input.pairs,
        "long": stratoscope::LongText::from(args.input.long).name(),
        "layers_chosen": args.rows.layers.as_ref().map(|l| match l {
            LayerSelection::All => "all",
            LayerSelection::Some(text) => text,
        }),
        "words": args.rows.words,
        "pooling": args.rows.pooling.map(|p| Pooling::from(p).name()),
        "no_special_tokens": args.rows.no_special_tokens,
        "baseline_sentences": baseline.map(|b| b.n),
        "profile_stimuli": profile.map(|p| &p.stimuli.sha256),
        "plane_stimuli": plane.map(|p| &p.stimuli.sha256),
    })
}

/// A folder that cannot be made is better known before the work than after it.
pub(crate) fn check_parent(folder: &Path) -> Result<()> {
    let existing = folder.ancestors().find(|a| a.as_os_str().is_empty() || a.exists());
    match existing.map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a }) {
        Some(parent) if !parent.is_dir() => {
            Err(Failure::usage(format!("{} is a file, not a folder", parent.display())))
        }
        Some(parent) if parent.metadata().is_ok_and(|m| m.permissions().readonly()) => {
            Err(Failure::usage(format!("{} cannot be written", parent.display())))
        }
        _ => Ok(()),
    }
}

/// `stratoscope-out/<model>--<first words>--<hash8>`.
fn default_folder(args: &ExploreArgs, exploration: &Exploration, manifest: &Manifest) -> PathBuf {
    let model = match &args.from {
        Some(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        None => model::short_name(&args.model).to_owned(),
    };
    let text = exploration.states.texts.first().map_or("", |t| t.text.as_str());
    let words: Vec<String> = text.split_whitespace().map(slug).filter(|w| !w.is_empty()).collect();
    let mut name = slug(&model);
    let words: String = words.join("-").chars().take(40).collect();
    if !words.is_empty() {
        name = format!("{name}--{}", words.trim_end_matches('-'));
    }
    PathBuf::from("stratoscope-out").join(format!("{name}--{}", manifest.hash8()))
}

/// Letters and digits of any script, lower-cased; the rest as single dashes.
pub(crate) fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}
