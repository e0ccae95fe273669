//! `stratoscope compare`.

use super::{CommonArgs, MetricName, ModelArgs, OutputArgs, PoolingName};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Two sentences are aligned by their words (the fewest edits). The distance of aligned words at \
every layer is compared with pairs from unrelated built-in sentences, as a percentile: 30 % means \
that 30 % of the reference pairs are closer. The reference is random pairs of words for a replaced \
word, and pairs of one word for a kept word. The kept content words begin to differ at the first \
layer from 1 on whose mean distance is above that of the nearest 5 % of pairs of one word in two \
unrelated sentences (at layer 0, only the position can differ). A word is a content word if it is \
mostly a noun, verb, adjective, adverb or name in the reference bank, or if it is not in it.

With --word, the vectors of this word in two or more contexts are compared with 32 built-in \
homographs in the same sense and in different senses. bank#2 is the second occurrence of a word. \
One --word counts for all texts; or give one --word for each text, or several --word for one text. \
For two contexts, the nearest words in the sentences of the reference bank are listed by layer, and \
the layer at which the contexts part: from there to the last layer, fewer than half of the 10 \
nearest words are the same. (For a model that is not bundled, stratoscope profile has to be run \
first.)

  stratoscope compare \"The bank lent him money.\" \"The bank of the river flooded.\"
  stratoscope compare --word bank \"The bank lent.\" \"He sat on the bank.\" \"A bank failed.\"
  stratoscope compare --word bank#1 --word bank#2 \"The bank stood by the bank of the river.\"
  stratoscope compare --pairs minimal.tsv      lines of good TAB bad
  stratoscope compare --wic pairs.tsv --json

--wic reads lines with columns separated by tabs: same (1 or 0), start1, end1, start2, end2 (in \
characters from 0; the end is not part of the word), sentence1, sentence2, and lemma where it is \
known. The first line names the columns, in any order. The score of a pair is the similarity of \
the two vectors of the word. AUC is the probability that a pair with one sense scores above a pair \
with two senses (0.5 by chance).

In --json, layers has one object per layer. Its estimates, such as auc, same and different of \
--wic, are {value, interval, n}: interval is [low, high], the 95 % bootstrap interval over n \
words, pairs or lemmas, or null. A value that is not defined is null, and omitted has the reason.

Writes a folder: the page (report.html; it shows two sentences side by side, in one basis), the \
figure compare, for two sentences also the figure words, for two contexts of a word journeys (each as .svg and .png, as .json with the \
chart as data, and as .csv in long form), captions.md, numbers.json (what --json prints) and manifest.json.";

#[derive(Debug, Group)]
pub(crate) struct CompareArgs {
    /// Two sentences; with --word, the texts that contain the word.
    pub(crate) text: Vec<String>,
    /// The word to compare: WORD, or WORD#2 for its second occurrence; once for all texts, or once
    /// for each text.
    #[arg(long, value_name = "WORD", conflicts_with_all = ["pairs", "wic"])]
    pub(crate) word: Vec<String>,
    /// Minimal pairs: a file with lines good TAB bad.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "wic"])]
    pub(crate) pairs: Option<PathBuf>,
    /// Word-in-context pairs with labels: a file with one pair per line.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) wic: Option<PathBuf>,
    /// The measure of distance; centred and standardised vectors are relative to the words of 200
    /// built-in sentences.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: MetricName,
    /// How the sub-words of a word become one vector.
    #[arg(long, value_enum, default_value = "mean", value_name = "HOW")]
    pub(crate) pooling: PoolingName,
    /// The seed of the bootstrap and of the random pairs of words.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
