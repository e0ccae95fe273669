//! What `explore` says on the terminal: the model, what changed with depth, where the files are.

use std::fmt::Write;
use std::path::PathBuf;
use stratoscope::{Estimate, Exploration, LayerSummary, Metric, SideBySide, Unit, Written};

/// A short summary, ready to print; `hint` says how to get what is missing.
pub(crate) fn of(
    exploration: &Exploration,
    written: Option<&(PathBuf, Written)>,
    hint: bool,
) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, exploration, written, hint);
    text
}

fn write(
    text: &mut String,
    exploration: &Exploration,
    written: Option<&(PathBuf, Written)>,
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
    moved(text, exploration)?;
    if let Some((folder, Written { files: written, .. })) = written {
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
    let too_large = written.iter().flat_map(|(_, written)| &written.left_out);
    for left in exploration.left_out.iter().chain(too_large) {
        let hint = match left.name {
            "baseline" if hint && left.reason.starts_with("none is known") => {
                "; --baseline computes it"
            }
            "profile" if hint => "; `stratoscope profile` with the same --model computes it",
            _ => "",
        };
        writeln!(text, "  left out: {} ({}{hint})", left.name, left.reason)?;
    }
    Ok(())
}

/// A short summary of several models side by side.
pub(crate) fn of_several(side: &SideBySide, written: Option<&(PathBuf, Written)>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_several(&mut text, side, written);
    text
}

fn write_several(
    text: &mut String,
    side: &SideBySide,
    written: Option<&(PathBuf, Written)>,
) -> std::fmt::Result {
    for exploration in &side.explorations {
        write(text, exploration, None, true)?;
        writeln!(text)?;
    }
    let names = side.names();
    match &side.cka {
        Ok(pairs) => {
            for pair in pairs {
                let layers = |model: usize| &side.explorations[model].states.layers;
                let cells = pair.values.iter().enumerate().flat_map(|(i, row)| {
                    row.iter().enumerate().map(move |(j, value)| (i, j, *value))
                });
                let Some((i, j, value)) = cells.max_by(|a, b| a.2.total_cmp(&b.2)) else {
                    continue;
                };
                writeln!(
                    text,
                    "most alike: layer {} of {} and layer {} of {} (debiased CKA {value:.2}, {} words)",
                    layers(pair.a)[i],
                    names[pair.a],
                    layers(pair.b)[j],
                    names[pair.b],
                    pair.n
                )?;
            }
        }
        Err(reason) => writeln!(text, "left out: cka ({reason})")?,
    }
    let Some((folder, Written { files: written, left_out })) = written else { return Ok(()) };
    writeln!(text)?;
    writeln!(text, "{}", folder.display())?;
    let svg = written.iter().filter_map(|name| name.strip_suffix(".svg"));
    let (of_each, of_all): (Vec<&str>, Vec<&str>) = svg.partition(|name| name.contains("--"));
    writeln!(text, "  {} (.svg .png .json)", of_all.join(" "))?;
    let mut models: Vec<&str> = Vec::new();
    let mut figures: Vec<&str> = Vec::new();
    for (figure, model) in of_each.iter().filter_map(|name| name.split_once("--")) {
        figures.extend(Some(figure).filter(|f| !figures.contains(f)));
        models.extend(Some(model).filter(|m| !models.contains(m)));
    }
    writeln!(
        text,
        "  {}, each with --{} after its name",
        figures.join(" "),
        models.join(" or --")
    )?;
    let pages: Vec<&str> =
        written.iter().filter(|name| name.ends_with(".html")).map(String::as_str).collect();
    writeln!(text, "  states--….safetensors {} manifest.json", pages.join(" "))?;
    for left in left_out {
        writeln!(text, "  left out: {} ({})", left.name, left.reason)?;
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

/// In which step most neighbourhoods changed, and whose.
fn moved(text: &mut String, exploration: &Exploration) -> std::fmt::Result {
    let Some(moves) = &exploration.moves else { return Ok(()) };
    let Some(step) = moves.largest() else { return Ok(()) };
    let rows = &exploration.states.rows;
    let most: Vec<&str> =
        step.tokens.iter().take(3).map(|token| rows[token.row].label.as_str()).collect();
    writeln!(text)?;
    writeln!(
        text,
        "{:<22}layer {} to {}: {:.0} % of near neighbours are others (by chance {:.0} %); most: {}",
        "moved most",
        step.from,
        step.to,
        100.0 * step.change,
        100.0 * moves.by_chance,
        most.join(", ")
    )
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
