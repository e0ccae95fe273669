//! `stratoscope geometry`.

use super::{CommonArgs, LongName, OutputArgs, PoolingName, SeveralModels, StatesArgs};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
FILE has one text per line, or is, by its extension, a .conllu file (sentences with their words), \
a .jsonl or a .parquet file. A text is a sentence. Words are those of the file where it has words, \
otherwise those of the tokenizer. Special tokens are omitted. Every measure has its 95 % interval \
over sentences.

Of every layer:
  anisotropy, self-similarity, intra-sentence similarity, maximum explainable variance (the last \
three also minus their baseline), norm, the share of the largest dimension in the cosine, intrinsic \
dimension (TwoNN), matrix entropy, effective rank, curvature, identity retention, the overlap of \
nearest neighbours with the layer before

Of every two layers:
  CKA (linear, debiased, and with a Gaussian kernel), and RSA (Spearman's rank correlation of the \
dissimilarities 1 − cosine, over at most 700 words)

Of every step from a layer to the next:
  the words whose nearest neighbours change most

Measures of pairs of words use a seeded sample (--sample), the other measures all words. Prints a \
table and its main results as sentences. Writes a folder: report.html, the figures geometry, cka, \
rsa, neighbour_change and neighbours_kept (each as .svg and .png, as .json with the chart as data, \
and as .csv in long form), captions.md, numbers.json (what --json prints) and manifest.json. geometry.csv has \
the columns model,layer,measure,value,low,high,n.

  stratoscope geometry --file corpus.conllu
  stratoscope geometry --file corpus.txt --model bundled --model sentence-transformers/all-mpnet-base-v2

--from STATES takes the place of the model, also for a model that ran elsewhere: FILE has the texts \
that the model read. A file of states without texts has those of FILE, in order.

  stratoscope geometry --file corpus.conllu --from states.npz

With several models, the curves have one axis of relative depth (0 to 1), and CKA is also measured \
between the layers of every two models, over the words that all models have.

In --json, layers has one object per layer, and an estimate is {value, interval, n}: interval is \
[low, high] or null. A value that is not defined is null, and omitted has the reason. With several \
models, models has one such object per model.";

#[derive(Debug, Group)]
pub(crate) struct GeometryArgs {
    /// The texts: one per line, or a .conllu, .jsonl or .parquet file; `-` reads standard input,
    /// one text per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// The number of words that are sampled for measures of pairs of words. The time grows with its
    /// square.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) sample: u32,
    /// The seed of the samples and of the intervals.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How the sub-words of a word become one vector.
    #[arg(long, value_enum, value_name = "HOW", default_value = "mean")]
    pub(crate) pooling: PoolingName,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    #[command(flatten)]
    pub(crate) states: StatesArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
