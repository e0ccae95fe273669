//! Fits a probe for your own labels to every layer; the labelled words are in memory.
//!
//! `cargo run --release -p stratoscope-examples --example 4_probe [MODEL]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::probe::{TaskRow, TsvTask};
use stratoscope::{Explorer, ProbeOptions};

/// The words of the sentences.
const SUBJECTS: [&str; 6] = ["teacher", "farmer", "singer", "doctor", "pilot", "baker"];
const PLACES: [&str; 6] = ["school", "market", "stage", "clinic", "airport", "kitchen"];

fn main() -> Result<(), Box<dyn Error>> {
    let model = std::env::args_os().nth(1).unwrap_or_else(|| "bundled".into());
    let explorer = Explorer::open(model.to_string_lossy().as_ref())?;

    let mut rows = Vec::new();
    for subject in SUBJECTS {
        for place in PLACES {
            let text = format!("The {subject} left the {place}.");
            let subject = 4..4 + subject.len();
            let place = text.len() - 1 - place.len()..text.len() - 1;
            rows.push(TaskRow::span(&text, subject, "subject"));
            rows.push(TaskRow::span(&text, place, "place"));
        }
    }
    let task = TsvTask::from_rows("role", rows)?;

    let report = explorer.probe(&task, &ProbeOptions::default())?;
    for (layer, accuracy) in report.accuracy() {
        println!("layer {layer}: {:.2} (n = {})", accuracy.value, accuracy.n);
    }
    Ok(())
}
