//! Where a sentence keeps what one of its words means: two sentences differ in one word, and states
//! of the first are put into the second, one token and one layer at a time (activation patching,
//! Vig et al. 2020; Meng et al. 2022).
//!
//! `cargo run -p stratoscope-examples --example 05_activation_patching`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::extractor::{LongText, Prepared, prepare};
use stratoscope::transformer::{At, Batch, HookPoint, NoHooks, Recorder};
use stratoscope::{Explorer, Source};

const FIRST: &str = "They walked along the bank of the river.";
const SECOND: &str = "They walked along the bank of the city.";
/// The word of the first that the second has another for.
const CHANGED: &str = "river";
/// The word that is read at the end.
const READ: &str = "bank";

fn main() -> Result<(), Box<dyn Error>> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    let explorer = Explorer::open(&Source::memory(stratoscope_bundled::MODEL_ID, files))?;
    let model = &explorer.model().transformer;
    let n_layers = model.architecture().n_layers;

    let texts = vec![FIRST.into(), SECOND.into()];
    let prepared = prepare(explorer.model(), texts, LongText::Refuse)?;
    let batch = |text: usize| Batch::new(model.architecture(), &prepared.sequences()[text..=text]);
    let (first, second) = (batch(0)?, batch(1)?);
    let (changed, read) = (place(&prepared, CHANGED)?, place(&prepared, READ)?);
    if first.tokens() != second.tokens() {
        return Err("the sentences have to have as many tokens".into());
    }

    // The first sentence, with everything that is to be put into the second kept.
    let layers = (0..n_layers).map(HookPoint::ResidPost);
    let points: Vec<_> = std::iter::once(HookPoint::Embed).chain(layers).collect();
    let mut kept = Recorder::new(points.clone());
    let states = model.forward(&first, &mut kept)?;
    let target: Vec<f32> = states[n_layers].get(read)?.to_vec1()?;
    let states = model.forward(&second, &mut NoHooks)?;
    let plain: Vec<f32> = states[n_layers].get(read)?.to_vec1()?;

    // How much of the way from the second sentence's last state to the first's a patch makes.
    let effect = |point: HookPoint, token: usize| -> Result<f32, Box<dyn Error>> {
        let row = kept.values[&point].narrow(0, token, 1)?;
        // One call a point, which is given the value and says with which the forward goes on.
        let mut patch = At::new(point, |value| Ok(value.slice_scatter0(&row, token)?));
        let states = model.forward(&second, &mut patch)?;
        let patched: Vec<f32> = states[n_layers].get(read)?.to_vec1()?;
        let way = plain.iter().zip(&target).map(|(from, to)| to - from);
        let made = plain.iter().zip(&patched).map(|(from, to)| to - from);
        let along: f32 = way.clone().zip(made).map(|(way, made)| way * made).sum();
        Ok(along / way.map(|way| way * way).sum::<f32>())
    };

    println!("A: {}\nB: {}", FIRST, SECOND);
    println!("B runs with one state of A in it: how far that takes the last state of {READ:?}");
    println!("from B's (0) to A's (1)");
    let header = format!("of {:?}", CHANGED);
    println!("layer  {header:>11}  {:>11}", format!("of {READ:?}"));
    for (layer, &point) in points.iter().enumerate() {
        let (other, own) = (effect(point, changed)?, effect(point, read)?);
        println!("{layer:5}  {other:11.3}  {own:11.3}");
    }
    Ok(())
}

/// Where a word stands in the first sentence.
fn place(prepared: &Prepared, word: &str) -> Result<usize, String> {
    let row = prepared.rows.iter().position(|row| row.label == word);
    row.ok_or_else(|| format!("no token is {word:?}"))
}
