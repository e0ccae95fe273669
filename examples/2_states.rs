//! Extracts hidden states: as an array, as vectors of a word, and as a file that Python can read.
//!
//! `cargo run -p stratoscope-examples --example 2_states`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::Explorer;
use stratoscope::crates::extractor::{read_states, write_states};
use stratoscope::crates::geometry::cosine;

fn main() -> Result<(), Box<dyn Error>> {
    let explorer = Explorer::bundled()?;
    let states = explorer.extract(&["He sat on the bank of the river.", "The bank lent money."])?;

    // [n_layers + 1, tokens, d_model]; the tokens of both texts are concatenated.
    println!("{:?}", states.hidden_states.dim());

    let places = states.find("bank");
    for &layer in &states.layers {
        let vectors: Vec<_> = places.iter().filter_map(|p| states.vector(p, layer)).collect();
        if let [river, money] = &vectors[..] {
            println!("layer {layer}: {:.3}", cosine(river.view(), money.view())?);
        }
    }

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("states.safetensors");
    write_states(&path, &states)?;
    println!("read back equal: {}", read_states(&path)? == states);
    Ok(())
}
