//! The summary of explorations by several models, as text for a terminal.

use super::SideBySide;
use crate::explore::summary;
use std::fmt::Write;
use stratoscope_numerics::largest;

pub(super) fn write(text: &mut String, side: &SideBySide) -> std::fmt::Result {
    for exploration in &side.explorations {
        summary::write(text, exploration)?;
        writeln!(text)?;
    }
    let names = side.names();
    for pair in &side.cka {
        let layers = |model: usize| &side.explorations[model].states.layers;
        let Some(cell) = largest(pair.values.iter().flatten().copied()) else { continue };
        let (i, j) = (cell / pair.values[0].len(), cell % pair.values[0].len());
        let value = pair.values[i][j];
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
