//! Patch and ablate: put states of one sentence into another (activation patching, Vig et al. 2020;
//! Meng et al. 2022), and set the output of a part to its mean.
//!
//! `cargo run -p stratoscope-examples --example 5_patching`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::crates::transformer::{At, HookPoint, Hooks, Recorder};
use stratoscope::{Activations, Explorer};

const FIRST: &str = "They walked along the bank of the river.";
const SECOND: &str = "They walked along the bank of the city.";

fn main() -> Result<(), Box<dyn Error>> {
    let explorer = Explorer::bundled()?;
    let n_layers = explorer.origin().n_layers;
    let points: Vec<HookPoint> = (0..n_layers).map(HookPoint::ResidPost).collect();

    // The first sentence, whose states are recorded.
    let mut recorded = Recorder::new(points.clone());
    let first = explorer.run_with_hooks(FIRST, &mut recorded)?;
    let second = explorer.extract(&[SECOND])?;
    let (target, plain) = (vector(&first, "bank")?, vector(&second, "bank")?);
    let changed = first.find("river").pop().ok_or("the word is not there")?.rows.start;

    println!("the share of the way from the second sentence's “bank” to the first's");
    for (block, point) in points.iter().enumerate() {
        let row = recorded.values[point].narrow(0, changed, 1)?;
        let mut patch = At::new(*point, |value| Ok(value.slice_scatter0(&row, changed)?));
        let patched = vector(&explorer.run_with_hooks(SECOND, &mut patch)?, "bank")?;
        let way: Vec<f32> = target.iter().zip(&plain).map(|(to, from)| to - from).collect();
        let made = patched.iter().zip(&plain).map(|(to, from)| to - from);
        let along: f32 = way.iter().zip(made).map(|(way, made)| way * made).sum();
        let length: f32 = way.iter().map(|way| way * way).sum();
        println!("layer {}: {:.3}", block + 1, along / length);
    }

    println!("the change of “bank” when an MLP gives every token its mean output");
    for block in 0..n_layers {
        let mut ablation = At::new(HookPoint::MlpOut(block), |value| {
            Ok(value.mean_keepdim(0)?.broadcast_as(value.shape())?.contiguous()?)
        });
        let hooks: &mut dyn Hooks = &mut ablation;
        let ablated = vector(&explorer.run_with_hooks(SECOND, hooks)?, "bank")?;
        let change: f32 = ablated.iter().zip(&plain).map(|(a, b)| (a - b).powi(2)).sum();
        let length: f32 = plain.iter().map(|b| b * b).sum();
        println!("block {block}: {:.3}", (change / length).sqrt());
    }
    Ok(())
}

/// The vector of a word at the last layer.
fn vector(states: &Activations, word: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let place = states.find(word).pop().ok_or("the word is not there")?;
    let vector = states.vector(&place, states.origin.n_layers).ok_or("no such layer")?;
    Ok(vector.to_vec())
}
