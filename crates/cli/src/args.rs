//! The command line, defined once: names, defaults and help.

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use stratoscope::extractor::Format;
use stratoscope::{
    Alignment, Column, Filter, HookSelection, LayerSelection, LongText, Metric, Pooling, Reducer,
};

/// See how a transformer turns tokens into meaning, layer by layer.
#[derive(Debug, Parser)]
#[command(name = "stratoscope", bin_name = "stratoscope")]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  stratoscope explore \"The bank by the river refused the loan.\"
  stratoscope explore \"The bank lent.\" \"The bank flooded.\" --output banks
  stratoscope extract --file corpus.txt --output corpus.safetensors --layers 0,6
  stratoscope profile --model sentence-transformers/all-mpnet-base-v2
  stratoscope probe --corpus corpus.conllu --label upos

Exit codes: 0 done, 1 failure, 2 usage, 3 no such model, 4 bad input, 5 network, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pictures and numbers of one or several sentences, by depth.
    #[command(after_help = EXPLORE_HELP)]
    Explore(ExploreArgs),
    /// Hidden states of texts or token ids, as a file that Python reads too.
    #[command(after_help = EXTRACT_HELP)]
    Extract(ExtractArgs),
    /// Two sentences, one word in several contexts, or pairs from a file, by depth.
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// What a model's layers know of a word: its sense against its syntactic role, by depth.
    #[command(after_help = PROFILE_HELP)]
    Profile(ProfileArgs),
    /// What each layer knows of a label: linear and structural probes with their controls.
    #[command(after_help = PROBE_HELP)]
    Probe(Box<ProbeArgs>),
    /// Measures of the representation space over a corpus, by layer: geometry of the cloud of words.
    #[command(after_help = GEOMETRY_HELP)]
    Geometry(GeometryArgs),
    /// What each layer would predict, through the model's own head.
    #[command(after_help = LENS_HELP)]
    Lens(LensArgs),
    /// What a model is: family, sizes, tokenizer, hook points, what its checkpoint has unused.
    Info(ModelJobArgs),
    /// The models at hand: the bundled one and those in the cache.
    Models(ModelsArgs),
    /// Bring a model into the cache, and check that it loads.
    Fetch(ModelJobArgs),
    /// A model held against candle-transformers' own forward of the same checkpoint.
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
    /// What this machine and its settings mean for the program.
    Doctor(ModelsArgs),
    /// Completions for a shell, on stdout.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
}

const COMPLETIONS_HELP: &str = "\
bash:  stratoscope completions bash > ~/.local/share/bash-completion/completions/stratoscope
zsh:   stratoscope completions zsh > ~/.zfunc/_stratoscope   (a folder of $fpath)
fish:  stratoscope completions fish > ~/.config/fish/completions/stratoscope.fish";

#[derive(Debug, Group)]
pub(crate) struct ModelJobArgs {
    /// `bundled`, a folder, or a hub repository (org/name[@revision]).
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct ModelsArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

const EXPLORE_HELP: &str = "\
Writes a folder: report.html, an interactive page that needs no network; trajectory, tsne, \
similarity, depth, layers, moves, activations, the plane of role and sense where the model's is \
known, and with --attention the heads and rollout, as SVG and PNG with their numbers as JSON; the \
states (states.safetensors), and manifest.json, which says what made them. The same command gives \
the same bytes.

With --model given twice or more, all models read the same words (Unicode's), and the folder has \
depth, similarity and cka of all of them, and the figures of each with its name after theirs.";

const EXTRACT_HELP: &str = "\
FILE is a text a line, or by its name: .conllu (sentences, whose words --words takes), .jsonl or \
.parquet (--field says where the text is).

One file is made in memory. A folder is for corpora of any length: it gets shards and index.json, \
memory stays flat, and after an interruption the same command with --resume goes on.

In Python, one file or one shard:
  from safetensors.numpy import load_file
  states = load_file(\"corpus.safetensors\")
  states[\"hidden_states\"]  # [layers, tokens, d_model]; sequence_offsets says where texts begin

A folder, shard by shard (offsets are those of the shard):
  import json
  for shard in json.load(open(\"states/index.json\"))[\"shards\"]:
      states = load_file(\"states/\" + shard[\"file\"])

Parquet, a row a token and a list a layer, with duckdb:
  duckdb.sql(\"SELECT label, layer_06 FROM 'states/*.parquet' WHERE NOT special\").df()";

const VERIFY_HELP: &str = "\
Runs both on a few sequences and prints how far hidden states and logits are apart, the largest \
difference and the largest relative to the largest number of the same token. Exit code 1 where they \
differ, also where candle-transformers is known to differ from transformers: the verdict says so.

Needs a build with the second opinion: cargo install --path crates/cli --features second-opinion";

const PROFILE_HELP: &str = "\
One word form is read in crossed conditions (two senses x four roles x several contexts), and what \
varies of its vector is split at every layer: how much goes with the sense, how much with the role. \
Prints a table and what it says in words, and writes the figure and the numbers to a folder. A \
profile is kept, so that the second time is immediate; the bundled model's comes with the program.

Stimuli of your own, in any language (--stimuli FILE):
  carrier the
  word bank
  sense money: a company that lends money
  role subject
  Now | As you know, | the [bank] lent him more.
with every sense in every role; what stands before a | is a lead-in, < before a line says that its \
cues stand before the [target].";

#[derive(Debug, Group)]
pub(crate) struct ProfileArgs {
    /// What to read: homographs (32 English nouns, two senses, four roles), noun-verb (12 English
    /// words as noun and as verb), or a file.
    #[arg(long, default_value = "homographs", value_name = "NAME|FILE")]
    pub(crate) stimuli: String,
    /// Only contexts that tell sense and role before the target. A causal model always gets these.
    #[arg(long)]
    pub(crate) cues_first: bool,
    /// Keep the vectors that it is computed from, as FILE.safetensors.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_states: Option<PathBuf>,
    /// The folder to write [default: stratoscope-out/<model>--profile--<stimuli>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a profile that is in the folder, or the states file.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

const PROBE_HELP: &str = "\
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
    /// The folder to write [default: stratoscope-out/<model>--probe--<labels>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a probe that is in the folder, or the saved one.
    #[arg(long)]
    pub(crate) overwrite: bool,
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

const GEOMETRY_HELP: &str = "\
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
    /// The folder to write [default: stratoscope-out/<models>--geometry--<file>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace what is in the folder, if it is of an earlier run.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

const LENS_HELP: &str = "\
The model's final norm and head are put on the states of every layer (logit lens, nostalgebraist \
2020). A causal model predicts the token after each; a masked one the token at each mask of the \
text, written as its tokenizer writes it ([MASK], <mask>). A text without masks is shown too, but \
then the model sees what it names. Prints a table: entropy, KL(last layer || this layer), both in \
nats, and the rank of the true token where it is known (1: no token is more probable). Writes the \
figure, all numbers (lens.json) and manifest.json to a folder. The head was trained on the last \
layer only: early layers may read as nonsense and still know the word.

Examples:
  stratoscope lens --model openai-community/gpt2 \"The capital of France is\" --target \" Paris\"
  stratoscope lens --model google-bert/bert-base-uncased \"Paris is the [MASK] of France.\"";

#[derive(Debug, Group)]
pub(crate) struct LensArgs {
    /// The text; `-` reads it from standard input.
    pub(crate) text: String,
    /// How many of the most probable tokens are kept for each layer and token.
    #[arg(long, default_value_t = 5, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
    /// The true token, whose rank is then told: one for each mask, in order, or for a causal model
    /// the one after the text. With its space in front where the vocabulary has it so (" Paris").
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) target: Vec<String>,
    /// The text's perplexity too; of a masked model its pseudo-perplexity, for which each token is
    /// hidden in turn.
    #[arg(long)]
    pub(crate) perplexity: bool,
    /// The folder to write [default: stratoscope-out/<model>--lens--<first words>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a lens that is in the folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

const COMPARE_HELP: &str = "\
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
layer (words.svg, .png, .json), and manifest.json to a folder.";

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
    /// The folder to write [default: stratoscope-out/<model>--compare--<first words>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a comparison that is in the folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Draw from a states file (of extract or explore) again, without a model.
    #[arg(long, value_name = "STATES", conflicts_with_all = ["text", "file", "pairs", "model"])]
    pub(crate) from: Option<PathBuf>,
    /// The folder to write [default: stratoscope-out/<model>--<first words>--<hash>].
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an exploration that is in the folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// What the curves by depth measure.
    #[arg(long, value_enum, default_value = "cosine")]
    pub(crate) metric: MetricName,
    /// What the plane of the trails is; random is the control that tells structure from chance.
    #[arg(long, value_enum, default_value = "pca")]
    pub(crate) reducer: ReducerName,
    /// How the layers' maps share a plane: one basis, one map a layer aligned to the one before, or
    /// not at all (then there are no trails).
    #[arg(long, value_enum, default_value = "joint")]
    pub(crate) align: AlignName,
    /// The seed of t-SNE, the random projection and the bootstrap.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Compute the model's anisotropy baseline from 200 built-in sentences, and keep it for next
    /// time (the bundled model's comes with the program).
    #[arg(long, conflicts_with = "from")]
    pub(crate) baseline: bool,
    /// Show where every head of every block looks too, and what that adds up to (rollout); keeps
    /// the patterns with the states.
    #[arg(long, conflicts_with = "from")]
    pub(crate) attention: bool,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    pub(crate) models: SeveralModels,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Token ids instead of texts: a sequence a line, used as they are, nothing added.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "file", "pairs"])]
    pub(crate) token_ids: Option<PathBuf>,
    /// What to write: FILE.safetensors, FILE.npz or FILE.parquet, or a folder of shards for a corpus
    /// of any length.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "json")]
    pub(crate) output: Option<PathBuf>,
    /// The format of the shards in a folder [default: safetensors].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatName>,
    /// Write 16-bit floats.
    #[arg(long)]
    pub(crate) half: bool,
    /// Go on with what is in the folder; the result is the same as that of one run.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Replace what is there.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Take only N of the texts, drawn without replacement and kept in their order.
    #[arg(long, value_name = "N", conflicts_with = "token_ids", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// The seed of the draw.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How large a shard of a folder becomes, in MiB of f32 states.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) shard_mib: u32,
    /// One row a text instead of one a token, pooled over all of its tokens, as the model's own
    /// pooling says where it has one.
    #[arg(long, conflicts_with_all = ["words", "no_special_tokens"])]
    pub(crate) sentences: bool,
    /// Other hook points to keep, such as blocks.3.attn.hook_pattern,blocks.*.hook_mlp_out; `info`
    /// lists those of a model. Also blocks.N.attn.value_weighted_norms.
    #[arg(
        long, value_name = "NAMES", default_value = "", hide_default_value = true,
        conflicts_with_all = ["words", "sentences", "no_special_tokens"]
    )]
    pub(crate) hooks: HookSelection,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Group)]
pub(crate) struct VerifyArgs {
    /// `bundled`, a folder, or a hub repository (org/name[@revision]).
    pub(crate) name: String,
    /// A text to run, as often as wanted [default: two sentences].
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Token ids instead of texts: a sequence a line, used as they are, nothing added.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) token_ids: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What to read.
#[derive(Debug, Group)]
pub(crate) struct InputArgs {
    /// The texts; `-` reads standard input, a text a line.
    pub(crate) text: Vec<String>,
    /// Read texts from a file: one a line, or of a .conllu, .jsonl or .parquet file.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// Pairs of texts that the model reads together: the TEXTs two by two, or a pair a line of the
    /// file with a tab between.
    #[arg(long)]
    pub(crate) pairs: bool,
    /// What to do with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub(crate) long: LongName,
}

/// Which rows and layers to keep.
#[derive(Debug, Clone, Group)]
pub(crate) struct RowArgs {
    /// Layers to keep, such as 0,4,8-12,-1; 0 is the embedding [default: all].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) layers: Option<LayerSelection>,
    /// One row a word instead of one a token; of a .conllu file its own words.
    #[arg(long)]
    pub(crate) words: bool,
    /// How several vectors become one [default: mean].
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) pooling: Option<PoolingName>,
    /// Leave special tokens out of what is shown and written; the model reads them all the same.
    #[arg(long)]
    pub(crate) no_special_tokens: bool,
}

/// Which model, and from where.
#[derive(Debug, Clone, Group)]
pub(crate) struct ModelArgs {
    /// `bundled`, a folder with config.json and model.safetensors, or a hub repository
    /// (org/name[@revision]).
    #[arg(long, default_value = "bundled")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Which models, of a command that sets several side by side.
#[derive(Debug, Clone, Group)]
pub(crate) struct SeveralModels {
    /// `bundled`, a folder with config.json and model.safetensors, or a hub repository
    /// (org/name[@revision]); given twice or more, the models stand side by side.
    #[arg(id = "model", long = "model", default_value = "bundled", value_name = "MODEL")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How a model runs, and where it is looked for.
#[derive(Debug, Clone, Group)]
pub(crate) struct RunArgs {
    /// Where the model runs. Others than the CPU need a build with the feature cuda or metal.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(crate) device: DeviceName,
    /// The type of number that the model computes with. Only f32 on a CPU is fast.
    #[arg(long, value_enum, default_value = "f32")]
    pub(crate) dtype: DtypeName,
    #[command(flatten)]
    pub(crate) hub: HubArgs,
}

/// How the hub is used.
#[derive(Debug, Clone, Group)]
pub(crate) struct HubArgs {
    /// A branch, tag or commit of the hub repository.
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Use what is cached, and no network (also HF_HUB_OFFLINE=1).
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where hub repositories are cached [default: HF_HUB_CACHE, or as Python's hub client].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where a model has no safetensors, read its pytorch_model.bin. It is a pickle, a program for
    /// Python; here it is parsed, and nothing in it is executed.
    #[arg(long)]
    pub(crate) allow_pickle: bool,
}

/// What every command has.
#[derive(Debug, Group)]
pub(crate) struct CommonArgs {
    /// Print one JSON object instead of words, and write no files unless --output is given.
    #[arg(long)]
    pub(crate) json: bool,
    /// Threads to compute with [default: all cores]. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// No progress and no notes.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say where time goes, and the causes of an error.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

impl Args {
    pub(crate) fn common(&self) -> &CommonArgs {
        match &self.command {
            Command::Explore(args) => &args.common,
            Command::Extract(args) => &args.common,
            Command::Profile(args) => &args.common,
            Command::Probe(args) => match &args.command {
                Some(ProbeCommand::Apply(apply)) => &apply.common,
                None => &args.common,
            },
            Command::Geometry(args) => &args.common,
            Command::Lens(args) => &args.common,
            Command::Compare(args) => &args.common,
            Command::Info(args) | Command::Fetch(args) => &args.common,
            Command::Verify(args) => &args.common,
            Command::Models(args) | Command::Doctor(args) => &args.common,
            Command::Completions(args) => &args.common,
        }
    }
}

/// Declares the names of a library's enum as a choice on the command line.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident of $of:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),+ }

        impl From<$name> for $of {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => $of::$variant),+ }
            }
        }
    };
}

choice!(
    MetricName of Metric {
        /// The cosine of the vectors as they are
        Cosine,
        /// After the layer's mean is subtracted
        Centred,
        /// After every dimension is standardised: no few large ones can carry it
        Standardised,
        /// The distance instead
        Euclidean,
    }
);
/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The processor
    Cpu,
    /// The first NVIDIA GPU
    Cuda,
    /// The GPU of a Mac
    Metal,
    /// A GPU where this build and this machine have one, else the processor
    Auto,
}

/// The type of number that a model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeName {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
    /// 16 bits, with the range of 32
    Bf16,
}

choice!(
    FormatName of Format {
        /// Arrays by name
        Safetensors,
        /// The same for numpy
        Npz,
        /// A table: a row a token, a list a layer
        Parquet,
    }
);
choice!(
    ReducerName of Reducer {
        /// The directions of the greatest variance
        Pca,
        /// Near neighbours stay near
        Tsne,
        /// Random directions
        Random,
    }
);
choice!(
    AlignName of Alignment {
        /// One basis for all layers
        Joint,
        /// A map a layer, turned onto the one before
        Procrustes,
        /// A map a layer
        None,
    }
);
choice!(
    LongName of LongText {
        /// An error before anything is computed
        Refuse,
        /// Keep the beginning
        Cut,
        /// Read it in windows that overlap by half
        Window,
    }
);
choice!(
    PoolingName of Pooling {
        /// The first one
        First,
        /// The last one
        Last,
        /// Their mean
        Mean,
        /// The largest value of each dimension
        Max,
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
