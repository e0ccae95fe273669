//! The space of words by layer: how alike any two are, how alike the occurrences of one, how many
//! dimensions they fill.
//!
//! `cargo run --release -p stratoscope-examples --example 08_geometry FILE [MODEL FOLDER …]`
//!
//! FILE is a text a line, or CoNLL-U. With several models, their curves lie over each other.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use stratoscope::extractor::{Corpus, ReadOptions};
use stratoscope::{Explorer, GeometrySettings, Measure, Source, measure_geometry};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/probing/corpus.conllu");
    let path = args.next().map_or_else(|| PathBuf::from(own), PathBuf::from);
    let mut sources: Vec<Source> = args.map(|folder| Source::Folder(folder.into())).collect();
    if sources.is_empty() {
        let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
        sources.push(Source::memory(stratoscope_bundled::MODEL_ID, files));
    }
    let explorers: Vec<Explorer> = sources.iter().map(Explorer::open).collect::<Result<_, _>>()?;
    let corpus = Corpus::File { path, options: ReadOptions::default() };
    let settings = GeometrySettings::default();
    let found = measure_geometry(&explorers, &corpus, &settings, &mut |_| {})?;

    for model in &found.models {
        println!("{}, {} words", model.model.model, model.counts.words);
        for layer in &model.layers {
            print!("layer {:2}", layer.layer);
            for measure in
                [Measure::Anisotropy, Measure::SelfSimilarity, Measure::IntrinsicDimension]
            {
                let shown = match layer.measures[&measure] {
                    Some(found) => format!("{:.3} (n = {})", found.value, found.n),
                    None => "not defined".to_owned(),
                };
                print!("  {} {shown}", measure.name());
            }
            println!();
        }
    }
    println!("{}", found.in_words());
    for figure in found.figures()? {
        let path = std::env::temp_dir().join(format!("stratoscope-08-{}.svg", figure.name));
        std::fs::write(&path, figure.drawn?.svg())?;
        println!("{}", path.display());
    }
    Ok(())
}
