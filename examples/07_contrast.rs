//! Syntax against meaning, on the same nouns: the relation to the head and the kind of thing, by
//! layer, for a corpus that has both.
//!
//! `cargo run --release -p stratoscope-examples --example 07_contrast CORPUS.conllu [MODEL FOLDER]`
//!
//! The corpus has relations in DEPREL and supersenses in MISC (`Supersense=n.…`), as STREUSLE has
//! them. Without one, the small corpus of this project's tests shows how it goes.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use stratoscope::{ConlluCorpus, Explorer, ProbeSettings, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/probing/corpus.conllu");
    let path = args.next().map_or_else(|| PathBuf::from(own), PathBuf::from);
    let source = match args.next() {
        Some(folder) => Source::Folder(folder.into()),
        None => {
            let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
            Source::memory(stratoscope_bundled::MODEL_ID, files)
        }
    };
    // All of it is read, and its mistakes are found, before the model is.
    let corpus = ConlluCorpus::split(&path, 0)?;
    let explorer = Explorer::open(&source)?;
    let settings = ProbeSettings {
        labels: vec!["deprel".parse()?, "misc.Supersense".parse()?],
        filters: vec![r"misc.Supersense~^n\.".parse()?],
        strength: Some(0.1),
        ..ProbeSettings::default()
    };
    let probe = explorer.probe(&corpus, &settings, &mut |_| {})?;

    for label in &probe.labels {
        println!("{}: {:?}", label.label, label.counts);
        println!("layer  accuracy  share of what looking the form up leaves");
        for layer in &label.layers {
            let gain = layer.scores.gain_over_lookup.map_or("-".to_owned(), |gain| {
                format!("{:.3} [{:.3}, {:.3}]", gain.value, gain.low, gain.high)
            });
            println!("{:5}  {:8.3}  {gain}", layer.layer, layer.scores.scores.accuracy.value);
        }
    }
    println!("{}", probe.in_words());

    let path = std::env::temp_dir().join("stratoscope-07-contrast.svg");
    std::fs::write(&path, probe.figure()?.svg())?;
    println!("{}", path.display());
    Ok(())
}
