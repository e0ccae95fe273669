//! Compares two sentences, and one word in two contexts, layer by layer.
//!
//! `cargo run --release -p stratoscope-examples --example 3_compare [MODEL]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::compare::Compared;
use stratoscope::{CompareOptions, Explorer};

fn main() -> Result<(), Box<dyn Error>> {
    let model = std::env::args_os().nth(1).unwrap_or_else(|| "bundled".into());
    let explorer = Explorer::open(model.to_string_lossy().as_ref())?;
    let options = CompareOptions::default();
    let texts = ["The bank lent him money.", "The bank of the river flooded."];

    let sentences = explorer.compare_sentences(texts[0], texts[1], &options)?;
    if let Compared::Sentences(result) = &sentences.result {
        println!("the kept words begin to differ at layer {:?}", result.begins);
    }

    let word = explorer.compare_word(&texts, &["bank"], &options)?;
    print!("{}", word.summary());
    Ok(())
}
