//! `stratoscope explore`: pictures and numbers of sentences, by depth.

use crate::args::{ExploreArgs, ModelArgs, RowArgs};
use crate::outcome::{Failure, Result, print};
use crate::output::{Output, slug};
use crate::progress::Progress;
use crate::{baseline, extract, input, model, plane, profile, summary};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use stratoscope::extractor::{prepare, read_states};
use stratoscope::{
    Activations, Attention, Baseline, Exploration, Explorer, HookSelection, Known, LayerSelection,
    Manifest, ModelFile, NamedStimuli, Neutral, Plane, Pooling, Profile, Settings, SideBySide,
    Text, Unit, explore, keep_shared_words, write_folder, write_side_by_side,
};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(args.output.as_ref(), args.overwrite, &args.common)?;
    let models = model::each(&args.models)?;
    if models.len() > 1 {
        return several(args, &models, &output, progress);
    }
    let found = match (&args.from, &models[..]) {
        (Some(path), [model, ..]) => from_file(args, model, path, &mut progress)?,
        (None, [model, ..]) => {
            let texts = input::texts(&args.input, &progress)?;
            let explorer = model::open(model, &mut progress)?;
            let states = states(args, &explorer, texts, &args.rows, &mut progress)?;
            known(args, model, &explorer, states, &mut progress)?
        }
        _ => return Err(Failure::usage("no model is named")),
    };
    let (exploration, manifest) = explored(args, found, &mut progress)?;

    let default = || {
        let name = match (&args.from, &models[..]) {
            (Some(path), _) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            (None, models) => models.first().map_or("", model::short_name).to_owned(),
        };
        Ok(default_folder(&[name], &exploration, &[manifest.hash8()]))
    };
    let written = output.write(&mut progress, default, |folder, overwrite| {
        Ok(write_folder(folder, &exploration, &manifest, overwrite)?)
    })?;
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", as_json(&exploration, &manifest)?));
    }
    if args.common.quiet {
        return Ok(());
    }
    let hint = args.from.is_none();
    print(&summary::of(&exploration, written.as_ref(), hint))
}

/// Several models on the same words, side by side.
fn several(
    args: &ExploreArgs,
    models: &[ModelArgs],
    output: &Output<'_>,
    mut progress: Progress,
) -> Result<()> {
    if args.input.pairs {
        return Err(Failure::usage("--pairs is for one model; several have the words of one text"));
    }
    // Tokens of two tokenizers cannot be set against each other; words by one rule can.
    let texts: Vec<Text> =
        input::texts(&args.input, &progress)?.into_iter().map(Text::with_unicode_words).collect();
    let mut rows = args.rows.clone();
    rows.words = true;
    let mut explorers = Vec::new();
    let mut of_all = Vec::new();
    let mut attention = Vec::new();
    for model in models {
        let explorer = model::open(model, &mut progress)?;
        let states = states(args, &explorer, texts.clone(), &rows, &mut progress)?;
        of_all.push(states.0);
        attention.push(states.1);
        explorers.push(explorer);
    }
    let left = keep_shared_words(&mut of_all);
    if left > 0 {
        progress
            .note(&format!("warning: {left} words are left out, for which a model has no token"));
    }
    let mut explorations = Vec::new();
    let mut manifests = Vec::new();
    for (((model, explorer), states), attention) in
        models.iter().zip(&explorers).zip(of_all).zip(attention)
    {
        let found = known(args, model, explorer, (states, attention), &mut progress)?;
        let (exploration, manifest) = explored(args, found, &mut progress)?;
        explorations.push(exploration);
        manifests.push(manifest);
    }
    let side = SideBySide::new(explorations)?;
    let default = || {
        let names: Vec<String> = models.iter().map(|m| model::short_name(m).to_owned()).collect();
        let hashes: Vec<String> = manifests.iter().map(Manifest::hash8).collect();
        match side.explorations.first() {
            Some(first) => Ok(default_folder(&names, first, &hashes)),
            None => Err(Failure::usage("no model is named")),
        }
    };
    let written = output.write(&mut progress, default, |folder, overwrite| {
        Ok(write_side_by_side(folder, &side, &manifests, overwrite)?)
    })?;
    progress.finish();
    if args.common.json {
        let explored = side.explorations.iter().zip(&manifests);
        let models: Vec<Value> = explored.map(|(e, m)| as_json(e, m)).collect::<Result<_>>()?;
        let value = json!({
            "tool": manifests.first().map(|m| &m.tool),
            "models": models,
            "cka": side.cka.as_ref().ok(),
            "cka_left_out": side.cka.as_ref().err(),
        });
        return print(&format!("{value}\n"));
    }
    if args.common.quiet {
        return Ok(());
    }
    print(&summary::of_several(&side, written.as_ref()))
}

/// Measures and reduces what was found, and says what made it.
fn explored(
    args: &ExploreArgs,
    found: Found,
    progress: &mut Progress,
) -> Result<(Exploration, Manifest)> {
    let mut settings = Settings {
        metric: args.metric.into(),
        reducer: args.reducer.into(),
        align: args.align.into(),
        seed: args.seed,
        activations: Vec::new(),
    };
    if args.rows.layers.is_some() {
        settings.activations = found.states.layers.clone();
    }
    let mut manifest = Manifest::new(&found.states, None, &settings);
    manifest.options = options(args, &found);
    manifest.files = found.files;
    manifest.command_line = std::env::args().collect();
    manifest.threads = rayon::current_num_threads();
    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    let known = Known {
        baseline: found.baseline.as_ref(),
        profile: found.profile.as_ref(),
        plane: found.plane.as_ref(),
        neutral: found.neutral.as_ref(),
        attention: found.attention.as_ref(),
    };
    Ok((explore(found.states, &settings, known, &mut step)?, manifest))
}

/// States and what is known of where they come from.
struct Found {
    states: Activations,
    baseline: Option<Baseline>,
    profile: Option<Profile>,
    plane: Option<Plane>,
    neutral: Option<Neutral>,
    attention: Option<Attention>,
    files: Vec<ModelFile>,
}

/// The largest that all patterns together may be, in bytes.
const MOST_PATTERNS: usize = 1 << 30;

/// The states of texts, and what the heads do in them where that is asked for.
fn states(
    args: &ExploreArgs,
    explorer: &Explorer,
    texts: Vec<Text>,
    rows: &RowArgs,
    progress: &mut Progress,
) -> Result<(Activations, Option<Attention>)> {
    let prepared = prepare(explorer.model(), texts, args.input.long.into())?;
    if !args.attention {
        let none = HookSelection::default();
        return Ok((extract::states(explorer, prepared, rows, false, &none, progress)?, None));
    }
    let architecture = explorer.model().transformer.architecture();
    let pairs: usize = prepared.sequences().iter().map(|s| s.token_ids.len().pow(2)).sum();
    let bytes = pairs.saturating_mul(4 * architecture.n_heads * architecture.n_layers);
    if bytes > MOST_PATTERNS {
        return Err(Failure::input(format!(
            "--attention of these texts would keep {:.1} GiB of patterns, more than 1; give shorter or fewer texts",
            bytes as f64 / MOST_PATTERNS as f64
        )));
    }
    // Patterns are of tokens, all of them.
    let tokens = RowArgs { words: false, no_special_tokens: false, ..rows.clone() };
    let states =
        extract::states(explorer, prepared, &tokens, false, &Attention::hooks(), progress)?;
    let attention = explorer.attention(&states)?;
    let states = extract::kept(explorer, states, rows, false, progress)?;
    Ok((states, Some(attention)))
}

/// What is known of the model that states come from.
fn known(
    args: &ExploreArgs,
    model: &ModelArgs,
    explorer: &Explorer,
    (states, attention): (Activations, Option<Attention>),
    progress: &mut Progress,
) -> Result<Found> {
    let compute_with = Some(explorer).filter(|_| args.baseline);
    let baseline = baseline::find(model, &states.origin, compute_with, progress)?;
    let profile = profile::find(
        model,
        &states.origin,
        &NamedStimuli::homographs()?.for_model(&states.origin)?,
    )?;
    let plane = plane::find(model, &states.origin)?;
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
    Ok(Found { states, baseline, profile, plane, neutral, attention, files })
}

fn from_file(
    args: &ExploreArgs,
    model: &ModelArgs,
    path: &Path,
    progress: &mut Progress,
) -> Result<Found> {
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
    let baseline = baseline::find(model, &states.origin, None, progress)?;
    let profile = profile::find(
        model,
        &states.origin,
        &NamedStimuli::homographs()?.for_model(&states.origin)?,
    )?;
    let plane = plane::find(model, &states.origin)?;
    let (neutral, attention, files) = (None, None, vec![file]);
    Ok(Found { states, baseline, profile, plane, neutral, attention, files })
}

fn keep_layers(states: &Activations, selection: &LayerSelection) -> Result<Activations> {
    let wanted = selection.resolve(states.origin.n_layers)?;
    if let Some(missing) = wanted.iter().find(|l| !states.layers.contains(l)) {
        return Err(Failure::input(format!("the states file does not hold layer {missing}")));
    }
    Ok(states.with_layers(&wanted))
}

/// What besides the settings determines the result.
fn options(args: &ExploreArgs, found: &Found) -> Value {
    let (baseline, profile, plane) = (&found.baseline, &found.profile, &found.plane);
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
        "attention": args.attention,
        "baseline_sentences": baseline.as_ref().map(|b| b.n),
        "profile_stimuli": profile.as_ref().map(|p| &p.stimuli.sha256),
        "plane_stimuli": plane.as_ref().map(|p| &p.stimuli.sha256),
    })
}

/// `stratoscope-out/<models>--<first words>--<hashes>`.
fn default_folder(names: &[String], exploration: &Exploration, hashes: &[String]) -> PathBuf {
    let text = exploration.states.texts.first().map_or("", |t| t.text.as_str());
    let words: Vec<String> = text.split_whitespace().map(slug).filter(|w| !w.is_empty()).collect();
    let mut name = names.iter().map(|name| slug(name)).collect::<Vec<_>>().join("--");
    let words: String = words.join("-").chars().take(40).collect();
    if !words.is_empty() {
        name = format!("{name}--{}", words.trim_end_matches('-'));
    }
    PathBuf::from("stratoscope-out").join(format!("{name}--{}", hashes.join("")))
}

/// The exploration as one JSON object.
fn as_json(exploration: &Exploration, manifest: &Manifest) -> Result<Value> {
    Ok(exploration.data(manifest)?.json().map_err(stratoscope::Error::from)?)
}
