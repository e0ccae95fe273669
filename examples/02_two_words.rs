//! One word in three sentences, in one sense and in another: how alike it is to itself, by layer.
//!
//! `cargo run -p stratoscope-examples --example 02_two_words`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::geometry::cosine;
use stratoscope::{Baseline, Explorer, Pooling, Source, Unit};

const WORD: &str = "bank";
const TEXTS: [&str; 3] = [
    "She deposited the money at the bank.",
    "They fished from the bank of the river.",
    "The bank raised its interest rates.",
];

fn main() -> Result<(), Box<dyn Error>> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    let explorer = Explorer::open(&Source::memory(stratoscope_bundled::MODEL_ID, files))?;
    let baseline = Baseline::parse(stratoscope_bundled::BASELINE, &explorer.origin())?;

    let words = explorer.extract(&TEXTS)?.pooled(Unit::Word, Pooling::Mean)?;
    let mut places = Vec::new();
    for (sequence, text) in TEXTS.iter().enumerate() {
        let of_text = |row: usize| words.rows[row].sequence == sequence;
        let place =
            (0..words.rows.len()).find(|&row| of_text(row) && words.rows[row].label == WORD);
        places.push(place.ok_or_else(|| format!("{text:?} has no {WORD:?}"))?);
    }

    println!("cosine of {WORD:?} in");
    println!("  A: {}\n  B: {}\n  C: {}", TEXTS[0], TEXTS[1], TEXTS[2]);
    println!("layer  A and B  A and C  any two words");
    for (index, layer) in words.layers.iter().enumerate() {
        let vectors = words.layer(index);
        let [a, b, c] = [0, 1, 2].map(|text| vectors.row(places[text]));
        let any = baseline.values[*layer].value;
        println!("{layer:5}  {:7.3}  {:7.3}  {any:13.3}", cosine(a, b)?, cosine(a, c)?);
    }
    Ok(())
}
