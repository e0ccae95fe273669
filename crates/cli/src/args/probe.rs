//! `stratoscope probe`, and `probe apply`.

use super::{CommonArgs, LongName, ModelArgs, OutputArgs, PoolingName};
use clap::{Args as Group, Subcommand};
use std::path::PathBuf;
use stratoscope::LayerSelection;
use stratoscope::probe::{Column, Filter};

pub(super) const HELP: &str = "\
A linear probe (multinomial logistic regression on standardised vectors) is fitted to the words of \
every layer and scored on sentences that it has not seen, beside what needs no layer: the majority \
class, looking the form or the lemma up, and layer 0. Prints a table and what it says in words, and \
writes the figure (probe.svg, probe.png), all numbers (probe.json) and manifest.json to a folder.

A CoNLL-U file is split by sentences (a tenth for scores, a tenth to choose the penalty on), or comes \
in parts (--train, --dev, --test; without --test, --dev is what is scored on, and nothing is chosen \
on it). Words that lack a label are left out and counted. deprel is the relation as it is annotated, \
deprel.universal the same without subtypes (nsubj for nsubj:pass).

  stratoscope probe --corpus en.conllu --label upos
  stratoscope probe --train a.conllu --test b.conllu --label feats.Tense --where upos=VERB --control
  stratoscope probe --train train.conllu --dev dev.conllu --label deprel --label misc.Supersense \
--where 'misc.Supersense~^n\\.' --strength 0.1
  stratoscope probe --corpus en.conllu --structural

A task of your own: a file of lines text TAB label, or text TAB START-END TAB label where the label \
is of a place in the text (in characters from 0, the end not part of it); a first line that names the \
columns (text, label) is passed over. Which layer suits it best, how many texts it needs, and a probe \
to keep:

  stratoscope probe --tsv complaints.tsv --save complaints.probe
  stratoscope probe apply complaints.probe --file new.txt

In --json, layers has an object a layer: accuracy, macro_f1, unseen_lemma_accuracy, … each {value, \
low, high}, a 95 % interval over the test sentences. With several labels, each layer and baselines \
have such an object a label, by its name.";

#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProbeCommand>,
    /// A CoNLL-U file, split by sentences.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["train", "dev", "test", "tsv"])]
    pub(crate) corpus: Option<PathBuf>,
    /// A CoNLL-U file to fit to; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv")]
    pub(crate) train: Vec<PathBuf>,
    /// A CoNLL-U file to choose the penalty on; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv", requires = "train")]
    pub(crate) dev: Vec<PathBuf>,
    /// A CoNLL-U file to score on; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv", requires = "train")]
    pub(crate) test: Vec<PathBuf>,
    /// A task of your own: lines of text TAB label, or text TAB START-END TAB label.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["label", "filters", "structural"])]
    pub(crate) tsv: Option<PathBuf>,
    /// What to predict: upos, xpos, deprel, feats.KEY or misc.KEY. Two in one run are held against
    /// each other on the words that have both.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<Column>,
    /// Only these words: COLUMN=VALUE, or COLUMN~PATTERN for a regular expression; may be repeated,
    /// and then all have to hold.
    #[arg(long = "where", value_name = "FILTER")]
    pub(crate) filters: Vec<Filter>,
    /// The strength of the probe, scikit-learn's C: the smaller, the stronger the penalty [default:
    /// the best of 0.001 to 10 on held-out sentences, for each layer].
    #[arg(long, value_name = "C", value_parser = above_zero)]
    pub(crate) strength: Option<f64>,
    /// The control task too: each word form with a random label, and selectivity.
    #[arg(long)]
    pub(crate) control: bool,
    /// The same architecture with random weights too.
    #[arg(long)]
    pub(crate) random_weights: bool,
    /// How many bits the labels cost, given each layer (minimum description length, online code).
    #[arg(long)]
    pub(crate) mdl: bool,
    /// Mixes of layers: the expected layer, and the centre of gravity.
    #[arg(long)]
    pub(crate) mix: bool,
    /// The structural probe: whether distances and lengths of vectors hold the dependency trees.
    #[arg(long)]
    pub(crate) structural: bool,
    /// Keep the probe of the best layer, for `probe apply` (safetensors).
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Layers to probe, such as 0,4,8-12,-1; 0 is the embedding [default: all].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) layers: Option<LayerSelection>,
    /// How the sub-words of a word become one vector [default: mean; of whole texts as the model
    /// says where it does].
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) pooling: Option<PoolingName>,
    /// What to do with a sentence that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    /// The seed of the split, of held-out sentences, of controls and intervals.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// About how much memory states may take, in MiB; where all layers need more, the model runs
    /// several times.
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Put a saved probe on new texts: label, probability and text, with tabs between.
    #[command(after_help = APPLY_HELP)]
    Apply(ApplyArgs),
}

const APPLY_HELP: &str = "\
The model has to be the one that the probe was fitted on, by its weights. A probe of places in texts \
wants text TAB START-END on each line.";

#[derive(Debug, Group)]
pub(crate) struct ApplyArgs {
    /// What `probe --save` wrote.
    pub(crate) probe: PathBuf,
    /// The texts; `-` reads standard input, a text a line.
    pub(crate) text: Vec<String>,
    /// Read texts from a file: one a line, or of a .conllu, .jsonl or .parquet file.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// A number above 0.
fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number above 0 is expected".to_owned()),
    }
}
