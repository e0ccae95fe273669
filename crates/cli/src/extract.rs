//! `stratoscope extract`: hidden states to a file.

use crate::args::{ExtractArgs, RowArgs};
use crate::outcome::{Failure, Result, hold_interrupts, print};
use crate::progress::Progress;
use crate::{input, model};
use serde_json::{Value, json};
use std::path::Path;
use stratoscope::extractor::{
    Prepared, extract, parse_token_ids, prepare, prepare_ids, write_states,
};
use stratoscope::{Activations, Explorer, HookSelection, LayerSelection, Pooling, Unit};

pub(crate) fn run(args: &ExtractArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    if let Some(path) = &args.output {
        check_output(path, args.overwrite)?;
    }
    let explorer;
    let prepared = match &args.token_ids {
        Some(path) => {
            let place = path.display().to_string();
            let inputs = parse_token_ids(&input::read(path)?, &place)?;
            let ids = input::items(inputs, &place, &progress);
            explorer = model::open(&args.model, &mut progress)?;
            prepare_ids(explorer.model(), ids)?
        }
        None => {
            let texts = input::texts(&args.input, &progress)?;
            explorer = model::open(&args.model, &mut progress)?;
            prepare(explorer.model(), texts, args.input.long.into())?
        }
    };
    let states =
        states(&explorer, prepared, &args.rows, args.sentences, &args.hooks, &mut progress)?;
    if let Some(path) = &args.output {
        progress.at("writing", 0, 1);
        let _guard = hold_interrupts();
        write_states(path, &states)?;
    }
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", as_json(&states)));
    }
    if let (Some(path), false) = (&args.output, args.common.quiet) {
        let (layers, rows, d_model) = states.hidden_states.dim();
        let unit = match states.unit {
            Unit::Token => "tokens",
            Unit::Word => "words",
            Unit::Sentence => "sentences",
        };
        progress.note(&format!(
            "{}: hidden_states [{layers} layers, {rows} {unit}, {d_model}] of {} texts",
            path.display(),
            states.texts.len()
        ));
        for hook in &states.hooks {
            let (rows, width) = hook.values.dim();
            progress.note(&format!("  {} [{rows}, {width}]", hook.capture));
        }
    }
    Ok(())
}

/// Runs the model, and keeps the rows and layers that are asked for.
pub(crate) fn states(
    explorer: &Explorer,
    prepared: Prepared,
    args: &RowArgs,
    sentences: bool,
    hooks: &HookSelection,
    progress: &mut Progress,
) -> Result<Activations> {
    for warning in &prepared.warnings {
        progress.note(&format!("warning: {warning}"));
    }
    let layers = args.layers.clone().unwrap_or(LayerSelection::All);
    progress.at("reading the text", 0, 1);
    let states = extract(explorer.model(), prepared, &layers, hooks, &mut |p| {
        progress.at("reading the text", p.done as u64, p.total as u64);
    })?;
    let unit = match (sentences, args.words) {
        (true, _) => Unit::Sentence,
        (_, true) => Unit::Word,
        _ => Unit::Token,
    };
    let own = explorer.model().info.sentence_pooling.filter(|_| sentences);
    let pooling = args.pooling.map(Pooling::from).or(own).unwrap_or_default();
    let states = states.pooled(unit, pooling)?;
    Ok(if args.no_special_tokens { states.without_special()? } else { states })
}

pub(crate) fn check_output(path: &Path, overwrite: bool) -> Result<()> {
    if path.extension().is_none_or(|e| e != "safetensors") {
        let name = path.display();
        return Err(Failure::usage(format!(
            "states are written as safetensors: name {name} FILE.safetensors"
        )));
    }
    if path.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", path.display())));
    }
    if path.exists() && !overwrite {
        let name = path.display();
        return Err(Failure::usage(format!("{name} is there already; --overwrite replaces it")));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(Failure::usage(format!("there is no folder {}", parent.display())))
        }
        _ => Ok(()),
    }
}

/// The states as one JSON object.
fn as_json(states: &Activations) -> Value {
    json!({
        "model": states.origin.model,
        "revision": states.origin.revision,
        "unit": states.unit,
        "rows": states.rows.iter().map(|row| json!({
            "text": row.label,
            "sequence": row.sequence,
            "token_id": row.token_id,
            "char_offsets": row.char_offsets,
            "word_id": row.word_id,
            "special": row.special,
        })).collect::<Value>(),
        "layers": states.layers.iter().enumerate().map(|(index, layer)| json!({
            "layer": layer,
            "hidden_states": states.layer(index).rows().into_iter()
                .map(|row| row.to_vec()).collect::<Vec<_>>(),
        })).collect::<Value>(),
        "hooks": states.hooks.iter().map(|hook| (
            hook.capture.to_string(),
            hook.values.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>().into(),
        )).collect::<serde_json::Map<_, Value>>(),
    })
}
