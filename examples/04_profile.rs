//! The profile of a model: how much of what varies within a word is its sense, how much its role.
//!
//! `cargo run --release -p stratoscope-examples --example 04_profile [MODEL FOLDER]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::{Explorer, NamedStimuli, Profile, ProfileStates, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let source = match std::env::args_os().nth(1) {
        Some(folder) => Source::Folder(folder.into()),
        None => {
            let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
            Source::memory(stratoscope_bundled::MODEL_ID, files)
        }
    };
    let explorer = Explorer::open(&source)?;

    // `explorer.profile()` does the same over the homographs; here nouns against verbs.
    let stimuli = NamedStimuli::noun_verb()?;
    let states = ProfileStates::extract(&explorer, stimuli, &mut |_| {})?;
    let profile = Profile::compute(&states, 0, &mut |_| {})?;

    for (name, curve) in profile.curves() {
        println!("{name}");
        println!("layer  meaning ω²  part of speech ω²  semantic share");
        for layer in &curve.layers {
            let p = &layer.partition;
            let [meaning, part, share] = [p.sense, p.role, p.semantic_share].map(|e| match e {
                Some(e) => format!("{:.3}", e.value),
                None => "-".to_owned(),
            });
            println!("{:5}  {meaning:>10}  {part:>17}  {share:>14}", layer.layer);
        }
    }
    println!("{}", profile.in_words());

    let path = std::env::temp_dir().join("stratoscope-04-profile.svg");
    std::fs::write(&path, profile.figure()?.svg())?;
    println!("{}", path.display());
    Ok(())
}
