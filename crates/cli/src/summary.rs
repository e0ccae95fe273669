//! What `explore` says on the terminal: the model, what changed with depth, where the files are.

use std::fmt::Write;
use std::path::Path;
use stratoscope::{Estimate, Exploration, LayerSummary, Metric, Unit};

/// A short summary, ready to print; `hint` says how to get what is missing.
pub(crate) fn of(
    exploration: &Exploration,
    folder: Option<&Path>,
    written: &[String],
    hint: bool,
) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, exploration, folder, written, hint);
    text
}

fn write(
    text: &mut String,
    exploration: &Exploration,
    folder: Option<&Path>,
    written: &[String],
    hint: bool,
) -> std::fmt::Result {
    let states = &exploration.states;
    let special = states.rows.iter().filter(|r| r.special).count();
    let unit = match states.unit {
        Unit::Token => "token",
        Unit::Word => "word",
        Unit::Sentence => "sentence",
    };
    let origin = &states.origin;
    write!(text, "{}", origin.model)?;
    if !origin.family.is_empty() {
        write!(text, ", {}", origin.family)?;
    }
    writeln!(text, ", {} layers of {} dimensions", origin.n_layers, states.d_model())?;
    write!(text, "{}", count(states.texts.len(), "text"))?;
    write!(text, ", {}", count(states.rows.len(), unit))?;
    if special > 0 {
        write!(text, " ({special} special)")?;
    }
    writeln!(text)?;
    writeln!(text)?;
    strips(text, exploration)?;
    let folder = folder.filter(|_| !written.is_empty());
    if let Some(folder) = folder {
        writeln!(text)?;
        writeln!(text, "{}", folder.display())?;
        let figures: Vec<&str> =
            written.iter().filter_map(|name| name.strip_suffix(".svg")).collect();
        writeln!(text, "  {} (.svg .png .json)", figures.join(" "))?;
        let rest: Vec<&str> = written
            .iter()
            .filter(|name| !figures.iter().any(|f| name.strip_suffix(".json") == Some(f)))
            .filter(|name| !name.ends_with(".svg") && !name.ends_with(".png"))
            .map(String::as_str)
            .collect();
        writeln!(text, "  {}", rest.join(" "))?;
    }
    for left in &exploration.left_out {
        let hint = match left.name {
            "baseline" if hint && left.reason.starts_with("none is known") => {
                "; --baseline computes it"
            }
            "plane" if hint && left.reason.starts_with("none is known") => {
                "; `stratoscope profile` with the same --model computes it"
            }
            "profile" if hint => "; `stratoscope profile` with the same --model computes it",
            _ => "",
        };
        writeln!(text, "  left out: {} ({}{hint})", left.name, left.reason)?;
    }
    Ok(())
}

/// One row a curve, one cell a layer: what changed with depth at a glance.
fn strips(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    type Pick = fn(&LayerSummary) -> Option<Estimate>;
    let curves: [(&str, Pick); 3] = [
        ("to itself at layer 0", |l| l.to_layer_0),
        ("to its sentence", |l| l.to_sentence),
        ("any two words", |l| l.baseline),
    ];
    let what = match exploration.settings.metric {
        Metric::Cosine => "mean cosine",
        Metric::Centred => "mean centred cosine",
        Metric::Standardised => "mean standardised cosine",
        Metric::Euclidean => "mean distance",
    };
    let values = |pick: Pick| -> Vec<Option<f64>> {
        exploration.layers.iter().map(|l| pick(l).map(|e| e.value)).collect()
    };
    let all: Vec<f64> = curves.iter().flat_map(|(_, pick)| values(*pick)).flatten().collect();
    let (Some(first), Some(last)) = (exploration.layers.first(), exploration.layers.last()) else {
        return Ok(());
    };
    // All strips share one scale, which begins at 0 where nothing is below.
    let low = all.iter().copied().fold(0.0, f64::min);
    let high = all.iter().copied().fold(low, f64::max);
    if all.is_empty() {
        return Ok(());
    }
    writeln!(text, "{what:<22}layer {} to {}", first.layer, last.layer)?;
    for (name, pick) in curves {
        strip(text, name, &values(pick), (low, high))?;
    }
    let Some(profile) = &exploration.profile else { return Ok(()) };
    let n_layers = profile.model.n_layers;
    writeln!(text)?;
    writeln!(text, "{:<22}layer 0 to {n_layers}: sense against role", "the model's profile")?;
    for (name, curve) in profile.curves() {
        let shares = curve.layers.iter().map(|l| l.partition.semantic_share.map(|s| s.value));
        strip(text, &format!("share, {name}"), &shares.collect::<Vec<_>>(), (0.0, 1.0))?;
    }
    Ok(())
}

/// A curve as one row of cells, with its ends; nothing where no value is known.
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

fn cell(value: Option<f64>, low: f64, high: f64) -> char {
    const CELLS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some(value) = value else { return ' ' };
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    CELLS[((share * 8.0) as usize).min(7)]
}

fn count(n: usize, unit: &str) -> String {
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}
