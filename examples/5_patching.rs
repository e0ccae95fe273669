//! Activation patching (Vig et al. 2020; Meng et al. 2022): puts a state of one sentence into
//! another sentence. Ablation: replaces the output of an MLP with its mean over tokens.
//!
//! `cargo run -p stratoscope-examples --example 5_patching`

#![allow(clippy::print_stdout)]

use ndarray::Axis;
use std::error::Error;
use stratoscope::{Activations, Explorer, Interventions};

const FIRST: &str = "They walked along the bank of the river.";
const SECOND: &str = "They walked along the bank of the city.";

fn main() -> Result<(), Box<dyn Error>> {
    let explorer = Explorer::bundled()?;
    let n_layers = explorer.origin().n_layers;
    let (first, second) = (explorer.extract(&[FIRST])?, explorer.extract(&[SECOND])?);
    let (target, plain) = (vector(&first, "bank")?, vector(&second, "bank")?);
    let changed = first.find("river").pop().ok_or("the word is not in the text")?.rows.start;

    println!(
        "patching: how far “bank” moves from the second sentence to the first (1: all the way)"
    );
    for block in 0..n_layers {
        // The state of “river” after the block replaces the state of “city”.
        let state = first.layer(block + 1).row(changed).to_owned();
        let patch =
            Interventions::new().at(&format!("blocks.{block}.hook_resid_post"), |value| {
                let mut value = value.to_owned();
                value.row_mut(changed).assign(&state);
                Some(value)
            })?;
        let patched = vector(&explorer.run_with_hooks(SECOND, patch)?, "bank")?;
        let way: Vec<f32> = target.iter().zip(&plain).map(|(to, from)| to - from).collect();
        let made = patched.iter().zip(&plain).map(|(to, from)| to - from);
        let along: f32 = way.iter().zip(made).map(|(way, made)| way * made).sum();
        let length: f32 = way.iter().map(|way| way * way).sum();
        println!("layer {}: {:.3}", block + 1, along / length);
    }

    println!("ablation: the relative change of “bank” if an MLP gives all tokens its mean output");
    for block in 0..n_layers {
        let ablation =
            Interventions::new().at(&format!("blocks.{block}.hook_mlp_out"), |value| {
                let mean = value.mean_axis(Axis(0))?;
                mean.broadcast(value.dim()).map(|mean| mean.to_owned())
            })?;
        let ablated = vector(&explorer.run_with_hooks(SECOND, ablation)?, "bank")?;
        let change: f32 = ablated.iter().zip(&plain).map(|(a, b)| (a - b).powi(2)).sum();
        let length: f32 = plain.iter().map(|b| b * b).sum();
        println!("block {block}: {:.3}", (change / length).sqrt());
    }
    Ok(())
}

/// The vector of a word at the last layer.
fn vector(states: &Activations, word: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let place = states.find(word).pop().ok_or("the word is not in the text")?;
    let vector =
        states.vector(&place, states.origin.n_layers).ok_or("the states do not have this layer")?;
    Ok(vector.to_vec())
}
