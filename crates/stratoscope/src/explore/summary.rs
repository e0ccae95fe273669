//! The summary of an exploration, as text for a terminal.

use super::Exploration;
use super::charts::{CURVES, Pick};
use crate::journey;
use crate::profile::headline_of;
use crate::text::{cell, counted, layers_of};
use std::fmt::Write;
use stratoscope_extractor::{Cell, Media};
use stratoscope_geometry::Metric;

pub(super) fn write(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    let states = &exploration.states;
    let special = states.rows.iter().filter(|r| r.special).count();
    let origin = &states.origin;
    write!(text, "{}", origin.model)?;
    if !origin.family.is_empty() {
        write!(text, ", {}", origin.family)?;
    }
    writeln!(text, ", {} of {} dimensions", layers_of(origin.n_layers), states.d_model())?;
    let [one, more] = exploration.inputs();
    write!(text, "{}", counted(states.texts.len(), one, more))?;
    let (one, more) = (exploration.unit_name(), exploration.units());
    if states.media.is_empty() {
        write!(text, ", {}", counted(states.rows.len(), one, more))?;
        if special > 0 {
            write!(text, " ({special} special)")?;
        }
    } else {
        write!(text, ", {}", counted(states.rows.len() - special, one, more))?;
        if special > 0 {
            write!(text, " and {}", counted(special, "special token", "special tokens"))?;
        }
    }
    writeln!(text)?;
    pictures(text, exploration)?;
    writeln!(text)?;
    if let Some(curves) = &exploration.curves {
        text.push_str(&headline_of(curves));
    }
    journey(text, exploration)?;
    strips(text, exploration)?;
    headlines(text, exploration)
}

/// The pictures that the summary lists.
const MAX_PICTURES: usize = 6;

/// Writes what the model sees of images and sounds, and the cells that are nearest to the chosen one.
fn pictures(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    let states = &exploration.states;
    for media in states.media.iter().take(MAX_PICTURES) {
        let Media { name, grid: [rows, columns], .. } = media;
        let cells = media.cell.plural();
        match media.seconds {
            Some(seconds) => writeln!(text, "{name}: {columns} {cells} of {seconds:.2} s")?,
            None => {
                let (width, height) = (media.picture.width, media.picture.height);
                writeln!(text, "{name}: {rows} x {columns} {cells} of {width} x {height} pixels")?;
            }
        }
    }
    if states.media.len() > MAX_PICTURES {
        writeln!(text, "and {} more", states.media.len() - MAX_PICTURES)?;
    }
    let Some(values) = &exploration.cells else { return Ok(()) };
    let (Some(first), Some(last)) = (states.layers.first(), states.layers.last()) else {
        return Ok(());
    };
    writeln!(text)?;
    let named = |row: usize| match &states.media[..] {
        [_] => states.rows[row].label.clone(),
        all => {
            let row = &states.rows[row];
            let of = all.get(row.sequence).map_or("", |media| media.name.as_str());
            format!("{} of {of}", row.label)
        }
    };
    let chosen = named(values.chosen);
    let metric = values.metric.label();
    let option = match states.media.first().map(|media| media.cell) {
        Some(Cell::Frame) => "--moment SECONDS",
        _ => "--patch ROW,COLUMN",
    };
    writeln!(text, "nearest to {chosen} by {metric} ({option} chooses another)")?;
    let ends = [(0, first), (states.layers.len() - 1, last)];
    for (index, layer) in ends.into_iter().take(if first == last { 1 } else { 2 }) {
        let near: Vec<String> = nearest(exploration, &values.similarity[index], 3)
            .into_iter()
            .map(|row| format!("{} ({:.2})", named(row), values.similarity[index][row]))
            .collect();
        writeln!(text, "  layer {layer:<3} {}", near.join(", "))?;
    }
    Ok(())
}

/// The rows of the `n` cells that are nearest to the chosen one.
fn nearest(exploration: &Exploration, similarity: &[f64], n: usize) -> Vec<usize> {
    let Some(values) = &exploration.cells else { return Vec::new() };
    let other = |&row: &usize| row != values.chosen && !exploration.states.rows[row].special;
    let mut rows: Vec<usize> = (0..similarity.len()).filter(other).collect();
    rows.sort_by(|&a, &b| similarity[b].total_cmp(&similarity[a]));
    if values.metric == Metric::Euclidean {
        rows.reverse();
    }
    rows.truncate(n);
    rows
}

/// Writes the journey of the most telling word.
fn journey(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    let Some(journeys) = &exploration.journeys else { return Ok(()) };
    let Some(word) = journeys.telling.and_then(|index| journeys.words.get(index)) else {
        return Ok(());
    };
    let texts = exploration.states.texts.len();
    let text_of = |&row: &usize| exploration.states.rows.get(row).map(|row| row.sequence + 1);
    let place = word.tokens.first().and_then(text_of).filter(|_| texts > 1);
    journey::write(text, journeys, word, place)?;
    writeln!(text)
}

/// Writes the curves by depth: one row per curve, one cell per layer.
fn strips(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    let what = format!("mean {}", exploration.options.metric.label());
    let values = |pick: Pick| -> Vec<Option<f64>> {
        exploration.layers.iter().map(|l| pick(l).map(|e| e.value)).collect()
    };
    let all: Vec<f64> = CURVES.iter().flat_map(|(.., pick)| values(*pick)).flatten().collect();
    let (Some(first), Some(last)) = (exploration.layers.first(), exploration.layers.last()) else {
        return Ok(());
    };
    // All curves have one scale, which starts at 0 unless a value is negative.
    let low = all.iter().copied().fold(0.0, f64::min);
    let high = all.iter().copied().fold(low, f64::max);
    if all.is_empty() {
        return Ok(());
    }
    writeln!(text, "{what:<22}layer {} to {}", first.layer, last.layer)?;
    for ((.., pick), [_, name]) in CURVES.into_iter().zip(exploration.curve_names()) {
        strip(text, name, &values(pick), (low, high))?;
    }
    let Some(crossed) = &exploration.crossed else { return Ok(()) };
    let n_layers = crossed.model.n_layers;
    writeln!(text)?;
    writeln!(text, "{:<22}layer 0 to {n_layers}: sense / (sense + role)", "the model's profile")?;
    for (name, curve) in crossed.curves() {
        let shares = curve.layers.iter().map(|l| l.partition.semantic_share.map(|s| s.value));
        strip(text, &format!("share, {name}"), &shares.collect::<Vec<_>>(), (0.0, 1.0))?;
    }
    Ok(())
}

/// Writes the lines of the charts that have one.
fn headlines(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    // The steps of cells are a figure that is not on the page.
    let of_cells = exploration.cells.as_ref().and_then(|_| exploration.steps_headline());
    let headlines = exploration.charts().iter().filter_map(|chart| chart.headline.as_ref());
    let headlines = of_cells.iter().chain(headlines);
    for (index, (name, content)) in headlines.enumerate() {
        if index == 0 {
            writeln!(text)?;
        }
        writeln!(text, "{name:<22}{content}")?;
    }
    Ok(())
}

/// Writes a curve as a row of cells with its first and last value; a dot stands for a layer without
/// a value. A curve without values is skipped.
fn strip(
    text: &mut String,
    name: &str,
    values: &[Option<f64>],
    (low, high): (f64, f64),
) -> std::fmt::Result {
    if values.iter().all(Option::is_none) {
        return Ok(());
    }
    let cells: String = values.iter().map(|v| cell(*v, low, high)).collect();
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let ends = match known[..] {
        [a, .., b] => format!("{a:.2} → {b:.2}"),
        [a] => format!("{a:.2}"),
        [] => String::new(),
    };
    writeln!(text, "{name:<22}{cells}  {ends}")
}
