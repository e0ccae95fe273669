//! `stratoscope lens`.

use super::{CommonArgs, LongName, ModelArgs, OutputArgs};
use clap::Args as Group;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
The final norm and the head of the model are applied to the states of every layer (logit lens, \
nostalgebraist 2020). A causal model predicts the token after each token. A masked model predicts \
the token at each mask of the text, written as its tokenizer writes it ([MASK], <mask>). A masked \
model reads a text without masks too, but then it sees the tokens that it predicts.

Prints a table: entropy, KL(last layer || this layer), both in nats, and the rank of the true \
token where it is known (1: no token is more probable). The head was trained on the last layer \
only: the predictions of an early layer may look like nonsense although the layer encodes the \
word.

A lens that is fair to early layers reads a map of their states. --fit makes one by least squares on a \
corpus, chooses its ridge on a tenth of the texts, and reports KL on another tenth beside the plain lens; \
--tuned reads through it, or through a tuned lens of others (Belrose et al. 2023); --jacobian through the \
mean Jacobian of the last state by that of a layer.

Writes a folder: report.html, the figure lens (.svg and .png, .json with the chart as data, .csv \
in long form), captions.md, numbers.json (what --json prints) and manifest.json.

Examples:
  stratoscope lens --model openai-community/gpt2 \"The capital of France is\" --target \" Paris\"
  stratoscope lens --model openai-community/gpt2 --fit corpus.txt --save gpt2-lens.safetensors
  stratoscope lens --model openai-community/gpt2 --tuned gpt2-lens.safetensors \"Once upon a time\"
  stratoscope lens --model google-bert/bert-base-uncased \"Paris is the [MASK] of France.\"";

#[derive(Debug, Group)]
pub(crate) struct LensArgs {
    /// The text; `-` reads it from standard input.
    #[arg(required_unless_present = "fit")]
    pub(crate) text: Option<String>,
    /// Read the layers through a Jacobian lens: a PyTorch file with J, source_layers, d_model and
    /// n_prompts. Needs --allow-pickle.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tuned", "fit"])]
    pub(crate) jacobian: Option<PathBuf>,
    /// Read the layers through a tuned lens: a file that --fit wrote, or a PyTorch file with 0.weight,
    /// 0.bias, 1.weight, … (needs --allow-pickle).
    #[arg(long, value_name = "FILE", conflicts_with = "fit")]
    pub(crate) tuned: Option<PathBuf>,
    /// Fit a lens to a corpus, and report how far each layer's prediction is from the model's on other
    /// texts: one text per line, or a .conllu, .jsonl or .parquet file.
    #[arg(long, value_name = "CORPUS", conflicts_with_all = ["text", "target", "perplexity"])]
    pub(crate) fit: Option<PathBuf>,
    /// Keep the lens that --fit makes, for --tuned (.safetensors).
    #[arg(long, value_name = "FILE", requires = "fit")]
    pub(crate) save: Option<PathBuf>,
    /// The key of a .jsonl file, or the column of a .parquet file, that holds the text of --fit.
    #[arg(long, value_name = "NAME", default_value = "text", requires = "fit")]
    pub(crate) field: String,
    /// What --fit does with a text that is longer than the model's positions allow.
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW", requires = "fit")]
    pub(crate) long: LongName,
    /// The number of most probable tokens that are kept for each layer and token.
    #[arg(long, default_value_t = 5, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,
    /// The true token, whose rank is reported at each layer: one for each mask, in order; for a
    /// causal model, the token after the text. Include the space where the vocabulary has it
    /// (" Paris").
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) target: Vec<String>,
    /// Also compute the perplexity of the text; for a masked model its pseudo-perplexity, for which
    /// each token is masked in turn.
    #[arg(long)]
    pub(crate) perplexity: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
