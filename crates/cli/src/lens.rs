//! `stratoscope lens`: what each layer would predict.

use crate::args::LensArgs;
use crate::outcome::{Failure, Result, print};
use crate::output::Output;
use crate::progress::Progress;
use crate::{input, model};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use stratoscope::extractor::parse_lines;
use stratoscope::{Lens, LensCell, LensSettings, ModelFile, Reading, slug, write_lens};

/// Tokens named in a row of the table.
const NAMED: usize = 3;

pub(crate) fn run(args: &LensArgs) -> Result<()> {
    let mut progress = Progress::new(&args.common);
    let output = Output::new(&args.output, &args.common)?;
    let text = text(args, &progress)?;
    let settings = LensSettings {
        top: args.top.into(),
        targets: args.target.clone(),
        perplexity: args.perplexity,
    };
    let explorer = model::open(&args.model, &mut progress)?;
    let mut step = |s: stratoscope::Step| progress.at(s.what, s.done as u64, s.total as u64);
    let lens = explorer.lens(&text, &settings, &mut step)?;

    let files: Vec<ModelFile> = explorer.model().info.files.iter().map(ModelFile::from).collect();
    let line = std::env::args().collect();
    let written = output.write(
        &mut progress,
        || Ok(default_folder(args, &lens)),
        |folder, overwrite| Ok(write_lens(folder, &lens, &files, line, overwrite)?),
    )?;
    progress.finish();
    if args.common.json {
        return print(&format!("{}\n", serde_json::json!(lens)));
    }
    if args.common.quiet {
        return Ok(());
    }
    print(&summary(&lens, written.as_ref().map(|(folder, _)| folder.as_path())))
}

/// The one text.
fn text(args: &LensArgs, progress: &Progress) -> Result<String> {
    if args.text != "-" {
        return Ok(args.text.clone());
    }
    let place = "standard input";
    let texts = input::items(parse_lines(&input::stdin()?, place)?, place, progress);
    match &texts[..] {
        [one] => Ok(one.text.clone()),
        more => {
            Err(Failure::input(format!("{place} has {} lines; lens reads one text", more.len())))
        }
    }
}

/// `stratoscope-out/<model>--lens--<first words>--<hash8>`.
fn default_folder(args: &LensArgs, lens: &Lens) -> PathBuf {
    let model = slug(model::short_name(&args.model));
    let words: String = slug(&lens.text).chars().take(40).collect();
    let parts = [model.as_str(), "lens", words.trim_end_matches('-'), &lens.hash8()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    PathBuf::from("stratoscope-out").join(parts.join("--"))
}

/// What is said on the terminal.
fn summary(lens: &Lens, folder: Option<&Path>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, lens, folder);
    text
}

fn write(text: &mut String, lens: &Lens, folder: Option<&Path>) -> std::fmt::Result {
    let model = &lens.model;
    writeln!(text, "{}, {}, {} layers", model.model, model.family, model.n_layers)?;
    writeln!(text, "{} tokens, each predicted among {}", lens.positions.len(), lens.d_vocab)?;
    for position in lens.asked() {
        writeln!(text)?;
        table(text, lens, position)?;
    }
    if lens.reading == Reading::OwnToken {
        writeln!(text)?;
        copies(text, lens)?;
    }
    if let Some(p) = &lens.perplexity {
        let name = if p.pseudo { "pseudo-perplexity" } else { "perplexity" };
        let value = p.perplexity.map_or("beyond measure".to_owned(), |v| format!("{v:.2}"));
        writeln!(text)?;
        writeln!(
            text,
            "{name} {value} ({:.3} nats a token, {} tokens)",
            p.nats_per_token, p.tokens
        )?;
    }
    if let Some(folder) = folder {
        writeln!(text)?;
        writeln!(text, "{}", folder.display())?;
        writeln!(text, "  lens (.svg .png .json) report.html manifest.json")?;
    }
    Ok(())
}

/// One row a layer: what it would predict at a position.
fn table(text: &mut String, lens: &Lens, index: usize) -> std::fmt::Result {
    let position = &lens.positions[index];
    match lens.reading {
        Reading::NextToken => write!(text, "after {:?}", position.token.text)?,
        _ => write!(text, "at {}, token {index}", position.token.text)?,
    }
    match &position.truth {
        Some(truth) => writeln!(text, ", {}: {:?}", lens.truth_name(), truth.text)?,
        None => writeln!(text)?,
    }
    let rank = if position.truth.is_some() { "  rank of it" } else { "" };
    writeln!(text, "layer  entropy      KL{rank}  most probable")?;
    for layer in &lens.layers {
        let Some(cell) = layer.cells.get(index) else { continue };
        write!(text, "{:>5}  {:>7.3} {:>7.3}", layer.layer, cell.entropy_nats, cell.kl_nats)?;
        if let Some(truth) = cell.truth {
            write!(text, "  {:>10}", truth.rank)?;
        }
        writeln!(text, "  {}", named(cell))?;
    }
    Ok(())
}

/// The most probable tokens. Quoted, so that a space can be seen and nothing reaches the terminal
/// that is not to be printed.
fn named(cell: &LensCell) -> String {
    let tokens = cell.top.iter().take(NAMED);
    let tokens = tokens.map(|t| format!("{:?} {:.1} %", t.text, 100.0 * t.probability));
    tokens.collect::<Vec<_>>().join("  ")
}

/// Of a masked model and a text without masks: how much each layer still names what it sees.
fn copies(text: &mut String, lens: &Lens) -> std::fmt::Result {
    writeln!(text, "The text has no mask, so that the model sees each token that it names: these")?;
    writeln!(text, "are copies. Write the mask token in the text to see predictions.")?;
    writeln!(text, "layer  own token first  mean entropy  mean KL")?;
    for layer in &lens.layers {
        let cells = layer.cells.iter().zip(&lens.positions).filter(|(_, p)| !p.special);
        let cells: Vec<&LensCell> = cells.map(|(cell, _)| cell).collect();
        let mean = |of: fn(&LensCell) -> f64| {
            cells.iter().map(|c| of(c)).sum::<f64>() / cells.len().max(1) as f64
        };
        let (right, known) = lens.right_at(layer.layer);
        let right = format!("{right} of {known}");
        let (entropy, kl) = (mean(|c| c.entropy_nats), mean(|c| c.kl_nats));
        writeln!(text, "{:>5}  {right:>15}  {entropy:>12.3}  {kl:>7.3}", layer.layer)?;
    }
    Ok(())
}
