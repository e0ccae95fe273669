//! One sentence: its hidden states, its figures as SVG, and what changes with depth.
//!
//! `cargo run -p stratoscope-examples --example 01_sentence [FOLDER]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use stratoscope::{Baseline, Explorer, Known, Settings, Source, explore};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::temp_dir().join("stratoscope-01-sentence"),
    };

    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    let explorer = Explorer::open(&Source::memory(stratoscope_bundled::MODEL_ID, files))?;
    let states = explorer.extract(&["The bank by the river refused the loan."])?;
    let (n_layers, tokens, d_model) = states.hidden_states.dim();
    println!("{n_layers} layers of {tokens} tokens in {d_model} dimensions");

    // How similar any two words are: without it no cosine means much.
    let baseline = Baseline::parse(stratoscope_bundled::BASELINE, &explorer.origin())?;
    let exploration = explore(
        states,
        &Settings::default(),
        Known { baseline: Some(&baseline), ..Known::default() },
        &mut |_| {},
    )?;

    println!("layer  to layer 0  to sentence  baseline    norm");
    for layer in &exploration.layers {
        let [own, sentence, any] =
            [layer.to_layer_0, layer.to_sentence, layer.baseline].map(|estimate| match estimate {
                Some(estimate) => format!("{:.3}", estimate.value),
                None => "-".to_owned(),
            });
        println!("{:5}  {own:>10}  {sentence:>11}  {any:>8}  {:6.2}", layer.layer, layer.norm);
    }
    for left in &exploration.left_out {
        println!("left out: {}: {}", left.name, left.reason);
    }

    std::fs::create_dir_all(&folder)?;
    for figure in exploration.figures() {
        let path = folder.join(format!("{}.svg", figure.name));
        std::fs::write(&path, figure.drawn?.svg())?;
        println!("{}", path.display());
    }
    Ok(())
}
