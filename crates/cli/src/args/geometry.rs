//! `stratoscope geometry`.

use super::{CommonArgs, LongName, OutputArgs, PoolingName, SeveralModels};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
FILE is a text a line, or by its name: .conllu (sentences, with their words), .jsonl or .parquet. A \
text is a sentence; words are those of the file where it has them, else the tokenizer's; special \
tokens are left out. Measured at every layer, each with its 95 % interval over sentences:

  anisotropy, self-similarity, intra-sentence similarity, maximum explainable variance (the latter \
three also less their baseline), norms, the largest dimension's share of the cosine, TwoNN intrinsic \
dimension, matrix entropy, effective rank, curvature, identity retention, neighbours shared with the \
layer before; layer x layer CKA (linear, debiased, RBF); the words that move most at each step.

What needs pairs of words is taken of a seeded sample (--sample), the rest of all words. Prints a \
table and what it says in words, and writes geometry, cka and moved (.svg .png .json), geometry.csv \
(model,layer,measure,value,low,high,n) and manifest.json to a folder. What is not defined is null, \
and left_out says why.

  stratoscope geometry --file corpus.conllu
  stratoscope geometry --file corpus.txt --model bundled --model sentence-transformers/all-mpnet-base-v2

With several models the curves lie over each other, depth as a share of the whole; CKA across models \
is over words that stand at the same place in all of them. In --json, layers has an object a layer; \
with several models, models has such an object each.";

#[derive(Debug, Group)]
pub(crate) struct GeometryArgs {
    /// The texts: one a line, or of a .conllu, .jsonl or .parquet file; `-` reads standard input, a
    /// text a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// How many words are drawn for what needs pairs of them; time grows with its square.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) sample: u32,
    /// The seed of the draws and of the intervals.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How the sub-words of a word become one vector.
    #[arg(long, value_enum, value_name = "HOW", default_value = "mean")]
    pub(crate) pooling: PoolingName,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
