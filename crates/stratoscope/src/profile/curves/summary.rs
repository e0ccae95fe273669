//! The curves as text for a terminal.

use super::{Curve, Curves};
use crate::Estimate;
use crate::text::{cell, end_line, fine, highest, with_interval};
use std::fmt::Write;
use stratoscope_probing::context::NEIGHBOURS;

impl Curves {
    /// Writes each curve as a row of cells, and then the values of all layers.
    pub(in crate::profile) fn write(&self, text: &mut String) -> std::fmt::Result {
        let bank = &self.bank;
        writeln!(
            text,
            "{}: {} sentences, {} nouns and {} verbs",
            bank.summary.name, bank.summary.sentences, bank.nouns, bank.verbs
        )?;
        if bank.summary.on_sinks > 0 {
            let n = bank.summary.on_sinks;
            writeln!(text, "{n} words are left out: a token of them is an attention sink")?;
        }
        writeln!(
            text,
            "a share of the {NEIGHBOURS} nearest words [95 % interval]; for grammar and word meaning, 0 is \
             chance"
        )?;
        writeln!(text)?;
        for curve in Curve::ALL {
            self.strip(text, curve)?;
        }
        writeln!(text)?;
        self.table(text)
    }

    /// Writes a curve as cells from 0 to its highest value, with that value.
    fn strip(&self, text: &mut String, curve: Curve) -> std::fmt::Result {
        let estimates = self.estimates(curve);
        let known = estimates.iter().enumerate().filter_map(|(at, found)| Some((at, (*found)?)));
        let known: Vec<(usize, Estimate)> = known.collect();
        let Some(top) = highest(known.iter().map(|(_, found)| found.value)) else {
            return Ok(());
        };
        let (layer, estimate) = known[top];
        let cells = estimates.iter().map(|found| cell(found.map(|e| e.value), 0.0, estimate.value));
        writeln!(
            text,
            "{:<14}{}  at most {}, at layer {layer}",
            curve.name(),
            cells.collect::<String>(),
            with_interval(estimate, fine)
        )
    }

    /// Writes the values with their intervals, and those of random weights: one row per layer.
    fn table(&self, text: &mut String) -> std::fmt::Result {
        write!(text, "layer")?;
        for curve in Curve::ALL {
            write!(text, "  {:<19}", curve.name())?;
        }
        let title = if self.random_weights.is_empty() { "" } else { "  with random weights" };
        writeln!(text, "{title}")?;
        for (index, layer) in self.layers.iter().enumerate() {
            write!(text, "{:>5}", layer.layer)?;
            for curve in Curve::ALL {
                let found = curve.of(layer);
                let found = found.map_or("–".to_owned(), |e| with_interval(e, fine));
                write!(text, "  {found:<19}")?;
            }
            for (random, curve) in self
                .random_weights
                .get(index)
                .into_iter()
                .flat_map(|random| Curve::ALL.map(|curve| (random, curve)))
            {
                let found = curve.of(random).map_or("–".to_owned(), |e| fine(e.value));
                write!(text, "  {found:<5}")?;
            }
            end_line(text);
        }
        Ok(())
    }
}
