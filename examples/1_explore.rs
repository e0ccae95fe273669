//! Explores a text: prints a curve by depth, draws a figure, and writes the output folder.
//!
//! `cargo run -p stratoscope-examples --example 1_explore [FOLDER]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use stratoscope::folder::WriteOptions;
use stratoscope::{ExploreOptions, Explorer, folder};

fn main() -> Result<(), Box<dyn Error>> {
    let explorer = Explorer::bundled()?;
    let texts = ["The bank by the river refused the loan."];
    let exploration = explorer.explore(&texts, &ExploreOptions::default())?;

    for layer in &exploration.layers {
        let value = |estimate: Option<stratoscope::Estimate>| estimate.map(|e| e.value);
        println!("layer {}: {:?}", layer.layer, value(layer.to_layer_0));
    }
    println!("{} bytes of SVG", exploration.figure("similarity")?.svg()?.len());

    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("stratoscope-1-explore"));
    let options = WriteOptions { overwrite: true, ..WriteOptions::default() };
    print!("{}", folder::write(&folder, &exploration, &options)?);
    Ok(())
}
