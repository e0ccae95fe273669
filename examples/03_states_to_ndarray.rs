//! Hidden states as an array of `ndarray`: computed on, written to a states file and read back.
//!
//! `cargo run -p stratoscope-examples --example 03_states_to_ndarray`

#![allow(clippy::print_stdout)]

use ndarray::{Axis, s};
use std::error::Error;
use stratoscope::extractor::{read_states, write_states};
use stratoscope::geometry::norms;
use stratoscope::{Explorer, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    let explorer = Explorer::open(&Source::memory(stratoscope_bundled::MODEL_ID, files))?;
    let states = explorer.extract(&["Colourless green ideas sleep furiously.", "So do I."])?;

    // [n_layers + 1, tokens, d_model], the tokens of both texts end to end.
    let array = &states.hidden_states;
    println!("{:?}, texts begin at {:?}", array.dim(), states.sequence_offsets());

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("states.safetensors");
    write_states(&path, &states)?;
    let read = read_states(&path)?;
    println!("{} bytes, read back equal: {}", std::fs::metadata(&path)?.len(), read == states);

    // A layer is a view, and so is what the measures take.
    for (index, layer) in read.layers.iter().enumerate() {
        let lengths = norms(read.layer(index))?;
        let mean = lengths.mean().unwrap_or_default();
        let longest = lengths.iter().copied().fold(0.0, f64::max);
        println!("layer {layer}: mean norm {mean:.2}, longest {longest:.2}");
    }

    // Plain ndarray from here on: how far each token of the first text moves from layer 0 to the end.
    let first = ..states.sequence_offsets()[1];
    let moved = &array.slice(s![-1, first, ..]) - &array.slice(s![0, first, ..]);
    let far = moved.mapv(|v| v * v).sum_axis(Axis(1)).mapv(f32::sqrt);
    for (row, distance) in states.rows.iter().zip(&far) {
        println!("{:>12} {distance:.2}", row.label);
    }
    Ok(())
}
