//! `stratoscope explore`: pictures and numbers of sentences, by depth.

use crate::args::{ExploreArgs, ModelArgs};
use crate::outcome::{Failure, Result, print};
use crate::output::Output;
use crate::progress::Progress;
use crate::reading::{Found, Reading, as_json};
use crate::{input, model, summary};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use stratoscope::extractor::read_states;
use stratoscope::{
    Activations, Exploration, LayerSelection, Manifest, ModelFile, Pooling, SideBySide, Text, Unit,
    keep_shared_words, slug, write_folder, write_side_by_side,
};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    let models = model::each(&args.models)?;
    if models.len() > 1 {
        return several(args, &models, &output, progress);
    }
    let found = match (&args.from, &models[..]) {
        (Some(path), [model, ..]) => from_file(args, model, path, &mut progress)?,
        (None, [model, ..]) => {
            let texts = input::texts(&args.input, &progress)?;
            let explorer = model::open(model, &mut progress)?;
            let reading = Reading::of(args);
            let states = reading.states(&explorer, texts, &args.look.rows, &mut progress)?;
            reading.known(model, &explorer, states, &mut progress)?
        }
        _ => return Err(Failure::usage("no model is named")),
    };
    let (exploration, manifest) = Reading::of(args).explored(found, &mut progress)?;

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
    let reading = Reading::of(args);
    let mut rows = args.look.rows.clone();
    rows.words = true;
    let mut explorers = Vec::new();
    let mut of_all = Vec::new();
    let mut attention = Vec::new();
    for model in models {
        let explorer = model::open(model, &mut progress)?;
        let states = reading.states(&explorer, texts.clone(), &rows, &mut progress)?;
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
        let found = reading.known(model, explorer, (states, attention), &mut progress)?;
        let (exploration, manifest) = reading.explored(found, &mut progress)?;
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

fn from_file(
    args: &ExploreArgs,
    model: &ModelArgs,
    path: &Path,
    progress: &mut Progress,
) -> Result<Found> {
    let mut states = read_states(path)?;
    if let Some(selection) = &args.look.rows.layers {
        states = keep_layers(&states, selection)?;
    }
    let unit = if args.look.rows.words { Unit::Word } else { Unit::Token };
    if unit != Unit::Token {
        states =
            states.pooled(unit, args.look.rows.pooling.map(Pooling::from).unwrap_or_default())?;
    }
    if args.look.rows.no_special_tokens {
        states = states.without_special()?;
    }
    let file = ModelFile::read(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    let mut found = Found::new(model, states, None, progress)?;
    found.files = vec![file];
    Ok(found)
}

fn keep_layers(states: &Activations, selection: &LayerSelection) -> Result<Activations> {
    let wanted = selection.resolve(states.origin.n_layers)?;
    if let Some(missing) = wanted.iter().find(|l| !states.layers.contains(l)) {
        return Err(Failure::input(format!("the states file does not hold layer {missing}")));
    }
    Ok(states.with_layers(&wanted))
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
