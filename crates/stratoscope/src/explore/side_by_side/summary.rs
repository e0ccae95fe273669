//! The summary of explorations by several models, as text for a terminal.

use super::SideBySide;
use crate::explore::summary;
use std::fmt::Write;

pub(super) fn write(text: &mut String, side: &SideBySide) -> std::fmt::Result {
    for exploration in &side.explorations {
        summary::write(text, exploration)?;
        writeln!(text)?;
    }
    let names = side.names();
    for pair in &side.cka {
        let layers = |model: usize| &side.explorations[model].states.layers;
        let cells = pair
            .values
            .iter()
            .enumerate()
            .flat_map(|(i, row)| row.iter().enumerate().map(move |(j, value)| (i, j, *value)));
        let Some((i, j, value)) = cells.max_by(|a, b| a.2.total_cmp(&b.2)) else { continue };
        writeln!(
            text,
            "most similar: layer {} of {} and layer {} of {} (debiased CKA {value:.2}, {} words)",
            layers(pair.a)[i],
            names[pair.a],
            layers(pair.b)[j],
            names[pair.b],
            pair.n
        )?;
    }
    Ok(())
}
