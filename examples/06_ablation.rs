//! What a model's parts matter to a sentence: each head, each attention and each MLP is made to say
//! the same of every token, one at a time; then attention weighed by what it really brings.
//!
//! `cargo run -p stratoscope-examples --example 06_ablation`

#![allow(clippy::print_stdout)]

use std::error::Error;
use stratoscope::extractor::{LongText, prepare};
use stratoscope::transformer::{At, Batch, HookPoint, Hooks, NoHooks, Recorder};
use stratoscope::{Explorer, Source};

const TEXT: &str = "The bank by the river refused the loan.";
const WORD: &str = "bank";
/// The block whose attention is shown.
const BLOCK: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let files = stratoscope_bundled::files().iter().map(|file| (file.name, file.bytes));
    let explorer = Explorer::open(&Source::memory(stratoscope_bundled::MODEL_ID, files))?;
    let model = &explorer.model().transformer;
    let (n_layers, n_heads) = (model.architecture().n_layers, model.architecture().n_heads);
    let prepared = prepare(explorer.model(), vec![TEXT.into()], LongText::Refuse)?;
    let batch = Batch::new(model.architecture(), prepared.sequences())?;
    let tokens = batch.tokens();

    let last = |hooks: &mut dyn Hooks| -> Result<Vec<f32>, Box<dyn Error>> {
        Ok(model.forward(&batch, hooks)?[n_layers].flatten_all()?.to_vec1()?)
    };
    let whole = last(&mut NoHooks)?;
    // The norm of what changed, by the norm of what there was.
    let change = |hooks: &mut dyn Hooks| -> Result<f32, Box<dyn Error>> {
        let moved = last(hooks)?.iter().zip(&whole).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        Ok((moved / whole.iter().map(|b| b * b).sum::<f32>()).sqrt())
    };

    println!("{TEXT}");
    println!("how much the last states change when a part says the same of every token");
    println!("block  attention    MLP  heads, from the one that matters most");
    for block in 0..n_layers {
        let [attention, mlp] = [HookPoint::AttnOut(block), HookPoint::MlpOut(block)].map(|point| {
            // The mean over the tokens, for each of them.
            change(&mut At::new(point, |value| {
                Ok(value.mean_keepdim(0)?.broadcast_as(value.shape())?.contiguous()?)
            }))
        });
        let mut heads = Vec::new();
        for head in 0..n_heads {
            // [n_heads, tokens²]: every token attends to all alike.
            let mut ablation = At::new(HookPoint::Pattern(block), |value| {
                let alike = (value.narrow(0, head, 1)?.ones_like()? / tokens as f64)?;
                Ok(value.slice_scatter0(&alike, head)?)
            });
            heads.push((head, change(&mut ablation)?));
        }
        heads.sort_by(|a, b| b.1.total_cmp(&a.1));
        let heads: Vec<_> = heads.iter().take(4).map(|(h, by)| format!("{h}: {by:.3}")).collect();
        println!("{block:5}  {:9.3}  {:5.3}  {} …", attention?, mlp?, heads.join("  "));
    }

    // Attention says where a head looks, its values how much that brings (Kobayashi et al. 2020).
    let (values, pattern) = (HookPoint::Value(BLOCK), HookPoint::Pattern(BLOCK));
    let mut seen = Recorder::new(vec![values, pattern]);
    model.forward(&batch, &mut seen)?;
    let (values, pattern) = (&seen.values[&values], &seen.values[&pattern]);
    let brought = model.value_weighted_norms(BLOCK, values, pattern, &batch)?;
    let word = prepared.rows.iter().position(|row| row.label == WORD);
    let word = word.ok_or_else(|| format!("{TEXT:?} has no {WORD:?}"))?;
    // The word's row, summed over heads: the share of each token in it.
    let mut shares = Vec::new();
    for packed in [pattern, &brought] {
        let sums: Vec<f32> = packed.sum(0)?.narrow(0, word * tokens, tokens)?.to_vec1()?;
        let all: f32 = sums.iter().sum();
        shares.push(sums.iter().map(|sum| 100.0 * sum / all).collect::<Vec<_>>());
    }
    println!("\nwhat {WORD:?} takes from each token in block {BLOCK}, all heads together");
    println!("       token  by attention  by what it brings");
    for (index, row) in prepared.rows.iter().enumerate() {
        let [raw, weighted] = [shares[0][index], shares[1][index]];
        println!("{:>12}  {raw:10.1} %  {weighted:15.1} %", row.label);
    }
    Ok(())
}
