//! `stratoscope extract`: writes hidden states to a file, or those of a corpus to a folder.

use crate::args::{ExtractArgs, FormatName, RowArgs};
use crate::exit::{Failure, Result, print_json, resumable};
use crate::progress::Progress;
use crate::run::check_folder;
use crate::{input, model};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use stratoscope::crates::extractor::{
    Corpus, CorpusSettings, CorpusStep, Format, LengthLimit, PROJECTOR_FILES, Prepared, Start,
    extract_corpus, image_files, parse_token_ids, prepare, prepare_ids, sound_files,
    write_projector, write_states_as,
};
use stratoscope::crates::loader::path_text;
use stratoscope::{
    Activations, Explorer, HookSelection, Image, LayerSelection, Pooler, Reads, Sound, Unit,
};

pub(crate) fn run(args: &ExtractArgs) -> Result<()> {
    let progress = Progress::new(&args.common);
    let for_projector = args.format == Some(FormatName::Projector);
    let format = match &args.output {
        Some(path) if for_projector => {
            check_projector(args, path)?;
            Format::default()
        }
        Some(path) => match Format::of(path) {
            Some(format) => check_file(args, path, format).map(|()| format)?,
            None => return folder(args, path, &progress),
        },
        None => Format::default(),
    };
    let explorer;
    let prepared = match &args.token_ids {
        Some(path) => {
            let place = path_text(path);
            let inputs = parse_token_ids(&input::read(path)?, &place)?;
            let ids = input::items(inputs, &place, &progress);
            explorer = model::open(&args.model, &progress)?;
            prepare_ids(explorer.model(), ids)?
        }
        None => {
            let (corpus, reads) = corpus(args, &progress)?;
            let inputs = input::read_inputs(&corpus, args.sample, args.seed, &progress)?;
            explorer = model::open_for(&args.model, reads, &progress)?;
            prepare(explorer.model(), inputs, limit(&explorer, args))?
        }
    };
    // Fail early.
    format.check(&args.hooks.resolve(explorer.model().transformer.architecture())?)?;
    let states = states(&explorer, prepared, args, &progress)?;
    if let Some(path) = &args.output {
        progress.part("writing");
        match for_projector {
            true => write_projector(path, &states)?,
            false => write_states_as(path, &states, format, args.half)?,
        }
    }
    progress.finish();
    if args.common.json {
        return print_json("extract", as_json(&states, &progress.take_warnings()));
    }
    if let (Some(path), false) = (&args.output, args.common.quiet) {
        let (layers, rows, d_model) = states.hidden_states.dim();
        progress.note(&format!(
            "{}: hidden_states [{layers} layers, {rows} {}, {d_model}] of {} {}",
            path_text(path),
            plural(states.unit, args),
            states.texts.len(),
            inputs(states.texts.len(), args),
        ));
        for hook in &states.hooks {
            let (rows, width) = hook.values.dim();
            progress.note(&format!("  {} [{rows}, {width}]", hook.capture));
        }
    }
    Ok(())
}

fn plural(unit: Unit, args: &ExtractArgs) -> &'static str {
    match unit {
        Unit::Token => "tokens",
        Unit::Word => "words",
        Unit::Sentence if args.images.is_some() => "images",
        Unit::Sentence if args.audio.is_some() => "sounds",
        Unit::Sentence => "sentences",
    }
}

/// What is read, for a number of them.
fn inputs(n: usize, args: &ExtractArgs) -> &'static str {
    match (args.images.is_some(), args.audio.is_some(), n) {
        (true, _, 1) => "image",
        (true, ..) => "images",
        (_, true, 1) => "sound",
        (_, true, _) => "sounds",
        (.., 1) => "text",
        _ => "texts",
    }
}

/// The corpus that the arguments name, and what the model shall read.
fn corpus(args: &ExtractArgs, progress: &Progress) -> Result<(Corpus, Reads)> {
    if let Some(folder) = &args.audio {
        let files = match folder.is_dir() {
            true => sound_files(folder)?,
            false => vec![folder.clone()],
        };
        // Fail early.
        if let Some(first) = files.first() {
            Sound::read(first)?.waveform()?;
        }
        return Ok((Corpus::Sounds { folder: folder.clone(), files }, Reads::Sound));
    }
    let Some(folder) = &args.images else {
        return Ok((input::corpus(&args.input, progress)?, Reads::Text));
    };
    let files = match folder.is_dir() {
        true => image_files(folder)?,
        false => vec![folder.clone()],
    };
    // Fail early.
    if let Some(first) = files.first() {
        Image::read(first)?.picture()?;
    }
    Ok((Corpus::Images { folder: folder.clone(), files }, Reads::Image))
}

/// Refuses a single file that cannot be written, or options that only a folder has.
fn check_file(args: &ExtractArgs, path: &Path, format: Format) -> Result<()> {
    if args.resume {
        return Err(Failure::usage(
            "--resume needs a folder (--output DIR); a single file is written only at the end",
        ));
    }
    if args.format.is_some_and(|other| other.of_states() != Some(format)) {
        let name = path_text(path);
        return Err(Failure::usage(format!("{name} does not have the format that --format names")));
    }
    check_place(path, args.overwrite)
}

/// Refuses a folder for the Embedding Projector that cannot be written, or options that it does not
/// have.
fn check_projector(args: &ExtractArgs, path: &Path) -> Result<()> {
    let refused = [
        (args.resume, "--resume"),
        (args.half, "--half"),
        (args.hooks != HookSelection::default(), "--hooks"),
    ];
    if let Some((_, name)) = refused.iter().find(|(given, _)| *given) {
        return Err(Failure::usage(format!("{name} cannot be used with --format projector")));
    }
    check_folder_name(path, "the Embedding Projector reads a folder; give")?;
    check_folder(path, "the Embedding Projector reads a folder")?;
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(()) };
    let mut names = entries.flatten().map(|entry| entry.file_name()).peekable();
    let name = path_text(path);
    if names.peek().is_some() && !args.overwrite {
        return Err(Failure::usage(format!("{name} is not empty; --overwrite replaces it")));
    }
    match names.find(|name| !PROJECTOR_FILES.iter().any(|own| name == own)) {
        None => Ok(()),
        Some(file) => Err(Failure::usage(format!(
            "{name} contains {}, which is not the output of an earlier run; give another folder",
            path_text(Path::new(&file))
        ))),
    }
}

/// Refuses a name with an extension for a folder that does not exist yet. (A number after a dot, as
/// of a version, is no extension.)
fn check_folder_name(path: &Path, advice: &str) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    if path.is_dir() || !extension.starts_with(|first: char| first.is_alphabetic()) {
        return Ok(());
    }
    Err(Failure::usage(format!("{}: {advice} a name without an extension", path_text(path))))
}

/// Writes the states of a corpus to a folder.
fn folder(args: &ExtractArgs, path: &Path, progress: &Progress) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if Format::of(Path::new(&format!("x{name}"))).is_some() {
        return Err(Failure::usage(format!(
            "{name} is only a file extension; give a complete name, such as x{name}"
        )));
    }
    if args.common.json {
        return Err(Failure::usage(
            "--json prints all states, so it cannot be used with a folder of shards (see its index.json)",
        ));
    }
    if args.token_ids.is_some() {
        return Err(Failure::usage(
            "states of token ids can be written only to a single file (--output FILE.safetensors)",
        ));
    }
    let advice = "states are written to FILE.safetensors, FILE.npz, FILE.parquet or a folder";
    check_folder_name(path, &format!("{advice} with"))?;
    check_folder(path, advice)?;
    let (corpus, reads) = corpus(args, progress)?;
    if let (Corpus::Texts { .. }, Some(file)) = (&corpus, &args.input.file)
        && file.as_os_str() != "-"
    {
        return Err(Failure::usage(format!(
            "{} is not a regular file; a corpus is read twice, so save it to a file first",
            path_text(file)
        )));
    }
    if args.resume && matches!(corpus, Corpus::Texts { .. }) {
        return Err(Failure::usage(
            "--resume reads the texts again, so they must be in a file (--file FILE, not standard input)",
        ));
    }
    let explorer = model::open_for(&args.model, reads, progress)?;
    let (unit, pooler) = rows(&explorer, &args.rows, args.sentences, progress)?;
    let settings = CorpusSettings {
        layers: args.rows.layers.clone().unwrap_or(LayerSelection::All),
        hooks: args.hooks.clone(),
        unit,
        pooler,
        no_special_tokens: args.rows.no_special_tokens,
        limit: limit(&explorer, args),
        sample: args.sample.map(|n| n as usize),
        seed: args.seed,
        format: args.format.and_then(FormatName::of_states).unwrap_or_default(),
        half: args.half,
        shard_bytes: u64::from(args.shard_mib) << 20,
    };
    let start = match (args.resume, args.overwrite) {
        (true, _) => Start::Resume,
        (_, true) => Start::Overwrite,
        _ => Start::New,
    };
    let (mut began, mut kept, mut computed) = (Instant::now(), None, 0);
    resumable(matches!(
        corpus,
        Corpus::File { .. } | Corpus::Images { .. } | Corpus::Sounds { .. }
    ));
    progress.part("reading the input");
    let done = extract_corpus(explorer.model(), &corpus, &settings, path, start, &mut |step| {
        match step {
            CorpusStep::Counting { tokens, .. } => progress.counted("counting", tokens),
            CorpusStep::Checking => progress.part("checking the shards"),
            CorpusStep::Counted(plan) => {
                note_plan(plan, progress);
                began = Instant::now();
            }
            CorpusStep::Computing { done, total } => {
                // The first number counts the tokens of earlier runs.
                computed = done - *kept.get_or_insert(done);
                progress.tokens("computing", done as u64, total as u64);
            }
            _ => {}
        }
    })?;
    resumable(false);
    progress.finish();
    let seconds = began.elapsed().as_secs_f64();
    progress.note(&match done {
        None => format!("{}: already complete", path_text(path)),
        Some(plan) => format!(
            "{}: {} {} of {} {} in {} {}; {seconds:.1} s, {:.0} tokens/s",
            path_text(path),
            plan.rows,
            plural(unit, args),
            plan.texts,
            inputs(plan.texts, args),
            plan.shards,
            if plan.shards == 1 { "shard" } else { "shards" },
            computed as f64 / seconds.max(1e-9),
        ),
    });
    Ok(())
}

/// Notes about the corpus, before anything is computed.
fn note_plan(plan: &stratoscope::crates::extractor::Plan, progress: &Progress) {
    if let Some(header) = &plan.header {
        input::note_header("the file", header, progress);
    }
    if plan.blank_lines > 0 {
        progress.note(&format!("{} blank lines or empty texts skipped", plan.blank_lines));
    }
    for warning in &plan.warnings {
        progress.text_warning(&warning.to_string());
    }
    if plan.more_warnings > 0 {
        progress.text_warning(&format!("the same holds for {} more texts", plan.more_warnings));
    }
    if let Some(warning) = &plan.unknown {
        progress.text_warning(&warning.to_string());
    }
    note_words(plan.words_without_rows, progress);
    if plan.kept > 0 {
        progress.note(&format!("{} of {} shards exist already", plan.kept, plan.shards));
    }
}

/// A warning that some words have no row.
fn note_words(words: usize, progress: &Progress) {
    if words > 0 {
        let words = if words == 1 { "1 word has" } else { &format!("{words} words have") };
        progress.text_warning(&format!("{words} no row, because no token stands for them"));
    }
}

/// Which texts are too long. Without a pooling of the user, a vector of a sentence is that of
/// sentence-transformers, which may read fewer tokens than the model can.
fn limit(explorer: &Explorer, args: &ExtractArgs) -> LengthLimit {
    let as_there = args.sentences && args.rows.pooling.is_none();
    let max_tokens = explorer.model().info.sentence_max_tokens.filter(|_| as_there);
    LengthLimit { long: args.input.long.into(), max_tokens }
}

/// The unit of a row, and the pooling.
fn rows(
    explorer: &Explorer,
    args: &RowArgs,
    sentences: bool,
    progress: &Progress,
) -> Result<(Unit, Pooler)> {
    let unit = match (sentences, args.words) {
        (true, _) => Unit::Sentence,
        (_, true) => Unit::Word,
        _ => Unit::Token,
    };
    Ok((unit, model::pooler(explorer, args.pooling, sentences, progress)?))
}

/// Runs the model, and keeps the rows and layers that the arguments name.
fn states(
    explorer: &Explorer,
    prepared: Prepared,
    args: &ExtractArgs,
    progress: &Progress,
) -> Result<Activations> {
    let layers = args.rows.layers.clone().unwrap_or(LayerSelection::All);
    let (unit, pooler) = rows(explorer, &args.rows, args.sentences, progress)?;
    let states = explorer.states(prepared, &layers, &args.hooks)?;
    warn_of_experts(explorer, &states, progress);
    let states = if unit == Unit::Token { states } else { states.pooled(unit, pooler)? };
    note_words(states.words_without_rows(), progress);
    Ok(if args.rows.no_special_tokens { states.without_special()? } else { states })
}

/// Warns of the tokens whose choice of experts is within rounding, if router logits were captured.
fn warn_of_experts(explorer: &Explorer, states: &Activations, progress: &Progress) {
    let routing = states.routing(&explorer.model().transformer);
    match states.uncertain_tokens(&routing) {
        0 => {}
        n => {
            let tokens = if n == 1 { "token" } else { "tokens" };
            progress.text_warning(&format!(
                "the choice of {n} {tokens} is within rounding: another machine or program may \
                 choose other experts"
            ));
        }
    }
}

/// Refuses a file that is not named FILE.safetensors, or that [`check_place`] refuses.
pub(crate) fn check_output(path: &Path, overwrite: bool) -> Result<()> {
    if path.extension().is_none_or(|e| e != "safetensors") {
        let name = path_text(path);
        return Err(Failure::usage(format!(
            "states are written as safetensors; the name {name} must end in .safetensors"
        )));
    }
    check_place(path, overwrite)
}

/// Refuses a path that is a folder, that exists (without `overwrite`), or whose folder does not
/// exist.
pub(crate) fn check_place(path: &Path, overwrite: bool) -> Result<()> {
    if let Ok(target) = std::fs::read_link(path) {
        return Err(Failure::usage(format!(
            "{} is a symbolic link; give the name of its target, {}",
            path_text(path),
            path_text(&target)
        )));
    }
    if path.is_dir() {
        return Err(Failure::usage(format!("{} is a folder, not a file", path_text(path))));
    }
    if path.exists() && !overwrite {
        let name = path_text(path);
        return Err(Failure::usage(format!("{name} exists already; --overwrite replaces it")));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(Failure::usage(format!("the folder {} does not exist", path_text(parent))))
        }
        _ => Ok(()),
    }
}

/// The states as one JSON object.
fn as_json(states: &Activations, warnings: &[String]) -> Value {
    let mut json = json!({
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
            "unknown": row.unknown,
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
    });
    if !warnings.is_empty() {
        json["warnings"] = json!(warnings);
    }
    json
}
