//! `stratoscope probe`, and `probe apply`.

use super::{CommonArgs, LongName, MetricName, ModelArgs, OutputArgs, PoolingName, StatesArgs};
use clap::{Args as Group, Subcommand};
use std::path::PathBuf;
use stratoscope::LayerSelection;
use stratoscope::probe::{Column, Filter};

pub(super) const HELP: &str = "\
A linear probe (multinomial logistic regression on standardised vectors) is fitted to the words of \
every layer, and scored on sentences that were not used to fit it. It is compared with baselines: \
the majority class, the most frequent label of the form or of the lemma, and the probe of layer 0. \
Prints a table and its main results as sentences. Writes a folder: report.html, the figure probe \
(.svg and .png, .json with the chart as data, .csv in long form), captions.md, numbers.json (what --json \
prints) and manifest.json.

The program splits a CoNLL-U file (--corpus) by sentences: a tenth for the scores, a tenth to \
choose the penalty. Files that are already split are given with --train, --dev and --test; without \
--test, the scores are those on --dev, and the penalty is chosen on a tenth of --train. Words without the label are \
omitted, and their number is reported. deprel is the relation as annotated; deprel.universal is \
the relation without subtypes (nsubj for nsubj:pass).

  stratoscope probe --corpus en.conllu --label upos
  stratoscope probe --train a.conllu --test b.conllu --label feats.Tense --where upos=VERB --control
  stratoscope probe --train train.conllu --dev dev.conllu --label deprel --label misc.Supersense \
--where 'misc.Supersense~^n\\.' --strength 0.1
  stratoscope probe --corpus en.conllu --structural

A task of your own is a file with lines text TAB label, or text TAB START-END TAB label where the \
label belongs to a place in the text (in characters from 0; the end is not part of the place). A \
first line with the names of the columns (text, label) is skipped. The result says which layer suits the \
task best and whether more texts would help; --save keeps the probe of the best layer:

  stratoscope probe --tsv complaints.tsv --save complaints.probe
  stratoscope probe apply complaints.probe --file new.txt

Which layer suits the similarity of texts? --pairs reads lines SCORE TAB text TAB text (and possibly a \
tab and the name of a set), and prints Spearman's correlation of similarity and score by layer, also \
given the lengths of the texts. Lines query TAB relevant text give the recall of the relevant texts \
among all of them instead. A layer, a pooling and a metric are chosen on one half of the pairs, and \
tested on the other; --save keeps the model cut at this layer, for probe apply:

  stratoscope probe --pairs sts.tsv --save sts.embedder
  stratoscope probe apply sts.embedder --file new.txt --json

Which direction? --contrast takes two files with one text per line (or text TAB START-END, a word in its \
text), and computes the difference of their means at every layer: how well it separates texts that it was \
not computed from, beside random directions and among texts of equal length, and the texts that lie \
farthest along it. --steer adds it to the states of a language model, and shows what the predictions \
become. --save keeps the directions as .npz, or as .gguf, the control vector of llama.cpp:

  stratoscope probe --contrast formal.txt casual.txt --model MODEL --steer --save formal.gguf

--from STATES takes the place of the model, also for a model that ran elsewhere: the labels come from \
--corpus, --train or --tsv as above. A file of states without texts has those of these files, in order \
(of --tsv one per line). --random-weights needs the model.

  stratoscope probe --corpus en.conllu --label upos --from states.safetensors

In --json, layers has one object per layer: accuracy, macro_f1, unseen_lemma_accuracy, … Each is \
{value, interval, n}: interval is [low, high], the 95 % interval over the test sentences, or null. \
With several labels, each layer and baselines have one such object per label, under the name of \
the label.";

#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProbeCommand>,
    /// A CoNLL-U file, which the program splits by sentences.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["train", "dev", "test", "tsv"])]
    pub(crate) corpus: Option<PathBuf>,
    /// A CoNLL-U file to fit to; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv")]
    pub(crate) train: Vec<PathBuf>,
    /// A CoNLL-U file to choose the penalty on [default: a tenth of --train]; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv", requires = "train")]
    pub(crate) dev: Vec<PathBuf>,
    /// A CoNLL-U file to score on [default: --dev]; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "tsv", requires = "train")]
    pub(crate) test: Vec<PathBuf>,
    /// A task of your own: a file with lines text TAB label, or text TAB START-END TAB label.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["label", "filters", "structural"])]
    pub(crate) tsv: Option<PathBuf>,
    /// Which layer suits the similarity of texts: a file with lines SCORE TAB text TAB text, or
    /// query TAB relevant text.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "corpus", "train", "dev", "test", "tsv", "label", "filters", "structural", "strength", "control",
        "random_weights", "mlp", "mdl", "mix",
    ])]
    pub(crate) pairs: Option<PathBuf>,
    /// The direction between two lists of texts: two files with one text, or text TAB START-END, per line.
    #[arg(long, value_names = ["FILE", "FILE"], num_args = 2, conflicts_with_all = [
        "corpus", "train", "dev", "test", "tsv", "label", "filters", "structural", "strength", "control",
        "random_weights", "mlp", "mdl", "mix", "pairs",
    ])]
    pub(crate) contrast: Vec<PathBuf>,
    /// Add the direction of --contrast to the states, and measure what the predictions become.
    #[arg(long, requires = "contrast", conflicts_with = "from")]
    pub(crate) steer: bool,
    /// The metric of the scores of --pairs by layer: cosine, centred or standardised.
    #[arg(long, value_enum, default_value = "cosine", value_name = "NAME", requires = "pairs")]
    pub(crate) metric: MetricName,
    /// The label to predict: upos, xpos, deprel, deprel.universal, feats.KEY or misc.KEY. Two
    /// labels in one run are compared on the words that have both.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<Column>,
    /// Only these words: COLUMN=VALUE, or COLUMN~PATTERN for a regular expression; may be repeated:
    /// a word must then pass all filters.
    #[arg(long = "where", value_name = "FILTER")]
    pub(crate) filters: Vec<Filter>,
    /// The strength of the probe, scikit-learn's C: a small C is a strong penalty [default: the
    /// best of 0.001 to 10 on held-out sentences, for each layer].
    #[arg(long, value_name = "C", value_parser = above_zero)]
    pub(crate) strength: Option<f64>,
    /// Also run the control task, in which each word form has a random label; reports selectivity.
    #[arg(long)]
    pub(crate) control: bool,
    /// Also probe the same architecture with random weights.
    #[arg(long, conflicts_with = "from")]
    pub(crate) random_weights: bool,
    /// Also fit a probe with one hidden layer; with --control and --mdl also its selectivity and code.
    #[arg(long)]
    pub(crate) mlp: bool,
    /// Also report how many bits the labels cost, given each layer (minimum description length,
    /// online code).
    #[arg(long)]
    pub(crate) mdl: bool,
    /// Also fit mixes of layers; reports the expected layer and the centre of gravity.
    #[arg(long)]
    pub(crate) mix: bool,
    /// The structural probe: whether distances and lengths of vectors encode the dependency trees.
    #[arg(long)]
    pub(crate) structural: bool,
    /// Keep the probe of the best layer, or with --pairs the model cut at that layer, for `probe
    /// apply` (safetensors); with --contrast the directions (.npz or .gguf).
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Layers to probe, such as 0,4,8-12,-1; 0 is the embedding [default: all].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) layers: Option<LayerSelection>,
    /// How the sub-words of a word become one vector [default: mean; for whole texts the pooling of
    /// the model, if it has one].
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) pooling: Option<PoolingName>,
    /// What to do with a sentence that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
    /// The seed of the split, of held-out sentences, of controls and of intervals.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) states: StatesArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Apply a saved probe or embedder to new texts: prints label, probability and text, separated by
    /// tabs; of an embedder the vector and the text.
    #[command(after_help = APPLY_HELP)]
    Apply(ApplyArgs),
}

const APPLY_HELP: &str = "\
The model must be the model on which the probe was fitted; this is checked by the weights. Prints \
one line per text: label, probability and text, separated by tabs. A probe of places in texts \
reads lines text TAB START-END.

Of an embedder (probe --pairs … --save), a line is the numbers of the vector, separated by spaces, a \
tab and the text. The vectors have length 1: their products are the similarities.";

#[derive(Debug, Group)]
pub(crate) struct ApplyArgs {
    /// The file that `probe --save` wrote: a probe or an embedder.
    pub(crate) probe: PathBuf,
    /// The texts; `-` reads standard input, one text per line.
    pub(crate) text: Vec<String>,
    /// Read the texts from a file: one per line, or a .conllu, .jsonl or .parquet file.
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

/// Parses a number above 0.
fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number above 0 is expected".to_owned()),
    }
}
