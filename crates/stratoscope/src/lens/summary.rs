//! The summary of the lens, as text for a terminal.

use super::{Cell, Reading, Report};
use crate::text::{layers_of, wrapped};
use std::fmt::Write;

/// The number of predicted tokens in a row of the table.
const SHOWN: usize = 3;

pub(super) fn write(text: &mut String, lens: &Report) -> std::fmt::Result {
    let model = &lens.model;
    writeln!(text, "{}, {}, {}", model.model, model.family, layers_of(model.n_layers))?;
    writeln!(text, "{} tokens; the vocabulary has {} tokens", lens.positions.len(), lens.d_vocab)?;
    if let Some(through) = &lens.through {
        write!(text, "{}", wrapped(&through.described))?;
    }
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
        writeln!(text)?;
        writeln!(text, "{name} {}", p.in_words())?;
    }
    Ok(())
}

/// Writes the predictions at a position: one row per layer.
fn table(text: &mut String, lens: &Report, index: usize) -> std::fmt::Result {
    let position = &lens.positions[index];
    match lens.reading {
        Reading::NextToken => write!(text, "after {:?}", position.token.text)?,
        _ => write!(text, "at {}, token {index}", position.token.text)?,
    }
    match &position.truth {
        Some(truth) => writeln!(text, ", {}: {:?}", lens.truth_name(), truth.text)?,
        None => writeln!(text)?,
    }
    let rank = if position.truth.is_some() { "  true rank" } else { "" };
    writeln!(text, "layer  entropy      KL{rank}  most probable")?;
    for layer in &lens.layers {
        let Some(cell) = layer.cells.get(index) else { continue };
        write!(text, "{:>5}  {:>7.3} {:>7.3}", layer.layer, cell.entropy_nats, cell.kl_nats)?;
        if let Some(truth) = cell.truth {
            write!(text, "  {:>9}", truth.rank)?;
        }
        writeln!(text, "  {}", named(cell))?;
    }
    Ok(())
}

/// The most probable tokens in quotes. The quotes show spaces and escape control characters.
fn named(cell: &Cell) -> String {
    let tokens = cell.top.iter().take(SHOWN);
    let tokens = tokens.map(|t| format!("{:?} {:.1} %", t.text, 100.0 * t.probability));
    tokens.collect::<Vec<_>>().join("  ")
}

/// Writes, for a masked model and a text without masks, how often each layer predicts the token
/// that it reads.
fn copies(text: &mut String, lens: &Report) -> std::fmt::Result {
    writeln!(
        text,
        "The text has no mask, so the model sees every token that it predicts. These are copies."
    )?;
    writeln!(text, "To see predictions, write the mask token in the text.")?;
    writeln!(text, "layer  own token first  mean entropy  mean KL")?;
    for layer in &lens.layers {
        let cells = layer.cells.iter().zip(&lens.positions).filter(|(_, p)| !p.special);
        let cells: Vec<&Cell> = cells.map(|(cell, _)| cell).collect();
        let mean = |of: fn(&Cell) -> f64| {
            cells.iter().map(|c| of(c)).sum::<f64>() / cells.len().max(1) as f64
        };
        let (right, known) = lens.right_at(layer.layer);
        let right = format!("{right} of {known}");
        let (entropy, kl) = (mean(|c| c.entropy_nats), mean(|c| c.kl_nats));
        writeln!(text, "{:>5}  {right:>15}  {entropy:>12.3}  {kl:>7.3}", layer.layer)?;
    }
    Ok(())
}
