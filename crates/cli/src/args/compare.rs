//! `stratoscope compare`.

use super::{CommonArgs, MetricName, ModelArgs, OutputArgs, PoolingName};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Two sentences are aligned by their words (the fewest edits), and the distance of aligned words is \
told for every layer beside pairs from unrelated built-in sentences: 30 % says that 30 of a hundred \
of those are nearer to each other. Replaced words are held against random pairs of words, kept ones \
against pairs of one word. The kept words begin to differ at the first layer from 1 on where their \
mean is above 5 % and above its place at layer 0, where only position can differ.

With --word, that word's vectors in two texts or more are held against 32 built-in homographs in \
the same and in different senses. --word bank#2 is the second occurrence; with a --word for each \
text they may differ, and one text may have several.

  stratoscope compare \"The bank lent him money.\" \"The bank of the river flooded.\"
  stratoscope compare --word bank \"The bank lent.\" \"He sat on the bank.\" \"A bank failed.\"
  stratoscope compare --word bank#1 --word bank#2 \"The bank stood by the bank of the river.\"
  stratoscope compare --pairs minimal.tsv      lines of good TAB bad
  stratoscope compare --wic pairs.tsv --json

--wic reads lines with tabs between, with the columns same (1 or 0), start1, end1, start2, end2 (in \
characters from 0, the end not part of the word), sentence1, sentence2, and lemma where it is \
known, named by the first line in any order. A pair's score is the similarity of the word's two \
vectors; AUC is how often a pair of one sense scores above a pair of two, 0.5 by chance. In --json, \
layers has an object a layer: auc, same, different, each {value, low, high, n}, a 95 % bootstrap \
interval over n lemmas (over pairs where lemmas are not named).

Writes the curves (compare.svg, .png), all numbers (compare.json), of two sentences their words by \
layer (words.svg, .png, .json), the page (report.html; of two sentences both beside each other, in \
one basis), and manifest.json to a folder.";

#[derive(Debug, Group)]
pub(crate) struct CompareArgs {
    /// Two sentences; or with --word the texts that it stands in.
    pub(crate) text: Vec<String>,
    /// The word to compare, WORD or WORD#2 for its second occurrence; once for all texts, or once
    /// for each.
    #[arg(long, value_name = "WORD", conflicts_with_all = ["pairs", "wic"])]
    pub(crate) word: Vec<String>,
    /// Minimal pairs: a file of lines good TAB bad.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "wic"])]
    pub(crate) pairs: Option<PathBuf>,
    /// Word-in-context pairs with labels, one a line.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) wic: Option<PathBuf>,
    /// What a distance is; centred and standardised are relative to the words of 200 built-in
    /// sentences.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: MetricName,
    /// How the sub-words of a word become one vector.
    #[arg(long, value_enum, default_value = "mean", value_name = "HOW")]
    pub(crate) pooling: PoolingName,
    /// The seed of the bootstrap and of the random words.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
