//! `stratoscope info`, `models` and `fetch`: what a model is, which models are on this machine, and
//! the download of a model.

use crate::args::{CacheArgs, ModelJobArgs, ModelsArgs};
use crate::exit::{Result, print_json, print_text};
use crate::model;
use crate::progress::Progress;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use stratoscope::crates::loader::family_of;
use stratoscope::crates::loader::hub::{CachedModel, cached_models};
use stratoscope::crates::loader::{FileRecord, path_text};
use stratoscope::crates::transformer::{
    Architecture, FramePositions, GridPositions, Layout, Norm, Relative, Source,
};
use stratoscope::{Explorer, Forecast, Reads, Source as ModelSource};

/// Shows what a model is.
pub(crate) fn info(args: &ModelJobArgs) -> Result<()> {
    let progress = Progress::new(&args.common);
    let explorer = model::open_named(&args.name, &args.hub, args.memory.memory, true, &progress)?;
    let forecast = explorer.forecast()?;
    let files = explorer.model().info.files.all()?;
    progress.finish();
    if args.common.json {
        let mut about = about(&explorer, files);
        about["forecast"] = json!({
            "resident": forecast.resident,
            "bytes": forecast.memory,
            "seconds": forecast.time.as_secs_f64(),
            "budget_bytes": explorer.model().memory.budget,
        });
        return print_json("info", about);
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_info(&mut text, &explorer, files, &forecast, args.common.verbose);
    print_text(&text)
}

/// The memory and the time that a model needs, in words.
pub(crate) fn needs(forecast: &Forecast) -> String {
    let memory = forecast.memory.map_or("unknown memory".to_owned(), size);
    let how = match forecast.resident {
        true => "all weights in memory",
        false => "each block read when it runs",
    };
    let seconds = forecast.time.as_secs_f64();
    format!("{memory} and {seconds:.1} s until the first states ({how})")
}

/// A model as one JSON object.
fn about(explorer: &Explorer, files: &[FileRecord]) -> Value {
    let (info, a) = (&explorer.model().info, explorer.model().transformer.architecture());
    let tokenizer = explorer.model().tokenizer.as_ref();
    json!({
        "model": info.id,
        "revision": info.revision,
        "family": info.family,
        "reads": info.reads.to_string(),
        "images": explorer.model().images.as_ref().map(ToString::to_string),
        "sounds": explorer.model().sounds.as_ref().map(ToString::to_string),
        "d_vocab": a.d_vocab,
        "d_model": a.d_model,
        "d_embed": a.d_embed(), "n_kv_heads": a.n_kv_heads,
        "n_layers": a.n_layers,
        "n_weight_sets": a.n_weight_sets,
        "n_heads": a.n_heads,
        "d_head": a.d_head,
        "d_mlp": a.d_mlp,
        "mixture": a.mixture.as_ref().map(|mixture| json!({
            "n_experts": mixture.n_experts,
            "n_chosen": mixture.n_chosen,
            "d_expert": mixture.d_expert,
            "d_shared": mixture.shared.map(|shared| shared.d_mlp),
            "blocks": (0..a.n_layers).filter(|&i| a.mixture_of(i).is_some()).collect::<Vec<_>>(),
        })),
        "norm": format!("{:?}", a.norm),
        "layout": layout(a),
        "causal": a.is_causal(),
        "head": a.head.is_some(),
        "parameters": a.parameters(),
        "active_parameters": a.active_parameters(),
        "weights_bytes": weights_bytes(a),
        "max_tokens": a.max_tokens(),
        "sentence_max_tokens": info.sentence_max_tokens,
        "sentence_pooling": info.sentence_pooler.as_ref().ok().and_then(|p| Some(p.as_ref()?.name())),
        "sentence_pooling_error": info.sentence_pooler.as_ref().err().map(|e| e.to_string()),
        "sentence_before": info.sentence_before.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tokenizer": tokenizer.map(|t| json!({
            "kind": t.kind(),
            "size": t.size(),
            "special_tokens": t.special_tokens(false),
            "beyond_embedding": t.tokens_beyond(a.d_vocab),
        })),
        "hook_points": a.hook_points().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unused_tensors": info.unused_tensors,
        "notes": info.notes.iter().chain(&info.sentence_notes).map(ToString::to_string).collect::<Vec<_>>(),
        "files": files.iter().map(|f| json!({
            "name": f.name, "bytes": f.bytes, "sha256": f.sha256,
        })).collect::<Vec<_>>(),
    })
}

/// The parts of a model in words, one line per part.
fn layout(a: &Architecture) -> Vec<String> {
    let blocks = match a.layout {
        Layout::PostNorm => "post-norm blocks",
        Layout::PreNorm { .. } => "pre-norm blocks",
        Layout::Sandwich => "blocks with norms before and after each sublayer",
        Layout::OutputNorm => "blocks with norms on the output of each sublayer",
        Layout::Parallel { .. } => "blocks with attention and MLP in parallel",
    };
    let norm = match a.norm {
        Norm::Layer { .. } => "layer norm",
        Norm::Rms { .. } => "RMS norm",
    };
    let last = if a.final_norm { ", with a final norm after the last block" } else { "" };
    let gated = if a.mlp.gated { "gated MLP" } else { "MLP" };
    let direction = if a.is_causal() { "causal" } else { "bidirectional" };
    let mut attention = format!("{direction} attention");
    let windows = a.attention.layers.iter().filter(|l| l.span.before.is_some());
    if let Some(window) = windows.clone().find_map(|l| l.span.before) {
        let sides = if a.is_causal() { "before" } else { "on each side" };
        let count = windows.count();
        attention +=
            &format!(", limited to {window} tokens {sides} in {count} of {} blocks", a.n_layers);
    }
    let mut positions: Vec<String> = Vec::new();
    match &a.embedding.source {
        Source::Patches(patches) => {
            if let Some(GridPositions { grid: [rows, columns], .. }) = patches.positions {
                positions.push(format!("a learned grid of {rows} x {columns} patches"));
            }
        }
        Source::Frames(frames) => positions.push(match frames.positions {
            FramePositions::Table { rows } => format!("a table of {rows} frames"),
            FramePositions::Convolution { kernel, .. } => {
                format!("a convolution over {kernel} frames")
            }
        }),
        Source::Tokens => {}
    }
    if let Some(table) = a.embedding.positions {
        positions.push(format!("a learned table of {} rows", table.rows));
    }
    if let Some(rotary) = a.attention.layers.iter().find_map(|l| l.rotary.as_ref()) {
        positions.push(format!("rotary, {} of {} dimensions per head", rotary.width, a.d_head));
    }
    match a.attention.relative {
        Some(Relative::Bias(bias)) => {
            positions.push(format!("relative bias, {} buckets", bias.buckets));
        }
        Some(Relative::Disentangled(table)) => {
            positions.push(format!(
                "disentangled attention, {} vectors of relative positions",
                2 * table.span
            ));
        }
        Some(Relative::Alibi(_)) => {
            positions.push("a bias that falls with the distance (ALiBi)".to_owned());
        }
        None => {}
    }
    let head = match a.head {
        None => "no language-model head",
        Some(head) if head.tied => "language-model head, tied to the embedding",
        Some(_) => "language-model head, not tied to the embedding",
    };
    vec![
        format!("{blocks}, {norm}{last}"),
        attention,
        format!("{gated}, {:?}{}", a.mlp.activation, experts(a)),
        format!("positions: {}", positions.join(" and ")),
        head.to_owned(),
    ]
}

/// The mixture of experts in words; empty if there is none.
fn experts(a: &Architecture) -> String {
    let Some(mixture) = &a.mixture else { return String::new() };
    let count = (0..a.n_layers).filter(|&i| a.mixture_of(i).is_some()).count();
    let shared = if mixture.shared.is_some() { " and a shared one" } else { "" };
    let (chosen, of, width) = (mixture.n_chosen, mixture.n_experts, mixture.d_expert);
    format!(
        "; {chosen} of {of} experts of width {width}{shared} per token in {count} of {} blocks",
        a.n_layers
    )
}

/// The size of the weights in memory, as f32.
fn weights_bytes(architecture: &Architecture) -> u64 {
    4 * architecture.parameters() as u64
}

fn write_info(
    text: &mut String,
    explorer: &Explorer,
    files: &[FileRecord],
    forecast: &Forecast,
    verbose: bool,
) -> std::fmt::Result {
    let (info, a) = (&explorer.model().info, explorer.model().transformer.architecture());
    let mut line = |name: &str, value: String| writeln!(text, "{name:<13}{value}");
    line("model", info.id.clone())?;
    if let Some(revision) = &info.revision {
        line("revision", revision.clone())?;
    }
    line("family", info.family.to_owned())?;
    line(
        "reads",
        match (&explorer.model().images, &explorer.model().sounds, &info.sounds_error) {
            (Some(processor), ..) => format!("{}: {processor}", info.reads),
            (_, Some(processor), _) => format!("{}: {processor}", info.reads),
            (.., Some(error)) => format!("{}: {error}", info.reads),
            _ => info.reads.to_string(),
        },
    )?;
    line(
        "sizes",
        format!(
            "n_layers {}, d_model {}, n_heads {}, d_head {}, d_mlp {}{}",
            a.n_layers,
            a.d_model,
            a.n_heads,
            a.d_head,
            a.d_mlp,
            // A model without tokens has no vocabulary.
            if a.d_vocab > 0 { format!(", d_vocab {}", a.d_vocab) } else { String::new() }
        ),
    )?;
    if let Some(projection) = a.embedding.projection {
        let width = projection.width;
        line("", format!("embedding of width {width}, projected to d_model"))?;
    }
    if a.n_kv_heads < a.n_heads {
        line("", format!("{} key-value heads", a.n_kv_heads))?;
    }
    if let Some(latent) = a.attention.latent {
        let (width, value) = (latent.d_key_value, latent.d_value);
        line(
            "",
            format!("keys and values from a vector of width {width}; heads of values {value}"),
        )?;
    }
    if a.n_weight_sets < a.n_layers {
        line("", format!("{} set(s) of weights, shared by all blocks", a.n_weight_sets))?;
    }
    for (index, part) in layout(a).into_iter().enumerate() {
        line(if index == 0 { "layout" } else { "" }, part)?;
    }
    let parameters = a.parameters() as f64 / 1e6;
    let active = match a.mixture {
        Some(_) => {
            format!(", {:.1} million of them for a token", a.active_parameters() as f64 / 1e6)
        }
        None => String::new(),
    };
    let bytes = size(weights_bytes(a));
    line("parameters", format!("{parameters:.1} million{active}; {bytes} as f32"))?;
    line("needs", needs(forecast))?;
    if info.reads == Reads::Text {
        write_text_parts(&mut line, explorer)?;
    }
    let points: Vec<String> = a.hook_points().iter().map(ToString::to_string).collect();
    let last = format!("blocks.{}.", a.n_layers - 1);
    let shown: Vec<String> = (points.iter())
        .filter(|p| !p.starts_with("blocks.") || p.starts_with(&last))
        .map(|p| p.replacen(&last, "blocks.{i}.", 1))
        .collect();
    line("hook points", shown.join(", "))?;
    let unused = &info.unused_tensors;
    line(
        "unused",
        match unused.len() {
            0 => "no tensor of the checkpoint".to_owned(),
            n if verbose || n <= 4 => unused.join(", "),
            n => format!("{}, … ({n} tensors; -v lists them)", unused[..3].join(", ")),
        },
    )?;
    for (index, note) in info.notes.iter().chain(&info.sentence_notes).enumerate() {
        line(if index == 0 { "notes" } else { "" }, note.to_string())?;
    }
    for (index, file) in files.iter().enumerate() {
        let name = if index == 0 { "files" } else { "" };
        line(name, format!("{:>9}  {}  {}", size(file.bytes), &file.sha256[..12], file.name))?;
    }
    Ok(())
}

/// The parts of a model that are about texts: their length, the tokenizer, vectors of sentences.
fn write_text_parts(
    line: &mut dyn FnMut(&str, String) -> std::fmt::Result,
    explorer: &Explorer,
) -> std::fmt::Result {
    let (info, a) = (&explorer.model().info, explorer.model().transformer.architecture());
    line(
        "tokens",
        match a.max_tokens() {
            Some(tokens) => format!("at most {tokens} per text, special tokens included"),
            None => "any number per text".to_owned(),
        },
    )?;
    line(
        "tokenizer",
        match &explorer.model().tokenizer {
            Some(t) => format!(
                "{}, {} tokens, {} special tokens around a text",
                t.kind(),
                t.size(),
                t.special_tokens(false)
            ),
            None => format!(
                "none: the model reads only token ids ({})",
                explorer.model().without_tokenizer.as_deref().unwrap_or_default()
            ),
        },
    )?;
    let tokenizer = explorer.model().tokenizer.as_ref();
    match tokenizer.map_or(0, |t| t.tokens_beyond(a.d_vocab)) {
        0 => {}
        n => {
            line("", format!("texts with {n} of the tokens are refused: the embedding has no row"))?
        }
    }
    match &info.sentence_pooler {
        Ok(pooler) => {
            let name = info.sentence_pooler().map(|pooler| pooler.name()).unwrap_or_default();
            let most = match info.sentence_max_tokens {
                Some(tokens) if Some(tokens) != a.max_tokens() => {
                    format!(", over at most {tokens} tokens")
                }
                _ => String::new(),
            };
            let why = if pooler.is_none() { ", as no file says how" } else { "" };
            line("pooling", format!("{name}{most} (for sentence vectors{why})"))?;
        }
        Err(error) => line("pooling", format!("not supported ({error})"))?,
    }
    for before in &info.sentence_before {
        line("", format!("sentence-transformers {before}; here a text is read as it is"))?;
    }
    Ok(())
}

/// Lists the models on this machine.
pub(crate) fn list(args: &ModelsArgs) -> Result<()> {
    let folder = model::cache_dir(&args.cache);
    let cached = match &folder {
        Ok((folder, _)) => {
            cached_models(folder).map_err(stratoscope::crates::loader::Error::from)?
        }
        Err(_) => Vec::new(),
    };
    let known: Vec<(CachedModel, String)> = (cached.into_iter())
        .map(|cached| {
            let family = family(config(&cached).as_deref());
            (cached, family)
        })
        .collect();
    if args.common.json {
        let models: Vec<Value> = (known.iter())
            .map(|(cached, family)| {
                json!({
                    "model": cached.repo,
                    "bytes": cached.bytes,
                    "commits": cached.snapshots.iter().map(|s| commit(s)).collect::<Vec<_>>(),
                    "family": family,
                })
            })
            .collect();
        let bundled = cfg!(feature = "bundled");
        let folder = folder.ok().map(|(folder, _)| path_text(&folder));
        let all = json!({ "bundled": bundled, "cache": folder, "models": models });
        return print_json("models", all);
    }
    let mut text = String::new();
    if let Some((bytes, family)) = bundled() {
        let _ = writeln!(text, "{:>9}  bundled  ({family}, all-MiniLM-L6-v2)", size(bytes));
    }
    for (cached, family) in &known {
        let _ = writeln!(text, "{:>9}  {}  ({family})", size(cached.bytes), cached.repo);
    }
    match folder {
        Ok((folder, _)) if known.is_empty() => {
            let _ = writeln!(text, "none in the cache, {}", path_text(&folder));
        }
        Ok(_) => {}
        Err(error) => {
            let _ = writeln!(text, "no cache: {error}");
        }
    }
    print_text(&text)
}

/// The names of the models in the cache whose family is supported; none if there is no cache, or if it
/// cannot be read.
pub(crate) fn usable(args: &CacheArgs) -> Vec<String> {
    let ours = |cached: &CachedModel| config(cached).is_some_and(|c| family_of(&c).is_ok());
    let cached = model::cache_dir(args).and_then(|(folder, _)| cached_models(&folder));
    cached.unwrap_or_default().into_iter().filter(ours).map(|cached| cached.repo).collect()
}

/// The size in bytes and the family of the bundled model.
fn bundled() -> Option<(u64, String)> {
    let files = match stratoscope::bundled_source() {
        Ok(ModelSource::Memory { files, .. }) => files,
        _ => return None,
    };
    let config = files.iter().find(|(name, _)| name == "config.json");
    let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    Some((bytes, family(config.map(|(_, bytes)| &**bytes))))
}

/// The config of a cached model, from one of its commits.
fn config(cached: &CachedModel) -> Option<Vec<u8>> {
    let configs = cached.snapshots.iter().map(|s| s.join("config.json"));
    // A pipe would be waited for.
    let mut configs = configs.filter(|config| config.is_file()).map(std::fs::read);
    configs.find_map(std::result::Result::ok)
}

/// The family of a config, or the reason why there is none.
fn family(config: Option<&[u8]>) -> String {
    match config {
        None => "no config.json".to_owned(),
        Some(config) => family_of(config).map_or("not supported".to_owned(), str::to_owned),
    }
}

fn commit(snapshot: &Path) -> String {
    snapshot.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Downloads a model into the cache.
pub(crate) fn fetch(args: &ModelJobArgs) -> Result<()> {
    let progress = Progress::new(&args.common);
    let explorer = model::open_named(&args.name, &args.hub, args.memory.memory, false, &progress)?;
    progress.finish();
    let info = &explorer.model().info;
    let files = info.files.all()?;
    let bytes: u64 = files.iter().map(|f| f.bytes).sum();
    if args.common.json {
        return print_json("info", about(&explorer, files));
    }
    if args.common.quiet {
        return Ok(());
    }
    let revision = info.revision.as_ref().map_or(String::new(), |r| format!(" at commit {r}"));
    let files = files.len();
    let (size, family) = (size(bytes), info.family);
    print_text(&format!("{}{revision}: {files} files, {size}, {family}; it loads\n", info.id))
}

/// A number of bytes with a unit.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match units.into_iter().find(|(_, unit)| bytes as f64 >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        assert_eq!([12, 1_500, 90_900_000].map(super::size), ["12 B", "1.5 kB", "90.9 MB"]);
    }
}
